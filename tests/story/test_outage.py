"""Redis is killed, hung and rolled back under a whole gateway; what visitors were told was kept arrives, once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.fixtures.gateway import RunningGateway, page_view, purchase, wait_until
from tests.fixtures.server import Server

ACKNOWLEDGED = {"accepted", "merged", "duplicate"}


class Visitors:
    """People who come one behind the other, and remember what they were told."""

    def __init__(self, gateway: RunningGateway) -> None:
        self._gateway = gateway
        self.told: list[str] = []
        self.slowest_s = 0.0
        self._count = 0

    @asynccontextmanager
    async def coming(self, at_once: int = 4) -> AsyncIterator[None]:
        tasks = [asyncio.get_running_loop().create_task(self._walk()) for _ in range(at_once)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _walk(self) -> None:
        while True:
            self._count += 1
            await self.visit(f"view-{self._count}")
            await asyncio.sleep(0.005)

    async def visit(self, event_id: str) -> None:
        began = time.monotonic()
        try:
            answer = await self._gateway.beacon(page_view(event_id))
        except aiohttp.ClientError:
            return  # nobody told them anything
        self.slowest_s = max(self.slowest_s, time.monotonic() - began)
        if answer.headers.get("X-Tagway") in ACKNOWLEDGED:
            self.told.append(event_id)

    async def have_said(self, count: int) -> bool:
        """Wait for so many acknowledgements from now on."""
        wanted = len(self.told) + count
        return await wait_until(lambda: len(self.told) >= wanted)


def arrived(gateway: RunningGateway) -> list[str]:
    return [str(event["event_id"]) for event in gateway.sandbox.events("meta")]


async def all_arrive(gateway: RunningGateway, visitors: Visitors) -> None:
    """Wait until every acknowledged visit is at the platform; the platform counts an id once."""
    assert await wait_until(lambda: set(visitors.told) <= set(arrived(gateway)), 30), (
        f"{len(set(visitors.told) - set(arrived(gateway)))} lost\n{gateway.log()[-2_000:]}"
    )


async def metric(gateway: RunningGateway, name: str) -> float:
    lines = (await gateway.ask("/metrics")).splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


@pytest.fixture
async def outside(gateway: RunningGateway, server: Server) -> Server:
    """The gateway's Redis is not its own but one that can be tormented."""
    gateway.config["store"]["redis"] = server.url
    await server.started()
    return server


async def test_visits_survive_a_redis_that_is_killed(gateway: RunningGateway, outside: Server) -> None:
    await gateway.start()
    visitors = Visitors(gateway)

    async with visitors.coming():
        assert await visitors.have_said(50)
        outside.kill()
        assert await visitors.have_said(100)
        ready = await gateway.ask("/readyz")
        await outside.started()
        assert await visitors.have_said(50)

    assert (ready["ready"], ready["degraded"]) == (True, "spooling")
    await all_arrive(gateway, visitors)
    assert [event["repeats"] for event in gateway.sandbox.events("meta") if event["repeats"]] == []
    assert await metric(gateway, "tagway_replayed_total") >= 100
    assert await metric(gateway, "tagway_spool_copies") == 0


async def test_visits_survive_a_redis_that_hangs(gateway: RunningGateway, outside: Server) -> None:
    await gateway.start()
    visitors = Visitors(gateway)

    async with visitors.coming():
        assert await visitors.have_said(50)
        outside.hang()
        assert await visitors.have_said(200)
        outside.wake()
        assert await visitors.have_said(50)

    await all_arrive(gateway, visitors)
    assert await metric(gateway, "tagway_spool_copies") == 0


async def test_twins_of_an_outage_become_one_event(gateway: RunningGateway, outside: Server) -> None:
    await gateway.start()
    await gateway.server(purchase("ord-1", value=60.0))
    outside.kill()
    await gateway.beacon(purchase("ord-1", value=10.0))
    await gateway.beacon(purchase("ord-2", value=10.0))
    (result,) = await gateway.server(purchase("ord-2", value=60.0))
    assert result["status"] == "accepted"
    assert ("ord-2", "00000001.seg") in gateway.written("ord-2")
    assert gateway.written("jo@shop.example", "shop-api-key") == []  # and nobody's name is

    await outside.started()

    assert await wait_until(lambda: len(gateway.sandbox.events("meta")) == 2, 30), gateway.log()[-2_000:]
    sent: list[Any] = [event["payload"] for event in gateway.sandbox.events("meta")]
    assert {body["event_id"]: body["custom_data"]["value"] for body in sent} == {"ord-1": 60.0, "ord-2": 60.0}
    told = await gateway.ask("/admin/api/explain/ord-2")
    assert sorted(copy["wire"] for copy in told["copies"]) == ["browser", "server"]


async def test_a_journal_outlives_a_redis_that_syncs_every_second_and_loses_it(
    gateway: RunningGateway, outside: Server
) -> None:
    outside.kill()
    outside.options["appendfsync"] = "everysec"
    await outside.started()
    await gateway.start()
    assert (await gateway.ask("/readyz"))["durability"] == "journal"
    visitors = Visitors(gateway)

    async with visitors.coming():
        for _ in range(2):
            assert await visitors.have_said(60)
            outside.kill()
            cut_tail(outside.folder, 20_000)
            await outside.started()
        assert await visitors.have_said(20)

    await all_arrive(gateway, visitors)
    assert await metric(gateway, "tagway_replayed_total") > 0


def cut_tail(folder: Path, size_bytes: int) -> None:
    """Take away what a power cut would: the end of the append-only file."""
    (file,) = folder.rglob("*.incr.aof")
    with file.open("r+b") as opened:
        opened.truncate(max(0, file.stat().st_size - size_bytes))


async def test_a_gateway_killed_in_an_outage_leaves_its_spool_to_the_next(
    gateway: RunningGateway, outside: Server
) -> None:
    await gateway.start()
    visitors = Visitors(gateway)
    outside.kill()
    async with visitors.coming():
        assert await visitors.have_said(60)
        gateway.kill()

    await gateway.start()  # without Redis still
    await outside.started()

    await all_arrive(gateway, visitors)
    assert "spool.adopted" in gateway.log()


async def test_sigterm_ends_in_time_while_redis_hangs(gateway: RunningGateway, outside: Server) -> None:
    await gateway.start()
    visitors = Visitors(gateway)
    async with visitors.coming():
        assert await visitors.have_said(20)
        outside.hang()
        assert await visitors.have_said(60)

    began = time.monotonic()
    assert await gateway.stop() == 0

    assert time.monotonic() - began < 25
    assert "stopped_hard" not in gateway.log()
    outside.wake()
    await gateway.start()
    await all_arrive(gateway, visitors)
