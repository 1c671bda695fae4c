"""The door's promise: a copy that was acknowledged is claimed and scheduled, once."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import msgspec
import pytest

from gateway.core.event import Consent, Event, Grant, Purpose, Veto, Wire
from gateway.core.outcome import Door
from gateway.core.plan import Keep, Plan
from gateway.core.site import DedupPolicy, Destination, MergePolicy
from gateway.store import keys, vault
from gateway.store.database import Database
from gateway.store.errors import Unavailable
from gateway.store.keeper import Keeper
from gateway.store.outcomes import Fate
from gateway.store.queues import Kind, Queues, Settlement
from tests.fixtures.gateway import wait_until
from tests.fixtures.shop import DENIED, NOW_MS, LateParrot, Parrot, a_plan, a_site, an_event, twins


class Store:
    """A keeper and the queues behind it, on one plan."""

    def __init__(self, database: Database, plan: Plan) -> None:
        def now_ms() -> int:
            return NOW_MS

        def nothing() -> None:
            return None

        def counted_as(_: str, event: str) -> str:
            return event

        self.database = database
        self.redis: Any = database.redis  # redis-py types its answers as whatever a setting could make of them
        self.keeper = Keeper(
            database,
            lambda: plan,
            now_ms=now_ms,
            copy_id=lambda: secrets.token_hex(16),
            nudge=nothing,
            counted_as=counted_as,
        )
        self.queues = Queues(
            database,
            lambda: plan,
            now_ms=now_ms,
            token=lambda: secrets.token_hex(8),
            nudge=nothing,
            counted_as=counted_as,
        )

    async def keep(self, *copies: Event | Veto) -> list[Door]:
        return await self.keeper.keep(copies)

    async def settle_all(self) -> None:
        """Deliver everything that is due."""
        while legs := (await self.queues.lease("parrot", 500)).legs:
            fate = Fate(outcome="delivered", at_ms=NOW_MS)
            await self.queues.settle([Settlement(leg=leg, kind=Kind.DONE, fate=fate) for leg in legs])

    async def leaving(self, destination: str = "parrot") -> list[Event]:
        """Lease everything that is due for a destination, and settle it as delivered."""
        loan = await self.queues.lease(destination, 100)
        fate = Fate(outcome="delivered", at_ms=NOW_MS)
        await self.queues.settle([Settlement(leg=leg, kind=Kind.DONE, fate=fate) for leg in loan.legs])
        return [leg.event for leg in loan.legs if leg.event is not None]

    async def release(self) -> None:
        await self.queues.release_held(100)


@pytest.fixture
def store(database: Database) -> Store:
    return Store(database, a_plan())


async def test_an_event_that_waits_for_nobody_is_due_at_once(store: Store) -> None:
    assert await store.keep(an_event()) == [Door.ACCEPTED]

    assert [event.event_id for event in await store.leaving()] == ["e-1"]


async def test_the_same_wire_again_is_a_duplicate_before_and_after_dispatch(store: Store) -> None:
    await store.keep(an_event())

    assert await store.keep(an_event()) == [Door.DUPLICATE]
    await store.leaving()
    assert await store.keep(an_event()) == [Door.DUPLICATE]
    assert await store.leaving() == []


async def test_twins_become_one_event_with_the_servers_value(store: Store) -> None:
    browser, server = twins()

    assert await store.keep(browser) == [Door.ACCEPTED]
    assert await store.leaving() == []  # held
    assert await store.keep(server) == [Door.MERGED]
    await store.release()

    (event,) = await store.leaving()
    assert (event.value, event.wires) == (12.0, (Wire.BROWSER, Wire.SERVER))


async def test_twins_in_the_other_order_make_the_same_event(store: Store) -> None:
    browser, server = twins()

    assert await store.keep(server, browser) == [Door.ACCEPTED, Door.MERGED]
    await store.release()

    (event,) = await store.leaving()
    assert (event.value, event.wires) == (12.0, (Wire.BROWSER, Wire.SERVER))


async def test_a_made_browser_id_joins_the_server_by_the_order_number(store: Store) -> None:
    browser = an_event("purchase", "made-1", id_made=True, transaction_id="77", value=1.0, currency="EUR")
    server = an_event("purchase", "made-2", Wire.SERVER, id_made=True, transaction_id="77", value=9.0, currency="EUR")

    assert await store.keep(browser) == [Door.ACCEPTED]
    assert await store.keep(server) == [Door.MERGED]
    await store.release()

    (event,) = await store.leaving()
    assert (event.event_id, event.order_id, event.value) == ("77", "77", 9.0)


async def test_a_browser_copy_with_its_own_id_joins_the_server_by_the_order_number(store: Store) -> None:
    browser = an_event("purchase", "page-id", transaction_id="77", value=1.0, currency="EUR")
    server = an_event("purchase", "77", Wire.SERVER, id_made=True, transaction_id="77", value=9.0, currency="EUR")

    assert await store.keep(server, browser) == [Door.ACCEPTED, Door.MERGED]
    await store.release()

    (event,) = await store.leaving()
    assert (event.event_id, event.order_id) == ("page-id", "77")


async def test_a_third_copy_with_the_event_id_alone_finds_its_act(store: Store) -> None:
    browser = an_event("purchase", "page-id", transaction_id="77", value=1.0, currency="EUR")
    await store.keep(browser)

    again = an_event("purchase", "page-id", value=1.0, currency="EUR")

    assert await store.keep(again) == [Door.DUPLICATE]


async def test_two_hundred_copies_at_once_claim_one_act(store: Store) -> None:
    browser, server = twins()
    copies = [browser, server] * 100

    said = await asyncio.gather(*(store.keep(copy) for copy in copies))
    await store.release()

    flat = [status for (status,) in said]
    assert (flat.count(Door.ACCEPTED), flat.count(Door.MERGED), flat.count(Door.DUPLICATE)) == (1, 1, 198)
    assert len(await store.leaving()) == 1


async def test_a_late_copy_is_told_so_and_sends_nothing_again(store: Store) -> None:
    browser = an_event("add_to_cart", "c-1")
    server = an_event("add_to_cart", "c-1", Wire.SERVER)
    await store.keep(browser)
    await store.leaving()

    assert await store.keep(server) == [Door.LATE]
    assert await store.leaving() == []
    assert await store.keep(server) == [Door.DUPLICATE]


class Heard:
    """An answer that is no future: it hears within the store's own work."""

    def __init__(self) -> None:
        self.said: list[Door | BaseException] = []

    def done(self) -> bool:
        return bool(self.said)

    def set_result(self, result: Door) -> None:
        self.said.append(result)

    def set_exception(self, exception: BaseException) -> None:
        self.said.append(exception)


