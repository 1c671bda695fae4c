"""A gateway as commands see it: an `/api/events` that does as it is told, and a small admin API."""

from __future__ import annotations

import asyncio
import sys
from base64 import b64decode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler
from typer.testing import CliRunner, Result

from gateway.__main__ import app

KEY = "key-of-shop-that-nobody-prints"
PASSWORD = "password-that-nobody-prints"
COMMAND = [sys.executable, "-m", "gateway"]

Event = dict[str, Any]


async def tagway(*arguments: str | Path, stdin: bytes | None = None) -> Result:
    """Run a command beside the test's own loop."""
    texts = [str(one) for one in arguments]
    return await asyncio.to_thread(CliRunner().invoke, app, texts, stdin, {"COLUMNS": "200"})


def config_text(public: int, admin: int, more: str = "") -> str:
    return f"""
server: {{listen: "0.0.0.0:{public}", admin: "127.0.0.1:{admin}", admin_password: {PASSWORD}}}
sites:
  shop:
    hosts: [t.shop.example]
    origins: ["https://shop.example"]
    api_keys: [{KEY}]
    destinations: [echo, hook]
destinations:
  echo: {{adapter: echo, endpoint: "http://127.0.0.1:9000"}}
  hook: {{adapter: webhook, url: "https://hooks.shop.example/x", secret: {PASSWORD}}}
{more}"""


