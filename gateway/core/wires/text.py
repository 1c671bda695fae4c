"""Inbound text made harmless: no lone surrogates, no control characters, no more than what may be kept."""

from __future__ import annotations

import re
from typing import Final

# Spelled so because compilers refuse a surrogate in a text.
_FIRST_SURROGATE: Final = chr(0xD800)
# A header byte above 0x7F arrives as a lone surrogate, and a JSON writer raises at it; a terminal obeys controls.
_HARMFUL: Final = re.compile(rf"[\x00-\x1f\x7f-\x9f{_FIRST_SURROGATE}-{chr(0xDFFF)}]")
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
    return "" if character < _FIRST_SURROGATE else "\N{REPLACEMENT CHARACTER}"