async def test_a_caller_may_bring_an_answer_of_his_own(database: Database) -> None:
    store = Store(database, a_plan())
    copies = [an_event(event_id="v-1"), an_event(event_id="v-1"), *twins()]
    heard = [Heard() for _ in copies]

    for copy, answer in zip(copies, heard, strict=True):
        store.keeper.submit(copy, answer)

    async def have_heard() -> bool:
        return all(answer.done() for answer in heard)

    assert await wait_until(have_heard)
    assert [answer.said for answer in heard[:2]] == [[Door.ACCEPTED], [Door.DUPLICATE]]
    assert {said for answer in heard[2:] for said in answer.said} == {Door.ACCEPTED, Door.MERGED}


async def test_an_answer_of_ones_own_hears_that_nothing_was_kept() -> None:
    nobody = Database("redis://127.0.0.1:1/0", shards=4)
    store = Store(nobody, a_plan())
    heard = [Heard(), Heard()]

    store.keeper.submit(an_event(), heard[0])
    store.keeper.submit(twins()[0], heard[1])

    async def have_heard() -> bool:
        return all(answer.done() for answer in heard)

    assert await wait_until(have_heard)
    assert [[type(said) for said in answer.said] for answer in heard] == [[Unavailable], [Unavailable]]
    await nobody.close()


async def test_a_late_copy_is_restated_once_where_the_platform_restates(database: Database) -> None:
    store = Store(
        database, a_plan(Destination(name="parrot", adapter=Parrot()), Destination(name="late", adapter=LateParrot()))
    )
    browser = an_event("add_to_cart", "c-1", value=1.0)
    server = an_event("add_to_cart", "c-1", Wire.SERVER, value=2.0)
    await store.keep(browser)
    await store.leaving()
    await store.leaving("late")

    await store.keep(server)

    assert await store.leaving() == []
    (restated,) = await store.leaving("late")
    assert (restated.event_id, restated.value) == ("c-1", 2.0)
    assert await store.leaving("late") == []


async def test_a_late_denial_is_read_with_every_leg_that_has_not_left(store: Store) -> None:
    await store.keep(an_event("add_to_cart", "c-1"))
    denial = Veto(
        site="shop", name="add_to_cart", event_id="c-1", wires=(Wire.SERVER,), received_ms=NOW_MS, id_made=False,
        consent=DENIED,
    )  # fmt: skip

    assert await store.keep(denial) == [Door.LATE]

    loan = await store.queues.lease("parrot", 10)
    assert loan.legs[0].denied == {Purpose.AD_STORAGE, Purpose.AD_USER_DATA}


