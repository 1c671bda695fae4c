"""The store as a whole: which servers it takes, what it agrees on with them, and what a script's caller is told."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.store import keys
from gateway.store.database import Database
from gateway.store.durability import Safety
from gateway.store.errors import Unavailable, Unreplicated
from tests.fixtures.gateway import wait_until
from tests.fixtures.redis_large import ask, is_linked
from tests.fixtures.server import Server

LEASE = ([keys.base(0)], ["hold", 1, 1_000, "t", "", 0, 0])
# One that writes whenever it runs.
PACE = ([keys.rate("any")], [1, 1_000_000_000, 1_000_000_000])


# ---- what a store agrees on


async def test_the_number_of_shards_is_what_the_store_was_set_up_with(server: Server) -> None:
    await server.started()
    first, later = Database(server.url, shards=7), Database(server.url)

    await first.open()
    await later.open()

    assert (first.shards, later.shards) == (7, 7)
    await first.close()
    await later.close()


async def test_another_number_of_shards_is_refused_with_the_next_step(server: Server) -> None:
    await server.started()
    first, other = Database(server.url), Database(server.url, shards=8)
    await first.open()

    with pytest.raises(ValueError, match=r"store\.shards: .* set up with 1 shards, and 8 are configured; write 1,"):
        await other.open()

    assert await ask(server.port, "HGET", keys.meta(), "shards") == b"1"
    await first.close()
    await other.close()


async def test_a_store_of_another_program_is_refused(server: Server) -> None:
    await server.started()
    await ask(server.port, "HSET", keys.meta(), "shards", "many")
    database = Database(server.url)

    with pytest.raises(ValueError, match="holds no number of shards"):
        await database.open()
    await database.close()


async def test_a_server_that_is_too_old_is_refused() -> None:
    info = b"redis_version:6.2.14\r\naof_enabled:1\r\n"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1_000):
            said = b"$%d\r\n%s\r\n" % (len(info), info) if b"INFO" in data else b"+OK\r\n"
            writer.write(said)
        writer.close()
        await writer.wait_closed()
        ended.set()

    ended = asyncio.Event()
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listener:
        database = Database(f"redis://127.0.0.1:{listener.sockets[0].getsockname()[1]}")

        with pytest.raises(ValueError, match=r"server version 6\.2\.14 is too old"):
            await database.open()
        await database.close()
        await ended.wait()


async def test_a_refused_store_is_told_by_the_pulse_and_stays_away(server: Server, tmp_path: Path) -> None:
    await server.started()
    await ask(server.port, "HSET", keys.meta(), "shards", 3)
    database = Database(server.url, shards=4)
    safety = Safety(database, tmp_path, "redis")

    with capture_logs() as logs:
        await safety.pulse._look()

    assert safety.pulse.is_away
    assert [entry["event"] for entry in logs] == ["store.refused"]
    await safety.close()
    await database.close()


async def test_an_emptied_store_has_another_name(server: Server) -> None:
    await server.started()
    database = Database(server.url)
    before = await database.identity()
    assert await database.identity() == before

    await ask(server.port, "FLUSHALL")

    assert await database.identity() != before
    await database.close()


# ---- scripts


async def test_a_script_can_be_sent_without_waiting(server: Server) -> None:
    await server.started()
    database = Database(server.url)

    sent = [database.script_now("lease", *LEASE) for _ in range(10)]
    given_up = asyncio.get_running_loop().create_task(sent[3])
    await asyncio.sleep(0)
    given_up.cancel()

    said = await asyncio.gather(*(call for call in sent if call is not sent[3]))
    assert said == [[-1]] * 9
    with pytest.raises(asyncio.CancelledError):
        await given_up
    await database.close()


async def test_scripts_run_whatever_is_flushed_between(server: Server) -> None:
    await server.started()
    database = Database(server.url)
    stopped = asyncio.Event()

    async def flush() -> None:
        while not stopped.is_set():
            await database.answer(database.redis.script_flush())

    async with asyncio.TaskGroup() as group:
        group.create_task(flush())
        for _ in range(100):
            assert await database.script("lease", *LEASE) == [-1]
        stopped.set()
    await database.close()


async def test_a_script_that_comes_too_late_is_unavailable_and_the_next_one_runs(server: Server) -> None:
    await server.started()
    database = Database(server.url)
    assert await database.script("lease", *LEASE) == [-1]
    server.hang()

    with pytest.raises(Unavailable, match="no answer in time"):
        await database.script("lease", *LEASE, within_s=0.2)

    server.wake()
    assert await database.script("lease", *LEASE) == [-1]
    await database.close()


async def test_a_replica_is_waited_for_on_the_connection_that_wrote(server: Server) -> None:
    await server.started()
    database = Database(server.url)
    with pytest.raises(Unreplicated):
        await database.script_replicated("pace", *PACE, wait_ms=50)

    folder = server.folder / "replica"
    folder.mkdir()
    replica = Server(folder, **{"replicaof": f"127.0.0.1 {server.port}", "repl-diskless-sync-delay": "0"})
    try:
        await replica.started()
        assert await wait_until(lambda: is_linked(replica))
        await ask(server.port, "SCRIPT", "FLUSH")
        assert (await database.script_replicated("pace", *PACE, wait_ms=2_000))[0] == 1
        replica.hang()
        visitor = database.script_now("lease", *LEASE)
        with pytest.raises(Unreplicated):
            await database.script_replicated("pace", *PACE, wait_ms=100)
        assert await visitor == [-1]
    finally:
        replica.wake()
        replica.kill()
        await database.close()


async def test_a_transaction_is_refused(server: Server) -> None:
    database = Database(server.url)

    redis: Any = database.redis

    with pytest.raises(NotImplementedError, match="a script"):
        redis.pipeline(transaction=True)
    await database.close()


async def test_a_pipeline_tells_the_first_failure_after_all_have_answered(server: Server) -> None:
    await server.started()
    database = Database(server.url)
    pipeline = database.pipeline()
    pipeline.set("text", "x")
    pipeline.incr("text")
    pipeline.set("after", "y")

    with pytest.raises(Unavailable, match="ERR value is not an integer"):
        await database.answer(pipeline.execute())

    assert await database.answer(database.redis.get("after")) == b"y"
    pipeline.incr("text")
    pipeline.get("after")
    failed, after = await database.answer(pipeline.execute(raise_on_error=False))
    assert (type(failed), after) == (Unavailable, b"y")
    await database.close()
