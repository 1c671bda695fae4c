"""`/g/collect`: what Google's own tag sends to a server container, which here is us."""

from __future__ import annotations

from aiohttp import hdrs, web

from gateway.core.event import Wire
from gateway.core.outcome import Refused
from gateway.core.wires import ga4
from gateway.core.wires.draft import Refusal
from gateway.web import body, reply
from gateway.web.body import Unread
from gateway.web.connection import cors_origin
from gateway.web.door import bring, refuse
from gateway.web.front import Front
from gateway.web.hits import Asked, barred_by, said_of
from gateway.web.reply import Reply

_VENDOR = "google"


async def collect(front: Front, asked: Asked) -> web.Response | Reply:
    """Take the tag's hits; the tag reads no answer and repeats nothing, so it is the one that a beacon gets."""
    request, place = asked.whole, asked.place
    origin = cors_origin(request, place)
    if request.method == hdrs.METH_OPTIONS:
        return reply.preflight(origin)
    why = barred_by(front, asked)
    if why is not None:
        status = 429 if why is Refused.RATE else 403
        return reply.beacon(status, refuse(front, why, Wire.BROWSER, place), origin=origin)
    told = await body.read(request, max_bytes=ga4.MAX_BODY_BYTES, timeout_s=body.READ_TIMEOUT_S)
    if isinstance(told, Unread):
        reason = Refused.SIZE if told is Unread.TOO_LARGE else Refused.BODY
        return reply.beacon(_status(reason), refuse(front, reason, Wire.BROWSER, place), origin=origin)
    lines = ga4.read(asked.query, told)
    if isinstance(lines, Refusal):
        return reply.beacon(_status(lines.reason), refuse(front, lines.reason, Wire.BROWSER, place), origin=origin)
    front.limiter.charge(place.site.name, asked.connection.address, place.rate, len(lines) - 1, front.now_ms())
    brought = await bring(
        front,
        place,
        [line.fields for line in lines],
        wire=Wire.BROWSER,
        visitor=asked.connection.visitor(request, place.site.cookies),
        vendor=_VENDOR,
        raws=[line.raw for line in lines] if _VENDOR in place.relays else (),
    )
    words = said_of(brought, asked, batched=len(lines) > 1)
    return reply.beacon(503 if brought.is_unavailable else 204, words, brought.set_cookies, origin=origin)


def _status(reason: Refused) -> int:
    return 413 if reason is Refused.SIZE else 400
