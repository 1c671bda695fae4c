"""Anybody can send a browser's copy: none of them, in any order, changes or suppresses what the shop's server says."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.event import Browser, Click, Consent, Event, Grant, Item, Person, Wire
from gateway.core.merge import merge, sealed
from gateway.core.outcome import Door
from gateway.core.plan import Plan
from gateway.core.site import Destination, MergePolicy
from gateway.store.database import Database
from tests.fixtures.shop import DENIED, GRANTED, NOW_MS, LateParrot, Parrot, a_plan, a_site, an_event
from tests.store.test_keeper import Store

DAY_MS = 86_400_000
words = st.sampled_from(("a", "b", "ord-1", "ord-2"))
maybe = st.one_of(st.none(), words)
money = st.one_of(st.none(), st.sampled_from((0.0, 0.01, 52.0, 1e9)))
items = st.lists(st.builds(Item, item_id=words, price=money), max_size=2).map(tuple)
persons = st.builds(
    Person,
    digests=st.dictionaries(st.sampled_from(("email", "phone")), st.just({"plain": "0" * 64}), max_size=2),
    city=maybe,
    country=maybe,
)
STATED = ("transaction_id", "coupon", "tax", "shipping", "items", "search_term", "lead_score", "predicted_ltv")
CLEAR = ("city", "region", "postal_code", "country")


def copies(wire: Wire) -> st.SearchStrategy[Event]:
    return st.builds(
        Event,
        site=st.just("shop"),
        name=st.just("purchase"),
        event_id=words,
        wires=st.just((wire,)),
        at_ms=st.integers(NOW_MS - 30 * DAY_MS, NOW_MS),
        received_ms=st.integers(NOW_MS, NOW_MS + 60_000),
        id_made=st.booleans(),
        action_source=st.sampled_from(("website", "app", "physical_store", "phone_call")),
        bot=st.sampled_from((None, "crawler")) if wire is Wire.BROWSER else st.none(),
        value=money,
        currency=st.sampled_from((None, "EUR", "KWD")),
        transaction_id=maybe,
        coupon=maybe,
        tax=money,
        shipping=money,
        items=items,
        search_term=maybe,
        lead_score=money,
        predicted_ltv=money,
        person=persons,
        browser=st.builds(Browser, ip=maybe, cookies=st.dictionaries(st.just("fbp"), words)),
        clicks=st.dictionaries(st.just("gclid"), st.builds(Click, id=words, seen_ms=st.just(NOW_MS))),
        consent=st.just(GRANTED),
        properties=st.dictionaries(st.sampled_from(("k", "l")), words),
    )


def kept(arriving: list[Event]) -> list[Event]:
    """Return what the door keeps of them: of each wire the first."""
    by_wire: dict[Wire, Event] = {}
    for copy in arriving:
        by_wire.setdefault(copy.wires[0], copy)
    return list(by_wire.values())


@settings(max_examples=300)
@given(copies(Wire.SERVER), st.lists(copies(Wire.BROWSER), max_size=4), st.randoms(use_true_random=False))
def test_what_the_server_states_is_what_leaves(trusted: Event, strangers: list[Event], dice: random.Random) -> None:
    arriving = [trusted, *strangers]
    dice.shuffle(arriving)

    act = merge(kept(arriving))

    assert isinstance(act, Event)
    assert Wire.SERVER in act.wires
    for field in STATED:
        if (stated := getattr(trusted, field)) not in (None, ()):
            assert getattr(act, field) == stated
    if trusted.value is not None:
        assert act.value == trusted.value
        same_amount = [stranger.currency for stranger in strangers if stranger.value == trusted.value]
        assert act.currency in ([trusted.currency] if trusted.currency else [None, *same_amount])
    if trusted.currency is not None:
        assert act.currency == trusted.currency
    for field in CLEAR:
        if (stated := getattr(trusted.person, field)) is not None:
            assert getattr(act.person, field) == stated
    assert act.person.digests.items() >= trusted.person.digests.items()
    assert act.properties.items() >= trusted.properties.items()
    assert (act.action_source, act.bot) == (trusted.action_source, None)
    assert trusted.at_ms - DAY_MS <= act.at_ms <= trusted.at_ms
    assert act.at_ms == trusted.at_ms or strangers


@given(copies(Wire.SERVER), st.lists(copies(Wire.BROWSER), max_size=3), st.sampled_from((GRANTED, Consent(), DENIED)))
def test_strangers_may_deny_and_never_grant(trusted: Event, strangers: list[Event], said: Consent) -> None:
    trusted = msgspec.structs.replace(trusted, consent=said)

    act = sealed(kept([*strangers, trusted]), a_site().consent)

    if said == DENIED:
        assert act.consent.ad_storage is Grant.DENIED


def test_an_amount_never_gets_a_strangers_currency() -> None:
    bare = an_event("purchase", wire=Wire.SERVER, value=52.0, currency=None)
    in_euros = an_event("purchase", wire=Wire.SERVER, value=None, currency="EUR")
    stranger = an_event("purchase", value=10.0, currency="KWD")

    acts = [merge([stranger, server]) for server in (bare, in_euros)]

    assert [(act.value, act.currency) for act in acts if isinstance(act, Event)] == [(52.0, None), (None, "EUR")]


def test_what_the_server_left_out_the_browser_fills_in() -> None:
    act = merge([an_event("purchase", value=10.0, currency="EUR"), an_event("purchase", wire=Wire.SERVER)])

    assert isinstance(act, Event)
    assert (act.value, act.currency) == (10.0, "EUR")


# --- the same, in a real store ------------------------------------------------------------------------


def trusted(**more: Any) -> Event:
    return an_event("purchase", "ord-7", Wire.SERVER, transaction_id="7", value=49.9, currency="EUR", **more)


def forged(dice: random.Random) -> Event:
    """A stranger's copy of an order whose ids he guessed; some of them look like machines'."""
    return an_event(
        "purchase",
        dice.choice(("ord-7", "evil")),
        transaction_id=dice.choice(("7", "7", None)),
        id_made=False,
        value=dice.choice((0.01, 1e9, None)),
        currency=dice.choice(("KWD", None)),
        bot=dice.choice((None, "crawler")),
        properties={"number": dice.randrange(10**9)},
    )


def plan(confirm: bool) -> Plan:
    parrots = (Destination(name="parrot", adapter=Parrot()), Destination(name="late", adapter=LateParrot()))
    merging = MergePolicy(hold_s=30, events=frozenset({"purchase"}), confirm=frozenset({"purchase"} if confirm else ()))
    return a_plan(*parrots, site=a_site(destinations=("parrot", "late"), merge=merging))


@pytest.mark.parametrize("seed", range(12))
async def test_with_confirmation_nothing_of_strangers_leaves_and_the_order_does(database: Database, seed: int) -> None:
    dice, store = random.Random(seed), Store(database, plan(confirm=True))
    for _ in range(dice.randrange(1, 4)):
        await store.keep(forged(dice))
        await store.release()
        assert await store.leaving() == []

    (said,) = await store.keep(trusted())
    await store.release()

    assert said in (Door.ACCEPTED, Door.MERGED)
    (left,) = await store.leaving()
    assert (left.value, left.currency, left.transaction_id) == (49.9, "EUR", "7")
    assert await store.keep(trusted()) == [Door.DUPLICATE]


async def test_an_order_that_left_on_a_strangers_word_is_recorded_and_restated_where_that_is_possible(
    database: Database,
) -> None:
    store = Store(database, replace_hold(plan(confirm=False), hold_s=0))
    await store.keep(an_event("purchase", "ord-7", transaction_id="7", value=0.01, currency="KWD"))
    await store.release()
    first = await store.leaving(), await store.leaving("late")

    assert await store.keep(trusted()) == [Door.LATE]

    assert [[event.value for event in left] for left in first] == [[0.01], [0.01]]
    assert await store.leaving() == []
    (again,) = await store.leaving("late")
    assert (again.value, again.currency, again.event_id) == (49.9, "EUR", "ord-7")


async def test_an_id_that_was_guessed_beforehand_shuts_no_order_out(database: Database) -> None:
    """The stranger's copy waits for its confirmation in vain; the order comes after that, and is news."""
    impatient = replace_hold(plan(confirm=True), window_h=0.0001)
    store = Store(database, impatient)
    for number in range(3):
        await store.keep(an_event("purchase", "ord-7", transaction_id="7", value=0.01, properties={"n": number}))

    await unconfirmed(store)
    said = await store.keep(trusted())

    assert said == [Door.ACCEPTED]
    assert [event.value for event in await leaving(store)] == [49.9]


