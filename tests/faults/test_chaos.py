"""Chaos, short: one seed a durability, with everything real; `make faults` runs many and long ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from faults import chaos, duplicates


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
async def test_a_storm_loses_invents_and_leaks_nothing(seed: int, tmp_path: Path) -> None:
    run = await chaos.run(seed, seconds=6, per_s=20, out=tmp_path)

    assert run.breaches == {}, run.line()
    assert run.figures["acknowledged"] >= 30
    assert run.figures["faults"] >= 4


@pytest.mark.slow
async def test_a_thousand_copies_of_one_act_are_one_delivery_each(tmp_path: Path) -> None:
    run = await duplicates.run(1_000, seed=1, out=tmp_path)

    assert run.breaches == {}, run.line()
