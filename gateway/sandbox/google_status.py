"""What the Data Manager API tells of a request after it took it: nothing while it works, then counts and reasons.

Source: developers.google.com/data-manager/api/reference/rest/v1/requestStatus/retrieve (v1.9, which names the records)
and …/devguides/limits, read 2026-11-22.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Final

from gateway.sandbox.call import Object

# Statuses are kept for about fifty days.
KEPT_S: Final = 50 * 86_400
# Requests a minute for each Cloud project, writes and reads counted apart.
A_MINUTE: Final = 300
_MINUTE_S: Final = 60
_MAX_STATUSES: Final = 1_000


@dataclass(frozen=True, slots=True)
class Late:
    """What is known of one event at one destination once it has been processed.

    Shape:   `row` is its place in the request; `reason` None means that it was used.
    """

    destination: Object
    row: int
    reason: str | None


class Statuses:
    """Remember what became of each request, and since when it can be told.

    Units:   seconds; `processing_s` is how long a request is worked on.
    """

    def __init__(self, processing_s: float) -> None:
        self._processing_s = processing_s
        self._known: OrderedDict[str, tuple[float, tuple[Late, ...]]] = OrderedDict()

    def keep(self, request_id: str, late: tuple[Late, ...], now_s: float) -> None:
        """Remember a request that was taken."""
        self._known[request_id] = (now_s, late)
        if len(self._known) > _MAX_STATUSES:
            self._known.popitem(last=False)

    def told(self, request_id: str, now_s: float) -> Object | str:
        """Tell of a request, or give the reason why nothing can be told."""
        if request_id not in self._known:
            return "INVALID_REQUEST_ID"
        taken_s, late = self._known[request_id]
        if now_s - taken_s > KEPT_S:
            return "REQUEST_TOO_OLD"
        by_place: dict[int, list[Late]] = {}
        for one in late:
            by_place.setdefault(id(one.destination), []).append(one)
        is_over = now_s - taken_s >= self._processing_s
        return {"requestStatusPerDestination": [_line(group, is_over=is_over) for group in by_place.values()]}


def _line(group: list[Late], *, is_over: bool) -> Object:
    if not is_over:
        return {"destination": group[0].destination, "requestStatus": "PROCESSING"}
    rows: dict[str, list[int]] = {}
    for one in group:
        if one.reason is not None:
            rows.setdefault(one.reason, []).append(one.row)
    lost = sum(map(len, rows.values()))
    line: Object = {
        "destination": group[0].destination,
        "requestStatus": "SUCCESS" if not lost else "FAILED" if lost == len(group) else "PARTIAL_SUCCESS",
        "eventsIngestionStatus": {"recordCount": str(len(group))},
    }
    if rows:
        line["errorInfo"] = {
            "errorCounts": [
                {"recordCount": str(len(places)), "reason": reason, "recordIndices": places}
                for reason, places in rows.items()
            ]
        }
    return line


class Quota:
    """Count calls over the last minute."""

    def __init__(self) -> None:
        self._calls: deque[float] = deque()

    def spent(self, now_s: float) -> bool:
        """Count one call; true where it is one too many. A call that is refused is not counted."""
        while self._calls and now_s - self._calls[0] >= _MINUTE_S:
            self._calls.popleft()
        if len(self._calls) >= A_MINUTE:
            return True
        self._calls.append(now_s)
        return False
