"""The door under load: CPU a hit, latency, and that not one copy more or less was kept than was sent."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from benchmarks import machine
from benchmarks.contenders import Contender, arrived
from benchmarks.exact import Inexact, balance, distinct
from benchmarks.figures import Case, Sample
from benchmarks.load import Load, Shot
from benchmarks.requests import Mix

# Below this share of a busy core the load was the limit, and what a hit costs reads too high: small batches.
BUSY: Final = 0.85
# wrk thinks between answers, so a slower server is asked a little less often.
_KEPT_UP: Final = 0.8
_WARM_S: Final = 1
_WARM_SHOTS: Final = 15
# An idle gateway uses less than a clock tick of CPU in this time.
_REST_S: Final = 0.25


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
        warm(contender, mix, load, connections)
    for number in range(rounds):
        turn = number % len(contenders)
        for contender in (*contenders[turn:], *contenders[:turn]):
            case.add(contender.name, measure(contender, mix, load, seconds, connections, per_s))
    case.notes += [f"{name}, {who}: {told}" for who, samples in case.samples.items() if (told := arrivals(samples))]
    for who, row in case.rows().items():
        if per_s is None and row["busy"] < BUSY:
            why = "the load, or other work on this machine, was the limit"
            case.notes.append(f"{name}, {who}: {why} ({row['busy']:.0%} of the core used)")
        if per_s is not None and row["per_s"] < _KEPT_UP * per_s:
            case.notes.append(f"{name}, {who}: did not keep up ({row['per_s']:,.0f} a second)")
    return case


def warm(contender: Contender, mix: Mix, load: Load, connections: int) -> None:
    """Fire without measuring, once or until the contender runs at its own pace."""
    answered = 0
    for _ in range(_WARM_SHOTS):
        answered += load.fire(mix, contender.port, seconds=_WARM_S, connections=connections).answers
        if answered >= contender.warm_hits:
            break
    come_to_rest(contender)


def measure(
    contender: Contender, mix: Mix, load: Load, seconds: float, connections: int, per_s: int | None = None
) -> Sample:
    """Fire one shot and account for it; raises Inexact when the store does not hold exactly what was answered."""
    store = contender.store
    if store is not None:
        store.empty()
    stores_s, calls = ([], []) if store is None else (store.cpus_s(), store.calls())
    had = 0 if contender.platform is None else arrived(contender.platform)
    began_s, used_s = time.perf_counter(), machine.cpu_s(contender.pid)
    shot = load.fire(mix, contender.port, seconds=seconds, connections=connections, per_s=per_s)
    ended_s = machine.cpu_s(contender.pid)
    used_s = ended_s - used_s
    took_s = time.perf_counter() - began_s
    sample = Sample(
        hits=shot.answers,
        us=used_s * 1e6 / shot.answers,
        per_s=shot.answers / shot.seconds,
        busy=min(1.0, used_s / took_s),
        p50_ms=shot.p50_ms,
        p99_ms=shot.p99_ms,
    )
    if shot.errors:
        raise Inexact(f"{contender.name}: {shot.errors} of {shot.answers} answers were errors")
    if contender.platform is not None:
        # It answers some hits before it delivers them: what it does behind its answers is part of what they cost.
        come_to_rest(contender)
        behind_us = (machine.cpu_s(contender.pid) - ended_s) * 1e6 / shot.answers
        return replace(sample, us=sample.us + behind_us, arrived=arrived(contender.platform) - had)
    if store is None:
        return sample
    each_us = [(now - before) * 1e6 / shot.answers for now, before in zip(store.cpus_s(), stores_s, strict=True)]
    asked = sum(store.calls()) - sum(calls)
    come_to_rest(contender)
    _check(contender, mix, shot, connections)
    return replace(sample, store_us=sum(each_us), busiest_us=max(each_us), store_calls=asked / shot.answers)


def come_to_rest(contender: Contender) -> None:
    """Wait for what was in flight when the load stopped: until the server has nothing left to do or to deliver."""
    before = None
    while before != (before := _progress(contender)):
        time.sleep(_REST_S)  # noqa: TID251 - nobody waits for us


def _progress(contender: Contender) -> tuple[float, int]:
    return machine.cpu_s(contender.pid), 0 if contender.platform is None else arrived(contender.platform)


def arrivals(samples: Sequence[Sample]) -> str:
    """Tell how many answered hits reached the platform, of a contender that delivers them; else nothing."""
    told = [(sample.hits, sample.arrived) for sample in samples if sample.arrived is not None]
    if not told:
        return ""
    hits, there = (sum(column) for column in zip(*told, strict=True))
    lost = sum(max(0, hits - there) for hits, there in told)
    more = f"{lost:,} of the answered NEVER DID" if lost else "beside the answered ones some that the load left behind"
    return f"{hits:,} hits answered, {there:,} reached the platform ({more})"


def _check(contender: Contender, mix: Mix, shot: Shot, connections: int) -> None:
    """Stored = distinct = claimed, and as many copies were counted as hits were answered.

    When the load stops, each connection may have one hit in flight whose answer nobody has read.
    """
    assert contender.store is not None
    if contender.name == "fastify":
        stored, claimed = contender.store.redis.xlen("outbox"), contender.store.number_of("claim:*")
        told = shot.answers
    else:
        counted = contender.store.counted()
        stored, claimed = contender.store.number_of("*:act:*"), counted["accepted"]
        told = sum(counted.values())
    if not shot.answers <= told <= shot.answers + connections:
        raise Inexact(f"{contender.name}: {shot.answers} answered, {told} counted")
    expected = distinct(told, kinds=len(mix.templates), repeat_every=mix.repeat_every)
    balance(contender.name, stored=stored, claimed=claimed, expected=expected, slack=connections)
