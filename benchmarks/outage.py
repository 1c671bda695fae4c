"""`python -m benchmarks.outage [EVENTS] [BUDGET_MB]`: what a long outage of a platform costs in Redis and on the disk.

Nothing is delivered while events come in, pressed and parked as they would be after a minute; then all come back.
Prints one line of JSON. Starts a server of its own on a unix socket, and ends it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterable
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, Final

import msgspec

from adapters.echo import Echo
from benchmarks import tools
from benchmarks.visits import visits
from gateway.core.event import Event
from gateway.core.outcome import DELIVERED
from gateway.core.plan import Plan
from gateway.core.site import ConsentPolicy, Destination, Site
from gateway.store import vault
from gateway.store.database import Database
from gateway.store.keeper import Keeper
from gateway.store.outcomes import Fate
from gateway.store.park.backlog import Backlog
from gateway.store.park.presser import Presser
from gateway.store.park.shelf import Shelf
from gateway.store.queues import Kind, Queues, Settlement

_AT_ONCE: Final = 500
_STEPS: Final = 10


class Patient(Echo):
    """A platform that accepts what is a week old."""

    max_age_s: ClassVar[int] = 7 * 86_400


class Outage:
    """A store with one destination that takes nothing, and the tasks of a delivering gateway."""

    def __init__(self, database: Database, folder: Path, budget_bytes: int) -> None:
        place = Destination(name="down", adapter=Patient(), consent=frozenset())
        site = Site(
            name="shop",
            hosts=("t.shop.example",),
            origins=("https://shop.example",),
            consent=ConsentPolicy(default="granted"),  # some visits say nothing of it
            destinations=("down",),
        )
        plan = Plan(sites={"shop": site}, destinations={"down": place})

        def now_ms() -> int:
            return time.time_ns() // 1_000_000

        told: dict[str, Any] = {"now_ms": now_ms, "nudge": _nothing, "counted_as": lambda _, event: event}
        self.database = database
        self.keeper = Keeper(database, lambda: plan, copy_id=lambda: secrets.token_hex(16), **told)
        self.queues = Queues(database, lambda: plan, token=lambda: secrets.token_hex(8), **told)
        self.presser = Presser(database, lambda: plan, waited_ms=-60_000)
        self.backlog = Backlog(
            database,
            lambda: plan,
            Shelf(folder, floor_bytes=0),
            budget_bytes=budget_bytes,
            now_ms=now_ms,
            nudge=_nothing,
            waited_ms=0,
        )

    async def used_bytes(self) -> int:
        info: Any = await self.database.redis.info("memory")
        return int(info["used_memory"])

    async def come_in(self, events: Iterable[Event]) -> None:
        """Take events, press what is there, and park what is too much."""
        async for _ in self.take(events):
            await self.presser.step()
            await self.backlog.relieve()

    async def take(self, events: Iterable[Event]) -> AsyncIterator[int]:
        """Take events, some at a time."""
        coming = iter(events)
        while chunk := list(islice(coming, _AT_ONCE)):
            await self.keeper.keep(chunk)
            yield len(chunk)

    async def go_out(self) -> set[str]:
        """Deliver all, bringing back what lies on the disk; returns the ids that were seen. Errors: one seen twice."""
        seen: set[str] = set()
        while True:
            legs = (await self.queues.lease("down", _AT_ONCE)).legs
            if not legs and not await self.backlog.bring_back():
                return seen
            ids = [leg.event.event_id for leg in legs if leg.event]
            assert seen.isdisjoint(ids)
            seen.update(ids)
            fate = Fate(outcome=DELIVERED, at_ms=0)
            await self.queues.settle([Settlement(leg=leg, kind=Kind.DONE, fate=fate) for leg in legs])


def _nothing() -> None:
    return None


def events(count: int) -> list[Event]:
    """Make visits to one shop that all may be sent."""
    at_ms = time.time_ns() // 1_000_000
    return [
        msgspec.structs.replace(event, site="shop", event_id=f"{number}-{event.event_id}", id_made=False, bot=None)
        for number, event in enumerate(visits(seed=36, count=count, now_ms=at_ms))
        if event.name not in ("purchase", "refund", "generate_lead", "sign_up")
    ]


async def weights(database: Database, folder: Path, count: int) -> dict[str, float]:
    """Weigh an event in Redis in each of its states; the store is empty before and after."""
    made = Outage(database, folder, budget_bytes=1)
    coming = events(count)
    empty = await made.used_bytes()
    told: dict[str, float] = {"sealed": sum(len(vault.seal(event)) for event in coming) / len(coming)}

    async def weigh(state: str) -> None:
        told[state] = round((await made.used_bytes() - empty) / len(coming), 1)

    async for _ in made.take(coming):
        continue
    await weigh("waiting")
    while await made.presser.step():
        continue
    await weigh("waiting_pressed")
    while await made.backlog.relieve():
        continue
    await weigh("parked")
    await made.go_out()
    await weigh("settled")
    await made.backlog.shelf.close()
    await database.redis.flushall()
    await database.identity()
    await database.open()
    return told


async def outage(database: Database, folder: Path, count: int, budget_bytes: int) -> dict[str, Any]:
    """Play an outage on an empty store; returns what it cost."""
    made = Outage(database, folder, budget_bytes)
    coming = events(count)
    empty = await made.used_bytes()
    used: list[int] = []
    began_s = time.perf_counter()
    for step in range(_STEPS):
        await made.come_in(coming[len(coming) * step // _STEPS : len(coming) * (step + 1) // _STEPS])
        used.append(await made.used_bytes() - empty)
    in_s = time.perf_counter() - began_s
    parked, disk_bytes = made.backlog.shelf.acts, made.backlog.shelf.bytes
    began_s = time.perf_counter()
    seen = await made.go_out()
    out_s = time.perf_counter() - began_s
    await made.backlog.shelf.close()
    half = _STEPS // 2 - 1
    return {
        "events": len(coming),
        "json_bytes": sum(len(msgspec.json.encode(event)) for event in coming) // len(coming),
        "budget_bytes": budget_bytes,
        "parked": parked,
        "delivered_once": len(seen),
        "redis_bytes": used,
        "redis_bytes_a_further_event": round((used[-1] - used[half]) / (len(coming) / 2), 1),
        "disk_bytes_an_event": round(disk_bytes / max(1, parked)),
        "in_a_second": round(len(coming) / in_s),
        "out_a_second": round(len(coming) / out_s),
    }


async def play(url: str, folder: Path, count: int, budget_bytes: int) -> dict[str, Any]:
    database = Database(url)
    await database.identity()
    await database.open()
    try:
        told = {"bytes": await weights(database, folder / "weighed", min(count, 10_000))}
        return {**told, **await outage(database, folder / "backlog", count, budget_bytes)}
    finally:
        await database.close()


def main() -> None:
    asked = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    asked.add_argument("events", type=int, nargs="?", default=50_000)
    asked.add_argument("budget_mb", type=int, nargs="?", default=4)
    wanted = asked.parse_args()
    server = tools.redis_server()
    if server is None:
        sys.exit("no redis-server or valkey-server was found")
    folder = Path(tempfile.mkdtemp(prefix="tw-"))
    options = [
        "--port",
        "0",
        "--unixsocket",
        str(folder / "s"),
        "--dir",
        str(folder),
        "--save",
        "",
        "--appendonly",
        "no",
    ]
    process = subprocess.Popen([server, *options], stdout=subprocess.DEVNULL)
    try:
        while not (folder / "s").exists() and process.poll() is None:
            threading.Event().wait(0.01)
        played = play(f"unix://{folder / 's'}?db=0", folder, wanted.events, wanted.budget_mb << 20)
        sys.stdout.write(json.dumps(asyncio.run(played)) + "\n")  # noqa: TID251 - the outermost call of this program
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
