"""What a delivery's field of an act says: one small JSON object, written by the scripts as it stands here."""

from __future__ import annotations

import msgspec


class Fate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where one delivery stands, or how it ended.

    `outcome` is a word of `core/outcome.py`; `reason` the platform's own code or ours, never free text of theirs.
    `attempts` counts verdicts. `maybe_ms`: when the platform may first have taken it without an answer.
    """

    outcome: str
    at_ms: int
    reason: str = ""
    attempts: int = 0
    maybe_ms: int | None = None


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
