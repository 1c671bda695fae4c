"""What Pinterest's answers mean: row by row where it tells of rows, else by its code, else by the HTTP status.

Source: see the table in the package's docstring.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gateway.core.adapter import Response, Ruling, Verdict, by_status

_CODES: Final[Mapping[int, Ruling]] = {
    2: Ruling.HALT,
    8: Ruling.THROTTLED,
    29: Ruling.HALT,
    4196: Ruling.SPLIT,
    4197: Ruling.RETRY,
}


def verdicts(response: Response, count: int) -> list[Verdict]:
    told = response.json()
    if response.status == 404:  # the account's id is in the address: no event's fault
        return [Verdict(ruling=Ruling.HALT, reason="http_404")] * count
    if not isinstance(told, dict):
        return by_status(response, count)
    rows = told.get("events")
    if response.status in (200, 422) and isinstance(rows, list) and len(rows) == count:
        ruled = [_of_row(row) for row in rows]
        return by_status(response, count) if None in ruled else [one for one in ruled if one is not None]
    code = told.get("code")
    if type(code) is int and code in _CODES and response.status >= 400:
        return [Verdict(ruling=_CODES[code], reason=str(code), retry_after_s=response.retry_after_s)] * count
    return by_status(response, count)


def of_probe(verdict: Verdict) -> str | None:
    """Read what became of the made-up visit."""
    match verdict.ruling:
        case Ruling.ACCEPTED:
            return None
        case Ruling.HALT:
            return f"the token is not good for this ad account ({verdict.reason})"
        case _:
            return f"no answer about the token ({verdict.reason})"


def _of_row(row: object) -> Verdict | None:
    """Rule on one row; None for a word that is not Pinterest's. Its messages may repeat what was sent."""
    match row.get("status") if isinstance(row, dict) else None:
        case "processed":
            return Verdict(ruling=Ruling.ACCEPTED)
        case "failed":
            return Verdict(ruling=Ruling.REJECTED, reason="failed")
        case _:
            return None
