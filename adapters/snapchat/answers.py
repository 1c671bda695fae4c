"""What Snap's answers mean: `status` in the body decides, for a refusal can stand inside a 200.

Source: see the table in the package's docstring.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from gateway.core.adapter import AUTH_STATUSES, Response, Ruling, Verdict, by_status

_CODE: Final = re.compile(r"[A-Z][A-Z0-9_]{0,39}")


def verdicts(response: Response, count: int) -> list[Verdict]:
    told = response.json()
    status = told.get("status") if isinstance(told, dict) else None
    if status == "VALID" and 200 <= response.status < 300:
        return [Verdict(ruling=Ruling.ACCEPTED)] * count
    if status != "INVALID" or response.status not in (200, 400):
        return _by_status(response, count)
    lost, reason = _rows(told), _reason(told)
    return [Verdict(ruling=Ruling.REJECTED if row in lost else Ruling.SPLIT, reason=reason) for row in range(count)]


def of_probe(response: Response) -> str | None:
    """Read the answer to a question about the pixel's statistics."""
    told = response.json()
    status = told.get("status") if isinstance(told, dict) else None
    if response.status == 200 and status == "SUCCESS":
        return None
    if response.status in (*AUTH_STATUSES, 404) or (response.status < 500 and status in ("FAILURE", "INVALID")):
        return f"the token is not good for this pixel (http_{response.status})"
    return f"no answer about the token (http_{response.status})"


def _by_status(response: Response, count: int) -> list[Verdict]:
    """Rule by the HTTP status; an address that is not there (the pixel's id is in it) is no event's fault."""
    if response.status == 404:
        return [Verdict(ruling=Ruling.HALT, reason="http_404")] * count
    return by_status(response, count)


def _rows(told: Mapping[str, Any]) -> frozenset[int]:
    """Return the rows that Snap names: one `event`, or the validator's list of them."""
    logs = told.get("event_logs")
    named = [
        told.get("event"),
        *(
            log.get("event")
            for log in (logs if isinstance(logs, list) else ())
            if isinstance(log, dict) and log.get("status") == "INVALID"
        ),
    ]
    return frozenset(row for row in named if type(row) is int)


def _reason(told: Mapping[str, Any]) -> str:
    """Return the first code. The messages beside it may repeat what was sent."""
    errors = told.get("errors")
    codes = errors.get("codes") if isinstance(errors, dict) else None
    first = codes[0] if isinstance(codes, list) and codes else None
    if type(first) is int:
        return str(first)
    return first if isinstance(first, str) and _CODE.fullmatch(first) else "INVALID"
