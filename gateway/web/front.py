"""What the web room is handed: the tables, the store's door, the counters, the clock and the dice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from gateway.core.event import Copy, Wire
from gateway.core.outcome import Door
from gateway.store.keeper import Answer
from gateway.web.directory import Directory
from gateway.web.limits import Limiter
from gateway.web.refusals import RefusalLog
from gateway.web.signature import Seen

if TYPE_CHECKING:
    from gateway.web.proxy import Proxy

NO_SITE = "-"
"""The site that a refusal is counted under where none could be told."""


class Keeper(Protocol):
    """The store's door."""

    def submit(self, copy: Copy, answer: Answer) -> None:
        """Begin to keep one copy; `answer` is told once what it was, or an exception: Unavailable as a rule."""
        ...

    async def keep(self, copies: Sequence[Copy]) -> list[Door]:
        """Keep these copies durably and say what each was, in order; raises Unavailable when it could not."""
        ...


class Tally(Protocol):
    """The counters."""

    def door(self, site: str, event: str, wire: Wire, status: str, event_id: str = "") -> None:
        """Count what became of one copy: a door status or `refused:<reason>`; `event` is empty where unreadable."""
        ...

    def dropped(self, site: str, fields: Sequence[tuple[str, str]]) -> None:
        """Count what the seal dropped of one person: each field with its fault."""
        ...

    def proxied(self, site: str, route: str, outcome: str) -> None:
        """Count a request for a vendor's script by what it was answered with."""
        ...


@dataclass(slots=True, kw_only=True)
class Front:
    """`directory` is replaced as a whole on reload (`use`): whoever answers a request reads it once.

    `now_ms`: milliseconds since 1970. `dice`: 32 fresh random bytes a call. `proxy`: there once a site has routes.
    """

    directory: Directory
    keeper: Keeper
    tally: Tally
    now_ms: Callable[[], int]
    dice: Callable[[], bytes]
    limiter: Limiter = field(default_factory=Limiter)
    refusals: RefusalLog = field(default_factory=RefusalLog)
    seen: Seen = field(default_factory=Seen)
    proxy: Proxy | None = None

    def __post_init__(self) -> None:
        self.use(self.directory)

    def use(self, directory: Directory) -> None:
        """Put these tables in force."""
        routes = [route for place in directory.sites.values() for route in place.site.proxy]
        if routes and self.proxy is None:
            from gateway.web.proxy import Proxy  # asks vendors: an ingest process without routes is smaller

            self.proxy = Proxy(counted=self.tally.proxied)
        if self.proxy is not None:
            self.proxy.use(routes)
        self.directory = directory

    async def close(self) -> None:
        if self.proxy is not None:
            await self.proxy.close()
