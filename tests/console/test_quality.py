"""The estimated match quality, where people look: the trace, the Destinations page, the API."""

from __future__ import annotations

import re

from gateway.core.outcome import Dead, dead
from gateway.store.outcomes import Fate
from tests.console.conftest import Reader
from tests.fixtures.console import Shop, a_visit, an_order, now_ms


def told(body: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


async def test_the_trace_tells_it_of_what_was_delivered_and_of_nothing_else(shop: Shop, reader: Reader) -> None:
    await shop.keep(*an_order())
    await shop.release()
    await shop.deliver("meta")
    await shop.deliver("tiktok", Fate(outcome=dead(Dead.REJECTED), reason="40002", attempts=1, at_ms=now_ms()))

    trace = told(await reader.page("/event/p-1001"))

    assert trace.count("match quality about") == 1
    assert re.search(r"delivered · 1 attempt · .{1,40} · match quality about 9\.\d of 10, estimated", trace)


async def test_the_destinations_page_averages_it_by_event(shop: Shop, reader: Reader) -> None:
    await shop.keep(a_visit("page_view", "pv-1", clicks={}), *an_order())
    await shop.release()
    await shop.deliver("meta")

    for path in ("/destinations", "/destinations/meta"):
        page = told(await reader.page(path))
        assert re.search(r"Match quality about \d\.\d of 10, estimated", page), path
        assert re.search(r"page_view \d\.\d 1 purchase 9\.\d 1 How well the platform could know", page), path
    assert "Match quality" not in await reader.page("/destinations/google")


async def test_the_api_gives_the_same(shop: Shop, reader: Reader) -> None:
    await shop.keep(a_visit("page_view", "pv-1"))
    await shop.deliver("meta")

    rows = {row["destination"]: row["match_quality"] for row in await shop.ledger.destinations()}
    story = await shop.ledger.explain("pv-1")
    assert story is not None

    (quality,) = {row["match_quality"] for row in story["deliveries"] if row["destination"] == "meta"}
    of_event = {"average": quality, "deliveries": 1}
    assert rows == {
        "meta": {**of_event, "events": [{"event": "page_view", **of_event}]},
        "google": None,
        "tiktok": None,
    }
    assert ["match_quality" in row for row in story["deliveries"] if row["destination"] == "tiktok"] == [False]
