"""A destination's limit: alone by an injected clock, shared by a real Redis, and without one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest

from gateway.core.site import Destination
from gateway.delivery.rate import Bucket, Pace, pace
from gateway.settings import rate_per_s
from gateway.store import keys
from gateway.store.budgets import LONGEST_MS, Budgets
from gateway.store.database import Database, text
from gateway.store.errors import Unavailable
from tests.fixtures.shop import Parrot


@dataclass(frozen=True, slots=True, kw_only=True)
class MeteredParrot(Parrot):
    """One whose platform counts."""

    rate_limit: ClassVar[str] = "280/m"
    account: str = "1"

    @property
    def budget(self) -> str:
        return f"parrot:{self.account}"


class Clock:
    """A clock that a test turns; whoever sleeps by it is let go at once and moves it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_ms = 1
        self.slept_ms: list[int] = []
        monkeypatch.setattr("gateway.delivery.rate.asyncio.sleep", self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.slept_ms.append(round(seconds * 1_000))
        self.now_ms += self.slept_ms[-1]

    def __call__(self) -> int:
        return self.now_ms


def a_place(**changes: object) -> Destination:
    return replace(Destination(name="parrot", adapter=Parrot()), **changes)  # type: ignore[arg-type]


def test_no_limit_is_no_pace() -> None:
    assert pace(a_place(), None, now_ms=lambda: 1) is None


@pytest.mark.parametrize(("limit", "a_minute"), [("50/s", 3_000), ("300/m", 300), ("3600/h", 60)])
def test_requests_of_a_minute_stay_within_the_limit(limit: str, a_minute: int) -> None:
    per_s = rate_per_s(limit)
    bucket = Bucket(1e3 / per_s, max(1.0, per_s))
    now_ms, sent = 1, 0
    while now_ms < 60_001:
        now_ms += bucket.wait_ms(now_ms)
        sent += 1

    # one second's burst may come on top
    assert a_minute * 0.98 <= sent <= a_minute + max(1, a_minute // 60) + 1


async def test_who_is_alone_has_the_whole_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    turns = pace(a_place(rate_limit="60/m"), None, now_ms=clock)
    assert turns is not None

    for _ in range(4):
        await turns.turn()

    assert clock.slept_ms == [1_000, 1_000, 1_000]


# --- shared ------------------------------------------------------------------------------------------


async def test_two_processes_share_one_budget(database: Database, valkey_url: str) -> None:
    other = Database(valkey_url)
    one, two = Budgets(database), Budgets(other)

    waits = [await budgets.turn("b", per_s=2, burst=1) for _ in range(5) for budgets in (one, two)]

    await other.close()
    assert all(ours for ours, _ in waits)
    spaced = [wait_ms for _, wait_ms in waits]
    assert spaced[0] == 0
    # Each is half a second after the one before, save the little that the calls themselves took.
    assert all(450 * place <= wait_ms <= 500 * place for place, wait_ms in enumerate(spaced))


async def test_a_burst_goes_at_once_and_is_paid_for(database: Database) -> None:
    budgets = Budgets(database)

    waits = [(await budgets.turn("b", per_s=4, burst=4))[1] for _ in range(8)]

    assert waits[:4] == [0, 0, 0, 0]
    assert 0 < waits[4] <= 250
    assert waits == sorted(waits)


async def test_a_moment_too_far_away_is_not_given(database: Database) -> None:
    budgets = Budgets(database)
    hourly = [await budgets.turn("b", per_s=1 / 3600, burst=1) for _ in range(3)]

    (first, _), (second, wait_ms), (third, again_ms) = hourly
    assert (first, second, third) == (True, False, False)
    # Nobody's place was taken by those who asked in vain.
    assert abs(wait_ms - (3_600_000 - LONGEST_MS)) < 1_000
    assert again_ms <= wait_ms


async def test_budgets_of_other_names_are_other_budgets(database: Database) -> None:
    budgets = Budgets(database)
    await budgets.turn("b", per_s=0.1, burst=1)

    assert (await budgets.turn("c", per_s=0.1, burst=1)) == (True, 0)


async def test_a_budget_leaves_nothing_behind_for_ever(database: Database) -> None:
    await Budgets(database).turn("b", per_s=0.5, burst=1)

    assert 2_000 < await database.redis.pttl(keys.rate("b")) <= 3_000


async def test_destinations_of_one_project_share_its_budget_and_its_default(database: Database) -> None:
    budgets = Budgets(database)
    places = [a_place(name=name, adapter=MeteredParrot()) for name in ("one", "two")]
    others = a_place(name="other", adapter=MeteredParrot(account="2"))

    for place in (*places, others):
        turns = pace(place, budgets, now_ms=lambda: 1)
        assert turns is not None
        await turns.turn()

    found = {text(key) for key in await database.redis.keys("tw:{rate:*")}
    assert found == {keys.rate("parrot:1"), keys.rate("parrot:2")}


async def test_a_configured_limit_stands_before_the_adapters(database: Database) -> None:
    turns = pace(a_place(adapter=MeteredParrot(), rate_limit="1/h"), Budgets(database), now_ms=lambda: 1)
    assert turns is not None
    await turns.turn()

    ours, _ = await Budgets(database).turn("parrot:1", per_s=1 / 3600, burst=1)
    assert not ours


# --- without Redis -----------------------------------------------------------------------------------


async def test_without_redis_a_share_of_the_limit_has_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    asked: list[str] = []

    class Away(Budgets):
        async def turn(self, budget: str, *, per_s: float, burst: float) -> tuple[bool, int]:
            asked.append(budget)
            raise Unavailable("ConnectionError")

    turns = Pace("60/m", "b", Away(Database("unix:///nowhere")), now_ms=clock)
    for _ in range(4):
        await turns.turn()

    # A quarter of the limit, and Redis is left alone for five seconds.
    assert clock.slept_ms == [4_000, 4_000, 4_000]
    assert asked == ["b", "b"]


async def test_who_waits_can_be_stopped(database: Database) -> None:
    turns = Pace("1/h", "b", Budgets(database), now_ms=lambda: 1)
    await turns.turn()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await turns.turn()
