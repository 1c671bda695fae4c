"""A request that was taken is followed to its end: with the adapter, a real store, a worker, and Google's emulator."""

from __future__ import annotations

import json
import random
import secrets
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest

from adapters.google_data_manager import Conversion, Credentials, GoogleDataManager
from gateway.core.adapter import Followed, Response
from gateway.core.event import Click, Event
from gateway.core.plan import Plan
from gateway.core.site import Batch, Destination
from gateway.delivery import follow
from gateway.delivery.roster import Roster
from gateway.sandbox import Sandbox, running
from gateway.sandbox.terms import Terms
from gateway.store import keys
from gateway.store.budgets import Budgets
from gateway.store.database import Database
from gateway.store.keeper import Keeper
from gateway.store.ledger import Ledger
from gateway.store.queues import Queues
from gateway.store.tally import Tally
from tests.fixtures.gateway import wait_until
from tests.fixtures.shop import a_plan, an_event

HOUR_S = 3_600
FRESH, OLD = "Cj0KCQ-fresh-click", "Cj0KCQ-old-click"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hasty(GoogleDataManager):
    """Google's adapter, which asks at once instead of after half an hour."""

    follow_after_s: ClassVar[int] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Countless(Hasty):
    """The same at a platform that counts what went wrong and names no rows."""

    def followed(self, response: Response) -> Followed | None:
        told = GoogleDataManager.followed(self, response)
        return None if told is None else replace(told, rows={})


class Turned:
    """A clock that can be put forward."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def ms(self) -> int:
        return int((time.time() + self.ahead_s) * 1_000)


class House:
    """Everything between the door and Google, in this process."""

    def __init__(self, database: Database, plan: Plan, clock: Turned) -> None:
        self.database, self.plan, self.clock = database, plan, clock
        self.tally = Tally(database, lambda: plan, now_ms=clock.ms)
        self.ledger = Ledger(database, lambda: plan, now_ms=clock.ms)
        told: dict[str, Any] = {"now_ms": clock.ms, "nudge": self._nudge, "counted_as": self.tally.counted_as}
        self.queues = Queues(database, lambda: plan, token=_token, **told)
        self.keeper = Keeper(database, lambda: plan, copy_id=_token, **told)
        self.roster = self._hired()

    def _hired(self) -> Roster:
        told: dict[str, Any] = {"now_ms": self.clock.ms, "dice": random.random}
        budgets = Budgets(self.database)
        return Roster(self.queues, self.ledger, self.tally, lambda: self.plan, budgets=budgets, **told)

    async def restart(self) -> None:
        """End the workers, as a stop does, and begin anew."""
        await self.roster.close()
        self.roster = self._hired()
        self.roster.apply()

    def _nudge(self) -> None:
        self.roster.nudge()

    async def row(self, event_id: str) -> dict[str, Any]:
        told = await self.ledger.explain(event_id)
        row: dict[str, Any] = told["deliveries"][0] if told else {}
        return row

    async def until(self, event_id: str, holds: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """Wait until the event's delivery is as it should be; fails with what it is."""
        row: dict[str, Any] = {}

        async def look() -> bool:
            nonlocal row
            row = await self.row(event_id)
            return bool(row and holds(row))

        assert await wait_until(look, 10), row
        return row

    async def come_due(self, what: str) -> None:
        """Let the waits of a queue be over."""
        async for key in self.database.redis.scan_iter(what):
            for leg in await self.database.redis.zrange(key, 0, -1):
                await self.database.redis.zadd(key, {str(leg, "ascii"): 1})  # type: ignore[arg-type]

    def counted(self) -> dict[str, float]:
        samples = [one for family in self.tally.registry.collect() for one in family.samples]
        return {one.labels["code"]: one.value for one in samples if one.name == "tagway_followed_total"}


def _token() -> str:
    return secrets.token_hex(16)


@pytest.fixture
def clock() -> Turned:
    return Turned()


@pytest.fixture
def clicked() -> dict[str, float]:
    """What Google knows of its clicks."""
    return {FRESH: time.time() - 60, OLD: time.time() - 9 * HOUR_S}


@pytest.fixture
async def google(clicked: dict[str, float]) -> AsyncIterator[Sandbox]:
    async with running(terms=Terms(google_offline=frozenset({"988"}), google_clicks=clicked)) as served:
        yield served
        assert served.violations() == []


Build = Callable[..., House]


