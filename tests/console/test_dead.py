"""Dead letters and refusals as a program at the admin API sees them."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any

import pytest

from gateway.core.outcome import Dead, dead
from gateway.store.outcomes import Fate
from tests.console.conftest import Reader
from tests.fixtures.console import Shop, a_visit, now_ms


async def refuse(shop: Shop, count: int, *places: str) -> None:
    await shop.keep(*(a_visit("search", f"se-{number}") for number in range(count)))
    for place in places:
        await shop.deliver(place, Fate(outcome=dead(Dead.REJECTED), reason="100", attempts=1, at_ms=now_ms()))


async def listed(reader: Reader, query: str = "") -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = json.loads(await reader.page(f"/admin/api/dead{query}"))
    return told


async def settled(reader: Reader, deed: str, wish: Any) -> dict[str, Any]:
    async with reader.http.post(f"{reader.url}/admin/api/dead/{deed}", json=wish) as answer:
        assert answer.status == 200, await answer.text()
        told: dict[str, Any] = await answer.json()
        return told


async def test_a_list_goes_on_before_its_last_letter(shop: Shop, reader: Reader) -> None:
    await refuse(shop, 5, "meta", "tiktok")
    whole = await listed(reader)
    last = "{at}/{destination}/{id}".format(**whole[5])

    assert len(whole) == 10
    assert await listed(reader, "?limit=6") == whole[:6]
    assert await listed(reader, f"?limit=1000&before={last}") == whole[6:]
    assert await listed(reader, "?destination=meta") == [row for row in whole if row["destination"] == "meta"]


async def test_one_is_found_by_its_event(shop: Shop, reader: Reader) -> None:
    await refuse(shop, 3, "meta", "tiktok")

    found = await listed(reader, "?event_id=se-1")

    assert sorted((row["destination"], row["event_id"]) for row in found) == [("meta", "se-1"), ("tiktok", "se-1")]
    (letter,) = await listed(reader, f"?event_id={found[0]['id']}&destination=meta")
    assert letter["destination"] == "meta"
    assert await listed(reader, "?event_id=se-9") == await listed(reader, "?event_id=%FF") == []


@pytest.mark.parametrize(("query", "error"), [("limit=0", "limit"), ("limit=1001", "limit"), ("before=x", "before")])
async def test_what_cannot_be_read_is_refused(reader: Reader, query: str, error: str) -> None:
    status, body = await reader.get(f"/admin/api/dead?{query}")

    assert (status, json.loads(body)["error"]) == (400, error)


async def test_ids_are_looked_for_in_every_destination(shop: Shop, reader: Reader) -> None:
    await refuse(shop, 2, "meta", "tiktok")
    first, second = (row["id"] for row in await listed(reader, "?destination=meta"))

    told = await settled(reader, "replay", {"ids": [first, "f" * 32]})
    dropped = await settled(reader, "drop", {"ids": [second]})

    assert told["revived"] == 2
    assert told["results"] == [
        {"id": first, "destination": "meta", "result": "revived"},
        {"id": first, "destination": "tiktok", "result": "revived"},
        {"id": "f" * 32, "destination": None, "result": "gone"},
    ]
    assert dropped["dropped"] == 2
    assert await listed(reader) == []


async def test_all_are_done_in_turns(shop: Shop, reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.console.admin._MOST_REPLAYED", 2)
    await refuse(shop, 3, "meta")

    first = await settled(reader, "drop", {"destination": "meta", "all": True})
    second = await settled(reader, "drop", {"destination": "meta", "all": True, "before": first["next"]})

    assert (first["dropped"], second["dropped"], "next" in second) == (2, 1, False)


@pytest.mark.parametrize("wish", [{"all": True}, {"ids": "x"}, {"ids": [], "destination": 1}, [], {"ids": [1]}])
async def test_a_wish_that_says_too_little_is_refused(reader: Reader, wish: Any) -> None:
    assert await reader.post("/admin/api/dead/replay", wish) == 400


async def test_refusals_are_json(reader: Reader) -> None:
    answers = {
        ("GET", "/admin/api/nothing"): (404, "path"),
        ("PUT", "/admin/api/dead"): (405, "method"),
        ("DELETE", "/admin/api/destinations"): (405, "method"),
        ("GET", "/admin/api/dead/replay"): (405, "method"),
        ("POST", "/admin/api/nothing"): (404, "path"),
        ("POST", "/admin/api/dead/replay"): (415, "content_type"),
    }
    for (method, path), wanted in answers.items():
        async with reader.http.request(method, reader.url + path, data=b"x") as answer:
            told = await answer.json()
            assert (answer.status, told["error"]) == wanted, (method, path)
            assert ("Allow" in answer.headers) == (answer.status == 405)
    headers = {"Content-Type": "application/json"}
    body = io.BytesIO(b" " * (1 << 21))
    async with reader.http.post(f"{reader.url}/admin/api/dead/replay", data=body, headers=headers) as answer:
        assert (answer.status, (await answer.json())["error"]) == (413, "too_large")


async def test_a_destination_that_left_is_on_every_page_while_it_has_dead_letters(shop: Shop, reader: Reader) -> None:
    await shop.ledger.keep_house()
    await refuse(shop, 2, "meta")
    places = {name: place for name, place in shop.plan.destinations.items() if name != "meta"}
    sites = {name: replace(site, destinations=tuple(places)) for name, site in shop.plan.sites.items()}
    shop.plan = replace(shop.plan, sites=sites, destinations=places)

    page = await reader.page("/destinations")

    assert "2 dead letters, which cannot be replayed until then" in page
    assert (await reader.get("/destinations/meta"))[0] == 404
    rows = {row["destination"]: row for row in json.loads(await reader.page("/admin/api/destinations"))}
    assert (rows["meta"]["state"], rows["meta"]["dead"]) == ("gone", 2)
    assert 'tagway_dead_letters{destination="meta"} 2.0' in await reader.page("/metrics")
    assert len(await listed(reader)) == 2
    await settled(reader, "drop", {"destination": "meta", "all": True})
    assert 'destination="meta"' not in "".join(
        line for line in (await reader.page("/metrics")).splitlines() if line.startswith("tagway_dead_letters")
    )
