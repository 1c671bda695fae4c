"""Redis, and what stands in for it for a moment: every promise that must outlive the process is kept here.

Why: an acknowledged event has to be somewhere a crash cannot reach, and two workers must never both own it. All
keys, scripts and lifetimes are in this room, so that the promise can be read in one place.
Never enters: what an event means (`core`), whom it is sent to (`delivery`), how a hit looked (`web`).
"""
