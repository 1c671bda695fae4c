"""The pages: Live, one event's trace, Destinations. Rendered here from the ledger; scripts only keep them fresh.

Every text goes through `shown.safe` and is escaped; there is no inline script or style, so the policy below can
forbid both, and an event's name stays a name whatever it holds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import aiohttp_jinja2
import jinja2
from aiohttp import web
from aiohttp.typedefs import Handler
from aiohttp_sse import sse_response

from gateway.console import shown, words
from gateway.console.desk import DESK
from gateway.console.state import condition, groups
from gateway.console.stream import add_streams, entries
from gateway.console.trace import trace
from gateway.console.view import View
from gateway.store.errors import Unavailable
from gateway.store.keys import LIVE_ENTRIES
from gateway.store.ledger import GONE

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_STATIC: Final = Path(str(files("gateway.console"))) / "static"
_ROWS: Final = 200
_LETTERS: Final = 100
# What a chart may span: a day, a week, four weeks. The counters reach back further than any of them.
RANGES: Final = {24: "24 hours", 168: "7 days", 672: "4 weeks"}
_DIGESTED: Final = re.compile(rf"{shown.DIGEST_MARK}([0-9a-f]{{32}})")


def add_pages(app: web.Application) -> None:
    """Give the admin app its pages, their static files and the headers of every answer."""
    aiohttp_jinja2.setup(
        app,
        loader=jinja2.PackageLoader("gateway.console"),
        autoescape=True,
        finalize=shown.safe,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        filters={name: getattr(shown, name) for name in ("count", "sentence", "span", "iso", "clock")},
    )
    environment = aiohttp_jinja2.get_env(app)
    environment.globals.update(trace_path=shown.trace_path, sign=words.sign, because=words.because, version=_version())
    app.middlewares.append(_told_faults)
    app.on_response_prepare.append(_headers)
    add_streams(app)
    app.router.add_get("/", _live)
    app.router.add_get("/live", _live)
    app.router.add_get("/live/stream", _stream)
    app.router.add_get("/event", _find)
    app.router.add_get("/event/{event_id:.+}", _event)
    app.router.add_get("/destinations", _destinations)
    app.router.add_get("/destinations/{name}", _destination)
    app.router.add_get("/favicon.ico", _favicon)
    app.router.add_static("/static", _STATIC)


def hours_of(text: str | None) -> int:
    """Read a range in hours; anything else than those on offer is a day."""
    return int(text) if text in {str(hours) for hours in RANGES} else min(RANGES)


async def _headers(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_HEADERS)
    response.headers.setdefault("Cache-Control", "no-cache")


@web.middleware
async def _told_faults(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer a page with a page when the store is away; the API's answers are made elsewhere."""
    if request.path.startswith("/admin/"):
        return await handler(request)
    try:
        return await handler(request)
    except Unavailable:
        return await _render("away.html", request, {}, status=503)
    except web.HTTPNotFound:
        return await _render("missing.html", request, {"wanted": ""}, status=404)


async def _live(request: web.Request) -> web.Response:
    ledger, view = request.app[DESK].ledger, View.read(request.query)
    newest = await ledger.recent(LIVE_ENTRIES)
    rows = [entry for entry in newest if view.wants(entry)][-_ROWS:]
    plan = ledger.plan()
    return await _render(
        "live.html",
        request,
        {
            "view": view,
            "rows": rows[::-1],
            "after": newest[-1]["id"] if newest else "0-0",
            "is_empty": not newest,
            "sites": list(plan.sites),
            "destinations": list(plan.destinations),
            "events": sorted({str(entry["event"]) for entry in newest if entry.get("event")}),
            "outcomes": words.OUTCOMES,
            "hosts": next((site.hosts for site in plan.sites.values()), ()),
        },
    )


async def _stream(request: web.Request) -> web.StreamResponse:
    """Send each entry that the view wants as the row it becomes, so that one template makes every row."""
    view = View.read(request.query)
    row = aiohttp_jinja2.get_env(request.app).get_template("row.html")
    async with sse_response(request) as stream:
        async for entry in entries(request, stream, request.app[DESK].ledger):
            if view.wants(entry):
                await stream.send(row.render(row=entry), id=entry["id"])
    return stream


