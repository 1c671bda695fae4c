"""Denied in whatever way, by two copies together, by the default, or late: nothing leaves, and nobody stays known."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from redis.asyncio import Redis

from tests.fixtures.gateway import GRANTED, RunningGateway, page_view, purchase, wait_until

CLICK, NAME = "Cj0KCQ_denied_click-AbCdEf", "fb.1.1795305600000.123456789012345678"
IDS = {"gclid": CLICK, "fbp": NAME}
DENIED = dict.fromkeys(GRANTED, "denied")
FOR_ADS, FOR_ANALYTICS = {**GRANTED, "analytics_storage": "denied"}, {**DENIED, "analytics_storage": "granted"}


class Listener:
    """An address that events are echoed to; `away` it takes none."""

    def __init__(self) -> None:
        self.url, self.away, self.calls = "", False, 0
        self.events: list[dict[str, Any]] = []

    async def take(self, request: web.Request) -> web.Response:
        self.calls += 1
        if self.away:
            return web.Response(status=503)
        self.events += (await request.json())["events"]
        return web.Response()

    def about(self, event_id: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event_id"] == event_id]


@pytest.fixture
async def listener(gateway: RunningGateway) -> AsyncIterator[Listener]:
    """One whom the gateway's `echo` tells everything, and `counted` what analytics may see."""
    served = Listener()
    app = web.Application()
    app.router.add_post("/{path:.*}", served.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    served.url = site.name
    place = {"adapter": "echo", "endpoint": served.url}
    gateway.config["destinations"] = {"echo": place, "counted": {**place, "consent": ["analytics_storage"]}}
    gateway.site["destinations"] = ["echo"]
    yield served
    await runner.cleanup()


async def ended(gateway: RunningGateway, event_id: str, outcome: str) -> bool:
    """Say whether every destination ends with this outcome."""

    async def look() -> bool:
        return set((await gateway.outcomes(event_id)).values()) == {outcome}

    return await wait_until(look)


async def stored(gateway: RunningGateway, *needles: str) -> list[str]:
    """Name the keys of the store in which one of these texts stands."""
    redis: Any = Redis.from_url(f"unix://{gateway.folder}/data/redis/redis.sock")
    found = []
    async with redis:
        async for key in redis.scan_iter("tw:*"):
            read = {b"string": redis.get, b"hash": redis.hgetall}.get(await redis.type(key))
            told = "" if read is None else repr(await read(key))
            if any(needle in told for needle in needles):
                found.append(key.decode())
    return found


def silent(event: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What a server tells that knows nothing of consent."""
    return {key: told for key, told in {**event, "ids": IDS, **more}.items() if key != "consent"}


@pytest.mark.parametrize("tell", [page_view, purchase])
async def test_a_server_copy_that_the_default_denies_leaves_a_veto(
    gateway: RunningGateway, listener: Listener, tell: Any
) -> None:
    await gateway.start()

    await gateway.server(silent(tell("alone")))

    assert await ended(gateway, "alone", "skipped:consent")
    assert listener.events == []
    assert await stored(gateway, CLICK, NAME) == []
    told = await gateway.ask("/admin/api/explain/alone")
    assert [copy.get("veto") for copy in told["copies"]] == [True]
    assert set(told["consent"]["by"].values()) == {"server_silent"}


@pytest.mark.parametrize("hold_s", [1, 0])
async def test_what_two_copies_deny_together_leaves_a_veto(
    gateway: RunningGateway, listener: Listener, hold_s: int
) -> None:
    gateway.site["merge"]["hold_s"] = hold_s
    listener.away = True
    await gateway.start()

    await gateway.beacon(purchase("both", consent=FOR_ANALYTICS))
    if not hold_s:
        assert await wait_until(lambda: listener.calls > 0)
    (result,) = await gateway.server(purchase("both", consent=FOR_ADS, ids=IDS))
    listener.away = False

    assert result["status"] == ("merged" if hold_s else "late")
    assert await ended(gateway, "both", "skipped:consent")
    assert listener.events == []
    assert await stored(gateway, CLICK, NAME, "digests") == []


async def test_a_late_denial_stops_the_legs_of_a_destination_that_needs_no_purpose(
    gateway: RunningGateway, listener: Listener
) -> None:
    listener.away = True
    await gateway.start()
    await gateway.beacon(page_view("late", user={"email": "jo@shop.example"}))
    assert await wait_until(lambda: listener.calls > 0)

    (result,) = await gateway.server(page_view("late", consent=DENIED))
    listener.away = False

    assert result["status"] == "late"
    assert await ended(gateway, "late", "skipped:consent")
    assert listener.events == []
    assert await stored(gateway, "test_gclid", "digests") == []


async def test_a_late_server_copy_that_is_silent_stops_nothing(gateway: RunningGateway, listener: Listener) -> None:
    listener.away = True
    gateway.site["destinations"] = ["echo", "counted"]
    await gateway.start()
    await gateway.beacon(page_view("late"))
    assert await wait_until(lambda: listener.calls > 1)

    (result,) = await gateway.server(silent(page_view("late")))
    listener.away = False

    assert result["status"] == "late"
    assert await ended(gateway, "late", "delivered")
    assert len(listener.about("late")) == 2
    told = await gateway.ask("/admin/api/explain/late")
    assert [copy.get("veto") for copy in told["copies"]] == [None, None]


async def test_identifiers_whose_purpose_the_other_copy_denied_stay_behind(
    gateway: RunningGateway, listener: Listener
) -> None:
    gateway.site["destinations"] = ["echo", "counted"]
    await gateway.start()
    named = {**IDS, "ga_client_id": "1.2"}

    await asyncio.gather(
        gateway.beacon(purchase("ads", consent=FOR_ANALYTICS)),
        gateway.beacon(purchase("ga", consent=FOR_ADS)),
        gateway.server(*[silent(purchase(order), ids=named) for order in ("ads", "ga")]),
    )

    assert await wait_until(lambda: len(listener.about("ads")) == 2 and listener.about("ga"))
    assert [event["ids"] for event in listener.about("ads")] == [{"ga_client_id": "1.2"}] * 2
    assert [event["ids"] for event in listener.about("ga")] == [IDS]