@pytest.fixture
async def build(
    database: Database, google: Sandbox, clock: Turned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Build]:
    """Make a house that sends to the emulator; `options` are the destination's."""
    monkeypatch.setattr(follow, "POLL_MS", 50)
    key = tmp_path / "google.json"
    key.write_text(json.dumps(google.google_key()))
    houses: list[House] = []

    def make(adapter: type[Hasty] = Hasty, **options: Any) -> House:
        made = adapter(
            operating_account="1234567890",
            credentials=Credentials(kind="service_account", file=str(key)),
            conversions={"lead": Conversion(action_id="988", mode="offline")},
        )
        place = Destination(
            name="google", adapter=made, endpoint=google.endpoint("google"), batch=Batch(max_wait_ms=200), **options
        )
        houses.append(House(database, a_plan(place), clock))
        return houses[-1]

    yield make
    for house in houses:
        await house.roster.close()


@pytest.fixture
async def house(build: Build) -> House:
    return build()


def a_lead(clock: Turned, event_id: str, click: str) -> Event:
    seen_ms = clock.ms() - (60_000 if click == FRESH else 9 * HOUR_S * 1_000)
    clicks = {"gclid": Click(id=click, seen_ms=seen_ms)}
    return an_event(
        "lead", event_id, at_ms=clock.ms(), received_ms=clock.ms(), value=5.0, currency="EUR", clicks=clicks
    )


def asked(google: Sandbox) -> int:
    return sum(call["place"] == "status" for call in google.requests("google"))


async def test_what_google_said_later_is_told_of_the_event(house: House, google: Sandbox, clock: Turned) -> None:
    house.roster.apply()

    await house.keeper.keep([a_lead(clock, "e-1", OLD)])

    row = await house.until("e-1", lambda row: row.get("followed", {}).get("status") == "SUCCESS")
    assert row["outcome"] == "delivered"
    assert row["followed"]["counts"] == {"SUCCESS": 1}
    (place,) = await house.ledger.destinations()
    assert place["followed"] == {"waiting": 0, "told": {"SUCCESS": 1}}
    assert house.counted() == {"SUCCESS": 1}
    assert asked(google) == 1


async def test_a_fresh_click_goes_again_after_six_hours_under_the_same_id(
    house: House, google: Sandbox, clock: Turned, clicked: dict[str, float]
) -> None:
    house.roster.apply()
    await house.keeper.keep([a_lead(clock, "e-old", OLD), a_lead(clock, "e-fresh", FRESH)])

    # It goes back first, and then its receipt is closed.
    row = await house.until("e-fresh", lambda row: row.get("followed", {}).get("reason") == "TOO_RECENT_CLICK")

    assert (row["outcome"], row["reason"]) == ("retrying", "TOO_RECENT_CLICK")
    assert [one["event_id"] for one in google.events("google")] == ["e-old"]
    waits_ms = [score - clock.ms() for _, score in await _queue(house.database)]
    assert waits_ms == pytest.approx([6 * HOUR_S * 1_000], abs=30_000)
    # Its companion in the request was fine and stays where it is.
    assert (await house.row("e-old"))["outcome"] == "delivered"

    clicked[FRESH] -= 6 * HOUR_S  # six hours pass
    await house.come_due("tw:*:queue:google")

    again = await house.until("e-fresh", lambda row: row.get("followed", {}).get("status") == "SUCCESS")
    assert (again["outcome"], again["attempts"]) == ("delivered", 2)
    assert [one["event_id"] for one in google.events("google")] == ["e-old", "e-fresh"]
    sent = [one for call in google.requests("google") if call["place"] == "events" for one in call["body"]["events"]]
    fresh = [one for one in sent if one["transactionId"] == "e-fresh"]
    assert len(fresh) == 2
    assert fresh[0] == fresh[1]
    assert house.counted() == {"SUCCESS": 2, "TOO_RECENT_CLICK": 1}


async def test_where_no_row_is_named_only_what_may_be_meant_goes_again(
    build: Build, google: Sandbox, clock: Turned
) -> None:
    house = build(Countless)
    house.roster.apply()

    await house.keeper.keep([a_lead(clock, "e-old", OLD), a_lead(clock, "e-fresh", FRESH)])

    await house.until("e-fresh", _is("retrying", 1))
    assert len(await _queue(house.database)) == 1
    assert (await house.row("e-old"))["outcome"] == "delivered"


