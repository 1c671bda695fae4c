"""How much of its allowance Meta says is used up, and how long to rest for it.

The figures are percentages of an allowance that Meta does not tell; at 100 it refuses. Slowing down before costs
seconds, being shut out costs up to an hour.
Source: Meta, Graph API, "Rate Limiting", read 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import orjson

_APP: Final = "x-app-usage"
_ACCOUNT: Final = "x-ad-account-usage"
_USE_CASE: Final = "x-business-use-case-usage"
_SHARES: Final = ("call_count", "total_cputime", "total_time", "acc_id_util_pct")
# Event calls count as the Marketing API's; what an app reads of insights or pages is another allowance.
_OURS: Final = "ads_management"
_BUSY, _BUSY_REST_S = 80, 5  # from here on at most a request every 5 s
_CLOSE, _CLOSE_REST_S = 95, 60
_FULL: Final = 100


class Usage(NamedTuple):
    """The fullest allowance in whole per cent, and the seconds to rest before the next request (None: go on)."""

    percent: int
    rest_s: int | None


def usage(headers: Mapping[str, str]) -> Usage | None:
    """Read Meta's usage headers; None where there are none. Never raises."""
    percent, regain_s = -1.0, 0.0
    for told in _allowances(headers):
        percent = max(percent, *(_figure(told.get(name)) for name in _SHARES))
        regain_s = max(regain_s, 60 * _figure(told.get("estimated_time_to_regain_access")))  # minutes
        if _figure(told.get("acc_id_util_pct")) >= _FULL:
            regain_s = max(regain_s, _figure(told.get("reset_time_duration")))  # seconds
    if percent < 0 and regain_s <= 0:
        return None
    return Usage(int(max(percent, 0)), _rest_s(percent, regain_s))


def _rest_s(percent: float, regain_s: float) -> int | None:
    if regain_s > 0:
        return int(regain_s)
    if percent >= _CLOSE:
        return _CLOSE_REST_S
    return _BUSY_REST_S if percent >= _BUSY else None


def _allowances(headers: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
    for name in (_APP, _ACCOUNT):
        told = _parsed(headers.get(name))
        if isinstance(told, dict):
            yield told
    cases = _parsed(headers.get(_USE_CASE))
    for entries in cases.values() if isinstance(cases, dict) else ():
        for told in entries if isinstance(entries, list) else ():
            if isinstance(told, dict) and told.get("type", _OURS) == _OURS:
                yield told


def _parsed(text: str | None) -> Any:
    try:
        return orjson.loads(text or "null")
    except orjson.JSONDecodeError:
        return None


def _figure(value: Any) -> float:
    """Return a figure that can be one, else -1."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e6 else -1
