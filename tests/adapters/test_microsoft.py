"""What Microsoft's answers mean, row by row, and which events are page loads."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from adapters.microsoft import Microsoft
from gateway.core.adapter import Header, Payload, Response, Secret
from gateway.core.event import Browser, Click, Event, Page, Person, Wire
from gateway.core.outcome import Skip

MICROSOFT = Microsoft(tag_id="187", access_token=Secret("tok"))
EVENT = Event(
    site="shop",
    name="page_view",
    event_id="e-1",
    wires=(Wire.BROWSER,),
    at_ms=1_795_305_600_999,
    received_ms=1_795_305_601_000,
    page=Page(location="https://shop.example/"),
    browser=Browser(ip="203.0.113.7", user_agent="Mozilla/5.0"),
)
DIGEST = "a" * 64


def _refused(*details: Any, code: Any = "ValidationError", **more: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": "joe@example.com", "details": list(details)}, "traceId": "t", **more}


def _row(index: Any, **more: Any) -> dict[str, Any]:
    return {"index": index, "propertyName": "em", "attemptedValue": "joe@example.com", "errorMessage": "no", **more}


# HTTP status, body -> rulings of three rows. Source: Microsoft Learn and integrators, 2026-11-22.
ANSWERS: list[tuple[int, Any, list[str]]] = [
    (200, {"eventsReceived": 3, "traceId": "t"}, ["accepted "] * 3),
    (202, {"eventsReceived": 3}, ["accepted "] * 3),
    (500, {"eventsReceived": 3}, ["retry http_500"] * 3),
    (200, _refused(_row(1), eventsReceived=3), ["accepted ", "rejected ValidationError", "accepted "]),
    (200, _refused(_row(1), eventsReceived=2), ["accepted ", "rejected ValidationError", "accepted "]),
    (200, _refused(_row(1, isWarning=True), eventsReceived=3), ["accepted "] * 3),
    (
        200,
        _refused(_row(1), eventsReceived=1),
        ["split received_1_of_3", "rejected ValidationError", "split received_1_of_3"],
    ),
    (200, {"eventsReceived": 2}, ["split received_2_of_3"] * 3),
    (200, {"eventsReceived": 4}, ["retry http_200"] * 3),
    (200, {"eventsReceived": True}, ["retry http_200"] * 3),
    (200, {}, ["retry http_200"] * 3),
    (
        400,
        _refused(_row(0), _row(2)),
        ["rejected ValidationError", "split ValidationError", "rejected ValidationError"],
    ),
    (400, _refused(_row(0), code="joe@example.com"), ["rejected refused", "split ", "split "]),
    (400, _refused(_row(9)), ["split http_400"] * 3),
    (400, _refused(_row("0"), None), ["split http_400"] * 3),
    (400, _refused(_row(0, isWarning=True)), ["split http_400"] * 3),
    (401, _refused(code="Unauthorized"), ["halt http_401"] * 3),
    (403, None, ["halt http_403"] * 3),
    (429, None, ["throttled http_429"] * 3),
    (503, _refused(_row(0)), ["retry http_503"] * 3),
]


@pytest.mark.parametrize(("status", "body", "expected"), ANSWERS)
def test_named_rows_are_lost_and_the_others_are_in(status: int, body: Any, expected: list[str]) -> None:
    response = Response(status=status, headers={}, body=json.dumps(body).encode())

    assert [f"{one.ruling} {one.reason}" for one in MICROSOFT.verdicts(response, 3)] == expected


def test_one_bad_row_never_keeps_the_others_out() -> None:
    said = MICROSOFT.payload(EVENT, "pageLoad")
    assert isinstance(said, Payload)

    request = MICROSOFT.request([said, said])

    assert request.path == "/v1/187/events"
    assert request.json == {"data": [said.body, said.body], "dataProvider": "tagway", "continueOnValidationError": True}
    assert MICROSOFT.auth == Header(name="Authorization", secret=Secret("tok"), prefix="Bearer ")


@pytest.mark.parametrize(
    ("more", "somebody"),
    [
        ({}, True),
        ({"browser": Browser(user_agent="Mozilla/5.0")}, False),
        ({"browser": Browser(ip="203.0.113.7")}, False),
        ({"browser": Browser(), "clicks": {"msclkid": Click(id="d" * 32, seen_ms=1)}}, True),
        ({"browser": Browser(), "person": Person(digests={"email": {"folded": DIGEST}})}, True),
        ({"browser": Browser(), "person": Person(digests={"email": {"plain": DIGEST}})}, False),
    ],
)
def test_nobody_is_not_sent(more: dict[str, Any], somebody: bool) -> None:
    said = MICROSOFT.payload(msgspec.structs.replace(EVENT, **more), "pageLoad")

    assert isinstance(said, Payload) if somebody else said is Skip.NO_IDENTIFIER


def test_there_is_no_test_mode() -> None:
    assert MICROSOFT.payload(msgspec.structs.replace(EVENT, test=True), "pageLoad") is Skip.TEST


def test_a_wrong_tag_is_named() -> None:
    with pytest.raises(ValueError, match=r"^tag_id: "):
        Microsoft(tag_id="UET-1", access_token=Secret("tok"))
