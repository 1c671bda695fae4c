"""What a gateway takes beside work: memory, the time to start, the CPU of doing nothing; and Redis' bytes."""

from __future__ import annotations

import time
from collections import defaultdict
from pathlib import Path
from typing import Final

from benchmarks import machine
from benchmarks.cases.delivery import fill
from benchmarks.contenders import tagway
from benchmarks.contenders.store import Store

_ACTS: Final = 2_000


def run(store: Store, folder: Path, sink_port: int, *, idle_s: float) -> dict[str, float]:
    """Return start-up in s, resident memory in MB, idle CPU in % of a core, and Redis' bytes an act."""
    store.empty()
    began_s = time.perf_counter()
    with tagway("idler", store, folder, role="all", sink_port=sink_port) as gateway:
        started_s = time.perf_counter() - began_s
        time.sleep(1)  # noqa: TID251 - let it come to rest
        used_s = machine.cpu_s(gateway.pid)
        store_s = machine.cpu_s(store.pid)
        time.sleep(idle_s)  # noqa: TID251 - doing nothing takes time
        told = {
            "start_s": started_s,
            "idle_percent": (machine.cpu_s(gateway.pid) - used_s) / idle_s * 100,
            "idle_store_percent": (machine.cpu_s(store.pid) - store_s) / idle_s * 100,
            "memory_fresh_mb": machine.memory_mb(gateway.pid),
        }
    return {
        name: round(value, 2)
        for name, value in {**told, **_waiting(store, folder), **_ended(store, folder, sink_port)}.items()
    }


def _waiting(store: Store, folder: Path) -> dict[str, float]:
    """Measure acts that wait for one destination, and nobody delivers."""
    store.empty()
    before = store.used_bytes()
    with tagway("filler", store, folder, role="ingest", bound_for=("meta",)) as filler:
        fill(filler, _ACTS)
    return {"bytes_waiting_event": (store.used_bytes() - before) / _ACTS, **_by_kind(store, "waiting")}


def _ended(store: Store, folder: Path, sink_port: int) -> dict[str, float]:
    """Measure acts that were delivered: what is remembered of each, and what is only kept to be shown."""
    with tagway("deliverer", store, folder, role="deliver", sink_port=sink_port, bound_for=("meta",)):
        machine.wait_for(lambda: store.waiting("meta") == 0, 60, "an empty queue")
    return _by_kind(store, "delivered")


def _by_kind(store: Store, state: str) -> dict[str, float]:
    """Return `bytes_<state>_<kind of key>`: MEMORY USAGE, its names and lifetimes included, divided by the acts."""
    sizes: defaultdict[str, int] = defaultdict(int)
    for key in store.redis.scan_iter("tw:*", count=10_000):
        parts = key.decode().split(":")
        kind = parts[2] if parts[1].startswith("{") else parts[1]
        if kind in ("act", "copy", "content", "tomb", "index", "queue", "sample", "name"):
            sizes[kind] += store.redis.memory_usage(key, samples=0) or 0
    return {f"bytes_{state}_{kind}": size / _ACTS for kind, size in sorted(sizes.items())}
