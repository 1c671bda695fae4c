"""One call to a platform and what the platform makes of it: the words every platform file shares.

Never enters: a rule of any one platform, a socket, a clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, TypeAlias, cast, runtime_checkable

Object: TypeAlias = dict[str, object]


def as_object(value: object) -> Object | None:
    """Take a JSON object for what it is, anything else for nothing."""
    return cast(Object, value) if isinstance(value, dict) else None


def as_list(value: object) -> list[object] | None:
    """Take a JSON array for what it is, anything else for nothing."""
    return cast(list[object], value) if isinstance(value, list) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Hold one request as a platform reads it.

    Shape:   `body` is the decoded JSON, or None where `unreadable` says why it could not be decoded.
    Units:   `at_s` in Unix seconds.
    """

    method: str
    path: str
    url: str
    parts: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    raw: bytes
    body: object
    unreadable: str | None
    at_s: float

    def bearer(self) -> str | None:
        """Read the bearer token, if one came."""
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        return token.strip() if kind.lower() == "bearer" and token.strip() else None


class OnRepeat(StrEnum):
    """Say what a platform does with an event it already has."""

    KEEP_FIRST = "keep_first"
    UNION = "union"
    RESTATE = "restate"
    KEEP_RICHER = "keep_richer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """Hold one event as the platform takes it in.

    Shape:   `keys` are its names for deduplication, each with its window; none means it is never recognised again.
    Units:   windows in seconds from the first receipt.
    """

    account: str
    name: str
    event_id: str | None
    payload: Object
    is_test: bool = False
    keys: tuple[tuple[str, float], ...] = ()
    on_repeat: OnRepeat = OnRepeat.KEEP_FIRST


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Name one thing wrong with a call, never the value itself.

    Shape:   `row` is the event's place in the batch, None when the whole call is meant.
    """

    row: int | None
    field: str
    why: str
    code: str = ""
    refuses: bool = True
    violates: bool = False

    def line(self) -> str:
        """Say it on one line."""
        where = self.field if self.row is None else f"[{self.row}] {self.field}"
        return f"{where}: {self.why}" + (f" ({self.code})" if self.code else "")


@dataclass(slots=True)
class Findings:
    """Collect what is wrong with one call, in reading order."""

    found: list[Finding] = field(default_factory=list)

    def refuse(self, row: int | None, where: str, why: str, code: str = "") -> None:
        """Note a breach the platform refuses the call for."""
        self.found.append(Finding(row=row, field=where, why=why, code=code))

    def violate(self, row: int | None, where: str, why: str, code: str = "", *, refuses: bool = True) -> None:
        """Note a breach of privacy or secrecy, which also fails whoever is testing."""
        self.found.append(Finding(row=row, field=where, why=why, code=code, refuses=refuses, violates=True))

    def warn(self, row: int | None, where: str, why: str) -> None:
        """Note what the platform swallows although its documents ask for better."""
        self.found.append(Finding(row=row, field=where, why=why, refuses=False))

    def refusals(self) -> tuple[Finding, ...]:
        """Give only what refuses the call."""
        return tuple(one for one in self.found if one.refuses)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruled:
    """Hold the platform's answer to one call and what it keeps of it.

    Shape:   `code` is the platform's own word for the result; `after` runs only when the call really counts.
    """

    status: int
    body: object
    code: str
    count: int = 0
    accepted: tuple[Accepted, ...] = ()
    findings: tuple[Finding, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    after: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Bind one path of a platform to the function that judges calls to it.

    Shape:   `at` is the name by which a scripted fault aims at this path.
    """

    method: str
    path: str
    at: str
    judge: Callable[[Asked], Ruled]


class Platform(Protocol):
    """Promise what the sandbox's door needs of a platform."""

    name: str

    def routes(self) -> tuple[Route, ...]:
        """Name the paths, below the platform's own prefix."""

    def lost(self, asked: Asked) -> Ruled:
        """Answer a path the platform does not have."""

    def failed(self, status: int, at: str) -> Ruled:
        """Answer as the platform does when it fails with this status."""

    def throttled(self) -> Ruled:
        """Answer as the platform does when it is asked too often."""

    def expired(self, at: str) -> Ruled:
        """Answer as the platform does when the token's life is over."""

    def refused(self) -> Ruled:
        """Refuse a whole batch without naming the event that spoilt it."""

    def partial(self, ruled: Ruled) -> Ruled | None:
        """Turn a success into the platform's partial one, None where it has none."""


@runtime_checkable
class Catalogued(Protocol):
    """Promise besides that each row of the platform's error table can be asked for by its code."""

    def errors(self) -> tuple[str, ...]:
        """Name the rows of the table."""

    def error(self, code: str, row: int | None) -> Ruled:
        """Answer with one row of the table, naming an event's place in the way the platform names one, if it does."""
