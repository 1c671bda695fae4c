"""The durable half of the door: NAME which act a copy tells of, then ACCEPT it; one trip, batched with its neighbours.

When `keep` returns, the copy is claimed, scheduled and as durable as the level promises; or it lies in the spool, under
the same copy id, so that an ACCEPT that did land after all and the replay that follows end in one act.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, Final

import structlog

from gateway.core.act import Names, digest, joins, names
from gateway.core.event import Copy, Event, Grant, Purpose, Wire
from gateway.core.merge import sealed
from gateway.core.outcome import Door, Pending, skipped
from gateway.core.plan import Plan
from gateway.core.route import may_leave, route
from gateway.core.site import DAY_S, Site
from gateway.store import keys, outcomes, vault
from gateway.store.batcher import Batcher
from gateway.store.database import DEADLINE_S, PATIENT_S, Database, text
from gateway.store.durability import Level, Safety
from gateway.store.errors import Broken, Corrupt, Unavailable, Unreplicated
from gateway.store.outcomes import Fate

log = structlog.get_logger()

# One call holds Redis for about 20 µs a copy: 256 copies stay under the latency of a single fsync.
_BATCH: Final = 256
_LEAVES_AT_ONCE: Final = -1
# How long a replica may take, and how long none is waited for after one did not answer. A replica in the same data
# centre needs a millisecond; 500 leave half of the deadline to everything else.
_WAIT_MS: Final = 500
_LONELY_S: Final = 2.0
# An act's names are looked up by whoever reads `explain`; more than this many acts of one event id are not told.
_INDEXED: Final = 20
_PURPOSES: Final = tuple(Purpose)


@dataclass(frozen=True, slots=True)
class Entry:
    """One copy on its way into ACCEPT: the keys and arguments of `lua/accept.lua`."""

    act: str
    ids: frozenset[str]
    shard: int
    keys: tuple[str, ...]
    args: tuple[Any, ...]


class Keeper:
    """Takes copies into the store. `now_ms` and `copy_id` (32 hex) are the clock and the dice."""

    def __init__(
        self,
        database: Database,
        plan: Callable[[], Plan],
        *,
        now_ms: Callable[[], int],
        copy_id: Callable[[], str],
        nudge: Callable[[], None],
        counted_as: Callable[[str, str], str],
        safety: Safety | None = None,
    ) -> None:
        self._database = database
        self._plan = plan
        self._now_ms = now_ms
        self._copy_id = copy_id
        self._nudge = nudge
        self._counted_as = counted_as
        self._safety = safety
        self._batchers: dict[int, Batcher[Entry, str | Unavailable]] = {}
        self._lonely_s = -inf
        self.brought = 0

    async def keep(self, copies: Sequence[Copy]) -> list[Door]:
        """Take the copies of one request; returns one status a copy, in their order.

        Errors: Unavailable when even one could not be kept; those that were kept answer `duplicate` next time.
        """
        if len(copies) == 1:  # most often: no task of its own
            kept = [await self._keep(copies[0])]
        else:
            kept = await _all(self._keep(copy) for copy in copies)
        self._nudge()
        return kept

    async def _keep(self, copy: Copy) -> Door:
        """Bring one copy to safety: to Redis where it answers, else to the spool; with the journal, to both."""
        copy_id, safety = self._copy_id(), self._safety
        self.brought += 1
        if safety is None:
            return await self._accept_one(copy, copy_id)
        place, turn = None, 0
        if safety.level is Level.JOURNAL:
            place = await safety.append(copy_id, vault.seal(copy))
            turn = place.turn
        if not safety.pulse.is_away:
            try:
                door = await self._offer(copy, copy_id, DEADLINE_S)
            except Unavailable:
                door = None
            if door is not None:
                if place is not None:
                    place.settle(turn)
                return door
        if place is None:
            await safety.append(copy_id, vault.seal(copy))
        return Door.ACCEPTED

    async def offer(self, copy: Copy, copy_id: str) -> Door:
        """Give a copy of the spool to Redis, as often as need be: the copy id makes repeating harmless.

        Nobody waits for it, so a Redis that is too slow for visitors is quick enough here.
        Errors: Unavailable; from then on Redis is skipped until it answers again.
        """
        return await self._offer(copy, copy_id, PATIENT_S)

    async def _offer(self, copy: Copy, copy_id: str, within_s: float) -> Door:
        try:
            async with asyncio.timeout(within_s):
                return await self._accept_one(copy, copy_id)
        except (Broken, Unreplicated):
            raise  # Redis is there
        except (Unavailable, TimeoutError) as err:
            if self._safety is not None:
                self._safety.pulse.failed(str(err) or type(err).__name__)
            raise Unavailable(str(err)) from err

    async def _accept_one(self, copy: Copy, copy_id: str) -> Door:
        plan = self._plan()
        act = await self._name(copy, plan)
        entry = self._entry(copy, copy_id, act, plan)
        answer = await self._batcher(entry.shard).submit(entry)
        if isinstance(answer, Unavailable):
            raise answer
        if answer == "replay":
            return Door.ACCEPTED
        if answer == Door.LATE:
            await self._restate(copy, act, entry.shard, plan)
        return Door(answer)

    async def _name(self, copy: Copy, plan: Plan) -> str:
        """NAME: find the act by the ids this copy carries. The order's answer wins, else the event id's, else our own.

        Names hold no event, so a crash before ACCEPT loses nothing. Each step is a single SET NX GET: whoever comes
        second reads what the first one wrote.
        """
        ids: Names = names(copy)
        if ids.order is None and ids.event is None:
            return ids.own
        life_ms = int(plan.sites[copy.site].dedup.orders_d * DAY_S * 1_000)
        known = await self._get_name(ids.order)
        by_event = await self._claim_name(ids.event, known or ids.own, life_ms)
        return known or await self._claim_name(ids.order, by_event or ids.own, life_ms) or by_event or ids.own

    async def _get_name(self, name: str | None) -> str | None:
        if name is None:
            return None
        return text(await self._database.answer(self._database.redis.get(keys.name(name)))) or None

    async def _claim_name(self, name: str | None, act: str, life_ms: int) -> str | None:
        """Give an id to an act unless it has one; returns the act it names from now on."""
        if name is None:
            return None
        pipeline = self._database.pipeline()
        pipeline.set(keys.name(name), act, nx=True, get=True, px=life_ms)
        (before,) = await self._database.answer(pipeline.execute())
        return text(before) or act

    def _entry(self, copy: Copy, copy_id: str, act: str, plan: Plan) -> Entry:
        site = plan.sites[copy.site]
        shard = keys.shard_of(act, self._database.shards)
        hold_ms = self._hold_ms(copy, site)
        queues: tuple[str, ...] = ()
        skips: tuple[Any, ...] = ()
        if hold_ms == _LEAVES_AT_ONCE:
            copy, queues, skips = self._leaving(copy, act, site, plan)
        wire = copy.wires[0]
        hour = self._now_ms() // keys.HOUR_MS
        return Entry(
            act,
            frozenset({copy.event_id, copy.transaction_id or copy.event_id}),
            shard,
            (
                keys.act(shard, act),
                keys.copies(shard, act),
                keys.content(shard, act),
                keys.tomb(shard, act),
                keys.hold(shard).due,
                keys.counters(shard, hour),
                *(keys.queue(shard, name).due for name in queues),
            ),
            (
                len(queues),
                act,
                wire.value,
                copy_id,
                vault.seal(copy),
                hold_ms,
                _denied(copy),
                plan.remember_ms(copy),
                plan.outcomes_ms,
                outcomes.door_counter(copy.site, self._counted_as(copy.site, copy.name), wire.value),
                len(skips) // 3,
                *skips,
            ),
        )

    def _hold_ms(self, copy: Copy, site: Site) -> int:
        if copy.name in site.merge.confirm and copy.wires[0] is Wire.BROWSER:
            return int(site.dedup.window_h * 3_600_000)
        if site.holds(copy.name) and joins(copy):
            return int(site.merge.hold_s * 1_000)
        return _LEAVES_AT_ONCE

    def _leaving(self, copy: Copy, act: str, site: Site, plan: Plan) -> tuple[Copy, tuple[str, ...], tuple[Any, ...]]:
        """Settle what nobody will add to: the content as it leaves, its queues, and the skips as arguments."""
        alone = sealed([copy], site.consent)
        going = route(act, alone, site, plan.bound_for(site))
        return alone, going.go, skip_args(alone, self._counted_as(copy.site, copy.name), going.skipped, self._now_ms())

    async def _restate(self, copy: Copy, act: str, shard: int, plan: Plan) -> None:
        """Queue a late copy's restatement where the platform restates and the first leg was not skipped.

        A late status is no acknowledgement: a crash here loses the supplement, never an event.
        """
        site = plan.sites[copy.site]
        if not isinstance(copy, Event):
            return
        restating = [place for place in plan.bound_for(site) if place.adapter.takes_late and place.enabled]
        if not restating:
            return
        act_key = keys.act(shard, act)
        pipeline = self._database.pipeline()
        pipeline.hvals(keys.copies(shard, act))
        pipeline.get(keys.content(shard, act))
        pipeline.hmget(act_key, [f"d:{place.name}" for place in restating])
        stored, first, fates = await self._database.answer(pipeline.execute())
        try:
            known = [vault.unseal(body) for body in (*stored, *([first] if first else []))]
        except Corrupt:
            return
        settled = sealed(_one_a_wire([*known, copy]), site.consent)
        if not isinstance(settled, Event):
            return
        going = [
            place.name
            for place, stored_fate in zip(restating, fates, strict=True)
            if not _was_skipped(stored_fate) and may_leave(settled, place)
        ]
        if not going:
            return
        leg = keys.late_leg(act)
        waiting = outcomes.write(Fate(outcome=Pending.WAITING, at_ms=self._now_ms()))
        await self._database.script(
            "restate",
            [
                act_key,
                keys.content(shard, leg),
                keys.copies(shard, act),
                *(keys.queue(shard, name).due for name in going),
            ],
            [leg, vault.seal(settled), waiting, *(keys.delivery(name, leg) for name in going)],
        )

    def _batcher(self, shard: int) -> Batcher[Entry, str | Unavailable]:
        if shard not in self._batchers:
            # One call out a shard: what comes meanwhile travels together. A second one would halve the batches (each
            # call has its price), and with `always` it only waits for the first one's fsync.
            self._batchers[shard] = Batcher(self._accept, most=_BATCH, in_flight=1)
        return self._batchers[shard]

    async def _accept(self, entries: Sequence[Entry]) -> list[str | Unavailable]:
        answers, _ = await asyncio.gather(self._accept_all(entries), self._index(entries))
        return answers

    async def _accept_all(self, entries: Sequence[Entry]) -> list[str | Unavailable]:
        """Run ACCEPT; where one copy's keys are broken, its neighbours are taken without it."""
        keys_of_all = [key for entry in entries for key in entry.keys]
        args = [len(entries), keys.COUNTERS_MS, *(arg for entry in entries for arg in entry.args)]
        try:
            if self._safety is not None and self._safety.level is Level.REPLICATED:
                answers = await self._accept_replicated(keys_of_all, args)
            else:
                answers = await self._database.script("accept", keys_of_all, args)
        except Broken as err:
            if len(entries) == 1:
                log.error("store.broken_key", reason=str(err), shard=entries[0].shard)
                return [err]
            return [answer for entry in entries for answer in await self._accept_all([entry])]
        return [text(answer) for answer in answers]

    async def _accept_replicated(self, key: Sequence[str], args: Sequence[Any]) -> Any:
        """Wait for a replica; while none answers, ask without waiting, so that visitors do not wait for nobody."""
        now_s = asyncio.get_running_loop().time()
        is_lonely = now_s - self._lonely_s < _LONELY_S
        try:
            return await self._database.script_replicated("accept", key, args, wait_ms=1 if is_lonely else _WAIT_MS)
        except Unreplicated:
            if not is_lonely:
                self._lonely_s = now_s
                log.warning("store.unreplicated")
            raise

    async def _index(self, entries: Sequence[Entry]) -> None:
        """Let `explain` find the acts by their ids: an acknowledged event must be explainable."""
        pipeline = self._database.pipeline()
        now_ms, outcomes_ms = self._now_ms(), self._plan().outcomes_ms
        for entry in entries:
            for event_id in entry.ids:
                key = keys.index(digest(event_id))
                pipeline.zadd(key, {entry.act: now_ms})
                pipeline.zremrangebyrank(key, 0, -_INDEXED - 1)
                pipeline.pexpire(key, outcomes_ms)
        await self._database.answer(pipeline.execute())


