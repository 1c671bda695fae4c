from __future__ import annotations

import re

import pytest
from markupsafe import Markup

from gateway.console.shown import clock, count, iso, safe, span, trace_path

HASHED = "9e759021" + "ab" * 28


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0"), (1204, "1\u202f204"), (1234567, "1\u202f234\u202f567"), (49.9, "49.9"), (10.0, "10")]
)
def test_numbers_have_thin_separators(number: float, said: str) -> None:
    assert count(number) == said


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3600, "1 h"), (90_000, "25 h"), (172_800, "2 days")]
)
def test_a_length_of_time_is_said_in_one_unit(seconds: float, said: str) -> None:
    assert span(seconds).replace("\u202f", " ") == said


def test_a_moment_is_utc_until_the_page_knows_better() -> None:
    assert (iso(1_795_305_600.25), clock(1_795_305_600.25)) == ("2026-11-22T00:00:00.250Z", "22 Nov 00:00:00 UTC")


def test_what_a_template_prints_is_masked_whatever_its_length() -> None:
    assert safe(f"{'x' * 5_000} {HASHED}") == f"{'x' * 5_000} 9e759021…"
    assert safe("to anna@mail.example") == "to redacted"
    assert safe(7) == 7
    assert safe(Markup("<b>")) == Markup("<b>")


@pytest.mark.parametrize("event_id", ["p-1001", "a/b?c#d", "ä ö"])
def test_an_id_is_linked_to_as_it_is(event_id: str) -> None:
    assert re.fullmatch(r"/event/[A-Za-z0-9%._-]+", trace_path(event_id))


@pytest.mark.parametrize("event_id", ["anna@mail.example", HASHED, "..", "."])
def test_an_id_that_may_not_stand_in_an_address_is_linked_to_by_its_digest(event_id: str) -> None:
    assert re.fullmatch(r"/event/~[0-9a-f]{32}", trace_path(event_id))


def test_an_event_that_was_counted_among_others_is_linked_without_its_name() -> None:
    assert trace_path("e-1", "shop", "other") == "/event/e-1?site=shop"
