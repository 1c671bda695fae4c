"""A cluster is one store: keys lie on many masters, masters die and slots move, and nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.store import keys
from gateway.store.database import Database
from gateway.store.errors import Unavailable, Unreplicated
from gateway.store.link.cluster import slot_of
from tests.fixtures.gateway import RunningGateway, purchase, wait_until
from tests.fixtures.redis_large import Nodes, a_cluster, ask
from tests.fixtures.server import Server
from tests.fixtures.shop import a_plan
from tests.store.test_keeper_outage import Store
from tests.store.test_park import Room


@pytest.fixture
async def nodes() -> AsyncIterator[Nodes]:
    async with a_cluster() as started:
        yield started


KEYS = ("123456789", "{user1000}.following", "foo{}{bar}", "foo{{bar}}zap", "a{b", "}{c}", b"\xff\x00", "tw:{3}:act:x")


async def test_a_key_is_asked_where_the_servers_say_it_is(nodes: Nodes) -> None:
    said = [await ask(nodes.masters[0].port, "CLUSTER", "KEYSLOT", key) for key in KEYS]

    assert [slot_of(key) for key in KEYS] == said
    assert said[0] == 12_739  # the value that the specification gives


@pytest.mark.slow
async def test_an_act_goes_its_whole_way_through_a_cluster(nodes: Nodes, gateway: RunningGateway) -> None:
    gateway.config["store"]["redis"] = nodes.url
    await gateway.start()
    orders = [f"order-{number}" for number in range(12)]

    for order in orders:
        assert (await gateway.beacon(purchase(order))).status in (200, 204)
        [told] = await gateway.server(purchase(order, value=59.9))
        assert told["status"] in ("accepted", "merged")

    async def all_delivered() -> bool:
        told = [await gateway.outcomes(order) for order in orders]
        return all(said and set(said.values()) == {"delivered"} for said in told)

    assert await wait_until(all_delivered, 30), [await gateway.outcomes(order) for order in orders]
    story = await gateway.ask(f"/admin/api/explain/{orders[0]}")
    assert [copy["wire"] for copy in story["copies"]] == ["browser", "server"]
    assert story["merged"]["value"] == 59.9
    # Everything that the pages read is read from all masters.
    rows = await gateway.ask("/admin/api/destinations")
    assert {row["destination"]: row["delivered"] for row in rows} == dict.fromkeys(
        ("meta", "google", "tiktok"), len(orders)
    )
    assert (await gateway.ask("/readyz"))["ready"] is True
    assert all([await ask(server.port, "DBSIZE") > 3 for server in nodes.masters])


@pytest.mark.parametrize("wish", ["redis", "journal"])
async def test_a_master_that_dies_and_returns_loses_nothing(nodes: Nodes, tmp_path: Path, wish: Any) -> None:
    async with Store(nodes.url, tmp_path, wish).running() as store:
        first = await store.views(0, 60)
        dead = await nodes.owner(slot_of(keys.base(0)))

        dead.kill()
        during = await store.views(60, 60)
        await dead.started()

        assert len(first) == len(during) == 60
        assert await wait_until(store.is_caught_up, 30)
        assert sorted(await _settle_all(store)) == sorted(first + during)


@pytest.mark.slow
async def test_a_replica_that_takes_over_gets_what_the_spool_holds(tmp_path: Path) -> None:
    async with a_cluster(3, replicas=3) as nodes, Store(nodes.url, tmp_path, "journal").running() as store:
        first = await store.views(0, 60)
        before = store.safety.pulse.server
        dead = await nodes.owner(slot_of(keys.base(0)))

        dead.kill()
        during = await store.views(60, 60)

        assert len(first) == len(during) == 60
        assert await wait_until(lambda: store.safety.pulse.server != before, 30)
        assert await wait_until(store.is_caught_up, 30)
        assert sorted(await _settle_all(store)) == sorted(first + during)
        assert await nodes.owner(slot_of(keys.base(0))) in nodes.replicas


async def test_a_slot_that_moves_under_load_takes_its_acts_along(nodes: Nodes, tmp_path: Path) -> None:
    """Key by key, as an operator's tool moves it: while it is on its way, its copies wait in the spool."""
    slot = slot_of(keys.base(0))
    source = await nodes.owner(slot)
    target = next(server for server in nodes.masters if server is not source)
    async with Store(nodes.url, tmp_path, "redis").running() as store:
        acknowledged = await store.views(0, 80)
        moved = asyncio.Event()

        async def visit() -> None:
            first = 80
            while not moved.is_set():
                acknowledged.extend(await store.views(first, 10))
                first += 10
                await asyncio.sleep(0.01)

        async with asyncio.TaskGroup() as group:
            group.create_task(visit())
            await nodes.move(slot, source, target)
            moved.set()

        assert await wait_until(store.is_caught_up, 30)
        assert sorted(await _settle_all(store)) == sorted(acknowledged)
        assert not [key for key in await ask(source.port, "KEYS", "*") if slot_of(key) == slot]
        assert not (await store.database.redis.exists(keys.queue(0, "parrot").due))


async def _settle_all(store: Store) -> list[str]:
    """Settle until nothing is left; a store that was away a moment ago may refuse the first try."""
    sent: list[str] = []

    async def once() -> bool:
        try:
            sent.extend(await store.settle())
        except Unavailable:
            return False
        return True

    assert await wait_until(once, 20)
    return sent


# ---- commands


@pytest.fixture
async def database(nodes: Nodes) -> AsyncIterator[Database]:
    opened = Database(nodes.url)
    await opened.open()
    yield opened
    await opened.close()


