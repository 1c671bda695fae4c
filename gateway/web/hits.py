"""The browser's own paths: the image, the beacon, and what a browser asks before a beacon."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import msgspec
from aiohttp import hdrs, web

from gateway.core.event import Copy, Wire
from gateway.core.hit import Visitor
from gateway.core.outcome import Door, Refused
from gateway.core.wires import json, pixel
from gateway.core.wires.draft import Refusal
from gateway.core.wires.json import Body
from gateway.web import body, reply
from gateway.web.body import Unread
from gateway.web.connection import Connection, Head, may_speak
from gateway.web.directory import Directory, Place
from gateway.web.door import EVENTS_A_TURN, UNKEPT, Bringing, Brought, keep, refuse
from gateway.web.front import Front
from gateway.web.reply import Reply

# A member that is asked of its enum costs a call in Python 3.11.
_BROWSER: Final = Wire.BROWSER


class Listener(msgspec.Struct, frozen=True):
    """All that an answer wants of its request, which need not lie in memory while the copies are on their way.

    `origin` as in `Asked`. `is_confidant`: the caller may read the full `X-Tagway`.
    """

    origin: str | None
    is_confidant: bool


class Asked(msgspec.Struct, frozen=True):
    """One request on a site's path: who asks, which site, under which settings. `query` as it was sent.

    `origin`: who may read the answer (`cors_origin`). `is_plain`: the head is ASCII without control characters, and has
    each name once.
    """

    request: Head
    connection: Connection
    place: Place
    directory: Directory
    origin: str | None = None
    query: str = ""
    is_plain: bool = False

    @property
    def whole(self) -> web.Request:
        """The request with its body, in the ordinary lane."""
        assert isinstance(self.request, web.Request)
        return self.request

    def listener(self) -> Listener:
        if self.directory.debug or self.connection.is_loopback:
            return Listener(self.origin, True)
        authorization = self.request.headers.get("authorization")
        return Listener(self.origin, authorization is not None and self.place.is_keyed(authorization))

    def visitor(self) -> Visitor:
        return self.connection.visitor(self.request, self.place.site.cookies, is_plain=self.is_plain)


class Waiting(msgspec.Struct, frozen=True):
    """A hit whose copies have to be kept before it can be answered."""

    copies: Sequence[Copy]
    told: Callable[[Sequence[Door] | None], Reply]


def read_image(front: Front, asked: Asked) -> Reply | Waiting:
    """Take one hit by its query. The image is served whatever happened."""
    place, query = asked.place, asked.query
    bare = pixel.wants_no_image(query)
    barred = barred_by(front, asked)
    if barred is not None:
        return reply.image(refuse(front, barred, Wire.BROWSER, place), origin=asked.origin, bare=bare)
    visitor = asked.visitor()
    bringing = Bringing(front, place, _BROWSER, visitor, front.now_ms())
    bringing.take(pixel.read(query, visitor.referer))
    told = partial(_answer_image, asked.listener(), bringing, bare)
    copies = bringing.taken()
    return Waiting(copies, told) if copies else told(())


def _answer_image(to: Listener, bringing: Bringing, bare: bool, doors: Sequence[Door] | None) -> Reply:
    said = _said(bringing.words(doors), to, batched=False)
    return reply.image(said, bringing.set_cookies, origin=to.origin, bare=bare)


def read_events(front: Front, asked: Asked, said: bytes | Unread) -> Reply | tuple[Body, Bringing]:
    """Read the body of a browser's events; none of them is taken yet."""
    place = asked.place
    if isinstance(said, Unread):
        reason = Refused.SIZE if said is Unread.TOO_LARGE else Refused.BODY
        parsed: Body | Refusal = Refusal(reason=reason)
    else:
        parsed = json.read(said)
    if isinstance(parsed, Refusal):
        told = refuse(front, parsed.reason, Wire.BROWSER, place)
        return reply.beacon(413 if parsed.reason is Refused.SIZE else 400, told, origin=asked.origin)
    further = len(parsed.events) - 1
    if further:
        front.limiter.charge(place.site.name, asked.connection.address, place.rate, further, front.now_ms())
    return parsed, Bringing(front, place, _BROWSER, asked.visitor(), front.now_ms(), parsed.sent_at)


def answer_events(to: Listener, bringing: Bringing, batched: bool, doors: Sequence[Door] | None) -> Reply:
    """Answer 204 when the body could be read, whatever became of each event. `batched` as in `Body`."""
    words = bringing.words(doors)
    said = _said(words, to, batched=batched)
    return reply.beacon(503 if UNKEPT in words else 204, said, bringing.set_cookies, origin=to.origin)


def barred_beacon(front: Front, asked: Asked) -> Reply | None:
    """Answer a browser's events that are refused unread, if they are."""
    barred = barred_by(front, asked)
    if barred is None:
        return None
    said = refuse(front, barred, Wire.BROWSER, asked.place)
    return reply.beacon(429 if barred is Refused.RATE else 403, said, origin=asked.origin)


async def image(front: Front, asked: Asked) -> Reply:
    """Take one hit by its query, in the ordinary lane."""
    hit = read_image(front, asked)
    return hit if isinstance(hit, Reply) else hit.told(await keep(front, hit.copies))


async def events(front: Front, asked: Asked) -> web.Response | Reply:
    """Take a browser's events, in the ordinary lane; of many, others get their turn in between."""
    request = asked.whole
    if request.method == hdrs.METH_OPTIONS:
        return reply.preflight(asked.origin)
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
    return answer_events(asked.listener(), bringing, parsed.batched, await keep(front, bringing.taken()))


def barred_by(front: Front, asked: Asked) -> Refused | None:
    """Why a hit is refused unread, if it is."""
    connection, place = asked.connection, asked.place
    if asked.origin is None and not may_speak(asked.request, place, connection):
        return Refused.ORIGIN
    rate = place.rate
    if rate is not None and not front.limiter.admits(place.site.name, connection.address, rate, front.now_ms()):
        return Refused.RATE
    return None


def said_of(brought: Brought, asked: Asked, *, batched: bool) -> str:
    return _said([fate.word for fate in brought.fates], asked.listener(), batched=batched)


def _said(words: Sequence[str], to: Listener, *, batched: bool) -> str:
    """Say what became of the events, to strangers without what a server told of them."""
    if batched:
        return reply.counted(words if to.is_confidant else [reply.masked(word) for word in words])
    word = words[0]
    masked = reply.masked(word)
    return word if masked != word and to.is_confidant else masked
