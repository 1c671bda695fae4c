"""Stops: SIGTERM under load, again and again, some while Redis does not answer; each ends in time, nothing is lost."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Final

from faults.chaos import SETTLE_S, come
from faults.figures import Run
from faults.gateways import ROOT, STOP_S
from faults.house import built
from faults.judge import judge
from faults.ledger import Window
from faults.line import Way
from faults.schedule import Fault

# One in so many comes while the line to Redis holds everything back.
_HELD_ONE_IN: Final = 5
_HELD_BEFORE_S: Final = 1.0
# Long enough under load for work to be out when the next signal comes.
_REST_S: Final = 1.0


async def run(count: int, *, seed: int, per_s: float, out: Path, tree: Path = ROOT) -> Run:
    """Stop gateways `count` times, one after the other, each while visitors come."""
    async with built(out / "stops", seed=seed, tree=tree) as house:
        async with asyncio.TaskGroup() as group:
            chores = [
                group.create_task(house.watch()),
                group.create_task(come(house, seed, count * STOP_S, per_s)),
            ]
            held = 0
            for number in range(1, count + 1):
                gateway = house.gateways[number % len(house.gateways)]
                await asyncio.sleep(_REST_S)
                begun_s = time.monotonic()
                if is_held := number % _HELD_ONE_IN == 0:
                    held += 1
                    house.line.turn(Way.HOLDS)
                    await asyncio.sleep(_HELD_BEFORE_S)
                await gateway.stop()
                if is_held:
                    house.line.turn(Way.PASSES)
                    ended_s = time.monotonic()
                    house.ledger.windows.append(
                        Window(what=Fault.HOLD, where="redis", begun_s=begun_s, ended_s=ended_s)
                    )
                await gateway.start(house.http)
                house.ledger.windows.append(
                    Window(what=Fault.GATEWAY_TERM, where=gateway.name, begun_s=begun_s, ended_s=time.monotonic())
                )
            chores[1].cancel()
            settled_s = await house.settle(SETTLE_S)
            chores[0].cancel()
        found = judge(house.ledger, await house.explain(), drained_s=house.drained_s, strict=True)
        stops = [stop for gateway in house.gateways for stop in gateway.stops]
        bad = [f"{stop.took_s} s, code {stop.code}" for stop in stops if stop.hung or stop.code != 0]
        hard = sum(gateway.log().count("gateway.stopped_hard") for gateway in house.gateways)
        house.ledger.write(out / "stops.jsonl")
        figures = {
            "stops": len(stops),
            "while_redis_was_held": held,
            "slowest_s": max(stop.took_s for stop in stops),
            "hard_ends": hard,
            "acknowledged": len(house.ledger.acknowledged()),
            "wanted": found.wanted,
            "lost": len(found.lost),
            "accounted": dict(found.accounted),
            "repeated_sends": found.repeats,
            "settled_s": round(settled_s, 1),
        }
        breaches = {**found.breaches(), **({"hung_stops": bad} if bad else {})}
        return Run(name="stops", seed=seed, figures=figures, breaches=breaches)
