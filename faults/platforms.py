"""Three platforms of our own, strict and moody: they check every event against what it must be, and answer as told.

`book` speaks the webhook's language and sees whole events; `social` speaks Meta's (fewer received than sent, errors in
the body), `ads` TikTok's (HTTP 200 with an error code, rows named one by one). What was applied is written down before
anything is answered, so an answer that never comes does not hide it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from enum import StrEnum
from typing import Any, Final

from aiohttp import web

from faults.acts import Act, Kind, known
from faults.ledger import Arrived, Ledger

BOOK, SOCIAL, ADS = "book", "social", "ads"
NAMES: Final = {
    SOCIAL: {"page_view": "PageView", "view_item": "ViewContent", "purchase": "Purchase"},
    ADS: {"page_view": "Pageview", "view_item": "ViewContent", "purchase": "Purchase"},
}
# Longer than the gateway waits for any answer.
_LATE_S: Final = 11.0
_HANG_S: Final = 30.0
_LARGEST_BODY: Final = 64 << 20


class Mood(StrEnum):
    WELL = "well"
    ERROR = "error"  # 500, nothing applied
    BUSY = "busy"  # 503 with Retry-After
    THROTTLED = "throttled"  # 429 with Retry-After
    RESET = "reset"  # the connection goes before anything was applied
    LOST = "lost"  # applied, and the connection goes
    LATE = "late"  # applied, and the answer comes after everybody left
    HANGS = "hangs"  # nothing applied, no answer
    LIES = "lies"  # 200, and the body says otherwise
    PART = "part"  # 200, one row is not taken
    TOKEN = "token_refused"  # nothing applied until somebody gives a better one


class Platform:
    """One destination. Times are `time.monotonic()`."""

    def __init__(self, name: str, ledger: Ledger) -> None:
        self.name = name
        self.mood = Mood.WELL
        self.requests = 0
        self._ledger = ledger

    async def take(self, request: web.Request) -> web.StreamResponse:
        told = json.loads(await request.read())
        events: list[dict[str, Any]] = told["events"] if self.name == BOOK else told["data"]
        mood = self.mood if self.name != BOOK or self.mood not in (Mood.LIES, Mood.PART) else Mood.ERROR
        self.requests += 1
        acts = [known(str(event.get("event_id"))) for event in events]
        poisoned = [row for row, act in enumerate(acts) if act is not None and act.kind is Kind.POISON]
        skipped = {0} if mood is Mood.PART and not poisoned else set()
        applies = mood in (Mood.WELL, Mood.LOST, Mood.LATE, Mood.PART) and not poisoned
        for row, (event, act) in enumerate(zip(events, acts, strict=True)):
            is_refused = row in skipped and (self.name == ADS or len(events) == 1)
            self._write(event, act, applied=applies and row not in skipped, refused=is_refused)
        if mood in (Mood.WELL, Mood.PART) and poisoned:
            if len(events) == 1 or self.name == ADS:
                self._refuse(acts, poisoned)
            return self._poisoned(poisoned)
        return await self._answer(request, mood, len(events), skipped)

    def _write(self, event: dict[str, Any], act: Act | None, *, applied: bool, refused: bool) -> None:
        if act is None:
            self._ledger.invented.append(f"{self.name}: {event.get('event_id')}")
            return
        digest = hashlib.sha256(json.dumps(event, sort_keys=True).encode()).hexdigest()[:16]
        self._ledger.arrive(
            Arrived(
                act=act.id,
                destination=self.name,
                at_s=time.monotonic(),
                digest=digest,
                applied=applied,
                refused=refused,
                flaw=flaw(self.name, event, act),
            )
        )

    def _refuse(self, acts: Sequence[Act | None], rows: Sequence[int]) -> None:
        """Note that these were refused by name; what is refused in company only comes again."""
        for row in rows:
            act = acts[row]
            assert act is not None
            self._ledger.arrive(
                Arrived(
                    act=act.id, destination=self.name, at_s=time.monotonic(), digest="", applied=False, refused=True
                )
            )

    def _poisoned(self, rows: Sequence[int]) -> web.Response:
        if self.name == ADS:
            message = "; ".join(f"Batch.{row}.properties: invalid" for row in rows)
            return web.json_response({"code": 40002, "message": message})
        if self.name == SOCIAL:
            error = {"message": "Invalid parameter", "type": "OAuthException", "code": 100, "error_subcode": 2804003}
            return web.json_response({"error": error}, status=400)
        return web.json_response({"error": "no"}, status=400)

    async def _answer(self, request: web.Request, mood: Mood, count: int, skipped: set[int]) -> web.StreamResponse:
        match mood:
            case Mood.WELL | Mood.PART:
                return self._taken(count, skipped)
            case Mood.ERROR:
                return web.Response(status=500, text="<html>oops</html>")
            case Mood.BUSY:
                return web.Response(status=503, headers={"Retry-After": "1"})
            case Mood.THROTTLED:
                return web.Response(status=429, headers={"Retry-After": "1"})
            case Mood.RESET | Mood.LOST:
                return _reset(request)
            case Mood.LATE:
                await asyncio.sleep(_LATE_S)
                return self._taken(count, skipped)
            case Mood.HANGS:
                await asyncio.sleep(_HANG_S)
                return web.Response(status=504)
            case Mood.TOKEN:
                return self._unknown_token()
            case Mood.LIES:
                if self.name == ADS:
                    return web.json_response({"code": 50000, "message": "internal error"})
                return web.Response(text="<html>maintenance</html>", content_type="text/html")

    def _unknown_token(self) -> web.Response:
        if self.name == ADS:
            return web.json_response({"code": 40105, "message": "Access token is incorrect or has been revoked."})
        if self.name == SOCIAL:
            error = {"message": "Error validating access token", "type": "OAuthException", "code": 190}
            return web.json_response({"error": error}, status=400)
        return web.json_response({"error": "who are you?"}, status=401)

    def _taken(self, count: int, skipped: set[int]) -> web.Response:
        if self.name == SOCIAL:
            # Meta says how many and not which: halves come again, under the same ids.
            return web.json_response({"events_received": count - len(skipped)})
        if self.name == ADS and skipped:
            message = "; ".join(f"Batch.{row}.event: invalid" for row in skipped)
            return web.json_response({"code": 20001, "message": message})
        return web.json_response({"code": 0, "message": "OK"})


def flaw(destination: str, event: dict[str, Any], act: Act) -> str:
    """Say what is wrong with an event that arrived, or nothing: the money and the bytes follow from its id."""
    by_value = {copy.value: copy for copy in act.copies}
    if destination == BOOK:
        value, pad, name = event.get("value"), event.get("properties", {}).get("pad", ""), event.get("event")
        if pad != act.pad:
            return "pad"
        wires = set(event.get("wires", ()))
        # The server's word on money counts wherever there is one.
        told = next((copy for copy in act.copies if copy.wire.value in wires), None)
        if "server" in wires:
            told = next((copy for copy in act.copies if copy.wire.value == "server"), None)
        if told is None or value != told.value:
            return "value"
        return "" if name == act.name else "name"
    if destination == SOCIAL:
        value, name = event.get("custom_data", {}).get("value"), event.get("event_name")
    else:
        value, name = event.get("properties", {}).get("value"), event.get("event")
    if value not in by_value:
        return "value"
    return "" if name == NAMES[destination][act.name] else "name"


def _reset(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


@contextlib.asynccontextmanager
async def running(ledger: Ledger) -> AsyncIterator[tuple[str, dict[str, Platform]]]:
    """Serve the three on one free port; yields its address and the platforms by their names."""
    made = {name: Platform(name, ledger) for name in (BOOK, SOCIAL, ADS)}
    paths = {BOOK: "/book", SOCIAL: "/{version}/123/events", ADS: "/open_api/v1.3/event/track/"}
    app = web.Application(client_max_size=_LARGEST_BODY)
    for name, path in paths.items():
        app.router.add_post(path, _patient(made[name].take))
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    port = runner.addresses[0][1]
    try:
        yield f"http://127.0.0.1:{port}", made
    finally:
        await runner.cleanup()


def _patient(take: Callable[[web.Request], Any]) -> Callable[[web.Request], Any]:
    """Let go of a request whose caller went away in its middle."""

    async def taken(request: web.Request) -> web.StreamResponse:
        try:
            answer: web.StreamResponse = await take(request)
        except ConnectionError:
            return web.Response()
        return answer

    return taken
