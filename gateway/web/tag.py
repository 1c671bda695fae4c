"""The browser tag as it is served: a script with the site's rules, which browsers and CDNs may keep for a while."""

from __future__ import annotations

import gzip
from functools import lru_cache
from hashlib import sha256
from typing import Final, NamedTuple

from aiohttp import hdrs, web

from gateway import tag
from gateway.tag import Rules
from gateway.web import keepable
from gateway.web.front import Front
from gateway.web.hits import Asked

# Five minutes bound how long a changed rule takes to arrive; for a day an old tag is better than a page that waits.
_CACHE: Final = "public, max-age=300, stale-while-revalidate=86400, stale-if-error=86400"


class _Ready(NamedTuple):
    plain: bytes
    packed: bytes
    etag: str


async def script(front: Front, asked: Asked) -> web.Response:
    """Answer with the site's tag, or with 304 where the browser has it."""
    request, site = asked.whole, asked.place.site
    below = asked.place.below(request.path) or request.path
    ready = _ready(Rules.of(request.path, below, events=site.paths.events, image=site.paths.image))
    headers = {
        hdrs.CACHE_CONTROL: _CACHE,
        hdrs.ETAG: ready.etag,
        hdrs.VARY: hdrs.ACCEPT_ENCODING,
        "X-Content-Type-Options": "nosniff",
        # A page that isolates itself (COEP) runs scripts of other origins only when they allow it.
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    if keepable.has(request, ready.etag):
        return web.Response(status=304, headers=headers)
    if keepable.takes_gzip(request):
        headers[hdrs.CONTENT_ENCODING] = "gzip"
        return _script(ready.packed, headers)
    return _script(ready.plain, headers)


def _script(body: bytes, headers: dict[str, str]) -> web.Response:
    return web.Response(body=body, headers=headers, content_type="text/javascript", charset="utf-8")


@lru_cache(maxsize=256)
def _ready(rules: Rules) -> _Ready:
    plain = tag.script(rules)
    # Weak: the packed and the plain bytes are the same tag.
    return _Ready(plain, gzip.compress(plain, mtime=0), f'W/"{sha256(plain).hexdigest()[:16]}"')
