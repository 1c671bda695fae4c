"""What the admin listener reads, in one place that its API and its pages share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from gateway.core.adapter import Secret
from gateway.store.ledger import Ledger
from gateway.store.tally import Tally


async def _nobody() -> Mapping[int, bytes | None]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What the admin listener reads. `is_ready`: whether an event could be taken now, and why not.

    `further`: what the other ingest processes of this gateway count, by their numbers (`Workers.metrics`).
    """

    ledger: Ledger
    tally: Tally
    is_ready: Callable[[], Awaitable[tuple[bool, dict[str, Any]]]]
    further: Callable[[], Awaitable[Mapping[int, bytes | None]]] = _nobody
    password: Secret | None = None
    hosts: frozenset[str] = frozenset()


DESK: Final = web.AppKey("desk", Desk)
