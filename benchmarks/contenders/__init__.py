"""Who runs: the gateway as its users start it, and what it is measured against."""

from __future__ import annotations

import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import orjson

from benchmarks import machine, tools
from benchmarks.contenders.store import Store
from benchmarks.requests import API_KEY, HOST, ORIGIN

_READY_S: Final = 30
# node compiles what is used often: walkerOS' first 3,000 hits cost it twice what those after 8,000 do.
_WALKEROS_WARM_HITS: Final = 8_000
_HERE: Final = Path(__file__).parent
DESTINATIONS: Final = ("meta", "google", "tiktok")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A server under load. `store` is the Redis it writes to, if it does; `admin` the gateway's other port.

    `platform`: the sink's port, where it delivers each hit while it is under load. `warm_hits`: how many hits it takes
    until it runs at its own pace, where a second of them is not enough.
    """

    name: str
    port: int
    pid: int
    store: Store | None = None
    admin: int = 0
    platform: int | None = None
    warm_hits: int = 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def nginx(program: tools.Program, folder: Path) -> Iterator[Contender]:
    """Run nginx with one worker that answers every path with a picture from its own memory."""
    port, home = free_port(), folder / "nginx"
    home.mkdir()
    configuration = home / "nginx.conf"
    configuration.write_text(f"""
        daemon off; worker_processes 1; pid {home}/pid; error_log {home}/error.log;
        events {{ worker_connections 4096; }}
        http {{
          access_log off; keepalive_requests 100000000; large_client_header_buffers 4 64k;
          client_body_temp_path {home}/b; proxy_temp_path {home}/p; fastcgi_temp_path {home}/f;
          uwsgi_temp_path {home}/u; scgi_temp_path {home}/s;
          server {{ listen 127.0.0.1:{port}; location / {{ empty_gif; }} }}
        }}
    """)
    command = [program.path, "-c", str(configuration), "-p", str(home)]
    with _served("nginx", command, port, folder, environment=program.environment) as contender:
        yield contender


@contextmanager
def bare_aiohttp(folder: Path) -> Iterator[Contender]:
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.contenders.bare", str(port)]
    with _served("bare_aiohttp", command, port, folder) as contender:
        yield contender


@contextmanager
def fastify(home: Path, store: Store, folder: Path) -> Iterator[Contender]:
    port = free_port()
    command = ["node", str(home / "server.js"), str(port), str(store.socket)]
    with _served("fastify", command, port, folder, store=store) as contender:
        yield contender


@contextmanager
def walkeros(home: Path, sink_port: int, folder: Path) -> Iterator[Contender]:
    """Run what npm has of walkerOS; each hit goes on to the sink."""
    port = free_port()
    command = ["node", str(home / "server.js"), str(port), f"http://127.0.0.1:{sink_port}/meta/events"]
    with _served("walkeros", command, port, folder) as contender:
        yield replace(contender, platform=sink_port, warm_hits=_WALKEROS_WARM_HITS)


def arrived(sink_port: int) -> int:
    """Return how many events Meta's sink has had."""
    with urllib.request.urlopen(f"http://127.0.0.1:{sink_port}/count", timeout=_READY_S) as answer:
        return int(orjson.loads(answer.read()).get("meta", 0))


@contextmanager
def sink(folder: Path) -> Iterator[int]:
    """Run the platforms that confirm everything, on the load's core; gives their port."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.contenders.sink", str(port)]
    with machine.running(command, core=machine.LOAD_CORE, log=folder / "sink.log"):
        machine.wait_for(lambda: is_open(port), _READY_S, "the sink")
        yield port


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """How a gateway is set up. `sink_port` 9 is nobody's; `keep` is the file's `store.keep`."""

    role: str = "ingest"
    sink_port: int = 9
    bound_for: tuple[str, ...] = DESTINATIONS
    front_lane: bool = True
    workers: int = 1
    shards: int | None = None
    keep: Mapping[str, float] = field(default_factory=dict)


@contextmanager
def tagway(name: str, store: Store, folder: Path, setup: Setup) -> Iterator[Contender]:
    """Run the gateway as its users do: a process of its own, told by a file."""
    port, admin = free_port(), free_port()
    path = folder / f"{name}.yaml"
    path.write_bytes(orjson.dumps(configuration(port, admin, store.url, folder / name, setup)))
    command = [sys.executable, "-m", "gateway", "serve", str(path), "--role", setup.role]
    log = folder / f"{name}.log"
    with machine.running(command, core=machine.SERVER_CORE, log=log) as process:
        machine.wait_for(lambda: _is_ready(process, admin, log), _READY_S, name)
        if setup.workers > 1:
            machine.wait_for(lambda: machine.listeners(port) == setup.workers, _READY_S, f"{name}'s processes")
        yield Contender(name=name, port=port, pid=process.pid, store=store, admin=admin)


def spooled(gateway: Contender) -> tuple[int, int]:
    """Return how many copies a gateway's spool owes to Redis, and how many it has brought back."""
    with urllib.request.urlopen(f"http://127.0.0.1:{gateway.admin}/metrics", timeout=5) as answer:
        return read_spooled(answer.read().decode())


