"""The books balance to the unit after every step, and what vanishes from a queue is an alarm."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from structlog.testing import capture_logs

from gateway.core.event import Consent, Copy, Veto, Wire
from gateway.core.outcome import Dead, Skip, dead, skipped
from gateway.core.plan import Plan
from gateway.core.site import Destination, MergePolicy
from gateway.store import keys
from gateway.store.database import Database
from gateway.store.keeper import Keeper
from gateway.store.ledger import Ledger
from gateway.store.outcomes import Fate
from gateway.store.park.backlog import Backlog
from gateway.store.park.shelf import Shelf
from gateway.store.queues import Kind, Leg, Queues, Settlement
from gateway.store.receipts import Receipt
from tests.fixtures.console import now_ms
from tests.fixtures.gateway import wait_until
from tests.fixtures.shop import DENIED, GRANTED, NOW_MS, LateParrot, Parrot, a_plan, a_site, an_event

STEPS: Final = 2_000
HOURS_AGO: Final = 300
NAMES: Final = ("page_view", "purchase", "purchase", "unmapped", "secret")
DELIVERED: Final = Fate(outcome="delivered", at_ms=NOW_MS)
REJECTED: Final = Fate(outcome=dead(Dead.REJECTED), at_ms=NOW_MS)
NO_VALUE: Final = Fate(outcome=skipped(Skip.NO_VALUE), at_ms=NOW_MS)


def _plan(*names: str) -> Plan:
    places = {
        "ads": Destination(name="ads", adapter=Parrot(), events={"secret": None}),
        "late": Destination(name="late", adapter=LateParrot()),
        "some": Destination(name="some", adapter=Parrot(), sample=0.4),
        "off": Destination(name="off", adapter=Parrot(), enabled=False),
    }
    chosen = tuple(places[name] for name in names or places)
    hold = MergePolicy(hold_s=0.001, events=frozenset({"purchase"}))
    return a_plan(*chosen, site=a_site(merge=hold, destinations=tuple(place.name for place in chosen)))


class House:
    """The rooms on one store, with a clock that can be moved by hours. It begins in the past, so none is ahead."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.plan = _plan()
        self.clock_ms = now_ms() - HOURS_AGO * keys.HOUR_MS
        told: dict[str, Any] = {
            "now_ms": self.now_ms,
            "nudge": lambda: None,
            "counted_as": lambda _, event: event,
        }
        self.keeper = Keeper(database, lambda: self.plan, copy_id=lambda: secrets.token_hex(16), **told)
        self.queues = Queues(database, lambda: self.plan, token=lambda: secrets.token_hex(8), **told)
        self.ledger = Ledger(database, lambda: self.plan, now_ms=self.now_ms)
        self.audit = self.ledger.audit
        self.doors: Counter[str] = Counter()

    def now_ms(self) -> int:
        return self.clock_ms

    def pass_hours(self, hours: int) -> None:
        self.clock_ms += hours * keys.HOUR_MS

    async def keep(self, *copies: Copy) -> None:
        for copy in copies:
            (door,) = await self.keeper.keep([copy])
            self.doors[door.value] += 1

    async def views(self, *event_ids: str) -> None:
        await self.keep(*(an_event(event_id=event_id) for event_id in event_ids))

    async def lend(self, place: str) -> list[Leg]:
        return list((await self.queues.lease(place, 100)).legs)

    async def settle(self, legs: list[Leg], kind: Kind = Kind.DONE, fate: Fate | None = DELIVERED) -> None:
        await self.queues.settle([Settlement(leg=leg, kind=kind, fate=fate) for leg in legs])

    async def deliver(self, place: str) -> None:
        await self.settle(await self.lend(place))

    async def lose(self, place: str = "queue:ads") -> None:
        """Take one entry out of a queue, as no script does."""
        for shard in range(self.database.shards):
            key = f"{keys.base(shard)}:{place}"
            if members := await self.database.redis.zrange(key, 0, 0):
                await self.database.redis.zrem(key, *members)
                return
        raise AssertionError(f"{place} is empty")

    async def account(self, name: str = "ads") -> dict[str, Any]:
        books = await self.audit.read(hours=HOURS_AGO)
        return next(row for row in books["destinations"] if row["destination"] == name)


