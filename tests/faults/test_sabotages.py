"""Every sabotage still finds what it breaks; `make teeth` runs them."""

from __future__ import annotations

import pytest

from faults.gateways import ROOT
from faults.sabotages import ALL, Sabotage


def test_there_are_twelve_and_each_has_a_name_of_its_own() -> None:
    assert len({one.name for one in ALL}) == 12


@pytest.mark.parametrize("sabotage", ALL, ids=lambda one: one.name)
def test_a_sabotage_finds_its_place(sabotage: Sabotage) -> None:
    """Where it does not, the code has moved: tell faults/sabotages.py where to, and run `make teeth`."""
    assert sabotage.misses(ROOT) == []


@pytest.mark.parametrize("sabotage", ALL, ids=lambda one: one.name)
def test_the_tests_that_should_notice_are_there(sabotage: Sabotage) -> None:
    for test in sabotage.tests:
        file, _, name = test.partition("::")

        assert f"def {name}(" in (ROOT / file).read_text() if name else (ROOT / file).exists()