async def test_a_denied_browser_copy_stops_its_granted_twin(store: Store) -> None:
    browser, server = twins()
    veto = Veto(
        site="shop", name="purchase", event_id=browser.event_id, wires=(Wire.BROWSER,), received_ms=NOW_MS,
        id_made=False, consent=DENIED, transaction_id=browser.transaction_id,
    )  # fmt: skip

    assert await store.keep(veto, server) == [Door.ACCEPTED, Door.MERGED]
    await store.release()

    assert await store.leaving() == []
    act = keys.act(*_place(store, server))
    assert b"skipped:consent" in await store.redis.hget(act, "d:parrot")


async def test_a_silent_server_copy_takes_its_twins_answer(store: Store) -> None:
    browser, server = twins()

    await store.keep(msgspec.structs.replace(server, consent=Consent()), browser)
    await store.release()

    (event,) = await store.leaving()
    assert event.consent.ad_user_data is Grant.GRANTED


async def test_a_silent_server_copy_alone_is_answered_by_the_sites_default(database: Database) -> None:
    site = a_site(merge=MergePolicy(hold_s=0, events=frozenset({"purchase"})))
    store = Store(database, a_plan(site=site))
    _, server = twins()

    await store.keep(msgspec.structs.replace(server, consent=Consent()))
    await store.release()

    assert await store.leaving() == []
    act = keys.act(*_place(store, server))
    assert b"skipped:consent" in await store.redis.hget(act, "d:parrot")


async def test_a_confirmed_event_never_leaves_on_the_browsers_word(database: Database) -> None:
    policy = MergePolicy(hold_s=0, events=frozenset({"purchase"}), confirm=frozenset({"purchase"}))
    store = Store(database, a_plan(site=a_site(merge=policy)))
    forged, server = twins()

    await store.keep(msgspec.structs.replace(forged, value=0.01))
    await store.release()
    assert await store.leaving() == []
    assert await store.keep(server) == [Door.MERGED]
    await store.release()

    (event,) = await store.leaving()
    assert event.value == 12.0


async def test_an_order_is_remembered_longer_than_another_act(store: Store) -> None:
    _, server = twins()
    await store.keep(server, an_event())
    await store.release()
    await store.redis.zadd(keys.hold(_place(store, server)[0]).due, {_place(store, server)[1]: 0})
    await store.release()
    await store.leaving()

    seconds, _ = await store.redis.time()
    order = int(await store.redis.hget(keys.act(*_place(store, server)), "until")) / 1_000 - seconds
    other = int(await store.redis.hget(keys.act(*_place(store, an_event())), "until")) / 1_000 - seconds

    assert 399 < order / 86_400 < 400.1
    assert 47 < other / 3_600 < 48.1


async def test_nothing_is_promised_when_memory_is_full(store: Store) -> None:
    await store.redis.config_set("maxmemory", 1)
    try:
        with pytest.raises(Unavailable):
            await store.keep(an_event())
    finally:
        await store.redis.config_set("maxmemory", 0)

    assert await store.keep(an_event()) == [Door.ACCEPTED]
    await store.leaving()


async def test_deliveries_are_settled_while_memory_is_full(store: Store) -> None:
    await store.keep(an_event())
    await store.redis.config_set("maxmemory", 1)
    try:
        assert len(await store.leaving()) == 1
    finally:
        await store.redis.config_set("maxmemory", 0)


async def test_scripts_survive_a_flushed_script_cache(store: Store) -> None:
    await store.keep(an_event())
    await store.redis.script_flush()

    assert await store.keep(an_event(event_id="e-2")) == [Door.ACCEPTED]
    assert len(await store.leaving()) == 2


async def test_a_copy_that_lands_while_we_merge_is_merged_too(store: Store) -> None:
    browser, server = twins()
    await store.keep(browser)
    shard, act = _place(store, browser)
    alone = [vault.unseal(body) for body in (await store.redis.hgetall(keys.copies(shard, act))).values()]
    await store.keep(server)

    assert await store.queues._commit(shard, act, "1", alone) == "changed"
    await store.release()

    (event,) = await store.leaving()
    assert event.wires == (Wire.BROWSER, Wire.SERVER)


async def test_a_settlement_under_a_lost_lease_moves_nothing(store: Store) -> None:
    await store.keep(an_event())
    (leg,) = (await store.queues.lease("parrot", 10)).legs
    await store.queues.settle([Settlement(leg=leg, kind=Kind.BACK)])
    (again,) = (await store.queues.lease("parrot", 10)).legs
    fate = Fate(outcome="delivered", at_ms=NOW_MS)

    await store.queues.settle([Settlement(leg=leg, kind=Kind.DONE, fate=fate)])

    assert await store.redis.hget(keys.act(leg.shard, leg.act), "left") == b"1"
    await store.queues.settle([Settlement(leg=again, kind=Kind.DONE, fate=fate)])
    assert await store.redis.hget(keys.act(leg.shard, leg.act), "left") == b"0"


