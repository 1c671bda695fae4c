"""What TikTok's codes mean, how its lanes are packed, and who is somebody to it."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from adapters.tiktok import TikTok
from adapters.tiktok.speak import NAMES
from gateway.core.adapter import Header, Payload, Response, Ruling, Secret
from gateway.core.event import Browser, Click, Consent, Event, Grant, Page, Person, Purpose, Wire
from gateway.core.outcome import Skip

TIKTOK = TikTok(
    pixel_code="C123", access_token=Secret("tok"), test_event_code="TEST1", offline_event_set="77", crm_event_set="88"
)
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


def _answer(code: Any, message: str = "OK", status: int = 200, retry_after: str = "") -> Response:
    body = {"code": code, "message": message, "request_id": "r1", "data": {}}
    headers = {"retry-after": retry_after} if retry_after else {}
    return Response(status=status, headers=headers, body=json.dumps(body).encode())


def _rulings(response: Response, count: int = 2) -> list[str]:
    return [f"{verdict.ruling} {verdict.reason}" for verdict in TIKTOK.verdicts(response, count)]


def _payload(**more: Any) -> Payload:
    said = TIKTOK.payload(msgspec.structs.replace(EVENT, **more), "Pageview")
    assert isinstance(said, Payload), said
    return said


# --- answers ---------------------------------------------------------------------------------------

# (HTTP status, code) -> ruling and reason. Source: the codes of integrators' fixtures and TikTok's portal, 2026-11-22.
CODES = [
    (200, 0, "accepted "),
    (500, 0, "retry http_500"),
    (200, 20001, "accepted 20001"),
    (502, 20001, "retry http_502"),
    (200, 40000, "split 40000"),
    (200, 40001, "halt 40001"),
    (200, 40002, "split 40002"),
    (400, 40002, "split 40002"),
    (200, 40007, "halt 40007"),
    (404, 40007, "halt 40007"),
    (200, 40100, "throttled 40100"),
    (401, 40100, "throttled 40100"),
    (200, 40101, "halt 40101"),
    (200, 40104, "halt 40104"),
    (200, 40105, "halt 40105"),
    (401, 40105, "halt 40105"),
    (200, 40110, "halt 40110"),
    (200, 40999, "split 40999"),
    (200, 50000, "retry 50000"),
    (200, 50002, "retry 50002"),
    (500, 51010, "retry 51010"),
    (200, 61000, "retry 61000"),
    (200, -1, "retry http_200"),
    (200, True, "retry http_200"),
    (200, "0", "retry http_200"),
    (403, None, "halt http_403"),
    (503, None, "retry http_503"),
]


@pytest.mark.parametrize(("status", "code", "expected"), CODES)
def test_the_code_of_the_body_decides_before_the_http_status(status: int, code: Any, expected: str) -> None:
    assert [expected] * 2 == _rulings(_answer(code, status=status))


def test_a_throttle_inside_a_success_repeats_the_wait() -> None:
    (verdict,) = TIKTOK.verdicts(_answer(40100, retry_after="5"), 1)

    assert (verdict.ruling, verdict.retry_after_s) == (Ruling.THROTTLED, 5)


@pytest.mark.parametrize(
    "message",
    [
        "Batch.1.properties.contents.0.content_id: Not a valid string",
        "data[1].user.email: invalid",
        "data.1.event: Missing data for required field.",
        "Invalid event at index 1",
    ],
)
def test_a_named_row_is_rejected_and_the_others_are_free_to_go_at_once(message: str) -> None:
    assert _rulings(_answer(40002, message), 3) == ["split 40002", "rejected 40002", "split 40002"]


def test_a_row_that_is_not_there_rejects_nobody() -> None:
    assert ["split 40002"] * 2 == _rulings(_answer(40002, "Batch.9.event: wrong"))


def test_numbers_in_other_words_are_no_rows() -> None:
    assert ["split 40002"] * 2 == _rulings(_answer(40002, "1 of 2 events has 0 fields; metadata.1 is missing"))


@pytest.mark.parametrize("field", ["event_source", "event_source_id"])
def test_a_wrong_event_source_costs_no_event(field: str) -> None:
    assert ["halt 40002"] * 2 == _rulings(_answer(40002, f"{field}: Not a valid string."))


def test_of_a_partial_success_only_the_named_row_is_lost() -> None:
    assert _rulings(_answer(20001, "Batch.1.properties: Not accepted"), 3) == [
        "accepted 20001",
        "rejected 20001",
        "accepted 20001",
    ]


# --- packing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "lane", "source", "source_id"),
    [
        ({}, "web", "web", "C123"),
        ({"action_source": "app"}, "web", "web", "C123"),
        ({"action_source": "physical_store"}, "offline", "offline", "77"),
        ({"action_source": "phone_call"}, "offline", "offline", "77"),
        ({"action_source": "system_generated"}, "crm", "crm", "88"),
    ],
)
def test_every_event_source_travels_alone(more: dict[str, Any], lane: str, source: str, source_id: str) -> None:
    said, tested = _payload(**more), _payload(test=True, **more)

    assert (said.lane, tested.lane) == (lane, f"{lane}:test")
    assert TIKTOK.request([said, said]).json == {
        "event_source": source,
        "event_source_id": source_id,
        "data": [said.body, said.body],
    }
    assert TIKTOK.request([tested]).json == {
        "event_source": source,
        "event_source_id": source_id,
        "test_event_code": "TEST1",
        "data": [tested.body],
    }


def test_the_token_travels_in_a_header_of_its_own() -> None:
    request = TIKTOK.request([_payload()])

    assert request.path == "/open_api/v1.3/event/track/"
    assert request.query == {}
    assert TIKTOK.auth == Header(name="Access-Token", secret=Secret("tok"))
    assert frozenset({Purpose.AD_STORAGE, Purpose.AD_USER_DATA}) == TIKTOK.purposes


# --- saying ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "somebody"),
    [
        ({"browser": Browser(ip="203.0.113.7", user_agent="Mozilla/5.0")}, True),
        ({"browser": Browser(ip="203.0.113.7")}, False),
        ({"browser": Browser(cookies={"ttp": "abc"})}, True),
        ({"browser": Browser(), "clicks": {"ttclid": Click(id="E.C.P", seen_ms=1)}}, True),
        ({"browser": Browser(), "clicks": {"gclid": Click(id="Cj0", seen_ms=1)}}, False),
        ({"browser": Browser(), "person": Person(digests={"email": {"google": "a" * 64}})}, False),
        ({"browser": Browser(), "person": Person(digests={"email": {"plain": "a" * 64}})}, True),
        ({"browser": Browser(), "person": Person(country="DE", postal_code="10115")}, False),
    ],
)
def test_nobody_is_not_sent(more: dict[str, Any], somebody: bool) -> None:
    said = TIKTOK.payload(msgspec.structs.replace(EVENT, **more), "Pageview")

    assert isinstance(said, Payload) if somebody else said is Skip.NO_IDENTIFIER


@pytest.mark.parametrize(
    ("language", "locale"),
    [("de-DE,de;q=0.9", "de-DE"), ("fr;q=0.8", "fr"), ("*", None), ("<script>", None), (None, None)],
)
def test_the_locale_is_the_first_wish(language: str | None, locale: str | None) -> None:
    user = _payload(browser=Browser(ip="203.0.113.7", user_agent="Mozilla/5.0", language=language)).body["user"]

    assert user.get("locale") == locale


@pytest.mark.parametrize("location", [None, "", "about:blank", "android-app://shop", "/thanks"])
def test_a_page_is_a_web_address_or_nothing(location: str | None) -> None:
    assert "page" not in _payload(page=Page(location=location, referrer="https://www.example.com/")).body


@pytest.mark.parametrize(("grant", "limited"), [(Grant.GRANTED, None), (Grant.DENIED, True), (Grant.UNKNOWN, True)])
def test_what_is_not_granted_is_limited(grant: Grant, limited: bool | None) -> None:
    assert _payload(consent=Consent(ad_personalization=grant)).body.get("limited_data_use") is limited


def test_the_second_is_the_one_that_had_begun() -> None:
    assert _payload().body["event_time"] == 1_795_305_600


def test_no_name_of_before_2025_leaves() -> None:
    assert {"CompletePayment", "SubmitForm", "ClickButton", "PlaceAnOrder"}.isdisjoint(NAMES.values())
    assert TIKTOK.name("CompletePayment") == "Purchase"


def test_a_wrong_pixel_code_is_named() -> None:
    with pytest.raises(ValueError, match=r"^pixel_code: "):
        TikTok(pixel_code="C 123", access_token=Secret("tok"))


# --- other sources, ages, tests that end -------------------------------------------------------------


def test_an_event_of_an_app_travels_to_the_apps_own_source() -> None:
    tiktok = TikTok(pixel_code="C123", access_token=Secret("tok"), app_id="99", partner_name="agency")

    said = tiktok.payload(msgspec.structs.replace(EVENT, action_source="app"), "Pageview")

    assert isinstance(said, Payload)
    body = tiktok.request([said]).json
    assert (body["event_source"], body["event_source_id"], body["partner_name"]) == ("app", "99", "agency")
    assert "page" not in said.body


def test_the_oldest_event_is_as_old_as_the_option_says() -> None:
    assert TIKTOK.max_age_of(EVENT) == 7 * 86_400
    assert TikTok(pixel_code="C1", access_token=Secret("t"), max_event_age_d=28).max_age_of(EVENT) == 28 * 86_400
    with pytest.raises(ValueError, match="max_event_age_d"):
        TikTok(pixel_code="C1", access_token=Secret("t"), max_event_age_d=29)


def test_a_code_without_an_end_is_told() -> None:
    assert [option for option, _, _ in TIKTOK.advice(EVENT.received_ms)] == ["test_event_code"]
    with pytest.raises(ValueError, match="test_event_until"):
        TikTok(pixel_code="C1", access_token=Secret("t"), test_event_until="2026-12-01")
