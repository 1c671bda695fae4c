"""A Redis of our own on the load's core, and what it says of what was kept."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from redis import Redis
from redis.exceptions import ConnectionError as NotThere

from benchmarks import machine
from gateway.store import keys


class Store:
    """One Redis server, empty before every shot."""

    def __init__(self, process: subprocess.Popen[bytes], socket: Path) -> None:
        self.pid = process.pid
        self.socket = socket
        self.url = f"unix://{socket}?db=0"
        self.redis: Any = Redis(unix_socket_path=str(socket))

    def empty(self) -> None:
        """Forget everything but the layout, which the gateway has agreed on already."""
        layout = self.redis.hgetall(keys.meta())
        pipeline = self.redis.pipeline(transaction=True)
        pipeline.flushall()
        if layout:
            pipeline.hset(keys.meta(), mapping=layout)
        pipeline.execute()

    def counted(self) -> Counter[str]:
        """Return what the gateway's own counters say of the copies: accepted, merged, duplicate, late."""
        statuses: Counter[str] = Counter()
        for key in self.redis.scan_iter("*:count:*", count=10_000):
            for field, often in self.redis.hgetall(key).items():
                kind, *_, status = field.decode().split("|")
                if kind == "door":
                    statuses[status] += int(often)
        return statuses

    def number_of(self, pattern: str) -> int:
        return sum(1 for _ in self.redis.scan_iter(pattern, count=10_000))

    def queues(self, destination: str, shards: int = keys.SHARDS) -> list[str]:
        return [keys.queue(shard, destination).due for shard in range(shards)]

    def waiting(self, destination: str) -> int:
        """Return how many legs wait for a destination."""
        return sum(self.redis.zcard(queue) for queue in self.queues(destination))

    def used_bytes(self) -> int:
        return int(self.redis.info("memory")["used_memory"])

    def is_up(self) -> bool:
        try:
            return bool(self.redis.ping())
        except NotThere:
            return False


@contextmanager
def store(server: str, folder: Path, fsync: Literal["always", "everysec"]) -> Iterator[Store]:
    """Run a Redis with an append-only file that is synced as told."""
    home = folder / f"redis-{fsync}"
    home.mkdir()
    socket = home / "s"
    command = [
        server, "--port", "0", "--unixsocket", str(socket), "--dir", str(home), "--save", "",
        "--appendonly", "yes", "--appendfsync", fsync, "--maxmemory-policy", "noeviction",
    ]  # fmt: skip
    with machine.running(command, core=machine.LOAD_CORE, log=home / "log") as process:
        found = Store(process, socket)
        machine.wait_for(found.is_up, 10, "Redis")
        yield found
