"""The browser's own paths: the image, the beacon, and what a browser asks before a beacon."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec
from aiohttp import hdrs, web

from gateway.core.event import Copy, Wire
from gateway.core.outcome import Door, Refused
from gateway.core.wires import json, pixel
from gateway.core.wires.draft import Refusal
from gateway.core.wires.json import Body
from gateway.web import body, reply
from gateway.web.body import Unread
from gateway.web.connection import Connection, Head, cors_origin, may_speak
from gateway.web.directory import Directory, Place
from gateway.web.door import EVENTS_A_TURN, Bringing, Brought, keep, refuse
from gateway.web.front import Front
from gateway.web.reply import Reply


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One request on a site's path: who asks, which site, under which settings. `query` as it was sent."""

    request: Head
    connection: Connection
    place: Place
    directory: Directory
    query: str = ""

    @property
    def whole(self) -> web.Request:
        """The request with its body, in the ordinary lane."""
        assert isinstance(self.request, web.Request)
        return self.request

    @property
    def is_confidant(self) -> bool:
        """Say whether the caller may read the full `X-Tagway`."""
        return (
            self.directory.debug
            or self.connection.is_loopback
            or self.place.is_keyed(self.request.headers.get(hdrs.AUTHORIZATION))
        )


class Waiting(NamedTuple):
    """A hit whose copies have to be kept before it can be answered."""

    copies: Sequence[Copy]
    told: Callable[[Sequence[Door] | None], Reply]


def read_image(front: Front, asked: Asked) -> Reply | Waiting:
    """Take one hit by its query. The image is served whatever happened."""
    place, query = asked.place, asked.query
    origin = cors_origin(asked.request, place)
    bare = pixel.wants_no_image(query)
    barred = barred_by(front, asked)
    if barred is not None:
        return reply.image(refuse(front, barred, Wire.BROWSER, place), origin=origin, bare=bare)
    visitor = asked.connection.visitor(asked.request, place.site.cookies)
    bringing = Bringing(front, place, wire=Wire.BROWSER, visitor=visitor)
    bringing.take(pixel.read(query, visitor.referer))

    def told(doors: Sequence[Door] | None) -> Reply:
        brought = bringing.told(doors)
        return reply.image(said_of(brought, asked, batched=False), brought.set_cookies, origin=origin, bare=bare)

    return Waiting(bringing.copies, told) if bringing.copies else told(())


def read_events(front: Front, asked: Asked, said: bytes | Unread) -> Reply | tuple[Body, Bringing]:
    """Read the body of a browser's events; none of them is taken yet."""
    place = asked.place
    origin = cors_origin(asked.request, place)
    if isinstance(said, Unread):
        reason = Refused.SIZE if said is Unread.TOO_LARGE else Refused.BODY
        parsed: Body | Refusal = Refusal(reason=reason)
    else:
        parsed = json.read(said)
    if isinstance(parsed, Refusal):
        told = refuse(front, parsed.reason, Wire.BROWSER, place)
        return reply.beacon(413 if parsed.reason is Refused.SIZE else 400, told, origin=origin)
    front.limiter.charge(place.site.name, asked.connection.address, place.rate, len(parsed.events) - 1, front.now_ms())
    visitor = asked.connection.visitor(asked.request, place.site.cookies)
    return parsed, Bringing(front, place, wire=Wire.BROWSER, visitor=visitor, sent_at=parsed.sent_at)


def answer_events(asked: Asked, parsed: Body, bringing: Bringing, doors: Sequence[Door] | None) -> Reply:
    """Answer 204 when the body could be read, whatever became of each event."""
    brought = bringing.told(doors)
    said = said_of(brought, asked, batched=parsed.batched)
    origin = cors_origin(asked.request, asked.place)
    return reply.beacon(503 if brought.is_unavailable else 204, said, brought.set_cookies, origin=origin)


def barred_beacon(front: Front, asked: Asked) -> Reply | None:
    """Answer a browser's events that are refused unread, if they are."""
    barred = barred_by(front, asked)
    if barred is None:
        return None
    said = refuse(front, barred, Wire.BROWSER, asked.place)
    return reply.beacon(429 if barred is Refused.RATE else 403, said, origin=cors_origin(asked.request, asked.place))


async def image(front: Front, asked: Asked) -> Reply:
    """Take one hit by its query, in the ordinary lane."""
    hit = read_image(front, asked)
    return hit if isinstance(hit, Reply) else hit.told(await keep(front, hit.copies))


async def events(front: Front, asked: Asked) -> web.Response | Reply:
    """Take a browser's events, in the ordinary lane; of many, others get their turn in between."""
    request = asked.whole
    if request.method == hdrs.METH_OPTIONS:
        return reply.preflight(cors_origin(request, asked.place))
    barred = barred_beacon(front, asked)
    if barred is not None:
        return barred
    said = await body.read(request, max_bytes=body.MAX_BYTES, timeout_s=body.READ_TIMEOUT_S)
    read = read_events(front, asked, said)
    if isinstance(read, Reply):
        return read
    parsed, bringing = read
    for turn, event in enumerate(parsed.events, 1):
        if turn % EVENTS_A_TURN == 0:
            await asyncio.sleep(0)
        bringing.take(event)
    return answer_events(asked, parsed, bringing, await keep(front, bringing.copies))


def barred_by(front: Front, asked: Asked) -> Refused | None:
    """Why a hit is refused unread, if it is."""
    if not may_speak(asked.request, asked.place, asked.connection):
        return Refused.ORIGIN
    site, rate = asked.place.site.name, asked.place.rate
    if not front.limiter.admits(site, asked.connection.address, rate, front.now_ms()):
        return Refused.RATE
    return None


def said_of(brought: Brought, asked: Asked, *, batched: bool) -> str:
    words = [fate.word if asked.is_confidant else reply.masked(fate.word) for fate in brought.fates]
    return reply.counted(words) if batched else words[0]
