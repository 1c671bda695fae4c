"""How long Meta answers a version of its API, which the Conversions API shares with the Marketing API.

Source: Meta, Marketing API, "Versions" and "Versioning", read 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Final

NEWEST: Final = "v26.0"
_RELEASED: Final[Mapping[str, date]] = {
    "v24.0": date(2025, 10, 8),
    "v25.0": date(2026, 2, 18),
    "v26.0": date(2026, 7, 29),
}
_ENDED: Final[Mapping[str, date]] = {"v24.0": date(2026, 10, 6)}
# v18 to v24 lived 336 to 394 days. Until Meta names a date the shortest of them is the one to be ready for.
_SHORTEST: Final = timedelta(days=336)
_SOON: Final = timedelta(days=90)


def ending(version: str, now_ms: int) -> str | None:
    """Say that a version has ended or may end within 90 days; None while there is time, or for one we do not know."""
    today = datetime.fromtimestamp(now_ms / 1000, UTC).date()
    if _number(version) < min(_number(known) for known in _RELEASED):
        return f"Meta answers {version} no more"
    if version in _ENDED and today >= _ENDED[version]:
        return f"Meta ended {version} on {_ENDED[version]}"
    if version not in _RELEASED:
        return None
    ends = _ENDED.get(version)
    if ends is None:
        ends = _RELEASED[version] + _SHORTEST
        words = f"Meta has named no date for the end of {version}; by the shortest life so far it is {ends}"
    else:
        words = f"Meta ends {version} on {ends}"
    return words if today >= ends - _SOON else None


def _number(version: str) -> float:
    return float(version.removeprefix("v"))
