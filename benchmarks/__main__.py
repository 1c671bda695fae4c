"""`python -m benchmarks [NAME …] [--quick]`: run the cases, print ratios, write results/latest.json.

Loopback only; everything it starts ends with it. The store and the load share one core, the server has another.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks import contenders, machine, tools
from benchmarks.cases import delivery, footprint, hits
from benchmarks.contenders import Contender
from benchmarks.contenders.store import Store, store
from benchmarks.figures import Case
from benchmarks.load import Load
from benchmarks.report import Report
from benchmarks.requests import Mix, beacon, browser_purchase, pixel, server_purchase

_WALKEROS: Final = "walkerOS: npm has its core and collector, but neither its server source nor its Meta destination"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long a run takes: about 90 s the quick one, five minutes the other."""

    rounds: int
    seconds: int
    events: int
    idle_s: float


QUICK: Final = Pace(rounds=2, seconds=2, events=4_000, idle_s=3)
FULL: Final = Pace(rounds=5, seconds=3, events=20_000, idle_s=10)


@dataclass(slots=True, kw_only=True)
class Ring:
    """Everything that a run has started."""

    report: Report
    load: Load
    pace: Pace
    folder: Path
    everysec: Store
    always: Store
    sink_port: int
    gateway: Contender
    bare: Contender
    fastify: Contender | None
    nginx: Contender | None

    @property
    def writers(self) -> list[Contender]:
        """Those that read what they are sent."""
        return [each for each in (self.gateway, self.bare, self.fastify) if each is not None]


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Tagway beside others, as ratios.")
    parser.add_argument("names", nargs="*", choices=[*CASES, []], metavar="NAME", help=", ".join(CASES))
    parser.add_argument("--quick", action="store_true", help="about 90 seconds, and rougher")
    asked = parser.parse_args(arguments)
    server = tools.redis_server()
    if server is None:
        print("no redis-server here (Debian: apt-get install redis-server)", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="tw-bench-", ignore_cleanup_errors=True) as folder, ExitStack() as stack:
        ring = _open(stack, server, Path(folder), QUICK if asked.quick else FULL, quick=asked.quick)
        for name in asked.names or CASES:
            print(f"{name} …", file=sys.stderr, flush=True)
            try:
                CASES[name](ring)
            except hits.Inexact as wrong:
                ring.report.failed.append(f"{name}: {wrong}")
        if not asked.names:
            ring.report.write()
        print(ring.report.text())
    return 1 if ring.report.failed else 0


def _open(stack: ExitStack, server: str, folder: Path, pace: Pace, *, quick: bool) -> Ring:
    wrk, nginx, twin = tools.wrk(), tools.nginx(), tools.fastify()
    load = Load(wrk, folder)
    report = Report(load.name, quick)
    if machine.SERVER_CORE == machine.LOAD_CORE:
        report.skipped.append("pinning: one core only, so server, store and load disturb each other")
    if wrk is None:
        report.skipped.append("wrk: not to be had; our own generator fires, and is slower than a fast server")
    if nginx is None:
        report.skipped.append("nginx: neither installed nor to be had from Debian")
    if twin is None:
        report.skipped.append("fastify: no node, no npm or no registry")
    report.skipped.append(_WALKEROS)
    everysec = stack.enter_context(store(server, folder, "everysec"))
    always = stack.enter_context(store(server, folder, "always"))
    return Ring(
        report=report,
        load=load,
        pace=pace,
        folder=folder,
        everysec=everysec,
        always=always,
        sink_port=stack.enter_context(contenders.sink(folder)),
        gateway=stack.enter_context(contenders.tagway("tagway", everysec, folder, role="ingest")),
        bare=stack.enter_context(contenders.bare_aiohttp(folder)),
        fastify=None if twin is None else stack.enter_context(contenders.fastify(twin, everysec, folder)),
        nginx=None if nginx is None else stack.enter_context(contenders.nginx(nginx, folder)),
    )


def _beacon(ring: Ring) -> None:
    ring.report.add(_shots("beacon", Mix(templates=(beacon(),), repeat_every=5), ring.writers, ring))


def _pixel(ring: Ring) -> None:
    mix = Mix(templates=(pixel(),))
    others = ring.writers if ring.nginx is None else [*ring.writers, ring.nginx]
    ring.report.add(_shots("pixel", mix, others, ring))
    ring.report.footprint["memory_loaded_mb"] = round(machine.memory_mb(ring.gateway.pid), 1)
    if ring.fastify is not None:
        ring.report.footprint["memory_loaded_fastify_mb"] = round(machine.memory_mb(ring.fastify.pid), 1)
    many = hits.run("many", mix, [ring.gateway], ring.load, rounds=1, seconds=ring.pace.seconds, connections=1_000)
    ring.report.add(many)
    few = ring.report.cases[0].rows()["tagway"]["us"]
    ring.report.ratios["pixel/1000_connections_to_64"] = round(many.rows()["tagway"]["us"] / few, 3)


def _twins(ring: Ring) -> None:
    """The browser's and the server's copy of one purchase, each after the other; a hit is one copy."""
    mix = Mix(templates=(browser_purchase(), server_purchase()))
    case = _shots("twins", mix, [ring.gateway], ring)
    ring.report.add(case)
    counted = ring.everysec.counted()
    # The load may stop between the two copies of an act, once a connection.
    if not 0 <= counted["accepted"] - counted["merged"] <= 64:
        raise hits.Inexact(f"twins: {dict(counted)}")


def _paced(ring: Ring) -> None:
    mix = Mix(templates=(pixel(),))
    for per_s in (1_000, 5_000):
        case = hits.run(
            f"paced_{per_s}", mix, [each for each in ring.writers if each is not ring.bare], ring.load,
            rounds=ring.pace.rounds, seconds=ring.pace.seconds, per_s=per_s,
        )  # fmt: skip
        rows = case.rows()
        ring.report.cases.append(case)
        if "fastify" in rows:
            for share in ("p50_ms", "p99_ms"):
                ratio = rows["tagway"][share] / rows["fastify"][share]
                ring.report.ratios[f"paced_{per_s}/{share}/fastify"] = round(ratio, 3)


def _always(ring: Ring) -> None:
    mix = Mix(templates=(pixel(),))
    with contenders.tagway("always", ring.always, ring.folder, role="ingest") as synced:
        case = _shots("always", mix, [ring.gateway, synced], ring)
    ring.report.cases.append(case)
    ring.report.ratios["always/everysec"] = round(1 / case.ratios()["always/always"], 3)


def _delivery(ring: Ring) -> None:
    cases = delivery.run(
        ring.everysec, ring.folder, ring.sink_port, events=ring.pace.events, rounds=max(1, ring.pace.rounds // 2)
    )
    for case in cases:
        ring.report.cases.append(case)
        ring.report.ratios[f"{case.name}_per_cpu_s"] = round(1e6 / case.rows()["tagway"]["us"])


def _footprint(ring: Ring) -> None:
    ring.report.footprint |= footprint.run(ring.everysec, ring.folder, ring.sink_port, idle_s=ring.pace.idle_s)


def _shots(name: str, mix: Mix, who: list[Contender], ring: Ring) -> Case:
    return hits.run(name, mix, who, ring.load, rounds=ring.pace.rounds, seconds=ring.pace.seconds)


CASES: Final = {
    "pixel": _pixel,
    "beacon": _beacon,
    "twins": _twins,
    "paced": _paced,
    "always": _always,
    "delivery": _delivery,
    "footprint": _footprint,
}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
