"""benchmarks/contenders/walkeros: its hits reach the platform in Meta's shape, each alone, where consent allows."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from benchmarks import contenders, tools
from benchmarks.requests import MARK, beacon, pixel

PACKAGES = tools.FOLDER / "walkeros" / "node_modules"
WITHIN_S = 10

pytestmark = pytest.mark.skipif(
    shutil.which("node") is None or not (PACKAGES / "@walkeros" / "collector").exists(),
    reason="no node, or no walkerOS beside it: `make bench` fetches it",
)


class Platform:
    """Takes what it is sent, and keeps it. `open`: it confirms only while this is set.

    `waited_for`: whether who sent it was still there to hear that, event by event.
    """

    def __init__(self) -> None:
        self.had: asyncio.Queue[Any] = asyncio.Queue()
        self.waited_for: asyncio.Queue[bool] = asyncio.Queue()
        self.open = asyncio.Event()
        self.open.set()

    async def take(self, request: web.Request) -> web.Response:
        self.had.put_nowait(await request.json())
        await self.open.wait()
        self.waited_for.put_nowait(request.transport is not None)
        return web.json_response({"events_received": 1})

    async def next(self) -> Any:
        async with asyncio.timeout(WITHIN_S):
            return await self.had.get()

    async def is_waited_for(self) -> bool:
        async with asyncio.timeout(WITHIN_S):
            return await self.waited_for.get()


@pytest.fixture
async def served() -> AsyncIterator[tuple[Platform, int]]:
    platform = Platform()
    app = web.Application()
    app.router.add_post("/meta/events", platform.take)
    async with TestServer(app) as server:
        assert server.port is not None
        yield platform, server.port


@pytest.fixture
def platform(served: tuple[Platform, int]) -> Platform:
    return served[0]


@pytest.fixture
def port(served: tuple[Platform, int], tmp_path: Path) -> Iterator[int]:
    shutil.copy(tools.CONTENDERS / "walkeros" / "server.js", tmp_path)
    (tmp_path / "node_modules").symlink_to(PACKAGES)
    with contenders.walkeros(tmp_path, served[1], tmp_path) as contender:
        yield contender.port


async def ask(port: int, template: str) -> bytes:
    """Send a hit and return the first line of its answer."""
    async with asyncio.timeout(WITHIN_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(template.replace(MARK, "00000007").encode())
        line = await reader.readline()
        writer.close()
        return line


async def test_a_pixel_hit_arrives_in_metas_shape(platform: Platform, port: int) -> None:
    answered = await ask(port, pixel())

    told = platform.had.get_nowait()  # it has arrived before it was answered
    (event,) = told["data"]

    assert answered.startswith(b"HTTP/1.1 200")
    assert ("PageView", "e-00000007", 1_795_305_600) == (event["event_name"], event["event_id"], event["event_time"])
    assert {"value": 49.9, "currency": "EUR", "search_string": "running shoes"} == event["custom_data"]
    assert "https://www.facebook.com/" == event["referrer_url"]
    user = event["user_data"]
    assert sha256(b"1.kZ4uBq0yT1m8o2XfVhPz1A.1790000000").hexdigest() == user["external_id"]
    assert user["fbc"].endswith(".IwAR100000007aEXAMPLEofAClickId0123")
    assert {"client_ip_address", "client_user_agent", "fbp"} < user.keys()


async def test_a_beacon_is_answered_before_it_is_delivered(platform: Platform, port: int) -> None:
    platform.open.clear()

    answered = await ask(port, beacon())
    (event,) = (await platform.next())["data"]
    platform.open.set()

    assert answered.startswith(b"HTTP/1.1 200")
    assert await platform.is_waited_for()  # the delivery was still under way, and had not been given up
    assert [{"id": "SKU1", "item_price": 49.9, "quantity": 1}] == event["custom_data"]["contents"]


async def test_an_address_is_sent_as_its_digest(platform: Platform, port: int) -> None:
    head, body = beacon().split("\r\n\r\n")
    said = {**orjson.loads(body), "user": {"email": "jo@shop.example"}}
    body = orjson.dumps(said).decode().replace(MARK, "00000007")
    lines = [line for line in head.split("\r\n") if not line.startswith("Content-Length")]

    await ask(port, "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body]))
    (event,) = (await platform.next())["data"]

    assert sha256(b"jo@shop.example").hexdigest() == event["user_data"]["em"]


async def test_nothing_leaves_without_consent(platform: Platform, port: int) -> None:
    await ask(port, pixel(**{"consent.ad_user_data": "denied"}))
    await ask(port, pixel())

    assert 1 == platform.had.qsize()
