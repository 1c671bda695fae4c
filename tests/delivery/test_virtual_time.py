"""The delivery loop by the clock: waits, probes, deadlines, long outages, any order of faults, in virtual time."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import orjson
import pytest

from gateway.core import retry
from gateway.core.site import Batch, Destination
from gateway.delivery import concurrency
from gateway.delivery import worker as worker_module
from gateway.delivery.sender import NoAnswer
from gateway.store.errors import Unavailable
from tests.delivery.virtual_time import HOUR_S, TIMEOUT_S, Answer, World, raising, response, run
from tests.fixtures.shop import Parrot

# What a wait may be longer than the schedule says: a poll, the request itself, and a batch's company.
SLACK_S = 1.0
PROBE_S = retry.OPEN_PROBE_MS / 1_000


@pytest.fixture
def seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the worker look seldom: nobody nudges it here, and four looks a second for days would show nothing more."""
    monkeypatch.setattr(worker_module, "POLL_MS", 10_000)


@asynccontextmanager
async def delivering(world: World) -> Any:
    """Run a worker on a world; it has to end when it is told to."""
    worker = world.worker()
    async with asyncio.TaskGroup() as group:
        group.create_task(worker.run())
        yield worker
        worker.stop()


def down_until(world: World, heals_s: float) -> Callable[[list[dict[str, Any]]], Awaitable[Answer]]:
    async def answer(events: list[dict[str, Any]]) -> Answer:
        return world.apply(events) if world.now_s >= heals_s else response(503)

    return answer


async def _sends(world: World, for_s: float) -> list[float]:
    async with delivering(world):
        await asyncio.sleep(for_s)
    return [at_s for at_s, _, _ in world.calls]


def test_waits_double_up_to_a_quarter_of_an_hour() -> None:
    async def story() -> list[float]:
        world = World(jitter=lambda: 0.999)
        world.platform = down_until(world, float("inf"))
        world.add("e-1")
        return await _sends(world, 3 * HOUR_S)

    at_s = run(story())
    gaps = [after - before for before, after in pairwise(at_s)]

    bounds = [min(retry.CAP_MS, retry.BASE_MS * 2**number) / 1_000 * 0.999 for number in range(len(gaps))]
    assert len(gaps) > 15
    # An open breaker may add one probe's interval, never more.
    for gap, bound in zip(gaps, bounds, strict=True):
        assert bound <= gap <= bound + SLACK_S + PROBE_S


