"""Everything that a run has started, and how long it may take."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks import contenders, machine, tools
from benchmarks.contenders import Contender, Setup
from benchmarks.contenders.store import Store, store
from benchmarks.load import Load
from benchmarks.report import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long a run takes. `few`: rounds of cases that compare Tagway with itself. `acts`: how many are remembered.

    `idle_s`: how long a gateway is watched that does nothing, and one that has little to do.
    """

    rounds: int
    few: int
    seconds: int
    events: int
    acts: int
    idle_s: float


QUICK: Final = Pace(rounds=1, few=1, seconds=1, events=3_000, acts=20_000, idle_s=2)
FULL: Final = Pace(rounds=5, few=3, seconds=3, events=15_000, acts=100_000, idle_s=10)


@dataclass(slots=True, kw_only=True)
class Ring:
    """Who is there, on what, for how long."""

    report: Report
    load: Load
    pace: Pace
    folder: Path
    server: str
    everysec: Store
    always: Store
    sink_port: int
    gateway: Contender
    ordinary: Contender
    bare: Contender
    fastify: Contender | None
    walkeros: Contender | None
    nginx: Contender | None


def ring(stack: ExitStack, server: str, folder: Path, pace: Pace, *, quick: bool) -> Ring:
    """Start what most cases share; `stack` ends it. `server`: the program of the Redis."""
    wrk, nginx, twin, walkeros = tools.wrk(), tools.nginx(), tools.fastify(), tools.walkeros()
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
    if walkeros is None:
        report.skipped.append("walkerOS: no node, no npm or no registry")
    everysec = stack.enter_context(store(server, folder, "everysec"))
    always = stack.enter_context(store(server, folder, "always"))
    sink = stack.enter_context(contenders.sink(folder))
    return Ring(
        report=report,
        load=load,
        pace=pace,
        folder=folder,
        server=server,
        everysec=everysec,
        always=always,
        sink_port=sink,
        gateway=stack.enter_context(contenders.tagway("tagway", everysec, folder, Setup())),
        ordinary=stack.enter_context(contenders.tagway("ordinary", everysec, folder, Setup(front_lane=False))),
        bare=stack.enter_context(contenders.bare_aiohttp(folder)),
        fastify=None if twin is None else stack.enter_context(contenders.fastify(twin, everysec, folder)),
        walkeros=None if walkeros is None else stack.enter_context(contenders.walkeros(walkeros, sink, folder)),
        nginx=None if nginx is None else stack.enter_context(contenders.nginx(nginx, folder)),
    )
