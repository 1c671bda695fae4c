from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings

from adapters.echo import Echo
from adapters.google_data_manager import GoogleDataManager
from adapters.meta import Meta
from gateway.core.event import Browser, Click, Event, Person
from gateway.core.manifest import DEVICE, EVERYTHING, Manifest
from gateway.core.quality import STRENGTHS, Quality
from tagway.samples import BARE, FULL, without
from tests.adapters.strategies import events

META = Quality(Meta.manifest)
GOOGLE = Quality(GoogleDataManager.manifest)
PAGE = Path(__file__).parents[2] / "docs" / "platforms" / "match-quality.md"
HASHED_BY_THE_SHOP = Person(digests={"email": {"plain": "0" * 64}})


def a_visit(**told: object) -> Event:
    return msgspec.structs.replace(BARE, browser=Browser(ip="203.0.113.7", user_agent="Mozilla/5.0"), **told)


def test_nobody_is_known_by_nothing() -> None:
    assert META.of(BARE) == 0.0


@pytest.mark.parametrize(
    ("event", "estimate"),
    [
        (a_visit(), 2.2),
        (a_visit(clicks={"fbclid": Click(id="IwAR1", seen_ms=1)}), 8.0),
        (a_visit(clicks={"gclid": Click(id="Cj0", seen_ms=1)}), 2.2),
        (a_visit(person=HASHED_BY_THE_SHOP), 7.3),
    ],
    ids=["visit", "own click", "another platform's click", "e-mail"],
)
def test_an_estimate_is_what_the_page_of_the_documents_reckons(event: Event, estimate: float) -> None:
    assert META.of(event) == estimate
    assert f"| {estimate} |" in PAGE.read_text()


def test_a_digest_in_a_spelling_that_the_platform_does_not_take_counts_for_nothing() -> None:
    event = msgspec.structs.replace(BARE, person=HASHED_BY_THE_SHOP)

    assert (META.of(event), GOOGLE.of(event)) == (6.5, 0.0)


def test_two_ids_of_one_click_are_one() -> None:
    clicks = {"fbclid": Click(id="IwAR1", seen_ms=1)}
    once = msgspec.structs.replace(BARE, clicks=clicks)

    assert META.of(msgspec.structs.replace(once, browser=Browser(cookies={"fbc": "fb.1.1.IwAR1"}))) == META.of(once)


def test_who_looks_for_nobody_is_not_estimated() -> None:
    assert Quality(Echo.manifest).of(FULL) is None


@settings(max_examples=80, deadline=None)
@given(event=events)
def test_it_stays_between_0_and_10_and_never_grows_by_taking_away(event: Event) -> None:
    quality = Quality(Manifest(reads=(*EVERYTHING, *DEVICE)))
    whole = quality.of(event)
    assert whole is not None

    assert 0 <= whole <= 10
    for name in EVERYTHING:
        less = quality.of(without(event, name))
        assert less is not None
        assert less <= whole


def test_the_page_of_the_documents_lists_the_strengths() -> None:
    table = PAGE.read_text().split("## Strengths")[1].split("\n## ")[0]

    told = {
        name: float(cells[1].strip())
        for line in table.splitlines()
        if line.startswith("| `") and (cells := line.strip("|").split("|"))
        for name in re.findall(r"`([a-z_]+)`", cells[0])
    }

    assert told == dict(STRENGTHS)
