"""What becomes of a leg, verdict by verdict: a real store, a real worker, a loopback platform."""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from aiohttp import web

from gateway.core.adapter import Payload, Secret
from gateway.core.event import Event
from gateway.core.outcome import Skip
from gateway.core.plan import Plan
from gateway.core.site import Destination
from gateway.delivery.roster import Roster
from gateway.store import keys
from gateway.store.database import Database
from gateway.store.keeper import Keeper
from gateway.store.ledger import Ledger
from gateway.store.queues import Queues
from gateway.store.tally import Tally
from tests.fixtures.gateway import wait_until
from tests.fixtures.shop import Parrot, a_plan, an_event

Answer = Callable[[list[dict[str, Any]]], Awaitable[web.StreamResponse] | web.StreamResponse]


def ok(_: list[dict[str, Any]]) -> web.Response:
    return web.json_response({"ok": True})


@dataclass
class Platform:
    """Answers each call by the next of `script`, then by `ok`; remembers what it was sent."""

    script: list[Answer] = field(default_factory=list)
    calls: list[list[dict[str, Any]]] = field(default_factory=list)
    url: str = ""

    async def take(self, request: web.Request) -> web.StreamResponse:
        events = (await request.json())["events"]
        self.calls.append(events)
        answer = (self.script.pop(0) if self.script else ok)(events)
        return await answer if asyncio.iscoroutine(answer) else answer  # type: ignore[return-value]

    @property
    def ids(self) -> list[str]:
        return [event["id"] for call in self.calls for event in call]


