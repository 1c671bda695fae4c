"""The set-up that every run shares: a Redis behind a line, three platforms, gateways, visitors, and a ledger."""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp

from faults import platforms, store
from faults.acts import NEEDS, Kind, mint_as
from faults.gateways import ROOT, Gateway
from faults.judge import missing
from faults.ledger import Ledger
from faults.line import Line
from faults.platforms import Platform
from faults.store import Store
from faults.visitors import Visitors, session

_ORDINARY: Final = "b"


@dataclass(slots=True, kw_only=True)
class House:
    folder: Path
    store: Store
    line: Line
    address: str
    platforms: dict[str, Platform]
    gateways: list[Gateway]
    ledger: Ledger
    http: aiohttp.ClientSession
    visitors: Visitors
    dice: random.Random
    # When every spool was seen empty.
    drained_s: list[float] = field(default_factory=list)

    async def watch(self) -> None:
        """Look whether the spools are empty, again and again, until cancelled."""
        while True:
            await asyncio.sleep(0.5)
            owed = [await gateway.metric(self.http, "tagway_spool_copies") for gateway in self.gateways]
            if all(one == 0 for one in owed):
                self.drained_s.append(time.monotonic())

    async def settle(self, within_s: float) -> float:
        """Wait until nothing is missing or all of it has ended for a reason; returns how long it took."""
        began_s = time.monotonic()
        while missing(self.ledger) and time.monotonic() - began_s < within_s:
            outcomes = (await self.explain()).values()
            if all(outcome.startswith(("dead:", "skipped:")) for outcome in outcomes):
                break
            await asyncio.sleep(1)
        return time.monotonic() - began_s

    async def explain(self) -> dict[tuple[str, str], str]:
        """Ask a gateway what became of all that is missing."""
        told: dict[tuple[str, str], str] = {}
        for act_id, destination in missing(self.ledger):
            story = await self.gateways[0].ask(self.http, f"/admin/api/explain/{act_id}")
            rows: list[dict[str, Any]] = story.get("deliveries", []) if isinstance(story, dict) else []
            found = [row["outcome"] for row in rows if row["destination"] == destination]
            told[act_id, destination] = found[0] if found else "unexplained"
        return told

    async def prove_alive(self, seed: int, within_s: float) -> float | None:
        """Send fresh acts and wait for them everywhere; returns how long it took, None when it took longer."""
        began_s = time.monotonic()
        acts = [
            mint_as(kind, seed, 9_000_000 + row) for row, kind in enumerate((Kind.VIEW, Kind.SHOWN, Kind.TWINS) * 2)
        ]
        async with asyncio.TaskGroup() as group:
            for act in acts:
                group.create_task(self.visitors.perform(act, gap_s=0.5))
        while time.monotonic() - began_s < within_s:
            arrived = [self.ledger.arrived.get((act.id, place), ()) for act in acts for place in NEEDS]
            if all(any(one.applied for one in each) for each in arrived):
                return time.monotonic() - began_s
            await asyncio.sleep(0.1)
        return None


@contextlib.asynccontextmanager
async def built(
    folder: Path, *, seed: int, fsync: str = "always", names: Sequence[str] = ("a", "b"), straight: bool = False,
    tree: Path = ROOT, trees: Mapping[str, Path] | None = None,
) -> AsyncIterator[House]:  # fmt: skip
    """Start everything, gateways included.

    Of two the second reads hits in aiohttp's own parser only, so that whatever is played is played by either lane.
    `straight`: no line, they speak to Redis itself. `tree`: the sources they run, but for those named in `trees`.
    """
    shutil.rmtree(folder, ignore_errors=True)
    ledger, dice = Ledger(), random.Random(f"house/{seed}")
    async with contextlib.AsyncExitStack() as stack:
        redis = await stack.enter_async_context(store.running(folder / "redis", fsync))
        line = await stack.enter_async_context(Line(redis.port).running())
        address, served = await stack.enter_async_context(platforms.running(ledger))
        http = await stack.enter_async_context(session())
        to_port = redis.port if straight else line.port
        gateways = [
            Gateway(
                name=name,
                folder=folder / name,
                redis_port=to_port,
                platforms=address,
                front_lane=name != _ORDINARY,
                tree=(trees or {}).get(name, tree),
            )
            for name in names
        ]
        for one in gateways:
            stack.callback(one.kill)
        async with asyncio.TaskGroup() as group:
            for one in gateways:
                group.create_task(one.start(http))
        yield House(
            folder=folder,
            store=redis,
            line=line,
            address=address,
            platforms=served,
            gateways=gateways,
            ledger=ledger,
            http=http,
            visitors=Visitors(gateways, ledger, http, dice),
            dice=dice,
        )
