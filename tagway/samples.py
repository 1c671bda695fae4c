"""Events and answers to try an adapter with: a bare one, one with everything, odd ones, and what nobody expects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from gateway.core.event import Browser, Campaign, Click, Consent, Event, Grant, Item, Page, Person, Wire
from gateway.core.manifest import CLICKS, COOKIES, DEVICE, PLACE, PROPERTIES, RAW, SPELLINGS

_AT_MS: Final = 1_795_305_600_250
_DIGEST: Final = "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f6"
_VALUES: Final = {
    "fbp": "fb.1.1795305600250.52390506499288804",
    "fbc": "fb.1.1795305600250.IwAR2sample-of-a-click",
    "ttp": "2xTsampleOfTikToksCookie0001",
    "gcl_au": "1.1.1122334455.1795305600",
    "ga_client_id": "584335997.1746564151",
    "ga_session_id": "1795305600",
    "sc_cookie1": "0a1b2c3d-0000-4000-8000-00000000000d",
    "rdt_uuid": "1795305600250.0a1b2c3d-0000-4000-8000-00000000000e",
    "uetvid": "0a1b2c3d00004000800000000000000f",
    "gad": "1.20000000001",
    "li_fat_id": "0a1b2c3d-0000-4000-8000-000000000000",
    "idfa": "0a1b2c3d-0000-4000-8000-00000000000a",
    "idfv": "0a1b2c3d-0000-4000-8000-00000000000b",
    "gaid": "0a1b2c3d-0000-4000-8000-00000000000c",
}

BARE: Final = Event(site="shop", name="page_view", event_id="e-1", wires=(Wire.BROWSER,), at_ms=0, received_ms=0)

FULL: Final = msgspec.structs.replace(
    BARE,
    name="purchase",
    wires=(Wire.BROWSER, Wire.SERVER),
    at_ms=_AT_MS,
    received_ms=_AT_MS + 650,
    page=Page(location="https://shop.example/thanks", referrer="https://shop.example/cart", title="Thanks"),
    value=49.9,
    currency="EUR",
    transaction_id="1001",
    raw="v=2&tid=G-ABC123&cid=584335997.1746564151&en=purchase&ep.transaction_id=1001",
    coupon="TEA",
    tax=3.1,
    shipping=4.9,
    items=(Item(item_id="SKU1", item_name="Mug", item_category="Kitchen", price=24.95, quantity=2),),
    person=Person(
        digests={
            field: {spelling: f"{_DIGEST}{at:x}{place:x}" for place, spelling in enumerate(spellings)}
            for at, (field, spellings) in enumerate(SPELLINGS.items())
        },
        city="San Francisco",
        region="CA",
        postal_code="94105",
        country="US",
    ),
    browser=Browser(
        ip="203.0.113.7",
        user_agent="Mozilla/5.0 (X11; Linux x86_64) Chrome/156.0.0.0",
        language="en-US,en;q=0.9",
        cookies={name: _VALUES.get(name, f"sample-of-{name}") for name in COOKIES},
    ),
    clicks={name: Click(id=_VALUES.get(name, f"sample-of-{name}"), seen_ms=_AT_MS - 60_000) for name in CLICKS},
    campaign=Campaign(source="newsletter", medium="email", name="autumn"),
    consent=Consent(
        ad_storage=Grant.GRANTED,
        ad_user_data=Grant.GRANTED,
        ad_personalization=Grant.GRANTED,
        analytics_storage=Grant.GRANTED,
    ),
)
"""An event with every identifier in it."""

STRANGE: Final = (
    b"",
    b"{}",
    b"[]",
    b"null",
    b"0",
    b'"ok"',
    b"\x00\xff\xfe garbage",
    b"<html><title>200 OK</title></html>",
    b'{"error":"text"}',
    b'{"error":{"code":"190","message":7}}',
    b'{"error":{"code":true,"error_subcode":[]}}',
    b'{"error":{"code":-1,"status":{},"details":"no list"}}',
    b'{"code":null,"message":{},"data":[]}',
    b'{"success":true}',
    b'{"events_received":true}',
    b'{"requestId":17}',
)
"""Answers that confirm nothing, whoever gives them."""

FOREIGN: Final = (
    b'{"events_received":%d,"messages":[],"fbtrace_id":"Ax"}',
    b'{"requestId":"req-1"}',
    b'{"code":0,"message":"OK","request_id":"1","data":{}}',
    b'{"status":"VALID","reason":"Events have been processed successfully."}',
    b'{"num_events_received":%d,"num_events_processed":1,"events":[]}',
    b'{"data":{"message":"Successfully processed %d conversion events."}}',
    b'{"eventsReceived":%d,"traceId":"t-1"}',
    b'{"elements":[{"status":201}]}',
    b'{"request":{},"data":{"conversions_processed":%d,"debug_id":"d-1"}}',
)
"""What platforms answer when they are content; `%d` stands for how many events they took."""

# What the door lets through and hardly anybody sends.
_ODD: Final[dict[str, tuple[Any, ...]]] = {
    "name": ("page_view", "refund", "generate_lead", "quiz.done-2", "a" * 64),
    "event_id": ("ü", "x" * 256, " ", "0"),
    "wires": ((Wire.SERVER,),),
    "at_ms": (0, 1, 4_102_444_800_000),
    "action_source": ("app", "physical_store", "phone_call", "system_generated", "crm", ""),
    "test": (True,),
    "page": (Page(), Page(location="shop.example/thanks"), Page(location="", referrer="", title="")),
    "value": (None, 0, -1.5, 1e300, 2**53),
    "currency": (None, "", "usd", "EURO"),
    "transaction_id": (None, "", "ü" * 64),
    "tax": (0, -1),
    "items": (
        (),
        (Item(),),
        (Item(item_id="", price=-1, quantity=0), Item(item_id="b", quantity=0.5), Item(item_name="c", quantity=1e300)),
    ),
    "search_term": ("", "tea & coffee"),
    "predicted_ltv": (0, -1.0),
    "person": (Person(), Person(city="", region="", postal_code="", country="DE"), Person(region="Bavaria")),
    "browser": (
        Browser(),
        Browser(ip="", user_agent="", language=""),
        Browser(ip="2001:db8::1", language="*", cookies=dict.fromkeys(COOKIES, "odd")),
    ),
    "clicks": ({}, {name: Click(id="", seen_ms=0) for name in CLICKS}, {"gclid": Click(id="ü ", seen_ms=1)}),
    "consent": (Consent(), Consent(ad_user_data=Grant.DENIED, ad_personalization=Grant.DENIED)),
    "properties": (
        dict.fromkeys(("email", "em", "user_id", "custom", "order_id"), "odd"),
        {key: [None, {"a": [1.5]}] for key in ("value", "currency", "content_ids", "contents", "num_items", "status")},
        {"": "", "ü": True, "nested": {"list": [1, "two", None]}, "content_ids": "one", "value": "1,5"},
    ),
}


def odd_events(full: Event) -> Iterator[Event]:
    """Yield the full event, the bare one, and both with each odd value by itself."""
    for base in (full, BARE):
        yield base
        for field, values in _ODD.items():
            for value in values:
                yield msgspec.structs.replace(base, **{field: value})


def without(event: Event, field: str) -> Event:
    """Take one identifier out of an event, from its page's address as well."""
    person, browser = event.person, event.browser
    if field == RAW:
        return msgspec.structs.replace(event, raw=None)
    if field in SPELLINGS:
        digests = {name: told for name, told in person.digests.items() if name != field}
        return msgspec.structs.replace(event, person=msgspec.structs.replace(person, digests=digests))
    if field in PLACE:
        return msgspec.structs.replace(event, person=msgspec.structs.replace(person, **{field: None}))
    if field in DEVICE:
        return msgspec.structs.replace(event, browser=msgspec.structs.replace(browser, **{field: None}))
    if field in COOKIES:
        cookies = {name: text for name, text in browser.cookies.items() if name != field}
        return msgspec.structs.replace(event, browser=msgspec.structs.replace(browser, cookies=cookies))
    if field in PROPERTIES:
        properties = {name: told for name, told in event.properties.items() if name != field}
        return msgspec.structs.replace(event, properties=properties)
    clicks = {name: click for name, click in event.clicks.items() if name != field}
    location = event.page.location or ""
    page = Page(location=location.partition("?")[0]) if f"?{field}=" in location else event.page
    return msgspec.structs.replace(event, clicks=clicks, page=page)


def alone(event: Event) -> Iterator[Event]:
    """Yield the event with one click id at a time, without any, and from an app's server with the ids of a phone.

    What is read only where something better is absent shows itself here.
    """
    yield msgspec.structs.replace(event, clicks={})
    for name in CLICKS:
        clicks = {name: event.clicks[name]}
        location = f"https://shop.example/thanks?{name}={event.clicks[name].id}"
        yield msgspec.structs.replace(event, clicks=clicks)
        yield msgspec.structs.replace(event, clicks=clicks, page=Page(location=location))
    for name in PROPERTIES:
        properties = {**event.properties, name: _VALUES.get(name, f"sample-of-{name}")}
        yield msgspec.structs.replace(event, action_source="app", properties=properties)
