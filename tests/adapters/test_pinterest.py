"""What Pinterest's answers mean, row by row and as a whole, and where test events go."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from adapters.pinterest import Pinterest
from gateway.core.adapter import Header, Payload, Response, Ruling, Secret
from gateway.core.event import Browser, Event, Person, Wire
from gateway.core.outcome import Skip

PINTEREST = Pinterest(ad_account_id="549", access_token=Secret("tok"), test_events=True)
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
GOOD = {"status": "processed", "error_message": "", "warning_message": "joe@example.com"}
BAD = {"status": "failed", "error_message": "joe@example.com", "warning_message": ""}


def _rulings(body: Any, status: int = 200, count: int = 2) -> list[str]:
    response = Response(status=status, headers={}, body=json.dumps(body).encode())
    return [f"{verdict.ruling} {verdict.reason}" for verdict in PINTEREST.verdicts(response, count)]


def _rows(*rows: Any) -> dict[str, Any]:
    return {"num_events_received": len(rows), "num_events_processed": rows.count(GOOD), "events": list(rows)}


def _payload(**more: Any) -> Payload:
    said = PINTEREST.payload(msgspec.structs.replace(EVENT, **more), "page_visit")
    assert isinstance(said, Payload), said
    return said


# HTTP status, body -> rulings of two rows. Source: Pinterest's OpenAPI description v5.23.0, 2026-11-22.
ANSWERS: list[tuple[int, Any, list[str]]] = [
    (200, _rows(GOOD, GOOD), ["accepted ", "accepted "]),
    (200, _rows(GOOD, BAD), ["accepted ", "rejected failed"]),
    (422, _rows(BAD, GOOD), ["rejected failed", "accepted "]),
    (422, _rows(BAD, BAD), ["rejected failed"] * 2),
    (200, _rows(GOOD), ["retry http_200"] * 2),
    (422, _rows(GOOD), ["split http_422"] * 2),
    (200, _rows(GOOD, {"status": "queued"}), ["retry http_200"] * 2),
    (200, _rows(GOOD, None), ["retry http_200"] * 2),
    (500, _rows(GOOD, GOOD), ["retry http_500"] * 2),
    (400, {"code": 4196, "message": "joe@example.com"}, ["split 4196"] * 2),
    (401, {"code": 2, "message": "Authentication failed."}, ["halt 2"] * 2),
    (403, {"code": 29, "message": "You are not permitted to access that resource."}, ["halt 29"] * 2),
    (429, {"code": 8, "message": "Slow down."}, ["throttled 8"] * 2),
    (503, {"code": 4197, "message": "Busy."}, ["retry 4197"] * 2),
    (400, {"code": 1, "message": "No."}, ["split http_400"] * 2),
    (200, {"code": 2}, ["retry http_200"] * 2),
    (404, {"code": "2"}, ["halt http_404"] * 2),
    (401, None, ["halt http_401"] * 2),
]


@pytest.mark.parametrize(("status", "body", "expected"), ANSWERS)
def test_rows_decide_then_the_code_then_the_status(status: int, body: Any, expected: list[str]) -> None:
    assert _rulings(body, status) == expected


def test_a_throttle_repeats_how_long_to_wait() -> None:
    response = Response(status=429, headers={"retry-after": "30"}, body=b'{"code":8}')

    assert {(one.ruling, one.retry_after_s) for one in PINTEREST.verdicts(response, 2)} == {(Ruling.THROTTLED, 30)}


def test_test_events_are_marked_in_the_address() -> None:
    real, tested = PINTEREST.request([_payload()]), PINTEREST.request([_payload(test=True)])

    assert {real.path, tested.path} == {"/v5/ad_accounts/549/events"}
    assert (real.query, tested.query) == ({}, {"test": "true"})
    assert PINTEREST.auth == Header(name="Authorization", secret=Secret("tok"), prefix="Bearer ")


@pytest.mark.parametrize(
    ("more", "somebody"),
    [
        ({}, True),
        ({"browser": Browser(user_agent="Mozilla/5.0")}, False),
        ({"browser": Browser(), "person": Person(digests={"email": {"plain": DIGEST}})}, True),
        ({"browser": Browser(), "person": Person(digests={"email": {"google": DIGEST}})}, False),
    ],
)
def test_nobody_is_not_sent(more: dict[str, Any], somebody: bool) -> None:
    said = PINTEREST.payload(msgspec.structs.replace(EVENT, **more), "page_visit")

    assert isinstance(said, Payload) if somebody else said is Skip.NO_IDENTIFIER


@pytest.mark.parametrize(
    ("language", "expected"),
    [("de-DE,de;q=0.9", "de"), ("EN", "en"), ("fr;q=0.8", "fr"), ("gsw-CH", None), ("*", None), (None, None)],
)
def test_a_language_has_two_letters(language: str | None, expected: str | None) -> None:
    browser = Browser(ip="203.0.113.7", user_agent="Mozilla/5.0", language=language)

    assert _payload(browser=browser).body.get("language") == expected


def test_a_wrong_account_is_named() -> None:
    with pytest.raises(ValueError, match=r"^ad_account_id: "):
        Pinterest(ad_account_id="my account", access_token=Secret("tok"))
