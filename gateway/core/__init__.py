"""The quiet core: what a hit means, whether it may be kept, and what a copy of an act adds to its twin.

No await, no clock, no dice, no socket, no Redis: time and chance arrive as arguments, so every decision can be
repeated in a test. The import contracts in `pyproject.toml` enforce it. Start reading at `intake.py`.
"""
