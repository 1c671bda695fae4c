"""What waits beyond the budget lies on our disk, is not lost on the way there and back, and is known all the while."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.core.act import digest, named_by_event
from gateway.core.event import Purpose, Veto, Wire
from gateway.core.outcome import Door
from gateway.core.plan import Plan
from gateway.core.site import Destination
from gateway.store import keys, vault
from gateway.store.database import Database
from gateway.store.errors import Unavailable
from gateway.store.keeper import Keeper
from gateway.store.ledger import Ledger
from gateway.store.outcomes import Fate
from gateway.store.park.backlog import Backlog
from gateway.store.park.shelf import Shelf
from gateway.store.queues import Kind, Leg, Queues, Settlement
from gateway.store.spool import folders
from tests.fixtures.shop import DENIED, NOW_MS, LateParrot, Parrot, a_plan, a_site, an_event, twins

SMALL = 4_096


class Room:
    """A store, and gateways with disks of their own."""

    def __init__(self, database: Database, folder: Path, plan: Plan) -> None:
        told: dict[str, Any] = {"now_ms": self.now_ms, "nudge": lambda: None, "counted_as": lambda _, event: event}
        self.database = database
        self.redis: Any = database.redis
        self.folder = folder
        self.plan = plan
        self.keeper = Keeper(database, lambda: plan, copy_id=lambda: secrets.token_hex(16), **told)
        self.queues = Queues(database, lambda: plan, token=lambda: secrets.token_hex(8), **told)
        self.ledger = Ledger(database, lambda: plan, now_ms=self.now_ms, backlog=folder)
        self.opened: list[Backlog] = []

    @staticmethod
    def now_ms() -> int:
        return NOW_MS

    def backlog(self, budget_bytes: int = SMALL, folder: Path | None = None, floor_bytes: int = 0) -> Backlog:
        """Start a gateway's backlog; what an earlier one left on the same disk is adopted by `adopt`."""
        shelf = Shelf(folder or self.folder, floor_bytes=floor_bytes)
        made = Backlog(
            self.database,
            lambda: self.plan,
            shelf,
            budget_bytes=budget_bytes,
            now_ms=self.now_ms,
            nudge=lambda: None,
            waited_ms=0,
            empty_s=0,
        )
        self.opened.append(made)
        return made

    async def keep(self, count: int, **fields: Any) -> list[str]:
        """Take so many page views; returns their event ids."""
        ids = [f"e-{number}" for number in range(count)]
        await self.keeper.keep([an_event(event_id=event_id, **fields) for event_id in ids])
        return ids

    async def lease(self, destination: str = "parrot") -> list[Leg]:
        """Lease all that is due, and settle it as delivered."""
        legs: list[Leg] = []
        while found := (await self.queues.lease(destination, 500)).legs:
            legs += found
            fate = Fate(outcome="delivered", at_ms=NOW_MS)
            await self.queues.settle([Settlement(leg=leg, kind=Kind.DONE, fate=fate) for leg in found])
        return legs

    async def delivered(self, destination: str = "parrot") -> list[str]:
        return [leg.event.event_id if leg.event else "unreadable" for leg in await self.lease(destination)]

    async def dump(self) -> dict[str, Any]:
        """Read everything about acts, as it lies in Redis."""
        found: dict[str, Any] = {}
        for key in sorted(await self.redis.keys("tw:{*")):
            name = key.decode()
            if ":count:" in name or ":ids" in name or ":events" in name:
                continue
            kind = (await self.redis.type(key)).decode()
            if kind == "string":
                found[name] = vault.unseal(await self.redis.get(key))
            elif kind == "zset":
                found[name] = await self.redis.zrange(key, 0, -1, withscores=True)
            elif ":copy:" in name:
                found[name] = {wire: vault.unseal(copy) for wire, copy in (await self.redis.hgetall(key)).items()}
            else:
                found[name] = await self.redis.hgetall(key)
        return found

    async def close(self) -> None:
        for made in self.opened:
            await made.shelf.close()
        self.opened.clear()

    async def crash(self, backlog: Backlog) -> None:
        """End a gateway; what it parked stays on its disk."""
        self.opened.remove(backlog)
        await backlog.shelf.close()


@pytest.fixture
async def room(database: Database, tmp_path: Path) -> AsyncIterator[Room]:
    made = Room(database, tmp_path / "backlog", a_plan())
    yield made
    await made.close()


