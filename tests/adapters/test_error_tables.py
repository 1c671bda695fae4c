"""What we do about every row of the platforms' error tables, as the emulators answer them.

The tables on the right are written from the platforms' documents (docs/platforms), not from the adapters.
"""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from gateway.core.adapter import Adapter, Response
from gateway.sandbox.call import Catalogued, Ruled
from gateway.sandbox.linkedin import LinkedIn
from gateway.sandbox.microsoft import Microsoft
from gateway.sandbox.pinterest import Pinterest
from gateway.sandbox.reddit import Reddit
from gateway.sandbox.snap import Snap
from gateway.sandbox.terms import Terms
from gateway.sandbox.tiktok import TikTok
from gateway.sandbox.x import X
from tests.adapters.all import ALL

EMULATORS: dict[str, Any] = {
    "tiktok": TikTok,
    "snapchat": Snap,
    "pinterest": Pinterest,
    "microsoft": Microsoft,
    "reddit": Reddit,
    "linkedin": LinkedIn,
    "x": X,
}
# What becomes of the three events of a request. `row 1`: its second event is named where the platform can.
WHOLE: dict[str, dict[str, str]] = {
    "tiktok": {
        **dict.fromkeys(("40001", "40007", "40101", "40104", "40105", "40110"), "halt"),
        "40002": "split",
        **dict.fromkeys(("40100", "40100/401"), "throttled"),
        **dict.fromkeys(("50000", "50002", "51010"), "retry"),
    },
    "snapchat": {
        **dict.fromkeys(("INVALID", "400"), "split"),
        **dict.fromkeys(("401", "403"), "halt"),
        "429": "throttled",
        **dict.fromkeys(("500", "503"), "retry"),
    },
    "pinterest": {"4196": "split", "2": "halt", "29": "halt", "8": "throttled", "4197": "retry"},
    "microsoft": {
        "ValidationError": "split",
        **dict.fromkeys(("Unauthorized", "Forbidden", "NotFound"), "halt"),
        "TooManyRequests": "throttled",
        **dict.fromkeys(("InternalError", "ServiceUnavailable"), "retry"),
    },
    "reddit": {
        "BAD_REQUEST": "split",
        **dict.fromkeys(("UNAUTHORIZED", "FORBIDDEN", "NOT_FOUND"), "halt"),
        "TOO_MANY_REQUESTS": "throttled",
        **dict.fromkeys(("SERVER_ERROR", "SERVICE_UNAVAILABLE"), "retry"),
    },
    "linkedin": {
        **dict.fromkeys(("ILLEGAL_ARGUMENT", "VERSION_MISSING", "UNPROCESSABLE_ENTITY"), "split"),
        **dict.fromkeys(("EMPTY_ACCESS_TOKEN", "INVALID_ACCESS_TOKEN", "EXPIRED_ACCESS_TOKEN"), "halt"),
        **dict.fromkeys(("REVOKED_ACCESS_TOKEN", "ACCESS_DENIED", "RESOURCE_NOT_FOUND", "NONEXISTENT_VERSION"), "halt"),
        "TOO_MANY_REQUESTS": "throttled",
        **dict.fromkeys(("INTERNAL_SERVER_ERROR", "GATEWAY_TIMEOUT"), "retry"),
    },
    "x": {
        **dict.fromkeys(
            ("INVALID_PARAMETER", "MISSING_PARAMETER", "ILLEGAL_CHARACTERS", "REQUEST_TOO_COMPLEX"), "split"
        ),
        **dict.fromkeys(("UNAUTHORIZED_ACCESS", "UNAUTHORIZED_CLIENT_APPLICATION", "ACTION_NOT_ALLOWED"), "halt"),
        **dict.fromkeys(("READONLY_CLIENT_APPLICATION", "ACCOUNT_NOT_FOUND", "ACCOUNT_LOCKED_OUT"), "halt"),
        **dict.fromkeys(("USER_NOT_FOUND", "CURRENT_USER_SUSPENDED", "METHOD_NOT_ALLOWED"), "halt"),
        **dict.fromkeys(("NOT_FOUND", "ROUTE_NOT_FOUND", "WEB_EVENT_TAG_NOT_FOUND"), "halt"),
        **dict.fromkeys(("CANCELLED_REQUEST", "LOCK_ACQUISITION_TIMEOUT"), "retry"),
        "TOO_MANY_REQUESTS": "throttled",
        **dict.fromkeys(("INTERNAL_ERROR", "SERVICE_UNAVAILABLE", "OVER_CAPACITY"), "retry"),
    },
}
NAMED = [
    ("tiktok", "40002"),
    ("snapchat", "INVALID"),
    ("snapchat", "400"),
    ("microsoft", "ValidationError"),
    ("linkedin", "UNPROCESSABLE_ENTITY"),
    ("linkedin", "ILLEGAL_ARGUMENT"),
    ("x", "INVALID_PARAMETER"),
    ("x", "MISSING_PARAMETER"),
]
ADAPTERS: dict[str, Adapter] = {entry.name: entry.adapter for entry in ALL}


def _emulator(name: str) -> Catalogued:
    emulator = EMULATORS[name](Terms())
    assert isinstance(emulator, Catalogued)
    return emulator


def _rulings(name: str, ruled: Ruled) -> list[str]:
    response = Response(status=ruled.status, headers={}, body=orjson.dumps(ruled.body))
    return [verdict.ruling.value for verdict in ADAPTERS[name].verdicts(response, 3)]


@pytest.mark.parametrize("name", WHOLE)
def test_every_row_of_the_table_has_its_ruling(name: str) -> None:
    emulator = _emulator(name)

    ruled = {code: _rulings(name, emulator.error(code, None)) for code in emulator.errors()}

    assert ruled == {code: [ruling] * 3 for code, ruling in WHOLE[name].items()}


@pytest.mark.parametrize(("name", "code"), NAMED)
def test_an_event_that_is_named_is_lost_alone(name: str, code: str) -> None:
    assert _rulings(name, _emulator(name).error(code, 1)) == ["split", "rejected", "split"]


@pytest.mark.parametrize(("name", "code"), [("reddit", "BAD_REQUEST"), ("pinterest", "4196")])
def test_where_no_event_is_named_in_a_documented_way_halves_are_sent(name: str, code: str) -> None:
    assert _rulings(name, _emulator(name).error(code, 1)) == ["split"] * 3
