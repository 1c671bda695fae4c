"""What a relay leaves alone, what it may change, and how a hit is packed."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import msgspec
import pytest

from adapters.ga4_relay import GA4Relay
from gateway.console.curl import as_curl
from gateway.core.adapter import Payload, Request
from gateway.core.event import Browser, Consent, Event, Grant, Wire
from gateway.core.outcome import Skip
from gateway.core.site import Destination

RELAY = GA4Relay(measurement_id="G-ABC123")
RAW = (
    "v=2&tid=G-ABC123&cid=1.2&sid=3&gcs=G111&gcd=13r3r3r2r5l1&dl=https%3A%2F%2Fshop.example%2F%3Fa%3D%2525&en=page_view"
)
EVENT = Event(
    site="shop",
    name="page_view",
    event_id="e-1",
    wires=(Wire.BROWSER,),
    at_ms=0,
    received_ms=0,
    vendor="google",
    raw=RAW,
    browser=Browser(ip="203.0.113.7", user_agent="Mozilla/5.0 (X11)"),
    consent=Consent(
        ad_storage=Grant.GRANTED,
        ad_user_data=Grant.GRANTED,
        ad_personalization=Grant.GRANTED,
        analytics_storage=Grant.GRANTED,
    ),
)


def said(event: Event = EVENT, relay: GA4Relay = RELAY, name: str | None = None) -> Payload:
    payload = relay.payload(event, name or event.name)
    assert isinstance(payload, Payload), payload
    return payload


def params(request: Request) -> dict[str, Any]:
    return {**request.query, **dict(parse_qsl(request.text or "", keep_blank_values=True))}


def test_only_the_address_is_added() -> None:
    request = RELAY.request([said()])

    assert params(request) == {**dict(parse_qsl(RAW)), "_uip": "203.0.113.7"}
    assert request.query["dl"] == "https://shop.example/?a=%25"
    assert (request.path, request.method, request.json, request.text) == ("/g/collect", "POST", None, None)
    assert request.headers == {"Content-Type": "text/plain;charset=UTF-8", "User-Agent": "Mozilla/5.0 (X11)"}


@pytest.mark.parametrize("ip", [None, "203.0.113.7"])
def test_an_address_that_is_hidden_or_unknown_is_nobodys(ip: str | None) -> None:
    event = msgspec.structs.replace(EVENT, browser=Browser(ip=ip))
    relay = GA4Relay(measurement_id="G-ABC123", user_ip="never" if ip else "always")

    assert said(event, relay).body["hit"]["_uip"] == "::"


def test_what_the_page_says_of_an_address_is_not_believed() -> None:
    assert said(msgspec.structs.replace(EVENT, raw=f"{RAW}&_uip=9.9.9.9")).body["hit"]["_uip"] == "203.0.113.7"


def test_a_long_hit_leaves_its_page_in_the_address_and_its_event_in_the_body() -> None:
    event = msgspec.structs.replace(EVENT, raw=f"{RAW}&ep.long={'x' * 2_000}&pr1=idA&_et=5&up.tier=gold")

    request = RELAY.request([said(event)])

    assert set(dict(parse_qsl(request.text or ""))) == {"en", "ep.long", "pr1", "_et", "up.tier"}
    assert set(request.query) == {"v", "tid", "cid", "sid", "gcs", "gcd", "dl", "_uip"}
    assert params(request) == said(event).body["hit"]


@pytest.mark.parametrize("raw", [None, "", "en=page_view", RAW.replace("G-ABC123", "G-OTHER1"), "%%%"])
def test_without_a_hit_of_this_stream_there_is_nothing_to_relay(raw: str | None) -> None:
    assert RELAY.payload(msgspec.structs.replace(EVENT, raw=raw), "page_view") is Skip.NO_HIT


@pytest.mark.parametrize("grant", [Grant.DENIED, Grant.UNKNOWN])
def test_what_is_not_granted_is_denied_in_the_hit(grant: Grant) -> None:
    consent = msgspec.structs.replace(EVENT.consent, ad_user_data=grant)

    hit = said(msgspec.structs.replace(EVENT, consent=consent, raw=f"{RAW}&em=tv.1~em.{'A' * 43}")).body["hit"]

    assert (hit["gcs"], hit["gcd"]) == ("G111", "13r3r3q2r5l1")
    assert "em" not in hit


def test_an_address_that_only_decoding_shows_does_not_leave() -> None:
    assert said(msgspec.structs.replace(EVENT, raw=f"{RAW}&ep.m=jo%40x.example")).body["hit"]["ep.m"] == "redacted"


@pytest.mark.parametrize("wrong", ["ABC123", "UA-123-1", "G-", "g-abc123"])
def test_a_wrong_stream_is_named(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"^measurement_id: "):
        GA4Relay(measurement_id=wrong)


def test_the_console_shows_the_call_it_made() -> None:
    event = msgspec.structs.replace(EVENT, raw=f"{RAW}&ep.long={'x' * 2_000}")

    curl = as_curl(Destination(name="relay", adapter=RELAY), dict(said(event).body))

    assert curl is not None
    assert "Content-Type: text/plain" in curl
    assert "application/json" not in curl
    assert "--data" in curl
    assert "en=page_view" in curl
