"""Who is lent what: in the order of coming, or, behind a backlog, in the order in which it would be lost."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from gateway.core.event import Event
from gateway.core.site import Destination
from gateway.store import keys, vault
from gateway.store.database import Database
from gateway.store.keeper import Keeper
from gateway.store.outcomes import Fate
from gateway.store.queues import Kind, Queues, Settlement
from tests.fixtures.shop import Parrot, a_plan, a_site, an_event

HOUR_MS = 3_600_000
AGE_S = 7 * 86_400


class Store:
    def __init__(self, database: Database, now_ms: int) -> None:
        told: dict[str, Any] = {"now_ms": lambda: now_ms, "nudge": lambda: None, "counted_as": lambda _, event: event}
        plan = a_plan(site=a_site())
        self.keeper = Keeper(database, lambda: plan, copy_id=lambda: secrets.token_hex(16), **told)
        self.queues = Queues(database, lambda: plan, token=lambda: secrets.token_hex(8), **told)

    async def lent(self, most: int, **order: int) -> list[str]:
        legs = (await self.queues.lease("parrot", most, **order)).legs
        return [leg.event.event_id for leg in legs if leg.event]


@pytest.fixture
async def now_ms(database: Database) -> int:
    """The server's own clock, which the scripts read."""
    seconds, micros = await database.redis.time()
    return int(seconds) * 1_000 + int(micros) // 1_000


@pytest.fixture
async def store(database: Database, now_ms: int) -> Store:
    database.shards = 1  # one queue, so that its order is the order
    return Store(database, now_ms)


def aged(event_id: str, at_ms: int, name: str = "page_view") -> Event:
    return an_event(name, event_id, at_ms=at_ms, received_ms=at_ms)


async def test_what_is_lent_is_lent_once(store: Store, now_ms: int) -> None:
    for number in range(6):
        await store.keeper.keep([aged(f"e-{number}", now_ms - number * HOUR_MS)])

    assert set(await store.lent(6)) == {f"e-{number}" for number in range(6)}
    assert await store.lent(6) == []


@pytest.fixture
async def of_two(store: Store) -> Store:
    """A store whose acts go to two destinations."""
    places = [Destination(name=name, adapter=Parrot()) for name in ("parrot", "toucan")]
    plan = a_plan(*places)
    for room in (store.keeper, store.queues):
        room._plan = lambda: plan
    return store


async def test_a_content_is_read_once_for_all_who_are_lent_it(of_two: Store, now_ms: int) -> None:
    await of_two.keeper.keep([aged("e-1", now_ms)])

    first, second = [(await of_two.queues.lease(name, 1)).legs[0].event for name in ("parrot", "toucan")]

    assert first is not None
    assert first is second


async def test_what_was_read_before_is_believed_for_the_same_bytes_alone(
    database: Database, of_two: Store, now_ms: int
) -> None:
    await of_two.keeper.keep([aged("e-1", now_ms), aged("e-2", now_ms)])
    read = {leg.id: leg.event for leg in (await of_two.queues.lease("parrot", 2)).legs}
    redis: Any = database.redis
    damaged, restated = read
    sealed = await redis.get(keys.content(0, damaged))
    await redis.set(keys.content(0, damaged), sealed[:-1] + bytes([sealed[-1] ^ 1]))
    other = aged("e-3", now_ms)
    await redis.set(keys.content(0, restated), vault.seal(other))

    again = {leg.id: leg.event for leg in (await of_two.queues.lease("toucan", 2)).legs}

    assert again == {damaged: None, restated: other}


async def test_behind_a_backlog_what_expires_first_goes_first(store: Store, now_ms: int) -> None:
    ages = [5, 90, 30, 150, 1, 60]
    await store.keeper.keep([aged(f"{hours} h", now_ms - hours * HOUR_MS) for hours in ages])

    first = await store.lent(3, choice=30, max_age_s=AGE_S)
    then = await store.lent(3, choice=30, max_age_s=AGE_S)

    assert first == ["150 h", "90 h", "60 h"]
    assert sorted(then) == ["1 h", "30 h", "5 h"]


async def test_what_no_platform_takes_any_more_waits_for_what_it_may_still_save(store: Store, now_ms: int) -> None:
    await store.keeper.keep([aged(f"{hours} h", now_ms - hours * HOUR_MS) for hours in (200, 150, 10)])

    assert await store.lent(2, choice=30, max_age_s=AGE_S) == ["150 h", "10 h"]


async def test_of_one_hour_orders_go_before_leads_and_those_before_views(store: Store, now_ms: int) -> None:
    hour_ms = now_ms // HOUR_MS * HOUR_MS - 50 * HOUR_MS
    names = ("page_view", "generate_lead", "purchase", "scroll")
    await store.keeper.keep([aged(name, hour_ms + place, name) for place, name in enumerate(names)])
    await _unhold(store)

    lent = await store.lent(3, choice=30, max_age_s=AGE_S)

    assert lent[:2] == ["purchase", "generate_lead"]
    assert lent[2] in ("page_view", "scroll")


