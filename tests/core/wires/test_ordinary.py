"""The ordinary reading of an event says what the close one says, and reads what nearly everybody sends."""

from __future__ import annotations

import math
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.event import Wire
from gateway.core.hit import Hit
from gateway.core.wires import fields, json, ordinary, pixel
from gateway.core.wires.draft import Draft, Refusal
from gateway.core.wires.sent import look_into
from gateway.core.wires.vocabulary import KNOWN
from tests.core.wires.makers import GRANTED, NOW_MS, hit, site, spelled

PAGE_VIEW: dict[str, Any] = {
    "event": "page_view",
    "event_id": "e-1",
    "timestamp": "1795305000.25",
    "page_location": "https://shop.example/c/shoes?utm_campaign=fall%20sale&fbclid=IwAR1",
    "page_referrer": "https://www.facebook.com/",
    "page_title": 'Running shoes für "autumn" & winter',
    "value": "49.90",
    "currency": "EUR",
    "search_term": "running shoes",
    "ids": {"ga_session_id": "1795300000", "gclid": "Cj0"},
    "consent": GRANTED,
    "plan": "plus",
}
PURCHASE: dict[str, Any] = {
    "event": "purchase",
    "event_id": "e-2",
    "sent_at": NOW_MS / 1000,
    "transaction_id": "o-2",
    "coupon": "FALL",
    "value": 49.9,
    "tax": 3,
    "shipping": "4.9",
    "currency": "eur",
    "items": [{"item_id": "SKU1", "item_name": "Läufer", "price": 24.95, "quantity": 2}, {"item_id": "SKU2"}],
    "user": {"email": "jo@shop.example", "postal_code": 10115},
    "client": {"ip": "81.2.69.142", "user_agent": "Mozilla/5.0"},
    "campaign": {"source": "news", "medium": " mail "},
    "action_source": "website",
    "properties": {"plan": "pro", "seats": 3, "trial": False, "rate": 1.5},
}
TEXTS = st.sampled_from(
    [
        "",
        "a",
        "ü",
        " EUR ",
        "jo@shop.example",
        "jo%40shop.example",
        "x" * 257,
        "x" * 495 + " a@b.co",
        "5",
        " 5.10",
        "1e5",
        "1.234,56",
        "2026-11-22T10:00:00Z",
        "a\tb",
        "a\x7f",
        "a\x85",
        "\u00a0",
        "\ud83d",
        "a\\b",
        'a"b',
        "website",
        "denied",
        "no",
        "20261122",
    ]
)
LEAVES = st.one_of(
    TEXTS,
    st.sampled_from([None, True, False, 0, 1, -5, 5.5, 1795305000, NOW_MS, 2**63, 2**64, 10**400, math.nan, math.inf]),
)
NAMES = st.sampled_from(
    [
        "ad_storage",
        "tcf",
        "gclid",
        "fbp",
        "ga_session_id",
        "fbclic",
        "source",
        "sauce",
        "ip",
        "user_agent",
        "email",
        "item_id",
        "item_name",
        "price",
        "discount",
        "plan",
        "jo@shop.example",
    ]
)
OBJECTS = st.dictionaries(NAMES, st.one_of(LEAVES, st.lists(LEAVES, max_size=1)), max_size=3)
VALUES = st.one_of(LEAVES, OBJECTS, st.lists(st.one_of(OBJECTS, LEAVES), max_size=2))
KEYS = st.sampled_from([*sorted(KNOWN), "plan", "currencey", "jo@shop.example", "k\x00"])
CHANGES = st.dictionaries(KEYS, VALUES, max_size=3)
SITES = st.sampled_from([site(), site(currency="EUR"), site(decimal_comma=True)])


def closely(said: Hit, where: Any) -> Draft | Refusal:
    return fields.read_closely(said, where, look_into(said.fields))


