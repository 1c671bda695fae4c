"""A site that carries the tag, and a gateway's paths that write down what they are told."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from playwright.async_api import Page

from gateway.tag import Rules, script
from tests.fixtures.gateway import wait_until

QUEUE = "window.tagway=window.tagway||function(){(tagway.q=tagway.q||[]).push(arguments)};"
TAG = '<script async src="/t.js"></script>'
GTAG = "window.dataLayer=window.dataLayer||[];function gtag(){dataLayer.push(arguments)};"
DENY = (
    "gtag('consent','default',{ad_storage:'denied',ad_user_data:'denied',ad_personalization:'denied',"
    "analytics_storage:'denied'%s});"
)


@dataclass
class Heard:
    """`requests`: the events of each request, in order. `pictures`: the queries of images."""

    url: str = ""
    head: str = ""
    requests: list[list[dict[str, Any]]] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    pictures: list[dict[str, str]] = field(default_factory=list)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for request in self.requests for event in request]

    @property
    def names(self) -> list[str]:
        return [event["event"] for event in self.events]

    async def has(self, *names: str) -> bool:
        """Wait until these events have come, and no other: what came more than once would be seen a moment later."""
        return await wait_until(lambda: self.names == list(names), 10)

    async def of(self, name: str) -> dict[str, Any]:
        assert await wait_until(lambda: name in self.names, 10), self.names
        return next(event for event in self.events if event["event"] == name)


@asynccontextmanager
async def listening() -> AsyncIterator[Heard]:
    heard = Heard()

    async def events(request: web.Request) -> web.Response:
        heard.requests.append(json.loads(await request.text())["events"])
        heard.kinds.append(request.content_type)
        return web.Response(status=204)

    async def image(request: web.Request) -> web.Response:
        heard.pictures.append(dict(request.query))
        return web.Response(status=204)

    async def tag(_: web.Request) -> web.Response:
        rules = Rules.of("/t.js", "/t.js", events="/e", image="/i")
        return web.Response(body=script(rules), content_type="text/javascript")

    async def page(request: web.Request) -> web.Response:
        head = f'<title>{request.path}</title><link rel="icon" href="data:,">{heard.head}'
        return web.Response(
            text=f"<!doctype html><html><head>{head}</head><body></body></html>", content_type="text/html"
        )

    app = web.Application()
    app.router.add_post("/e", events)
    app.router.add_get("/i", image)
    app.router.add_get("/t.js", tag)
    app.router.add_get("/{path:.*}", page)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        heard.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield heard
    finally:
        await runner.cleanup()


async def settled(page: Page) -> None:
    """Let everything that the page has planned for the next moment happen: a marker goes the same way, last."""
    await page.evaluate("() => new Promise(done => setTimeout(done, 150))")
