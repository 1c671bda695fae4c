"""Brings the events of one request through the intake into the store, and counts what became of each."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.core import intake
from gateway.core.event import Event, Wire
from gateway.core.hit import Hit, SetCookie, Visitor
from gateway.core.intake import Taken
from gateway.core.outcome import Refused
from gateway.core.wires.draft import Refusal
from gateway.core.wires.fields import id_of, name_of
from gateway.store.errors import Unavailable
from gateway.web.directory import Place
from gateway.web.front import NO_SITE, Front
from gateway.web.reply import refused

# An event takes about 100 µs: after this many others get their turn.
_EVENTS_A_TURN: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What became of one event. `status` is a door status or `refused`; `reason` stands beside the latter only."""

    name: str
    event_id: str | None
    status: str
    reason: Refused | None = None
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def word(self) -> str:
        """The status as `X-Tagway` and the counters say it."""
        return self.status if self.reason is None else refused(self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """`fates` in the order of the events. `set_cookies`: at most one for a name and domain."""

    fates: tuple[Fate, ...]
    set_cookies: tuple[SetCookie, ...] = ()

    @property
    def is_unavailable(self) -> bool:
        return any(fate.reason is Refused.UNAVAILABLE for fate in self.fates)


async def bring(
    front: Front,
    place: Place,
    events: Sequence[Mapping[str, Any] | Refusal],
    *,
    wire: Wire,
    visitor: Visitor,
    sent_at: Any = None,
) -> Brought:
    """Take, keep and count the events of one request; they share a visitor, and each remembers the one before."""
    now_ms = front.now_ms()
    cookies: dict[tuple[str, str | None], SetCookie] = {}
    results: list[Taken | Refusal] = []
    for turn, said in enumerate(events, 1):
        if turn % _EVENTS_A_TURN == 0:
            await asyncio.sleep(0)
        if isinstance(said, Refusal):
            results.append(said)
            continue
        hit = Hit(wire=wire, fields=said, visitor=visitor, now_ms=now_ms, dice=front.dice(), sent_at=sent_at)
        result = intake.take(hit, place.site, vendors=place.vendors)
        results.append(result)
        if isinstance(result, Taken) and result.set_cookies:
            if turn < len(events):
                visitor = intake.remembering(visitor, result.set_cookies)
            for cookie in result.set_cookies:
                cookies.pop((cookie.name, cookie.domain), None)
                cookies[cookie.name, cookie.domain] = cookie
    statuses = await _keep(front, [result for result in results if isinstance(result, Taken)])
    fates = tuple(
        _refused(result, said) if isinstance(result, Refusal) else _taken(result, statuses.pop(0))
        for result, said in zip(results, events, strict=True)
    )
    for fate, result in zip(fates, results, strict=True):
        known = isinstance(result, Taken) and isinstance(result.copy, Event)
        _count(front, place.site.name, wire, fate, (fate.event_id or "") if known else "", now_ms)
    return Brought(fates=fates, set_cookies=tuple(cookies.values()))


def refuse(front: Front, reason: Refused, wire: Wire, place: Place | None = None) -> str:
    """Count and log a hit that is refused before anything of it was read; returns what `X-Tagway` says."""
    fate = Fate(name="", event_id=None, status="refused", reason=reason)
    _count(front, NO_SITE if place is None else place.site.name, wire, fate, "", front.now_ms())
    return fate.word


async def _keep(front: Front, taken: Sequence[Taken]) -> list[str | Refused]:
    if not taken:
        return []
    try:
        return [door.value for door in await front.keeper.keep([each.copy for each in taken])]
    except Unavailable:
        return [Refused.UNAVAILABLE] * len(taken)


def _taken(taken: Taken, status: str | Refused) -> Fate:
    if isinstance(status, Refused):
        return Fate(
            name=taken.copy.name,
            event_id=taken.copy.event_id,
            status="refused",
            reason=status,
            errors=("event: could not be kept just now; send it again",),
            warnings=taken.warnings,
        )
    return Fate(name=taken.copy.name, event_id=taken.copy.event_id, status=status, warnings=taken.warnings)


def _refused(refusal: Refusal, said: Mapping[str, Any] | Refusal) -> Fate:
    fields = {} if isinstance(said, Refusal) else said
    return Fate(
        name=name_of(fields),
        event_id=id_of(fields),
        status="refused",
        reason=refusal.reason,
        errors=refusal.errors,
    )


def _count(front: Front, site: str, wire: Wire, fate: Fate, event_id: str, now_ms: int) -> None:
    front.tally.door(site, fate.name, wire, fate.word, event_id)
    if fate.reason is not None:
        front.refusals.note(fate.reason, site, wire, now_ms)
