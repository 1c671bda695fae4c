"""The admin API (contract section 8), health, readiness and metrics."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler
from aiohttp_sse import sse_response
from prometheus_client import CONTENT_TYPE_LATEST

from gateway.console.desk import DESK, Desk
from gateway.console.exposition import exposition
from gateway.console.locks import locks
from gateway.console.pages import add_pages, hours_of
from gateway.console.stream import entries
from gateway.store.errors import Unavailable

__all__ = ["DESK", "Desk", "create_admin_app"]

_MOST_REPLAYED: Final = 10_000
_HISTORY: Final = 200


def create_admin_app(desk: Desk) -> web.Application:
    app = web.Application(middlewares=[locks(desk.hosts, desk.password), _plain_faults])
    app[DESK] = desk
    app.router.add_get("/healthz", _healthz)
    app.router.add_get("/readyz", _readyz)
    app.router.add_get("/metrics", _metrics)
    app.router.add_get("/admin/api/explain/{event_id:.+}", _explain)
    app.router.add_get("/admin/api/destinations", _destinations)
    app.router.add_get("/admin/api/totals", _totals)
    app.router.add_get("/admin/api/dead", _dead)
    app.router.add_post("/admin/api/dead/replay", _replay)
    app.router.add_post("/admin/api/dead/drop", _drop)
    app.router.add_get("/admin/api/live", _live)
    app.router.add_get("/admin/api/volumes", _volumes)
    app.router.add_get("/admin/api/audit", _audit)
    app.router.add_post("/admin/api/audit/write-off", _write_off)
    add_pages(app)
    return app


@web.middleware
async def _plain_faults(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Unavailable as err:
        return _json({"error": "store_unavailable", "reason": str(err)}, status=503)


async def _healthz(_: web.Request) -> web.Response:
    return web.Response(text="ok\n")


async def _readyz(request: web.Request) -> web.Response:
    ready, why = await request.app[DESK].is_ready()
    return _json({"ready": ready, **why}, status=200 if ready else 503)


async def _metrics(request: web.Request) -> web.Response:
    desk = request.app[DESK]
    try:
        for row in await desk.ledger.destinations():
            desk.tally.waiting.labels(row["destination"]).set(row["waiting"])
            desk.tally.oldest.labels(row["destination"]).set(row["oldest_age_s"])
            desk.tally.dead_letters.labels(row["destination"]).set(row["dead"])
            desk.tally.parked.labels(row["destination"]).set(row["parked"])
            expires_s = row["expires_in_s"]
            desk.tally.expires.labels(row["destination"]).set(float("inf") if expires_s is None else expires_s)
        unbalanced = await desk.ledger.audit.unbalanced()
        desk.tally.unbalanced.clear()
        for name, number in unbalanced.items():
            desk.tally.unbalanced.labels(name).set(number)
    except Unavailable:
        # The counters of this process are still worth scraping; a gauge that nobody can read now would be a lie.
        tally = desk.tally
        gone = (tally.waiting, tally.oldest, tally.dead_letters, tally.parked, tally.expires, tally.unbalanced)
        for gauge in gone:
            gauge.clear()
    told = exposition(desk.tally.registry, await desk.further())
    return web.Response(body=told, headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _explain(request: web.Request) -> web.Response:
    told = await request.app[DESK].ledger.explain(
        request.match_info["event_id"], request.query.get("site"), request.query.get("event")
    )
    if told is None:
        repair = "check the id; outcomes are kept keep.outcomes_d days"
        return _json({"error": "unknown_event", "repair": repair}, status=404)
    return _json(told)


async def _destinations(request: web.Request) -> web.Response:
    return _json(await request.app[DESK].ledger.destinations())


async def _totals(request: web.Request) -> web.Response:
    since_ms = moment_ms(request.query.get("since"))
    if since_ms is None:
        return _json({"error": "since", "repair": "give Unix seconds or ISO 8601"}, status=400)
    return _json(await request.app[DESK].ledger.counts.totals(since_ms))


async def _volumes(request: web.Request) -> web.Response:
    hours = hours_of(request.query.get("hours"))
    return _json(await request.app[DESK].ledger.counts.volumes(hours))


async def _audit(request: web.Request) -> web.Response:
    asked = request.query.get("since")
    since_ms = moment_ms(asked) if asked else None
    if asked and since_ms is None:
        return _json({"error": "since", "repair": "give Unix seconds or ISO 8601"}, status=400)
    return _json(await request.app[DESK].ledger.audit.read(since_ms))


async def _write_off(request: web.Request) -> web.Response:
    return _json({"written_off": await request.app[DESK].ledger.audit.write_off()})


async def _dead(request: web.Request) -> web.Response:
    return _json(await request.app[DESK].ledger.dead_letters(request.query.get("destination")))


async def _replay(request: web.Request) -> web.Response:
    return await _each_letter(request, "revived", request.app[DESK].ledger.replay_dead)


async def _drop(request: web.Request) -> web.Response:
    async def drop(destination: str, leg: str) -> str:
        return "dropped" if await request.app[DESK].ledger.drop_dead(destination, leg) else "gone"

    return await _each_letter(request, "dropped", drop)


async def _each_letter(request: web.Request, done: str, act: Callable[[str, str], Awaitable[str]]) -> web.Response:
    """Do something to the dead letters a body names: `{"destination": …, "ids": [...]}` or `"all": true`.

    Shape: answers `{"<done>": n, "results": [{"id", "result"}]}`.
    """
    wish = _wish(await request.read())
    if wish is None:
        repair = 'send {"destination": "meta", "ids": ["…"]} or {"destination": "meta", "all": true}'
        return _json({"error": "body", "repair": repair}, status=400)
    destination, ids = wish
    if ids is None:
        letters = await request.app[DESK].ledger.dead_letters(destination, _MOST_REPLAYED)
        ids = [letter["id"] for letter in letters]
    results = [{"id": leg, "result": await act(destination, leg)} for leg in ids]
    return _json({done: sum(row["result"] == done for row in results), "results": results})


def _wish(body: bytes) -> tuple[str, list[str] | None] | None:
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(said, dict) or not isinstance(said.get("destination"), str):
        return None
    if said.get("all") is True:
        return said["destination"], None
    ids = said.get("ids")
    if not isinstance(ids, list) or not all(isinstance(leg, str) for leg in ids) or len(ids) > _MOST_REPLAYED:
        return None
    return said["destination"], ids


async def _live(request: web.Request) -> web.StreamResponse:
    history = min(int(request.query.get("history", "0") or 0), _HISTORY) if _is_count(request) else 0
    async with sse_response(request) as stream:
        async for entry in entries(request, stream, request.app[DESK].ledger, history):
            await stream.send(orjson.dumps(entry).decode(), id=entry["id"])
    return stream


def _is_count(request: web.Request) -> bool:
    text = request.query.get("history", "0")
    return text.isascii() and text.isdigit() and len(text) < 6


def moment_ms(text: str | None) -> int | None:
    """Read Unix seconds or ISO 8601 as milliseconds; nothing given is 0, something unreadable is None."""
    if not text:
        return 0
    try:
        return int(float(text) * 1_000)
    except (ValueError, OverflowError):
        pass
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1_000)
    except (ValueError, OverflowError):
        return None


def _json(value: Any, status: int = 200) -> web.Response:
    return web.Response(
        body=orjson.dumps(value),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
    )
