"""Brings the events of one request through the intake into the store, and counts what became of each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from gateway.core import intake
from gateway.core.event import Copy, Event, Wire
from gateway.core.hit import Hit, SetCookie, Visitor
from gateway.core.intake import Taken
from gateway.core.outcome import Door, Refused
from gateway.core.wires.draft import Refusal
from gateway.core.wires.fields import id_of, name_of
from gateway.store.errors import Unavailable
from gateway.web.directory import Place
from gateway.web.front import NO_SITE, Front
from gateway.web.reply import refused

# An event takes about 100 µs: after this many others get their turn.
EVENTS_A_TURN: Final = 32


class Fate(msgspec.Struct, frozen=True, kw_only=True):
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


class Brought(msgspec.Struct, frozen=True, kw_only=True):
    """`fates` in the order of the events. `set_cookies`: at most one for a name and domain."""

    fates: tuple[Fate, ...]
    set_cookies: tuple[SetCookie, ...] = ()

    @property
    def is_unavailable(self) -> bool:
        return any(fate.reason is Refused.UNAVAILABLE for fate in self.fates)


class Bringing:
    """The events of one request: taken one after the other, then kept together by whoever asked, then told.

    They share a visitor, and each remembers the one before.
    """

    def __init__(
        self,
        front: Front,
        place: Place,
        *,
        wire: Wire,
        visitor: Visitor,
        sent_at: Any = None,
        dice: Callable[[], bytes] | None = None,
        vendor: str | None = None,
    ) -> None:
        self._front = front
        self._place = place
        self._wire = wire
        self._visitor = visitor
        self._sent_at = sent_at
        self._dice = dice or front.dice
        self._vendor = vendor
        self._now_ms = front.now_ms()
        self._set_cookies: tuple[SetCookie, ...] = ()
        self._results: list[tuple[Taken | Refusal, Mapping[str, Any] | Refusal]] = []
        self.copies: list[Copy] = []

    def take(self, said: Mapping[str, Any] | Refusal, raw: str | None = None) -> None:
        """Take the next event."""
        if isinstance(said, Refusal):
            self._results.append((said, said))
            return
        if self._set_cookies:
            self._visitor = intake.remembering(self._visitor, self._set_cookies)
        hit = Hit(
            wire=self._wire,
            fields=said,
            visitor=self._visitor,
            now_ms=self._now_ms,
            dice=self._dice(),
            sent_at=self._sent_at,
            vendor=self._vendor,
            raw=raw,
        )
        result = intake.take(hit, self._place.site, vendors=self._place.vendors)
        self._results.append((result, said))
        if isinstance(result, Taken):
            self.copies.append(result.copy)
            if result.set_cookies:
                self._set_cookies = _joined(self._set_cookies, result.set_cookies)

    def told(self, doors: Sequence[Door] | None) -> Brought:
        """Count what became of each event; `doors` in the order of `copies`, None where they could not be kept."""
        front, site, fates = self._front, self._place.site.name, []
        kept = iter(doors or ())
        for result, said in self._results:
            event_id = ""
            if isinstance(result, Refusal):
                fate = _refused(result, said)
            else:
                fate = _unkept(result) if doors is None else _taken(result, next(kept))
                if isinstance(result.copy, Event):
                    event_id = result.copy.event_id
                if result.dropped:
                    front.tally.dropped(site, result.dropped)
            _count(front, site, self._wire, fate, event_id, self._now_ms)
            fates.append(fate)
        return Brought(fates=tuple(fates), set_cookies=self._set_cookies)


async def bring(
    front: Front,
    place: Place,
    events: Sequence[Mapping[str, Any] | Refusal],
    *,
    wire: Wire,
    visitor: Visitor,
    sent_at: Any = None,
    dice: Callable[[], bytes] | None = None,
    vendor: str | None = None,
    raws: Sequence[str] = (),
) -> Brought:
    """Take, keep and count the events of one request."""
    bringing = Bringing(front, place, wire=wire, visitor=visitor, sent_at=sent_at, dice=dice, vendor=vendor)
    for turn, said in enumerate(events, 1):
        if turn % EVENTS_A_TURN == 0:
            await asyncio.sleep(0)
        bringing.take(said, raws[turn - 1] if raws else None)
    return bringing.told(await keep(front, bringing.copies))


async def keep(front: Front, copies: Sequence[Copy]) -> Sequence[Door] | None:
    """Bring copies to safety; None where that was not possible for each of them."""
    try:
        return await front.keeper.keep(copies) if copies else ()
    except Unavailable:
        return None


def _joined(earlier: tuple[SetCookie, ...], later: tuple[SetCookie, ...]) -> tuple[SetCookie, ...]:
    """Keep one cookie for a name and domain: the later one."""
    if not earlier:
        return later
    renewed = {(cookie.name, cookie.domain) for cookie in later}
    return (*(cookie for cookie in earlier if (cookie.name, cookie.domain) not in renewed), *later)


def refuse(front: Front, reason: Refused, wire: Wire, place: Place | None = None) -> str:
    """Count and log a hit that is refused before anything of it was read; returns what `X-Tagway` says."""
    fate = Fate(name="", event_id=None, status="refused", reason=reason)
    _count(front, NO_SITE if place is None else place.site.name, wire, fate, "", front.now_ms())
    return fate.word


def _taken(taken: Taken, door: Door) -> Fate:
    return Fate(name=taken.copy.name, event_id=taken.copy.event_id, status=door.value, warnings=taken.warnings)


def _unkept(taken: Taken) -> Fate:
    return Fate(
        name=taken.copy.name,
        event_id=taken.copy.event_id,
        status="refused",
        reason=Refused.UNAVAILABLE,
        errors=("event: could not be kept just now; send it again",),
        warnings=taken.warnings,
    )


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
