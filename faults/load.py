"""Load: what a shop of some size sends, evenly, for a while; and a burst of twice that. Nothing is broken here."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any, Final

from faults.acts import NEEDS, Act, Kind, mint_as
from faults.chaos import SETTLE_S
from faults.figures import Run, percentile, slope_per_min
from faults.gateways import ROOT
from faults.house import House, built
from faults.judge import judge

_ACCEPT_P99_MS: Final = 100.0
# Beyond the hold: batching at our side (up to 0.5 s) and a poll of the releaser.
_BEYOND_HOLD_S: Final = 2.0
_MEMORY_MB_PER_MIN: Final = 1.0
_DRAINED_S: Final = 120.0
# A process that just began still fills its buffers and pools.
_WARM_S: Final = 30.0
_LOOK_S: Final = 2.0
_PACE_S: Final = 0.005


async def run(
    name: str, *, seed: int, seconds: float, per_s: float, out: Path, tree: Path = ROOT, is_burst: bool = False
) -> Run:  # fmt: skip
    """Send `per_s` acts a second, three of five on both wires: 1.6 copies an act."""
    async with built(out / name, seed=seed, straight=True, tree=tree, names=("a",)) as house:
        memory_mb: list[tuple[float, float]] = []
        async with asyncio.TaskGroup() as group:
            looking = group.create_task(_look(house, memory_mb))
            late_s: list[float] = []
            sent = await _come(house, seed, seconds, per_s, late_s)
            settled_s = await house.settle(SETTLE_S)
            looking.cancel()
        found = judge(house.ledger, await house.explain(), drained_s=[], strict=True)
        took_s = [took for _, took in house.visitors.took_s]
        warm = [(at_s, mb) for at_s, mb in memory_mb if at_s - memory_mb[0][0] > _WARM_S]
        copies = sum(map(len, house.ledger.told.values()))
        refused = copies - sum(told.may_be_there for each in house.ledger.told.values() for told in each)
        lasted_s = sent[-1][1] - sent[0][1]
        figures = {
            "events": len(sent),
            "copies": copies,
            "events_per_s": round(len(sent) / lasted_s, 1),
            "copies_per_s": round(copies / lasted_s, 1),
            "refused": refused,
            "wanted": found.wanted,
            "lost": len(found.lost),
            "repeated_sends": found.repeats,
            "accept_p50_ms": percentile(took_s, 0.50),
            "accept_p99_ms": percentile(took_s, 0.99),
            # Visitors and platforms share one process with us: what is in the line above without the gateway's doing.
            "own_delay_p99_ms": percentile(late_s, 0.99),
            "views_arrive_p95_ms": percentile(_arrival_s(house, sent, Kind.VIEW), 0.95),
            "twins_arrive_p95_ms": percentile(_arrival_s(house, sent, Kind.TWINS), 0.95),
            "memory_mb": round(memory_mb[-1][1], 1),
            "memory_mb_per_min": slope_per_min(warm),
            "drained_s": round(settled_s, 1),
        }
        return Run(name=name, seed=seed, figures=figures, breaches=_breaches(house, found, figures, is_burst=is_burst))


def _breaches(house: House, found: Any, figures: dict[str, Any], *, is_burst: bool) -> dict[str, Any]:
    wrong: dict[str, Any] = dict(found.breaches())
    if figures["drained_s"] > _DRAINED_S:
        wrong["drained_s"] = figures["drained_s"]
    if is_burst:
        return wrong
    limits = {
        "accept_p99_ms": _ACCEPT_P99_MS,
        "twins_arrive_p95_ms": (house.gateways[0].hold_s + _BEYOND_HOLD_S) * 1_000,
        "memory_mb_per_min": _MEMORY_MB_PER_MIN,
    }
    return wrong | {name: figures[name] for name, most in limits.items() if (figures[name] or 0) > most}


async def _come(house: House, seed: int, seconds: float, per_s: float, late_s: list[float]) -> list[tuple[Act, float]]:
    """Send acts at an even pace; returns each with the moment it was due. `late_s`: how late our own loop woke us."""
    began_s, sent = time.monotonic(), list[tuple[Act, float]]()
    async with asyncio.TaskGroup() as group:
        while (since_s := time.monotonic() - began_s) < seconds:
            while len(sent) < since_s * per_s:
                kind = Kind.TWINS if len(sent) % 5 < 3 else Kind.VIEW
                act = mint_as(kind, seed, len(sent))
                sent.append((act, began_s + len(sent) / per_s))
                group.create_task(house.visitors.once(act))
            slept_s = time.monotonic()
            await asyncio.sleep(_PACE_S)
            late_s.append(time.monotonic() - slept_s - _PACE_S)
    return sent


async def _look(house: House, memory_mb: list[tuple[float, float]]) -> None:
    while True:
        memory_mb.append((time.monotonic(), house.gateways[0].memory_mb()))
        await asyncio.sleep(_LOOK_S)


def _arrival_s(house: House, sent: list[tuple[Act, float]], kind: Kind) -> list[float]:
    """Return how long the acts of a kind took, from the moment they were due to each platform."""
    took = []
    for act, due_s in sent:
        if act.kind is kind:
            for place in NEEDS:
                arrived = house.ledger.arrived.get((act.id, place), ())
                took += [min(one.at_s for one in arrived) - due_s] if arrived else []
    return took
