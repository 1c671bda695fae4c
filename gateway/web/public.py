"""The public listener: every request finds its site and its path here, and leaves with an answer.

A further path is one more `Route`. Sites rename their paths and come and go with a reload, so the table that is
asked is the site's own and not aiohttp's.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

import structlog
from aiohttp import HttpVersion10, HttpVersion11, hdrs, web

from gateway.core.event import Wire
from gateway.core.outcome import Refused
from gateway.core.site import PathNames
from gateway.web import api, ga4, hits, reply, tag
from gateway.web.connection import Connection, cors_origin
from gateway.web.directory import Place, event_paths, image_paths
from gateway.web.door import refuse
from gateway.web.front import Front
from gateway.web.hits import Asked
from gateway.web.reply import Reply

log = structlog.get_logger()

# A browser keeps a connection for minutes; an idle one costs memory, and a trickled header is closed with it.
KEEPALIVE_S: Final = 15
# Meta's pixel sends GETs of up to 32 KiB, and cookies and the Referer come on top.
_MAX_LINE_BYTES: Final = 64 * 1024

# The routes that the front lane knows, too; the image stands for any answer.
IMAGE: Final = "image"
EVENTS: Final = "events"


class Route(NamedTuple):
    """One public path. `paths` gives its names below the site's mount."""

    name: str
    methods: frozenset[str]
    paths: Callable[[PathNames], tuple[str, ...]]
    answer: Callable[[Front, Asked], Awaitable[web.StreamResponse | Reply]]


ROUTES: Final = (
    Route(IMAGE, frozenset({hdrs.METH_GET}), image_paths, hits.image),
    Route(EVENTS, frozenset({hdrs.METH_POST, hdrs.METH_OPTIONS}), event_paths, hits.events),
    Route(
        "google",
        frozenset({hdrs.METH_GET, hdrs.METH_POST, hdrs.METH_OPTIONS}),
        lambda _: ("/g/collect",),
        ga4.collect,
    ),
    Route("tag", frozenset({hdrs.METH_GET, hdrs.METH_HEAD}), lambda names: (names.tag, "/tag.js"), tag.script),
)


def create_public_app(
    front: Front, routes: tuple[Route, ...] = ROUTES, *, mount: Callable[[web.Application], None] | None = None
) -> web.Application:
    """Build the public listener. Its runner needs `runner_options()`.

    `mount` may add routes of its own, which are asked first (the demo shop's).
    """

    async def answer(request: web.Request) -> web.StreamResponse:
        return await _answer(front, routes, request)

    app = web.Application()
    if mount is not None:
        mount(app)
    app.router.add_route("*", "/{path:.*}", answer, expect_handler=_expected)
    return app


async def _expected(request: web.Request) -> None:
    """Tell a client that waits to go on. The library's own answer to anything else repeats it, and may fail at that."""
    if request.version < HttpVersion11:
        return
    if request.headers.get(hdrs.EXPECT, "").strip().lower() != "100-continue":
        raise web.HTTPExpectationFailed
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0  # the answer itself has not begun


def runner_options() -> dict[str, Any]:
    """Return what `web.AppRunner` has to be told.

    Unpacking is ours (aiohttp's stalls the loop on a bomb, even unread), and nothing lingers for a body that nobody
    reads. The library's own log quotes URLs: it becomes one line without them.
    """
    return {
        "auto_decompress": False,
        "lingering_time": 0,
        "keepalive_timeout": KEEPALIVE_S,
        "max_line_size": _MAX_LINE_BYTES,
        "max_field_size": _MAX_LINE_BYTES,
        "access_log": None,
        "handler_cancellation": False,
        "logger": _protocol_log(),
    }


async def _answer(front: Front, routes: tuple[Route, ...], request: web.Request) -> web.StreamResponse:
    route: Route | None = None
    try:
        if request.version < HttpVersion10:
            return web.Response(status=400)  # nothing of today speaks 0.9, and no proxy agrees where its answer ends
        directory = front.directory
        path = request.path
        if path == "/healthz":
            return web.Response(text="ok\n")
        if path in directory.api_paths:
            return await api.server_events(front, request, directory)
        connection = Connection.of(request, directory)
        if connection.host not in directory.hosts:
            return _unknown_host(front, path)
        found = connection.find(path, directory)
        route = None if found is None else _route(routes, found[1], found[0])
        if found is None or route is None:
            return web.Response(status=404)
        if request.method not in route.methods:
            return web.Response(status=405, headers={hdrs.ALLOW: ", ".join(sorted(route.methods))})
        asked = Asked(
            request=request,
            connection=connection,
            place=found[0],
            directory=directory,
            origin=cors_origin(request, found[0]),
            query=request.rel_url.raw_query_string,
        )
        told = await route.answer(front, asked)
        return told.response() if isinstance(told, Reply) else told
    except Exception as error:  # noqa: BLE001 - the last resort: whatever is broken in us, the page goes on
        return failed(error, "request" if route is None else route.name).response()


def _route(routes: tuple[Route, ...], below: str, place: Place) -> Route | None:
    names = place.site.paths
    known = next((route for route in routes if below in route.paths(names)), None)
    return _SCRIPT if known is None and below in place.scripts else known


async def _script(front: Front, asked: Asked) -> web.StreamResponse:
    assert front.proxy is not None, "Front.use() opens it with the first route"
    return await front.proxy.answer(asked)


_SCRIPT: Final = Route("proxy", frozenset({hdrs.METH_GET, hdrs.METH_HEAD}), lambda _: (), _script)


def _unknown_host(front: Front, path: str) -> web.Response:
    """A name that no site has: nothing to run and nothing to call there, but a picture breaks no page."""
    said = refuse(front, Refused.HOST, Wire.BROWSER)
    # A mount may stand before it: which there are, no site is there to tell.
    if path.endswith(".js") or "/api/" in path:
        return web.Response(status=404, headers={reply.SAID: said})
    return reply.image(said).response()


def failed(error: Exception, kind: str) -> Reply:
    """Log where it broke, never what was sent: the text of an exception may quote it. `kind` names the route."""
    at = traceback.extract_tb(error.__traceback__)[-1]
    log.error(
        "hit.failed",
        kind=kind,
        error=type(error).__name__,
        where=f"{at.filename.rpartition('/')[2]}:{at.lineno}",
    )
    if kind == IMAGE:
        return reply.image(reply.refused(Refused.UNAVAILABLE))
    return reply.beacon(503, reply.refused(Refused.UNAVAILABLE))


class _Reduced(logging.Handler):
    """Lets of the library's records only the kind of the error through."""

    def emit(self, record: logging.LogRecord) -> None:
        kind = record.exc_info[0] if record.exc_info else None
        log.debug("connection.refused", error=None if kind is None else kind.__name__)


def _protocol_log() -> logging.Logger:
    logger = logging.getLogger("gateway.web.protocol")
    logger.propagate = False
    if not logger.handlers:
        logger.addHandler(_Reduced())
    return logger
