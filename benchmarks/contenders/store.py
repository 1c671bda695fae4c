"""Redis of our own on the load's core, one server or a cluster of masters, and what it says of what was kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, Literal

from redis import Redis
from redis.exceptions import ConnectionError as NotThere

from benchmarks import machine
from gateway.store import keys
from gateway.store.vault import unseal

_READY_S: Final = 20
_SLOTS: Final = 16_384
_AT_ONCE: Final = 1_000
_AGREED: Final = (keys.meta(), "tw:*:epoch")


class Store:
    """One Redis server, or several masters of one cluster; empty before every shot.

    `redis` is the only server's client, or the first master's. `socket`: where a lone server listens.
    """

    def __init__(self, url: str, servers: Sequence[tuple[int, Any]], socket: Path | None = None) -> None:
        self.url = url
        self.socket = socket
        self.redis: Any = servers[0][1]
        self._servers = tuple(servers)

    def empty(self) -> None:
        """Forget everything but what the gateway has agreed on already: the layout and the epochs."""
        for _, redis in self._servers:
            agreed = {key for pattern in _AGREED for key in redis.scan_iter(pattern, count=10_000)}
            if len(self._servers) > 1:  # a transaction stays in one slot there
                forgetting = redis.pipeline(transaction=False)
                for key in set(redis.scan_iter(count=10_000)) - agreed:
                    forgetting.unlink(key)
                forgetting.execute()
                continue
            pipeline = redis.pipeline(transaction=True)
            kept = {key: redis.hgetall(key) for key in agreed}
            pipeline.flushall()
            for key, fields in kept.items():
                pipeline.hset(key, mapping=fields)
            pipeline.execute()

    def counted(self) -> Counter[str]:
        """Return what the gateway's own counters say of the copies: accepted, merged, duplicate, late."""
        statuses: Counter[str] = Counter()
        for field, often in self.counters().items():
            kind, *_, status = field.split("|")
            if kind == "door":
                statuses[status] += often
        return statuses

    def counters(self) -> Counter[str]:
        counters: Counter[str] = Counter()
        for _, redis in self._servers:
            for key in redis.scan_iter("*:count:*", count=10_000):
                for field, often in redis.hgetall(key).items():
                    counters[field.decode()] += int(often)
        return counters

    def number_of(self, pattern: str) -> int:
        return sum(1 for _, redis in self._servers for _ in redis.scan_iter(pattern, count=10_000))

    def contents(self) -> Iterator[bytes]:
        """Give every frozen event as it lies there."""
        for _, redis in self._servers:
            names = list(redis.scan_iter("tw:*:content:*", count=10_000))
            for start in range(0, len(names), _AT_ONCE):
                pipeline = redis.pipeline(transaction=False)
                for name in names[start : start + _AT_ONCE]:
                    pipeline.get(name)
                yield from filter(None, pipeline.execute())

    def event_ids(self) -> list[str]:
        return [unseal(body).event_id for body in self.contents()]

    def queues(self, destination: str) -> list[str]:
        return [keys.queue(shard, destination).due for shard in range(keys.SHARDS)]

    def waiting(self, destination: str) -> int:
        """Return how many legs wait for a destination."""
        return sum(self.redis.zcard(queue) for queue in self.queues(destination))

    def used_bytes(self) -> int:
        return int(self.redis.info("memory")["used_memory"])

    def cpus_s(self) -> list[float]:
        """Return the CPU that each server has used."""
        return [machine.cpu_s(pid) for pid, _ in self._servers]

    def cpu_s(self) -> float:
        return sum(self.cpus_s())

    def calls(self) -> list[int]:
        """Return how many scripts each server has been asked to run."""
        return [
            int(redis.info("commandstats").get("cmdstat_evalsha", {}).get("calls", 0)) for _, redis in self._servers
        ]

    def cut(self) -> int:
        """Kill every connection but our own; returns how many there were."""
        return sum(int(redis.execute_command("CLIENT", "KILL", "TYPE", "normal")) for _, redis in self._servers)


@contextmanager
def store(server: str, folder: Path, fsync: Literal["always", "everysec"], name: str = "") -> Iterator[Store]:
    """Run a Redis with an append-only file that is synced as told."""
    home = folder / f"redis-{name or fsync}"
    home.mkdir()
    socket = home / "s"
    command = [
        server, "--port", "0", "--unixsocket", str(socket), "--dir", str(home), "--save", "",
        "--appendonly", "yes", "--appendfsync", fsync, "--maxmemory-policy", "noeviction",
    ]  # fmt: skip
    with machine.running(command, core=machine.LOAD_CORE, log=home / "log") as process:
        redis = Redis(unix_socket_path=str(socket))
        machine.wait_for(lambda: _is_up(redis), _READY_S, "Redis")
        yield Store(f"unix://{socket}?db=0", [(process.pid, redis)], socket)


@contextmanager
def cluster(server: str, folder: Path, ports: Sequence[tuple[int, int]]) -> Iterator[Store]:
    """Run as many masters as there are `ports` (of clients, of the cluster's bus), each with its share of the slots."""
    with ExitStack() as stack:
        servers: list[tuple[int, Any]] = []
        for number, (port, bus) in enumerate(ports):
            home = folder / f"master-{number}"
            home.mkdir()
            command = [
                server, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(home), "--save", "",
                "--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction",
                "--cluster-enabled", "yes", "--cluster-port", str(bus), "--cluster-node-timeout", "5000",
            ]  # fmt: skip
            process = stack.enter_context(machine.running(command, core=machine.LOAD_CORE, log=home / "log"))
            servers.append((process.pid, Redis(host="127.0.0.1", port=port)))
        masters = [redis for _, redis in servers]
        for redis in masters:
            machine.wait_for(lambda redis=redis: _is_up(redis), _READY_S, "a master")  # type: ignore[misc]
        edges = [number * _SLOTS // len(masters) for number in range(len(masters) + 1)]
        for redis, first, after in zip(masters, edges, edges[1:], strict=False):
            redis.execute_command("CLUSTER", "ADDSLOTSRANGE", first, after - 1)
        for port, bus in ports[1:]:
            masters[0].execute_command("CLUSTER", "MEET", "127.0.0.1", port, bus)
        machine.wait_for(lambda: all(_is_whole(redis, len(masters)) for redis in masters), _READY_S, "the cluster")
        yield Store("redis+cluster://" + ",".join(f"127.0.0.1:{port}" for port, _ in ports), servers)


def _is_up(redis: Any) -> bool:
    try:
        return bool(redis.ping())
    except NotThere:
        return False


def _is_whole(redis: Any, masters: int) -> bool:
    told = redis.execute_command("CLUSTER", "INFO")
    facts = told if isinstance(told, dict) else dict(line.split(":", 1) for line in told.decode().split("\r\n") if line)
    return facts.get("cluster_state") == "ok" and int(facts["cluster_known_nodes"]) == masters
