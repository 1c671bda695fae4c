"""Every fate has a word, a tone, an icon that exists, and where it needs one a sentence."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path

import pytest

from gateway.console import pages
from gateway.console.words import OUTCOMES, because, cause, sign, signal
from gateway.core.consent import SIGNALS
from gateway.core.event import Grant
from gateway.core.outcome import DELIVERED, Dead, Door, Pending, Refused, Skip, dead, skipped

ICONS = Path(pages.__file__).parent / "static/icons.svg"
FATES = [
    *Door,
    *(f"refused:{reason}" for reason in Refused),
    *(skipped(reason) for reason in Skip),
    *(dead(reason) for reason in Dead),
    *Pending,
    DELIVERED,
    *Grant,
]
REASONED = [fate for fate in FATES if fate not in {DELIVERED, *Grant}]


@pytest.mark.parametrize("fate", [*FATES, *OUTCOMES])
def test_every_fate_looks_like_something(fate: str) -> None:
    icons = re.findall(r'<symbol id="(\w+)"', ICONS.read_text())

    assert sign(fate).tone in {"good", "calm", "wait", "bad"}
    assert sign(fate).icon in icons
    assert sign(fate).word != "Unknown" or fate == Grant.UNKNOWN


@pytest.mark.parametrize("fate", REASONED)
def test_every_fate_has_a_reason_in_words(fate: str) -> None:
    assert " " in because(fate)


@pytest.mark.parametrize("name", SIGNALS)
def test_every_consent_signal_is_named_in_words(name: str) -> None:
    assert " " in signal(name)


def test_a_platforms_own_code_stays_as_it_is() -> None:
    assert because("dead:rejected", "100/2804019") == "the platform refused it: 100/2804019"
    assert because("delivered", "") == ""
    assert cause("http_503") == "it answered with HTTP 503"
    assert cause("dns") == "the name of the platform's host was not found"


def test_templates_use_no_icon_that_is_missing() -> None:
    templates = (Path(pages.__file__).parent / "templates").glob("*.html")
    used = chain.from_iterable(re.findall(r'icon\("(\w+)"\)', page.read_text()) for page in templates)

    assert set(used) <= set(re.findall(r'<symbol id="(\w+)"', ICONS.read_text()))
