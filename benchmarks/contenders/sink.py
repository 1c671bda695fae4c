"""Three platforms that confirm whatever they are sent, and count it. Usage: sink.py PORT.

`GET /count` tells how many events each has had. No check, no delay: the gateway's own work is what is measured.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter

import orjson
import uvloop
from aiohttp import web

_counts: Counter[str] = Counter()


async def meta(request: web.Request) -> web.Response:
    return _answer({"events_received": await _count(request, "meta", "data"), "fbtrace_id": "sink"})


async def google(request: web.Request) -> web.Response:
    await _count(request, "google", "events")
    return _answer({"requestId": "sink"})


async def tiktok(request: web.Request) -> web.Response:
    await _count(request, "tiktok", "data")
    return _answer({"code": 0, "message": "OK", "request_id": "sink"})


async def token(_: web.Request) -> web.Response:
    return _answer({"access_token": "sink", "expires_in": 3_600, "token_type": "Bearer"})


async def counted(_: web.Request) -> web.Response:
    return _answer(dict(_counts))


async def _count(request: web.Request, platform: str, key: str) -> int:
    number = len(orjson.loads(await request.read())[key])
    _counts[platform] += number
    return number


def _answer(body: object) -> web.Response:
    return web.Response(body=orjson.dumps(body), content_type="application/json")


async def serve(port: int) -> None:
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_post("/meta/{path:.*}", meta)
    app.router.add_post("/google/token", token)
    app.router.add_post("/google/{path:.*}", google)
    app.router.add_post("/tiktok/{path:.*}", tiktok)
    app.router.add_get("/count", counted)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        loop.run(serve(int(sys.argv[1])))