@pytest.fixture
def house(database: Database) -> House:
    return House(database)


def assert_adds_up(books: dict[str, Any]) -> None:
    """Every row is an account of its own, and begins where the one before it ended."""
    for row in books["destinations"]:
        for hour in row["hours"]:
            left = hour["delivered"] + sum(hour["skipped"].values()) + sum(hour["dead"].values())
            assert hour["before"] + hour["owed"] - left - hour["unbalanced"] == hour["after"]
        left = row["delivered"] + sum(row["skipped"].values()) + sum(row["dead"].values())
        off = sum(hour["unbalanced"] for hour in row["hours"])
        assert row["before"] + row["owed"] - left - off == row["waiting"]
    door = books["door"]
    assert door["copies"] == sum(door[word] for word in ("accepted", "merged", "duplicate", "late"))
    assert (
        door["before"] + door["accepted"] - door["sealed"] - sum(h["unbalanced"] for h in door["hours"]) == door["held"]
    )
    for row in (door, *books["destinations"]):
        for newer, older in zip(row["hours"], row["hours"][1:], strict=False):
            assert (newer["at"] > older["at"], newer["before"]) == (True, older["after"])


# --- nothing that the gateway does puts them off -----------------------------------------------------


class Chance:
    """Whatever may happen, chosen by seeded dice."""

    def __init__(self, house: House, dice: random.Random) -> None:
        self.house, self.dice = house, dice
        self.lent: list[Leg] = []
        self.seen: Counter[str] = Counter()
        self.steps = 0

    def copy(self) -> Copy:
        name, number = self.dice.choice(NAMES), self.steps // 20 + self.dice.randrange(6)
        wire, consent = self.dice.choice(list(Wire)), self.dice.choice([GRANTED, GRANTED, GRANTED, DENIED])
        return _copy(name, number, wire, consent)

    async def step(self) -> None:
        house, dice = self.house, self.dice
        self.steps += 1
        place = dice.choice(["ads", "late", "some"])
        match dice.choices(range(9), (40, 5, 15, 15, 5, 4, 3, 2, 4))[0]:
            case 0:
                await house.keep(self.copy())
            case 1:
                await house.queues.release_held(100)
            case 2:
                self.lent += await house.lend(place)
            case 3 if self.lent:
                await self.answer(self.lent.pop(dice.randrange(len(self.lent))))
            case 4:
                await self.revive(place)
            case 5:
                house.pass_hours(dice.randrange(1, 4))
            case 6:
                await house.audit.close()
            case 7:
                house.plan = _plan(*dice.choice([(), ("ads",), ("late", "some"), ("off",)]))
            case 8:
                copy = self.copy()
                await house.keep(*[copy] * 5)
            case _:
                pass

    async def answer(self, leg: Leg) -> None:
        kind, fate = self.dice.choice(
            [
                (Kind.DONE, DELIVERED), (Kind.DONE, DELIVERED), (Kind.DONE, NO_VALUE), (Kind.DEAD, REJECTED),
                (Kind.RETRY, Fate(outcome="retrying", at_ms=NOW_MS)), (Kind.BACK, None), (Kind.ABSENT, None),
            ]
        )  # fmt: skip
        await self.house.settle([leg], kind, fate)
        self.seen[f"{kind}{':late' if keys.is_late(leg.id) else ''}"] += 1

    async def revive(self, place: str) -> None:
        letters = await self.house.ledger.letters.newest(place) if place in self.house.plan.destinations else []
        if letters:
            letter = self.dice.choice(letters)
            deed = self.dice.choice([self.house.ledger.letters.replay, self.house.ledger.letters.drop])
            said = await deed(place, letter["id"])
            self.seen[str(said)] += 1


