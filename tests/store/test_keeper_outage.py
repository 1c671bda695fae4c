"""Redis dies, hangs, lies or forgets; a copy that was acknowledged is one event afterwards, and no two."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import pytest

from gateway.core.event import Event, Veto, Wire
from gateway.core.outcome import Door
from gateway.core.plan import Keep
from gateway.core.site import Destination, MergePolicy
from gateway.store import keys
from gateway.store.database import Database
from gateway.store.durability import Level, Safety, level, sentence
from gateway.store.errors import Unavailable
from gateway.store.keeper import Keeper
from gateway.store.ledger import Ledger
from gateway.store.outcomes import Fate
from gateway.store.queues import Kind, Queues, Settlement
from gateway.store.spool import replayer
from gateway.store.spool.writer import Spool
from tests.fixtures.gateway import wait_until
from tests.fixtures.server import Line, Proxy, Server
from tests.fixtures.shop import DENIED, NOW_MS, Parrot, a_plan, a_site, an_event, twins

Wish = Literal["auto", "redis", "replicated", "journal"]


class Store:
    """A keeper with its safety, and the queues behind it."""

    def __init__(self, url: str, data_dir: Path, wish: Wish) -> None:
        self.database = Database(url)
        self.safety = Safety(self.database, data_dir, wish, spool=Spool(data_dir / "spool", floor_bytes=0))
        self.plan = a_plan()
        told: dict[str, Any] = {"now_ms": lambda: NOW_MS, "nudge": lambda: None, "counted_as": lambda _, name: name}
        self.keeper = Keeper(
            self.database, lambda: self.plan, copy_id=lambda: secrets.token_hex(16), safety=self.safety, **told
        )
        self.queues = Queues(
            self.database,
            lambda: self.plan,
            token=lambda: secrets.token_hex(8),
            is_behind=self.safety.is_behind,
            **told,
        )
        self.replayed: Counter[str] = Counter()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Store]:
        work = self.safety.run(
            self.keeper.offer,
            lambda: self.plan,
            live=lambda: self.keeper.brought,
            replayed=lambda status, often: self.replayed.update({status: often}),
            now_ms=lambda: NOW_MS,
        )
        task = asyncio.get_running_loop().create_task(work)
        try:
            await self.safety.pulse.opened(2)
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self.safety.close()
            await self.database.close()

    async def keep(self, *copies: Event | Veto) -> list[Door]:
        return await self.keeper.keep(copies)

    async def views(self, first: int, count: int) -> list[str]:
        """Keep so many page views at once; returns the ids of those that were acknowledged."""
        ids = [f"v-{number}" for number in range(first, first + count)]
        said = await asyncio.gather(*(self.keep(an_event(event_id=name)) for name in ids), return_exceptions=True)
        return [name for name, answer in zip(ids, said, strict=True) if not isinstance(answer, BaseException)]

    async def settle(self, destination: str = "parrot") -> list[str]:
        """Lease everything that is due and settle it as delivered; returns the event ids."""
        sent = []
        while legs := (await self.queues.lease(destination, 200)).legs:
            fate = Fate(outcome="delivered", at_ms=NOW_MS)
            await self.queues.settle([Settlement(leg=leg, kind=Kind.DONE, fate=fate) for leg in legs])
            sent += [leg.event.event_id for leg in legs if leg.event is not None]
        return sent

    async def is_caught_up(self) -> bool:
        return not self.safety.pulse.is_away and self.safety.spool.owed == 0


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as opened:
        yield opened


async def a_store(stack: AsyncExitStack, server: Server, folder: Path, wish: Wish = "redis") -> tuple[Store, Proxy]:
    await server.started()
    line = await stack.enter_async_context(Proxy(server.port).running())
    return await stack.enter_async_context(Store(line.url, folder, wish).running()), line


# ---- Redis away, late, and back


async def test_a_copy_whose_accept_landed_unheard_is_one_event(
    stack: AsyncExitStack, server: Server, tmp_path: Path
) -> None:
    store, line = await a_store(stack, server, tmp_path)
    line.line = Line.SWALLOWS_ANSWERS

    acknowledged = await store.views(0, 20)

    assert len(acknowledged) == 20
    line.line = Line.PASSES
    line.cut()
    assert await wait_until(store.is_caught_up)
    assert sorted(await store.settle()) == sorted(acknowledged)
    assert store.replayed == {"accepted": 20}


async def test_only_what_was_on_the_wire_of_a_cut_connection_goes_through_the_spool(
    stack: AsyncExitStack, server: Server, tmp_path: Path
) -> None:
    store, line = await a_store(stack, server, tmp_path)
    direct = Database(f"redis://127.0.0.1:{server.port}/0")
    stack.push_async_callback(direct.close)
    assert await store.views(0, 4) == ["v-0", "v-1", "v-2", "v-3"]
    line.line = Line.SWALLOWS_ANSWERS
    async with asyncio.TaskGroup() as group:
        sent = group.create_task(store.views(4, 40))

        async def have_landed() -> bool:
            return len(await direct.redis.keys("tw:*:act:*")) == 44

        assert await wait_until(have_landed)
        waiting = group.create_task(store.views(44, 60))
        await asyncio.sleep(0)

        line.line = Line.PASSES
        line.cut()

    acknowledged = [*(f"v-{number}" for number in range(4)), *sent.result(), *waiting.result()]
    assert len(acknowledged) == 104
    assert await wait_until(store.is_caught_up)
    assert store.replayed == {"accepted": 40}
    assert sorted(await store.settle()) == sorted(acknowledged)


async def test_a_server_that_only_lost_our_connections_is_asked_again_at_once(
    stack: AsyncExitStack, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, line = await a_store(stack, server, tmp_path)
    monkeypatch.setattr("gateway.store.pulse.SKIP_S", 3_600)
    store.safety.pulse.back_s -= 10
    line.line = Line.SWALLOWS_ANSWERS
    async with asyncio.TaskGroup() as group:
        sent = group.create_task(store.views(0, 20))
        await asyncio.sleep(0)

        line.line = Line.PASSES
        line.cut()

    assert len(sent.result()) == 20
    assert await wait_until(store.is_caught_up)
    assert sorted(await store.settle()) == sorted(sent.result())


async def test_a_hung_server_that_applies_it_later_has_one_event(
    stack: AsyncExitStack, server: Server, tmp_path: Path
) -> None:
    store, _ = await a_store(stack, server, tmp_path)
    server.hang()

    acknowledged = await store.views(0, 20)

    server.wake()
    assert await wait_until(store.is_caught_up)
    assert sorted(await store.settle()) == sorted(acknowledged)
    assert await store.keep(an_event(event_id="v-0")) == [Door.DUPLICATE]


async def test_after_the_first_failure_nobody_waits_for_a_dead_redis(
    stack: AsyncExitStack, server: Server, tmp_path: Path
) -> None:
    store, line = await a_store(stack, server, tmp_path)
    line.line = Line.BLACKHOLE
    await store.views(0, 1)

    began = time.monotonic()
    acknowledged = [name for start in range(1, 101) for name in await store.views(start, 1)]

    assert len(acknowledged) == 100
    assert time.monotonic() - began < 5  # a hundred visitors in a row; a deadline each would be a hundred seconds


@pytest.mark.parametrize("line_state", [Line.BLACKHOLE, Line.REFUSES])
async def test_a_gateway_that_starts_without_redis_takes_copies(
    stack: AsyncExitStack, server: Server, tmp_path: Path, line_state: Line
) -> None:
    await server.started()
    line = await stack.enter_async_context(Proxy(server.port).running())
    line.line = line_state
    store = await stack.enter_async_context(Store(line.url, tmp_path, "redis").running())

    acknowledged = await store.views(0, 10)

    assert len(acknowledged) == 10
    ready, told = await store.safety.readiness()
    assert (ready, told["degraded"]) == (True, "spooling")
    line.line = Line.PASSES
    line.cut()
    assert await wait_until(store.is_caught_up)
    assert sorted(await store.settle()) == sorted(acknowledged)


async def test_without_room_and_without_redis_nothing_is_promised(
    stack: AsyncExitStack, server: Server, tmp_path: Path
) -> None:
    store, line = await a_store(stack, server, tmp_path)
    store.safety.spool._max_bytes = 100
    line.line = Line.BLACKHOLE

    assert await store.views(0, 3) == []

    ready, told = await store.safety.readiness()
    assert (ready, told["reason"]) == (False, "store_unavailable")
    line.line = Line.PASSES
    line.cut()

    async def is_back() -> bool:
        return bool((await store.safety.readiness())[0])

    assert await wait_until(is_back)
    assert len(await store.views(10, 3)) == 3
    await store.settle()


async def test_a_full_memory_sends_copies_to_the_spool_and_deliveries_on(
    stack: AsyncExitStack, server: Server, tmp_path: Path
) -> None:
    store, _ = await a_store(stack, server, tmp_path)
    before = await store.views(0, 5)
    await store.database.redis.config_set("maxmemory", 1)

    during = await store.views(5, 5)

    assert sorted(await store.settle()) == sorted(before)
    assert store.safety.spool.owed == 5
    await store.database.redis.config_set("maxmemory", 0)
    assert await wait_until(store.is_caught_up)
    assert sorted(await store.settle()) == sorted(during)


async def test_a_broken_key_parks_its_own_copies_and_no_others(
    stack: AsyncExitStack, server: Server, tmp_path: Path
) -> None:
    store, _ = await a_store(stack, server, tmp_path)
    for shard in range(store.database.shards):
        await store.database.redis.set(keys.hold(shard).due, "not a queue")
    browser, _ = twins()

    said = await asyncio.gather(store.keep(browser), *(store.keep(an_event(event_id=f"v-{n}")) for n in range(20)))

    assert said == [[Door.ACCEPTED]] * 21
    assert not store.safety.pulse.is_away
    assert len(await store.settle()) == 20
    assert store.safety.spool.owed == 1


# ---- what waits in the spool is as good as what was taken


async def test_twins_of_which_one_was_spooled_become_one_event(
    stack: AsyncExitStack, server: Server, tmp_path: Path
) -> None:
    store, line = await a_store(stack, server, tmp_path)
    browser, bought = twins()
    await store.keep(bought)
    line.line = Line.BLACKHOLE
    assert await store.keep(browser) == [Door.ACCEPTED]
    line.line = Line.PASSES
    line.cut()
    assert await wait_until(store.is_caught_up)

    await store.queues.release_held(100)

    assert store.replayed == {"merged": 1}
    assert await store.settle() == [browser.event_id]


async def test_a_denial_in_the_spool_stops_its_twin_whose_hold_is_over(
    stack: AsyncExitStack, server: Server, tmp_path: Path
) -> None:
    store, line = await a_store(stack, server, tmp_path)
    store.plan = a_plan(site=a_site(merge=MergePolicy(hold_s=0, events=frozenset({"purchase"}))))
    browser, bought = twins()
    await store.keep(bought)
    line.line = Line.BLACKHOLE
    denial = Veto(
        site="shop", name="purchase", event_id=browser.event_id, wires=(Wire.BROWSER,), received_ms=NOW_MS,
        id_made=False, consent=DENIED, transaction_id=browser.transaction_id,
    )  # fmt: skip
    await store.keep(denial)
    line.line = Line.PASSES
    line.cut()

    async def is_released() -> bool:
        try:
            await store.queues.release_held(100)  # as the roster does, all the time
        except Unavailable:
            return False
        return bool(store.replayed) and await store.is_caught_up()

    assert await wait_until(is_released)
    await store.queues.release_held(100)
    assert await store.settle() == []


async def test_a_spool_of_an_earlier_run_is_replayed(stack: AsyncExitStack, server: Server, tmp_path: Path) -> None:
    store, line = await a_store(stack, server, tmp_path)
    line.line = Line.BLACKHOLE
    acknowledged = await store.views(0, 10)
    line.line = Line.REFUSES
    line.cut()
    await stack.pop_all().aclose()

    again = await stack.enter_async_context(Store(server.url, tmp_path, "redis").running())

    assert await wait_until(lambda: again.replayed["accepted"] == 10)
    assert sorted(await again.settle()) == sorted(acknowledged)
    assert await wait_until(lambda: again.safety.spool.bytes == 0)


async def test_a_copy_of_a_site_that_left_waits_for_it(stack: AsyncExitStack, server: Server, tmp_path: Path) -> None:
    store, line = await a_store(stack, server, tmp_path)
    line.line = Line.BLACKHOLE
    await store.views(0, 1)
    plan, store.plan = store.plan, a_plan(site=a_site(name="other"))
    line.line = Line.PASSES
    line.cut()
    assert await wait_until(lambda: store.replayed["parked"] == 1)

    store.plan = plan
    store.safety.spool.segments()[0].retry_s = 0  # a minute later

    assert await wait_until(store.is_caught_up)
    assert await store.settle() == ["v-0"]


class Brittle(Parrot):
    """An adapter with a bug in it."""

    def name(self, event_name: str) -> str | None:
        if event_name == "boom":
            raise RuntimeError("a bug")
        return event_name


async def test_one_copy_that_nobody_can_route_holds_up_no_other(
    stack: AsyncExitStack, server: Server, tmp_path: Path
) -> None:
    store, line = await a_store(stack, server, tmp_path)
    store.plan = a_plan(Destination(name="parrot", adapter=Brittle()))
    line.line = Line.BLACKHOLE
    await store.views(0, 1)
    await store.keep(an_event("boom", "b-1"))
    await store.views(1, 4)
    line.line = Line.PASSES
    line.cut()

    assert await wait_until(lambda: store.replayed == {"accepted": 5, "parked": 1})

    assert sorted(await store.settle()) == [f"v-{number}" for number in range(5)]
    assert store.safety.spool.owed > 0  # it is kept


async def test_an_unreadable_segment_is_kept_for_a_person(
    stack: AsyncExitStack, server: Server, tmp_path: Path
) -> None:
    folder = tmp_path / "spool" / "left"
    folder.mkdir(parents=True)
    stranger = folder / "00000001.seg"
    stranger.write_bytes(b"TWSPOOL\x09" + b"?" * 100)
    store, _ = await a_store(stack, server, tmp_path)

    assert await wait_until(lambda: store.safety.spool._adopted and not store.safety.spool.segments())

    assert stranger.exists()
    assert await store.is_caught_up()


# ---- the journal


async def test_the_journal_gives_a_forgetful_redis_everything_again(
    stack: AsyncExitStack, server: Server, tmp_path: Path
) -> None:
    server.options["appendonly"] = "no"
    store, _ = await a_store(stack, server, tmp_path, "journal")
    acknowledged = await store.views(0, 50)
    delivered = await store.settle()
    acknowledged += await store.views(50, 50)
    assert store.safety.spool.owed == 0

    server.kill()
    await server.started()

    assert await wait_until(lambda: store.replayed["accepted"] == 100)
    again = await store.settle()
    assert set(delivered) | set(again) == set(acknowledged)
    assert len(again) == len(set(again)) == 100  # what was delivered goes again under its id: the platform knows it


async def test_an_emptied_redis_is_noticed(stack: AsyncExitStack, server: Server, tmp_path: Path) -> None:
    store, _ = await a_store(stack, server, tmp_path, "journal")
    acknowledged = await store.views(0, 20)

    await store.database.redis.flushall()

    assert await wait_until(lambda: store.replayed["accepted"] == 20)
    assert sorted(await store.settle()) == sorted(acknowledged)


async def test_what_was_offered_again_and_settled_is_neither_late_nor_sent_twice(
    stack: AsyncExitStack, server: Server, tmp_path: Path
) -> None:
    store, _ = await a_store(stack, server, tmp_path, "journal")
    store.plan = a_plan(keep=Keep(outcomes_d=1e-6))  # records are gone at once: what is only remembered must do
    browser, bought = twins()
    late = an_event("add_to_cart", "c-1"), an_event("add_to_cart", "c-1", Wire.SERVER)
    await store.keep(browser, bought, late[0])
    await store.queues.release_held(100)
    assert sorted(await store.settle()) == ["c-1", browser.event_id]
    assert await store.keep(late[1]) == [Door.LATE]
    assert await wait_until(lambda: _no_acts(store))

    store.safety.spool.renounce()

    assert await wait_until(lambda: sum(store.replayed.values()) == 4)
    assert store.replayed == {"duplicate": 4}
    assert await store.settle() == []


async def test_a_journal_is_dropped_when_redis_had_it_long_enough(
    stack: AsyncExitStack, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replayer, "_ROLL_S", 0.2)
    monkeypatch.setattr(replayer, "JOURNAL_S", 0.5)
    store, _ = await a_store(stack, server, tmp_path, "journal")
    await store.views(0, 5)

    assert store.safety.spool.bytes > 0
    assert await wait_until(lambda: store.safety.spool.bytes == 0)
    assert not store.replayed
    await store.settle()


async def test_the_journal_of_a_clean_stop_is_not_offered_to_the_same_redis(
    stack: AsyncExitStack, server: Server, tmp_path: Path
) -> None:
    store, _ = await a_store(stack, server, tmp_path, "journal")
    await store.views(0, 5)
    await store.settle()
    await stack.pop_all().aclose()

    again = await stack.enter_async_context(Store(server.url, tmp_path, "journal").running())

    assert await wait_until(lambda: again.safety.spool.segments() and again.safety.spool.owed == 0)
    assert not again.replayed


async def test_without_room_for_the_journal_nothing_is_promised(
    stack: AsyncExitStack, server: Server, tmp_path: Path
) -> None:
    store, _ = await a_store(stack, server, tmp_path, "journal")
    store.safety.spool._max_bytes = 100

    with pytest.raises(Unavailable):
        await store.keep(an_event())

    ready, told = await store.safety.readiness()
    assert (ready, told["reason"]) == (False, "spool_unavailable")


# ---- a replica


async def test_without_a_replica_a_copy_is_spooled_and_delivered_all_the_same(
    stack: AsyncExitStack, server: Server, tmp_path: Path
) -> None:
    store, _ = await a_store(stack, server, tmp_path, "replicated")

    assert await store.keep(an_event()) == [Door.ACCEPTED]

    assert store.safety.spool.owed == 1
    assert not store.safety.pulse.is_away
    assert await store.settle() == ["e-1"]


async def test_a_replica_that_has_it_makes_the_spool_needless(
    stack: AsyncExitStack, server: Server, tmp_path: Path
) -> None:
    store, _ = await a_store(stack, server, tmp_path / "one", "replicated")
    await store.keep(an_event())
    (tmp_path / "two").mkdir()
    replica = Server(tmp_path / "two", replicaof=f"127.0.0.1 {server.port}")
    await replica.started()
    stack.callback(replica.kill)

    assert await wait_until(store.is_caught_up)

    assert await store.keep(an_event(event_id="e-2")) == [Door.ACCEPTED]
    assert store.safety.spool.owed == 0
    assert sorted(await store.settle()) == ["e-1", "e-2"]


# ---- in words


@pytest.mark.parametrize(
    ("wish", "fsync", "chosen"),
    [
        ("auto", "always", Level.REDIS),
        ("auto", "everysec", Level.JOURNAL),
        ("auto", "unknown", Level.JOURNAL),
        ("redis", "everysec", Level.REDIS),
        ("replicated", "always", Level.REPLICATED),
        ("journal", "always", Level.JOURNAL),
    ],
)
def test_auto_trusts_a_redis_that_always_syncs(wish: Wish, fsync: str, chosen: Level) -> None:
    assert level(wish, fsync) is chosen


def test_the_level_is_told_in_words() -> None:
    told = sentence(Level.JOURNAL, "everysec")

    assert told.startswith("every event is on this machine's disk before it is acknowledged (journal); ")
    assert told.endswith("every second")


async def _no_acts(store: Store) -> bool:
    return not await store.database.redis.keys("tw:*:act:*")


async def test_acts_of_names_that_an_emptied_server_forgot_are_found_again(
    stack: AsyncExitStack, server: Server, tmp_path: Path
) -> None:
    store, _ = await a_store(stack, server, tmp_path)
    ledger = Ledger(store.database, lambda: store.plan, now_ms=lambda: NOW_MS)
    await store.keep(an_event(event_id="before"))
    was = store.safety.pulse.server
    await store.database.redis.flushall()

    async def is_noticed() -> bool:
        return store.safety.pulse.server != was

    assert await wait_until(is_noticed)
    await store.keep(an_event(event_id="after"))

    assert await ledger.explain("before") is None
    story = await ledger.explain("after")
    assert story is not None
    assert story["event_id"] == "after"
