from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiohttp import ClientSession, DummyCookieJar

from gateway.console.admin import Desk
from gateway.store.database import Database
from tests.fixtures.console import Shop, a_console_plan, served


class Reader:
    """Somebody with a client at the admin listener."""

    def __init__(self, url: str, http: ClientSession) -> None:
        self.url, self.http = url, http

    async def get(self, path: str, **more: Any) -> tuple[int, str]:
        async with self.http.get(f"{self.url}{path}", **more) as answer:
            return answer.status, await answer.text()

    async def page(self, path: str) -> str:
        status, body = await self.get(path)
        assert status == 200, body
        return body

    async def post(self, path: str, body: Any, **more: Any) -> int:
        async with self.http.post(f"{self.url}{path}", json=body, **more) as answer:
            await answer.read()
            return answer.status


Serve = Callable[..., Awaitable[Reader]]


@pytest.fixture
def shop(database: Database) -> Shop:
    return Shop(database, a_console_plan())


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Serve a desk for the length of the test."""
    async with AsyncExitStack() as stack:

        async def serve_(desk: Desk) -> Reader:
            url = await stack.enter_async_context(served(desk))
            return Reader(url, await stack.enter_async_context(ClientSession(cookie_jar=DummyCookieJar())))

        yield serve_


@pytest.fixture
async def reader(shop: Shop, serve: Serve) -> Reader:
    return await serve(shop.desk())
