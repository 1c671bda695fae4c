"""What a delivery's field of an act says: one small JSON object, written by the scripts as it stands here."""

from __future__ import annotations

import msgspec


class Fate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where one delivery stands, or how it ended.

    `outcome` is a word of `core/outcome.py`; `reason` the platform's own code or ours, never free text of theirs.
    `attempts` counts verdicts. `maybe_ms`: when the platform may first have taken it without an answer, and `sent` a
    digest of what it may have taken.
    `quality`: what was delivered, how well the platform could match it, by our estimate (`core/quality.py`, 0 to 10).
    """

    outcome: str
    at_ms: int
    reason: str = ""
    attempts: int = 0
    maybe_ms: int | None = None
    sent: str | None = None
    quality: float | None = None


_decoder = msgspec.json.Decoder(Fate)


def write(fate: Fate) -> bytes:
    return msgspec.json.encode(fate)


def read(stored: bytes | None) -> Fate | None:
    if not stored:
        return None
    try:
        return _decoder.decode(stored)
    except msgspec.DecodeError:
        return None


def door_counter(site: str, event: str, wire: str) -> str:
    """The counter of what happened at the door, without the status that the script adds."""
    return f"door|{site}|{event}|{wire}|"


def delivery_counter(site: str, event: str, destination: str, outcome: str) -> str:
    return f"delivery|{site}|{event}|{destination}|{outcome}"


def quality_counter(site: str, event: str, destination: str) -> str:
    """The counter of match quality, in tenths, of the deliveries that `delivery_counter` counts as delivered.

    Add `sum` for the sum of the estimates and `often` for how many there were.
    """
    return f"quality|{site}|{event}|{destination}|"


def sealed_counter(site: str, event: str) -> str:
    """The counter of acts that were sealed: each was accepted once, and is in the hold until then."""
    return f"sealed|{site}|{event}|-|sealed"


def owed_counter(site: str, event: str, destination: str) -> str:
    """The counter of what a destination has to have an outcome for, sooner or later."""
    return f"owed|{site}|{event}|{destination}|owed"
