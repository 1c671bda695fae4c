"""The admin API (contract section 8), health, readiness and metrics."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final, NamedTuple

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler
from aiohttp_sse import sse_response
from prometheus_client import CONTENT_TYPE_LATEST, Gauge

from gateway.console.desk import DESK, Desk
from gateway.console.exposition import exposition
from gateway.console.locks import locks
from gateway.console.pages import add_pages, hours_of
from gateway.console.stream import entries
from gateway.store.errors import Unavailable
from gateway.store.letters import MOST, PAGE, Place
from gateway.store.tally import Tally

__all__ = ["DESK", "Desk", "create_admin_app"]

_MOST_REPLAYED: Final = 10_000
_HISTORY: Final = 200
_BEFORE: Final = "give Unix seconds, or <at>/<destination>/<id> of a letter"


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
    except web.HTTPClientError as err:
        if not request.path.startswith("/admin/"):
            raise
        return _refused(err)


def _refused(err: web.HTTPClientError) -> web.Response:
    """Say in JSON what aiohttp would say as text."""
    match err:
        case web.HTTPNotFound():
            error, repair = "path", "there is nothing here; the paths are those below /admin/api"
        case web.HTTPMethodNotAllowed():
            error, repair = "method", f"use {' or '.join(sorted(err.allowed_methods))}"
        case web.HTTPRequestEntityTooLarge():
            error, repair = "too_large", "send less at a time"
        case _:
            error, repair = "request", "the request cannot be used as it is"
    answer = _json({"error": error, "repair": repair}, status=err.status)
    if "Allow" in err.headers:
        answer.headers["Allow"] = err.headers["Allow"]
    return answer


async def _healthz(_: web.Request) -> web.Response:
    return web.Response(text="ok\n")


async def _readyz(request: web.Request) -> web.Response:
    ready, why = await request.app[DESK].is_ready()
    return _json({"ready": ready, **why}, status=200 if ready else 503)


async def _metrics(request: web.Request) -> web.Response:
    desk = request.app[DESK]
    try:
        rows = await desk.ledger.destinations()
        for gauge in _of_destinations(desk.tally):  # those of one that left, and is owed nothing any more
            gauge.clear()
        for row in rows:
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
        for gauge in (*_of_destinations(desk.tally), desk.tally.unbalanced):
            gauge.clear()
    told = exposition(desk.tally.registry, await desk.further())
    return web.Response(body=told, headers={"Content-Type": CONTENT_TYPE_LATEST})


def _of_destinations(tally: Tally) -> tuple[Gauge, ...]:
    return tally.waiting, tally.oldest, tally.dead_letters, tally.parked, tally.expires


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
    """List a page of dead letters, or those of one event id, however old.

    The next page begins `before` the last letter of this one: `<at>/<destination>/<id>`.
    """
    letters, asked = request.app[DESK].ledger.letters, request.query
    destination, name = asked.get("destination"), asked.get("event_id")
    if name is not None:
        return _json(await letters.found(name, destination))
    limit, start = _whole(asked.get("limit") or str(PAGE)), asked.get("before")
    before = Place.read(start) if start else None
    if limit is None or not 1 <= limit <= MOST:
        return _json({"error": "limit", "repair": f"give 1 to {MOST}"}, status=400)
    if start and before is None:
        return _json({"error": "before", "repair": _BEFORE}, status=400)
    return _json(await letters.page(destination, limit=limit, before=before))


async def _replay(request: web.Request) -> web.Response:
    return await _each_letter(request, "revived", request.app[DESK].ledger.letters.replay)


async def _drop(request: web.Request) -> web.Response:
    async def drop(destination: str, leg: str) -> str:
        return "dropped" if await request.app[DESK].ledger.letters.drop(destination, leg) else "gone"

    return await _each_letter(request, "dropped", drop)


async def _each_letter(request: web.Request, done: str, act: Callable[[str, str], Awaitable[str]]) -> web.Response:
    """Do something to the dead letters a body names: `{"ids": [...]}`, also with a `destination`, or all of one.

    Shape: answers `{"<done>": n, "results": [{"id", "destination", "result"}]}`, and `next` where all are more than are
    done at once: the `before` of the next call.
    """
    letters, wish = request.app[DESK].ledger.letters, _wish(await request.read())
    if wish is None:
        repair = 'send {"ids": ["…"]}, {"destination": "meta", "ids": ["…"]} or {"destination": "meta", "all": true}'
        return _json({"error": "body", "repair": repair}, status=400)
    rest: Place | None = None
    if wish.ids is None:
        places, rest = await letters.places(wish.destination, limit=_MOST_REPLAYED, before=wish.before)
        named: list[tuple[str | None, str]] = [(place.destination, place.leg) for place in places]
    elif wish.destination is None:
        named = [(place, leg) for leg in wish.ids for place in await letters.holders(leg) or (None,)]
    else:
        named = [(wish.destination, leg) for leg in wish.ids]
    results = [
        {"id": leg, "destination": place, "result": "gone" if place is None else await act(place, leg)}
        for place, leg in named
    ]
    told = {done: sum(row["result"] == done for row in results), "results": results}
    return _json(told if rest is None else {**told, "next": str(rest)})


class _Wish(NamedTuple):
    """`ids` None: all of the destination. `destination` None: wherever there are letters of these ids."""

    destination: str | None
    ids: list[str] | None
    before: Place | None = None


def _wish(body: bytes) -> _Wish | None:
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(said, dict):
        return None
    destination, ids, start = said.get("destination"), said.get("ids"), said.get("before")
    if said.get("all") is True:
        before = Place.read(start) if isinstance(start, str) else None
        is_readable = isinstance(destination, str) and (start is None or before is not None)
        return _Wish(destination, None, before) if is_readable else None
    if not isinstance(ids, list) or not all(isinstance(leg, str) for leg in ids) or len(ids) > _MOST_REPLAYED:
        return None
    return _Wish(destination, ids) if destination is None or isinstance(destination, str) else None


async def _live(request: web.Request) -> web.StreamResponse:
    history = min(_whole(request.query.get("history") or "0") or 0, _HISTORY)
    async with sse_response(request) as stream:
        async for entry in entries(request, stream, request.app[DESK].ledger, history):
            await stream.send(orjson.dumps(entry).decode(), id=entry["id"])
    return stream


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else None


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
