"""Single values as people send them: numbers, moments and identifiers, each understood or None."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Any, Final

_PLAIN: Final = re.compile(r"[+-]?[0-9]{1,18}(?:\.[0-9]{1,18})?(?:[eE][+-]?[0-9]{1,3})?")
_COMMA: Final = re.compile(r"[+-]?(?:[0-9]{1,3}(?:\.[0-9]{3})+|[0-9]{1,18})(?:,[0-9]{1,18})?")
_CLOCK: Final = re.compile(r"[0-9]{1,16}(?:\.[0-9]{1,9})?")

# 1e11 seconds lie in the year 5138 and 1e11 milliseconds in 1973, so no moment of ours is ambiguous. The same
# step again tells microseconds, GA4's `timestamp_micros`.
_MILLISECONDS: Final = 1e11
_MICROSECONDS: Final = 1e14


def number(value: Any, *, decimal_comma: bool) -> float | None:
    """Read a finite number, written as one or as text; None for anything else (booleans, NaN, infinities too)."""
    if isinstance(value, str):
        text = value.strip()
        if decimal_comma and _COMMA.fullmatch(text):
            return _finite(text.replace(".", "").replace(",", "."))
        return _finite(text) if _PLAIN.fullmatch(text) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return _finite(value)


def moment_ms(value: Any) -> int | None:
    """Read Unix seconds (milliseconds and microseconds are recognised) or ISO 8601 (UTC where it names no zone)."""
    if isinstance(value, str):
        text = value.strip()
        return _of_clock(float(text)) if _CLOCK.fullmatch(text) else _iso_ms(text)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    clock = _finite(value)
    return None if clock is None or clock < 0 else _of_clock(clock)


def corrected(said_ms: int, sent_ms: int | None, now_ms: int) -> int:
    """Return a sender's moment by our clock, never in the future; `sent_ms` is what his own said when he sent."""
    at_ms = said_ms if sent_ms is None else said_ms - (sent_ms - now_ms)
    # Compared by hand: `max` and `min` together take 2,500 instructions.
    return now_ms if at_ms > now_ms else max(at_ms, 0)


def _of_clock(clock: float) -> int:
    if clock < _MILLISECONDS:
        return round(clock * 1000)
    return round(clock if clock < _MICROSECONDS else clock / 1000)


def currency(text: str) -> str | None:
    """Return an ISO 4217 code in upper case, or None when the text cannot be one."""
    text = text.strip()
    return text.upper() if len(text) == 3 and text.isascii() and text.isalpha() else None


def _finite(value: int | float | str) -> float | None:
    try:
        result = float(value)
    except OverflowError:  # an integer beyond 1e308
        return None
    return result if math.isfinite(result) else None


def _iso_ms(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        milliseconds = round(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
    return milliseconds if milliseconds >= 0 else None
