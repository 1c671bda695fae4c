"""What TikTok's answers mean. The HTTP status says next to nothing: `code` in the body does.

Source: see the table in the package's docstring.
"""

from __future__ import annotations

import re
from typing import Final

from gateway.core.adapter import Response, Ruling, Verdict, by_status

# How messages name a row: `Batch.3.properties…`, `data[3]`, `data.3.`, `index 3` (integrators).
_ROW: Final = re.compile(r"\b(?:batch\.|data\.|data\[|index )(\d{1,6})\b", re.IGNORECASE)
_TAKEN: Final = 0
_TAKEN_IN_PART: Final = 20001
_HALTED: Final = frozenset({40001, 40007})
_THROTTLED: Final = 40100


def verdicts(response: Response, count: int) -> list[Verdict]:
    code, message = _told(response)
    if code is None:
        return by_status(response, count)
    ruling, lost = _of_code(code), frozenset[int]()
    if ruling is Ruling.ACCEPTED and not 200 <= response.status < 300:
        return by_status(response, count)
    if ruling is Ruling.SPLIT and message.startswith("event_source"):
        ruling = Ruling.HALT  # refused for what we are, not for an event in it
    elif ruling is Ruling.SPLIT or code == _TAKEN_IN_PART:
        lost = frozenset(row for found in _ROW.findall(message) if (row := int(found)) < count)
    reason, wait_s = str(code) if code else "", response.retry_after_s
    if not lost:
        return [Verdict(ruling=ruling, reason=reason, retry_after_s=wait_s)] * count
    return [
        Verdict(ruling=Ruling.REJECTED if row in lost else ruling, reason=reason, retry_after_s=wait_s)
        for row in range(count)
    ]


def of_probe(response: Response) -> str | None:
    """Read the answer to a request without events: refused for its missing events, it passed the door before them."""
    code, message = _told(response)
    if code is None:
        return f"no answer about the token (http_{response.status})"
    if code in _HALTED:
        return f"the token is good, but not for this event source ({code})"
    ruling = _of_code(code)
    if ruling is Ruling.SPLIT and message.startswith("event_source"):
        return f"TikTok does not know this event source ({code})"
    if ruling in (Ruling.ACCEPTED, Ruling.SPLIT):
        return None
    return f"refused ({code})" if ruling is Ruling.HALT else f"no answer about the token ({code})"


def _told(response: Response) -> tuple[int | None, str]:
    told = response.json()
    code = told.get("code") if isinstance(told, dict) else None
    return (code, str(told.get("message"))) if type(code) is int and code >= 0 else (None, "")


def _of_code(code: int) -> Ruling:
    if code in (_TAKEN, _TAKEN_IN_PART):
        return Ruling.ACCEPTED
    if code == _THROTTLED:
        return Ruling.THROTTLED
    if code in _HALTED or 40101 <= code < 40200:
        return Ruling.HALT
    return Ruling.SPLIT if 40000 <= code < 50000 else Ruling.RETRY