def test_waits_are_jittered_over_their_whole_length() -> None:
    async def story() -> Counter[int]:
        world = World()
        world.platform = down_until(world, float("inf"))
        world.add(*(f"e-{number}" for number in range(40)))
        async with delivering(world):
            await asyncio.sleep(1)
        return Counter((held.due_ms - world.now_ms()) // 100 for held in world.legs.values())

    due = run(story())

    assert len(due) >= 7  # of ten tenths of a second; in step they would all be in one


def test_an_open_breaker_lets_one_event_through_every_ten_seconds() -> None:
    async def story() -> World:
        world = World()
        world.platform = down_until(world, 300)
        world.add(*(f"e-{number}" for number in range(200)))
        async with delivering(world):
            await world.until(lambda: world.outcomes() == {"delivered"}, 2 * HOUR_S)
        return world

    world = run(story())

    opened_s = world.calls[retry.OPEN_AFTER + concurrency.START][0]
    probes = [(at_s, ids) for at_s, ids, _ in world.calls if opened_s < at_s < 300]
    assert probes
    assert {len(ids) for _, ids in probes} == {1}
    assert all(after - before >= PROBE_S - 0.2 for (before, _), (after, _) in pairwise(probes))
    assert sorted(world.applied) == sorted(world.legs)


@pytest.mark.parametrize(("asked", "rests_s"), [("120", 120), ("999999", retry.LONGEST_PAUSE_MS / 1_000)])
def test_a_throttled_destination_rests_as_long_as_it_was_asked(asked: str, rests_s: float) -> None:
    async def story() -> World:
        world = World()

        async def answer(events: list[dict[str, Any]]) -> Answer:
            return response(429, retry_after=asked) if len(world.calls) == 1 else world.apply(events)

        world.platform = answer
        world.add("e-1", "e-2", "e-3")
        async with delivering(world):
            await world.until(lambda: world.outcomes() == {"delivered"}, 2 * HOUR_S)
        return world

    world = run(story())

    first_s, second_s = (at_s for at_s, _, _ in world.calls[:2])
    assert rests_s <= second_s - first_s <= rests_s + SLACK_S
    # Nobody's attempt was spent on it.
    assert {held.fate.attempts for held in world.legs.values() if held.fate} == {1}


def test_a_refused_token_is_probed_every_half_minute_with_one_event() -> None:
    async def story() -> World:
        world = World()

        async def answer(events: list[dict[str, Any]]) -> Answer:
            return world.apply(events) if world.now_s > HOUR_S else response(401)

        world.platform = answer
        world.add(*(f"e-{number}" for number in range(100)))
        async with delivering(world):
            await world.until(lambda: world.outcomes() == {"delivered"}, 2 * HOUR_S)
        return world

    world = run(story())

    probes = [ids for at_s, ids, _ in world.calls if 1 < at_s < HOUR_S]
    assert {len(ids) for ids in probes} == {1}
    assert 110 <= len(probes) <= 121
    assert len(world.applied) == 100


@pytest.mark.usefixtures("seldom")
def test_an_event_expires_when_its_platform_would_refuse_it_and_not_before() -> None:
    async def story() -> tuple[float, World]:
        world = World()

        async def away(_: list[dict[str, Any]]) -> Answer:
            return NoAnswer("connect", maybe=False)

        world.platform = away
        world.add("e-1")
        async with delivering(world):
            await world.until(lambda: world.outcomes() == {"dead:expired"}, 8 * 24 * HOUR_S)
            return world.now_s, world

    died_s, world = run(story())

    assert 0 <= died_s - Parrot.max_age_s <= retry.CAP_MS / 1_000 + 180  # we looked that seldom
    assert world.calls[-1][0] <= Parrot.max_age_s


@pytest.mark.usefixtures("seldom")
def test_an_unknown_outcome_is_not_repeated_after_the_platforms_memory() -> None:
    async def story() -> World:
        world = World()
        heals_s = 50 * HOUR_S

        async def answer(events: list[dict[str, Any]]) -> Answer:
            if world.now_s > heals_s:
                return world.apply(events)
            return NoAnswer("timeout", maybe=True)

        world.platform = answer
        world.add("e-1")
        async with delivering(world):
            await world.until(lambda: "" not in world.outcomes(), 60 * HOUR_S)
        return world

    world = run(story())

    assert world.outcomes() == {"dead:unknown_outcome"}
    assert world.applied == []
    assert Parrot.dedup_s is not None
    assert world.calls[-1][0] <= Parrot.dedup_s + SLACK_S


@pytest.mark.usefixtures("seldom")
def test_a_platform_that_is_away_for_36_hours_costs_nothing_and_is_spared() -> None:
    heals_s = 36 * HOUR_S

    async def story() -> tuple[float, World]:
        world = World()
        world.platform = down_until(world, heals_s)
        world.add(*(f"e-{number}" for number in range(60)))
        async with delivering(world):
            await world.until(lambda: world.outcomes() == {"delivered"}, 40 * HOUR_S)
            return world.now_s, world

    done_s, world = run(story())

    assert sorted(world.applied) == sorted(world.legs)
    # A quarter of an hour is the longest wait; then the last of them goes.
    assert done_s - heals_s <= retry.CAP_MS / 1_000 + 60
    assert sum(at_s < heals_s for at_s, _, _ in world.calls) <= heals_s / PROBE_S + 20


def _mishap(world: World, dice: random.Random, calm_s: float) -> Callable[[list[dict[str, Any]]], Awaitable[Answer]]:
    """Do to each request whatever the dice say, until the calm."""

    async def answer(events: list[dict[str, Any]]) -> Answer:
        fate = "well" if world.now_s > calm_s else dice.choice(_FATES)
        match fate:
            case "well" | "slow":
                await asyncio.sleep(dice.random() * (8 if fate == "slow" else 0.3))
                return world.apply(events)
            case "lost":
                world.apply(events)
                return NoAnswer("disconnected", maybe=True)
            case "late":
                world.apply(events)
                await asyncio.sleep(TIMEOUT_S)
                return NoAnswer("timeout", maybe=True)
            case "away":
                return NoAnswer("connect", maybe=False)
            case "throttled":
                return response(429, retry_after=str(dice.randrange(1, 20)))
            case "token":
                return response(401)
            case "garbage":
                return response(200, b"<html>")
            case _:
                return response(500)

    return answer


_FATES = ("well", "well", "slow", "lost", "late", "away", "throttled", "token", "garbage", "error")


def _stormy(seed: int) -> World:
    """Play one seed: mishaps at the platform and at the store, and workers that die in the middle of anything."""
    dice, calm_s = random.Random(seed), 240.0

    async def story() -> World:
        place = Destination(name="parrot", adapter=Parrot(), batch=Batch(max_events=dice.choice((1, 3, 50))))
        world = World(destination=place, dice=random.Random(seed + 1))
        world.platform = _mishap(world, dice, calm_s)
        fails = raising(dice, 0.1)
        world.trouble = lambda doing: fails(doing) if world.now_s < calm_s else None
        for number in range(60):
            world.add(f"e-{number}", value=float(number))
        while world.now_s < calm_s:
            await _die_after(world, dice.expovariate(1 / 40))
        async with delivering(world):
            await world.until(lambda: "" not in world.outcomes(), 6 * HOUR_S)
        return world

    return run(story())


async def _die_after(world: World, lives_s: float) -> None:
    """Let a worker live so long, then end it as a crash does: no settling, no handing back."""
    task = asyncio.get_running_loop().create_task(world.worker().run(), name="worker")
    await asyncio.sleep(lives_s)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("first", range(0, 60, 20))
def test_no_order_of_faults_and_deaths_loses_or_changes_an_event(first: int) -> None:
    repeated = 0
    for seed in range(first, first + 20):
        world = _stormy(seed)
        carried: dict[str, set[bytes]] = {}
        for _, ids, body in world.calls:
            for event_id, event in zip(ids, _events(body), strict=True):
                carried.setdefault(event_id, set()).add(event)
        poisoned = {event_id for event_id, held in world.legs.items() if held.outcome == "dead:poison"}
        delivered = {event_id for event_id, held in world.legs.items() if held.outcome == "delivered"}

        # Five claims without a verdict are a poison's mark, and a storm of crashes may bear it, too.
        assert delivered | poisoned == set(world.legs), seed
        assert delivered <= set(world.applied), seed
        assert {len(bodies) for bodies in carried.values()} == {1}, seed
        repeated += len(world.applied) - len(set(world.applied))
        assert len(poisoned) <= len(world.legs) / 4, seed
    assert repeated > 0


def _events(body: bytes) -> list[bytes]:
    return [orjson.dumps(event) for event in orjson.loads(body)]


def test_a_seed_plays_the_same_story_again() -> None:
    for seed in (3, 17, 41):
        first, second = _stormy(seed), _stormy(seed)

        assert first.calls == second.calls
        assert first.outcomes() == second.outcomes()


def test_a_store_that_is_away_costs_time_and_no_event() -> None:
    async def story() -> World:
        world = World()

        def away(_: str) -> None:
            if 2 < world.now_s < 120:
                raise Unavailable("TimeoutError")

        world.trouble = away
        world.platform = down_until(world, 0)
        async with delivering(world):
            for number in range(60):
                world.add(f"e-{number}")
                await asyncio.sleep(3)
            await world.until(lambda: world.outcomes() == {"delivered"}, 60)
        return world

    world = run(story())

    assert set(world.applied) == set(world.legs)
