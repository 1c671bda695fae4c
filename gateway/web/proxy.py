"""Vendor scripts from the site's own host: a visitor's request chooses among what a route names, and brings no more.

Scheme, host, port and path stand in the configuration. Of the query the named parameters pass with the named values,
in the route's order; no header of a visitor goes to the vendor, and of its answer only the script and its type go back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from aiohttp import hdrs, web

from gateway.core.site import ProxyRoute
from gateway.web import keepable
from gateway.web.scripts import AGAIN_S, MIN_FRESH_S, How, Scripts, Served, Wanted
from gateway.web.upstream import Failed, Upstream

if TYPE_CHECKING:
    from gateway.web.hits import Asked

# A page's own address may stand in a script's: what the route does not name is dropped, but not read without end.
MAX_QUERY_CHARS: Final = 4_096
_STALE_S: Final = 86_400
_STALE_IF_ERROR_S: Final = 7 * 86_400


class Proxy:
    """Answers the routes of all sites. `counted`: told site, route and outcome of each request."""

    def __init__(self, *, counted: Callable[[str, str, str], None], scripts: Scripts | None = None) -> None:
        self._counted = counted
        self._scripts = Scripts(Upstream(), now_s=_now_s) if scripts is None else scripts

    def use(self, routes: Iterable[ProxyRoute]) -> None:
        """Take these routes as all there are: what none of them can ask for is forgotten, the rest stays."""
        by_upstream: dict[str, list[ProxyRoute]] = {}
        for route in routes:
            by_upstream.setdefault(route.upstream, []).append(route)
        self._scripts.forget(
            lambda upstream, query: any(
                all(value in route.query.get(name, ()) for name, value in query)
                for route in by_upstream.get(upstream, ())
            )
        )

    async def answer(self, asked: Asked) -> web.Response:
        """Answer with the script of the path that is asked, or in plain words why there is none."""
        site, below = asked.place.site.name, asked.place.below(asked.request.path)
        route = asked.place.scripts[below or ""]
        query = passing(route, asked.query)
        if isinstance(query, str):
            self._counted(site, route.path, How.REFUSED)
            return _refusal(404, query)
        told = await self._scripts.get(Wanted(site, route.path, route.upstream, query))
        if isinstance(told, Failed):
            self._counted(site, route.path, How.LATE if told.is_late else How.FAILED)
            what = "was not there in time" if told.is_late else "could not be had"
            return _refusal(504 if told.is_late else 502, f"the script {what} ({told.reason})")
        self._counted(site, route.path, told.how)
        return _script(asked, told)

    async def close(self) -> None:
        await self._scripts.close()


def passing(route: ProxyRoute, query: str) -> tuple[tuple[str, str], ...] | str:
    """Return what of a query goes to the vendor, in the route's order; or say in words what cannot."""
    if len(query) > MAX_QUERY_CHARS:
        return f"the query is longer than {MAX_QUERY_CHARS} characters"
    found: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in route.query:
            continue
        if name in found:
            return f"{name}: is given twice"
        if value not in route.query[name]:
            return f"{name}: no value that passes here"
        found[name] = value
    return tuple((name, found[name]) for name in route.query if name in found)


def _script(asked: Asked, told: Served) -> web.Response:
    request, script = asked.whole, told.script
    fresh_s = max(told.fresh_s, MIN_FRESH_S)
    headers = {
        hdrs.CACHE_CONTROL: (
            f"public, max-age={fresh_s}, stale-while-revalidate={_STALE_S}, stale-if-error={_STALE_IF_ERROR_S}"
        ),
        hdrs.ETAG: script.etag,
        hdrs.VARY: "Accept-Encoding, Origin",
        "X-Content-Type-Options": "nosniff",
        # A page that isolates itself (COEP) runs scripts of other origins only when they allow it.
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    if asked.origin is not None:  # <script crossorigin>, and a page that checks the script's digest
        headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = asked.origin
    if keepable.has(request, script.etag):
        return web.Response(status=304, headers=headers)
    headers[hdrs.CONTENT_TYPE] = script.kind
    if keepable.takes_gzip(request):
        headers[hdrs.CONTENT_ENCODING] = "gzip"
        return web.Response(body=script.packed, headers=headers)
    return web.Response(body=script.plain, headers=headers)


def _refusal(status: int, said: str) -> web.Response:
    headers = {hdrs.CACHE_CONTROL: "no-store", "X-Content-Type-Options": "nosniff"}
    if status != 404:
        headers[hdrs.RETRY_AFTER] = str(AGAIN_S)
    return web.Response(status=status, text=f"{said}\n", headers=headers)


def _now_s() -> float:
    return asyncio.get_running_loop().time()