def _copy(name: str, number: int, wire: Wire, consent: Consent) -> Copy:
    order = f"o-{number}" if name == "purchase" else None
    event = an_event(name, f"{name}-{number}", wire, transaction_id=order, consent=consent)
    if consent is GRANTED:
        return event
    fields = ("site", "name", "event_id", "wires", "received_ms", "id_made", "consent", "transaction_id")
    return Veto(**{field: getattr(event, field) for field in fields if field in Veto.__struct_fields__})


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
async def test_two_thousand_random_steps_balance_after_every_one(house: House, seed: int) -> None:
    chance = Chance(house, random.Random(seed))
    await house.audit.close()

    for step in range(STEPS):
        await chance.step()
        off = {name: number for name, number in (await house.audit.unbalanced()).items() if number}
        assert off == {}, (seed, step)
        if step % 100 == 99:
            assert_adds_up(await house.audit.read(hours=HOURS_AGO))

    books = await house.audit.read(hours=2 * HOURS_AGO)
    assert {word: books["door"][word] for word in ("accepted", "merged", "duplicate", "late")} == {
        word: house.doors[word] for word in ("accepted", "merged", "duplicate", "late")
    }
    assert {"done", "done:late", "dead", "retry", "back", "absent", "revived", "True"} <= chance.seen.keys()
    assert len(books["destinations"]) == 4
    assert all(house.doors[word] > 9 for word in ("accepted", "merged", "duplicate", "late"))


async def test_a_reading_balances_while_work_goes_on(house: House) -> None:
    """What is counted and where it lies is read in one moment: else each of these would catch a hit between the two."""
    await house.audit.close()
    is_over = asyncio.Event()

    async def come() -> None:
        number = 0
        while not is_over.is_set():
            number += 20
            await asyncio.gather(*(house.views(f"e-{number + n}") for n in range(20)))
            await house.deliver("ads")

    async with asyncio.TaskGroup() as group:
        group.create_task(come())
        try:
            for _ in range(150):
                books = await house.audit.read()
                assert books["balanced"], books
                assert_adds_up(books)
        finally:
            is_over.set()
    assert (await house.account())["delivered"] > 100


# --- what is off is told -----------------------------------------------------------------------------


async def test_an_entry_that_vanishes_is_missing(house: House) -> None:
    await house.views("e-1", "e-2", "e-3")
    await house.lose()

    account = await house.account()

    assert (account["balanced"], account["missing"], account["surplus"], account["waiting"]) == (False, 1, 0, 2)
    assert [hour["unbalanced"] for hour in account["hours"]] == [1]
    assert await house.audit.unbalanced() == {"-": 0, "ads": 1, "late": 0, "some": 0, "off": 0}
    assert (await house.audit.read())["balanced"] is False


async def test_an_entry_that_nobody_counted_is_too_much(house: House) -> None:
    await house.audit.close()
    await house.database.redis.zadd(keys.queue(2, "ads").due, {"f" * 32: 1})

    account = await house.account()

    assert (account["balanced"], account["missing"], account["surplus"]) == (False, 0, 1)


async def test_one_shards_surplus_does_not_hide_anothers_loss(house: House) -> None:
    await house.views("e-1")
    (leg,) = await house.lend("ads")
    await house.database.redis.zrem(keys.queue(leg.shard, "ads").due, leg.id)
    await house.database.redis.zadd(keys.queue((leg.shard + 1) % 4, "ads").due, {leg.id: 1})

    account = await house.account()

    assert (account["balanced"], account["missing"], account["surplus"], account["waiting"]) == (False, 1, 1, 1)


async def test_a_held_act_that_vanishes_is_missing_at_the_door(house: House) -> None:
    await house.keep(an_event("purchase", transaction_id="o-1"))
    await house.lose("hold")

    books = await house.audit.read()

    assert (books["balanced"], books["door"]["missing"], books["door"]["held"]) == (False, 1, 0)
    assert await house.audit.unbalanced() == {"-": 1, "ads": 0, "late": 0, "some": 0, "off": 0}


async def test_an_alarm_is_logged_once_a_change(house: House) -> None:
    await house.audit.close()
    await house.views("e-1", "e-2", "e-3")
    with capture_logs() as logged:
        await house.audit.close()
        await house.lose()
        await house.audit.close()
        await house.audit.close()
        await house.lose()
        await house.audit.close()
        await house.audit.write_off()
        await house.audit.close()

    told = [(line["event"], line.get("missing")) for line in logged if line["event"].startswith("books.")]
    assert told == [
        ("books.unbalanced", 1), ("books.unbalanced", 2), ("books.written_off", 2), ("books.balanced", None),
    ]  # fmt: skip