async def test_a_damaged_content_is_seen_and_not_believed(store: Store) -> None:
    await store.keep(an_event())
    shard, act = _place(store, an_event())
    body = bytearray(await store.redis.get(keys.content(shard, act)))
    body[-3] ^= 0xFF
    await store.redis.set(keys.content(shard, act), bytes(body))

    (leg,) = (await store.queues.lease("parrot", 10)).legs

    assert leg.event is None


async def test_a_queues_entry_without_its_act_is_taken_out_and_its_copy_may_come_again(store: Store) -> None:
    shard, act = _place(store, an_event())
    await store.redis.zadd(keys.queue(shard, "parrot").due, {act: 0})  # what a torn append-only file can bring back
    (orphan,) = (await store.queues.lease("parrot", 10)).legs
    assert orphan.is_absent

    await store.queues.settle([Settlement(leg=orphan, kind=Kind.DEAD, fate=Fate(outcome="dead:unreadable", at_ms=0))])

    assert await store.redis.exists(keys.act(shard, act)) == 0
    assert await store.keep(an_event()) == [Door.ACCEPTED]
    assert len(await store.leaving()) == 1


async def test_a_copy_that_comes_while_its_orphan_is_on_loan_is_delivered(store: Store) -> None:
    shard, act = _place(store, an_event())
    await store.redis.zadd(keys.queue(shard, "parrot").due, {act: 0})
    (orphan,) = (await store.queues.lease("parrot", 10)).legs

    assert await store.keep(an_event()) == [Door.ACCEPTED]
    await store.queues.settle([Settlement(leg=orphan, kind=Kind.ABSENT)])

    assert len(await store.leaving()) == 1


async def test_an_act_outside_its_window_may_happen_again(store: Store) -> None:
    await store.keep(an_event())
    await store.leaving()
    await store.redis.hset(keys.act(*_place(store, an_event())), "until", 0)

    assert await store.keep(an_event()) == [Door.ACCEPTED]
    assert len(await store.leaving()) == 1


async def test_an_act_is_remembered_when_its_record_is_gone(database: Database) -> None:
    store = Store(database, a_plan(keep=Keep(outcomes_d=1e-6)))
    ids = [f"e-{number}" for number in range(1_200)]  # more than one level of buckets
    copies = [an_event("add_to_cart", event_id) for event_id in ids]
    assert set(await store.keep(*copies)) == {Door.ACCEPTED}
    await store.settle_all()
    assert await wait_until(lambda: _no_acts(store))

    again = await store.keep(*copies)
    others = await store.keep(*(an_event("add_to_cart", event_id, Wire.SERVER) for event_id in ids))
    others_again = await store.keep(*(an_event("add_to_cart", event_id, Wire.SERVER) for event_id in ids))

    assert set(again) == {Door.DUPLICATE}
    assert set(others) == {Door.LATE}
    assert set(others_again) == {Door.DUPLICATE}
    assert await store.keep(an_event("add_to_cart", "another")) == [Door.ACCEPTED]
    windows = [await store.redis.hvals(keys.ids(shard)) for shard in range(database.shards)]
    assert all(int(told.split(b":")[1]) > 0 for (told,) in windows)  # levels grew
    assert all([await store.redis.pttl(key) > 0 for key in await store.redis.keys("tw:{*}:ids*")])


async def test_an_act_that_was_only_remembered_may_happen_again_after_its_window(database: Database) -> None:
    policy = DedupPolicy(window_h=24)
    store = Store(database, a_plan(site=a_site(dedup=policy), keep=Keep(outcomes_d=1e-6)))
    await store.keep(an_event())
    await store.settle_all()
    assert await wait_until(lambda: _no_acts(store))
    shard, _ = _place(store, an_event())
    (bucket,) = await store.redis.keys(f"tw:{{{shard}}}:ids:*")
    window = int(bucket.split(b":")[4])
    await store.redis.rename(bucket, bucket.replace(b":%d:" % window, b":%d:" % (window - 2)))
    (name,) = await store.redis.hkeys(keys.ids(shard))
    await store.redis.hset(keys.ids(shard), f"e:{window - 2}", await store.redis.hget(keys.ids(shard), name))

    assert await store.keep(an_event()) == [Door.ACCEPTED]


async def test_a_denied_event_without_a_hold_is_settled_at_the_door(store: Store) -> None:
    assert await store.keep(an_event("unmapped", "u-1")) == [Door.ACCEPTED]

    act = keys.act(*_place(store, an_event("unmapped", "u-1")))
    assert b"skipped:unmapped" in await store.redis.hget(act, "d:parrot")


async def _no_acts(store: Store) -> bool:
    return not await store.redis.keys("tw:*:act:*")


def _place(store: Store, copy: Event) -> tuple[int, str]:
    """Shard and act of a copy that nobody named before."""
    from gateway.core.act import names

    act = names(copy).own
    return keys.shard_of(act, store.database.shards), act
