"""Estimates of match quality come back as averages, and a stored outcome of any version is read."""

from __future__ import annotations

import msgspec
import pytest

from gateway.store import outcomes
from gateway.store.counts import HourlyCounts
from gateway.store.database import Database
from gateway.store.outcomes import Fate
from gateway.store.tally import Tally
from tests.fixtures.shop import NOW_MS, a_plan


class Clock:
    def __init__(self) -> None:
        self.now_ms = NOW_MS

    def __call__(self) -> int:
        return self.now_ms


def delivered(quality: float | None) -> Fate:
    return Fate(outcome="delivered", at_ms=NOW_MS, attempts=1, quality=quality)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tally(database: Database, clock: Clock) -> Tally:
    return Tally(database, a_plan, now_ms=clock)


@pytest.fixture
def counts(database: Database, clock: Clock) -> HourlyCounts:
    return HourlyCounts(database, a_plan, now_ms=clock)


async def test_they_are_averaged_for_each_event_the_worst_first(tally: Tally, counts: HourlyCounts) -> None:
    for event, quality in (("purchase", 9.1), ("page_view", 2.2), ("purchase", 8.4), ("page_view", 3.0)):
        tally.delivery("parrot", "shop", event, "e-1", delivered(quality))
    tally.delivery("parrot:late", "shop", "purchase", "e-1", delivered(9.5))
    await tally.flush()

    assert await counts.qualities(1) == {
        "parrot": {
            "average": 6.4,
            "deliveries": 5,
            "events": [
                {"event": "page_view", "average": 2.6, "deliveries": 2},
                {"event": "purchase", "average": 9.0, "deliveries": 3},
            ],
        }
    }


async def test_what_was_not_estimated_is_in_no_average(tally: Tally, counts: HourlyCounts) -> None:
    tally.delivery("parrot", "shop", "purchase", "e-1", delivered(None))
    await tally.flush()

    assert await counts.qualities(24) == {}


async def test_an_hour_outside_the_span_does_not_count(tally: Tally, counts: HourlyCounts, clock: Clock) -> None:
    tally.delivery("parrot", "shop", "purchase", "e-1", delivered(2.0))
    await tally.flush()
    clock.now_ms += 3_600_000
    tally.delivery("parrot", "shop", "purchase", "e-1", delivered(8.0))
    await tally.flush()

    (one,) = (await counts.qualities(1))["parrot"]["events"]
    (both,) = (await counts.qualities(2))["parrot"]["events"]

    assert (one["average"], both["average"]) == (8.0, 5.0)


async def test_names_that_strangers_invent_share_one_row(tally: Tally, counts: HourlyCounts) -> None:
    for number in range(300):
        tally.delivery("parrot", "shop", f"invented_{number}", "e-1", delivered(5.0))
    await tally.flush()

    events = (await counts.qualities(1))["parrot"]["events"]

    assert len(events) <= 201
    assert sum(row["deliveries"] for row in events) == 300


async def test_estimates_are_no_copies_and_no_deliveries(tally: Tally, counts: HourlyCounts) -> None:
    tally.delivery("parrot", "shop", "purchase", "e-1", delivered(5.0))
    await tally.flush()

    assert await counts.totals(0) == []
    assert (await counts.delivered())["parrot"] == 0


def test_an_estimate_is_kept_with_the_outcome() -> None:
    assert outcomes.read(outcomes.write(delivered(7.3))) == delivered(7.3)
    assert b"quality" not in outcomes.write(delivered(None))


def test_an_outcome_of_an_older_or_a_newer_version_is_read() -> None:
    older = msgspec.json.encode({"outcome": "delivered", "at_ms": NOW_MS, "attempts": 1})
    newer = msgspec.json.encode(
        {"outcome": "delivered", "at_ms": NOW_MS, "attempts": 1, "quality": 1.5, "moon": "full"}
    )

    assert (outcomes.read(older), outcomes.read(newer)) == (delivered(None), delivered(1.5))
