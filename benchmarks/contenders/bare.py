"""A route of aiohttp that does nothing: what our web library costs before we begin. Usage: bare.py PORT."""

from __future__ import annotations

import asyncio
import sys

import uvloop
from aiohttp import web

from gateway.web.reply import GIF


async def image(_: web.Request) -> web.Response:
    return web.Response(body=GIF, content_type="image/gif", headers={"Cache-Control": "no-store"})


async def events(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(status=204)


async def serve(port: int) -> None:
    app = web.Application()
    app.router.add_get("/i", image)
    app.router.add_post("/e", events)
    app.router.add_post("/g/collect", events)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        loop.run(serve(int(sys.argv[1])))
