"""The rules of `tagway.conformance` can fail: each is shown an adapter that breaks it, and says so in words."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from gateway.core.adapter import Header, Payload, Request, Response, Ruling, Secret, Verdict
from gateway.core.event import Event
from gateway.core.manifest import Manifest
from gateway.core.outcome import Skip
from tagway.conformance import RULES, Broken, Subject, check, golden
from tests.adapters.all import ALL

GOOD = next(entry for entry in ALL if entry.name == "acme").subject
ACME: Any = type(GOOD.adapter)
MANIFEST: Manifest = ACME.manifest


def broken(**parts: Any) -> Subject:
    """Acme with some of its parts replaced."""
    cls: Any = type("BrokenAcme", (ACME,), {"__slots__": (), **parts})
    return dataclasses.replace(GOOD, adapter=cls(account="7", token=Secret("s3cret-of-acme")), make=None)


def saying(change: Callable[[Event, dict[str, Any]], dict[str, Any]]) -> Callable[..., Payload | Skip]:
    def payload(self: Any, event: Event, name: str) -> Payload | Skip:
        said = ACME.payload(self, event, name)
        return Payload(body=change(event, dict(said.body))) if isinstance(said, Payload) else said

    return payload


def counting() -> Callable[..., Payload | Skip]:
    calls = iter(range(10_000))
    return saying(lambda event, body: {**body, "call": next(calls)})


def raising(self: Any, event: Event, name: str) -> Payload | Skip:
    raise KeyError("email")


def believing(self: Any, response: Response, count: int) -> list[Verdict]:
    return [Verdict(ruling=Ruling.ACCEPTED)] * count


def short(self: Any, response: Response, count: int) -> list[Verdict]:
    return [Verdict(ruling=Ruling.RETRY)]


def repeating(self: Any, response: Response, count: int) -> list[Verdict]:
    told = response.json()
    reason = told.get("message", "") if isinstance(told, dict) else ""
    return [Verdict(ruling=Ruling.REJECTED, reason=str(reason))] * count


def telling(self: Any, payloads: Sequence[Payload]) -> Request:
    return Request(path="/v2", json={"token": self.token.reveal(), "rows": [one.body for one in payloads]})


BREAKS: dict[str, tuple[dict[str, Any], str]] = {
    "is_a_frozen_value_with_the_contracts_parts": ({"max_batch": 0}, "max_batch"),
    "names_events_by_text_or_not_at_all": ({"name": lambda self, event_name: ""}, "neither text nor None"),
    "reads_no_more_than_it_declares": (
        {"payload": saying(lambda event, body: {**body, "fbp": event.browser.cookies.get("fbp")})},
        "manifest.reads does not list",
    ),
    "declares_no_more_than_it_reads": (
        {"manifest": dataclasses.replace(MANIFEST, reads=(*MANIFEST.reads, "gclid"))},
        "lists gclid, and no payload changes with it",
    ),
    "calls_only_hosts_that_it_declares": ({"endpoint": "https://elsewhere.example"}, "does not name the host"),
    "uses_only_secrets_that_it_declares": (
        {"auth": property(lambda self: Header(name="A", secret=Secret("another")))},
        "does not name a secret",
    ),
    "shows_no_secret": ({"request": telling}, "a secret is readable"),
    "says_or_skips_a_bare_event": ({"payload": lambda self, event, name: None}, "neither Payload nor Skip"),
    "says_a_full_event": ({"payload": lambda self, event, name: Skip.NO_VALUE}, "skips a full event"),
    "says_or_skips_any_event": ({"payload": raising}, "raises KeyError"),
    "packs_one_and_max_batch": (
        {"request": lambda self, payloads: Request(path="/v2", json=[payloads[0].body])},
        "no longer than of one",
    ),
    "rules_on_every_payload_whatever_comes_back": ({"verdicts": short}, "is not 3 long"),
    "believes_its_own_confirmation": (
        {"verdicts": lambda self, response, count: [Verdict(ruling=Ruling.RETRY)] * count},
        "confirmed payloads",
    ),
    "believes_no_redirect_and_no_error": ({"verdicts": believing}, "in a 301 is believed"),
    "repeats_no_words_of_the_platform": ({"verdicts": repeating}, "repeats the platform's text"),
    "repeats_how_long_to_wait": ({"verdicts": believing}, "Retry-After: 17"),
}


@pytest.mark.parametrize("name", [rule.__name__ for rule in RULES if rule.__name__ != "has_golden_cases"])
def test_each_rule_finds_the_adapter_that_breaks_it(name: str) -> None:
    parts, words = BREAKS[name]
    rule = next(rule for rule in RULES if rule.__name__ == name)

    rule(GOOD)
    with pytest.raises(Broken) as told:
        rule(broken(**parts))

    assert words in str(told.value)


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"payload": counting()}, "in two ways"),
        ({"verdicts": believing}, "for a confirmation"),
        ({"payload": saying(lambda event, body: {**body, "email": "jo"})}, "readable text where a digest belongs"),
        ({"manifest": dataclasses.replace(MANIFEST, secrets=("token", "tokem"))}, "options that it has not: tokem"),
        ({"endpoint": "https://events.acme.example/"}, "without a trailing slash"),
        ({"manifest": dataclasses.replace(MANIFEST, reads=("ip",))}, "manifest.reads does not list"),
    ],
)
def test_check_gathers_what_is_wrong(parts: dict[str, Any], words: str) -> None:
    check(GOOD)

    with pytest.raises(Broken) as told:
        check(broken(**parts))

    assert words in str(told.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda case: case["payload"]["who"].update(email="0" * 64), "payload.who.email: says '"),
        (lambda case: case["payload"].update(more=1), "payload.more: says None, not 1"),
        (lambda case: case["event"].update(vallue=1), "has a field that no event has"),
        (lambda case: case.update(comment="x"), "unknown keys: ['comment']"),
        (lambda case: case.update(skip="no_value"), "write payload, or skip and its reason"),
        (lambda case: case.update(name="lead"), "name() says 'sale'"),
        (lambda case: case.update(lane="test"), "lane is ''"),
        (lambda case: (case.pop("payload"), case.update(skip="no_value")), "skips no_value, not"),
    ],
)
def test_a_golden_case_that_does_not_hold_says_where(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], words: str
) -> None:
    told = json.loads((GOOD.cases / "purchase.json").read_text(encoding="utf-8"))
    change(told)
    (tmp_path / "purchase.json").write_text(json.dumps(told), encoding="utf-8")

    (case,) = golden(dataclasses.replace(GOOD, cases=tmp_path))
    with pytest.raises(Broken) as said:
        case.check()

    assert words in str(said.value)


def test_no_case_at_all_is_told(tmp_path: Path) -> None:
    with pytest.raises(Broken, match="has_golden_cases: no case in"):
        check(dataclasses.replace(GOOD, cases=tmp_path))
