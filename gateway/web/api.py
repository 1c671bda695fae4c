"""The server's path: a shop's backend, named by its API key or by what it signed with, told of every event its fate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import hdrs, web

from gateway.core.event import Wire
from gateway.core.hit import Visitor
from gateway.core.outcome import Refused
from gateway.core.wires import json
from gateway.core.wires.draft import Refusal
from gateway.web import body, reply, signature
from gateway.web.body import Unread
from gateway.web.connection import Connection
from gateway.web.directory import Directory, Place, fingerprint, shown
from gateway.web.door import Fate, bring, refuse
from gateway.web.front import Front
from gateway.web.signature import Claim, Flaw

# What nobody has vouched for yet may fill the memory, and hold the line, no more than a browser's events may.
_UNPROVEN_BYTES: Final = body.MAX_BYTES
_UNPROVEN_TIMEOUT_S: Final = body.READ_TIMEOUT_S


@dataclass(slots=True, kw_only=True)
class _Caller:
    """Who sends: `key` (a fingerprint) is None until a signature has proved one. `claim`: the signature, if any.

    `mark` and `dice` are those of a request whose signature was right.
    """

    place: Place
    claim: Claim | None
    key: str | None
    mark: bytes | None = None
    dice: Callable[[], bytes] | None = None


async def server_events(front: Front, request: web.Request, directory: Directory) -> web.Response:
    """Take a backend's events: 200 with one result each, in their order."""
    if request.method != hdrs.METH_POST:
        return reply.json(405, _error("method: POST expected"), {hdrs.ALLOW: hdrs.METH_POST})
    caller = _caller(front, request, directory)
    if isinstance(caller, web.Response):
        await body.discard(request)
        return caller
    read = await _body(front, request, caller)
    if isinstance(read, web.Response):
        return read
    place = caller.place
    parsed = Refusal(reason=_reason(read), errors=(_unread(read),)) if isinstance(read, Unread) else json.read(read)
    if isinstance(parsed, Refusal):
        refuse(front, parsed.reason, Wire.SERVER, place)
        return reply.json(413 if parsed.reason is Refused.SIZE else 422, _error(*parsed.errors))
    assert caller.key is not None  # _body has proved one
    further = len(parsed.events) - 1
    front.limiter.charge_key(place.site.name, caller.key, place.key_rate, further, front.now_ms())
    brought = await bring(
        front,
        place,
        parsed.events,
        wire=Wire.SERVER,
        visitor=Visitor(),
        sent_at=parsed.sent_at,
        dice=caller.dice,
    )
    results = {"results": [_result(fate) for fate in brought.fates]}
    if brought.is_unavailable:
        if caller.mark is not None:
            front.seen.forget(place.site.name, caller.mark)
        return reply.json(503, results, {hdrs.RETRY_AFTER: str(reply.RETRY_LATER_S)})
    return reply.json(200, results)


def _caller(front: Front, request: web.Request, directory: Directory) -> _Caller | web.Response:
    """Tell who speaks, as far as the head of the request shows it: whatever it says has to be right."""
    authorization, lines = request.headers.get(hdrs.AUTHORIZATION), request.headers.getall(signature.HEADER, [])
    keyed = directory.by_key(authorization)
    if keyed is None and (authorization is not None or not lines):
        refuse(front, Refused.KEY, Wire.SERVER)
        error = "Authorization: no API key of a site; send Bearer and the key, or sign the request"
        return reply.json(401, _error(error), {hdrs.WWW_AUTHENTICATE: "Bearer"})
    claim = signature.read(lines, front.now_ms()) if lines else None
    if isinstance(claim, Flaw):
        return _unsigned(front, claim, keyed)
    place = keyed
    if claim is not None and (claim.site is not None or keyed is None):
        place = _signing(request, claim, directory)
    if place is None or (keyed is not None and place is not keyed):
        host = "name the site as in t=…,site=shop,v1=…, or ask it by one of its hosts"
        return _unsigned(front, Flaw("of another site than the API key's" if keyed else f"of no known site; {host}"))
    if claim is not None and not place.signers:
        return _unsigned(front, Flaw("the site has no request_keys; add one to the configuration"), place)
    key = None if keyed is None else shown(authorization)
    if key is not None and (late := _waiting(front, place, key)) is not None:
        return late
    return _Caller(place=place, claim=claim, key=key)


def _signing(request: web.Request, claim: Claim, directory: Directory) -> Place | None:
    if claim.site is not None:
        return directory.sites.get(claim.site)
    found = Connection.of(request, directory).find(request.path, directory)
    return None if found is None else found[0]


async def _body(front: Front, request: web.Request, caller: _Caller) -> bytes | Unread | web.Response:
    """Receive what was sent, prove the signature over it where there is one, and only then unpack it."""
    is_proven = caller.key is not None
    max_bytes = body.MAX_API_BYTES if is_proven else _UNPROVEN_BYTES
    timeout_s = body.API_READ_TIMEOUT_S if is_proven else _UNPROVEN_TIMEOUT_S
    packed = await body.receive(request, max_bytes=max_bytes, timeout_s=timeout_s, gzip=True)
    if packed is Unread.TOO_LARGE and not is_proven:
        refuse(front, Refused.SIZE, Wire.SERVER, caller.place)
        error = f"body: larger than the {max_bytes} bytes of a signature alone; gzip it, or send the API key, too"
        return reply.json(413, _error(error))
    if isinstance(packed, Unread):
        return packed
    if caller.claim is not None and (refused := await _prove(front, caller, caller.claim, packed)) is not None:
        return refused
    return await body.unpack(request, packed, body.MAX_API_BYTES)


async def _prove(front: Front, caller: _Caller, claim: Claim, packed: bytes) -> web.Response | None:
    place, name = caller.place, caller.place.site.name
    proof = await signature.verify(claim, packed, place.signers)
    if isinstance(proof, Flaw):
        return _unsigned(front, proof, place)
    if caller.key is None:
        caller.key = fingerprint(proof.key)
        if (late := _waiting(front, place, caller.key)) is not None:
            return late
    if not front.seen.is_new(name, proof.mark, claim.at_ms, front.now_ms()):
        again = "was here before; sign every request anew, with its own t (fractions of a second are welcome)"
        return _unsigned(front, Flaw(again), place, status=403)
    caller.mark, caller.dice = proof.mark, signature.dice_of(proof.mark)
    return None


def _waiting(front: Front, place: Place, key: str) -> web.Response | None:
    """Answer who comes too often, and say when to come again."""
    wait_s = front.limiter.wait_s(place.site.name, key, place.key_rate, front.now_ms())
    if wait_s is None:
        return None
    refuse(front, Refused.RATE, Wire.SERVER, place)
    error = f"rate: more than limits.per_key ({place.site.limits.per_key}); send it again in {wait_s} s"
    return reply.json(429, _error(error), {hdrs.RETRY_AFTER: str(wait_s)})


def _unsigned(front: Front, flaw: Flaw, place: Place | None = None, *, status: int = 401) -> web.Response:
    refuse(front, Refused.SIGNATURE, Wire.SERVER, place)
    headers: dict[str, str] = {hdrs.WWW_AUTHENTICATE: "Bearer"} if status == 401 else {}
    return reply.json(status, _error(f"{signature.HEADER}: {flaw.why}"), headers)


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
            return (
                f"body: did not arrive within {body.API_READ_TIMEOUT_S} s "
                f"({_UNPROVEN_TIMEOUT_S} s under a signature alone)"
            )
        case Unread.BROKEN:
            return "body: cut off, or packed otherwise than with gzip"
