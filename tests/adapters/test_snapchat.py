"""What Snap's answers mean, where test events go, and who is somebody to it."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from adapters.snapchat import Snapchat
from adapters.snapchat.speak import NAMES
from gateway.core.adapter import Payload, Response, Secret
from gateway.core.event import Browser, Event, Page, Person, Wire
from gateway.core.outcome import Skip

SNAP = Snapchat(pixel_id="p-1", access_token=Secret("tok"), test_events=True)
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


def _rulings(body: Any, status: int = 200, count: int = 3) -> list[str]:
    response = Response(status=status, headers={}, body=json.dumps(body).encode())
    return [f"{verdict.ruling} {verdict.reason}" for verdict in SNAP.verdicts(response, count)]


def _invalid(**more: Any) -> dict[str, Any]:
    return {"status": "INVALID", "errors": {"codes": ["E42"], "error_msgs": ["joe@example.com"]}, **more}


def _payload(**more: Any) -> Payload:
    said = SNAP.payload(msgspec.structs.replace(EVENT, **more), "PAGE_VIEW")
    assert isinstance(said, Payload), said
    return said


# HTTP status, body -> rulings of three rows. Source: Snap's pages and its OpenAPI model, 2026-11-22.
ANSWERS: list[tuple[int, Any, list[str]]] = [
    (200, {"status": "VALID"}, ["accepted "] * 3),
    (202, {"status": "VALID", "reason": "ok"}, ["accepted "] * 3),
    (500, {"status": "VALID"}, ["retry http_500"] * 3),
    (200, _invalid(event=1), ["split E42", "rejected E42", "split E42"]),
    (400, _invalid(event=0), ["rejected E42", "split E42", "split E42"]),
    (200, _invalid(event=9), ["split E42"] * 3),
    (200, _invalid(event=True), ["split E42"] * 3),
    (200, _invalid(), ["split E42"] * 3),
    (400, _invalid(), ["split E42"] * 3),
    (200, {"status": "INVALID"}, ["split INVALID"] * 3),
    (200, {"status": "INVALID", "errors": {"codes": [17]}}, ["split 17"] * 3),
    (200, {"status": "INVALID", "errors": {"codes": ["joe@example.com"]}}, ["split INVALID"] * 3),
    (200, {"status": "SUCCESS"}, ["retry http_200"] * 3),
    (200, {"status": "FAILED"}, ["retry http_200"] * 3),
    (401, _invalid(), ["halt http_401"] * 3),
    (403, _invalid(event=1), ["halt http_403"] * 3),
    (429, _invalid(), ["throttled http_429"] * 3),
    (503, _invalid(event=1), ["retry http_503"] * 3),
    (413, "", ["split http_413"] * 3),
]


@pytest.mark.parametrize(("status", "body", "expected"), ANSWERS)
def test_the_status_in_the_body_decides(status: int, body: Any, expected: list[str]) -> None:
    assert _rulings(body, status) == expected


def test_the_validator_names_every_bad_row() -> None:
    logs = [{"event": 0, "status": "VALID"}, {"event": 2, "status": "INVALID"}, {"event": 1, "status": "INVALID"}]

    assert _rulings({"status": "INVALID", "test_event": True, "event_logs": logs}) == [
        "split INVALID",
        "rejected INVALID",
        "rejected INVALID",
    ]


def test_test_events_go_to_the_validator_and_the_token_to_the_address_alone() -> None:
    real, tested = SNAP.request([_payload()]), SNAP.request([_payload(test=True)])

    assert (real.path, tested.path) == ("/v3/p-1/events", "/v3/p-1/events/validate")
    assert real.query == {"access_token": Secret("tok")}
    assert SNAP.auth is None
    assert "tok" not in repr(real.query["access_token"])


@pytest.mark.parametrize(
    ("more", "somebody"),
    [
        ({}, True),
        ({"browser": Browser(ip="203.0.113.7")}, False),
        ({"browser": Browser(), "person": Person(digests={"phone": {"digits": DIGEST}})}, True),
        ({"browser": Browser(), "person": Person(digests={"phone": {"e164": DIGEST}})}, False),
        ({"browser": Browser(), "person": Person(digests={"external_id": {"trimmed": DIGEST}})}, False),
    ],
)
def test_nobody_is_not_sent(more: dict[str, Any], somebody: bool) -> None:
    said = SNAP.payload(msgspec.structs.replace(EVENT, **more), "PAGE_VIEW")

    assert isinstance(said, Payload) if somebody else said is Skip.NO_IDENTIFIER


@pytest.mark.parametrize("told", ["a b", "<script>", "", 7, "x" * 257])
def test_an_id_of_the_site_that_cannot_be_one_stays_behind(told: Any) -> None:
    assert "sc_cookie1" not in _payload(properties={"sc_cookie1": told}).body["user_data"]


def test_every_name_is_one_of_snaps() -> None:
    assert {SNAP.name(name) for name in NAMES.values() if name} == {name for name in NAMES.values() if name}


def test_a_wrong_pixel_is_named() -> None:
    with pytest.raises(ValueError, match=r"^pixel_id: "):
        Snapchat(pixel_id="p/../1", access_token=Secret("tok"))


def test_a_test_with_a_code_goes_where_real_events_go() -> None:
    snap = Snapchat(pixel_id="p-1", access_token=Secret("tok"), app_id="a-1", test_event_code="T1")
    event = msgspec.structs.replace(EVENT, test=True)

    said = snap.payload(event, "PAGE_VIEW")

    assert isinstance(said, Payload)
    request = snap.request([said])
    assert (request.path, request.json["test_event_code"]) == ("/v3/p-1/events", "T1")


@pytest.mark.parametrize(("test", "path"), [(False, "/v3/a-1/events"), (True, "/v3/a-1/events/validate")])
def test_an_apps_event_goes_to_the_app(test: bool, path: str) -> None:
    snap = Snapchat(pixel_id="p-1", access_token=Secret("tok"), app_id="a-1", test_events=True)
    event = msgspec.structs.replace(EVENT, test=test, action_source="app")

    said = snap.payload(event, "APP_OPEN")

    assert isinstance(said, Payload)
    assert snap.request([said]).path == path


def test_an_app_id_is_written_as_shown() -> None:
    with pytest.raises(ValueError, match="app_id"):
        Snapchat(pixel_id="p-1", access_token=Secret("tok"), app_id="a/1")
