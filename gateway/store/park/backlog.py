"""Bounded memory: what waits beyond a budget goes from Redis to our disk, and comes back in the order of its deadline.

Each step can run twice, and between any two of them a crash loses nothing: PICK only reads, what was read is synced to
the disk, PARK takes out of Redis what still is as it was read and notes its id and its record's mark, UNPARK brings
back what is noted and strikes the note. A record without its note never left, or is back already: it is left alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
import structlog

from gateway.core.plan import Plan
from gateway.store import keys
from gateway.store.database import Database, text
from gateway.store.errors import Unavailable
from gateway.store.park import slip
from gateway.store.park.away import FIELD
from gateway.store.park.shelf import File, Kind, Opened, Shelf
from gateway.store.park.slip import Slip, Stowed

log = structlog.get_logger()

_TICK_S: Final = 1.0
_ADOPT_S: Final = 15.0
# What is delivered at once needs no disk.
WAITED_MS: Final = 60_000
# One script call stays short: other callers wait behind it.
_CHUNK: Final = 100
# How many legs are looked at for each that is taken, so that orders stay while there are page views.
_LOOK: Final = 10
# Rounds of parking in one go, before others get a turn.
_ROUNDS: Final = 20
# How many acts are weighed to know what all of them weigh.
_SAMPLES: Final = 32
# What Redis needs for an act that waits beside the bytes of its event: keys, its record, its place in a queue.
# Measured: 570 to 660 (`python -m benchmarks.outage`).
ACT_BYTES: Final = 640
# Above this share of `maxmemory` everything that waits goes to the disk, whatever the budget.
TIGHT: Final = 0.8
# A queue that is shorter is no backlog: memory is short for another reason.
_SHORT: Final = 2_000
# An emptied file is looked at once more before it goes: a Redis that lost its last seconds may owe something again.
_EMPTY_S: Final = 15.0

# An outage of a day is told once a minute.
_SAY_S: Final = 60.0
# A worker's word about its destination lives as long.
_STATE_MS: Final = 7 * 86_400_000

_pack = msgspec.msgpack.Encoder().encode


@dataclass(frozen=True, slots=True)
class Load:
    """What waits in Redis: legs a destination, and bytes of one leg with all that belongs to it.

    `share`: how much of `maxmemory` is used, 0 where there is none.
    """

    legs: dict[str, int] = field(default_factory=dict)
    leg_bytes: float = ACT_BYTES
    share: float = 0.0

    @property
    def bytes(self) -> int:
        return int(sum(self.legs.values()) * self.leg_bytes)


class Backlog:
    """Parks and brings back for one process. `budget_bytes`: what may wait in Redis; 0 parks nothing any more."""

    def __init__(
        self,
        database: Database,
        plan: Callable[[], Plan],
        shelf: Shelf,
        *,
        budget_bytes: int,
        now_ms: Callable[[], int],
        nudge: Callable[[], None],
        waited_ms: int = WAITED_MS,
        empty_s: float = _EMPTY_S,
    ) -> None:
        self._database = database
        self._plan = plan
        self.shelf = shelf
        self._budget_bytes = budget_bytes
        self._now_ms = now_ms
        self._nudge = nudge
        self._waited_ms = waited_ms
        self._empty_s = empty_s
        self._is_full = False
        self._parked, self._said_s = 0, -_SAY_S
        self._told_s: dict[str, int] = {}
        self._uncounted: list[File] = []

    async def run(self) -> None:
        """Work until cancelled; a fault costs one round."""
        loop = asyncio.get_running_loop()
        adopted_s = -_ADOPT_S
        while True:
            try:
                if self._uncounted or loop.time() - adopted_s >= _ADOPT_S:
                    await self.adopt()
                    adopted_s = loop.time()
                if self._budget_bytes:
                    await self.relieve()
                if self.shelf.files():
                    await self.bring_back()
                    await self.clear()
                await self.tell()
            except Unavailable as err:
                log.warning("store.unavailable", doing="backlog", reason=str(err))
            except Exception:
                log.exception("backlog.failed")
            await asyncio.sleep(_TICK_S)

    # ---- how much waits

    async def weigh(self) -> Load:
        """Count what waits, and weigh some of it."""
        shards, places = range(self._database.shards), list(self._plan().destinations)
        pipeline = self._database.pipeline()
        for place in places:
            for shard in shards:
                pipeline.zcard(keys.queue(shard, place).due)
        cards = await self._database.answer(pipeline.execute())
        by_place = {place: cards[at * len(shards) : (at + 1) * len(shards)] for at, place in enumerate(places)}
        legs = {place: sum(counts) for place, counts in by_place.items() if sum(counts)}
        if not legs:
            return Load(share=await self._database.memory_share())
        longest = max(legs, key=lambda place: legs[place])
        return Load(legs, await self._leg_bytes(longest, by_place[longest]), await self._database.memory_share())

    async def _leg_bytes(self, place: str, cards: Sequence[int]) -> float:
        """Weigh acts from all over a queue, those that were pressed already and those that were not."""
        pipeline = self._database.pipeline()
        asked = []
        for shard, card in enumerate(cards):
            wanted = min(card, -(-_SAMPLES // len(cards)))
            for at in range(wanted):
                asked.append(shard)
                rank = at * card // wanted
                pipeline.zrange(keys.queue(shard, place).due, rank, rank)
        heads = await self._database.answer(pipeline.execute())
        legs = [(shard, text(head[0])) for shard, head in zip(asked, heads, strict=True) if head]
        pipeline = self._database.pipeline()
        for shard, leg in legs:
            act = keys.act_of(leg)
            pipeline.hget(keys.act(shard, act), "left")
            pipeline.get(keys.content(shard, leg))
            pipeline.hvals(keys.copies(shard, act))
        told = await self._database.answer(pipeline.execute()) if legs else []
        weights = [
            (ACT_BYTES + len(content or b"") + sum(map(len, copies))) / max(1, int(left or 1))
            for left, content, copies in zip(told[0::3], told[1::3], told[2::3], strict=True)
        ]
        return sum(weights) / len(weights) if weights else ACT_BYTES

    # ---- to the disk

    async def relieve(self) -> int:
        """Park what is too much; returns how many acts went."""
        parked = 0
        for _ in range(_ROUNDS):
            load = await self.weigh()
            place = max(load.legs, key=lambda name: load.legs[name], default=None)
            is_tight = load.share > TIGHT and place is not None and load.legs[place] > _SHORT
            if place is None or not (load.bytes > self._budget_bytes or is_tight):
                break
            excess = _CHUNK if is_tight else (load.bytes - self._budget_bytes) / load.leg_bytes / self._database.shards
            batch = await self.pick(place, min(_CHUNK, int(excess) + 1))
            if not batch:
                break
            try:
                file = await self.shelf.put(batch, await self.epoch())
            except Unavailable as err:
                if not self._is_full:
                    log.error("backlog.full", reason=str(err), bytes=self.shelf.bytes)
                self._is_full = True
                break
            self._is_full = False
            parked += await self.park(batch, file)
        self._parked += parked
        now_s = asyncio.get_running_loop().time()
        if self._parked and now_s - self._said_s >= _SAY_S:
            log.info("backlog.parked", acts=self._parked, bytes=self.shelf.bytes)
            self._parked, self._said_s = 0, now_s
        return parked

    @property
    def is_full(self) -> bool:
        """Say whether the disk took no more when it was last asked."""
        return self._is_full

    async def pick(self, destination: str, most: int = _CHUNK) -> list[Stowed]:
        """Read acts that wait for a destination, the least worth first and the newest of those; changes nothing."""
        plan = self._plan()
        places = list(plan.destinations)
        head = _pack((destination, self._waited_ms, most * _LOOK, most, places))
        answers = await asyncio.gather(
            *(self._database.script("pick", [keys.base(shard)], [head]) for shard in range(self._database.shards))
        )
        ages_s = {name: place.adapter.max_age_s for name, place in plan.destinations.items()}
        return [
            slip.stowed(text(answer[at]), text(answer[at + 1]), answer[at + 2], ages_s)
            for answer in answers
            for at in range(0, len(answer), 3)
        ]

    async def park(self, batch: Sequence[Stowed], file: File) -> int:
        """Take acts out of Redis that lie in this file, synced; returns how many were still as they were read."""
        places = list(self._plan().destinations)
        parked: list[Slip] = []
        for shard, group in self._by_shard([one.slip for one in batch]).items():
            acts = [(told.act, told.mark) for told in group]
            letters = text(await self._database.script("park", [keys.base(shard)], [_pack((places, acts))]))
            parked += [told for told, letter in zip(group, letters, strict=True) if letter == "p"]
        file.add(parked)
        return len(parked)

    # ---- and back

    async def bring_back(self) -> int:
        """Bring back what expires first, for destinations whose queues are short again; returns how many acts came."""
        back = 0
        while (kind := self.shelf.next_kind(await self._have_room())) is not None:
            for file in self.shelf.files():
                if kind in file.heaps:
                    back += await self._unpark_kind(file, kind)
                    break
        if back:
            log.info("backlog.back", acts=back, left=self.shelf.acts)
            self._nudge()
        return back

    async def _have_room(self) -> frozenset[str]:
        """Name the destinations of which more may wait in Redis: together they fill half of the budget."""
        load, bound = await self.weigh(), self.shelf.first_due_s()
        share = self._budget_bytes / 2 / max(1, len(bound)) or float("inf")
        return frozenset(place for place in bound if load.legs.get(place, 0) * load.leg_bytes < share)

    async def _unpark_kind(self, file: File, kind: Kind) -> int:
        opened = await self.shelf.open(file)
        wanted = [told for told in opened.slips if (told.rank, told.places) == kind]
        back = await self._unpark(opened, [*wanted, *opened.strays])
        del file.heaps[kind]
        return back

    async def _unpark(self, opened: Opened, slips: Sequence[Slip]) -> int:
        """Put acts back, those that expire first before the others; returns how many had been away."""
        back, now_ms = 0, self._now_ms()
        is_other = _is_other(opened.epoch, await self.epoch())
        for shard, group in self._by_shard(sorted(slips, key=lambda told: told.due_s)).items():
            for start in range(0, len(group), _CHUNK):
                chunk = group[start : start + _CHUNK]
                acts, args = [], []
                for told in chunk:
                    record = opened.records.get((told.act, told.mark)) or slip.lost(told, now_ms)
                    counts, parts = slip.parts(record)
                    acts.append((told.act, told.mark, *counts))
                    args += parts
                letters = text(
                    await self._database.script("unpark", [keys.base(shard)], [_pack((acts, is_other)), *args])
                )
                back += letters.count("b")
        return back

    async def clear(self) -> None:
        """Remove files that were emptied some time ago, after a second look at all that they hold."""
        now_s = asyncio.get_running_loop().time()
        for file in self.shelf.files():
            if file in self._uncounted:
                continue
            if file.heaps:
                file.emptied_s = None
            elif file.emptied_s is None:
                file.emptied_s = now_s
            elif now_s - file.emptied_s >= self._empty_s:
                opened = await self.shelf.open(file)
                if await self._unpark(opened, [*opened.slips, *opened.strays]):
                    file.emptied_s = now_s
                else:
                    await self.shelf.drop(file)

    async def adopt(self) -> None:
        """Take over what dead processes left, and count what of it is still away."""
        epoch = await self.epoch()
        self._uncounted += await self.shelf.adopt()
        while self._uncounted:
            file = self._uncounted[0]
            try:
                opened = await self.shelf.open(file)
            except Unavailable:  # set aside for a person, aloud
                self._uncounted.pop(0)
                continue
            file.heaps.clear()
            for shard, group in self._by_shard([*opened.slips, *opened.strays]).items():
                if _is_other(opened.epoch, epoch):
                    file.add(group)
                else:
                    file.add(await self._away(shard, group))
            self._uncounted.pop(0)

    async def _away(self, shard: int, slips: Sequence[Slip]) -> list[Slip]:
        """Return those whose records are noted as the ones on a disk."""
        found = []
        for start in range(0, len(slips), _CHUNK):
            chunk = slips[start : start + _CHUNK]
            marks = await self._database.script("away", [keys.base(shard)], [_pack(([told.act for told in chunk],))])
            found += [told for told, mark in zip(chunk, marks, strict=True) if bytes.fromhex(told.mark) == mark]
        return found

    async def epoch(self) -> str:
        """Read what tells this store from an emptied one.

        Errors: Unavailable when it is not the store that was opened: with another number of shards nothing is found.
        """
        pipeline = self._database.pipeline()
        pipeline.hget(keys.meta(), "shards")
        pipeline.hget(keys.meta(), "epoch")
        shards, epoch = await self._database.answer(pipeline.execute())
        if text(shards) != str(self._database.shards):
            raise Unavailable("not opened yet")
        return text(epoch)

    async def tell(self) -> None:
        """Write where every process reads it when the first of what lies here expires."""
        due_s = self.shelf.first_due_s()
        field = f"{FIELD}{self.shelf.name}"
        if due_s == self._told_s:
            return
        pipeline = self._database.pipeline()
        for place in {*due_s, *self._told_s}:
            if place in due_s:
                pipeline.hset(keys.state(place), field, due_s[place])
                pipeline.pexpire(keys.state(place), _STATE_MS)
            else:
                pipeline.hdel(keys.state(place), field)
        await self._database.answer(pipeline.execute())
        self._told_s = due_s

    def _by_shard(self, slips: Sequence[Slip]) -> dict[int, list[Slip]]:
        groups: dict[int, list[Slip]] = {}
        for told in slips:
            groups.setdefault(keys.shard_of(told.act, self._database.shards), []).append(told)
        return groups


def _is_other(left: str, found: str) -> bool:
    """Say whether a store is another than the one that was left, by their epochs; unknown is the same."""
    return "" not in (left, found) and left != found
