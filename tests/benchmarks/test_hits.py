"""benchmarks/cases/hits.py: a contender is warm before it is measured, and what did not reach the platform is told."""

from pathlib import Path

import pytest

from benchmarks.cases.hits import arrivals, warm
from benchmarks.contenders import Contender
from benchmarks.figures import Sample
from benchmarks.load import Load, Shot
from benchmarks.requests import Mix

NOBODY = 0  # the id of no process: it has come to rest


class Counting(Load):
    """Answers a thousand hits a shot, and counts the shots."""

    def __init__(self) -> None:
        super().__init__(None, Path())
        self.shots = 0

    def fire(self, mix: Mix, port: int, *, seconds: float, connections: int = 64, per_s: int | None = None) -> Shot:
        self.shots += 1
        return Shot(answers=1_000, seconds=seconds, p50_ms=1, p99_ms=1, errors=0)


def sample(hits: int, arrived: int | None) -> Sample:
    return Sample(hits=hits, us=1, per_s=1, busy=1, arrived=arrived)


@pytest.mark.parametrize(("warm_hits", "shots"), [(0, 1), (1_000, 1), (2_500, 3), (10**9, 15)])
def test_warming_up_takes_as_many_hits_as_the_contender_needs_but_ends(warm_hits: int, shots: int) -> None:
    load = Counting()

    warm(Contender(name="it", port=9, pid=NOBODY, warm_hits=warm_hits), Mix(templates=()), load, connections=64)

    assert shots == load.shots


def test_all_that_arrived_is_told_with_what_the_load_left_behind() -> None:
    told = arrivals([sample(100, 164), sample(50, 50)])

    assert told.startswith("150 hits answered, 214 reached the platform")
    assert "NEVER" not in told


def test_an_answered_hit_that_never_arrived_is_not_made_good_by_another_rounds() -> None:
    assert "3 of the answered NEVER DID" in arrivals([sample(100, 97), sample(100, 164)])


def test_who_does_not_deliver_is_not_asked_what_arrived() -> None:
    assert "" == arrivals([sample(100, None)])
