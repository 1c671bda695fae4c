"""What the door takes and a platform would refuse is left out or skipped: no value that is odd kills a conversion.

Every event comes in at the door, is said by the adapter and judged by the sandbox, which was written apart from it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, TypeAlias

import pytest

from gateway.core.adapter import Payload
from gateway.core.event import Event, Wire
from gateway.core.intake import Taken, take
from gateway.core.outcome import Skip
from gateway.core.view import View
from tests.adapters.all import ALL, Entry
from tests.core.wires.makers import GRANTED, hit, site
from tests.sandbox.test_judges import GOOD

Odd: TypeAlias = tuple[str, dict[str, Any]]
"""What is odd about an event, and the fields that say it."""

SPOKEN: dict[str, tuple[str, dict[str, Any]]] = {
    "meta": ("meta", {}),
    "google_data_manager": (
        "google",
        {
            "conversions": {
                "purchase": {"action_id": "987", "mode": "online"},
                "generate_lead": {"action_id": "987", "mode": "online"},
            }
        },
    ),
    "tiktok": ("tiktok", {"offline_event_set": "1", "crm_event_set": "2", "app_id": "3"}),
    "snapchat": ("snap", {"app_id": "7"}),
    "pinterest": ("pinterest", {}),
    "reddit": ("reddit", {}),
    "microsoft": ("microsoft", {}),
    "ga4": ("ga4", {"user_data": True, "user_ip": "always"}),
    "linkedin": (
        "linkedin",
        {"conversions": dict.fromkeys(("purchase", "generate_lead"), "104012"), "user_ip": "always"},
    ),
    "x": ("x", {"conversions": dict.fromkeys(("page_view", "search", "purchase", "generate_lead", "quiz"), "o2pur")}),
}
ENTRIES = [entry for entry in ALL if entry.name in SPOKEN]
NAMES = ("page_view", "purchase", "quiz")

PAGE = "https://shop.example/thanks"
BASE: dict[str, Any] = {
    "event_id": "act-1",
    "transaction_id": "1001",
    "page_location": PAGE,
    "page_referrer": "https://shop.example/cart",
    "page_title": "Thanks",
    "value": 49.9,
    "currency": "EUR",
    "items": [{"item_id": "SKU1", "price": 49.9, "quantity": 1}],
    "user": {"email": "jo@mail.example"},
    "client": {"ip": "81.2.69.142", "user_agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/156.0.0.0 Safari/537.36"},
    "ids": {"ga_client_id": "1.2"},
    "consent": GRANTED,
}
BLANKS = (" ", "   ", "\u00a0", "\u2003 ")
PLACES = (
    "android-app://com.google.android.gm/",
    "/cart",
    "about:client",
    "file:///C:/x.html",
    "javascript:void(0)",
    "data:text/html,hi",
    "shop.example/cart",
    "//shop.example/cart",
    "https://",
    "https:///cart",
    "https://?a=b",
    "http://#top",
    "https://[::1/cart",
    "https://a[b]/",
    "HTTPS://SHOP.EXAMPLE/",
    "https://b\u00fccher.example/",
    "https://shop\u2100.example/",
    "http://:80/",
    "https://shop.example:80x/",
    "https://jo:pw@shop.example/",
    " https://shop.example/",
    *BLANKS,
)
NUMBERS = (
    -1,
    -0.0,
    -0.00001,
    0,
    0.00001,
    1e-300,
    1e6,
    1e15 - 1,
    1e15,
    1e16,
    2**53,
    2**63,
    1e22,
    -1e300,
    1e308,
)
CODES = ("XXX", "XTS", "ZZZ", "AAA", "XYZ", "XAU", "eur", " EUR ", "usd", "CLF", "HRK", "EURO", "\u20ac", "   ")
CLICKS = ("hello", "a", "0" * 32, "g" * 32, "a" * 31, "a" * 33, "A-_9", "a.b", "a~b", "x" * 128)
CLICK_NAMES = (
    *("gclid", "gbraid", "wbraid", "dclid", "fbclid", "ttclid", "scid", "msclkid", "li_fat_id", "epik", "twclid"),
    *("rdt_cid", "gad"),
)
COOKIES = ("fbp", "fbc", "ttp", "sc_cookie1", "rdt_uuid", "uetvid", "gcl_au", "ga_client_id", "ga_session_id")
# Every word that some adapter reads in `properties`.
PROPERTIES = tuple(
    """description keywords page_load_id event_category event_label event_value page_type content_ids content_type
    content_name content_category delivery_category customer_segmentation num_items net_revenue status shop_id
    method anon_id lead_id subscription_id download_id partner_id sc_cookie1 rdt_uuid app_id app_name app_version
    idfa gaid idfv att_status extinfo device_model device_brand device_type os_version device_carrier wifi
    screen_width screen_height new_customer engagement_time_msec acxiom_id oracle_moat_id lead_event_source ad city
    region country postal_code checkin_date num_adults hotel_score mileage search_type brands level test_event_code
    contents items user_data data_processing_options opt_out custom value tax""".split()
)
ODD: tuple[Any, ...] = (
    *(" ", "\u2003", "x" * 600, -1, 2.0, 0, 1.5, 1e300, True, None, [], [" ", "", 1, None, 2.5], {}, {"a": " "}),
    *([["x"]], {"unit": " ", "value": -1}, "2026-13-45"),
)
METAS: tuple[dict[str, Any], ...] = (
    {"subscription_id": " ", "lead_id": " ", "madid": "\u2003"},
    {"data_processing_options": ["LDU"], "data_processing_options_country": 7, "data_processing_options_state": 3},
    {"data_processing_options": ["LDU"], "data_processing_options_country": 1, "data_processing_options_state": 2000},
    {"data_processing_options": ["LDU"], "data_processing_options_country": 0, "data_processing_options_state": 1000},
    {"original_event_data": {"event_name": " ", "order_id": " ", "event_time": 2**52}},
    {"attribution_data": {"attribution_share": -1, "ad_id": " "}},
    {"app_data": {"extinfo": ["a2"] * 16, "advertiser_tracking_enabled": 1, "application_tracking_enabled": True}},
    {"customer_segmentation": " ", "messaging_channel": []},
)


def _of_the_page() -> Iterator[Odd]:
    for key in ("page_location", "page_referrer"):
        yield from ((f"{key}={place!r}", {key: place}) for place in PLACES)
    for key in ("page_title", "search_term", "coupon", "transaction_id", "event_id"):
        yield from ((f"{key}={blank!r}", {key: blank}) for blank in BLANKS)
    for source in ("app", "physical_store", "phone_call", "system_generated", "email", "chat", "business_messaging"):
        yield f"action_source={source}", {"action_source": source}
        yield f"{source}, no place", {"action_source": source, "page_location": "android-app://x.y/z"}


def _of_money() -> Iterator[Odd]:
    for key in ("value", "tax", "shipping", "predicted_ltv", "lead_score"):
        yield from ((f"{key}={number!r}", {key: number}) for number in NUMBERS)
    yield from ((f"currency={code!r}", {"currency": code}) for code in CODES)


def _of_ids() -> Iterator[Odd]:
    for name in CLICK_NAMES:
        yield from ((f"ids.{name}={told!r:.40}", {"ids": {**BASE["ids"], name: told}}) for told in (*CLICKS, *BLANKS))
        yield from ((f"?{name}={told!r:.40}", {"page_location": f"{PAGE}?{name}={told}"}) for told in CLICKS)
    for name in COOKIES:
        yield from ((f"ids.{name}={told!r:.40}", {"ids": {name: told}}) for told in (*CLICKS, *BLANKS))


def _of_items() -> Iterator[Odd]:
    item = BASE["items"][0]
    for key in ("item_id", "item_name", "item_brand", "item_category", "item_variant"):
        yield from ((f"items.{key}={blank!r}", {"items": [{**item, key: blank}]}) for blank in BLANKS)
    for key in ("price", "quantity"):
        for one in (*NUMBERS, 0.5):
            yield f"items.{key}={one!r}", {"items": [{**item, key: one}]}
            yield f"sum of items.{key}={one!r}", {"items": [{**item, key: one}], "value": None}
    yield "items without a name", {"items": [{"price": 1}, {}, {"item_name": " "}]}


def _of_the_person() -> Iterator[Odd]:
    for key in ("city", "region", "country", "postal_code", "first_name", "external_id", "gender"):
        yield from ((f"user.{key}={blank!r}", {"user": {**BASE["user"], key: blank}}) for blank in BLANKS)
    yield from ((f"agent={blank!r}", {"client": {**BASE["client"], "user_agent": blank}}) for blank in BLANKS)


def _of_properties() -> Iterator[Odd]:
    for key in PROPERTIES:
        for told in ODD:
            what, own = f"properties.{key}={told!r:.60}", {"properties": {key: told}}
            yield what, own
            if key.startswith(("content", "num_")):
                yield f"{what}, no items", {**own, "items": None}
            if key.startswith(("app_", "device_", "id", "att_", "extinfo", "os_")):
                yield f"{what}, in an app", {**own, "action_source": "app"}
    for key in ("callback", "campaign_id", "ad_id", "attributed"):
        for told in ODD:
            yield f"ad.{key}={told!r:.60}", {"properties": {"ad": {key: told}}, "action_source": "app"}
    for key in ("lead_id", "lead_event_source"):
        yield f"{key} of a lead", {"properties": {key: " "}, "action_source": "system_generated"}
    yield from ((f"properties.meta={told!r:.60}", {"properties": {"meta": told}}) for told in METAS)


NASTY = (*_of_the_page(), *_of_money(), *_of_ids(), *_of_items(), *_of_the_person(), *_of_properties())


def entered(fields: dict[str, Any]) -> Event:
    taken = take(hit({**BASE, **fields}, Wire.SERVER), site(), vendors=frozenset())
    assert isinstance(taken, Taken), taken
    assert isinstance(taken.copy, Event)
    return taken.copy


def said(entry: Entry, event: Event) -> Payload | Skip | None:
    adapter = entry.make({**entry.options, **SPOKEN[entry.name][1]})
    event = View(adapter.manifest).of(event)
    name = adapter.name(event.name)
    return None if name is None else adapter.payload(event, name)


@cache
def odd_events(name: str) -> tuple[tuple[str, Event], ...]:
    return tuple((what, entered({"event": name, **fields})) for what, fields in NASTY)


def objections(entry: Entry, event: Event) -> list[str]:
    """Return what the platform would refuse of the event; nothing of one that is not sent."""
    told = said(entry, event)
    if not isinstance(told, Payload):
        return []
    judge = GOOD[SPOKEN[entry.name][0]][0]
    # GA4 is asked about its events alone; of Google's actions the judge knows its own.
    body = told.body["events"] if entry.name == "ga4" else [told.body]
    body = [{key: value for key, value in one.items() if key != "destinationReferences"} for one in body]
    return [one.line() for one in judge(body).findings if one.refuses]


def test_an_ordinary_event_is_said_to_all() -> None:
    assert [
        entry.name for entry in ENTRIES if not isinstance(said(entry, entered({"event": "purchase"})), Payload)
    ] == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_no_odd_value_kills_an_event(entry: Entry, name: str) -> None:
    refused = {what: found for what, event in odd_events(name) if (found := objections(entry, event))}

    assert refused == {}


@pytest.mark.parametrize("place", ["android-app://com.google.android.gm/", "/cart", "file:///C:/x.html", "https://"])
@pytest.mark.parametrize(
    ("name", "event"), [("meta", "purchase"), ("snapchat", "purchase"), ("microsoft", "page_view")]
)
def test_a_visit_to_no_page_of_the_web_is_skipped(name: str, event: str, place: str) -> None:
    (entry,) = [entry for entry in ENTRIES if entry.name == name]

    assert said(entry, entered({"event": event, "page_location": place})) is Skip.NO_PAGE
