"""What X's answers mean, its two ways to authenticate, and whom it knows."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from adapters.x import KINDS, Credentials, X
from gateway.core.adapter import Header, OAuth1, Payload, Response, Secret
from gateway.core.event import Browser, Event, Person, Purpose, Wire

PIXEL = X(pixel_id="o1abc", conversions={"purchase": "tw-o1abc-o2def"}, pixel_token=Secret("tok"))
EVENT = Event(
    site="shop",
    name="purchase",
    event_id="e-1",
    wires=(Wire.BROWSER,),
    at_ms=1_795_305_600_999,
    received_ms=1_795_305_601_000,
    browser=Browser(ip="203.0.113.7", user_agent="Mozilla/5.0"),
    person=Person(digests={"email": {"plain": "a" * 64}}),
)


def _rulings(status: int, body: Any, count: int = 2) -> list[str]:
    response = Response(status=status, headers={}, body=json.dumps(body).encode())
    return [f"{verdict.ruling} {verdict.reason}" for verdict in PIXEL.verdicts(response, count)]


def _errors(*told: dict[str, Any]) -> dict[str, Any]:
    return {"errors": list(told), "request": {"params": {}}}


# --- answers ---------------------------------------------------------------------------------------

# Source: X's pages on web conversions and on error codes of the Ads API, read 2026-11-22.
ERRORS = [
    (400, "INVALID_PARAMETER", "split INVALID_PARAMETER"),
    (400, None, "split http_400"),
    (400, "joe@example.com", "split http_400"),
    (401, "UNAUTHORIZED_ACCESS", "halt UNAUTHORIZED_ACCESS"),
    (403, "FORBIDDEN", "halt FORBIDDEN"),
    (404, "NOT_FOUND", "halt NOT_FOUND"),
    (422, None, "split http_422"),
    (429, "TOO_MANY_REQUESTS", "throttled TOO_MANY_REQUESTS"),
    (500, "INTERNAL_ERROR", "retry INTERNAL_ERROR"),
    (503, "SERVICE_UNAVAILABLE", "retry SERVICE_UNAVAILABLE"),
]


@pytest.mark.parametrize(("status", "code", "expected"), ERRORS)
def test_a_refusal_is_ruled_by_its_status_and_named_by_its_code(status: int, code: str | None, expected: str) -> None:
    assert [expected] * 2 == _rulings(status, _errors({"code": code, "message": "joe@example.com"}))


def test_a_named_row_is_rejected_and_the_others_are_free_to_go_at_once() -> None:
    told = _errors({"code": "INVALID", "parameter": "conversions[1].conversion_time", "message": "…"})

    assert _rulings(400, told, 3) == ["split INVALID", "rejected INVALID", "split INVALID"]


@pytest.mark.parametrize("parameter", ["conversions[9].value", "conversion_time", "conversions", None, 1])
def test_a_row_that_is_not_there_rejects_nobody(parameter: Any) -> None:
    assert ["split INVALID"] * 2 == _rulings(400, _errors({"code": "INVALID", "parameter": parameter}))


@pytest.mark.parametrize(
    ("taken", "expected"),
    [
        (2, "accepted "),
        (1, "split processed_1_of_2"),
        (0, "split processed_0_of_2"),
        (3, "retry http_200"),
        (-1, "retry http_200"),
        (True, "retry http_200"),
        ("2", "retry http_200"),
        (None, "retry http_200"),
    ],
)
def test_only_the_whole_count_is_a_confirmation(taken: Any, expected: str) -> None:
    assert [expected] * 2 == _rulings(200, {"request": {}, "data": {"conversions_processed": taken}})


@pytest.mark.parametrize("errors", [None, {}, [None, 1, "x"], [{"code": ["A"]}]])
def test_errors_of_another_shape_are_ruled_by_the_status(errors: Any) -> None:
    assert ["halt http_401"] * 2 == _rulings(401, {"errors": errors})


# --- who asks --------------------------------------------------------------------------------------


def test_a_pixel_token_travels_in_a_header_of_its_own() -> None:
    said = PIXEL.payload(EVENT, "purchase")
    assert isinstance(said, Payload)

    request = PIXEL.request([said, said])

    assert (request.path, request.query) == ("/12/measurement/conversions/o1abc", {})
    assert request.json == {"conversions": [said.body, said.body]}
    assert PIXEL.auth == Header(name="X-Pixel-Token", secret=Secret("tok"))
    assert frozenset({Purpose.AD_STORAGE, Purpose.AD_USER_DATA}) == PIXEL.purposes


def test_four_keys_sign_the_call() -> None:
    keys = Credentials(
        consumer_key="ck", consumer_secret=Secret("cs"), access_token="at", access_token_secret=Secret("as")
    )

    signed = X(pixel_id="o1abc", conversions={"purchase": "o2def"}, credentials=keys)

    assert signed.auth == OAuth1(consumer_key="ck", consumer_secret=Secret("cs"), token="at", token_secret=Secret("as"))


KEYS = Credentials(consumer_key="a", consumer_secret=Secret("b"), access_token="c", access_token_secret=Secret("d"))


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ({"pixel_token": None}, "pixel_token"),
        ({"credentials": KEYS}, "pixel_token"),
        ({"pixel_id": "O 1"}, "pixel_id"),
        ({"conversions": {}}, "conversions"),
        ({"conversions": {"refund": "o2def"}}, "conversions.refund"),
        ({"conversions": {"purchase": "Purchase"}}, "conversions.purchase"),
    ],
)
def test_a_wrong_option_is_named(more: dict[str, Any], key: str) -> None:
    good = {"pixel_id": "o1abc", "conversions": {"purchase": "o2def"}, "pixel_token": Secret("t")}

    with pytest.raises(ValueError, match=rf"^{key}: "):
        X(**{**good, **more})


# --- saying ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at_ms", "time"),
    [(1_795_305_600_999, "2026-11-22T00:00:00.999Z"), (1_795_305_600_000, "2026-11-22T00:00:00.000Z")],
)
def test_the_time_has_three_places(at_ms: int, time: str) -> None:
    said = PIXEL.payload(msgspec.structs.replace(EVENT, at_ms=at_ms), "purchase")

    assert isinstance(said, Payload)
    assert said.body["conversion_time"] == time


@pytest.mark.parametrize("browser", [Browser(ip="203.0.113.7"), Browser(user_agent="Mozilla/5.0"), Browser()])
def test_address_and_agent_go_together_or_not_at_all(browser: Browser) -> None:
    said = PIXEL.payload(msgspec.structs.replace(EVENT, browser=browser), "purchase")

    assert isinstance(said, Payload)
    assert said.body["identifiers"] == [{"hashed_email": "a" * 64}]


def test_nothing_has_a_kind_that_takes_money_back() -> None:
    assert "refund" not in KINDS
