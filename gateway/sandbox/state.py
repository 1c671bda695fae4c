"""What the sandbox remembers: events a platform took, calls with their verdicts, violations.

Never enters: a secret (calls are masked before they are kept), or more than the bounds below.
"""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import orjson

from gateway.sandbox.call import Accepted, Asked, Finding, Object, OnRepeat, Ruled, as_object
from gateway.sandbox.faults import Script

MAX_EVENTS: Final = 10_000
MAX_CALLS: Final = 2_000
# 64 MiB of request bodies a platform: 2,000 full batches would be gigabytes.
MAX_KEPT_BYTES: Final = 64 * 1024 * 1024
MAX_VIOLATIONS: Final = 2_000

# What Google takes from a repeat of a transaction; all else only complements.
_RESTATED: Final = ("conversionValue", "currency")
_SECRET_KEYS: Final = "access_token|input_token|refresh_token|client_secret|assertion|appsecret_proof|api_secret"
_SECRET_PARAMETERS: Final = frozenset(_SECRET_KEYS.split("|"))
_MASK: Final = "***"
_IN_JSON = re.compile(rf'("(?:{_SECRET_KEYS})"\s*:\s*)"[^"]*"')
_IN_FORM = re.compile(rf"(^|[?&\s])({_SECRET_KEYS})=[^&\s\"]*")
_SECRET_HEADERS: Final = frozenset({"authorization", "access-token", "cookie", "proxy-authorization", "x-pixel-token"})


def mask(text: str) -> str:
    """Cover every token in a body or an address, keeping what stands around it."""
    return _IN_FORM.sub(rf"\1\2={_MASK}", _IN_JSON.sub(rf'\1"{_MASK}"', text))


@dataclass(slots=True)
class Entry:
    """Hold one event the platform has, and how often it came again."""

    accepted: Accepted
    payload: Object
    at_s: float
    repeats: int = 0

    def said(self) -> Object:
        """Give it as the sandbox lists it."""
        taken = self.accepted
        return {
            "account": taken.account, "name": taken.name, "event_id": taken.event_id, "at": self.at_s,
            "test": taken.is_test, "repeats": self.repeats, "payload": self.payload,
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """Name one breach of privacy or secrecy; never the value."""

    platform: str
    at_s: float
    path: str
    row: int | None
    field: str
    why: str

    def said(self) -> Object:
        """Give it as the sandbox lists it."""
        return {
            "platform": self.platform, "at": self.at_s, "path": self.path,
            "row": self.row, "field": self.field, "why": self.why,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Call:
    told: Object
    body: str
    is_json: bool

    def said(self) -> Object:
        return {**self.told, "body": orjson.loads(self.body) if self.is_json else self.body or None}


class Book:
    """Remember one platform's events and calls, newest first to stay."""

    def __init__(self) -> None:
        self.script = Script()
        self._entries: OrderedDict[int, Entry] = OrderedDict()
        self._by_key: dict[str, int] = {}
        self._next = 0
        self._calls: deque[_Call] = deque()
        self._kept_bytes = 0

    def take(self, accepted: Iterable[Accepted], at_s: float) -> int:
        """Take events in as the platform would, and tell how many it already had."""
        repeats = 0
        for one in accepted:
            known = self._known(one, at_s)
            if known is None:
                self._add(one, at_s)
            else:
                known.repeats += 1
                repeats += 1
                known.payload = _joined(known.payload, one)
        return repeats

    def events(self) -> list[Object]:
        """List what the platform has, oldest first."""
        return [entry.said() for entry in self._entries.values()]

    def forget_events(self) -> None:
        """Forget the events, and with them what would count as a repeat."""
        self._entries.clear()
        self._by_key.clear()

    def note(
        self, asked: Asked, ruled: Ruled, *, place: str, status: int | None, fault: Object | None, repeats: int
    ) -> None:
        """Keep one call with its verdict, tokens masked.

        Shape:   `ruled` is the answer that was given; `status` None means the connection was cut instead.
        """
        text = mask(asked.raw.decode("utf-8", "replace"))
        told: Object = {
            "at": asked.at_s, "place": place, "method": asked.method, "path": asked.path,
            "query": {key: _MASK if key in _SECRET_PARAMETERS else value for key, value in asked.query.items()},
            "headers": {
                str(key): _MASK if key.lower() in _SECRET_HEADERS else value for key, value in asked.headers.items()
            },
            "status": status, "code": ruled.code, "count": ruled.count, "accepted": len(ruled.accepted),
            "repeats": repeats, "fault": fault, "reasons": [one.line() for one in ruled.findings if one.refuses],
            "warnings": [one.line() for one in ruled.findings if not one.refuses],
        }  # fmt: skip
        self._calls.append(_Call(told=told, body=text, is_json=_reads(text)))
        self._kept_bytes += len(text)
        while len(self._calls) > MAX_CALLS or (self._kept_bytes > MAX_KEPT_BYTES and len(self._calls) > 1):
            self._kept_bytes -= len(self._calls.popleft().body)

    def calls(self) -> list[Object]:
        """List the calls, oldest first."""
        return [call.said() for call in self._calls]

    def forget_calls(self) -> None:
        """Forget the calls."""
        self._calls.clear()
        self._kept_bytes = 0

    def _known(self, one: Accepted, at_s: float) -> Entry | None:
        for key, window_s in one.keys:
            place = self._by_key.get(key)
            entry = None if place is None else self._entries.get(place)
            if entry is not None and at_s - entry.at_s <= window_s:
                return entry
        return None

    def _add(self, one: Accepted, at_s: float) -> None:
        self._next += 1
        self._entries[self._next] = Entry(accepted=one, payload=one.payload, at_s=at_s)
        for key, _ in one.keys:
            self._by_key[key] = self._next
        if len(self._entries) > MAX_EVENTS:
            place, oldest = self._entries.popitem(last=False)
            for key, _ in oldest.accepted.keys:
                if self._by_key.get(key) == place:
                    del self._by_key[key]


def _reads(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def _joined(first: Object, again: Accepted) -> Object:
    match again.on_repeat:
        case OnRepeat.KEEP_FIRST:
            return first
        case OnRepeat.UNION:
            return _union(first, again.payload)
        case OnRepeat.RESTATE:
            told: Object = {key: again.payload[key] for key in _RESTATED if key in again.payload}
            return {**_union(first, again.payload), **told}
        case OnRepeat.KEEP_RICHER:
            return again.payload if _told(again.payload) > _told(first) else first


def _told(payload: Object) -> int:
    """Count what a payload says, objects by what is in them."""
    return sum(1 if (inner := as_object(value)) is None else _told(inner) for value in payload.values())


def _union(first: Object, second: Object) -> Object:
    joined = dict(first)
    for key, value in second.items():
        mine, theirs = as_object(joined.get(key)), as_object(value)
        if key not in joined:
            joined[key] = value
        elif mine is not None and theirs is not None:
            joined[key] = _union(mine, theirs)
    return joined


class Memory:
    """Hold every platform's book and the violations of all."""

    def __init__(self, names: Iterable[str]) -> None:
        self.books = {name: Book() for name in names}
        self.violations: deque[Violation] = deque(maxlen=MAX_VIOLATIONS)

    def blame(self, platform: str, asked: Asked, findings: Iterable[Finding]) -> None:
        """List the findings that break privacy or secrecy."""
        for one in findings:
            if one.violates:
                self.violations.append(
                    Violation(
                        platform=platform, at_s=asked.at_s, path=asked.path, row=one.row, field=one.field, why=one.why
                    )
                )
