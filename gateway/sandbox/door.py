"""Where calls to a platform come in: read, judge, let the script interfere, book, answer.

Never enters: a rule of any platform.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final
from urllib.parse import parse_qsl

import orjson
from aiohttp import web

from gateway.sandbox.call import Asked, Catalogued, Platform, Route, Ruled
from gateway.sandbox.faults import Fault
from gateway.sandbox.state import Memory

Clock = Callable[[], float]
MAX_BODY_BYTES: Final = 32 * 1024 * 1024
TRAP: Final = "/_sandbox/trap"
_GARBAGE: Final = b"<!doctype html><title>Oops</title><p>Something in between answered instead."
# A minute of blanks, ten a second: longer than any client's patience, shorter than a test run.
_DRIP_S: Final = 0.1
_MAX_DRIPS: Final = 600
# Linger on, for no time at all: closing sends a reset instead of an orderly end.
_RESET_OPTION: Final = struct.pack("ii", 1, 0)


class Door:
    """Serve one platform below its prefix."""

    def __init__(self, platform: Platform, memory: Memory, clock: Clock) -> None:
        self.platform = platform
        self.places = tuple(route.at for route in platform.routes())
        self.errors = platform.errors() if isinstance(platform, Catalogued) else ()
        self._memory = memory
        self._book = memory.books[platform.name]
        self._clock = clock

    def mount(self, app: web.Application) -> None:
        """Add the platform's paths, and an answer to every other path below its prefix."""
        prefix = f"/{self.platform.name}"
        for route in self.platform.routes():
            app.router.add_route(route.method, prefix + route.path, self._handler(route))
        lost = Route(method="*", path="", at="lost", judge=self.platform.lost)
        app.router.add_route("*", prefix + "/{tail:.*}", self._handler(lost))

    def _handler(self, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def serve(request: web.Request) -> web.StreamResponse:
            asked = await read(request, self._clock())
            ruled = route.judge(asked)
            self._memory.blame(self.platform.name, asked, ruled.findings)
            ids = frozenset(one.event_id for one in ruled.accepted if one.event_id is not None)
            fault = self._book.script.turn(route.at, ids)
            if fault is not None and fault.delay_s:
                # A platform goes on working for a client that hung up: what it had judged good it keeps.
                await asyncio.sleep(fault.delay_s)
            return await self._serve(request, route, asked, ruled, fault)

        return serve

    async def _serve(
        self, request: web.Request, route: Route, asked: Asked, ruled: Ruled, fault: Fault | None
    ) -> web.StreamResponse:
        given, status, repeats = self._bent(ruled, route.at, fault), None, 0
        cut = fault is not None and fault.act in ("reset", "applied_then_reset")
        if given is ruled or (fault is not None and fault.act in ("partial", "applied_then_reset")):
            repeats = self._book.take(given.accepted, asked.at_s)
            if given.after is not None:
                given.after()
        if not cut:
            status = given.status
        said = None if fault is None else fault.said()
        self._book.note(asked, given, place=route.at, status=status, fault=said, repeats=repeats)
        if cut:
            return _cut(request)
        if fault is not None and fault.act == "endless":
            return await _drip(request)
        return _answer(given, fault)

    def _bent(self, ruled: Ruled, at: str, fault: Fault | None) -> Ruled:
        """Give the answer that the script makes of the platform's own; the same object where it leaves it alone."""
        platform = self.platform
        match None if fault is None else fault.act:
            case "status":
                bent = platform.failed(_status(fault), at)
            case "throttle":
                bent = platform.throttled()
            case "token":
                bent = platform.expired(at)
            case "refuse_id":
                bent = platform.refused()
            case "error" if fault is not None and isinstance(platform, Catalogued):
                bent = platform.error(str(fault.value), fault.row)
            case "partial":
                return (platform.partial(ruled) if ruled.accepted else None) or ruled
            case "garbage" | "endless" | "reset" as act:
                bent = Ruled(status=200, body=None, code=act)
            case "redirect":
                bent = Ruled(status=307, body=None, code="redirect", headers={"Location": f"{TRAP}/{platform.name}"})
            case _:
                return ruled
        return replace(bent, count=ruled.count, findings=ruled.findings, accepted=(), after=None)


def _status(fault: Fault | None) -> int:
    return fault.value if fault is not None and isinstance(fault.value, int) else 500


async def read(request: web.Request, now_s: float) -> Asked:
    """Read a request whole, its body decoded by what it says it is."""
    raw = await request.read()
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    body: object = None
    unreadable: str | None = None
    if kind == "application/x-www-form-urlencoded":
        body = dict(parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True))
    elif raw and kind != "application/json":
        unreadable = "Content-Type application/json is expected"
    elif raw:
        try:
            body = orjson.loads(raw)
        except orjson.JSONDecodeError:
            unreadable = "the body is not JSON"
    return Asked(
        method=request.method,
        path=request.path,
        url=f"{request.scheme}://{request.host}{request.path}",
        parts=dict(request.match_info),
        query=dict(request.query),
        headers=request.headers,
        raw=raw,
        body=body,
        unreadable=unreadable,
        at_s=now_s,
    )


def _answer(given: Ruled, fault: Fault | None) -> web.StreamResponse:
    headers = dict(given.headers)
    if fault is not None and fault.retry_after_s is not None:
        headers["Retry-After"] = str(fault.retry_after_s)
    if fault is not None and fault.act == "garbage":
        return web.Response(status=given.status, body=_GARBAGE, content_type="text/html")
    if given.body is None or given.status in (204, 304):
        return web.Response(status=given.status, headers=headers)
    body = orjson.dumps(given.body)
    return web.Response(status=given.status, body=body, content_type="application/json", headers=headers)


def _cut(request: web.Request) -> web.StreamResponse:
    transport = request.transport
    if transport is not None:
        held = transport.get_extra_info("socket")
        if held is not None:
            held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_OPTION)
        transport.abort()
    return web.Response()


async def _drip(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    try:
        await response.prepare(request)
        for _ in range(_MAX_DRIPS):
            await response.write(b" ")
            await asyncio.sleep(_DRIP_S)
        await response.write_eof()
    except ConnectionError:
        return response
    return response