async def test_who_rather_loses_one_sends_nothing_again(build: Build, google: Sandbox, clock: Turned) -> None:
    house = build(mode="at_most_once")
    house.roster.apply()

    await house.keeper.keep([a_lead(clock, "e-1", FRESH)])

    row = await house.until("e-1", lambda row: row.get("followed", {}).get("status") == "FAILED")
    assert (row["outcome"], row["followed"]["reason"]) == ("delivered", "TOO_RECENT_CLICK")
    assert await _queue(house.database) == []


async def test_a_landing_alone_is_taken_for_a_click(house: House, google: Sandbox, clock: Turned) -> None:
    house.roster.apply()
    landing = {"gad": Click(id="1.2345678901", seen_ms=clock.ms() - 9 * HOUR_S * 1_000)}

    await house.keeper.keep([msgspec.structs.replace(a_lead(clock, "e-1", OLD), clicks=landing)])

    await house.until("e-1", lambda row: row.get("followed", {}).get("status") == "SUCCESS")
    (taken,) = google.events("google")
    assert set(taken["payload"]["adIdentifiers"]) == {"sessionAttributes"}


async def test_a_click_that_stays_too_fresh_is_given_up_in_the_end(
    house: House, google: Sandbox, clock: Turned
) -> None:
    house.roster.apply()
    await house.keeper.keep([a_lead(clock, "e-1", FRESH)])

    for tries in range(1, follow.AGAIN_AT_MOST + 1):
        await house.until("e-1", _is("retrying", tries))
        await house.come_due("tw:*:queue:google")

    await house.until("e-1", _is("delivered", 4))
    row = await house.until("e-1", lambda row: row["followed"]["status"] == "FAILED")
    assert (row["outcome"], row["followed"]["reason"]) == ("delivered", "TOO_RECENT_CLICK")
    assert await _queue(house.database) == []


async def test_a_receipt_outlives_the_process(
    house: House, google: Sandbox, clock: Turned, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Hasty, "follow_after_s", 1_800)
    house.roster.apply()
    await house.keeper.keep([a_lead(clock, "e-1", OLD)])
    row = await house.until("e-1", lambda row: row["outcome"] == "delivered" and "followed" in row)
    assert (row["followed"]["status"], asked(google)) == ("waiting", 0)

    await house.restart()
    await house.come_due(keys.receipts("google").replace("{", "[{]").replace("}", "[}]"))

    await house.until("e-1", lambda row: row["followed"]["status"] == "SUCCESS")
    assert asked(google) == 1


async def test_google_is_asked_again_while_it_works(house: House, google: Sandbox, clock: Turned) -> None:
    google.script("google", {"status": 503, "at": "status"}, {"garbage": True, "at": "status"})
    house.roster.apply()

    await house.keeper.keep([a_lead(clock, "e-1", OLD)])

    row = await house.until("e-1", lambda row: row.get("followed", {}).get("status") == "SUCCESS")
    assert row["followed"]["asked"] == 3


async def test_nothing_is_asked_for_ever(house: House, google: Sandbox, clock: Turned) -> None:
    google.script("google", {"status": 503, "at": "status", "times": 1_000})
    house.roster.apply()
    await house.keeper.keep([a_lead(clock, "e-1", OLD)])
    await house.until("e-1", lambda row: row.get("followed", {}).get("asked", 0) > 0)

    clock.ahead_s = 25 * HOUR_S

    await house.until("e-1", lambda row: row["followed"]["status"] == "UNANSWERED")
    (place,) = await house.ledger.destinations()
    assert place["followed"] == {"waiting": 0, "told": {"UNANSWERED": 1}}
    assert house.counted() == {"UNANSWERED": 1}


async def test_receipts_name_no_person(
    house: House, google: Sandbox, clock: Turned, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Hasty, "follow_after_s", 1_800)
    house.roster.apply()
    await house.keeper.keep([a_lead(clock, "jo-1001", OLD)])
    await house.until("jo-1001", lambda row: "followed" in row)

    redis: Any = house.database.redis
    raw = b"".join([await redis.dump(key) async for key in redis.scan_iter("tw:{follow*")])

    assert raw
    assert b"jo-1001" not in raw
    assert OLD.encode() not in raw


def _is(outcome: str, tries: int) -> Callable[[dict[str, Any]], object]:
    return lambda row: (row["outcome"], row["attempts"]) == (outcome, tries)


async def _queue(database: Database) -> list[tuple[bytes, float]]:
    found: list[Any] = []
    async for key in database.redis.scan_iter("tw:*:queue:google"):
        found += await database.redis.zrange(key, 0, -1, withscores=True)
    return found
