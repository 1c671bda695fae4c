"""What GA4 is told and what its silence means."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from adapters.ga4 import GA4, NAMES
from gateway.console.curl import as_curl
from gateway.core.adapter import Payload, Response, Secret
from gateway.core.event import Browser, Event, Purpose, Wire
from gateway.core.outcome import Skip
from gateway.core.site import Destination

STREAM = GA4(measurement_id="G-ABC123", api_secret=Secret("s3cret-of-ga4"))
EVENT = Event(
    site="shop",
    name="page_view",
    event_id="e-1",
    wires=(Wire.BROWSER,),
    at_ms=1_795_305_600_250,
    received_ms=1_795_305_601_000,
    browser=Browser(cookies={"ga_client_id": "584335997.1746564151"}),
)


def _params(**more: Any) -> dict[str, Any]:
    said = STREAM.payload(msgspec.structs.replace(EVENT, **more), "page_view")
    assert isinstance(said, Payload), said
    params: dict[str, Any] = said.body["events"][0]["params"]
    return params


# --- answers ---------------------------------------------------------------------------------------

# Source: GA4's reference: a 2xx for whatever was received, and no error codes; read 2026-11-22.
STATUSES = [
    (200, "accepted "),
    (204, "accepted "),
    (301, "rejected http_301"),
    (400, "split http_400"),
    (401, "halt http_401"),
    (403, "halt http_403"),
    (413, "split http_413"),
    (429, "throttled http_429"),
    (500, "retry http_500"),
    (503, "retry http_503"),
]


@pytest.mark.parametrize(("status", "expected"), STATUSES)
def test_only_the_status_says_anything(status: int, expected: str) -> None:
    (verdict,) = STREAM.verdicts(Response(status=status, headers={}, body=b"ignored"), 1)

    assert f"{verdict.ruling} {verdict.reason}" == expected


# --- the secret ------------------------------------------------------------------------------------


def test_the_secret_stands_in_the_query_and_is_shown_nowhere() -> None:
    said = STREAM.payload(EVENT, "page_view")
    assert isinstance(said, Payload)

    request = STREAM.request([said])
    curl = as_curl(Destination(name="ga4", adapter=STREAM), dict(said.body))

    assert request.path == "/mp/collect"
    assert request.query == {"measurement_id": "G-ABC123", "api_secret": Secret("s3cret-of-ga4")}
    assert curl is not None
    assert "s3cret" not in f"{request} {STREAM} {STREAM.auth} {curl}"


@pytest.mark.parametrize(("region", "host"), [("global", "www"), ("eu", "region1")])
def test_the_region_is_an_address(region: Any, host: str) -> None:
    stream = GA4(measurement_id="G-ABC123", api_secret=Secret("s"), region=region)

    assert stream.endpoint == f"https://{host}.google-analytics.com"
    assert stream.purposes == {Purpose.ANALYTICS_STORAGE}


@pytest.mark.parametrize("wrong", ["ABC123", "UA-123-1", "G-", "g-abc123", "G-ABC 123"])
def test_a_wrong_stream_is_named(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"^measurement_id: "):
        GA4(measurement_id=wrong, api_secret=Secret("s"))


# --- names -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("purchase", "purchase"),
        ("PageView", "page_view"),
        ("quiz-step.2", "quiz_step_2"),
        ("a" * 40, "a" * 40),
        ("a" * 41, None),
        ("2nd", None),
        ("first_visit", None),
        ("user_engagement", None),
        ("firebase_thing", None),
        ("google_thing", None),
        ("_thing", None),
    ],
)
def test_a_name_is_one_that_google_keeps(ours: str, theirs: str | None) -> None:
    assert STREAM.name(ours) == theirs


def test_every_reserved_name_goes_nowhere() -> None:
    reserved = [name for name, theirs in NAMES.items() if theirs is None]

    assert len(reserved) > 30
    assert {STREAM.name(name) for name in reserved} == {None}


# --- parameters ------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["user_id", "client_id", "session_id", "user_data", "debug_mode", "value", "items"])
def test_a_page_cannot_say_what_is_ours(key: str) -> None:
    assert key == "session_id" or key not in _params(properties={key: "stranger"})
    assert "stranger" not in str(_params(properties={key: "stranger"}))


@pytest.mark.parametrize("key", ["firebase_x", "ga_x", "google_x", "_x", "2x", "a b", "a" * 41, "é"])
def test_a_parameter_that_google_drops_stays_here(key: str) -> None:
    assert key not in _params(properties={key: "v"})


@pytest.mark.parametrize(
    ("told", "said"),
    [(True, "true"), (False, "false"), (0, 0), (1.5, 1.5), ("x", "x"), ("", None), (None, None), ([1], None)],
)
def test_a_property_is_a_plain_value(told: Any, said: Any) -> None:
    assert _params(properties={"p": told}).get("p") == said


@pytest.mark.parametrize("client", ["", " ", "a b", "ü", "x" * 121])
def test_a_malformed_client_is_nobody(client: str) -> None:
    event = msgspec.structs.replace(EVENT, browser=Browser(cookies={"ga_client_id": client}))

    assert STREAM.payload(event, "page_view") is Skip.NO_IDENTIFIER


@pytest.mark.parametrize("session", ["", "abc", "0", "-1", "1" * 16])
def test_a_malformed_session_is_left_out(session: str) -> None:
    cookies = {"ga_client_id": "1.2", "ga_session_id": session}

    assert "session_id" not in _params(browser=Browser(cookies=cookies))


# --- the user --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "names", [("2nd",), ("a" * 25,), ("ga_x",), ("user_id",), ("first_open_time",), tuple(f"p{n}" for n in range(26))]
)
def test_a_user_property_that_ga4_would_drop_is_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"^user_properties: "):
        GA4(measurement_id="G-ABC123", api_secret=Secret("s"), user_properties=names)


@pytest.mark.parametrize(
    ("told", "said"), [(3110, 3110), (1.9, 1), (0, 1), (-5, 1), (True, 1), ("3110", 1), (None, 1), (10**9, 1)]
)
def test_engagement_is_what_the_page_counted_or_the_least(told: Any, said: int) -> None:
    assert _params(properties={"engagement_time_msec": told})["engagement_time_msec"] == said


def test_only_the_hits_of_the_tag_are_left_to_the_relay() -> None:
    stream = GA4(measurement_id="G-ABC123", api_secret=Secret("s"), relayed=True)

    assert isinstance(stream.payload(EVENT, "page_view"), Payload)
    assert stream.payload(msgspec.structs.replace(EVENT, vendor="google"), "page_view") is Skip.VENDOR


# --- the question about it ---------------------------------------------------------------------------


def _answer(body: bytes, status: int = 200) -> Response:
    return Response(status=status, headers={}, body=body)


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        (_answer(b'{"validationMessages":[]}'), None),
        (_answer(b'{"validationMessages":[{"validationCode":"VALUE_INVALID","description":"jo@x.example"}]}'),
         "the validation server names VALUE_INVALID"),
        (_answer(b'{"validationMessages":[{"validationCode":"jo@x.example"},7]}'), "the validation server names ?"),
        (_answer(b"{}"), "the validation server answered 200 and no verdict"),
        (_answer(b"<html>", 502), "the validation server answered 502 and no verdict"),
    ],
)  # fmt: skip
def test_the_validation_server_is_heard_and_not_repeated(answer: Response, wrong: str | None) -> None:
    assert STREAM.probed(answer) == wrong


def test_the_question_is_no_event() -> None:
    asked = STREAM.probe(1_795_305_600_250)

    assert asked.path == "/debug/mp/collect"
    assert asked.json["validation_behavior"] == "ENFORCE_RECOMMENDATIONS"
    assert "s3cret" not in f"{asked}"