@pytest.fixture
async def platform() -> AsyncIterator[Platform]:
    served = Platform()
    app = web.Application()
    app.router.add_post("/parrot", served.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    served.url = site.name
    yield served
    await runner.cleanup()


class House:
    """Everything between the door and the platform, in this process."""

    def __init__(self, database: Database, plan: Plan, now_ms: Callable[[], int]) -> None:
        self.database = database
        self.plan = plan
        self.tally = Tally(database, self._plan, now_ms=now_ms)
        self.ledger = Ledger(database, self._plan, now_ms=now_ms)
        counted = self.tally.counted_as
        self.queues = Queues(database, self._plan, now_ms=now_ms, token=_token, nudge=self._nudge, counted_as=counted)
        self.keeper = Keeper(database, self._plan, now_ms=now_ms, copy_id=_token, nudge=self._nudge, counted_as=counted)
        self.roster = Roster(self.queues, self.ledger, self.tally, self._plan, now_ms=now_ms, dice=random.random)

    def _plan(self) -> Plan:
        return self.plan

    def _nudge(self) -> None:
        self.roster.nudge()

    async def outcome(self, event_id: str) -> tuple[str, str]:
        told = await self.ledger.explain(event_id)
        row = told["deliveries"][0] if told else {}
        return row.get("outcome", ""), row.get("reason", "")

    async def ends_as(self, event_id: str, outcome: str) -> bool:
        async def ended() -> bool:
            return (await self.outcome(event_id))[0] == outcome

        return await wait_until(ended, 10)


def _token() -> str:
    return secrets.token_hex(16)


def wall_ms() -> int:
    return time.time_ns() // 1_000_000


def now_event(event_id: str, **fields: Any) -> Event:
    return an_event(event_id=event_id, **{"at_ms": wall_ms(), "received_ms": wall_ms(), **fields})


Build = Callable[..., House]


@pytest.fixture
async def build(database: Database, platform: Platform) -> AsyncIterator[Build]:
    """Make a house for one destination; `options` are the destination's."""
    houses: list[House] = []

    def make(**options: Any) -> House:
        place = replace(Destination(name="parrot", adapter=Parrot(), endpoint=platform.url), **options)
        houses.append(House(database, a_plan(place), wall_ms))
        return houses[-1]

    yield make
    for house in houses:
        await house.roster.close()


async def test_a_delivered_event_is_told_with_its_masked_request(build: Build, platform: Platform) -> None:
    house = build()
    house.roster.apply()

    await house.keeper.keep([now_event("e-1", value=5.0)])

    assert await house.ends_as("e-1", "delivered")
    assert platform.ids == ["e-1"]
    told = await house.ledger.explain("e-1")
    assert told is not None
    assert told["deliveries"][0]["request"]["value"] == 5.0
    assert told["deliveries"][0]["response"] == {"status": 200, "body": {"ok": True}}


async def test_others_get_a_turn_while_a_batch_is_translated(build: Build, platform: Platform) -> None:
    said: Counter[tuple[int, object]] = Counter()
    turn = 0

    class Watched(Parrot):
        def payload(self, event: Event, name: str) -> Payload | Skip:
            said[turn, asyncio.current_task()] += 1
            return super().payload(event, name)

    house = build(adapter=Watched())
    await house.keeper.keep([now_event(f"e-{number}") for number in range(50)])
    house.roster.apply()

    for _ in range(1_000_000):  # a turn each, until the last of them was sent
        turn += 1
        await asyncio.sleep(0)
        if len(platform.ids) == 50:
            break

    assert max(map(len, platform.calls)) > 25
    assert max(said.values()) <= 25


async def test_one_bad_event_among_sixteen_costs_ten_requests_at_most(build: Build, platform: Platform) -> None:
    def refuse_bad(events: list[dict[str, Any]]) -> web.Response:
        bad = any(event["id"] == "bad" for event in events)
        return web.json_response({"error": 1}, status=400) if bad else web.json_response({"ok": True})

    platform.script = [refuse_bad] * 100
    house = build()
    events = [now_event(f"e-{number}") for number in range(15)] + [now_event("bad")]
    await house.keeper.keep(events)

    house.roster.apply()

    assert await house.ends_as("bad", "dead:rejected")
    for number in range(15):
        assert await house.ends_as(f"e-{number}", "delivered")
    assert len(platform.calls) <= 2 * 4 + 2


async def test_a_repeat_after_an_unknown_outcome_carries_the_same_content(build: Build, platform: Platform) -> None:
    def applied_and_lost(_: list[dict[str, Any]]) -> web.Response:
        return web.Response(status=502, text="<html>bad gateway</html>")

    platform.script = [applied_and_lost]
    house = build()
    house.roster.apply()

    await house.keeper.keep([now_event("e-1", value=7.0)])

    assert await house.ends_as("e-1", "delivered")
    assert platform.calls[0] == platform.calls[1]


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({"events": {"page_view": "Renamed"}}, ("dead:unknown_outcome", "changed")),
        ({"static": {"*": {"note": "new"}}}, ("dead:unknown_outcome", "changed")),
        ({"events": {"page_view": "page_view"}}, ("delivered", "")),
    ],
)
async def test_what_may_have_arrived_is_not_repeated_in_other_words(
    changed: dict[str, Any], outcome: tuple[str, str], build: Build, platform: Platform
) -> None:
    platform.script = [lambda _: web.Response(status=502)]
    house = build()
    house.roster.apply()
    await house.keeper.keep([now_event("e-1", value=7.0)])
    assert await house.ends_as("e-1", "retrying")

    (place,) = house.plan.destinations.values()
    house.plan = a_plan(replace(place, **changed))
    house.roster.apply()

    assert await house.ends_as("e-1", outcome[0])
    assert await house.outcome("e-1") == outcome
    assert len(platform.calls) == (2 if outcome[0] == "delivered" else 1)


async def test_at_most_once_never_repeats_an_unknown_outcome(build: Build, platform: Platform) -> None:
    platform.script = [lambda _: web.Response(status=502)]
    house = build(mode="at_most_once")
    house.roster.apply()

    await house.keeper.keep([now_event("e-1")])

    assert await house.ends_as("e-1", "dead:unknown_outcome")
    assert platform.ids == ["e-1"]


async def test_at_most_once_never_repeats_what_a_killed_gateway_had_on_loan(
    build: Build, platform: Platform, database: Database
) -> None:
    house = build(mode="at_most_once")
    await house.keeper.keep([now_event("e-1")])
    (leg,) = (await house.queues.lease("parrot", 10)).legs  # and then its borrower is killed
    await database.redis.zadd(keys.queue(leg.shard, "parrot").due, {leg.id: 0})

    house.roster.apply()

    assert await house.ends_as("e-1", "dead:unknown_outcome")
    assert platform.calls == []


async def test_an_event_older_than_the_platform_takes_is_never_sent(build: Build, platform: Platform) -> None:
    house = build()
    house.roster.apply()

    await house.keeper.keep([now_event("old", at_ms=wall_ms() - 8 * 86_400_000)])

    assert await house.ends_as("old", "dead:expired")
    assert platform.calls == []


