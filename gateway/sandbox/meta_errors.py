"""Meta's error table: the codes that a call about events can come back with, each as Graph words it.

Source: developers.facebook.com/documentation/graph-api (handling errors, rate limiting) and refusals that were seen;
read 2026-11-22. The texts stand for any text: Graph translates them, so nobody may read them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Row:
    status: int
    message: str
    is_transient: bool = False


def _rows(status: int, message: str, *codes: str, is_transient: bool = False) -> dict[str, Row]:
    return {code: Row(status, message, is_transient) for code in codes}


ERRORS: Final[dict[str, Row]] = {
    **_rows(400, "A parameter is not valid", "100", "100/2804001", "100/2804003", "100/2804009", "100/2804010"),
    **_rows(400, "A parameter is not valid", "100/2804016", "100/2804043", "100/2804050", "100/2804063"),
    **_rows(400, "A parameter is not valid", "100/2804066", "100/2804087", "100/2804116", "100/2804118"),
    # Seen in others' logs; what they mean is written nowhere.
    **_rows(400, "A parameter is not valid", "100/2804132", "100/2804007", "100/2804014", "100/2804017"),
    **_rows(400, "A parameter is not valid", "100/2804019", "100/2804048"),
    **_rows(400, "The object does not exist or this token may not use it", "100/33"),
    **_rows(401, "The access token is not valid", "190", "190/460", "190/463"),
    **_rows(403, "The app may not do this", "3", "10", "200", "294"),
    **_rows(400, "The session or its signature is not valid", "102", "104"),
    **_rows(400, "Too many calls", "4", "4/1504022", "4/1504039", "17", "17/2446079", "32", is_transient=True),
    **_rows(400, "Too many calls", "613", "613/1487742", "613/5044001", is_transient=True),
    **_rows(400, "Too many calls", "80000", "80003", "80004", "80014", is_transient=True),
    **_rows(400, "The dataset is not ready", "21009"),
    **_rows(400, "Unknown path components", "2500"),
    **_rows(400, "This version of the API has ended", "2635"),
    **_rows(500, "An unknown error occurred", "1", "2", "341", "368", "5000", "-1", is_transient=True),
}
