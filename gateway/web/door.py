"""Brings the events of one request through the intake into the store, and counts what became of each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from gateway.core import cookies, intake
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
UNKEPT: Final = refused(Refused.UNAVAILABLE)
_NOBODY: Final = Visitor()


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


class Bringing(msgspec.Struct, eq=False):
    """The events of one request: taken one after the other, then kept together by whoever asked, then told.

    They share a visitor, and each remembers the one before. `set_cookies`: at most one for a name and domain. `dice`:
    the front's where none are given.
    """

    front: Front
    place: Place
    wire: Wire
    visitor: Visitor
    now_ms: int
    sent_at: Any = None
    dice: Callable[[], bytes] | None = None
    vendor: str | None = None
    copies: list[Copy] = []
    set_cookies: tuple[SetCookie, ...] = ()
    results: list[tuple[Taken | Refusal, Mapping[str, Any] | Refusal]] = []

    def take(self, said: Mapping[str, Any] | Refusal, raw: str | None = None) -> None:
        """Take the next event."""
        if isinstance(said, Refusal):
            self.results.append((said, said))
            return
        earlier, visitor = self.set_cookies, self.visitor
        if earlier:
            visitor = intake.remembering(visitor, earlier)
        hit = Hit(
            wire=self.wire,
            fields=said,
            visitor=visitor,
            now_ms=self.now_ms,
            dice=(self.dice or self.front.dice)(),
            sent_at=self.sent_at,
            vendor=self.vendor,
            raw=raw,
        )
        result = intake.take(hit, self.place.site, vendors=self.place.vendors)
        # Of an event that was taken, nothing is asked any more but what came of it.
        self.results.append((result, said if isinstance(result, Refusal) else {}))
        if isinstance(result, Taken):
            self.copies.append(result.copy)
            later = result.set_cookies
            self.set_cookies = cookies.joined(earlier, later, result.copy.consent) if earlier else later

    def taken(self) -> list[Copy]:
        """Return what is to be kept, once all events came; the visitor need not lie in memory meanwhile."""
        self.visitor = _NOBODY
        return self.copies

    def words(self, doors: Sequence[Door] | None) -> list[str]:
        """Count what became of each event, and say it in the word of `X-Tagway`.

        `doors` in the order of `copies`, None where they could not be kept.
        """
        tally, note, site, wire = self.front.tally, self.front.refusals.note, self.place.site.name, self.wire
        words, kept = [], 0
        for result, said in self.results:
            if isinstance(result, Refusal):
                name = name_of({} if isinstance(said, Refusal) else said)
                word, event_id, reason = refused(result.reason), "", result.reason
            else:
                copy = result.copy
                name, event_id = copy.name, copy.event_id if isinstance(copy, Event) else ""
                if doors is None:
                    word, reason = UNKEPT, Refused.UNAVAILABLE
                else:
                    # Not `.value`, a property written in Python: it costs ten times as much.
                    word, reason, kept = doors[kept]._value_, None, kept + 1
                if result.dropped:
                    tally.dropped(site, result.dropped)
            tally.door(site, name, wire, word, event_id)
            if reason is not None:
                note(reason, site, wire, self.now_ms)
            words.append(word)
        return words

    def told(self, doors: Sequence[Door] | None) -> Brought:
        """Count what became of each event, and tell all of it; `doors` as above."""
        words = self.words(doors)
        fates = [_fate(result, said, word) for (result, said), word in zip(self.results, words, strict=True)]
        return Brought(fates=tuple(fates), set_cookies=self.set_cookies)


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
    bringing = Bringing(front, place, wire, visitor, front.now_ms(), sent_at, dice, vendor)
    for turn, said in enumerate(events, 1):
        if turn % EVENTS_A_TURN == 0:
            await asyncio.sleep(0)
        bringing.take(said, raws[turn - 1] if raws else None)
    return bringing.told(await keep(front, bringing.taken()))


async def keep(front: Front, copies: Sequence[Copy]) -> Sequence[Door] | None:
    """Bring copies to safety; None where that was not possible for each of them."""
    try:
        return await front.keeper.keep(copies) if copies else ()
    except Unavailable:
        return None


def refuse(front: Front, reason: Refused, wire: Wire, place: Place | None = None) -> str:
    """Count and log a hit that is refused before anything of it was read; returns what `X-Tagway` says."""
    site, word = NO_SITE if place is None else place.site.name, refused(reason)
    front.tally.door(site, "", wire, word)
    front.refusals.note(reason, site, wire, front.now_ms())
    return word


def _fate(result: Taken | Refusal, said: Mapping[str, Any] | Refusal, word: str) -> Fate:
    if isinstance(result, Refusal):
        fields = {} if isinstance(said, Refusal) else said
        return Fate(
            name=name_of(fields),
            event_id=id_of(fields),
            status="refused",
            reason=result.reason,
            errors=result.errors,
        )
    name, event_id, warnings = result.copy.name, result.copy.event_id, result.warnings
    if word != UNKEPT:
        return Fate(name=name, event_id=event_id, status=word, warnings=warnings)
    return Fate(
        name=name,
        event_id=event_id,
        status="refused",
        reason=Refused.UNAVAILABLE,
        errors=("event: could not be kept just now; send it again",),
        warnings=warnings,
    )
