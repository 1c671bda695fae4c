"""A seed is a storm that can be had again."""

from __future__ import annotations

from itertools import pairwise

from faults.schedule import Fault, plan


def test_a_seed_plans_the_same_storm_again() -> None:
    assert plan(3, 60) == plan(3, 60)
    assert plan(3, 60) != plan(4, 60)


def test_twenty_seeds_meet_every_fault() -> None:
    met = {step.fault for seed in range(1, 21) for step in plan(seed, 60)}

    assert met == set(Fault)


def test_one_lane_does_one_thing_at_a_time() -> None:
    for seed in range(1, 21):
        for places in (("redis",), ("a", "b"), ("book",), ("social",), ("ads",)):
            lane = [step for step in plan(seed, 60) if step.where in places]

            for before, after in pairwise(lane):
                assert before.at_s + before.lasts_s <= after.at_s


def test_every_fault_is_over_when_the_storm_is() -> None:
    for seed in range(1, 21):
        assert all(step.at_s + step.lasts_s <= 60.2 for step in plan(seed, 60))
