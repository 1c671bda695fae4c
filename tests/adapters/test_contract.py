"""What every adapter promises, asked of each one in ALL: to be in the list is to be under contract.

The rules are those of `tagway.conformance`, which third parties run on theirs. Here stands what needs our tools
(hypothesis), our files, or all adapters side by side; `test_conformance.py` shows that the rules can fail.
"""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from gateway.core.adapter import Response, Ruling
from gateway.core.event import Event
from gateway.core.warrant import warrant
from tagway.conformance import RULES, STATUSES, Golden, Rule, golden, named, says_or_skips
from tests.adapters.all import ALL, REGISTERED, Entry
from tests.adapters.strategies import events

every_adapter = pytest.mark.parametrize("entry", ALL, ids=lambda entry: entry.name)


def _cases() -> list[Any]:
    return [pytest.param(case, id=f"{entry.name}/{case.name}") for entry in ALL for case in golden(entry.subject)]


@pytest.mark.parametrize("name", sorted(REGISTERED))
def test_what_the_gateway_finds_is_under_contract(name: str) -> None:
    module, _, cls = REGISTERED[name].partition(":")

    assert getattr(importlib.import_module(module), cls) in {type(entry.adapter) for entry in ALL}


@every_adapter
@pytest.mark.parametrize("rule", RULES, ids=named)
def test_contract(entry: Entry, rule: Rule) -> None:
    rule(entry.subject)


@pytest.mark.parametrize("case", _cases())
def test_golden_case_holds(case: Golden) -> None:
    case.check()


@every_adapter
def test_equal_options_make_equal_adapters(entry: Entry) -> None:
    assert entry.adapter == entry.adapter


@every_adapter
def test_its_file_is_short_enough_to_be_read(entry: Entry) -> None:
    module = inspect.getsourcefile(type(entry.adapter))
    assert module is not None

    assert len(Path(module).read_text(encoding="utf-8").splitlines()) <= 300


@every_adapter
def test_its_manifest_names_every_secret_that_it_was_given(entry: Entry) -> None:
    assert {secret.reveal() for secret in warrant(entry.adapter).secrets} == set(entry.secrets)


@every_adapter
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(event=events)
def test_any_event_is_said_or_skipped_and_left_as_it_was(entry: Entry, event: Event) -> None:
    says_or_skips(entry.adapter, event)


@pytest.mark.parametrize("entry", [entry for entry in ALL if entry.confirms], ids=lambda entry: entry.name)
@pytest.mark.parametrize("count", [1, 3])
def test_what_contents_another_platform_is_no_confirmation(entry: Entry, count: int) -> None:
    others = [other.confirms(count).body for other in ALL if other.confirms and other.name != entry.name]

    for status in STATUSES:
        for body in others:
            verdicts = entry.adapter.verdicts(Response(status=status, headers={}, body=body), count)

            assert len(verdicts) == count, body
            assert Ruling.ACCEPTED not in {verdict.ruling for verdict in verdicts}, body
