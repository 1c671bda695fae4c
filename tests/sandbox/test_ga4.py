from __future__ import annotations

import time
from typing import Any

import aiohttp
import pytest

from gateway.sandbox import Sandbox
from gateway.sandbox.call import Object, Ruled
from gateway.sandbox.ga4 import GA4, MAX_EVENTS, MAX_PARAMS
from gateway.sandbox.state import Book
from gateway.sandbox.terms import Terms
from tests.sandbox.words import MISSING, NOW_S, asked, changed

EM = "542d240129883c019e106e3b1b2d3f3cb3537c43c425364de8e951d5a3083345"
QUERY = {"measurement_id": "G-ABC123", "api_secret": "sandbox-ga4-secret"}

SMALL: Object = {"name": "page_view", "params": {"session_id": "1749196701", "engagement_time_msec": 100}}
RICH: Object = {
    "name": "purchase",
    "params": {
        "session_id": "1749196701", "engagement_time_msec": 100, "transaction_id": "ORD-1001", "currency": "EUR",
        "value": 149.97, "page_location": "https://shop.example/thanks?" + "a" * 500,
        "items": [{"item_id": "SKU1", "quantity": 2, "price": 72.485}],
    },
}  # fmt: skip
HIT: Object = {
    "client_id": "584335997.1746564151",
    "user_id": "u1",
    "timestamp_micros": str(int(NOW_S * 1_000_000)),
    "consent": {"ad_user_data": "GRANTED", "ad_personalization": "DENIED"},
    "user_properties": {"tier": {"value": "gold"}},
    "user_data": {"sha256_email_address": [EM], "address": [{"sha256_first_name": EM, "city": "Berlin"}]},
    "user_agent": "Mozilla/5.0",
    "ip_override": "203.0.113.9",
    "events": [RICH],
}


def hit(body: object, *, debug: bool = False, query: dict[str, str] | None = None) -> Ruled:
    routes = {one.at: one for one in GA4(Terms(ga4_measurements=frozenset({"G-ABC123"}))).routes()}
    return routes["debug" if debug else "events"].judge(asked(body, query=QUERY if query is None else query))


def judge(events: object) -> Ruled:
    return hit({**HIT, "events": events})


def messages(ruled: Ruled) -> list[Any]:
    assert isinstance(ruled.body, dict)
    found = ruled.body["validationMessages"]
    assert isinstance(found, list)
    return found


def test_a_good_hit_is_kept_and_answered_with_nothing() -> None:
    ruled = judge([SMALL, RICH])

    assert (ruled.status, ruled.body, ruled.findings) == (204, None, ())
    assert [(one.account, one.name) for one in ruled.accepted] == [("G-ABC123", "page_view"), ("G-ABC123", "purchase")]
    assert ruled.accepted[1].payload["client_id"] == HIT["client_id"]


# where, what, code, violates
BREACHES: list[tuple[str, object, str, bool]] = [
    ("client_id", MISSING, "VALUE_REQUIRED", False),
    ("client_id", 7, "VALUE_REQUIRED", False),
    ("surprise", 1, "NAME_INVALID", False),
    ("ip_override", "localhost", "VALUE_INVALID", False),
    ("timestamp_micros", str(int(NOW_S)), "VALUE_INVALID", False),
    ("timestamp_micros", "now", "VALUE_INVALID", False),
    ("consent.ad_user_data", "granted", "VALUE_INVALID", False),
    ("consent.ad_storage", "GRANTED", "VALUE_INVALID", False),
    ("user_properties.ga_tier", {"value": "gold"}, "NAME_RESERVED", False),
    ("user_properties.tier", {"value": "g" * 37}, "VALUE_INVALID", False),
    ("user_data.sha256_email_address", ["person@example.com"], "VALUE_INVALID", True),
    ("user_data.address.0.sha256_first_name", "jo", "VALUE_INVALID", True),
    ("user_data.address.0.city", EM, "VALUE_INVALID", True),
    ("user_data.email", EM, "VALUE_INVALID", False),
    ("events", [], "VALUE_REQUIRED", False),
    ("events", [SMALL] * (MAX_EVENTS + 1), "EXCEEDED_MAX_ENTITIES", False),
    ("events.0.name", "session_start", "NAME_RESERVED", False),
    ("events.0.name", "_hidden", "NAME_RESERVED", False),
    ("events.0.name", "page-view", "NAME_INVALID", False),
    ("events.0.name", "n" * 41, "NAME_INVALID", False),
    ("events.0.timestamp", 1, "NAME_INVALID", False),
    ("events.0.params.google_x", "1", "NAME_RESERVED", False),
    ("events.0.params.note", "n" * 101, "VALUE_OUT_OF_BOUNDS", False),
    ("events.0.params.note", {"a": 1}, "VALUE_INVALID", False),
    ("events.0.params", {f"p{place}": 1 for place in range(MAX_PARAMS + 1)}, "EXCEEDED_MAX_ENTITIES", False),
    ("events.0.params.value", "149.97", "VALUE_INVALID", False),
    ("events.0.params.currency", MISSING, "VALUE_REQUIRED", False),
    ("events.0.params.currency", "EURO", "VALUE_INVALID", False),
    ("events.0.params.transaction_id", MISSING, "VALUE_REQUIRED", False),
    ("events.0.params.items", {}, "EXCEEDED_MAX_ENTITIES", False),
    ("events.0.params.items.0.item_id", MISSING, "VALUE_REQUIRED", False),
    ("events.0.params.items.0.price", "72", "VALUE_INVALID", False),
]


