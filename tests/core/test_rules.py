"""What a destination's rules make of an event before its adapter sees it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given

from adapters.echo import Echo
from gateway.core.event import Browser, Click, Event, Item, Page, Person, Wire
from gateway.core.rules import apply, source, target
from gateway.core.site import Destination
from gateway.core.value import ValueRule
from tests.adapters.strategies import events

EVENT = Event(
    site="shop",
    name="purchase",
    event_id="e-1",
    wires=(Wire.BROWSER,),
    at_ms=0,
    received_ms=0,
    value=100.0,
    currency="EUR",
    coupon="TEA",
    lead_score=7.0,
    page=Page(location="https://shop.example/", title="Thanks"),
    items=(Item(item_id="A", item_name="Pill", price=1.0),),
    person=Person(digests={"phone": {"e164": "a" * 64}, "email": {"plain": "b" * 64}}, city="Berlin"),
    browser=Browser(ip="203.0.113.7", cookies={"fbp": "fb.1.1.1"}),
    clicks={"gclid": Click(id="Cj0", seen_ms=1)},
    properties={"plan": "pro", "seats": 3, "note": "x"},
)


def told(event: Event = EVENT, **rules: Any) -> Event:
    return apply(event, Destination(name="d", adapter=Echo(), **rules))


def test_without_a_rule_the_event_is_the_very_same() -> None:
    assert told() is EVENT
    assert told(values={"refund": ValueRule(factor=2.0)}, static={"refund": {"a": 1}}) is EVENT


def test_a_rule_of_its_own_stands_before_the_one_for_all() -> None:
    values = {"purchase": ValueRule(factor=0.5), "*": ValueRule(fixed=1)}

    assert told(values=values).value == 50.0
    assert told(msgspec.structs.replace(EVENT, name="view_item"), values=values).value == 1.0


@pytest.mark.parametrize(
    ("name", "gone"),
    [
        ("coupon", lambda event: event.coupon),
        ("value", lambda event: event.value),
        ("lead_score", lambda event: event.lead_score),
        ("items", lambda event: event.items or None),
        ("items.item_name", lambda event: event.items[0].item_name),
        ("page_title", lambda event: event.page.title),
        ("user.phone", lambda event: event.person.digest("phone", "e164")),
        ("user.city", lambda event: event.person.city),
        ("client.ip", lambda event: event.browser.ip),
        ("ids.fbp", lambda event: event.browser.cookies.get("fbp")),
        ("ids.gclid", lambda event: event.clicks.get("gclid")),
        ("plan", lambda event: event.properties.get("plan")),
    ],
)
def test_a_parameter_is_left_out_and_nothing_else(name: str, gone: Any) -> None:
    assert source(name) == name
    assert gone(EVENT) is not None

    less = told(params={name: None})

    assert gone(less) is None
    assert less.person.digest("email", "plain") == "b" * 64
    assert (less.event_id, less.page.location, less.currency) == ("e-1", "https://shop.example/", "EUR")


def test_a_parameter_gets_another_name() -> None:
    said = told(params={"coupon": "promo", "plan": "tier", "seats": "lead_score", "lead_score": "points"})

    assert (said.coupon, said.lead_score) == (None, 3.0)
    assert said.properties == {"promo": "TEA", "tier": "pro", "points": 7.0, "note": "x"}


def test_two_parameters_may_change_places() -> None:
    assert told(params={"plan": "note", "note": "plan"}).properties == {"plan": "x", "note": "pro", "seats": 3}


def test_what_does_not_fit_a_field_stays_a_property() -> None:
    said = told(params={"plan": "lead_score"})

    assert said.lead_score == 7.0
    assert said.properties["lead_score"] == "pro"


def test_what_is_absent_is_not_said_under_another_name() -> None:
    assert told(params={"absent": "coupon"}).coupon == "TEA"


def test_a_parameter_may_give_the_value_and_stay_here() -> None:
    said = told(values={"*": ValueRule(param="seats", factor=10.0)}, params={"seats": None})

    assert said.value == 30.0
    assert "seats" not in said.properties


def test_static_parameters_are_said_last_and_the_events_own_before_those_for_all() -> None:
    said = told(static={"*": {"channel": "web", "plan": "all"}, "purchase": {"channel": "shop", "coupon": 5}})

    assert said.properties == {"plan": "all", "seats": 3, "note": "x", "channel": "shop"}
    assert said.coupon == "5"


@pytest.mark.parametrize(
    "name", ["event_id", "transaction_id", "consent", "timestamp", "user", "user.mail", "a.b", "ids.A", ""]
)
def test_what_says_which_act_it_is_cannot_be_left_out(name: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        source(name)


@pytest.mark.parametrize("name", ["value", "currency", "items", "page_location", "transaction_id", "user.email", "a b"])
def test_no_parameter_takes_the_place_of_what_has_rules_of_its_own(name: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        target(name)


@given(event=events)
def test_rules_are_pure_and_leave_the_act_itself_alone(event: Event) -> None:
    rules: dict[str, Any] = {
        "values": {"*": ValueRule(tax="out", factor=0.3)},
        "params": {"coupon": "promo", "user.email": None, "status": None},
        "static": {"*": {"channel": "web"}},
    }
    before = msgspec.json.encode(event)

    said = told(event, **rules)

    assert msgspec.json.encode(event) == before
    assert said == told(event, **rules)
    assert (said.event_id, said.name, said.consent, said.at_ms) == (
        event.event_id,
        event.name,
        event.consent,
        event.at_ms,
    )