@dataclass
class Api:
    """Takes events and remembers them. `script`: what to answer instead, a function a request; None is the ordinary."""

    batches: list[list[Event]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    script: list[Callable[[list[Event]], Awaitable[web.StreamResponse] | web.Response] | None] = field(
        default_factory=list
    )
    known: set[str] = field(default_factory=set)

    @property
    def events(self) -> list[Event]:
        return [event for batch in self.batches for event in batch]

    def app(self) -> web.Application:
        made = web.Application(client_max_size=1 << 26)
        made.router.add_post("/api/events", self._take)
        made.router.add_post("/m/api/events", self._take)
        return made

    async def _take(self, request: web.Request) -> web.StreamResponse:
        # aiohttp's server has unpacked it already.
        assert request.headers["Content-Encoding"] == "gzip"
        events = orjson.loads(await request.read())["events"]
        self.headers.append(dict(request.headers))
        if self.script and (answer := self.script.pop(0)) is not None:
            told = answer(events)
            return told if isinstance(told, web.Response) else await told
        self.batches.append(events)
        return results([self._rule(event) for event in events])

    def _rule(self, event: Event) -> Event:
        if not isinstance(event.get("event"), str):
            return {"status": "refused", "reason": "event", "errors": ["event: missing"]}
        name = str(event.get("event_id") or event.get("transaction_id"))
        if name in self.known:
            return {"status": "duplicate"}
        self.known.add(name)
        return {"status": "accepted"}


def results(rows: list[Event], status: int = 200, **headers: str) -> web.Response:
    return web.Response(
        body=orjson.dumps({"results": rows}), status=status, headers=headers, content_type="application/json"
    )


@dataclass
class Admin:
    """Speaks the admin API of contract section 8. `streams`: the entries of each connection to the live stream.

    `gone`: destinations that left. `at_once`: how many of all dead letters one call settles. `is_hasty`: they are gone
    once one was asked for.
    """

    stories: dict[str, Event] = field(default_factory=dict)
    dead: list[Event] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    at_once: int = 10_000
    is_hasty: bool = False
    streams: list[list[Event]] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)
    books: Event | None = None

    def app(self) -> web.Application:
        made = web.Application(middlewares=[_guard])
        made.router.add_get("/admin/api/explain/{event_id:.+}", self._explain)
        made.router.add_get("/admin/api/destinations", self._destinations)
        made.router.add_get("/admin/api/dead", self._dead)
        made.router.add_post("/admin/api/dead/{action}", self._settle)
        made.router.add_get("/admin/api/live", self._live)
        made.router.add_get("/admin/api/audit", self._audit)
        made.router.add_post("/admin/api/audit/write-off", self._write_off)
        return made

    async def _explain(self, request: web.Request) -> web.Response:
        event_id = request.match_info["event_id"]
        self.asked.append({"event_id": event_id, **request.query})
        told = self.stories.get(event_id)
        return web.json_response(told or {"error": "unknown_event"}, status=200 if told else 404)

    async def _destinations(self, _: web.Request) -> web.Response:
        names = [one["destination"] for one in self.dead]
        known = ("echo", "hook", *self.gone)
        return web.json_response([{"destination": name, "dead": names.count(name)} for name in known])

    async def _dead(self, request: web.Request) -> web.Response:
        wanted, name = request.query.get("destination"), request.query.get("event_id")
        letters = [one for one in self.dead if wanted in (None, one["destination"])]
        if name is not None:
            self.dead = [] if self.is_hasty else self.dead
            return web.json_response([one for one in letters if name in (one["id"], one["event_id"])])
        places = [f"{one['at']}/{one['destination']}/{one['id']}" for one in letters]
        first = places.index(request.query["before"]) + 1 if "before" in request.query else 0
        return web.json_response(letters[first:][: int(request.query.get("limit", 200))])

    async def _settle(self, request: web.Request) -> web.Response:
        assert request.content_type == "application/json"
        done = {"replay": "revived", "drop": "dropped"}[request.match_info["action"]]
        wish = orjson.loads(await request.read())
        here = {one["id"] for one in self.dead if one["destination"] == wish["destination"]}
        ids = sorted(here)[: self.at_once] if wish.get("all") is True else wish["ids"]
        more = {"next": f"1.0/{wish['destination']}/x"} if wish.get("all") and len(ids) < len(here) else {}
        if wish["destination"] in self.gone and done == "revived":
            return web.json_response({"results": [{"id": one, "result": "unconfigured"} for one in ids]})
        self.dead = [one for one in self.dead if one["destination"] != wish["destination"] or one["id"] not in ids]
        results = [{"id": one, "result": done if one in here else "gone"} for one in ids]
        return web.json_response({"results": results, **more})

    async def _audit(self, request: web.Request) -> web.Response:
        self.asked.append(dict(request.query))
        return web.json_response(self.books or {}, status=200 if self.books else 404)

    async def _write_off(self, _: web.Request) -> web.Response:
        assert self.books is not None
        self.books = {**self.books, "balanced": True}
        return web.json_response({"written_off": {}})

    async def _live(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(dict(request.query))
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await stream.prepare(request)
        for entry in self.streams.pop(0) if self.streams else []:
            await stream.write(
                b": a comment\r\nid: %s\r\ndata: %s\r\n\r\n" % (entry["id"].encode(), orjson.dumps(entry))
            )
        if not self.streams:
            await asyncio.Event().wait()
        return stream


@web.middleware
async def _guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let in who calls us by a local name and knows the password, as the gateway does."""
    assert request.host.partition(":")[0] == "localhost"
    scheme, _, pair = request.headers.get("Authorization", "").partition(" ")
    if (scheme, b64decode(pair)) != ("Basic", f"admin:{PASSWORD}".encode()):
        return web.json_response({"error": "password"}, status=401)
    return await handler(request)


@dataclass(frozen=True)
class Gateway:
    config: Path
    folder: Path
    api: Api
    admin: Admin
    ports: tuple[int, int]

    def file(self, name: str, text: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path


def beside(file: Path, ending: str) -> list[str] | None:
    """Return the lines of what a command left beside a file, or None where it left nothing."""
    path = Path(f"{file}{ending}")
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else None


def rewrite(path: Path, change: Callable[[str], str]) -> None:
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")


def a_letter(leg: str, destination: str = "echo", **more: Any) -> Event:
    return {
        "id": leg,
        "destination": destination,
        "site": "shop",
        "event": "purchase",
        "event_id": f"e-{leg}",
        "outcome": "dead:rejected",
        "reason": "100/2804003",
        "attempts": 3,
        "request": {"value": 10},
        "response": {"status": 400},
        "at": 1_795_305_600.25,
        **more,
    }
