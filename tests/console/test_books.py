"""The books where people look: the Destinations page, the API, the metric."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from gateway.core.outcome import Dead, dead
from gateway.store import keys
from gateway.store.outcomes import Fate
from tests.console.conftest import Reader
from tests.fixtures.console import Shop, a_visit, an_order, fill, now_ms


def told(body: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


async def lose(shop: Shop, place: str) -> None:
    """Take one entry out of a queue, as no script does."""
    for shard in range(shop.database.shards):
        key = f"{keys.base(shard)}:{place}"
        if members := await shop.database.redis.zrange(key, 0, 0):
            await shop.database.redis.zrem(key, *members)
            return
    raise AssertionError(f"{place} is empty")


async def read(reader: Reader, query: str = "") -> dict[str, Any]:
    status, body = await reader.get(f"/admin/api/audit{query}")
    assert status == 200, body
    books: dict[str, Any] = json.loads(body)
    return books


def gauges(text: str) -> dict[str, float]:
    return {name: float(value) for name, value in re.findall(r'tagway_unbalanced\{destination="(.+?)"\} (\S+)', text)}


async def test_a_shops_day_balances_and_the_page_says_so(shop: Shop, reader: Reader) -> None:
    await fill(shop)

    page = told(await reader.page("/destinations?hours=168"))

    assert page.count("Balanced") == 4  # three destinations and the door
    assert "not balance" not in page
    assert re.search(
        r"At the door Balanced \d+ copies in the last 7 days: \d+ acts, 3 merged into one, 1 duplicates", page
    )
    books = await read(reader, f"?since={now_ms() // 1_000 - 160 * 3_600}")
    assert books["balanced"] is True
    (meta,) = (row for row in books["destinations"] if row["destination"] == "meta")
    assert meta["dead"] == {"rejected": 17, "expired": 2}
    assert len(meta["hours"]) > 100


async def test_a_loss_is_loud_on_the_page_in_the_api_and_in_the_metric(shop: Shop, reader: Reader) -> None:
    await shop.keep(a_visit("page_view", "pv-1"), a_visit("page_view", "pv-2"))
    await lose(shop, "queue:meta")

    for path in ("/destinations", "/destinations/meta"):
        page = told(await reader.page(path))
        assert "Does not balance: 1 missing 0 waiting before and 2 owed in the last 24 hours" in page, path
    page = told(await reader.page("/destinations"))
    assert "The books do not balance meta: 1 missing Missing: counted as owed" in page
    assert page.count("Balanced") == 3
    books = await read(reader)
    assert (books["balanced"], [row["balanced"] for row in books["destinations"]]) == (False, [False, True, True])
    assert gauges(await reader.page("/metrics")) == {"-": 0, "meta": 1, "google": 0, "tiktok": 0}


async def test_a_held_act_that_vanished_is_told_at_the_door(shop: Shop, reader: Reader) -> None:
    await shop.keep(an_order()[0])
    await lose(shop, "hold")

    page = told(await reader.page("/destinations"))

    assert "The books do not balance Acts at the door: 1 missing" in page
    assert gauges(await reader.page("/metrics"))["-"] == 1


async def test_an_hour_is_told_by_its_reasons(shop: Shop, reader: Reader) -> None:
    await shop.keep(a_visit("page_view", "pv-1"), *an_order())
    await shop.release()
    await shop.deliver("meta", Fate(outcome=dead(Dead.REJECTED), reason="100/1", attempts=1, at_ms=now_ms()))

    page = told(await reader.page("/destinations/meta"))

    assert re.search(r"Before Owed Delivered Skipped Dead After Balance .{5,30} 0 2 0 0 2 rejected 0 balances", page)


async def test_what_was_lost_is_written_off_by_a_person(shop: Shop, reader: Reader) -> None:
    await shop.ledger.audit.close()
    await shop.keep(a_visit("page_view", "pv-1"))
    await lose(shop, "queue:meta")

    async with reader.http.post(f"{reader.url}/admin/api/audit/write-off", json={}) as answer:
        said = await answer.json()

    assert said == {"written_off": {"meta": {"missing": 1, "surplus": 0}}}
    assert (await read(reader))["balanced"] is True
    assert "1 missing 1 written off" in told(await reader.page("/destinations"))


async def test_a_destination_that_left_is_told_while_something_of_it_waits(shop: Shop, reader: Reader) -> None:
    await shop.keep(a_visit("page_view", "pv-1"))
    places = {name: place for name, place in shop.plan.destinations.items() if name != "meta"}
    shop.plan = replace(shop.plan, destinations=places)

    page = told(await reader.page("/destinations"))

    assert "meta Not in the configuration any more." in page
    assert "1 owed in the last 24 hours: 0 delivered, 0 skipped, 0 dead, 1 waiting now." in page


async def test_a_moment_that_cannot_be_read_is_refused(reader: Reader) -> None:
    status, body = await reader.get("/admin/api/audit?since=yesterday")

    assert (status, json.loads(body)["error"]) == (400, "since")


@pytest.mark.browser
async def test_the_alarm_comes_to_a_page_that_is_open(shop: Shop, reader: Reader, quiet_chromium: Browser) -> None:
    await shop.keep(a_visit("page_view", "pv-1"))
    page = await (await quiet_chromium.new_context(base_url=reader.url)).new_page()
    await page.goto("/destinations")
    await expect(page.get_by_text("Balanced")).to_have_count(4)
    await lose(shop, "queue:meta")

    await expect(page.get_by_role("alert")).to_contain_text("meta: 1 missing", timeout=20_000)