@pytest.mark.parametrize(("where", "what", "code", "violates"), BREACHES)
def test_a_breach_is_dropped_in_silence_and_told_by_the_validation_server(
    where: str, what: object, code: str, violates: bool
) -> None:
    body = changed(HIT, where, what)

    collected, validated = hit(body), hit(body, debug=True)

    assert (collected.status, collected.body, collected.accepted) == (204, None, ())
    assert any(one.violates for one in collected.findings) is violates
    assert code in [one["validationCode"] for one in messages(validated)]
    assert validated.accepted == ()


def test_of_a_hit_only_the_bad_event_is_dropped() -> None:
    ruled = judge([SMALL, changed(RICH, "name", "session_start")])

    assert [one.name for one in ruled.accepted] == ["page_view"]


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        (QUERY, 1),
        ({**QUERY, "api_secret": "wrong"}, 0),
        ({**QUERY, "measurement_id": "G-OTHER1"}, 0),
        ({**QUERY, "measurement_id": "UA-1"}, 0),
    ],
)
def test_a_wrong_secret_or_stream_is_not_told_either(query: dict[str, str], kept: int) -> None:
    ruled = hit(HIT, query=query)

    assert (ruled.status, len(ruled.accepted)) == (204, kept)


def test_the_validation_server_asks_for_no_secret_and_records_nothing() -> None:
    ruled = hit(HIT, debug=True, query={"measurement_id": "G-ABC123"})

    assert (ruled.status, messages(ruled), ruled.accepted) == (200, [], ())


def test_an_old_hit_is_dated_anew_unless_recommendations_are_enforced() -> None:
    old = changed(HIT, "timestamp_micros", str(int((NOW_S - 80 * 3600) * 1_000_000)))

    assert len(hit(old).accepted) == 1
    enforced = hit({**old, "validation_behavior": "ENFORCE_RECOMMENDATIONS"}, debug=True)
    assert [one["fieldPath"] for one in messages(enforced)] == ["timestamp_micros"]


def test_only_a_purchase_is_recognised_again_by_its_order() -> None:
    book = Book()

    repeats = [book.take(judge([SMALL, RICH]).accepted, NOW_S) for _ in range(2)]

    assert repeats == [0, 1]
    assert [one["name"] for one in book.events()] == ["page_view", "purchase", "page_view"]


@pytest.mark.parametrize(
    ("fault", "status", "kept"),
    [
        ({"status": 503}, 503, 0),
        ({"throttle": True}, 429, 0),
        ({"token": "expired"}, 204, 0),
        ({"refuse_id": "ORD-1001"}, 204, 0),
        ({"partial": True}, 204, 0),
        ({"pass": True}, 204, 1),
    ],
)
async def test_over_the_wire(
    sandbox: Sandbox, client: aiohttp.ClientSession, fault: Object, status: int, kept: int
) -> None:
    sandbox.script("ga4", fault)
    body = changed(HIT, "timestamp_micros", str(int(time.time() * 1_000_000)))

    async with client.post(sandbox.endpoint("ga4") + "/mp/collect", params=QUERY, json=body) as got:
        assert (got.status, len(sandbox.events("ga4"))) == (status, kept)

    (call,) = sandbox.requests("ga4")
    assert "sandbox-ga4-secret" not in str(call)


async def test_a_path_it_lacks_is_no_collector(sandbox: Sandbox, client: aiohttp.ClientSession) -> None:
    async with client.post(sandbox.endpoint("ga4") + "/j/collect", json={}) as got:
        assert got.status == 404