async def _all(calls: Iterable[Coroutine[Any, Any, Door]]) -> list[Door]:
    """Wait for all of them, also where one fails."""
    ended = await asyncio.gather(*calls, return_exceptions=True)
    for outcome in ended:
        if isinstance(outcome, BaseException):
            raise outcome
    return [outcome for outcome in ended if isinstance(outcome, Door)]


def skip_args(copy: Copy, counted: str, skips: Sequence[tuple[str, Any]], now_ms: int) -> tuple[Any, ...]:
    """Return destination, outcome JSON and counter of each skipped destination, as ACCEPT and COMMIT take them."""
    args: list[Any] = []
    for destination, why in skips:
        outcome = skipped(why)
        args += [
            destination,
            outcomes.write(Fate(outcome=outcome, at_ms=now_ms)),
            outcomes.delivery_counter(copy.site, counted, destination, outcome),
        ]
    return tuple(args)


def _denied(copy: Copy) -> str:
    return ",".join(purpose for purpose in _PURPOSES if copy.consent.of(purpose) is Grant.DENIED)


def _one_a_wire(copies: Sequence[Copy]) -> list[Copy]:
    """Keep one copy a wire: a sealed content may repeat what the copies say."""
    by_wire: dict[Wire, Copy] = {}
    for copy in copies:
        if len(copy.wires) == 1:
            by_wire.setdefault(copy.wires[0], copy)
    return list(by_wire.values())


def _was_skipped(stored: bytes | None) -> bool:
    fate = outcomes.read(stored)
    return fate is not None and not (fate.outcome == "delivered" or fate.outcome in set(Pending))
