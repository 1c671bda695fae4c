"""What a gateway takes beside work: memory, the time to start, the CPU of doing nothing."""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks import machine
from benchmarks.contenders import Setup, tagway
from benchmarks.contenders.store import Store


def run(store: Store, folder: Path, sink_port: int, *, idle_s: float) -> dict[str, float]:
    """Return start-up in s, resident memory in MB and idle CPU in % of a core."""
    store.empty()
    began_s = time.perf_counter()
    with tagway("idler", store, folder, Setup(role="all", sink_port=sink_port)) as gateway:
        started_s = time.perf_counter() - began_s
        time.sleep(1)  # noqa: TID251 - let it come to rest
        used_s, store_s = machine.cpu_s(gateway.pid), store.cpu_s()
        time.sleep(idle_s)  # noqa: TID251 - doing nothing takes time
        told = {
            "start_s": started_s,
            "idle_percent": (machine.cpu_s(gateway.pid) - used_s) / idle_s * 100,
            # Other gateways of the run are connected to the same Redis, and idle, too.
            "idle_store_percent": (store.cpu_s() - store_s) / idle_s * 100,
            "memory_fresh_mb": machine.memory_mb(gateway.pid),
        }
    return {name: round(value, 2) for name, value in told.items()}
