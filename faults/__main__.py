"""`python -m faults [RUN] [options]`: torment gateways, print a JSON line a run, exit 1 at any breach.

Loopback only; everything it starts ends with it. Ledgers and logs stay in `--out`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Final

from faults import chaos, duplicates, load, neighbour, sabotages, stops, teeth, upgrade
from faults.figures import Run
from faults.gateways import ROOT

# Below what git ignores.
_OUT: Final = ROOT / "data" / "faults"
_SUMMED: Final = (
    "acknowledged", "wanted", "lost", "invented", "leaks", "corrupt", "changed_content", "bad_answers", "hung_stops",
    "late_denials", "repeated_sends", "replayed_from_spool", "merged_again", "faults", "redis_starts",
)  # fmt: skip


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m faults", description="Torment gateways, hold them to their word.")
    parser.add_argument("run", nargs="?", default="chaos", choices=RUNS)
    parser.add_argument("--seeds", default="1-3", help="1-20, or 1,5,9")
    parser.add_argument("--seconds", type=float, default=60, help="how long the faults or the load last")
    parser.add_argument("--per-s", type=float, default=25, help="acts a second")
    parser.add_argument("--count", type=int, default=0, help="stops, or copies of one id")
    parser.add_argument("--against", default="HEAD~1", help="the commit that runs beside today's sources")
    parser.add_argument("--tree", type=Path, default=ROOT, help="the sources that the gateways run")
    parser.add_argument("--out", type=Path, default=_OUT, help="where ledgers and logs are left")
    asked = parser.parse_args(arguments)
    asked.out.mkdir(parents=True, exist_ok=True)
    runs = asyncio.run(RUNS[asked.run](asked))  # noqa: TID251 - the outermost call of this program
    return 0 if all(run.is_good for run in runs) else 1


def _seeds(text: str) -> list[int]:
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def _show(run: Run) -> Run:
    print(run.line(), flush=True)
    return run


async def _chaos(asked: argparse.Namespace) -> list[Run]:
    runs = [
        _show(await chaos.run(seed, seconds=asked.seconds, per_s=asked.per_s, out=asked.out, tree=asked.tree))
        for seed in _seeds(asked.seeds)
    ]
    summed = {name: sum(run.figures[name] for run in runs) for name in _SUMMED}
    good = sum(run.is_good for run in runs)
    print(json.dumps({"run": "chaos", "seeds": len(runs), "good": good, **summed}), flush=True)
    return runs


async def _stops(asked: argparse.Namespace) -> list[Run]:
    count = asked.count or 50
    return [_show(await stops.run(count, seed=1, per_s=asked.per_s, out=asked.out, tree=asked.tree))]


async def _duplicates(asked: argparse.Namespace) -> list[Run]:
    return [_show(await duplicates.run(asked.count or 100_000, seed=1, out=asked.out, tree=asked.tree))]


async def _neighbour(asked: argparse.Namespace) -> list[Run]:
    given = {"seconds": asked.seconds, "per_s": asked.per_s}
    return [_show(await neighbour.run(seed=1, out=asked.out, tree=asked.tree, **given))]


async def _load(asked: argparse.Namespace) -> list[Run]:
    """300 events a second are 480 copies."""
    given = {"seconds": asked.seconds, "per_s": 300}
    return [_show(await load.run("load", seed=1, out=asked.out, tree=asked.tree, **given))]


async def _burst(asked: argparse.Namespace) -> list[Run]:
    """625 events a second are 1,000 copies."""
    given = {"seconds": asked.seconds, "per_s": 625}
    return [_show(await load.run("burst", seed=1, out=asked.out, tree=asked.tree, is_burst=True, **given))]


async def _upgrade(asked: argparse.Namespace) -> list[Run]:
    given = {"seconds": asked.seconds, "per_s": asked.per_s}
    return [_show(await upgrade.run(asked.against, seed=1, out=asked.out, tree=asked.tree, **given))]


async def _teeth(asked: argparse.Namespace) -> list[Run]:
    """A run for the tree as it is, then one a sabotage."""
    runs = [_show(run) for run in await asyncio.to_thread(teeth.run, asked.tree)]
    caught = sum(run.figures.get("caught", False) for run in runs)
    print(json.dumps({"run": "teeth", "caught": caught, "of": len(sabotages.ALL)}), flush=True)
    return runs


RUNS: Final[dict[str, Callable[[argparse.Namespace], Coroutine[None, None, list[Run]]]]] = {
    "chaos": _chaos,
    "stops": _stops,
    "duplicates": _duplicates,
    "neighbour": _neighbour,
    "load": _load,
    "burst": _burst,
    "upgrade": _upgrade,
    "teeth": _teeth,
}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
