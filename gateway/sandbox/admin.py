"""The sandbox's own paths: what was accepted, what was asked, what was wrong, what shall go wrong.

Never enters: a rule of any platform; nothing here is asked of a platform.
"""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import orjson
from aiohttp import web

from gateway.sandbox.call import Finding, Object, as_list, as_object
from gateway.sandbox.door import TRAP, Clock, Door, read
from gateway.sandbox.faults import read_script
from gateway.sandbox.google import Google
from gateway.sandbox.state import Book, Memory

INDEX: Final[Object] = {
    "platforms": {
        "meta": ["POST /meta/v26.0/{dataset}/events", "GET /meta/v26.0/debug_token"],
        "google": [
            "POST /google/token", "POST /google/v1/events:ingest", "GET /google/v1/requestStatus:retrieve",
            "GET /google/_demo_key",
        ],
        "tiktok": ["POST /tiktok/open_api/v1.3/event/track/"],
        "snap": ["POST /snap/v3/{pixel}/events", "POST /snap/v3/{pixel}/events/validate", "GET …/stats"],
        "pinterest": ["POST /pinterest/v5/ad_accounts/{account}/events"],
        "reddit": ["POST /reddit/api/v3/pixels/{pixel}/conversion_events", "GET …/last_fired_at"],
        "microsoft": ["POST /microsoft/v1/{tag}/events"],
        "ga4": ["POST /ga4/mp/collect", "POST /ga4/debug/mp/collect"],
        "linkedin": ["POST /linkedin/rest/conversionEvents", "GET /linkedin/rest/conversions"],
        "x": ["POST /x/12/measurement/conversions/{pixel}", "GET /x/12/accounts"],
    },
    "sandbox": [
        "GET, DELETE /_sandbox/{platform}/events", "GET, DELETE /_sandbox/{platform}/requests",
        "GET, PUT, DELETE /_sandbox/{platform}/faults", "GET, DELETE /_sandbox/violations",
        "PUT /_sandbox/google/online",
    ],
}  # fmt: skip


class Admin:
    """Serve the sandbox's own paths over one memory."""

    def __init__(self, memory: Memory, doors: Mapping[str, Door], google: Google, clock: Clock) -> None:
        self._memory = memory
        self._doors = doors
        self._google = google
        self._clock = clock

    def mount(self, app: web.Application) -> None:
        """Add the paths; before the platforms', so that the demo key is found."""
        own = "/_sandbox/{platform}"
        app.router.add_get("/", self._index)
        app.router.add_get("/google/_demo_key", self._demo_key)
        app.router.add_put("/_sandbox/google/online", self._put_modes)
        app.router.add_get("/_sandbox/violations", self._violations)
        app.router.add_delete("/_sandbox/violations", self._forget_violations)
        app.router.add_route("*", TRAP + "/{platform}", self._trap)
        app.router.add_get(own + "/events", self._of(lambda book: book.events()))
        app.router.add_delete(own + "/events", self._of(Book.forget_events))
        app.router.add_get(own + "/requests", self._of(lambda book: book.calls()))
        app.router.add_delete(own + "/requests", self._of(Book.forget_calls))
        app.router.add_get(own + "/faults", self._of(lambda book: [one.said() for one in book.script.remaining()]))
        app.router.add_delete(own + "/faults", self._of(lambda book: book.script.write(())))
        app.router.add_put(own + "/faults", self._put_faults)

    def _of(self, told: Callable[[Book], object]) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def serve(request: web.Request) -> web.StreamResponse:
            name = request.match_info["platform"]
            if name not in self._doors:
                return _unknown(name, self._doors)
            said = told(self._memory.books[name])
            return web.Response(status=204) if said is None else _json(said)

        return serve

    async def _index(self, request: web.Request) -> web.Response:
        return _json(INDEX)

    async def _demo_key(self, request: web.Request) -> web.Response:
        # Making an RSA key takes a tenth of a second: not on the loop.
        return _json(await asyncio.to_thread(self._google.key.file, f"{request.scheme}://{request.host}/google/token"))

    async def _put_modes(self, request: web.Request) -> web.Response:
        told = as_object((await read(request, self._clock())).body)
        modes: dict[str, str] = {}
        for mode, actions in (told or {"": None}).items():
            ids = as_list(actions)
            if mode not in ("online", "offline") or ids is None or not all(isinstance(one, str) for one in ids):
                return _json({"error": '{"online": [action ids], "offline": [action ids]} is expected'}, status=422)
            modes.update({str(one): mode for one in ids})
        self._google.set_modes(modes)
        return _json({"modes": modes})

    async def _violations(self, request: web.Request) -> web.Response:
        return _json([one.said() for one in self._memory.violations])

    async def _forget_violations(self, request: web.Request) -> web.Response:
        self._memory.violations.clear()
        return web.Response(status=204)

    async def _put_faults(self, request: web.Request) -> web.Response:
        name = request.match_info["platform"]
        if name not in self._doors:
            return _unknown(name, self._doors)
        try:
            told = orjson.loads(await request.read())
        except orjson.JSONDecodeError:
            return _json({"error": "a JSON object or list of faults is expected"}, status=422)
        script = read_script(told, self._doors[name].places, self._doors[name].errors)
        if isinstance(script, str):
            return _json({"error": script}, status=422)
        book = self._memory.books[name]
        book.script.write(script)
        return _json([one.said() for one in book.script.remaining()])

    async def _trap(self, request: web.Request) -> web.Response:
        asked = await read(request, self._clock())
        why = "a redirect was followed: the body and the token went where the redirect pointed"
        finding = Finding(row=None, field="Location", why=why, violates=True)
        self._memory.blame(request.match_info["platform"], asked, [finding])
        return _json({})


def _json(body: object, status: int = 200) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json")


def _unknown(name: str, known: Mapping[str, Door]) -> web.Response:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
    return _json({"error": f"{name}: no such platform; {hint}"}, status=404)
