"""Inbound text made harmless: no lone surrogates, no control characters, no more than what may be kept."""

from __future__ import annotations

import re
from typing import Final

# A header byte above 0x7F arrives as a lone surrogate, and a JSON writer raises at it; a terminal obeys controls.
_HARMFUL: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_BLANKS: Final = frozenset("\t\n\r")


def scrub(text: str) -> str:
    """Return the text without surrogates (U+FFFD instead) and control characters (a line break becomes a space)."""
    if text.isprintable():
        return text
    return _HARMFUL.sub(_replace, text)


def _replace(match: re.Match[str]) -> str:
    character = match.group()
    if character in _BLANKS:
        return " "
    return "" if character < "\ud800" else "\N{REPLACEMENT CHARACTER}"
