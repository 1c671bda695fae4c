"""Follows the live stream for one reader, and lets go of one who left.

aiohttp does not cancel a handler whose client went away, and a stream that has nothing to say never notices by
itself: whoever watches a quiet shop and closes the page would be polled for until the gateway stops.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

from aiohttp import web
from aiohttp_sse import EventSourceResponse

from gateway.store.errors import Unavailable
from gateway.store.ledger import Ledger

# Quick enough to look immediate, slow enough to cost the store nothing.
_LOOK_S: Final = 0.2
_STOPPING: Final = web.AppKey("streams_stopping", asyncio.Event)


def add_streams(app: web.Application) -> None:
    """End every stream when the listener closes, so that a shutdown does not wait for open pages."""
    app[_STOPPING] = asyncio.Event()

    async def stop(_: web.Application) -> None:
        app[_STOPPING].set()

    app.on_shutdown.append(stop)


async def entries(
    request: web.Request, stream: EventSourceResponse, ledger: Ledger, history: int = 0
) -> AsyncIterator[dict[str, Any]]:
    """Yield what happens, as it is written, until the reader leaves or the listener closes.

    Shape: begins behind the reader's `Last-Event-ID` or `after`, where it names one; else with the newest `history`
    entries.
    """
    last = _named(request)
    stopping = request.app[_STOPPING]
    while _listens(request, stream) and not stopping.is_set():
        try:
            if last is None:
                newest = await ledger.recent(max(history, 1))
                last = newest[-1]["id"] if newest else "0-0"
                found = newest if history else []
            else:
                found = await ledger.since(last)
        except Unavailable:  # the reader stays; what was written meanwhile comes when the store is back
            found = []
        for entry in found:
            last = entry["id"]
            yield entry
        if not found:
            await asyncio.sleep(_LOOK_S)


def _listens(request: web.Request, stream: EventSourceResponse) -> bool:
    transport = request.transport
    return transport is not None and not transport.is_closing() and stream.is_connected()


def _named(request: web.Request) -> str | None:
    """Return the entry that the reader saw last: two numbers, as Redis numbers its streams."""
    told = request.headers.get("Last-Event-ID") or request.query.get("after", "")
    first, _, second = told.partition("-")
    return told if all(part.isascii() and part.isdigit() and len(part) < 20 for part in (first, second)) else None
