"""Single values as people send them: numbers, moments and identifiers, each understood or None."""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from gateway.core.goods import CURRENCIES

# 40 decimals: databases know up to 38. Longer texts are nobody's number, and cost more than their length.
_PLAIN: Final = re.compile(r"[+-]?(?:[0-9]{1,18}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,3})?")
# Nobody groups a number that begins with zero: there the dot is a decimal one.
_COMMA: Final = re.compile(r"[+-]?(?:(?:[1-9][0-9]{0,2}(?:\.[0-9]{3}){1,5}|[0-9]{1,18})(?:,[0-9]{0,40})?|,[0-9]{1,40})")
_CLOCK: Final = re.compile(r"[0-9]{1,16}(?:\.[0-9]{1,9})?")
# Eight digits that can be a day of ISO 8601's basic format; as seconds they lie in 1970.
_DAY: Final = re.compile(r"(?:19|20)[0-9]{6}")
# What ISO 8601 allows and Python's reader does not: midnight as the end of its day, and a leap second.
_END_OF_DAY: Final = re.compile(r"(.{8,10}[Tt ])24((?::?00){0,2}(?:[.,]0+)?(?:Z|[+-][0-9:]+)?)")
_LEAP_SECOND: Final = re.compile(r"(.{8,10}[Tt ][0-9]{2}(:?)[0-9]{2}\2)60(.*)")
_MAX_MOMENT_CHARS: Final = 64

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
        if _CLOCK.fullmatch(text) and not (len(text) == 8 and _is_day(text)):
            return _of_clock(float(text))
        return _iso_ms(text)
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
    """Return an ISO 4217 code in upper case, or None when the text is none."""
    text = text.strip()
    code = text.upper()
    return code if code in CURRENCIES and text.isascii() else None


def _finite(value: int | float | str) -> float | None:
    try:
        result = float(value)
    except OverflowError:  # an integer beyond 1e308
        return None
    return result if math.isfinite(result) else None


def _is_day(text: str) -> bool:
    if _DAY.fullmatch(text) is None:
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _iso_ms(text: str) -> int | None:
    try:
        moment = _moment(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        milliseconds = round(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
    return milliseconds if milliseconds >= 0 else None


def _moment(text: str) -> datetime:
    """Read ISO 8601 as its readers do, and what the standard allows beyond that."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        if len(text) > _MAX_MOMENT_CHARS:
            raise
    text = text.replace("\N{MINUS SIGN}", "-")
    if text.endswith("z"):
        text = f"{text[:-1]}Z"
    if found := _END_OF_DAY.fullmatch(text):
        return datetime.fromisoformat(f"{found[1]}00{found[2]}") + timedelta(days=1)
    if found := _LEAP_SECOND.fullmatch(text):
        return datetime.fromisoformat(f"{found[1]}59{found[3]}") + timedelta(seconds=1)
    return datetime.fromisoformat(text)
