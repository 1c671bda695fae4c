from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientSession, DummyCookieJar, web

from gateway.core.site import Site
from gateway.web.front import Front
from gateway.web.public import create_public_app, runner_options
from tests.web import parts
from tests.web.parts import CHROME, Gate, Open


@asynccontextmanager
async def _open(front: Front) -> AsyncIterator[Gate]:
    runner = web.AppRunner(create_public_app(front), **runner_options())
    await runner.setup()
    try:
        listener = web.TCPSite(runner, "127.0.0.1", 0)
        await listener.start()
        port = runner.addresses[0][1]
        async with ClientSession(cookie_jar=DummyCookieJar(), headers={"User-Agent": CHROME}) as http:
            yield Gate(front, port, http)
    finally:
        await runner.cleanup()


@pytest.fixture
async def open_gate() -> AsyncIterator[Open]:
    async with AsyncExitStack() as stack:

        async def open_(*sites: Site, **server: Any) -> Gate:
            return await stack.enter_async_context(_open(parts.front(*sites, **server)))

        yield open_


@pytest.fixture
async def gate(open_gate: Open) -> Gate:
    return await open_gate()
