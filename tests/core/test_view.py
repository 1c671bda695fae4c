"""What an adapter's manifest does not list is not in the event it is handed, wherever it may stand."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings

from gateway.core.event import Browser, Event, Page
from gateway.core.manifest import DEVICE, EVERYTHING, RAW, SPELLINGS, Manifest
from gateway.core.view import View
from tagway.samples import BARE, FULL
from tests.adapters.strategies import events

THERE_IS = tuple(dict.fromkeys((*EVERYTHING, *DEVICE, RAW)))
NOTHING = View(Manifest())
ALL_OF_IT = View(Manifest(reads=THERE_IS))
FULL_WITH_PHONE = msgspec.structs.replace(FULL, properties={"idfa": "a-phone's-own-id", "plan": "gold"})


def seen(event: Event, *reads: str) -> Event:
    return View(Manifest(reads=reads)).of(event)


def identifiers(event: Event) -> set[str]:
    """Name every identifier that stands in an event."""
    person, browser = event.person, event.browser
    places = {name for name in ("city", "region", "postal_code", "country") if getattr(person, name) is not None}
    device = {name for name in DEVICE if getattr(browser, name) is not None}
    phones = {"idfa", "idfv", "gaid"} & event.properties.keys()
    raw = set() if event.raw is None else {RAW}
    return {*person.digests, *places, *device, *browser.cookies, *event.clicks, *phones, *raw}


def test_who_declares_nothing_sees_what_was_done_and_not_by_whom() -> None:
    told = NOTHING.of(FULL_WITH_PHONE)

    assert identifiers(FULL_WITH_PHONE) >= {*SPELLINGS, "ip", "gclid", "fbp", "idfa"}
    assert identifiers(told) == set()
    assert (told.name, told.value, told.items, told.page, told.consent) == (
        FULL.name, FULL.value, FULL.items, FULL.page, FULL.consent,
    )  # fmt: skip
    assert told.properties == {"plan": "gold"}


@pytest.mark.parametrize("name", sorted({*THERE_IS} - {"idfv", "gaid"}))
def test_each_identifier_is_seen_by_who_lists_it_and_by_nobody_else(name: str) -> None:
    others = tuple(other for other in THERE_IS if other != name)

    assert identifiers(seen(FULL_WITH_PHONE, name)) == {name}
    assert name not in identifiers(seen(FULL_WITH_PHONE, *others))


def test_nothing_to_hide_is_the_same_object() -> None:
    assert ALL_OF_IT.of(FULL_WITH_PHONE) is FULL_WITH_PHONE
    assert NOTHING.of(BARE) is BARE


def test_an_identifier_that_is_invented_later_is_hidden_from_all_who_do_not_name_it() -> None:
    event = msgspec.structs.replace(BARE, browser=Browser(cookies={"new_vendor": "1", "fbp": "2"}))

    assert seen(event, "fbp").browser.cookies == {"fbp": "2"}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://a.example/?gclid=1", "https://a.example/"),
        ("https://a.example/?gclid=1&a=b", "https://a.example/?a=b"),
        ("https://a.example/?a=b&gclid=1&ScCid=2#top", "https://a.example/?a=b#top"),
        ("https://a.example/?a=b&fbclid=1&c", "https://a.example/?a=b&fbclid=1&c"),
        ("https://a.example/?x=gclid=1", "https://a.example/?x=gclid=1"),
        ("https://a.example/gclid=1", "https://a.example/gclid=1"),
    ],
)
def test_another_platforms_click_id_is_cut_out_of_addresses(url: str, shown: str) -> None:
    event = msgspec.structs.replace(BARE, page=Page(location=url, referrer=url))

    told = seen(event, "fbclid")

    assert (told.page.location, told.page.referrer) == (shown, shown)
    assert (told is event) == (url == shown)


@settings(max_examples=100, deadline=None)
@given(event=events)
def test_of_any_event_only_what_is_listed_stays_and_the_event_is_left_alone(event: Event) -> None:
    before = msgspec.json.encode(event)

    told = seen(event, "email.plain", "ip", "gclid", "fbp", "city")

    assert identifiers(told) == identifiers(event) & {"email", "ip", "gclid", "fbp", "city"}
    assert msgspec.json.encode(event) == before
