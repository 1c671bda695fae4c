"""Hands what the spool owes to Redis when it answers: oldest first, under the ids of the door, live traffic first.

A segment is dropped when Redis has all of it. A journal's waits until Redis had the time to put it on its own disk,
and until a question asked after that was answered by the same server; if another answers, everything is offered again.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

from gateway.core.event import Copy
from gateway.core.outcome import Door
from gateway.core.plan import Plan
from gateway.store import vault
from gateway.store.errors import Broken, Corrupt, Unavailable
from gateway.store.pulse import Pulse
from gateway.store.spool import segment
from gateway.store.spool.segment import Entry, Reading
from gateway.store.spool.writer import Segment, Spool

log = structlog.get_logger()

_TICK_S: Final = 0.25
# A process that died is noticed by its free lock; nobody waits for what it left but the platforms.
_ADOPT_S: Final = 15.0
# One call's worth; also what a visitor may find himself behind.
_BATCH: Final = 128
# Of the time while visitors come: 30 % for what waited, 70 % for them.
_REST: Final = 7 / 3
# Longer than a copy of the journal can be under way to Redis (`DEADLINE_S`); before that nobody calls it lost.
GRACE_S: Final = 1.5
# A journal's file is closed by then, so that it can be dropped soon.
_ROLL_S: Final = 5.0
# Redis syncs every second and blocks at two: what it had this long is on its disk.
JOURNAL_S: Final = 10.0
# Copies that cannot be taken for a reason that time hardly heals (a site that left the configuration, a broken key, a
# fault of ours) are asked again soon, then ever more rarely, at last this often.
_PARKED_S: Final = 60.0
_AGAIN_S: Final = 2.0
# How long acts whose hold is over wait for twins that lie in the spool, once Redis is back.
_BEHIND_S: Final = 60.0


class Replayer:
    """Brings segments back. `offer` is the keeper's; `live` counts the copies that visitors brought."""

    def __init__(
        self,
        spool: Spool,
        pulse: Pulse,
        plan: Callable[[], Plan],
        offer: Callable[[Copy, str], Awaitable[Door]],
        *,
        live: Callable[[], int],
        replayed: Callable[[str, int], None],
        is_journal: Callable[[], bool],
        now_ms: Callable[[], int],
    ) -> None:
        self._spool = spool
        self._pulse = pulse
        self._plan = plan
        self._offer = offer
        self._live = live
        self._replayed = replayed
        self._is_journal = is_journal
        self._now_ms = now_ms

    async def run(self) -> None:
        """Work until cancelled; a fault costs one round."""
        adopted_s = -_ADOPT_S
        while True:
            now_s = asyncio.get_running_loop().time()
            try:
                if now_s - adopted_s >= _ADOPT_S:
                    adopted_s = now_s
                    await self._spool.adopt()
                if not self._pulse.is_away:
                    await self.step()
            except Exception:
                log.exception("spool.failed", doing="replay")
            await asyncio.sleep(_TICK_S)

    async def step(self) -> None:
        """Drop what Redis holds, and offer what is owed until nothing is, or Redis is away again."""
        await self._drop_held()
        while not self._pulse.is_away and (place := await self._next()) is not None:
            await self._replay(place)
            await self._drop_held()

    def is_behind(self) -> bool:
        """Say whether acts should wait for twins that lie here: a denial among them must not come too late."""
        if self._pulse.is_away:
            # With its memory full Redis refuses copies and goes on delivering, and has to.
            return self._pulse.reason != "OutOfMemoryError"
        back_s, now_s = self._pulse.back_s, asyncio.get_running_loop().time()
        return now_s - back_s < _BEHIND_S and any(
            place.is_owed and place.begun_s < back_s and place.retry_s <= now_s for place in self._spool.segments()
        )

    async def _next(self) -> Segment | None:
        """Return the oldest closed segment that is owed and that nobody is still working on."""
        now_s = asyncio.get_running_loop().time()
        idle_s = GRACE_S if self._is_journal() else 0.0
        places = self._spool.segments()
        if any(place.is_open and self._is_due(place, now_s, idle_s) for place in places):
            await self._spool.roll()
        for place in places:
            is_idle = now_s - place.since_s >= idle_s
            if place.is_owed and not place.is_open and is_idle and now_s >= place.retry_s:
                return place
        return None

    def _is_due(self, place: Segment, now_s: float, idle_s: float) -> bool:
        """Say whether the open segment should be closed: for its age, or because it is owed from an outage."""
        if now_s - place.begun_s >= _ROLL_S:
            return True
        return place.is_owed and (place.begun_s < self._pulse.back_s or now_s - place.since_s >= idle_s)

    async def _replay(self, place: Segment) -> None:
        if place.server is not None and place.server == self._pulse.server:
            place.settled = place.records
            return
        turn = place.turn
        began_s = asyncio.get_running_loop().time()
        reading = await self._read(place)
        if reading is None:
            return
        said: Counter[str] = Counter()
        for start in range(place.offered, len(reading.entries), _BATCH):
            answers = await self._offer_all(reading.entries[start : start + _BATCH], place)
            said.update(answers)
            if _AWAY in answers or place.turn != turn:
                place.retry_s = asyncio.get_running_loop().time() + _AGAIN_S
                return
            if _PARKED not in said:
                place.offered = start + _BATCH
        for status, count in said.items():
            self._replayed(status, count)
        took_ms = round((asyncio.get_running_loop().time() - began_s) * 1_000)
        log.info("spool.replayed", copies=len(reading.entries), took_ms=took_ms, **said)
        if said[_PARKED]:
            place.parked += 1
            place.retry_s = asyncio.get_running_loop().time() + min(_PARKED_S, _AGAIN_S * 2**place.parked)
            return
        place.records = place.settled = max(place.records, len(reading.entries))

    async def _read(self, place: Segment) -> Reading | None:
        """Read a segment back; one that cannot be read is set aside for a person, aloud."""
        try:
            reading = await asyncio.to_thread(lambda: segment.read(place.path.read_bytes()))
        except (OSError, segment.UnknownVersion) as err:
            log.error("spool.unreadable", file=_named(place), reason=type(err).__name__, bytes=place.bytes)
            self._spool.set_aside(place)
            return None
        if reading.damaged:
            log.error("spool.damaged", file=_named(place), places=reading.damaged)
        return reading

    async def _offer_all(self, entries: Sequence[Entry], place: Segment) -> list[str]:
        """Offer one batch; returns a word an entry. Then leave the visitors their share."""
        loop = asyncio.get_running_loop()
        began_s, live = loop.time(), self._live()
        answers = await asyncio.gather(*(self._offer_one(entry, place) for entry in entries))
        # Nobody came: go on at once.
        await asyncio.sleep((loop.time() - began_s) * _REST if self._live() != live else 0)
        return answers

    async def _offer_one(self, entry: Entry, place: Segment) -> str:
        try:
            copy = vault.unseal(entry.sealed)
        except Corrupt:
            log.error("spool.unreadable", file=_named(place), reason="Corrupt")
            return "unreadable"
        plan = self._plan()
        if copy.site not in plan.sites:
            return _PARKED
        if place.server is not None and self._now_ms() - copy.received_ms > plan.remember_ms(copy):
            # Another Redis than the one that had it, and longer ago than an act is remembered: it was delivered then.
            return "forgotten"
        try:
            return (await self._offer(copy, entry.copy_id)).value
        except Broken:
            return _PARKED
        except Unavailable:
            return _AWAY
        except Exception:
            # Whatever one copy does to us, it does to itself: the others go on, and it is kept.
            log.exception("spool.refused", event_name=copy.name, site=copy.site)
            return _PARKED

    async def _drop_held(self) -> None:
        now_s = asyncio.get_running_loop().time()
        for place in self._spool.segments():
            if place.is_open or place.is_owed:
                continue
            if place.held_s is None:
                place.held_s = now_s
            # The last question began so long after the last copy that Redis has all of them on its disk.
            if not self._is_journal() or self._pulse.looked_s - place.held_s >= JOURNAL_S:
                await self._spool.drop(place)


_PARKED: Final = "parked"
_AWAY: Final = "away"


def _named(place: Segment) -> str:
    return f"{place.path.parent.name}/{place.path.name}"
