"""Neighbour: one platform hangs for 30 s a request; how long the others' events take then, and took before."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any, Final

from faults.acts import Kind, mint_as
from faults.chaos import SETTLE_S
from faults.figures import Run, percentile
from faults.gateways import ROOT
from faults.house import House, built
from faults.ledger import Ledger
from faults.platforms import ADS, BOOK, SOCIAL, Mood

# Twice as long is the bound; below this much more it is the noise of a machine that is shared.
_TIMES: Final = 2.0
_NOISE_MS: Final = 100.0


async def run(*, seed: int, seconds: float, per_s: float, out: Path, tree: Path = ROOT) -> Run:
    """Measure in peace, then while `ads` hangs, each for `seconds`."""
    async with built(out / "neighbour", seed=seed, straight=True, tree=tree, names=("a",)) as house:
        await _come(house, seed, 0, 3, per_s)
        before = await _come(house, seed, 100_000, seconds, per_s)
        house.platforms[ADS].mood, asked = Mood.HANGS, house.platforms[ADS].requests
        during = await _come(house, seed, 200_000, seconds, per_s)
        house.platforms[ADS].mood, asked = Mood.WELL, house.platforms[ADS].requests - asked
        figures: dict[str, Any] = {"acts": before.count + during.count}
        breaches: dict[str, Any] = {}
        for place in (BOOK, SOCIAL):
            was, now = (percentile(_took_s(house.ledger, span, place), 0.95) for span in (before, during))
            assert was is not None
            assert now is not None
            figures[place] = {"p95_ms": was, "p95_ms_beside_a_hanging_one": now, "ratio": round(now / was, 2)}
            if now > was * _TIMES + _NOISE_MS:
                breaches[place] = figures[place]
        figures["hanging_requests"] = asked
        figures["settled_s"] = round(await house.settle(SETTLE_S), 1)
        late = [each for span in (before, during) for each in span.acts if not house.ledger.arrived.get((each, ADS))]
        if late:
            breaches["lost"] = late
        return Run(name="neighbour", seed=seed, figures=figures, breaches=breaches)


class _Span:
    """The acts of one measurement."""

    def __init__(self) -> None:
        self.acts: list[str] = []

    @property
    def count(self) -> int:
        return len(self.acts)


async def _come(house: House, seed: int, first: int, seconds: float, per_s: float) -> _Span:
    span, began_s = _Span(), time.monotonic()
    async with asyncio.TaskGroup() as group:
        while (since_s := time.monotonic() - began_s) < seconds:
            while span.count < since_s * per_s:
                act = mint_as(Kind.VIEW, seed, first + span.count)
                span.acts.append(act.id)
                group.create_task(house.visitors.perform(act))
            await asyncio.sleep(0.01)
    await asyncio.sleep(3)  # what is on its way arrives
    return span


def _took_s(ledger: Ledger, span: _Span, place: str) -> list[float]:
    """Return how long each act took from its acknowledgement to a platform; one that never came took for ever."""
    took = []
    for act in span.acts:
        told_s = min(told.ended_s for told in ledger.told[act])
        arrived = ledger.arrived.get((act, place), ())
        took.append(min(one.at_s for one in arrived) - told_s if arrived else float("inf"))
    return took