async def test_what_was_not_chosen_is_still_there(store: Store, now_ms: int) -> None:
    await store.keeper.keep([aged(f"{hours} h", now_ms - hours * HOUR_MS) for hours in range(40)])

    lent: list[str] = []
    while legs := await store.lent(7, choice=70, max_age_s=AGE_S):
        lent += legs

    assert sorted(lent) == sorted(f"{hours} h" for hours in range(40))
    assert lent[0] == "39 h"


async def test_a_leg_counts_how_often_it_was_lent_without_a_verdict(store: Store, now_ms: int) -> None:
    await store.keeper.keep([aged("e-1", now_ms)])
    claims = []
    for _ in range(3):
        (leg,) = (await store.queues.lease("parrot", 1)).legs
        claims.append(leg.claims)
        await store.queues.settle([Settlement(leg=leg, kind=Kind.ABSENT)])
    (leg,) = (await store.queues.lease("parrot", 1)).legs
    await store.queues.settle([Settlement(leg=leg, kind=Kind.BACK)])
    (again,) = (await store.queues.lease("parrot", 1)).legs

    assert claims == [1, 2, 3]
    assert (leg.claims, again.claims) == (4, 4)  # handed back: that loan does not count


async def _unhold(store: Store) -> None:
    """Let every hold end now."""
    redis: Any = store.queues._database.redis
    for act in await redis.zrange(keys.hold(0).due, 0, -1):
        await redis.zadd(keys.hold(0).due, {act: 0})
    await store.queues.release_held(100)


async def test_what_a_clock_that_ran_ahead_has_put_off_is_due_again(store: Store, now_ms: int) -> None:
    await store.keeper.keep([aged("e-1", now_ms), aged("e-2", now_ms), aged("e-3", now_ms, "purchase")])
    redis: Any = store.queues._database.redis
    queue, hold = keys.queue(0, "parrot").due, keys.hold(0).due
    (first, second), (held,) = await redis.zrange(queue, 0, -1), await redis.zrange(hold, 0, -1)
    await redis.zadd(queue, {first: now_ms + 3_000 * HOUR_MS, second: now_ms + 20 * HOUR_MS})
    await redis.zadd(hold, {held: now_ms + 3_000 * HOUR_MS})

    swept = await store.queues.sweep()

    assert swept == 2
    assert await redis.zscore(queue, first) < now_ms + HOUR_MS
    assert await redis.zscore(queue, second) == now_ms + 20 * HOUR_MS  # as far as a platform may ask for
    assert await redis.zscore(hold, held) < now_ms + HOUR_MS


async def test_of_many_leases_each_is_found_as_soon_as_of_few(database: Database, store: Store, now_ms: int) -> None:
    """Redis keeps a small hash as a list, and looks through half of it for each field: a long lease ends that."""
    await store.keeper.keep([aged(f"e-{number}", now_ms) for number in range(200)])
    leases: Any = keys.queue(0, "parrot").leases
    redis: Any = database.redis

    few = (await store.queues.lease("parrot", 20)).legs
    assert await redis.object("ENCODING", leases) == b"listpack"
    many = (await store.queues.lease("parrot", 200)).legs

    assert await redis.object("ENCODING", leases) == b"hashtable"
    assert {leg.claims for leg in (*few, *many)} == {1}
    lengths = sorted(len(lease) for lease in await redis.hvals(leases))
    assert lengths[-2] < 64 < lengths[-1]


@pytest.mark.parametrize("kind", [Kind.BACK, Kind.ABSENT, Kind.RETRY, Kind.DONE, Kind.DEAD])
async def test_a_long_lease_is_one_as_any_other(database: Database, store: Store, now_ms: int, kind: Kind) -> None:
    await store.keeper.keep([aged(f"e-{number}", now_ms) for number in range(100)])
    legs = (await store.queues.lease("parrot", 100)).legs
    await store.queues.renew(legs)
    redis: Any = database.redis
    for leg in legs:  # a worker that stood still: all are lent again, and the long one says so
        await redis.zadd(keys.queue(0, "parrot").due, {leg.id: now_ms - 1})
    again = (await store.queues.lease("parrot", 100)).legs
    assert {leg.claims for leg in again} == {2}

    fate = Fate(outcome=kind.value, at_ms=now_ms) if kind not in (Kind.BACK, Kind.ABSENT) else None
    await store.queues.settle([Settlement(leg=leg, kind=kind, fate=fate) for leg in legs])  # stale: it moves nothing
    assert await redis.hlen(keys.queue(0, "parrot").leases) == 100
    await store.queues.settle([Settlement(leg=leg, kind=kind, fate=fate) for leg in again])

    loans = [leg.claims for leg in (await store.queues.lease("parrot", 100)).legs]
    assert loans == {Kind.BACK: [2] * 100, Kind.ABSENT: [3] * 100, Kind.RETRY: [1] * 100}.get(kind, [])
