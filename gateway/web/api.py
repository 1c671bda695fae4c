"""The server's path: a shop's backend, named by its API key, told of every event what became of it."""

from __future__ import annotations

from typing import Any

from aiohttp import hdrs, web

from gateway.core.event import Wire
from gateway.core.hit import Visitor
from gateway.core.outcome import Refused
from gateway.core.wires import json
from gateway.core.wires.draft import Refusal
from gateway.web import body, reply
from gateway.web.body import Unread
from gateway.web.directory import Directory
from gateway.web.door import Fate, bring, refuse
from gateway.web.front import Front


async def server_events(front: Front, request: web.Request, directory: Directory) -> web.Response:
    """Take a backend's events: 200 with one result each, in their order."""
    if request.method != hdrs.METH_POST:
        return reply.json(405, _error("method: POST expected"), {hdrs.ALLOW: hdrs.METH_POST})
    place = directory.by_key(request.headers.get(hdrs.AUTHORIZATION))
    if place is None:
        await body.discard(request)
        refuse(front, Refused.KEY, Wire.SERVER)
        error = _error("Authorization: no API key of a site; send Bearer and the key")
        return reply.json(401, error, {hdrs.WWW_AUTHENTICATE: "Bearer"})
    read = await body.read(request, max_bytes=body.MAX_API_BYTES, timeout_s=body.API_READ_TIMEOUT_S, gzip=True)
    parsed = Refusal(reason=_reason(read), errors=(_unread(read),)) if isinstance(read, Unread) else json.read(read)
    if isinstance(parsed, Refusal):
        refuse(front, parsed.reason, Wire.SERVER, place)
        return reply.json(413 if parsed.reason is Refused.SIZE else 422, _error(*parsed.errors))
    brought = await bring(front, place, parsed.events, wire=Wire.SERVER, visitor=Visitor(), sent_at=parsed.sent_at)
    results = {"results": [_result(fate) for fate in brought.fates]}
    if brought.is_unavailable:
        return reply.json(503, results, {hdrs.RETRY_AFTER: str(reply.RETRY_LATER_S)})
    return reply.json(200, results)


def _result(fate: Fate) -> dict[str, Any]:
    return {
        "event_id": fate.event_id,
        "status": fate.status,
        "reason": None if fate.reason is None else fate.reason.value,
        "errors": fate.errors,
        "warnings": fate.warnings,
    }


def _error(*errors: str) -> dict[str, Any]:
    return {"errors": errors}


def _reason(unread: Unread) -> Refused:
    return Refused.SIZE if unread is Unread.TOO_LARGE else Refused.BODY


def _unread(unread: Unread) -> str:
    match unread:
        case Unread.TOO_LARGE:
            return f"body: larger than {body.MAX_API_BYTES} bytes"
        case Unread.TOO_SLOW:
            return f"body: did not arrive within {body.API_READ_TIMEOUT_S} s"
        case Unread.BROKEN:
            return "body: cut off, or packed otherwise than with gzip"
