from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientSession, DummyCookieJar, web

from gateway.core.site import Site
from gateway.web.front import Front
from gateway.web.lane import Lanes
from gateway.web.public import create_public_app, runner_options
from tests.web import parts
from tests.web.parts import CHROME, Gate, Open


@asynccontextmanager
async def _open(front: Front, lane: str) -> AsyncIterator[Gate]:
    async with AsyncExitStack() as stack:
        stack.push_async_callback(front.close)
        runner = web.AppRunner(create_public_app(front), **runner_options())
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        if lane == "front":
            assert runner.server is not None
            lanes = Lanes(front, runner.server)
            server = await asyncio.get_running_loop().create_server(lanes, "127.0.0.1", 0)
            stack.push_async_callback(lanes.close)
            stack.callback(server.close)
            sweeping = asyncio.get_running_loop().create_task(lanes.sweep())
            stack.callback(sweeping.cancel)
            port = server.sockets[0].getsockname()[1]
        else:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            port = runner.addresses[0][1]
        async with ClientSession(cookie_jar=DummyCookieJar(), headers={"User-Agent": CHROME}) as http:
            yield Gate(front, port, http)


@pytest.fixture(params=["front", "ordinary"])
def lane(request: pytest.FixtureRequest) -> str:
    """Whatever is promised at the door is promised by both lanes."""
    return str(request.param)


@pytest.fixture
async def open_gate(lane: str) -> AsyncIterator[Open]:
    async with AsyncExitStack() as stack:

        async def open_(*sites: Site, **server: Any) -> Gate:
            return await stack.enter_async_context(_open(parts.front(*sites, **server), lane))

        yield open_


@pytest.fixture
async def gate(open_gate: Open) -> Gate:
    return await open_gate()
