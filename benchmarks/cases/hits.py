"""The door under load: CPU a hit, latency, and that not one copy more or less was kept than was sent."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from benchmarks import machine
from benchmarks.contenders import Contender
from benchmarks.figures import Case, Sample
from benchmarks.load import Load, Shot
from benchmarks.requests import Mix

# Below this share of a busy core the load was the limit, and what a hit costs reads too high: small batches.
_BUSY: Final = 0.85
# wrk thinks between answers, so a slower server is asked a little less often.
_KEPT_UP: Final = 0.8
_WARM_S: Final = 1
# An idle gateway uses less than a clock tick of CPU in this time.
_REST_S: Final = 0.25


class Inexact(AssertionError):
    """What was kept is not what was sent: no figure of such a run is worth anything."""


def run(
    name: str,
    mix: Mix,
    contenders: Sequence[Contender],
    load: Load,
    *,
    rounds: int,
    seconds: float,
    connections: int = 64,
    per_s: int | None = None,
) -> Case:
    """Let the contenders take turns, in another order each round; the first shot at each only warms it up."""
    case = Case(name)
    for contender in contenders:
        load.fire(mix, contender.port, seconds=_WARM_S, connections=connections)
        _come_to_rest(contender)
    for number in range(rounds):
        turn = number % len(contenders)
        for contender in (*contenders[turn:], *contenders[:turn]):
            case.add(contender.name, measure(contender, mix, load, seconds, connections, per_s))
    for who, row in case.rows().items():
        if per_s is None and row["busy"] < _BUSY:
            why = "the load, or other work on this machine, was the limit"
            case.notes.append(f"{name}, {who}: {why} ({row['busy']:.0%} of the core used)")
        if per_s is not None and row["per_s"] < _KEPT_UP * per_s:
            case.notes.append(f"{name}, {who}: did not keep up ({row['per_s']:,.0f} a second)")
    return case


def measure(
    contender: Contender, mix: Mix, load: Load, seconds: float, connections: int, per_s: int | None = None
) -> Sample:
    """Fire one shot and account for it; raises Inexact when the store does not hold exactly what was answered."""
    store = contender.store
    if store is not None:
        store.empty()
    began_s, used_s = time.perf_counter(), machine.cpu_s(contender.pid)
    store_s = 0.0 if store is None else machine.cpu_s(store.pid)
    shot = load.fire(mix, contender.port, seconds=seconds, connections=connections, per_s=per_s)
    used_s = machine.cpu_s(contender.pid) - used_s
    took_s = time.perf_counter() - began_s
    store_us = None if store is None else (machine.cpu_s(store.pid) - store_s) * 1e6 / shot.answers
    if shot.errors:
        raise Inexact(f"{contender.name}: {shot.errors} of {shot.answers} answers were errors")
    if store is not None:
        _come_to_rest(contender)
        _check(contender, shot, connections)
    return Sample(
        hits=shot.answers,
        us=used_s * 1e6 / shot.answers,
        per_s=shot.answers / shot.seconds,
        busy=min(1.0, used_s / took_s),
        p50_ms=shot.p50_ms,
        p99_ms=shot.p99_ms,
        store_us=store_us,
    )


def _come_to_rest(contender: Contender) -> None:
    """Wait for what was in flight when the load stopped: until the server has nothing left to do."""
    used_s = -1.0
    while used_s != (used_s := machine.cpu_s(contender.pid)):
        time.sleep(_REST_S)  # noqa: TID251 - nobody waits for us


def _check(contender: Contender, shot: Shot, connections: int) -> None:
    """Stored = distinct = claimed, and as many copies were counted as hits were answered.

    When the load stops, each connection may have one hit in flight whose answer nobody has read.
    """
    assert contender.store is not None
    if contender.name == "fastify":
        stored, claimed = contender.store.redis.xlen("outbox"), contender.store.number_of("claim:*")
        told = None
    else:
        counted = contender.store.counted()
        stored, claimed = contender.store.number_of("*:act:*"), counted["accepted"]
        told = sum(counted.values())
    if stored != claimed:
        raise Inexact(f"{contender.name}: {stored} stored, {claimed} claimed")
    if told is not None and not shot.answers <= told <= shot.answers + connections:
        raise Inexact(f"{contender.name}: {shot.answers} answered, {told} counted")
