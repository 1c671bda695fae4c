"""The browser's own paths: the image, the beacon, and what a browser asks before a beacon."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import hdrs, web

from gateway.core.event import Wire
from gateway.core.outcome import Refused
from gateway.core.wires import json, pixel
from gateway.core.wires.draft import Refusal
from gateway.web import body, reply
from gateway.web.body import Unread
from gateway.web.connection import Connection, cors_origin, may_speak
from gateway.web.directory import Directory, Place
from gateway.web.door import Brought, bring, refuse
from gateway.web.front import Front


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request on a site's path: who asks, which site, under which settings."""

    request: web.Request
    connection: Connection
    place: Place
    directory: Directory

    @property
    def is_confidant(self) -> bool:
        """Say whether the caller may read the full `X-Tagway`."""
        return (
            self.directory.debug
            or self.connection.is_loopback
            or self.place.is_keyed(self.request.headers.get(hdrs.AUTHORIZATION))
        )


async def image(front: Front, asked: Asked) -> web.Response:
    """Take one hit by its query. The image is served whatever happened."""
    query = asked.request.rel_url.raw_query_string
    origin = cors_origin(asked.request, asked.place)
    bare = pixel.wants_no_image(query)
    barred = _barred(front, asked)
    if barred is not None:
        return reply.image(refuse(front, barred, Wire.BROWSER, asked.place), origin=origin, bare=bare)
    visitor = asked.connection.visitor(asked.request, asked.place.site.cookies)
    fields = pixel.read(query, visitor.referer)
    brought = await bring(front, asked.place, [fields], wire=Wire.BROWSER, visitor=visitor)
    return reply.image(_said(brought, asked, batched=False), brought.set_cookies, origin=origin, bare=bare)


async def events(front: Front, asked: Asked) -> web.Response:
    """Take a browser's events: 204 when the body could be read, whatever became of each of them."""
    request, place = asked.request, asked.place
    if request.method == hdrs.METH_OPTIONS:
        return reply.preflight(cors_origin(request, place))
    origin = cors_origin(request, place)
    barred = _barred(front, asked)
    if barred is not None:
        status = 429 if barred is Refused.RATE else 403
        return reply.beacon(status, refuse(front, barred, Wire.BROWSER, place), origin=origin)
    read = await body.read(request, max_bytes=body.MAX_BYTES, timeout_s=body.READ_TIMEOUT_S)
    if isinstance(read, Unread):
        reason = Refused.SIZE if read is Unread.TOO_LARGE else Refused.BODY
        said = refuse(front, reason, Wire.BROWSER, place)
        return reply.beacon(413 if reason is Refused.SIZE else 400, said, origin=origin)
    parsed = json.read(read)
    if isinstance(parsed, Refusal):
        said = refuse(front, parsed.reason, Wire.BROWSER, place)
        return reply.beacon(413 if parsed.reason is Refused.SIZE else 400, said, origin=origin)
    front.limiter.charge(place.site.name, asked.connection.address, place.rate, len(parsed.events) - 1, front.now_ms())
    brought = await bring(
        front,
        place,
        parsed.events,
        wire=Wire.BROWSER,
        visitor=asked.connection.visitor(request, place.site.cookies),
        sent_at=parsed.sent_at,
    )
    said = _said(brought, asked, batched=parsed.batched)
    return reply.beacon(503 if brought.is_unavailable else 204, said, brought.set_cookies, origin=origin)


def _barred(front: Front, asked: Asked) -> Refused | None:
    """Why a hit is refused unread, if it is."""
    if not may_speak(asked.request, asked.place, asked.connection):
        return Refused.ORIGIN
    site, rate = asked.place.site.name, asked.place.rate
    if not front.limiter.admits(site, asked.connection.address, rate, front.now_ms()):
        return Refused.RATE
    return None


def _said(brought: Brought, asked: Asked, *, batched: bool) -> str:
    words = [fate.word if asked.is_confidant else reply.masked(fate.word) for fate in brought.fates]
    return reply.counted(words) if batched else words[0]
