"""A vendor's script from the shop's own host, through the whole gateway: asked once, reloaded, counted, and no hang."""

from __future__ import annotations

import asyncio
import json
import signal
from typing import Any

import aiohttp
import pytest

from tests.fixtures.gateway import RunningGateway, page_view, wait_until
from tests.web.vendor import SCRIPT, Vendor, said, vending

PATH = "/lib/a.js"


def route(vendor: Vendor, path: str = PATH, **query: list[str]) -> dict[str, Any]:
    return {"path": path, "upstream": vendor.url(), "query": query}


async def script(gateway: RunningGateway, target: str) -> tuple[int, bytes]:
    headers = {"Cookie": "_tw_id=1.AAAAAAAAAAAAAAAAAAAAAA.1795305600", "Referer": "https://shop.example/cart"}
    async with gateway.http.get(gateway.url(target), headers=headers) as answer:
        return answer.status, await answer.read()


async def counted(gateway: RunningGateway) -> dict[str, float]:
    text = await gateway.ask("/metrics")
    rows = [line for line in text.splitlines() if line.startswith("tagway_proxy_total{")]
    return {row.partition('outcome="')[2].partition('"')[0]: float(row.rpartition(" ")[2]) for row in rows}


async def test_a_vendors_script_is_the_shops_own(gateway: RunningGateway) -> None:
    async with vending(said(Set_Cookie="theirs=1", Cache_Control="max-age=900")) as vendor:
        gateway.site["proxy"] = [route(vendor, id=["G-ABC123"])]
        await gateway.start()

        assert [await script(gateway, f"{PATH}?id=G-ABC123&fbclid=jo") for _ in range(3)] == [(200, SCRIPT)] * 3
        assert await script(gateway, f"{PATH}?id=G-OTHER") == (404, b"id: no value that passes here\n")

        assert vendor.targets == ["/gtag/js?id=G-ABC123"]
        assert not {"cookie", "referer", "origin", "x-forwarded-for"} & set(vendor.lines())
        assert await counted(gateway) == {"fetched": 1, "fresh": 2, "refused": 1}
        assert gateway.written("fbclid=jo") == []


async def test_a_reload_changes_routes_and_keeps_scripts(gateway: RunningGateway) -> None:
    async with vending(said(Cache_Control="max-age=900")) as vendor:
        await gateway.start()
        assert (await script(gateway, PATH))[0] == 404

        for routes in ([route(vendor)], [route(vendor), route(vendor, "/lib/b.js")]):
            gateway.site["proxy"] = routes
            (gateway.folder / "gateway.yaml").write_text(json.dumps(gateway.config))
            assert gateway.process is not None
            gateway.process.send_signal(signal.SIGHUP)

            async def is_there(path: str = routes[-1]["path"]) -> bool:
                return await script(gateway, path) == (200, SCRIPT)

            assert await wait_until(is_there)

        assert await script(gateway, PATH) == (200, SCRIPT)
        assert len(vendor.heads) == 1


@pytest.mark.slow
async def test_a_vendor_that_hangs_holds_up_neither_hits_nor_the_end(gateway: RunningGateway) -> None:
    async with vending() as vendor:
        vendor.held.clear()
        gateway.site["proxy"] = [route(vendor)]
        await gateway.start()

        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(left_waiting(gateway))
            assert await wait_until(lambda: vendor.heads)
            assert (await gateway.beacon(page_view("while-it-hangs"))).status == 204
            assert not waiting.done()
            assert await gateway.stop() == 0

        assert waiting.result() in (None, (504, b"the script was not there in time (timeout)\n"))
        assert "gateway.stopped_hard" not in gateway.log()


async def left_waiting(gateway: RunningGateway) -> tuple[int, bytes] | None:
    """Ask for a script that does not come; None where the gateway ended first."""
    try:
        return await script(gateway, PATH)
    except aiohttp.ClientError:
        return None
