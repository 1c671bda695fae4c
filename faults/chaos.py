"""Chaos: two gateways on one Redis, everything breaks at its time, then nothing does; then the judge."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any, Final

from faults.acts import mint
from faults.figures import Run, percentile
from faults.gateways import ROOT, said
from faults.house import House, built
from faults.injector import Injector
from faults.judge import judge
from faults.schedule import Fault, plan

# Backoff ends at 64 s or so after a minute of faults; what was lent to a killed gateway waits 12 s besides.
SETTLE_S: Final = 150.0
# A fresh event arrives within this after the faults (I5).
_ALIVE_S: Final = 30.0


async def run(seed: int, *, seconds: float, per_s: float, out: Path, tree: Path = ROOT) -> Run:
    """Run one seed. Odd seeds stand on a Redis that syncs always, even ones on a journal before one that does not."""
    fsync = "always" if seed % 2 else "everysec"
    folder = out / f"chaos-{seed}"
    async with built(folder, seed=seed, fsync=fsync, tree=tree) as house:
        injector = Injector(
            house.store, house.line, house.gateways, house.platforms, house.ledger, house.http, house.dice
        )
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(house.watch())
            async with asyncio.TaskGroup() as storm:
                storm.create_task(injector.run(plan(seed, seconds)))
                storm.create_task(come(house, seed, seconds, per_s))
            await injector.heal()
            alive_s = await house.prove_alive(seed, _ALIVE_S)
            drained_s = await house.settle(SETTLE_S)
            watch.cancel()
        found = judge(house.ledger, await house.explain(), drained_s=house.drained_s, strict=fsync == "always")
        for gateway in house.gateways:
            await gateway.stop()
        house.ledger.write(out / f"chaos-{seed}.jsonl")
        return _run(seed, fsync, house, found, injector.torn, alive_s=alive_s, drained_s=drained_s)


async def come(house: House, seed: int, seconds: float, per_s: float) -> None:
    """Send acts at an even pace, and some rubbish between them."""
    began_s, number = time.monotonic(), 0
    async with asyncio.TaskGroup() as group:
        while (since_s := time.monotonic() - began_s) < seconds:
            while number < since_s * per_s:
                number += 1
                group.create_task(house.visitors.perform(mint(seed, number), gap_s=1.0))
                if number % 20 == 0:
                    group.create_task(house.visitors.annoy())
            await asyncio.sleep(0.02)


def _run(seed: int, fsync: str, house: House, found: Any, torn: int, *, alive_s: float | None, drained_s: float) -> Run:
    ledger, stops = house.ledger, [stop for gateway in house.gateways for stop in gateway.stops]
    replayed = sum(line.get("copies", 0) for gateway in house.gateways for line in said(gateway, "spool.replayed"))
    breaches: dict[str, Any] = dict(found.breaches())
    hung = [stop.took_s for stop in stops if stop.hung or stop.code != 0]
    if hung:
        breaches["hung_stops"] = hung
    if alive_s is None:
        breaches["not_alive"] = [f"a fresh event took longer than {_ALIVE_S:.0f} s"]
    kinds = {window.what for window in ledger.windows}
    took_s = _unpaused(house)
    figures = {
        "durability": "journal on everysec" if fsync == "everysec" else "redis, always",
        "acts": len(ledger.told),
        "copies": sum(map(len, ledger.told.values())),
        "acknowledged": len(ledger.acknowledged()),
        "acknowledged_in_faults": ledger.during(ledger.windows),
        "wanted": found.wanted,
        "lost": len(found.lost),
        "invented": len(found.invented),
        "leaks": len(found.leaks),
        "corrupt": len(found.corrupt),
        "changed_content": len(found.changed),
        "bad_answers": len(found.bad_answers),
        "hung_stops": len(hung),
        "late_denials": len(found.late_denials),
        "accounted": dict(found.accounted),
        "repeated_sends": found.repeats,
        "replayed_from_spool": replayed,
        "merged_again": house.line.changed,
        "torn_files": torn,
        "faults": len(ledger.windows),
        "fault_kinds": sorted(kinds),
        "redis_starts": house.store.starts,
        "accept_p50_ms": percentile(took_s, 0.50),
        "accept_p99_ms": percentile(took_s, 0.99),
        "alive_s": None if alive_s is None else round(alive_s, 1),
        "drained_s": round(drained_s, 1),
    }
    return Run(name="chaos", seed=seed, figures=figures, breaches=breaches, idle=_idle(figures))


def _unpaused(house: House) -> list[float]:
    """Return how long acknowledgements took, without those that a stopped process could not give."""
    pauses = [window for window in house.ledger.windows if window.what == Fault.GATEWAY_PAUSE]
    return [
        took_s
        for at_s, took_s in house.visitors.took_s
        if not any(pause.begun_s < at_s < pause.ended_s + took_s for pause in pauses)
    ]


def _idle(figures: dict[str, Any]) -> list[str]:
    """Name what must have happened in this very run, or it proved little."""
    needed = {
        "acknowledged_in_faults": 100,
        "repeated_sends": 1,
        "replayed_from_spool": 1,
    }
    return [f"{name} is {figures[name]}, wanted {least}" for name, least in needed.items() if figures[name] < least]
