"""What Reddit's answers mean, and that a store has no device."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from adapters.reddit import Reddit
from gateway.core.adapter import Header, Payload, Response, Secret
from gateway.core.event import Browser, Click, Event, Person, Wire
from gateway.core.outcome import Skip

REDDIT = Reddit(pixel_id="a2_x", access_token=Secret("tok"), test_id="t2_y")
EVENT = Event(
    site="shop",
    name="page_view",
    event_id="e-1",
    wires=(Wire.BROWSER,),
    at_ms=1_795_305_600_999,
    received_ms=1_795_305_601_000,
    browser=Browser(ip="203.0.113.7", user_agent="Mozilla/5.0"),
)
DIGEST = "a" * 64
DONE = {"data": {"message": "Successfully processed 2 conversion events."}}
REFUSED = {
    "error": {"code": 400, "message": "There were 1 invalid conversion events. None were processed."},
    "invalid_events": [{"error_message": "joe@example.com"}],
}


def _payload(**more: Any) -> Payload:
    said = REDDIT.payload(msgspec.structs.replace(EVENT, **more), "PAGE_VISIT")
    assert isinstance(said, Payload), said
    return said


# HTTP status, body -> ruling of both rows. Source: Reddit's pages as its senders quote them, 2026-11-22.
ANSWERS: list[tuple[int, Any, str]] = [
    (200, DONE, "accepted "),
    (201, DONE, "accepted "),
    (500, DONE, "retry http_500"),
    (200, {"data": {}}, "retry http_200"),
    (200, {"data": {"message": ""}}, "retry http_200"),
    (200, {"message": "Successfully processed 2 conversion events."}, "retry http_200"),
    (200, {**DONE, "error": {"code": 400}}, "retry http_200"),
    (400, REFUSED, "split http_400"),
    (400, None, "split http_400"),
    (401, {"error": {"code": 401, "message": "UNAUTHORIZED"}}, "halt http_401"),
    (403, {"error": {"code": 403}}, "halt http_403"),
    (429, {"error": {"code": 429}}, "throttled http_429"),
    (500, {"error": {"code": 500}}, "retry http_500"),
]


@pytest.mark.parametrize(("status", "body", "expected"), ANSWERS)
def test_all_are_processed_or_none(status: int, body: Any, expected: str) -> None:
    response = Response(status=status, headers={}, body=json.dumps(body).encode())

    assert [f"{one.ruling} {one.reason}" for one in REDDIT.verdicts(response, 2)] == [expected] * 2


def test_only_test_events_carry_the_test_id() -> None:
    real, tested = REDDIT.request([_payload()]), REDDIT.request([_payload(test=True)])

    assert {real.path, tested.path} == {"/api/v3/pixels/a2_x/conversion_events"}
    assert "test_id" not in real.json["data"]
    assert tested.json["data"]["test_id"] == "t2_y"
    assert REDDIT.auth == Header(name="Authorization", secret=Secret("tok"), prefix="Bearer ")


@pytest.mark.parametrize(
    ("more", "somebody"),
    [
        ({}, True),
        ({"browser": Browser(user_agent="Mozilla/5.0")}, False),
        ({"action_source": "physical_store"}, False),
        ({"action_source": "physical_store", "person": Person(digests={"email": {"folded": DIGEST}})}, True),
        ({"browser": Browser(), "person": Person(digests={"email": {"plain": DIGEST}})}, False),
        ({"browser": Browser(), "clicks": {"rdt_cid": Click(id="31", seen_ms=1)}}, True),
        ({"browser": Browser(), "clicks": {"gclid": Click(id="31", seen_ms=1)}}, False),
    ],
)
def test_nobody_is_not_sent(more: dict[str, Any], somebody: bool) -> None:
    said = REDDIT.payload(msgspec.structs.replace(EVENT, **more), "PAGE_VISIT")

    assert isinstance(said, Payload) if somebody else said is Skip.NO_IDENTIFIER


@pytest.mark.parametrize(
    ("source", "theirs"),
    [("website", "WEBSITE"), ("app", "APP"), ("phone_call", "OTHER"), ("system_generated", "OTHER")],
)
def test_every_source_has_its_word(source: str, theirs: str) -> None:
    assert _payload(action_source=source).body["action_source"] == theirs


@pytest.mark.parametrize("told", ["1677712978045", "not-a-uuid", 7, None])
def test_a_uuid_that_is_none_stays_behind(told: Any) -> None:
    assert "uuid" not in _payload(properties={"rdt_uuid": told}).body["user"]


def test_a_wrong_pixel_is_named() -> None:
    with pytest.raises(ValueError, match=r"^pixel_id: "):
        Reddit(pixel_id="a2 x", access_token=Secret("tok"))
