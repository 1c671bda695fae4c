"""`python -m benchmarks.sizing [FILE]`: what the measured costs come to in machines and Redis shards.

Arithmetic over one result of `python -m benchmarks`, no more: it holds for cores like the measured ones, and says
nothing of networks. Replicas, and whatever stands in front, come on top.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any, Final

import orjson

from benchmarks.report import LATEST, table

RATES: Final = (1_000, 10_000, 100_000)
# What is left free of a core: peaks of a minute lie well above the mean of an hour.
GATEWAY_LOAD: Final = 0.6
# Redis has one thread for commands, and everybody waits behind it.
REDIS_LOAD: Final = 0.5
# Of a master's memory: the append-only file is rewritten by a fork, which copies what changes meanwhile.
REDIS_FILLED: Final = 0.6
SHARDS_A_MASTER: Final = 4
_RECORDS: Final = ("bytes_delivered_act", "bytes_delivered_copy", "bytes_delivered_content")


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What one event costs: CPU-microseconds of the gateway and of Redis, at the door and on its way out, and bytes."""

    hit_us: float
    hit_redis_us: float
    delivery_us: float
    delivery_redis_us: float
    id_bytes: float
    waiting_bytes: float
    record_bytes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be had and kept. `outage_h`: how long platforms may be away; `shown_h`: how long outcomes are kept."""

    cores: int = 8
    redis_gb: float = 16
    window_h: float = 48
    outage_h: float = 1
    shown_h: float = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a rate takes. `machines` holds one to spare; `limit`: what decides on the number of masters."""

    per_s: int
    ingest_cores: float
    delivery_cores: float
    machines: int
    redis_cores: float
    redis_gb: float
    masters: int
    shards: int
    limit: str


def costs(result: Mapping[str, Any]) -> Costs:
    """Take the costs out of a benchmark's result; raises ValueError naming what it lacks."""
    try:
        hit, sent, bytes_of = (
            result["cases"]["pixel"]["tagway"],
            result["cases"]["delivery/three"]["tagway"],
            result["footprint"],
        )
        return Costs(
            hit_us=hit["us"],
            hit_redis_us=hit["store_us"],
            delivery_us=sent["us"],
            delivery_redis_us=sent["store_us"],
            id_bytes=bytes_of["bytes_remembered_id"],
            waiting_bytes=bytes_of["bytes_waiting_event"],
            record_bytes=sum(bytes_of.get(name, 0.0) for name in _RECORDS),
        )
    except KeyError as err:
        raise ValueError(f"this result has no {err}; run the benchmarks without names first") from err


def plan(cost: Costs, wish: Wish, per_s: int) -> Plan:
    """Work out what so many events a second take, each bound for three platforms."""
    ingest_cores = per_s * cost.hit_us / 1e6 / GATEWAY_LOAD
    delivery_cores = per_s * cost.delivery_us / 1e6 / GATEWAY_LOAD
    redis_cores = per_s * (cost.hit_redis_us + cost.delivery_redis_us) / 1e6 / REDIS_LOAD
    an_hour = per_s * 3_600
    redis_gb = (
        an_hour
        * (wish.window_h * cost.id_bytes + wish.outage_h * cost.waiting_bytes + wish.shown_h * cost.record_bytes)
        / 1e9
        / REDIS_FILLED
    )
    by_cpu, by_memory = ceil(redis_cores), ceil(redis_gb / wish.redis_gb)
    masters = max(1, by_cpu, by_memory)
    return Plan(
        per_s=per_s,
        ingest_cores=ingest_cores,
        delivery_cores=delivery_cores,
        machines=ceil((ingest_cores + delivery_cores) / wish.cores) + 1,
        redis_cores=redis_cores,
        redis_gb=redis_gb,
        masters=masters,
        shards=masters * SHARDS_A_MASTER,
        limit="one" if masters == 1 else "CPU" if by_cpu >= by_memory else "memory",
    )


def text(cost: Costs, wish: Wish) -> str:
    """Lay out the table, and what it rests on."""
    head = (
        "events/s", "ingest cores", "delivery cores", f"machines of {wish.cores}", "Redis cores", "Redis GB",
        f"masters of {wish.redis_gb:g} GB", "shards", "for its",
    )  # fmt: skip
    plans = [plan(cost, wish, per_s) for per_s in RATES]
    rows = [
        (
            f"{each.per_s:,}", f"{each.ingest_cores:,.1f}", f"{each.delivery_cores:,.1f}", f"{each.machines:,}",
            f"{each.redis_cores:,.1f}", f"{each.redis_gb:,.0f}", f"{each.masters:,}", f"{each.shards:,}", each.limit,
        )
        for each in plans
    ]  # fmt: skip
    measured = (
        f"{cost.hit_us:.0f} us a hit and {cost.delivery_us:.0f} us an event to three platforms; "
        f"of Redis {cost.hit_redis_us:.0f} and {cost.delivery_redis_us:.0f} us"
    )
    held = (
        f"{cost.id_bytes:.1f} an id for {wish.window_h:g} h, {cost.waiting_bytes:,.0f} an event that waits "
        f"({wish.outage_h:g} h of outage), {cost.record_bytes:,.0f} an outcome for {wish.shown_h:g} h"
    )
    free = (
        f"cores are used to {GATEWAY_LOAD:.0%}, Redis to {REDIS_LOAD:.0%}, its memory to {REDIS_FILLED:.0%}; "
        "one machine to spare, replicas not counted"
    )
    return f"{table(head, rows)}\n\nmeasured: {measured}\nbytes: {held}\nleft free: {free}"


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sizing", description="Machines and Redis shards.")
    parser.add_argument("file", nargs="?", type=Path, default=LATEST, help="a result; results/latest.json otherwise")
    usual = Wish()
    parser.add_argument("--cores", type=int, default=usual.cores, help="of one machine")
    parser.add_argument("--redis-gb", type=float, default=usual.redis_gb, help="memory of one master")
    parser.add_argument("--window-h", type=float, default=usual.window_h, help="dedup.window_h")
    parser.add_argument("--outage-h", type=float, default=usual.outage_h, help="how long platforms may be away")
    parser.add_argument("--shown-h", type=float, default=usual.shown_h, help="keep.outcomes_d in hours")
    asked = vars(parser.parse_args(arguments))
    try:
        cost = costs(orjson.loads(asked.pop("file").read_bytes()))
    except (OSError, ValueError) as err:
        print(err, file=sys.stderr)
        return 2
    print(text(cost, Wish(**asked)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