async def everything(backlog: Backlog) -> int:
    """Park all that waits, whatever the budget."""
    parked = 0
    while batch := await backlog.pick("parrot"):
        parked += await backlog.park(batch, await backlog.shelf.put(batch))
    return parked


async def test_within_the_budget_nothing_goes_to_the_disk(room: Room) -> None:
    await room.keep(20)
    backlog = room.backlog(budget_bytes=1 << 20)

    assert await backlog.relieve() == 0
    assert len(await room.delivered()) == 20


async def test_what_is_beyond_the_budget_leaves_redis_and_comes_back_when_there_is_room(room: Room) -> None:
    ids = await room.keep(60)
    backlog = room.backlog()

    parked = await backlog.relieve()
    assert parked > 40
    assert (await backlog.weigh()).bytes <= SMALL
    assert sum(":act:" in name for name in await room.dump()) == 60 - parked
    there = await room.delivered()
    while await backlog.bring_back():
        there += await room.delivered()

    assert sorted(there) == sorted(ids)


async def test_an_act_comes_back_as_it_was(room: Room) -> None:
    await room.keeper.keep([*twins()])
    await room.queues.release_held(100)
    (leg,) = (await room.queues.lease("parrot", 1)).legs
    fate = Fate(outcome="retrying", reason="http_500", attempts=3, at_ms=NOW_MS, maybe_ms=NOW_MS)
    await room.queues.settle([Settlement(leg=leg, kind=Kind.RETRY, fate=fate)])
    before = await room.dump()
    backlog = room.backlog(budget_bytes=0)

    assert await everything(backlog) == 1
    assert not any(":act:" in name or ":content:" in name or ":copy:" in name for name in await room.dump())
    assert await backlog.bring_back() == 1

    assert await room.dump() == before


async def test_what_somebody_works_on_stays(room: Room) -> None:
    await room.keep(1)
    (leg,) = (await room.queues.lease("parrot", 1)).legs
    score = await room.redis.zscore(keys.queue(leg.shard, "parrot").due, leg.id)
    await room.redis.zadd(keys.queue(leg.shard, "parrot").due, {leg.id: score - 60_000})  # its lease ran out

    assert await room.backlog().pick("parrot") == []


# ---- a crash between any two steps


async def test_read_and_not_written_is_as_if_nothing_had_been(room: Room) -> None:
    ids = await room.keep(5)

    assert len(await room.backlog().pick("parrot")) == 5

    assert sorted(await room.delivered()) == sorted(ids)


async def test_written_and_not_taken_out_is_sent_once(room: Room) -> None:
    ids = await room.keep(5)
    crashed = room.backlog()
    await crashed.shelf.put(await crashed.pick("parrot"))
    await room.crash(crashed)

    assert sorted(await room.delivered()) == sorted(ids)
    again = room.backlog()
    await again.adopt()
    assert again.shelf.acts == 0
    await again.bring_back()
    await again.clear()
    await again.clear()

    assert await room.delivered() == []
    assert list(room.folder.glob(f"*/*{folders.SUFFIX}")) == []


async def test_taken_out_and_not_counted_comes_back_at_the_next_start(room: Room) -> None:
    ids = await room.keep(5)
    crashed = room.backlog()
    assert await everything(crashed) == 5
    await room.crash(crashed)

    again = room.backlog()
    await again.adopt()
    assert again.shelf.acts == 5
    assert await room.delivered() == []
    assert await again.bring_back() == 5

    assert sorted(await room.delivered()) == sorted(ids)


async def test_brought_back_twice_is_sent_once(room: Room) -> None:
    ids = await room.keep(5)
    crashed = room.backlog()
    await everything(crashed)
    await crashed.bring_back()
    assert sorted(await room.delivered()) == sorted(ids)
    await room.crash(crashed)

    again = room.backlog()
    await again.adopt()
    await again.bring_back()
    await again.clear()
    await again.clear()

    assert await room.delivered() == []
    assert list(room.folder.glob("*")) == []


