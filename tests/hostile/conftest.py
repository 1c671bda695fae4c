"""The lanes that take requests, each on a port of its own with a store in memory behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Final

import pytest
from aiohttp import web

from gateway.core.event import Event
from gateway.web.front import Front
from gateway.web.lane import Lanes
from gateway.web.public import create_public_app, runner_options
from tests.web import parts
from tests.web.parts import Shelf


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    host: str
    port: int
    front: Front

    @property
    def kept(self) -> list[str]:
        """The names of the events that were kept."""
        assert isinstance(self.front.keeper, Shelf)
        return [copy.name for copy in self.front.keeper.copies if isinstance(copy, Event)]


@asynccontextmanager
async def _aiohttp(front: Front) -> AsyncIterator[Lane]:
    runner = web.AppRunner(create_public_app(front), **runner_options())
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield Lane(host="127.0.0.1", port=runner.addresses[0][1], front=front)
    finally:
        await runner.cleanup()


@asynccontextmanager
async def _front(front: Front) -> AsyncIterator[Lane]:
    runner = web.AppRunner(create_public_app(front), **runner_options())
    await runner.setup()
    assert runner.server is not None
    lanes = Lanes(front, runner.server)
    server = await asyncio.get_running_loop().create_server(lanes, "127.0.0.1", 0)
    async with asyncio.TaskGroup() as group:
        sweep = group.create_task(lanes.sweep())
        try:
            yield Lane(host="127.0.0.1", port=server.sockets[0].getsockname()[1], front=front)
        finally:
            sweep.cancel()
            server.close()
            await lanes.close()
            await runner.cleanup()


LANES: Final[Mapping[str, Callable[[Front], AbstractAsyncContextManager[Lane]]]] = {
    "aiohttp": _aiohttp,
    "front": _front,
}
"""A further way in is one more row: the whole corpus is played to it."""


@pytest.fixture(params=LANES)
async def lane(request: pytest.FixtureRequest) -> AsyncIterator[Lane]:
    async with LANES[request.param](parts.front()) as opened:
        yield opened
