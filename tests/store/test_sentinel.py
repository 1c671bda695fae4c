"""Sentinels name another master, and the store follows: what was acknowledged is there, or is offered again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import RedisError

from gateway.store import keys
from gateway.store.database import Database
from gateway.store.errors import Unavailable
from tests.fixtures.gateway import wait_until
from tests.fixtures.redis_large import Watched, a_watched_pair, ask, is_linked
from tests.fixtures.server import Server
from tests.store.test_keeper_outage import Store

LEASE: tuple[list[str], list[Any]] = ([keys.base(0)], ["hold", 1, 1_000, "t", "", 0, 0])


@pytest.fixture
async def pair() -> AsyncIterator[Watched]:
    async with a_watched_pair() as started:
        yield started


@pytest.mark.slow
@pytest.mark.parametrize("wish", ["journal", "replicated"])
async def test_a_master_killed_under_load_loses_nothing_that_was_acknowledged(
    pair: Watched, tmp_path: Path, wish: Any
) -> None:
    first_master, replica = pair.servers
    async with Store(pair.url, tmp_path, wish).running() as store:
        acknowledged: list[str] = []
        has_failed_over = asyncio.Event()

        async def visit() -> None:
            first = 0
            while not has_failed_over.is_set():
                acknowledged.extend(await store.views(first, 10))
                first += 10
                await asyncio.sleep(0.01)

        async with asyncio.TaskGroup() as group:
            group.create_task(visit())
            assert await wait_until(lambda: len(acknowledged) > 100)
            first_master.kill()
            assert await wait_until(lambda: _is_master(replica), 30)
            has_failed_over.set()

        # As a replica now, which `replicated` waits for; the sentinels would see to that a little later.
        first_master.options["replicaof"] = f"127.0.0.1 {replica.port}"
        await first_master.started()
        assert await wait_until(store.is_caught_up, 40)
        assert sorted(await store.settle()) == sorted(acknowledged)
        assert await ask(replica.port, "EXISTS", keys.meta()) == 1


@pytest.mark.slow
async def test_what_the_new_master_never_got_is_offered_again(pair: Watched, tmp_path: Path) -> None:
    first_master, replica = pair.servers
    async with Store(pair.url, tmp_path, "journal").running() as store:
        before = await store.views(0, 30)
        # The replica loses its master, and cannot log in again.
        for name, value in (("masteruser", "nobody"), ("masterauth", "nothing")):
            await ask(replica.port, "CONFIG", "SET", name, value)
        await ask(replica.port, "CLIENT", "KILL", "TYPE", "master")
        assert await wait_until(lambda: _is_cut_off(replica))
        unheard = await store.views(30, 30)

        first_master.kill()

        assert len(before) == len(unheard) == 30
        assert await wait_until(lambda: _is_master(replica), 30)
        assert await wait_until(lambda: store.replayed["accepted"] >= len(unheard), 30)
        assert await wait_until(store.is_caught_up, 40)
        assert sorted(await store.settle()) == sorted(before + unheard)


async def _is_cut_off(replica: Server) -> bool:
    told = await ask(replica.port, "INFO", "replication")
    return bool(told["master_link_status"] == "down")


async def _is_master(server: Server) -> bool:
    try:
        return bool((await ask(server.port, "ROLE"))[0] == b"master")
    except RedisError:  # a server that changes its role sends its callers away
        return False


async def test_a_master_that_was_demoted_takes_nothing_more_and_the_new_one_does(pair: Watched) -> None:
    database = Database(pair.url)
    await database.open()
    before = await database.identity()
    first_master, replica = pair.servers

    assert await ask(pair.sentinels[0].port, "SENTINEL", "FAILOVER", pair.name) == b"OK"
    assert await wait_until(lambda: _is_master(replica), 30)
    await ask(first_master.port, "REPLICAOF", "127.0.0.1", replica.port)  # the sentinels' next step, some seconds early
    assert await wait_until(lambda: is_linked(first_master), 30)
    assert await wait_until(lambda: _answers(database), 20)

    await database.answer(database.redis.set(keys.name("after"), 1, px=60_000))
    assert await database.identity() != before
    assert await ask(replica.port, "GET", keys.name("after")) == b"1"
    await database.close()


async def _answers(database: Database) -> bool:
    await database.reconnect()
    try:
        await database.identity()
        await database.script("lease", *LEASE)
    except Unavailable:
        return False
    return True


async def test_without_sentinels_the_master_is_who_it_was(pair: Watched) -> None:
    database = Database(pair.url)
    await database.open()
    before = await database.identity()

    for sentinel in pair.sentinels:
        sentinel.kill()

    assert await database.identity() == before
    assert await database.script("lease", *LEASE) == [-1]
    await database.close()


async def test_one_sentinel_that_answers_is_enough(pair: Watched) -> None:
    for sentinel in pair.sentinels[:2]:
        sentinel.hang()
    database = Database(pair.url)
    try:
        assert await database.script("lease", *LEASE) == [-1]
    finally:
        for sentinel in pair.sentinels[:2]:
            sentinel.wake()
        await database.close()


async def test_a_name_that_no_sentinel_knows_is_told(pair: Watched) -> None:
    database = Database(pair.url.replace(pair.name, "another"))

    with pytest.raises(Unavailable, match="no sentinel names a master: no master of this name"):
        await database.open()
    await database.close()


async def test_a_replica_that_stands_where_the_master_should_be_counts_as_away(server: Server) -> None:
    await server.started()
    database = Database(server.url)
    await database.open()
    await database.script("lease", *LEASE)
    await ask(server.port, "REPLICAOF", "127.0.0.1", 1)

    with pytest.raises(Unavailable, match="READONLY"):
        await database.script("lease", *LEASE)
    with pytest.raises(Unavailable, match="a replica answers"):
        await database.identity()
    await database.close()