async def test_an_act_that_changed_while_it_was_written_down_stays_as_it_is(room: Room) -> None:
    await room.keep(1)
    backlog = room.backlog(budget_bytes=0)
    batch = await backlog.pick("parrot")
    file = await backlog.shelf.put(batch)
    await room.keeper.keep([_denial("e-0")])

    assert await backlog.park(batch, file) == 0
    await backlog.clear()
    await backlog.clear()
    (leg,) = await room.lease()

    assert Purpose.AD_STORAGE in leg.denied
    assert list(room.folder.glob(f"*/*{folders.SUFFIX}")) == []


async def test_a_redis_that_lost_the_return_gets_it_again_before_the_file_goes(room: Room) -> None:
    ids = await room.keep(3)
    backlog = room.backlog(budget_bytes=0)
    await everything(backlog)
    away = {key: await room.redis.dump(key) for key in await room.redis.keys("*")}
    await backlog.bring_back()
    await backlog.clear()
    await room.redis.flushall()
    for key, value in away.items():
        await room.redis.restore(key, 0 if b"meta" in key else 3_600_000, value)

    await backlog.clear()

    assert sorted(await room.delivered()) == sorted(ids)
    await backlog.clear()
    assert list(room.folder.glob(f"*/*{folders.SUFFIX}")) == []


async def test_an_emptied_redis_gets_everything_that_lies_on_the_disk(room: Room) -> None:
    ids = await room.keep(5)
    await room.database.identity()
    crashed = room.backlog()
    await crashed.shelf.put(batch := await crashed.pick("parrot"), await crashed.epoch())
    assert await crashed.park(batch, crashed.shelf.files()[0]) == 5
    await room.crash(crashed)
    await room.redis.flushall()
    await room.database.identity()
    await room.database.open()

    await room.keeper.keep([an_event(event_id="e-0")])  # its sender repeated it
    again = room.backlog()
    await again.adopt()
    assert await again.bring_back() == 4

    assert sorted(await room.delivered()) == sorted(ids)


async def test_nothing_is_touched_before_the_store_is_open(room: Room) -> None:
    await room.keep(5)
    crashed = room.backlog()
    await everything(crashed)
    await room.crash(crashed)
    room.database.shards = 3

    again = room.backlog()
    with pytest.raises(Unavailable):
        await again.adopt()

    room.database.shards = 4
    await again.adopt()
    assert again.shelf.acts == 5
    await again.bring_back()
    await room.delivered()


# ---- order


async def test_it_comes_back_by_the_hour_of_its_deadline_and_in_it_by_its_worth(room: Room) -> None:
    hour_ms = 3_600_000
    told = [
        ("page_view", 1),
        ("page_view", 5),
        ("purchase", 1),
        ("page_view", 3),
        ("purchase", 5),
        ("generate_lead", 5),
    ]
    for name, ago in told:
        at_ms = NOW_MS - ago * hour_ms
        await room.keeper.keep([an_event(name, f"{name}-{ago}", at_ms=at_ms, id_made=True, value=1.0, currency="EUR")])
    await room.queues.release_held(100)
    backlog = room.backlog(budget_bytes=0)
    assert await everything(backlog) == 6

    said: list[str] = []
    files = backlog.shelf.files()
    while (kind := backlog.shelf.next_kind(frozenset({"parrot"}))) is not None:
        for file in files:
            if kind in file.heaps:
                await backlog._unpark_kind(file, kind)
        said += sorted(await room.delivered())

    assert said == ["purchase-5", "generate_lead-5", "page_view-5", "page_view-3", "purchase-1", "page_view-1"]


async def test_page_views_go_before_orders(room: Room) -> None:
    orders = [an_event("purchase", f"p-{n}", id_made=True, value=1.0, currency="EUR") for n in range(8)]
    await room.keep(40)
    await room.keeper.keep(orders)
    backlog = room.backlog(budget_bytes=16_384)

    assert await backlog.relieve() > 16

    assert {f"p-{n}" for n in range(8)} <= set(await room.delivered())


# ---- known all the while


def _denial(event_id: str) -> Veto:
    return Veto(
        site="shop", name="page_view", event_id=event_id, wires=(Wire.SERVER,), received_ms=NOW_MS, id_made=False,
        consent=DENIED,
    )  # fmt: skip


async def test_a_duplicate_of_a_parked_act_is_a_duplicate(room: Room) -> None:
    await room.keep(1)
    backlog = room.backlog(budget_bytes=0)
    await everything(backlog)

    assert await room.keeper.keep([an_event(event_id="e-0")]) == [Door.DUPLICATE]
    assert await room.delivered() == []
    await backlog.bring_back()
    assert await room.delivered() == ["e-0"]
    assert await room.keeper.keep([an_event(event_id="e-0")]) == [Door.DUPLICATE]