async def test_a_loss_stands_in_the_hour_in_which_it_was_found(house: House) -> None:
    await house.audit.close()
    await house.views("e-1", "e-2", "e-3")
    for _ in range(3):
        house.pass_hours(1)
        await house.audit.close()
    await house.lose()
    await house.audit.close()
    house.pass_hours(1)
    await house.deliver("ads")
    books = await house.audit.read()

    rows = (await house.account())["hours"]

    assert [(row["before"], row["owed"], row["delivered"], row["unbalanced"], row["after"]) for row in rows] == [
        (2, 0, 2, 0, 0),
        (3, 0, 0, 1, 2),
        (0, 3, 0, 0, 3),
    ]
    assert_adds_up(books)


async def test_what_was_written_off_balances_and_stays_told(house: House) -> None:
    await house.audit.close()
    await house.views("e-1", "e-2")
    await house.lose()

    said = await house.audit.write_off()

    assert said == {"ads": {"missing": 1, "surplus": 0}}
    account = await house.account()
    assert (account["balanced"], account["waiting"]) == (True, 1)
    assert [(hour["unbalanced"], hour["written_off"]) for hour in account["hours"]] == [(1, 1)]
    assert_adds_up(await house.audit.read())
    house.pass_hours(90)
    await house.audit.close()
    await house.deliver("ads")
    assert (await house.audit.read())["balanced"] is True


# --- what is not off -----------------------------------------------------------------------------------


async def test_each_way_out_is_told_by_its_reason(house: House) -> None:
    await house.keep(*(an_event(name, f"{name}-1") for name in ("page_view", "secret", "unmapped")))
    await house.keep(_copy("page_view", 7, Wire.BROWSER, DENIED))

    ads, off = await house.account("ads"), await house.account("off")

    assert ads["owed"] == off["owed"] == 4
    assert ads["skipped"] == {"denied": 1, "unmapped": 1, "consent": 1}
    assert (ads["waiting"], off["skipped"]) == (1, {"disabled": 4})


async def test_a_dead_letter_stays_dead_when_it_is_dropped_and_is_owed_again_when_it_is_replayed(house: House) -> None:
    await house.views("e-1", "e-2")
    first, second = await house.lend("ads")
    await house.settle([first, second], Kind.DEAD, REJECTED)
    await house.ledger.letters.drop("ads", first.id)
    assert await house.ledger.letters.replay("ads", second.id) == "revived"

    account = await house.account()

    assert (account["owed"], account["dead"], account["waiting"], account["balanced"]) == (3, {"rejected": 2}, 1, True)


async def test_what_a_platform_asks_for_again_is_owed_once_more(house: House) -> None:
    await house.views("e-1")
    (leg,) = await house.lend("ads")
    await house.settle([leg])
    receipts = house.ledger.receipts
    await receipts.keep("ads", "r-1", [leg.id], 0)
    receipt = await receipts.look("ads")
    assert isinstance(receipt, Receipt)
    assert leg.event is not None
    assert await receipts.again(receipt, 0, leg.event, reason="TOO_RECENT", wait_ms=0, at_most=2) == "again"

    account = await house.account()
    assert (account["balanced"], account["owed"], account["delivered"], account["waiting"]) == (True, 2, 1, 1)
    await house.deliver("ads")
    assert (await house.account())["delivered"] == 2


async def test_an_act_whose_copies_cannot_be_read_is_accounted_for(house: House) -> None:
    await house.keep(an_event("purchase", transaction_id="o-1"))
    for key in await house.database.redis.keys("tw:*:copy:*"):
        for wire in await house.database.redis.hkeys(key):
            await house.database.redis.hset(key, wire, b"damaged")

    async def released() -> bool:
        await house.queues.release_held(10)
        return bool((await house.audit.read())["door"]["held"] == 0)

    assert await wait_until(released)
    books = await house.audit.read()
    assert books["balanced"] is True
    assert (books["door"]["accepted"], books["door"]["sealed"]) == (1, 1)


