"""Google's own tag, pointed at us instead of at a server container."""

from __future__ import annotations

from typing import Any

import pytest
from yarl import URL

from gateway.core.event import Event, Grant, Veto, Wire
from gateway.core.site import Limits
from tests.web.parts import VISITOR, Gate, Open, site

ORIGIN = {"Origin": "https://shop.example", "X-Forwarded-For": VISITOR}
HIT = (
    "v=2&tid=G-ABC123&cid=584335997.1746564151&sid=1749196701&gcs=G111&gcd=13r3r3r2r5l1"
    "&dl=https%3A%2F%2Fshop.example%2F"
)
RELAYING = site(destinations=("meta", "ga4_relay"))


async def hit(gate: Gate, query: str = HIT, body: str | None = None, **headers: str) -> tuple[int, Any, bytes]:
    method = "GET" if body is None else "POST"
    url = URL(gate.url(f"/g/collect?{query}"), encoded=True)
    async with gate.http.request(method, url, headers={**ORIGIN, **headers}, data=body) as answer:
        return answer.status, answer.headers, await answer.read()


def kept(gate: Gate) -> list[Event]:
    assert all(isinstance(copy, Event) for copy in gate.shelf.copies), gate.shelf.copies
    return [copy for copy in gate.shelf.copies if isinstance(copy, Event)]


async def test_a_hit_is_taken_as_googles_own_and_answered_with_nothing(gate: Gate) -> None:
    status, headers, body = await hit(gate, f"{HIT}&en=page_view&_uip=9.9.9.9")

    (event,) = kept(gate)
    assert (status, body, headers["X-Tagway"]) == (204, b"", "accepted")
    assert headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert headers["Access-Control-Allow-Credentials"] == "true"
    assert (event.name, event.vendor, event.wires, event.browser.ip) == (
        "page_view",
        "google",
        (Wire.BROWSER,),
        VISITOR,
    )
    assert event.browser.cookies["ga_client_id"] == "584335997.1746564151"
    assert event.consent.ad_storage is Grant.GRANTED


async def test_each_line_of_the_body_is_an_event(gate: Gate) -> None:
    status, headers, _ = await hit(gate, HIT, "en=scroll&_et=5\r\nen=view_item&pr1=idSKU1~pr9.5\r\nep.x=1")

    assert (status, headers["X-Tagway"]) == (204, "accepted=2,refused=1")
    assert [event.name for event in kept(gate)] == ["scroll", "view_item"]
    assert kept(gate)[1].items[0].item_id == "SKU1"


async def test_the_line_is_kept_only_where_somebody_relays_it(gate: Gate, open_gate: Open) -> None:
    relaying = await open_gate(RELAYING)

    for one in (gate, relaying):
        await hit(one, f"{HIT}&en=page_view&ep.mail=jo%40shop.example")

    assert kept(gate)[0].raw is None
    raw = kept(relaying)[0].raw
    assert raw == f"{HIT}&en=page_view&ep.mail=redacted"


async def test_what_the_visitor_denied_everywhere_leaves_a_veto(gate: Gate) -> None:
    await hit(gate, f"{HIT.replace('G111', 'G100').replace('13r3r3r2r5l1', '13q3q3q2q5l1')}&en=page_view")

    assert [type(copy) for copy in gate.shelf.copies] == [Veto]


async def test_gpc_denies_what_the_page_had_granted(gate: Gate) -> None:
    await hit(gate, f"{HIT}&en=page_view", **{"Sec-GPC": "1"})

    (event,) = kept(gate)
    assert event.consent.analytics_storage is Grant.GRANTED
    assert event.consent.ad_storage is Grant.DENIED


@pytest.mark.parametrize("name", ["transaction_id", "event_id"])
async def test_an_order_named_by_an_e_mail_address_is_refused(gate: Gate, name: str) -> None:
    status, headers, _ = await hit(gate, f"{HIT}&en=purchase&ep.{name}=jo%40shop.example")

    assert (status, headers["X-Tagway"]) == (204, f"refused:{'field' if name == 'transaction_id' else name}")
    assert gate.shelf.copies == []


async def test_a_hit_without_a_word_on_consent_takes_no_cookie_away(gate: Gate) -> None:
    silent = HIT.partition("&gcs")[0]

    _, headers, _ = await hit(gate, f"{silent}&en=page_view", Cookie="_tw_id=1.AAAAAAAAAAAAAAAAAAAAAA.1795300000")

    assert "Set-Cookie" not in headers
    assert [type(copy) for copy in gate.shelf.copies] == [Veto]


async def test_a_stranger_is_not_heard(gate: Gate) -> None:
    status, headers, _ = await hit(gate, f"{HIT}&en=page_view", Origin="https://evil.example")

    assert (status, headers["X-Tagway"], gate.shelf.copies) == (403, "refused:origin", [])


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [("a" * 70_000, 413, "refused:size"), ("en=\u00e9", 400, "refused:body"), ("en=a\n" * 101, 413, "refused:size")],
)
async def test_what_no_tag_sends_is_refused(gate: Gate, body: str, status: int, said: str) -> None:
    answered, headers, _ = await hit(gate, HIT, body)

    assert (answered, headers["X-Tagway"]) == (status, said)
    assert gate.shelf.copies == []


async def test_a_batch_counts_each_of_its_events(open_gate: Open) -> None:
    gate = await open_gate(site(limits=Limits(per_address="3/m")))

    first, _, _ = await hit(gate, HIT, "en=a\nen=b\nen=c")
    second, headers, _ = await hit(gate, f"{HIT}&en=d")

    assert (first, second, headers["X-Tagway"]) == (204, 429, "refused:rate")


async def test_a_store_that_is_away_is_told(gate: Gate) -> None:
    gate.shelf.is_down = True

    status, headers, _ = await hit(gate, f"{HIT}&en=page_view")

    assert (status, headers["X-Tagway"]) == (503, "refused:unavailable")


async def test_a_browser_that_asks_first_is_answered(gate: Gate) -> None:
    status, headers, _ = await gate.ask("OPTIONS", "/g/collect", headers=ORIGIN)

    assert (status, headers["Access-Control-Allow-Origin"]) == (204, "https://shop.example")