async def test_a_denial_while_it_is_parked_stops_it(room: Room) -> None:
    await room.keep(1)
    backlog = room.backlog(budget_bytes=0)
    await everything(backlog)

    assert await room.keeper.keep([_denial("e-0")]) == [Door.LATE]
    assert await room.keeper.keep([_denial("e-0")]) == [Door.DUPLICATE]
    await backlog.bring_back()
    (leg,) = await room.lease()

    assert leg.denied == {Purpose.AD_STORAGE, Purpose.AD_USER_DATA}


async def test_a_late_copy_while_it_is_parked_is_kept_with_it(room: Room) -> None:
    await room.keep(1)
    backlog = room.backlog(budget_bytes=0)
    await everything(backlog)

    assert await room.keeper.keep([an_event(event_id="e-0", wire=Wire.SERVER, value=3.0)]) == [Door.LATE]
    for when in ("parked", "back"):
        story = await room.ledger.explain("e-0")
        assert story is not None, when
        assert [copy["wire"] for copy in story["copies"]] == ["browser", "server"], when
        await backlog.bring_back()

    assert await room.delivered() == ["e-0"]


async def test_a_late_copy_of_a_parked_act_does_not_bring_it_back_by_halves(database: Database, tmp_path: Path) -> None:
    room = Room(database, tmp_path / "backlog", a_plan(Destination(name="parrot", adapter=LateParrot())))
    await room.keep(1)
    backlog = room.backlog(budget_bytes=0)
    await everything(backlog)

    assert await room.keeper.keep([an_event(event_id="e-0", wire=Wire.SERVER, value=3.0)]) == [Door.LATE]
    assert await room.delivered() == []
    await backlog.bring_back()

    assert await room.delivered() == ["e-0"]
    await room.close()


async def test_explain_says_that_it_waits_on_the_disk(room: Room) -> None:
    await room.keep(1)
    backlog = room.backlog(budget_bytes=0)
    await everything(backlog)

    story = await room.ledger.explain("e-0")

    assert story is not None
    assert (story["event_id"], story["event"], story["status"]) == ("e-0", "page_view", "leaving")
    assert [(row["outcome"], row["reason"]) for row in story["deliveries"]] == [("waiting", "on_disk")]


async def test_explain_elsewhere_says_that_it_waits_on_another_machine(room: Room) -> None:
    await room.keep(1)
    await everything(room.backlog(budget_bytes=0))
    elsewhere = Ledger(room.database, lambda: room.plan, now_ms=room.now_ms)

    story = await elsewhere.explain("e-0")

    assert story is not None
    assert (story["event"], story["status"]) == ("page_view", "leaving")
    assert [(row["outcome"], row["reason"]) for row in story["deliveries"]] == [("waiting", "on_another_disk")]


async def test_destinations_count_what_is_parked_and_say_when_it_expires(room: Room) -> None:
    await room.keep(12, at_ms=NOW_MS - 3_600_000)
    backlog = room.backlog(budget_bytes=0)
    (row,) = await room.ledger.destinations()
    assert (row["waiting"], row["parked"], row["expires_in_s"]) == (12, 0, Parrot.max_age_s - 3_600)

    await everything(backlog)
    await backlog.tell()

    (row,) = await room.ledger.destinations()
    assert (row["waiting"], row["parked"], row["expires_in_s"]) == (12, 12, Parrot.max_age_s - 3_600)
    await backlog.bring_back()
    await backlog.tell()
    (row,) = await room.ledger.destinations()
    assert (row["waiting"], row["parked"]) == (12, 0)


# ---- several destinations, several gateways


async def test_an_act_that_waits_for_two_comes_back_for_two(database: Database, tmp_path: Path) -> None:
    places = [Destination(name=name, adapter=Parrot()) for name in ("parrot", "other", "third")]
    room = Room(database, tmp_path / "backlog", a_plan(*places))
    await room.keep(3)
    assert len(await room.delivered("third")) == 3
    backlog = room.backlog(budget_bytes=0)

    assert await everything(backlog) == 3
    assert await backlog.bring_back() == 3

    assert len(await room.delivered("parrot")) == len(await room.delivered("other")) == 3
    assert await room.delivered("third") == []
    await room.close()


