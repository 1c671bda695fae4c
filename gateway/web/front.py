"""What the web room is handed: the tables, the store's door, the counters, the clock and the dice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from gateway.core.event import Copy, Wire
from gateway.core.outcome import Door
from gateway.store.keeper import Answer
from gateway.web.directory import Directory
from gateway.web.limits import Limiter
from gateway.web.refusals import RefusalLog
from gateway.web.signature import Seen

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


@dataclass(slots=True, kw_only=True)
class Front:
    """`directory` is replaced as a whole on reload: whoever answers a request reads it once.

    `now_ms`: milliseconds since 1970. `dice`: 32 fresh random bytes a call.
    """

    directory: Directory
    keeper: Keeper
    tally: Tally
    now_ms: Callable[[], int]
    dice: Callable[[], bytes]
    limiter: Limiter = field(default_factory=Limiter)
    refusals: RefusalLog = field(default_factory=RefusalLog)
    seen: Seen = field(default_factory=Seen)
