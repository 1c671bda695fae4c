"""What Google finds out after it took a request, and what is worth sending again because of it.

| it says                                                       | we                                                   |
|---------------------------------------------------------------|------------------------------------------------------|
| `PROCESSING`, or nothing yet                                  | ask again: after 30 minutes, then up to an hour      |
| `SUCCESS`, and of single events `DUPLICATE_…`, `CLICK_NOT_…`  | write it down                                        |
| `TOO_RECENT_CLICK`                                            | send those events again after 6 hours, three times   |
| `INTERNAL_ERROR`                                              | send those events again after an hour                |
| any other code                                                | write it down: the event will never be of use        |
| `REQUEST_TOO_OLD`, `INVALID_REQUEST_ID`                       | write it down, and stop asking                       |

Events go again under their transaction id, so one that was counted after all is restated with the same value.

Source: developers.google.com/data-manager/api/reference/rest/v1/requestStatus/retrieve and
…/devguides/diagnostics, read 2026-11-22. The six hours stand in the Google Ads API's description of the same fault
(ConversionUploadError.TOO_RECENT_EVENT); here Google names the fault and no figure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from gateway.core.adapter import Followed, Response
from gateway.core.event import Event

TOO_RECENT: Final = "TOO_RECENT_CLICK"
TOO_RECENT_S: Final = 6 * 3600
_BROKEN: Final = "INTERNAL_ERROR"
_AGAIN: Final[Mapping[str, int]] = {TOO_RECENT: TOO_RECENT_S, _BROKEN: 3600}
# Ids of one click, with the moment in which it was seen.
CLICKS: Final = ("gclid", "gbraid", "wbraid", "gad")
_ENDED: Final = frozenset({"SUCCESS", "PARTIAL_SUCCESS", "FAILED", "FAILURE"})
# The request is known no more, or never was: no later question brings another answer.
_UNKNOWN: Final = frozenset({"INVALID_REQUEST_ID", "REQUEST_TOO_OLD"})
_PREFIX: Final = re.compile(r"PROCESSING_(?:ERROR|WARNING)_(?:REASON_)?")
_CODE: Final = re.compile(r"[A-Z][A-Z0-9_]{1,79}")
_MAX_EVENTS: Final = 2000


def receipt(response: Response, *, validate_only: bool) -> str | None:
    """Return the request's id; of a request that was only checked Google keeps nothing."""
    told = response.json()
    if validate_only or response.status != 200 or not isinstance(told, dict):
        return None
    name = told.get("requestId")
    # It becomes a part of a key and of a query.
    return name if isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9_-]{1,128}", name) else None


def followed(response: Response) -> Followed | None:
    """Read the status of a request, over all its destinations; None: this says nothing of it.

    Shape:  a code comes without Google's prefix. SUCCESS counts the events that no code is about.
    """
    told = response.json()
    if not isinstance(told, dict):
        return None
    if response.status != 200:
        known = next((code for code in _reasons(told) if code in _UNKNOWN), None)
        return None if known is None else Followed(is_final=True, status=known)
    places = [one for one in _list(told.get("requestStatusPerDestination")) if isinstance(one, dict)]
    words = {str(one.get("requestStatus")) for one in places}
    if not words or not words <= _ENDED:
        return Followed(is_final=False, status="PROCESSING")
    counts: dict[str, int] = {}
    rows: dict[int, str] = {}
    for place in places:
        for code, often in _counts(place, rows):
            counts[code] = counts.get(code, 0) + often
    again = {code: wait_s for code, wait_s in _AGAIN.items() if code in counts}
    return Followed(is_final=True, status=_joined(words), counts=counts, rows=rows, again=again)


def concerns(event: Event, code: str, sent_ms: int) -> bool:
    """Say whether this code may be about this event: of a click that was too fresh, only events with one."""
    if code != TOO_RECENT:
        return True
    return any(sent_ms - event.clicks[name].seen_ms < TOO_RECENT_S * 1_000 for name in CLICKS if name in event.clicks)


def _counts(place: Mapping[str, Any], rows: dict[int, str]) -> Iterator[tuple[str, int]]:
    """Yield each code of one destination with its count; where Google names the records, put them into `rows`."""
    faulty = 0
    for one in _list(_object(place.get("errorInfo")).get("errorCounts")):
        code, often = _code(_object(one).get("reason")), _whole(_object(one).get("recordCount"))
        if code:
            faulty += often
            yield code, often
            for row in map(_whole, _list(_object(one).get("recordIndices"))):
                if row < _MAX_EVENTS:
                    rows[row] = code
    taken = _whole(_object(place.get("eventsIngestionStatus")).get("recordCount")) - faulty
    if taken > 0:
        yield "SUCCESS", taken


def _joined(words: set[str]) -> str:
    if words == {"SUCCESS"}:
        return "SUCCESS"
    return "FAILED" if words <= {"FAILED", "FAILURE"} else "PARTIAL_SUCCESS"


def _reasons(told: Mapping[str, Any]) -> Iterator[str]:
    for detail in _list(_object(told.get("error")).get("details")):
        yield str(_object(detail).get("reason"))
        for one in _list(_object(detail).get("fieldViolations")):
            yield str(_object(one).get("reason"))


def _code(told: Any) -> str:
    code = _PREFIX.sub("", told, count=1) if isinstance(told, str) else ""
    return code if _CODE.fullmatch(code) else ""


def _whole(told: Any) -> int:
    """Read a count: protocol buffers spell 64-bit numbers as text."""
    return int(told) if isinstance(told, int | str) and re.fullmatch(r"[0-9]{1,9}", str(told)) else 0


def _object(told: Any) -> Mapping[str, Any]:
    return told if isinstance(told, dict) else {}


def _list(told: Any) -> list[Any]:
    return told if isinstance(told, list) else []
