"""The live stream: it goes on where a reader stopped, shows what the view wants, and lets go of who left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from aiohttp import ClientSession, web
from aiohttp.typedefs import Handler

from gateway.console.admin import create_admin_app
from tests.console.conftest import Reader
from tests.fixtures.console import Shop, a_visit
from tests.fixtures.gateway import wait_until


async def _ids(reader: Reader, path: str, count: int, headers: dict[str, str] | None = None) -> list[str]:
    """Read so many entries of a stream; returns the event ids in them."""
    found: list[str] = []
    async with asyncio.timeout(20), reader.http.get(reader.url + path, headers=headers) as answer:
        async for line in answer.content:
            found += [word for word in ("pv-1", "pv-2", "pv-3") if f">{word}<".encode() in line]
            if len(found) >= count:
                break
    return found


async def test_a_stream_shows_what_comes_after_the_page_was_made(shop: Shop, reader: Reader) -> None:
    await shop.keep(a_visit("page_view", "pv-1"))
    seen = (await shop.ledger.recent(1))[0]["id"]
    await shop.keep(a_visit("page_view", "pv-2"), a_visit("page_view", "pv-3"))

    assert await _ids(reader, f"/live/stream?after={seen}", 2) == ["pv-2", "pv-3"]


async def test_a_reader_who_comes_back_misses_nothing(shop: Shop, reader: Reader) -> None:
    await shop.keep(a_visit("page_view", "pv-1"))
    seen = (await shop.ledger.recent(1))[0]["id"]
    await shop.keep(a_visit("page_view", "pv-2"))

    assert await _ids(reader, "/live/stream?after=0-0", 1, {"Last-Event-ID": seen}) == ["pv-2"]


async def test_a_stream_is_filtered_like_the_page(shop: Shop, reader: Reader) -> None:
    await shop.keep(a_visit("page_view", "pv-1"), a_visit("search", "pv-2"))

    assert await _ids(reader, "/live/stream?after=0-0&event=search", 1) == ["pv-2"]


async def test_a_foreign_entry_name_begins_at_now(shop: Shop, reader: Reader) -> None:
    await shop.keep(a_visit("page_view", "pv-1"))

    async def later() -> None:
        await asyncio.sleep(0)
        await shop.keep(a_visit("page_view", "pv-2"))

    async with asyncio.timeout(20), reader.http.get(f"{reader.url}/live/stream?after=%28x") as answer:
        await later()
        async for line in answer.content:
            assert b">pv-1<" not in line
            if b">pv-2<" in line:
                break


async def test_the_api_stream_tells_history_first(shop: Shop, reader: Reader) -> None:
    await shop.keep(a_visit("page_view", "pv-1"), a_visit("page_view", "pv-2"))
    lines: list[bytes] = []

    async with asyncio.timeout(20), reader.http.get(f"{reader.url}/admin/api/live?history=1") as answer:
        async for line in answer.content:
            lines.append(line)
            if b"pv-2" in line:
                break

    assert not any(b"pv-1" in line for line in lines)


async def _opened(shop: Shop, ended: list[str]) -> AsyncIterator[tuple[web.AppRunner, str]]:
    @web.middleware
    async def note(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        finally:
            ended.append(request.path)

    app = create_admin_app(shop.desk())
    app.middlewares.append(note)
    runner = web.AppRunner(app, shutdown_timeout=60)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner, f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_a_reader_who_leaves_a_quiet_stream_is_let_go(shop: Shop) -> None:
    ended: list[str] = []
    async for _, url in _opened(shop, ended):
        async with ClientSession() as http, http.get(f"{url}/live/stream"):
            assert ended == []

        assert await wait_until(lambda: ended == ["/live/stream"])


async def test_a_listener_that_closes_ends_its_streams_itself(shop: Shop) -> None:
    ended: list[str] = []
    async for runner, url in _opened(shop, ended):
        async with ClientSession() as http, http.get(f"{url}/live/stream") as answer:
            async with asyncio.timeout(20):  # the runner itself would wait a minute
                await runner.cleanup()
                await answer.read()

    assert ended == ["/live/stream"]
