"""Rows for a script: a number and short ASCII texts each, all in one string.

A script reads all of them by one call of `struct.unpack`, a row as `HBc0Bc0…`; as MessagePack they cost it twice as
much.
"""

from __future__ import annotations

from collections.abc import Sequence


def number(of: int) -> str:
    """Spell the number that a row begins with, up to 65,535."""
    return of.to_bytes(2, "big").decode("latin-1")


def text(of: str) -> str:
    """Spell a text of up to 255 characters behind its length."""
    return chr(len(of)) + of


def packed(rows: Sequence[str]) -> bytes:
    return "".join(rows).encode("latin-1")