async def test_reads_that_are_asked_together_follow_a_slot_that_is_half_moved(nodes: Nodes, database: Database) -> None:
    slot = slot_of(keys.base(0))
    source = await nodes.owner(slot)
    target = next(server for server in nodes.masters if server is not source)
    names = [keys.content(0, f"act-{number}") for number in range(20)]
    write = database.pipeline()
    for number, name in enumerate(names):
        write.set(name, number, px=60_000)
    await database.answer(write.execute())
    await ask(target.port, "CLUSTER", "SETSLOT", slot, "IMPORTING", await nodes.id_of(source))
    await ask(source.port, "CLUSTER", "SETSLOT", slot, "MIGRATING", await nodes.id_of(target))
    await ask(source.port, "MIGRATE", "127.0.0.1", target.port, "", 0, 5_000, "KEYS", *names[::2])

    read = database.pipeline()
    for name in names:
        read.get(name)
    with pytest.raises(Unavailable, match="a slot is moving"):  # never in one moment: it is moving all the time
        await database.answer(read.execute())
    alone = [await database.answer(database.redis.get(name)) for name in names]

    assert alone == [str(number).encode() for number in range(20)]
    with pytest.raises(Unavailable, match="its slot is moving"):
        await database.script("lease", [keys.base(0)], ["hold", 1, 1_000, "t", "", 0, 0])
    for server in (target, source):
        await nodes.move_keys(slot, source, target)
        await ask(server.port, "CLUSTER", "SETSLOT", slot, "NODE", await nodes.id_of(target))
    for name in names:
        read.get(name)
    assert await database.answer(read.execute()) == alone
    assert await database.script("lease", [keys.base(0)], ["hold", 1, 1_000, "t", "", 0, 0]) == [-1]


async def test_a_pipeline_over_all_masters_answers_in_its_own_order(database: Database) -> None:
    pipeline = database.pipeline()
    for number in range(200):
        pipeline.set(keys.name(str(number)), number, px=60_000)
        pipeline.get(keys.name(str(number)))

    told = await database.answer(pipeline.execute())

    assert told[1::2] == [str(number).encode() for number in range(200)]


async def test_what_goes_to_the_disk_leaves_every_master_and_comes_back_to_it(
    nodes: Nodes, database: Database, tmp_path: Path
) -> None:
    room = Room(database, tmp_path / "backlog", a_plan())
    backlog = room.backlog()
    ids = await room.keep(120)

    async def acts() -> list[int]:
        return [len(await ask(server.port, "KEYS", "*:act:*")) for server in nodes.masters]

    before = await acts()
    parked = await backlog.relieve()
    assert sum(await acts()) == 120 - parked
    assert all(left < held for left, held in zip(await acts(), before, strict=True))
    there = await room.delivered()
    while await backlog.bring_back():
        there += await room.delivered()
    await room.close()

    assert parked > 80
    assert sorted(there) == sorted(ids)


async def test_the_identity_is_that_of_all_masters_and_their_data(nodes: Nodes, database: Database) -> None:
    before = await database.identity()
    assert await database.identity() == before

    emptied = await nodes.owner(slot_of(keys.base(1)))
    await ask(emptied.port, "FLUSHALL")
    emptied_now = await database.identity()
    nodes.masters[0].kill()
    with pytest.raises(Unavailable):
        await database.identity()
    await nodes.masters[0].started()
    names: set[str] = set()
    assert await wait_until(lambda: _identified(database, names), 20)

    assert len({before, emptied_now, *names}) == 3


async def _identified(database: Database, names: set[str]) -> bool:
    await database.reconnect()
    try:
        names.add(await database.identity())
    except Unavailable:
        return False
    return True


async def test_the_least_safe_master_counts_and_every_policy_is_looked_at(nodes: Nodes, database: Database) -> None:
    assert database.fsync == "always"
    await ask(nodes.masters[1].port, "CONFIG", "SET", "appendfsync", "everysec")
    await ask(nodes.masters[2].port, "CONFIG", "SET", "maxmemory-policy", "allkeys-lru")

    with capture_logs() as logs:
        await database.open()

    assert database.fsync == "everysec"
    assert [entry["policy"] for entry in logs if entry["event"] == "store.evicts"] == ["allkeys-lru"]


@pytest.mark.slow
async def test_replication_is_waited_for_on_the_master_that_ran_the_script() -> None:
    async with a_cluster(3, replicas=3) as nodes:
        database = Database(nodes.url)
        await database.open()
        budgets = [keys.rate(str(number)) for number in range(12)]
        pace = [1, 1_000_000_000, 1_000_000_000]

        for budget in budgets:  # the first time, no master knows the script
            assert (await database.script_replicated("pace", [budget], pace, wait_ms=2_000))[0] == 1
        assert all([await ask(server.port, "DBSIZE") > 0 for server in nodes.masters])
        for replica in nodes.replicas:
            replica.kill()

        with pytest.raises(Unreplicated):
            await database.script_replicated("pace", [budgets[0]], pace, wait_ms=100)
        await database.close()


async def test_a_cluster_that_is_not_there_is_told_as_such() -> None:
    database = Database("redis+cluster://127.0.0.1:1,127.0.0.1:2")

    with pytest.raises(Unavailable, match="no node of the cluster answers: Connection refused"):
        await database.script("lease", [keys.base(0)], [])
    assert await database.ping() is False
    await database.close()


async def test_a_server_that_is_no_cluster_is_told_as_such(server: Server) -> None:
    await server.started()
    database = Database(f"redis+cluster://127.0.0.1:{server.port}")

    with pytest.raises(Unavailable, match="cluster support disabled"):
        await database.open()
    await database.close()