async def _find(request: web.Request) -> web.Response:
    """Send a search for an id to its trace."""
    wanted = request.query.get("id", "").strip()
    raise web.HTTPSeeOther(shown.trace_path(wanted) if wanted else "/live")


async def _event(request: web.Request) -> web.Response:
    ledger, wanted = request.app[DESK].ledger, request.match_info["event_id"]
    site, event = request.query.get("site"), request.query.get("event")
    digested = _DIGESTED.fullmatch(wanted)
    if digested:
        story = await ledger.explain_named(digested[1], site, event)
    else:
        story = await ledger.explain(wanted, site, event)
    plan = ledger.plan()
    if story is None:
        kept_d = plan.keep.outcomes_d
        return await _render("missing.html", request, {"wanted": wanted, "kept_d": kept_d}, status=404)
    return await _render("event.html", request, {"trace": trace(story, plan), "story": story, "asked": request.path_qs})


async def _destinations(request: web.Request) -> web.Response:
    ledger, hours = request.app[DESK].ledger, hours_of(request.query.get("hours"))
    qualities = await ledger.counts.qualities(hours)
    books = await ledger.audit.read(hours=hours)
    accounts = {account["destination"]: account for account in books["destinations"]}
    states = await ledger.destinations()
    rows = [
        {
            **await _told(request, row),
            "match_quality": qualities.get(row["destination"]),
            "account": accounts[row["destination"]],
        }
        for row in states
        if row["state"] != GONE
    ]
    told = {"rows": rows, "volumes": await ledger.counts.volumes(hours), "hours": hours, "ranges": RANGES}
    told |= {"books": books, "gone": _gone(books, states)}
    return await _render("destinations.html", request, told)


async def _destination(request: web.Request) -> web.Response:
    ledger, name = request.app[DESK].ledger, request.match_info["name"]
    found = [row for row in await ledger.destinations() if row["destination"] == name and row["state"] != GONE]
    if not found:
        raise web.HTTPNotFound
    letters = await ledger.letters.newest(name, _LETTERS)
    hours = hours_of(request.query.get("hours"))
    books = await ledger.audit.read(hours=hours)
    account = next(account for account in books["destinations"] if account["destination"] == name)
    qualities = await ledger.counts.qualities(hours)
    told = {
        "row": {**await _told(request, found[0], letters), "match_quality": qualities.get(name), "account": account},
        "letters": [{**letter, "response": shown.pretty(letter["response"])} for letter in letters],
        "volumes": await ledger.counts.volumes(hours),
        "hours": hours,
        "ranges": RANGES,
    }
    return await _render("destination.html", request, told)


def _gone(books: Mapping[str, Any], states: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Tell of those that left the configuration what the books say and how many dead letters there are."""
    accounts = {row["destination"]: row for row in books["destinations"] if not row["configured"]}
    dead = {row["destination"]: row["dead"] for row in states if row["state"] == GONE}
    return [
        {"destination": name, "account": accounts.get(name), "dead": dead.get(name, 0)}
        for name in sorted(accounts.keys() | dead.keys())
    ]


async def _told(
    request: web.Request, row: Mapping[str, Any], letters: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """Add to a destination's row its state in words and its dead letters by what they died of."""
    ledger = request.app[DESK].ledger
    destination = ledger.plan().destinations[row["destination"]]
    if letters is None:
        letters = await ledger.letters.newest(row["destination"], _LETTERS) if row["dead"] else []
    return {
        **row,
        "adapter": type(destination.adapter).__name__,
        "endpoint": destination.base_url,
        "condition": condition(row, is_enabled=destination.enabled),
        "last_error_words": words.cause(row["last_error"] or ""),
        "groups": groups(letters),
        "looked_at": len(letters),
    }


async def _favicon(_: web.Request) -> web.FileResponse:
    return web.FileResponse(_STATIC / "favicon.svg", headers={"Content-Type": "image/svg+xml"})


async def _render(template: str, request: web.Request, told: Mapping[str, Any], status: int = 200) -> web.Response:
    """Render a page in its frame, whose foot says how durable the store is."""
    _, ready = await request.app[DESK].is_ready()
    frame = {"durability": ready.get("sentence", ""), "path": request.path}
    answer = aiohttp_jinja2.render_template(template, request, {**frame, **told}, status=status)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _version() -> str:
    try:
        return version("tagway")
    except PackageNotFoundError:  # run from a source tree that is not installed
        return ""