@given(
    st.sampled_from([PAGE_VIEW, PURCHASE, {"event": "a"}]),
    CHANGES,
    st.sampled_from(Wire),
    SITES,
    st.sampled_from([None, NOW_MS, "soon"]),
)
def test_whatever_is_sent_is_read_as_the_close_reading_reads_it(
    sent: dict[str, Any], changes: dict[str, Any], wire: Wire, where: Any, sent_at: Any
) -> None:
    said = hit({**sent, **changes}, wire, sent_at=sent_at)

    assert spelled(fields.read(said, where)) == spelled(closely(said, where))


@given(st.sampled_from([PAGE_VIEW, PURCHASE]), CHANGES, st.sampled_from(Wire), st.booleans())
def test_json_is_read_as_the_close_reading_reads_it(
    sent: dict[str, Any], changes: dict[str, Any], wire: Wire, is_ascii: bool
) -> None:
    import json as standard

    body = json.read(standard.dumps({**sent, **changes}, ensure_ascii=is_ascii).encode("utf-8", "surrogatepass"))

    for event in () if isinstance(body, Refusal) else body.events:
        assert isinstance(event, dict)
        assert spelled(fields.read(hit(event, wire), site())) == spelled(closely(hit(dict(event), wire), site()))


@pytest.mark.parametrize("wire", Wire)
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"page_location": "https://shop.example/?mail=jo@shop.example", "page_title": "x" * 1017 + " a@b.co"},
        {"plan": "jo@shop.example", "colour": 5, "size": None},
        {"timestamp": "2026-11-22T10:00:00Z"},
        {"consent": {"ad_storage": True, "analytics_storage": 0}},
        {"campaign": {"source": " news "}, "ids": {}},
        {"items": [{"item_id": "A", "discount": 1, "prise": 2}, {"index": 5}, {"discount": None}], "colour": "red"},
        {"items": [{f"key{number}": 1 for number in range(30)}]},
    ],
)
def test_page_views_as_most_are_need_no_close_reading(changes: dict[str, Any], wire: Wire) -> None:
    said = hit({**PAGE_VIEW, **changes}, wire)

    read = ordinary.read(said, site(), telling=True)

    assert read is not None
    assert spelled(read) == spelled(closely(said, site()))


def test_a_query_and_a_body_as_most_are_need_no_close_reading() -> None:
    flat = {name: value for name, value in PAGE_VIEW.items() if isinstance(value, str)}
    query = urlencode({**flat, **{f"consent.{name}": word for name, word in GRANTED.items()}, "ids.gclid": "Cj0"})
    body = json.read(orjson.dumps(PURCHASE))
    assert not isinstance(body, Refusal)

    for said in (hit(pixel.read(query, None), Wire.BROWSER), hit(body.events[0], Wire.SERVER)):  # type: ignore[arg-type]
        look = look_into(said.fields)
        assert not look.harmful
        assert ordinary.read(said, site(), telling=look.telling) is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"event": "§"},
        {"event_id": "ü"},
        {"value": "ten"},
        {"currency": "EURO"},
        {"ids": {"gclid": "a b"}},
        {"sent_at": "soon"},
        {"client": {"ip": "81.2.69.142"}},
        {"test": True},
        {"action_source": "pigeon"},
        {"items": [{"item_id": "A", "offers": [1]}]},
        {"consent": {"ad_storage": "yes"}},
        {"consent": []},
        {"plan": [1]},
        {"properties": {"x": math.nan}},
        {"x" * 3000: 1},
    ],
)
def test_what_needs_a_word_of_ours_is_left_to_the_close_reading(changes: dict[str, Any]) -> None:
    assert ordinary.read(hit({**PAGE_VIEW, **changes}), site(), telling=False) is None


@pytest.mark.parametrize("key", ["event_id", "transaction_id"])
def test_an_id_with_an_address_is_left_to_the_close_reading(key: str) -> None:
    said = hit({**PAGE_VIEW, key: "order of jo@shop.example"})

    assert ordinary.read(said, site(), telling=True) is None
    assert isinstance(fields.read(said, site()), Refusal)


def test_of_long_keys_nothing_is_remembered() -> None:
    before = ordinary.shape.cache_info().currsize
    for number in range(50):
        fields.read(hit({"event": "a", f"{number}" * 3000: 1}), site())

    assert ordinary.shape.cache_info().currsize == before
