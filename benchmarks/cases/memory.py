"""Redis' bytes: of an event that waits, of one that was delivered, and of an id when nothing else is left of it."""

from __future__ import annotations

import time
from collections import defaultdict
from pathlib import Path
from typing import Final

import msgspec

from benchmarks import machine
from benchmarks.cases.delivery import fill
from benchmarks.contenders import Setup, tagway
from benchmarks.contenders.store import Store
from benchmarks.exact import Inexact
from benchmarks.visits import visits
from gateway.store import keys, vault

_ACTS: Final = 2_000
_EXPIRED_S: Final = 120
# So many looks in turn have to see about the same memory.
_ALIKE: Final = 3
# Records of settled acts are gone after this long, so that only their ids are left.
_OUTCOMES_D: Final = 2 / 86_400
# The dictionary was trained on other dice.
_SEED: Final = 7_919
_SAMPLES: Final = 1_000
_KINDS: Final = ("act", "copy", "content", "ids", "queue", "sample", "samples", "name")


def run(store: Store, folder: Path, sink_port: int, *, acts: int) -> dict[str, float]:
    told = {**_waiting(store, folder), **_ended(store, folder, sink_port), **_remembered(store, folder, acts)}
    return {name: round(value, 1) for name, value in {**told, **_pressed(store)}.items()}


def _waiting(store: Store, folder: Path) -> dict[str, float]:
    """Measure acts that wait for one destination, and nobody delivers."""
    store.empty()
    before = store.used_bytes()
    with tagway("filler", store, folder, Setup(bound_for=("meta",))) as filler:
        fill(filler, _ACTS)
    return {"bytes_waiting_event": (store.used_bytes() - before) / _ACTS, **_by_kind(store, "waiting")}


def _ended(store: Store, folder: Path, sink_port: int) -> dict[str, float]:
    """Measure acts that were delivered, as long as their outcomes are shown."""
    with tagway("deliverer", store, folder, Setup(role="deliver", sink_port=sink_port, bound_for=("meta",))):
        machine.wait_for(lambda: store.waiting("meta") == 0, 60, "an empty queue")
    return _by_kind(store, "delivered")


def _by_kind(store: Store, state: str) -> dict[str, float]:
    """Return `bytes_<state>_<kind of key>`: MEMORY USAGE, its names and lifetimes included, divided by the acts."""
    sizes: defaultdict[str, int] = defaultdict(int)
    for key in store.redis.scan_iter("tw:*", count=10_000):
        parts = key.decode().split(":")
        kind = parts[2] if parts[1].startswith("{") else parts[1]
        if kind in _KINDS:
            sizes[kind] += store.redis.memory_usage(key, samples=0) or 0
    return {f"bytes_{state}_{kind}": size / _ACTS for kind, size in sorted(sizes.items())}


def _remembered(store: Store, folder: Path, acts: int) -> dict[str, float]:
    """Settle acts, let their records go, and measure what their ids take, buckets and key names included.

    They are bound for nobody, so they are settled as they come. A tenth of them goes first, and what the server holds
    besides (tables, buffers, what happened lately) is taken off.
    """
    store.empty()
    first = acts // 10
    setup = Setup(bound_for=(), keep={"outcomes_d": _OUTCOMES_D, "dead_d": _OUTCOMES_D})
    with tagway("rememberer", store, folder, setup) as gateway:
        fill(gateway, first)
        before = _settled_bytes(store)
        fill(gateway, acts, first)
        after = _settled_bytes(store)
    buckets = list(store.redis.scan_iter("tw:*:ids:*", count=10_000))
    held = sum(map(store.redis.hlen, buckets))
    if held != acts + first:
        raise Inexact(f"{acts + first} acts settled, {held} ids remembered")
    named = sum(store.redis.memory_usage(key, samples=0) or 0 for key in buckets)
    return {
        "bytes_remembered_id": named / held,
        "bytes_remembered_id_used": (after - before) / acts,
        "remembered_a_bucket": held / len(buckets),
    }


def _settled_bytes(store: Store) -> int:
    """Wait for the records' end, and return the memory in use when it no longer falls: the tables shrink in steps."""
    machine.wait_for(lambda: not store.number_of("*:act:*"), _EXPIRED_S, "the end of the records")
    # Both are bounded, and no memory of ids: what happened lately, and the slowest calls with their arguments.
    store.redis.unlink(keys.live())
    store.redis.slowlog_reset()
    seen: list[int] = []
    while len(seen) < _ALIKE or max(seen) - min(seen) > max(seen) / 200:
        time.sleep(1)  # noqa: TID251 - the server works in its own time
        seen = [*seen[1 - _ALIKE :], store.used_bytes()]
    return seen[-1]


def _pressed(store: Store) -> dict[str, float]:
    """Measure an average event of a shop as JSON, as it lies there, and pressed for a long wait."""
    store.empty()
    events = list(visits(_SEED, _SAMPLES))
    forms = {
        "json": [msgspec.json.encode(event) for event in events],
        "plain": [vault.seal(event) for event in events],
        "pressed": [vault.press(vault.seal(event)) for event in events],
    }
    told = {}
    for form, bodies in forms.items():
        told[f"bytes_content_{form}"] = sum(map(len, bodies)) / len(bodies)
        store.redis.mset({f"bytes:{form}:{number:032}": body for number, body in enumerate(bodies)})
        names = store.redis.scan_iter(f"bytes:{form}:*", count=10_000)
        told[f"bytes_content_{form}_in_redis"] = sum(map(store.redis.memory_usage, names)) / len(bodies)
    store.empty()
    return told
