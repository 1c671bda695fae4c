"""The judge is only worth what it would notice: each breach is made once, and nothing else is one."""

from __future__ import annotations

from typing import Any

import pytest

from faults.acts import NEEDS, Act, Kind, Wire, mint_as
from faults.judge import Findings, judge, missing
from faults.ledger import Arrived, Ledger, Told, Window
from faults.platforms import flaw

PLACES = tuple(NEEDS)


def told(act: Act, wire: Wire, status: str = "accepted", at_s: float = 10.0) -> Told:
    return Told(act=act.id, wire=wire, gateway="a", begun_s=at_s - 0.01, ended_s=at_s, status=status)


def arrived(act: Act, place: str, at_s: float = 20.0, **more: Any) -> Arrived:
    told = {"digest": "d", "applied": True, "refused": False, **more}
    return Arrived(act=act.id, destination=place, at_s=at_s, **told)


def ledger(*rows: Told | Arrived | Window) -> Ledger:
    made = Ledger()
    for row in rows:
        match row:
            case Told():
                made.tell(row)
            case Arrived():
                made.arrive(row)
            case Window():
                made.windows.append(row)
    return made


def judged(kept: Ledger, explained: dict[tuple[str, str], str] | None = None, *, strict: bool = True) -> Findings:
    return judge(kept, explained or {}, drained_s=[100.0], strict=strict)


@pytest.fixture
def view() -> Act:
    return mint_as(Kind.VIEW, 1, 1)


def test_what_was_acknowledged_and_arrived_is_no_breach(view: Act) -> None:
    kept = ledger(told(view, Wire.BROWSER), *(arrived(view, place) for place in PLACES))

    assert judged(kept).breaches() == {}
    assert judged(kept).wanted == 3


def test_what_was_acknowledged_and_did_not_arrive_is_lost(view: Act) -> None:
    kept = ledger(told(view, Wire.BROWSER), arrived(view, "book"), arrived(view, "ads", applied=False))

    assert missing(kept) == [(view.id, "social"), (view.id, "ads")]
    assert len(judged(kept, {(view.id, "social"): "waiting"}).breaches()["lost"]) == 2


def test_a_dead_letter_with_its_reason_is_accounted_for(view: Act) -> None:
    kept = ledger(told(view, Wire.BROWSER), arrived(view, "book"), arrived(view, "ads"))

    found = judged(kept, {(view.id, "social"): "dead:rejected"})

    assert (found.breaches(), dict(found.accounted)) == ({}, {"dead:rejected": 1})


@pytest.mark.parametrize("status", ["maybe", "refused", "late"])
def test_what_nobody_acknowledged_is_owed_to_nobody(view: Act, status: str) -> None:
    assert missing(ledger(told(view, Wire.BROWSER, status))) == []


def test_an_act_before_anybody_told_of_it_is_an_invention(view: Act) -> None:
    kept = ledger(told(view, Wire.BROWSER, at_s=10.0), *(arrived(view, place, at_s=9.0) for place in PLACES))

    assert len(judged(kept).breaches()["invented"]) == 3


def test_two_contents_under_one_id_are_a_breach_unless_the_store_forgot(view: Act) -> None:
    rest = [arrived(view, "social"), arrived(view, "ads")]
    kept = ledger(told(view, Wire.BROWSER), *rest, arrived(view, "book"), arrived(view, "book", digest="other"))

    assert judged(kept).breaches() == {"changed": [f"{view.id} to book"]}
    assert judged(kept, strict=False).breaches() == {}
    assert judged(kept).repeats == 1


def test_nobody_who_was_denied_is_sent_anything() -> None:
    narrow = mint_as(Kind.NARROW, 1, 1)
    kept = ledger(told(narrow, Wire.BROWSER), arrived(narrow, "book"), arrived(narrow, "ads"))

    assert judged(kept).wanted == 1
    assert list(judged(kept).breaches()) == ["leaks"]


def test_an_acknowledged_denial_binds_what_leaves_after_it() -> None:
    veto = mint_as(Kind.VETO, 1, 1)
    both = [told(veto, Wire.SERVER, at_s=10.0), told(veto, Wire.BROWSER, "merged", at_s=11.0)]

    after = ledger(*both, arrived(veto, "book"), arrived(veto, "social", at_s=20.0))
    before = ledger(*both, arrived(veto, "book"), arrived(veto, "social", at_s=10.5))

    assert list(judged(after).breaches()) == ["leaks"]
    assert judged(before).breaches() == {}


def test_a_denial_of_an_outage_is_counted_apart() -> None:
    veto = mint_as(Kind.VETO, 1, 1)
    outage = Window(what="redis_kill", where="redis", begun_s=10.5, ended_s=12.0)
    both = [told(veto, Wire.SERVER, at_s=10.0), told(veto, Wire.BROWSER, at_s=11.0)]

    found = judged(ledger(*both, outage, arrived(veto, "book"), arrived(veto, "social", at_s=20.0)))

    assert found.breaches() == {}
    assert len(found.late_denials) == 1


def test_a_denial_that_may_be_there_frees_and_a_grant_that_may_be_there_binds_nobody() -> None:
    veto, silent = mint_as(Kind.VETO, 1, 1), mint_as(Kind.SILENT, 1, 2)
    kept = ledger(
        told(veto, Wire.SERVER),
        told(veto, Wire.BROWSER, "maybe"),
        told(silent, Wire.SERVER),
        told(silent, Wire.BROWSER, "maybe"),
    )

    assert missing(kept) == [(veto.id, "book")]


def test_money_and_bytes_are_held_against_the_id(view: Act) -> None:
    (copy,) = view.copies
    body = {**view.body(copy), "wires": ["browser"]}

    assert flaw("book", body, view) == ""
    assert flaw("book", {**body, "value": copy.value + 1}, view) == "value"
    assert flaw("book", {**body, "properties": {"pad": view.pad + "x"}}, view) == "pad"
    assert flaw("book", {**body, "event": "other"}, view) == "name"


def test_a_merged_purchase_has_the_servers_value() -> None:
    twins = mint_as(Kind.TWINS, 1, 1)
    browser = twins.copy(Wire.BROWSER)
    assert browser is not None

    assert flaw("book", {**twins.body(browser), "wires": ["browser", "server"]}, twins) == "value"
