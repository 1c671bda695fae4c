"""Hits of GA4's own tag as Google's collector would take them: in silence, and not all of them."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlencode

import pytest

from gateway.sandbox.call import Ruled
from gateway.sandbox.ga4 import GA4
from gateway.sandbox.ga4_hit import MAX_LINES
from gateway.sandbox.terms import Terms
from tests.sandbox.words import asked

AGENT = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)", "Content-Type": "text/plain;charset=UTF-8"}
HIT = {
    "v": "2", "tid": "G-ABC123", "cid": "584335997.1746564151", "sid": "1749196701", "_uip": "203.0.113.7",
    "gcs": "G111", "gcd": "13r3r3r2r5l1", "en": "page_view", "dl": "https://shop.example/",
}  # fmt: skip
ORDER = {**HIT, "en": "purchase", "ep.transaction_id": "T-1", "epn.value": "49.9", "cu": "EUR", "pr1": "idSKU1~pr49.9"}


def judge(query: dict[str, str], *lines: dict[str, str], headers: dict[str, str] | None = None) -> Ruled:
    routes = {one.at: one for one in GA4(Terms(ga4_measurements=frozenset({"G-ABC123"}))).routes()}
    call = asked(query=query, headers=AGENT if headers is None else headers)
    return routes["hits"].judge(replace(call, raw="\r\n".join(map(urlencode, lines)).encode()))


def test_a_good_hit_is_kept_and_answered_with_nothing() -> None:
    ruled = judge(ORDER)

    assert (ruled.status, ruled.body, ruled.findings) == (204, None, ())
    assert [(one.account, one.name, one.event_id) for one in ruled.accepted] == [("G-ABC123", "purchase", "T-1")]


def test_a_batch_shares_its_page_and_loses_only_its_bad_lines() -> None:
    ruled = judge(HIT, {"en": "scroll"}, {"en": "bad name"}, {"en": "view_item", "dt": "Two"})

    assert [one.name for one in ruled.accepted] == ["scroll", "view_item"]
    assert ruled.accepted[1].payload["sid"] == "1749196701"
    assert ruled.count == 3


# what is changed, whether it breaks privacy
BREACHES = [
    ({"v": "1"}, False),
    ({"tid": "UA-1-1"}, False),
    ({"tid": "G-OTHER"}, False),
    ({"cid": ""}, False),
    ({"en": ""}, False),
    ({"en": "2nd"}, False),
    ({"sid": "x"}, False),
    ({"_et": "1.5"}, False),
    ({"gcs": "G2"}, False),
    ({"gcd": "?"}, False),
    ({"_uip": "localhost"}, False),
    ({"sst.rnd": "1"}, False),
    ({"richsstsse": ""}, False),
    ({"epn.value": "many"}, False),
    ({"cu": "EURO"}, False),
    ({"pr1": "pr1.5"}, False),
    ({"ep.transaction_id": ""}, False),
    ({"dl": "https://shop.example/?m=jo%40mail.example"}, True),
    ({"em": "tv.1~em.jo"}, True),
]


@pytest.mark.parametrize(("wrong", "violates"), BREACHES)
def test_a_breach_is_dropped_in_silence(wrong: dict[str, str], violates: bool) -> None:
    ruled = judge({**ORDER, **wrong})

    assert (ruled.status, ruled.body, ruled.accepted) == (204, None, ())
    assert any(one.violates for one in ruled.findings) is violates


def test_what_the_tag_could_not_hash_is_no_violation() -> None:
    assert judge({**HIT, "em": "tv.1~em.e1"}).findings == ()


@pytest.mark.parametrize("agent", ["", "tagway", "curl/8"])
def test_a_machines_hit_is_counted_for_nobody(agent: str) -> None:
    assert judge(HIT, headers={**AGENT, "User-Agent": agent}).accepted == ()


def test_a_body_is_text_of_a_bounded_size() -> None:
    assert judge(HIT, {"en": "a"}, headers={**AGENT, "Content-Type": "application/json"}).accepted == ()
    assert judge(HIT, *[{"en": "a"}] * (MAX_LINES + 1)).accepted == ()
    assert len(judge(HIT, *[{"en": "a"}] * MAX_LINES).accepted) == MAX_LINES


def test_what_only_costs_detail_is_mentioned() -> None:
    ruled = judge({key: told for key, told in HIT.items() if key not in ("sid", "_uip")})

    assert len(ruled.accepted) == 1
    assert {one.field for one in ruled.findings} == {"sid", "_uip"}
