"""The front lane: answers complete, well-formed hits by themselves, and hands every other connection to aiohttp.

A hit is 1.7 KB that arrive in one piece and want 43 bytes back; half of what it costs in the ordinary lane is spent on
request, response and task objects. Here one read is one hit, or the whole connection is handed on, once and for good,
with every byte that was read. So odd clients, slow uploads, other paths and whatever a smuggler thinks of meet
aiohttp's parser and nothing else. Both lanes call the same functions of `hits.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from email.utils import formatdate
from functools import lru_cache, partial
from typing import Final, cast

import structlog

from gateway.web import hits
from gateway.web.connection import Connection, cors_origin
from gateway.web.front import Front
from gateway.web.head import Hit, read
from gateway.web.hearing import Hearing
from gateway.web.hits import Asked, Waiting
from gateway.web.public import EVENTS, IMAGE, KEEPALIVE_S, failed
from gateway.web.reply import Reply, cookie_line

log = structlog.get_logger()

# What a client may send ahead of an answer before its connection is no longer read.
_MOST_HELD_BYTES: Final = 64 * 1024
_SWEEP_S: Final = 1.0
_FINISH_S: Final = 5.0

_REASONS: Final = {200: "OK", 204: "No Content", 400: "Bad Request", 403: "Forbidden", 413: "Content Too Large"}
_REASONS_MORE: Final = {429: "Too Many Requests", 503: "Service Unavailable"}


class Lanes:
    """The front lanes of one listener: makes them, ends those that idle, and waits for those that work.

    `ordinary` makes aiohttp's protocol (`web.AppRunner.server`).
    """

    def __init__(self, front: Front, ordinary: Callable[[], asyncio.BaseProtocol]) -> None:
        self.front = front
        self.ordinary = ordinary
        self.open: set[Lane] = set()
        self.is_closing = False
        self._ended = asyncio.Event()
        self._date = (0, b"")

    def __call__(self) -> Lane:
        return Lane(self)

    async def sweep(self) -> None:
        """End connections on which nothing came for as long as aiohttp would wait; runs until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_SWEEP_S)
            oldest_s = loop.time() - KEEPALIVE_S
            for lane in [lane for lane in self.open if lane.seen_s < oldest_s and not lane.is_busy]:
                lane.close()

    async def close(self) -> None:
        """Answer what is being worked on, then end every connection."""
        self.is_closing = True
        self.closed()
        for lane in [lane for lane in self.open if not lane.is_busy]:
            lane.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(_FINISH_S):
                await self._ended.wait()
        for lane in list(self.open):
            lane.close()

    def closed(self) -> None:
        """Hear that a connection may have been the last one."""
        if self.is_closing and not self.open:
            self._ended.set()

    def encoded(self, told: Reply) -> bytes:
        """Spell an answer as bytes."""
        lines = [_begun(told.status, told.said, told.origin, told.is_image), *map(cookie_line, told.cookies)]
        second = self.front.now_ms() // 1_000
        if self._date[0] != second:
            self._date = (second, f"\r\nDate: {formatdate(second, usegmt=True)}\r\n\r\n".encode())
        text = "\r\nSet-Cookie: ".join(lines)
        return text.encode("utf-8", "surrogateescape") + self._date[1] + told.body


@lru_cache(maxsize=512)
def _begun(status: int, said: str, origin: str | None, is_image: bool) -> str:
    """Spell an answer up to its cookies: the same few texts for nearly all hits of a site."""
    told = Reply(status, said, (), origin, is_image)
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status) or _REASONS_MORE[status]}"]
    lines += [f"{name}: {value}" for name, value in told.common()]
    if status != 204:
        lines.append(f"Content-Length: {len(told.body)}")
    lines += [f"{name}: {value}" for name, value in told.own()]
    return "\r\n".join(lines)


class Lane(asyncio.Protocol):
    """One connection, as long as nothing but hits came by it."""

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes
        self._transport: asyncio.Transport | None = None
        self._remote: str | None = None
        self._time = asyncio.get_running_loop().time
        self._held = b""
        self._is_choked = False
        self.is_busy = False
        self.seen_s = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's have another base
        peer = transport.get_extra_info("peername")
        self._remote = str(peer[0]) if isinstance(peer, tuple) and peer else None
        self.seen_s = self._time()
        self._lanes.open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._lanes.open.discard(self)
        self._lanes.closed()

    def pause_writing(self) -> None:
        """Stop: a client that sends and does not read gets no further."""
        self._is_choked = True
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._is_choked = False
        if self._transport is not None:
            self._transport.resume_reading()
            self._go_on()

    def data_received(self, data: bytes) -> None:
        if self.is_busy or self._is_choked:
            self._held += data
            if len(self._held) > _MOST_HELD_BYTES and self._transport is not None:
                self._transport.pause_reading()
            return
        self._take(data)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _take(self, data: bytes) -> None:
        """Answer a hit, begin to answer it, or hand the connection on."""
        transport = self._transport
        if transport is None or transport.is_closing():  # nobody is there any more to be answered
            return
        self.seen_s = self._time()
        hit = read(data, self._remote)
        asked = None if hit is None else self._asked(hit)
        if hit is None or asked is None:
            self._hand_on(transport, data)
            return
        try:
            told = _told(self._lanes.front, hit, asked)
            if isinstance(told, Waiting):
                self.is_busy = True
                Hearing(told, _kind(hit), self._answer).keep(self._lanes.front.keeper)
                return
        except Exception as error:  # noqa: BLE001 - the last resort: whatever is broken in us, the page goes on
            told = failed(error, _kind(hit))
        self._answer(told)

    def _asked(self, hit: Hit) -> Asked | None:
        """Find the site and the path; None where it is not the path of an ordinary hit."""
        directory = self._lanes.front.directory
        connection = Connection.ordinary(hit.remote, hit.headers, directory) or Connection.of(hit, directory)
        place = directory.hits.get((hit.method, connection.host, hit.path))
        if place is None or "%" in hit.path:
            return None
        return Asked(hit, connection, place, directory, cors_origin(hit, place), hit.query, hit.is_plain)

    def _answer(self, told: Reply) -> None:
        self.is_busy = False
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.write(self._lanes.encoded(told))
        if self._lanes.is_closing:
            self._transport.close()
        elif self._held:
            self._go_on()

    def _go_on(self) -> None:
        if self._held and not self.is_busy and not self._is_choked:
            held, self._held = self._held, b""
            if self._transport is not None:
                self._transport.resume_reading()
            self._take(held)

    def _hand_on(self, transport: asyncio.Transport, data: bytes) -> None:
        self._lanes.open.discard(self)
        self._lanes.closed()
        ordinary = self._lanes.ordinary()
        assert isinstance(ordinary, asyncio.Protocol)
        transport.set_protocol(ordinary)
        ordinary.connection_made(transport)
        ordinary.data_received(data)


def _kind(hit: Hit) -> str:
    return IMAGE if hit.method == "GET" else EVENTS


def _told(front: Front, hit: Hit, asked: Asked) -> Reply | Waiting:
    if hit.method == "GET":
        return hits.read_image(front, asked)
    barred = hits.barred_beacon(front, asked)
    if barred is not None:
        return barred
    read_body = hits.read_events(front, asked, hit.body)
    if isinstance(read_body, Reply):
        return read_body
    parsed, bringing = read_body
    for event in parsed.events:
        bringing.take(event)
    told = partial(hits.answer_events, asked.listener(), bringing, parsed.batched)
    copies = bringing.taken()
    return Waiting(copies, told) if copies else told(())
