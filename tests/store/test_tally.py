"""The counters at the door: every copy under a bounded name, whatever was counted before it."""

from __future__ import annotations

from typing import Any, cast

import pytest

from gateway.core.event import Wire
from gateway.core.plan import Keep, Plan
from gateway.core.site import Site
from gateway.core.vocabulary import BUDGET, OTHER
from gateway.store.database import Database
from gateway.store.tally import Tally

NOW_MS = 1_795_305_600_000


class Plans:
    """The plan in use, which a reload replaces."""

    def __init__(self) -> None:
        self.now = self.of("shop")

    def of(self, *names: str) -> Plan:
        sites = {name: Site(name=name, hosts=(f"{name}.example",), origins=()) for name in names}
        return Plan(sites=sites, destinations={}, keep=Keep())

    def __call__(self) -> Plan:
        return self.now


@pytest.fixture
def plans() -> Plans:
    return Plans()


@pytest.fixture
def tally(plans: Plans) -> Tally:
    return Tally(cast(Database, None), plans, now_ms=lambda: NOW_MS)


def counts(tally: Tally) -> dict[tuple[str, ...], float]:
    found: dict[tuple[str, ...], float] = {}
    for family in tally.registry.collect():
        for sample in family.samples:
            if sample.name == "tagway_hits_total":
                labels: dict[str, Any] = sample.labels
                found[labels["site"], labels["event"], labels["wire"], labels["status"]] = sample.value
    return found


def test_each_copy_is_counted_under_what_became_of_it(tally: Tally) -> None:
    for _ in range(3):
        tally.door("shop", "page_view", Wire.BROWSER, "accepted", "e-1")
    tally.door("shop", "page_view", Wire.SERVER, "accepted", "e-1")
    tally.door("shop", "page_view", Wire.BROWSER, "refused:value")
    tally.door("shop", "", Wire.BROWSER, "refused:body")
    tally.door("-", "", Wire.BROWSER, "refused:host")

    assert counts(tally) == {
        ("shop", "page_view", "browser", "accepted"): 3,
        ("shop", "page_view", "server", "accepted"): 1,
        ("shop", "page_view", "browser", "refused:value"): 1,
        ("shop", "-", "browser", "refused:body"): 1,
        ("-", "-", "browser", "refused:host"): 1,
    }


def test_strangers_names_fill_neither_the_counters_nor_the_table_behind_them(tally: Tally) -> None:
    for number in range(3 * BUDGET):
        for _ in range(2):
            tally.door("shop", f"invented_{number}", Wire.BROWSER, "accepted")

    found = counts(tally)
    assert len(found) == BUDGET + 1
    assert found["shop", OTHER, "browser", "accepted"] == 2 * 2 * BUDGET
    assert found["shop", "invented_0", "browser", "accepted"] == 2
    assert len(tally._doors) == BUDGET + 1


def test_a_site_of_a_new_plan_has_a_budget_of_its_own(tally: Tally, plans: Plans) -> None:
    for number in range(2 * BUDGET):
        tally.door("new", f"invented_{number}", Wire.BROWSER, "accepted")
    tally.door("new", "mine", Wire.BROWSER, "accepted")
    plans.now = plans.of("shop", "new")
    tally.door("new", "mine", Wire.BROWSER, "accepted")

    assert counts(tally)["new", OTHER, "browser", "accepted"] == BUDGET + 1
    assert counts(tally)["new", "mine", "browser", "accepted"] == 1
