"""Denied everywhere, by whatever copy and whenever: nothing is lent, and the store keeps nothing of whom it was."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gateway.core.act import names
from gateway.core.event import Click, Consent, Copy, Event, Grant, Person, Purpose, Veto, Wire
from gateway.core.outcome import Door
from gateway.core.remains import veto
from gateway.core.site import Destination
from gateway.store import keys, vault
from gateway.store.database import Database
from tests.fixtures.shop import DENIED, GRANTED, LateParrot, Parrot, a_plan, an_event
from tests.store.test_keeper import Store

FOR_ADS = msgspec.structs.replace(GRANTED, analytics_storage=Grant.DENIED)
FOR_ANALYTICS = msgspec.structs.replace(DENIED, analytics_storage=Grant.GRANTED)
WHO: dict[str, Any] = {
    "clicks": {"gclid": Click(id="click-of-jo", seen_ms=1)},
    "person": Person(digests={"email": {"plain": "a" * 64}}),
}


@pytest.fixture
def store(database: Database) -> Store:
    """Two destinations that need no purpose, one of which restates."""
    free = frozenset[Purpose]()
    places = (
        Destination(name="parrot", adapter=Parrot(), consent=free),
        Destination(name="late", adapter=LateParrot(), consent=free),
    )
    return Store(database, a_plan(*places))


def copy_of(name: str, wire: Wire, consent: Consent) -> Event:
    return an_event(name, "e-1", wire, transaction_id="77" if name == "purchase" else None, consent=consent, **WHO)


async def stored(store: Store, copy: Copy) -> list[Copy]:
    """Everything that the store keeps of an act: its copies and its contents."""
    act = names(copy).own
    shard = keys.shard_of(act, store.database.shards)
    bodies = [*(await store.redis.hvals(keys.copies(shard, act)))]
    bodies += [await store.redis.get(keys.content(shard, leg)) for leg in (act, keys.late_leg(act))]
    return [vault.unseal(body) for body in bodies if body]


async def fates(store: Store, copy: Copy) -> set[bytes]:
    act = names(copy).own
    told = await store.redis.hmget(keys.act(keys.shard_of(act, store.database.shards), act), "d:parrot", "d:late")
    return {field.split(b'"')[3] for field in told}


@pytest.mark.parametrize("name", ["page_view", "purchase"])
async def test_a_silent_server_copy_that_the_default_denies_leaves_a_veto(store: Store, name: str) -> None:
    silent = copy_of(name, Wire.SERVER, Consent())

    await store.keep(silent)
    await _unhold(store)
    await store.release()

    assert await store.leaving() == await store.leaving("late") == []
    assert await fates(store, silent) == {b"skipped:consent"}
    kept = await stored(store, silent)
    assert kept
    assert all(isinstance(copy, Veto) for copy in kept)


@pytest.mark.parametrize("first", Wire)
async def test_held_copies_that_deny_everything_together_leave_a_veto(store: Store, first: Wire) -> None:
    browser, server = copy_of("purchase", Wire.BROWSER, FOR_ANALYTICS), copy_of("purchase", Wire.SERVER, FOR_ADS)
    pair = [browser, server] if first is Wire.BROWSER else [server, browser]

    for copy in pair:
        await store.keep(copy)
    await store.release()

    assert await store.leaving() == []
    assert await fates(store, browser) == {b"skipped:consent"}
    kept = await stored(store, browser)
    assert sorted(copy.wires[0] for copy in kept) == [Wire.BROWSER, Wire.SERVER]
    assert all(isinstance(copy, Veto) for copy in kept)
    assert {copy.wires[0]: copy.consent for copy in kept} == {Wire.BROWSER: FOR_ANALYTICS, Wire.SERVER: FOR_ADS}


@pytest.mark.parametrize(("before", "late"), [(GRANTED, DENIED), (FOR_ADS, FOR_ANALYTICS), (FOR_ANALYTICS, FOR_ADS)])
async def test_a_late_copy_that_denies_the_rest_ends_what_has_not_left(
    store: Store, before: Consent, late: Consent
) -> None:
    first, second = copy_of("page_view", Wire.BROWSER, before), copy_of("page_view", Wire.SERVER, late)
    await store.keep(first)

    assert await store.keep(veto(second) if late is DENIED else second) == [Door.LATE]

    for name in ("parrot", "late"):
        (leg,) = (await store.queues.lease(name, 10)).legs
        assert (leg.event, isinstance(leg.veto, Veto)) == (None, True)
        assert leg.denied == {purpose for purpose in Purpose if late.of(purpose) is Grant.DENIED}
    kept = await stored(store, first)
    assert len(kept) == 2
    assert all(isinstance(copy, Veto) for copy in kept)


async def test_what_a_late_copy_denies_is_taken_from_what_has_not_left(store: Store) -> None:
    first, late = copy_of("page_view", Wire.BROWSER, GRANTED), copy_of("page_view", Wire.SERVER, FOR_ANALYTICS)
    await store.keep(first)

    assert await store.keep(late) == [Door.LATE]

    (leg,) = (await store.queues.lease("parrot", 10)).legs
    assert leg.event is not None
    assert leg.event == msgspec.structs.replace(first, consent=leg.event.consent, clicks={})
    assert leg.event.consent.ad_storage is Grant.DENIED


async def test_a_silent_late_copy_takes_its_twins_answer(store: Store) -> None:
    first, silent = copy_of("page_view", Wire.BROWSER, GRANTED), copy_of("page_view", Wire.SERVER, Consent())
    silent = msgspec.structs.replace(silent, value=9.0)
    await store.keep(first)
    await store.leaving("late")

    assert await store.keep(silent) == [Door.LATE]

    (leg,) = (await store.queues.lease("parrot", 10)).legs
    assert (leg.event, leg.denied) == (first, frozenset())
    (restated,) = await store.leaving("late")
    assert (restated.value, restated.consent) == (9.0, GRANTED)
    assert silent in await stored(store, first)


async def test_a_destination_without_purposes_learns_of_every_denial_and_another_of_its_own(database: Database) -> None:
    free = Destination(name="late", adapter=LateParrot(), consent=frozenset())
    store = Store(database, a_plan(Destination(name="parrot", adapter=Parrot()), free))
    event = copy_of("page_view", Wire.BROWSER, GRANTED)
    await store.keep(event)

    await store.keep(msgspec.structs.replace(event, consent=FOR_ANALYTICS))  # the same wire again: a duplicate

    told = {name: (await store.queues.lease(name, 10)).legs[0].denied for name in ("parrot", "late")}
    assert told == {
        "parrot": {Purpose.AD_STORAGE, Purpose.AD_USER_DATA},
        "late": set(Purpose) - {Purpose.ANALYTICS_STORAGE},
    }


async def _unhold(store: Store) -> None:
    """Let the hold of everything be over."""
    for shard in range(store.database.shards):
        due = keys.hold(shard).due
        for act in await store.redis.zrange(due, 0, -1):
            await store.redis.zadd(due, {act: 0})