async def test_the_books_outlive_the_counters_of_their_hours(house: House) -> None:
    await house.views("e-1", "e-2", "e-3")
    old = house.now_ms() // keys.HOUR_MS
    await house.audit.close()
    for _ in range(2):
        house.pass_hours(50)
        await house.audit.close()
    gone = [keys.counters(shard, old) for shard in range(house.database.shards)]
    assert await house.database.redis.delete(*gone) > 0

    assert (await house.audit.read())["balanced"] is True
    await house.deliver("ads")
    await house.views("e-4")
    account = await house.account()
    assert (account["balanced"], account["before"], account["delivered"], account["waiting"]) == (True, 3, 3, 1)


async def test_a_store_from_before_the_books_begins_with_what_waits(house: House) -> None:
    await house.views("e-1", "e-2")
    shards = range(house.database.shards)
    hour = house.now_ms() // keys.HOUR_MS
    await house.database.redis.delete(*(keys.counters(shard, hour) for shard in shards))
    assert (await house.audit.read())["opened_at"] is None

    with capture_logs() as logged:
        await house.audit.close()

    assert [(line["event"], line["shards"]) for line in logged] == [("books.opened", 4)]
    books = await house.audit.read()
    assert books["balanced"] is True
    assert books["opened_at"] is not None
    await house.deliver("ads")
    assert (await house.audit.read())["balanced"] is True


async def test_a_destination_that_left_the_configuration_stays_in_the_books(house: House) -> None:
    await house.views("e-1", "e-2")
    await house.deliver("late")
    house.plan = _plan("late")
    house.pass_hours(5)
    await house.audit.close()
    assert (await house.audit.read())["balanced"] is True

    await house.lose("queue:ads")

    books = await house.audit.read()
    left = {row["destination"]: (row["configured"], row["missing"]) for row in books["destinations"]}
    assert left == {"late": (True, 0), "ads": (False, 1), "off": (False, 0), "some": (False, 0)}
    assert (await house.audit.unbalanced())["ads"] == 1


@pytest.mark.parametrize("is_emptied", [False, True])
async def test_what_lies_on_a_disk_waits(house: House, tmp_path: Path, is_emptied: bool) -> None:
    """Also when it comes back to a store that was emptied meanwhile."""
    await house.database.identity()
    await house.audit.close()
    await house.views(*(f"e-{number}" for number in range(60)))
    await house.deliver("late")
    await house.deliver("some")
    async with a_backlog(house, tmp_path, 4_096) as backlog:
        parked = await backlog.relieve()
        account = await house.account()
        assert (parked > 20, account["balanced"], account["waiting"]) == (True, True, 60)
    if is_emptied:
        await house.database.redis.flushall()
        await house.database.identity()
        await house.database.open()
        await house.audit.close()

    async with a_backlog(house, tmp_path, 1_000_000) as backlog:
        await backlog.adopt()
        assert await backlog.bring_back() == parked

    account = await house.account()
    assert (account["balanced"], account["waiting"]) == (True, parked if is_emptied else 60)
    await house.deliver("ads")
    assert (await house.audit.read())["balanced"] is True


@asynccontextmanager
async def a_backlog(house: House, folder: Path, budget_bytes: int) -> AsyncIterator[Backlog]:
    shelf = Shelf(folder, floor_bytes=0)
    told: dict[str, Any] = {"budget_bytes": budget_bytes, "now_ms": house.now_ms, "nudge": lambda: None}
    yield Backlog(house.database, lambda: house.plan, shelf, waited_ms=0, empty_s=0, **told)
    await shelf.close()


async def test_a_clock_that_is_ahead_closes_no_hour_of_the_others(house: House) -> None:
    house.clock_ms = now_ms()
    await house.audit.close()
    house.pass_hours(30)
    await house.audit.close()
    house.pass_hours(-30)

    await house.views("e-1")
    await house.deliver("ads")

    assert (await house.audit.read())["balanced"] is True


async def test_the_book_has_a_lifetime_that_is_shorter_than_its_counters(house: House) -> None:
    await house.views("e-1")
    await house.audit.close()

    lives = [await house.database.redis.pttl(keys.book(shard)) for shard in range(house.database.shards)]

    assert all(0 < left_ms <= keys.BOOK_MS < keys.COUNTERS_MS for left_ms in lives)