async def test_a_readable_address_is_stopped_by_the_outgoing_scanner(build: Build, platform: Platform) -> None:
    house = build()
    house.roster.apply()

    await house.keeper.keep([now_event("leak", properties={"em": "not-a-digest"})])

    assert await house.ends_as("leak", "dead:leak")
    assert platform.calls == []


async def test_a_denial_that_came_late_stops_a_leg_that_has_not_left(build: Build, platform: Platform) -> None:
    from gateway.core.event import Veto, Wire
    from tests.fixtures.shop import DENIED

    house = build()
    await house.keeper.keep([now_event("e-1")])
    denial = Veto(
        site="shop", name="page_view", event_id="e-1", wires=(Wire.SERVER,), received_ms=wall_ms(), id_made=False,
        consent=DENIED,
    )  # fmt: skip
    await house.keeper.keep([denial])

    house.roster.apply()

    assert await house.ends_as("e-1", "skipped:consent")
    assert platform.calls == []


async def test_damaged_content_ends_as_unreadable(build: Build, platform: Platform, database: Database) -> None:
    house = build()
    await house.keeper.keep([now_event("e-1")])
    (key,) = [name async for name in database.redis.scan_iter("tw:*:content:*")]
    await database.redis.setrange(key, 9, b"\xff\xff\xff")

    house.roster.apply()

    async def counted() -> bool:
        return any(row["outcome"] == "dead:unreadable" for row in await house.ledger.counts.totals(0))

    assert await wait_until(counted, 10)
    assert platform.calls == []


async def test_an_event_that_its_adapter_cannot_survive_becomes_poison_and_others_flow(
    build: Build, platform: Platform, database: Database
) -> None:
    house = build()
    house.roster.apply()
    await house.keeper.keep([now_event("bug", properties={"raises": True}), now_event("good")])
    assert await house.ends_as("good", "delivered")

    async def hurried() -> bool:
        # the lease is what makes it wait: end it by hand instead of sleeping it out
        for shard in range(database.shards):
            place = keys.queue(shard, "parrot")
            waiting: Any = await database.redis.zrange(place.due, 0, -1)
            if waiting:
                await database.redis.zadd(place.due, dict.fromkeys(waiting, 0))
        return (await house.outcome("bug"))[0] == "dead:poison"

    assert await wait_until(hurried, 15)


async def test_a_dead_letter_can_be_replayed_and_dropped(build: Build, platform: Platform) -> None:
    platform.script = [lambda _: web.Response(status=400)]
    house = build()
    house.roster.apply()
    await house.keeper.keep([now_event("e-1")])
    assert await house.ends_as("e-1", "dead:rejected")
    (letter,) = await house.ledger.letters.newest("parrot")
    assert (letter["event_id"], letter["reason"]) == ("e-1", "http_400")

    assert await house.ledger.letters.replay("parrot", letter["id"]) == "revived"

    assert await house.ends_as("e-1", "delivered")
    assert await house.ledger.letters.replay("parrot", letter["id"]) == "gone"
    assert await house.ledger.letters.drop("parrot", letter["id"]) is False


async def test_a_removed_destination_keeps_its_queue_and_resumes(build: Build, platform: Platform) -> None:
    house = build()
    full = house.plan
    await house.keeper.keep([now_event("e-1")])
    house.plan = replace(full, destinations={})
    house.roster.apply()
    assert platform.calls == []

    house.plan = full
    house.roster.apply()

    assert await house.ends_as("e-1", "delivered")


async def test_a_changed_destination_is_served_by_a_new_worker(build: Build, platform: Platform) -> None:
    house = build(adapter=Parrot(word="old"))
    house.roster.apply()
    place = house.plan.destinations["parrot"]
    house.plan = replace(house.plan, destinations={"parrot": replace(place, adapter=Parrot(word="new"))})

    house.roster.apply()
    await house.keeper.keep([now_event("e-1")])

    assert await house.ends_as("e-1", "delivered")
    assert platform.ids == ["e-1"]


async def test_nobody_who_can_connect_is_no_unknown_outcome(build: Build) -> None:
    house = build(endpoint="http://127.0.0.1:1", mode="at_most_once")
    house.roster.apply()

    await house.keeper.keep([now_event("e-1")])

    assert await house.ends_as("e-1", "retrying")
    assert (await house.outcome("e-1"))[1] == "connect"


def test_a_secret_never_prints() -> None:
    assert repr(Secret("s3cret")) == str(Secret("s3cret")) == "***"