async def test_two_orders_that_a_stranger_named_as_one_are_two(database: Database) -> None:
    store = Store(database, replace_hold(plan(confirm=True)))
    for event_id in ("ord-7", "ord-8"):
        await store.keep(an_event("purchase", event_id, transaction_id="of-a-stranger", value=0.01))
    eighth = an_event("purchase", "ord-8", Wire.SERVER, transaction_id="8", value=8.0, currency="EUR")

    said = await store.keep(trusted()) + await store.keep(eighth)
    left = await leaving(store)
    if len(left) == 1:
        left += await leaving(store)

    assert Door.DUPLICATE not in said
    assert sorted(event.value or 0 for event in left) == [8.0, 49.9]


async def test_a_denial_that_was_never_confirmed_is_remembered(database: Database) -> None:
    impatient = replace_hold(plan(confirm=True), window_h=0.0001)
    store = Store(database, impatient)
    denied = Consent(ad_storage=Grant.DENIED, ad_user_data=Grant.DENIED, analytics_storage=Grant.GRANTED)
    await store.keep(an_event("purchase", "ord-7", transaction_id="7", consent=denied))

    await unconfirmed(store)

    assert await store.keep(trusted()) == [Door.LATE]


def replace_hold(plan: Plan, hold_s: float = 0, window_h: float = 48) -> Plan:
    site = plan.sites["shop"]
    site = replace(site, merge=replace(site.merge, hold_s=hold_s), dedup=replace(site.dedup, window_h=window_h))
    return replace(plan, sites={"shop": site})


async def leaving(store: Store) -> list[Event]:
    for _ in range(500):
        await store.release()
        if left := await store.leaving():
            return left
        await asyncio.sleep(0.01)
    raise AssertionError("nothing leaves")


async def unconfirmed(store: Store) -> None:
    """Wait until the act of a copy that waited has ended."""
    for _ in range(500):
        await store.release()
        statuses = [await store.redis.hget(key, "st") for key in await store.redis.keys("*:act:*")]
        if statuses == [b"done"]:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it still waits")