def read_spooled(metrics: str) -> tuple[int, int]:
    """Read the same from the gateway's metrics; raises ValueError where they do not tell."""
    lines = [line.rpartition(" ") for line in metrics.splitlines() if not line.startswith("#")]
    owed = [float(value) for name, _, value in lines if name == "tagway_spool_copies"]
    if not owed:
        raise ValueError("the gateway's metrics say nothing of its spool")
    return int(owed[0]), int(sum(float(value) for name, _, value in lines if name.startswith("tagway_replayed_total")))


def configuration(port: int, admin: int, redis: str, data_dir: Path, setup: Setup) -> dict[str, Any]:
    """Spell the gateway's file (JSON is YAML): one site, behind a proxy, bound for up to three platforms."""
    at = f"http://127.0.0.1:{setup.sink_port}"
    every: Mapping[str, Any] = {
        "meta": {
            "adapter": "meta", "endpoint": f"{at}/meta", "dataset_id": "123", "access_token": "t",
            "batch": {"max_events": 500},
        },
        "google": {
            "adapter": "google_data_manager", "endpoint": f"{at}/google", "operating_account": "1234567890",
            "credentials": {
                "kind": "refresh_token", "client_id": "c", "client_secret": "s", "refresh_token": "r",
                "token_uri": f"{at}/google/token",
            },
            "conversions": {"add_payment_info": {"action_id": "987", "mode": "online"}},
            "batch": {"max_events": 500},
        },
        "tiktok": {
            "adapter": "tiktok", "endpoint": f"{at}/tiktok", "pixel_code": "C123", "access_token": "t",
            "batch": {"max_events": 500},
        },
    }  # fmt: skip
    store: dict[str, Any] = {"redis": redis, "data_dir": str(data_dir), "durability": "redis"}
    if setup.shards is not None:
        store["shards"] = setup.shards
    if setup.keep:
        store["keep"] = dict(setup.keep)
    return {
        "server": {
            "listen": f"127.0.0.1:{port}", "admin": f"127.0.0.1:{admin}", "drain_s": 0,
            "trusted_proxies": ["127.0.0.0/8"], "front_lane": setup.front_lane, "workers": setup.workers,
        },
        # The append-only file is the store's own affair here: `always` and `everysec` are compared by it.
        "store": store,
        "sites": {
            "shop": {
                "hosts": [HOST], "origins": [ORIGIN], "phone_country": "DE", "currency": "EUR", "api_keys": [API_KEY],
                "merge": {"hold_s": 600}, "destinations": list(setup.bound_for),
            }
        },
        "destinations": {name: every[name] for name in setup.bound_for},
    }  # fmt: skip


@contextmanager
def _served(
    name: str,
    command: list[str],
    port: int,
    folder: Path,
    *,
    store: Store | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Contender]:
    log = folder / f"{name}.log"
    with machine.running(command, core=machine.SERVER_CORE, log=log, environment=environment) as process:
        machine.wait_for(lambda: is_open(port), _READY_S, name)
        yield Contender(name=name, port=port, pid=process.pid, store=store)


def _is_ready(process: subprocess.Popen[bytes], admin: int, log: Path) -> bool:
    if process.poll() is not None:
        last = (log.read_text().splitlines() or [""])[-1]
        raise RuntimeError(f"the gateway ended with code {process.returncode}: {last[:300]}")
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{admin}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
