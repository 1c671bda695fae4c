"""The gateway's contract, the golden cases, and what is Lighthouse's own: an answer for each row."""

from __future__ import annotations

from pathlib import Path

import pytest
from tagway import Response, Ruling, Secret
from tagway.conformance import RULES, Golden, Rule, Subject, golden, named

from tagway_lighthouse import Lighthouse

ADAPTER = Lighthouse(account="L-7", key=Secret("k3y-of-a-test"))


def answer(*rows: str) -> Response:
    return Response(status=200, headers={}, body=b'{"results":[' + ",".join(rows).encode() + b"]}")


SUBJECT = Subject(
    adapter=ADAPTER,
    cases=Path(__file__).parent / "cases",
    confirms=lambda count: answer(*['{"state":"stored"}'] * count),
)


@pytest.mark.parametrize("rule", RULES, ids=named)
def test_contract(rule: Rule) -> None:
    rule(SUBJECT)


@pytest.mark.parametrize("case", golden(SUBJECT), ids=named)
def test_golden_case(case: Golden) -> None:
    case.check()


def test_every_row_has_a_ruling_of_its_own() -> None:
    rows = ('{"state":"known"}', '{"state":"refused","code":"E17"}', '{"state":"busy"}', '{"state":"x","code":"a@b.c"}')

    verdicts = ADAPTER.verdicts(answer(*rows), 4)

    assert [(verdict.ruling, verdict.reason) for verdict in verdicts] == [
        (Ruling.ACCEPTED, ""),
        (Ruling.REJECTED, "E17"),
        (Ruling.RETRY, "busy"),
        (Ruling.REJECTED, "refused"),
    ]


def test_an_account_that_cannot_be_one_is_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match="account: write it as L-7"):
        Lighthouse(account="7", key=Secret("k3y-of-a-test"))
