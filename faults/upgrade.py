"""Upgrade: yesterday's gateway, today's and tomorrow's side by side on one Redis, as a rolling deploy has them.

Yesterday's is a commit of this repository. Tomorrow's is today's that writes a field which the others do not know.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import time
from pathlib import Path
from typing import Final

from faults.chaos import SETTLE_S, come
from faults.figures import Run
from faults.gateways import ROOT
from faults.house import built
from faults.judge import judge
from faults.ledger import Window
from faults.schedule import Fault

_PACKAGES: Final = ("gateway", "adapters", "tagway")
_SEALS: Final = "gateway/store/vault.py"
# Where a copy becomes bytes, and the same with one more field.
_TODAY: Final = "_encoder.encode(copy)"
_TOMORROW: Final = '_encoder.encode({**msgspec.to_builtins(copy), "unknown_yet": "of tomorrow"})'


async def run(reference: str, *, seed: int, seconds: float, per_s: float, out: Path, tree: Path = ROOT) -> Run:
    """Run the three for `seconds`, stopping and killing each in turn, then let everything settle."""
    yesterday, tomorrow = out / "yesterday", out / "tomorrow"
    commit = await asyncio.to_thread(checkout, reference, yesterday)
    await asyncio.to_thread(advance, tree, tomorrow)
    others = {"a": yesterday, "c": tomorrow}
    async with built(out / "upgrade", seed=seed, names=("a", "b", "c"), tree=tree, trees=others) as house:
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(house.watch())
            coming = group.create_task(come(house, seed, seconds, per_s))
            turn = 0
            while not coming.done():
                await asyncio.sleep(min(3.0, seconds / 6))
                gateway = house.gateways[turn % 3]
                begun_s = time.monotonic()
                if turn % 2:
                    gateway.kill()
                else:
                    await gateway.stop()
                await gateway.start(house.http)
                house.ledger.windows.append(
                    Window(what=Fault.GATEWAY_KILL, where="a", begun_s=begun_s, ended_s=time.monotonic())
                )
                turn += 1
            settled_s = await house.settle(SETTLE_S)
            watch.cancel()
        found = judge(house.ledger, await house.explain(), drained_s=house.drained_s, strict=True)
        house.ledger.write(out / "upgrade.jsonl")
        stops = [stop for gateway in house.gateways for stop in gateway.stops]
        crashed = {one.name: one.log().count("Traceback") for one in house.gateways if "Traceback" in one.log()}
        figures = {
            "yesterday": commit,
            "seconds": seconds,
            "restarts": turn,
            "acknowledged": len(house.ledger.acknowledged()),
            "wanted": found.wanted,
            "lost": len(found.lost),
            "corrupt": len(found.corrupt),
            "leaks": len(found.leaks),
            "repeated_sends": found.repeats,
            "accounted": dict(found.accounted),
            "settled_s": round(settled_s, 1),
        }
        breaches = {**found.breaches(), **({"tracebacks": crashed} if crashed else {})}
        if hung := [stop.took_s for stop in stops if stop.hung or stop.code != 0]:
            breaches["hung_stops"] = [str(took) for took in hung]
        return Run(name="upgrade", seed=seed, figures=figures, breaches=breaches)


def checkout(reference: str, folder: Path) -> str:
    """Lay the sources of a commit into a folder; returns its short name."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    archive = subprocess.run(["git", "archive", reference], cwd=ROOT, capture_output=True, check=True).stdout
    subprocess.run(["tar", "x", "-C", str(folder)], input=archive, check=True)
    told = subprocess.run(["git", "rev-parse", "--short", reference], cwd=ROOT, capture_output=True, check=True)
    return told.stdout.decode().strip()


def advance(tree: Path, folder: Path) -> None:
    """Copy today's sources and let them write a field that nobody else knows."""
    shutil.rmtree(folder, ignore_errors=True)
    for package in _PACKAGES:
        shutil.copytree(tree / package, folder / package, ignore=shutil.ignore_patterns("node_modules", "__pycache__"))
    file = folder / _SEALS
    text = file.read_text()
    assert text.count(_TODAY) == 1, f"{_SEALS} does not seal by {_TODAY} any more: tell upgrade.py how it does"
    file.write_text(text.replace(_TODAY, _TOMORROW))
