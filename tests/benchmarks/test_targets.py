"""benchmarks/targets.py: what is wanted stands beside what was measured."""

import pytest

from benchmarks.targets import TARGETS, Target, verdict


@pytest.mark.parametrize(("figure", "expected"), [(0.64, "reached"), (0.65, "reached"), (0.651, "MISSED")])
def test_a_cost_reaches_its_target_from_below(figure: float, expected: str) -> None:
    assert ("at most 0.65", expected) == verdict("pixel/fastify", figure)


def test_a_rate_reaches_its_target_from_above() -> None:
    target = Target(31_000, "at least")

    assert (True, False, "at least 31,000") == (target.is_reached(31_000), target.is_reached(30_999), str(target))


def test_what_has_no_target_is_not_judged() -> None:
    assert ("", "") == verdict("pixel/ordinary", 0.5)


def test_both_lanes_have_targets() -> None:
    both = {
        f"{lane}{wire}/{who}"
        for lane in ("", "ordinary/")
        for wire in ("pixel", "beacon")
        for who in ("fastify", "walkeros")
    }

    assert both | {"pixel/nginx"} <= TARGETS.keys()