async def test_two_gateways_park_each_act_once_and_each_brings_back_its_own(room: Room, tmp_path: Path) -> None:
    ids = await room.keep(10)
    one, two = room.backlog(), room.backlog(folder=tmp_path / "two")
    read = await one.pick("parrot"), await two.pick("parrot")
    files = await one.shelf.put(read[0]), await two.shelf.put(read[1])

    parked = await one.park(read[0], files[0]), await two.park(read[1], files[1])
    assert parked == (10, 0)
    await two.bring_back()
    assert await room.delivered() == []
    await room.crash(two)
    heir = room.backlog(folder=tmp_path / "two")  # started again: it counts what is noted under its own records' marks
    await heir.adopt()

    assert heir.shelf.acts == 10  # both read the same moment of the same act, so either record will do
    assert await heir.bring_back() + await one.bring_back() == 10
    assert sorted(await room.delivered()) == sorted(ids)


async def test_an_older_record_of_an_act_is_never_brought_back(room: Room, tmp_path: Path) -> None:
    await room.keep(1)
    one, two = room.backlog(), room.backlog(folder=tmp_path / "two")
    stale = await two.pick("parrot")
    await two.shelf.put(stale)
    await room.keeper.keep([_denial("e-0")])
    await everything(one)
    await room.crash(two)

    heir = room.backlog(folder=tmp_path / "two")
    await heir.adopt()
    assert heir.shelf.acts == 0
    await heir.clear()
    await heir.clear()
    await one.bring_back()
    (leg,) = await room.lease()

    assert leg.denied


# ---- damage


async def test_a_damaged_record_ends_as_unreadable_and_the_others_come_back(room: Room) -> None:
    ids = await room.keep(10)
    backlog = room.backlog(budget_bytes=0)
    await everything(backlog)
    _spoil(room.folder, named_by_event("shop", "page_view", digest("e-3")))

    assert await backlog.bring_back() == 10

    assert sorted(await room.delivered()) == sorted([*(set(ids) - {"e-3"}), "unreadable"])
    assert await room.keeper.keep([an_event(event_id="e-3")]) == [Door.DUPLICATE]


async def test_damaged_slips_cost_nothing(room: Room) -> None:
    ids = await room.keep(10)
    backlog = room.backlog(budget_bytes=0)
    await everything(backlog)
    (path,) = room.folder.glob(f"*/*{folders.SUFFIX}")
    data = bytearray(path.read_bytes())
    data[80] ^= 0xFF
    path.write_bytes(data)

    await backlog.bring_back()

    assert sorted(await room.delivered()) == sorted(ids)


def _spoil(folder: Path, act: str) -> None:
    """Flip a byte in the record of an act: its name stands in the slips as text and in its record as bytes."""
    for path in folder.glob(f"*/*{folders.SUFFIX}"):
        data = bytearray(path.read_bytes())
        at = data.find(bytes.fromhex(act))
        if at >= 0:
            data[at + 40] ^= 0xFF
            path.write_bytes(data)
            return
    raise AssertionError("not there")


async def test_a_disk_without_room_takes_nothing_and_costs_nothing(room: Room) -> None:
    ids = await room.keep(60)
    backlog = room.backlog(floor_bytes=1 << 62)

    with pytest.raises(Unavailable):
        await backlog.shelf.put(await backlog.pick("parrot"))
    assert await backlog.relieve() == 0

    assert backlog.is_full
    assert sorted(await room.delivered()) == sorted(ids)


async def test_a_dead_letter_of_another_destination_keeps_its_content(database: Database, tmp_path: Path) -> None:
    places = [Destination(name=name, adapter=Parrot()) for name in ("parrot", "other")]
    room = Room(database, tmp_path / "backlog", a_plan(*places, site=a_site(destinations=("parrot", "other"))))
    await room.keep(1)
    (leg,) = (await room.queues.lease("other", 1)).legs
    fate = Fate(outcome="dead:rejected", at_ms=NOW_MS)
    await room.queues.settle([Settlement(leg=leg, kind=Kind.DEAD, fate=fate)])

    assert await everything(room.backlog()) == 0

    assert await room.ledger.letters.replay("other", leg.id) == "revived"
    await room.delivered("other")
    await room.delivered()
