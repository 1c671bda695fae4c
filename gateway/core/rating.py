"""How well a platform can use what it was sent, in its own figures; a person asks, no event waits for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, runtime_checkable

from gateway.core.adapter import Request, Response


class Shared(NamedTuple):
    """Per cent of the browser's and of the server's events that carry an id, and of the browser's it paired."""

    browser: float | None
    server: float | None
    paired: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """What a platform says of one kind of event, by its own name.

    Units:  `score` of 10; all else in per cent. `keys`: identifier -> share of events that carry it. `coverage`: share
            of the browser's events that the server sent as well, against the `goal` that the platform sets.
    """

    event: str
    score: float | None = None
    coverage: float | None = None
    goal: float | None = None
    freshness: str | None = None
    keys: Mapping[str, float] = field(default_factory=dict)
    dedup: Mapping[str, Shared] = field(default_factory=dict)
    advice: tuple[str, ...] = ()


@runtime_checkable
class Rated(Protocol):
    """What an adapter may provide besides: its platform's own judgement of the events."""

    def ask_quality(self) -> Request:
        """Ask. Nothing is left behind at the platform."""
        ...

    def quality(self, response: Response) -> tuple[Rating, ...] | str:
        """Read the answer, an event a line; a text says why there is none. Never raises."""
        ...
