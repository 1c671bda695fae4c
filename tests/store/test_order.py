"""Scripts are atomic and not rolled back: what fails in the middle leaves work behind, never a claim without it."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from gateway.core.event import Event
from gateway.core.outcome import Door
from gateway.store import keys
from gateway.store.database import Database
from gateway.store.errors import Unavailable
from gateway.store.keeper import Keeper
from gateway.store.queues import Queues
from tests.fixtures.shop import NOW_MS, a_plan, an_event, twins


class Store:
    def __init__(self, database: Database) -> None:
        told: dict[str, Any] = {"now_ms": lambda: NOW_MS, "nudge": lambda: None, "counted_as": lambda _, event: event}
        plan = a_plan()
        self.redis: Any = database.redis
        self.shards = range(database.shards)
        self.keeper = Keeper(database, lambda: plan, copy_id=lambda: secrets.token_hex(16), **told)
        self.queues = Queues(database, lambda: plan, token=lambda: secrets.token_hex(8), **told)

    async def break_queues(self) -> None:
        """Put something else where the destination's queues belong."""
        for shard in self.shards:
            await self.redis.set(keys.queue(shard, "parrot").due, "not a queue", ex=60)

    async def mend_queues(self) -> None:
        for shard in self.shards:
            await self.redis.delete(keys.queue(shard, "parrot").due)

    async def leaving(self) -> list[str]:
        loan = await self.queues.lease("parrot", 100)
        return [leg.event.event_id for leg in loan.legs if isinstance(leg.event, Event)]


@pytest.fixture
def store(database: Database) -> Store:
    return Store(database)


@pytest.mark.parametrize("is_noted", [False, True])
async def test_a_copy_that_could_not_be_scheduled_is_not_claimed(store: Store, is_noted: bool) -> None:
    """Neither in the short way nor in the careful one, which the first event of a name takes."""
    if is_noted:
        await store.keeper.keep([an_event(event_id=f"in-each-shard-{number}") for number in range(40)])
    copy_id, view = secrets.token_hex(16), an_event(event_id="view-1")
    await store.break_queues()
    with pytest.raises(Unavailable):
        await store.keeper.offer(view, copy_id)
    await store.mend_queues()

    assert await store.keeper.offer(view, copy_id) is Door.ACCEPTED

    assert await store.leaving() == ["view-1"]


async def test_an_act_that_could_not_be_queued_stays_held(store: Store) -> None:
    browser, server = twins()
    assert await store.keeper.keep([browser]) == [Door.ACCEPTED]
    assert await store.keeper.keep([server]) == [Door.MERGED]
    await store.break_queues()
    with pytest.raises(Unavailable):
        await store.queues.release_held(100)
    await store.mend_queues()
    for shard in store.shards:  # its lease runs out
        for held, _ in await store.redis.zrange(keys.hold(shard).due, 0, -1, withscores=True):
            await store.redis.zadd(keys.hold(shard).due, {held: 0})

    await store.queues.release_held(100)

    assert await store.leaving() == ["p-1001"]
