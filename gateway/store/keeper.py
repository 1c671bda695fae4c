"""The durable half of the door: NAME which act a copy tells of, then ACCEPT it; one trip, batched with its neighbours.

When a copy's future is done, it is claimed, scheduled and as durable as the level promises; or it lies in the spool,
under the same copy id, so that an ACCEPT that did land after all and the replay that follows end in one act.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from functools import partial
from math import inf
from typing import Any, Final, Protocol

import msgspec
import structlog

from gateway.core.act import Names, names, own_name
from gateway.core.event import ORDER_EVENTS, Copy, Event, Wire
from gateway.core.outcome import Door
from gateway.core.plan import Plan
from gateway.core.site import DAY_S
from gateway.store import keys, vault
from gateway.store.courier import Courier
from gateway.store.course import Course, Courses, arguments, worth
from gateway.store.database import DEADLINE_S, PATIENT_S, Database, text
from gateway.store.durability import Level, Safety
from gateway.store.errors import Broken, Corrupt, Cut, Unavailable, Unreplicated
from gateway.store.restating import restate

log = structlog.get_logger()

# One call holds Redis for about 15 µs a copy: 256 copies stay under the latency of a single fsync.
_BATCH: Final = 256
# How long a replica may take, and how long none is waited for after one did not answer. A replica in the same data
# centre needs a millisecond; 500 leave half of the deadline to everything else.
_WAIT_MS: Final = 500
_LONELY_S: Final = 2.0
# The letters of `lua/accept.lua` that can be told at once: all but `l`. A replay was acknowledged when it came first.
_DOORS: Final[dict[object, Door]] = {
    "a": Door.ACCEPTED, "m": Door.MERGED, "d": Door.DUPLICATE, "r": Door.ACCEPTED,
}  # fmt: skip
_WORK: Final = frozenset("aml")


class Answer(Protocol):
    """Where the fate of a copy is told, once, from within the store's work: it must not raise. A future is one."""

    def done(self) -> bool:
        """Say whether nobody waits for it any more."""

    def set_result(self, result: Door, /) -> None: ...
    def set_exception(self, exception: BaseException, /) -> None: ...


class Entry(msgspec.Struct, eq=False):
    """One copy on its way into ACCEPT, with what is told of it (`args`) beside its course.

    `is_spooled`: where Redis does not take it, the spool does.
    """

    copy: Copy
    copy_id: str
    act: str
    args: tuple[str, str, str, bytes]
    course: Course
    answer: Answer
    is_spooled: bool


class Keeper:
    """Takes copies into the store. `now_ms` and `copy_id` (32 hex) are the clock and the dice.

    `conflict` is told of each copy whose event id names another act than its transaction id.
    """

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
        conflict: Callable[[Copy], None] = lambda _: None,
    ) -> None:
        self._database = database
        self._plan = plan
        self._now_ms = now_ms
        self._copy_id = copy_id
        self._nudge = nudge
        self._counted_as = counted_as
        self._safety = safety
        self._conflict = conflict
        self._courses = Courses(counted_as)
        self._couriers: dict[int, Courier[Entry, str]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._lonely_s = -inf
        self._noted: dict[int, set[str]] = {}
        self._noted_on = 0
        self.brought = 0
        if safety is not None:
            safety.forget = self._forget

    async def keep(self, copies: Sequence[Copy]) -> list[Door]:
        """Take the copies of one request; returns one status a copy, in their order.

        Errors: Unavailable when even one could not be kept; those that were kept answer `duplicate` next time.
        """
        loop = asyncio.get_running_loop()
        kept: list[asyncio.Future[Door]] = [loop.create_future() for _ in copies]
        for copy, answer in zip(copies, kept, strict=True):
            self.submit(copy, answer)
        if len(kept) == 1:
            return [await kept[0]]
        ended = await asyncio.gather(*kept, return_exceptions=True)
        for outcome in ended:
            if isinstance(outcome, BaseException):
                raise outcome
        return [outcome for outcome in ended if isinstance(outcome, Door)]

    def submit(self, copy: Copy, answer: Answer) -> None:
        """Begin to bring one copy to safety: to Redis where it answers, else to the spool; with the journal, to both.

        `answer` is told from within the store's work and must not raise: its neighbours' answers come after it.
        Errors: it is told Unavailable when the copy could not be kept.
        """
        copy_id, safety = self._copy_id(), self._safety
        self.brought += 1
        if safety is not None and (safety.pulse.is_away or safety.level is Level.JOURNAL):
            work = self._keep(copy, copy_id, safety)
        elif copy.name in ORDER_EVENTS:
            work = self._keep_named(copy, copy_id)
        else:
            self._submit(copy, copy_id, own_name(copy), answer, safety is not None)
            return
        self._spawn(work).add_done_callback(partial(_tell, answer))

    async def _keep(self, copy: Copy, copy_id: str, safety: Safety) -> Door:
        """Keep a copy on a level that writes to disk first, or while Redis is away."""
        place = await safety.append(copy_id, vault.seal(copy), self._worth(copy))
        turn = place.turn
        if safety.level is Level.JOURNAL and not safety.pulse.is_away:
            try:
                door = await self._offer(copy, copy_id, DEADLINE_S)
            except Unavailable:
                return Door.ACCEPTED
            place.settle(turn)
            return door
        return Door.ACCEPTED

    def _worth(self, copy: Copy) -> int:
        return worth(copy.name, self._plan().sites[copy.site])

    async def _keep_named(self, copy: Copy, copy_id: str) -> Door:
        """Keep a copy whose act has to be looked up first."""
        try:
            return await self._offer(copy, copy_id, DEADLINE_S)
        except Unavailable:
            if self._safety is None:
                raise
            await self._safety.append(copy_id, vault.seal(copy), self._worth(copy))
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
                act, is_torn = await self._name(copy, self._plan())
                if is_torn:
                    self._conflict(copy)
                    # The id is another act's: under it, this one would be taken for that one's repeat.
                    copy = msgspec.structs.replace(copy, id_made=True)
                answer: asyncio.Future[Door] = asyncio.get_running_loop().create_future()
                self._submit(copy, copy_id, act, answer, False)
                return await answer
        except (Unavailable, TimeoutError) as err:
            self._missed(err)
            raise err if isinstance(err, Unavailable) else Unavailable("TimeoutError") from err

    def _missed(self, err: Exception) -> None:
        """Tell the pulse, unless Redis is there and only would not take this."""
        if self._safety is not None and not isinstance(err, Broken | Unreplicated):
            self._safety.pulse.failed(str(err) or type(err).__name__, is_cut=isinstance(err, Cut))

    def _submit(self, copy: Copy, copy_id: str, act: str, answer: Answer, is_spooled: bool) -> None:
        course, stored = self._courses.of(act, copy, self._plan())
        second = (copy.at_ms if isinstance(copy, Event) else copy.received_ms) // 1_000
        args = (act, copy_id, str(second), vault.seal(stored))
        shards = self._database.shards
        shard = keys.shard_of(act, shards) if shards > 1 else 0
        courier = self._couriers.get(shard) or self._courier(shard)
        courier.submit(Entry(copy, copy_id, act, args, course, answer, is_spooled))

    def _courier(self, shard: int) -> Courier[Entry, str]:
        # One call out a shard: what comes meanwhile travels together. A second one would halve the batches (each
        # call has its price), and with `always` it only waits for the first one's fsync.
        send = partial(self._accept, shard)
        self._couriers[shard] = Courier(send, self._told, most=_BATCH, within_s=DEADLINE_S)
        return self._couriers[shard]

    def _told(self, told: Iterator[tuple[Entry, str | Exception]]) -> None:
        """Hand on what ACCEPT said of each copy; what it would not take goes to the spool."""
        for entry, letter in told:
            answer = entry.answer
            if answer.done():
                continue
            door = _DOORS.get(letter)
            if door is not None:
                answer.set_result(door)
            elif not isinstance(letter, Exception):
                _ = self._spawn(self._told_late(entry))
            elif entry.is_spooled and isinstance(letter, Unavailable):
                self._missed(letter)
                _ = self._spawn(self._told_by_spool(entry))
            else:
                answer.set_exception(letter)

    async def _told_by_spool(self, entry: Entry) -> None:
        assert self._safety is not None
        try:
            await self._safety.append(entry.copy_id, vault.seal(entry.copy), entry.course.worth)
        except Unavailable as err:
            if not entry.answer.done():
                entry.answer.set_exception(err)
        else:
            if not entry.answer.done():
                entry.answer.set_result(Door.ACCEPTED)

    async def _told_late(self, entry: Entry) -> None:
        """Restate before answering: a server that was told `late` knows that what it added is on its way, too."""
        try:
            counted = self._counted_as(entry.copy.site, entry.copy.name)
            if await restate(self._database, self._plan(), entry.copy, entry.act, hour=self._hour(), counted=counted):
                self._nudge()
        except Unavailable as err:
            if not entry.answer.done():
                entry.answer.set_exception(err)
        else:
            if not entry.answer.done():
                entry.answer.set_result(Door.LATE)

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work, name="keep")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _name(self, copy: Copy, plan: Plan) -> tuple[str, bool]:
        """NAME: find the act by the ids this copy carries. The order's answer wins, else the event id's, else our own.

        Names hold no event, so a crash before ACCEPT loses nothing. Each step is a single SET NX GET: whoever comes
        second reads what the first one wrote.
        Shape:  the act, and whether the event id names another one.
        """
        ids: Names = names(copy)
        if ids.order is None and ids.event is None:
            return ids.own, False
        life_ms = int(plan.sites[copy.site].dedup.orders_d * DAY_S * 1_000)
        known = await self._get_name(ids.order)
        by_event = named = await self._claim_name(ids.event, known or ids.own, life_ms)
        if known is None and by_event not in (None, ids.own) and await self._is_other_order(by_event, copy):
            by_event = None
        act = known or await self._claim_name(ids.order, by_event or ids.own, life_ms) or by_event or ids.own
        return act, named not in (None, act)

    async def _is_other_order(self, act: str | None, copy: Copy) -> bool:
        """Say whether the shop's server told of this act as another order: then a stranger named the two as one."""
        if act is None or copy.wires[0] is not Wire.SERVER or copy.transaction_id is None:
            return False
        pipeline = self._database.pipeline()
        pipeline.hget(keys.copies(keys.shard_of(act, self._database.shards), act), Wire.SERVER.value)
        (told,) = await self._database.answer(pipeline.execute())
        try:
            return told is not None and vault.unseal(told).transaction_id not in (None, copy.transaction_id)
        except Corrupt:
            return False

    async def _get_name(self, name: str | None) -> str | None:
        if name is None:
            return None
        return text(await self._database.command("GET", keys.name(name))) or None

    async def _claim_name(self, name: str | None, act: str, life_ms: int) -> str | None:
        """Give an id to an act unless it has one; returns the act it names from now on."""
        if name is None:
            return None
        return text(await self._database.command("SET", keys.name(name), act, "NX", "GET", "PX", life_ms)) or act

    def _hour(self) -> int:
        return self._now_ms() // keys.HOUR_MS

    def _accept(self, shard: int, entries: Sequence[Entry], within_s: float) -> Coroutine[Any, Any, str]:
        """Send ACCEPT; what comes back waits for a letter a copy."""
        alike = _alike(entries)
        unnoted = self._unnoted(shard, [group[0].copy for group in alike])
        args = arguments(shard, self._hour(), alike, unnoted)
        if self._safety is not None and self._safety.level is Level.REPLICATED:
            said = self._accept_replicated(shard, args, within_s)
        else:
            said = self._database.script_now("accept", [keys.base(shard)], args, within_s=within_s)
        return self._letters(said, shard, entries, alike, within_s, unnoted)

    async def _letters(
        self,
        said: Coroutine[Any, Any, Any],
        shard: int,
        entries: Sequence[Entry],
        alike: Sequence[Sequence[Entry]],
        within_s: float,
        unnoted: set[str],
    ) -> str:
        """Wait for what ACCEPT says. Where one copy's keys are broken, its neighbours are taken without it."""
        try:
            letters = text(await said)
        except Broken as err:
            return await self._accept_apart(shard, entries, within_s, err)
        self._noted[shard] |= unnoted
        if not _WORK.isdisjoint(letters):
            self._nudge()
        if len(alike) > 1:
            of_act = dict(zip([entry.act for group in alike for entry in group], letters, strict=True))
            return "".join([of_act[entry.act] for entry in entries])
        return letters

    def _unnoted(self, shard: int, copies: Sequence[Copy]) -> set[str]:
        """Tell which events' names the shard does not have yet: once a day each, so that `explain` finds their acts."""
        day = self._now_ms() // (DAY_S * 1_000)
        noted = self._noted.setdefault(shard, set())
        if day != self._noted_on or len(noted) > keys.EVENT_NAMES:
            self._noted_on = day
            self._forget()
        return {f"{copy.site}|{copy.name}" for copy in copies} - noted

    def _forget(self) -> None:
        for names_noted in self._noted.values():
            names_noted.clear()

    async def _accept_apart(self, shard: int, entries: Sequence[Entry], within_s: float, err: Broken) -> str:
        """Take the copies one by one, so that only the broken one is refused."""
        if len(entries) == 1:
            log.error("store.broken_key", reason=str(err), shard=shard)
            self._told(iter([(entries[0], err)]))
            return "r"  # nobody hears it: it has been told
        return "".join([await self._accept(shard, [entry], within_s) for entry in entries])

    async def _accept_replicated(self, shard: int, args: Sequence[Any], within_s: float) -> Any:
        """Wait for a replica; while none answers, ask without waiting, so that visitors do not wait for nobody."""
        now_s = asyncio.get_running_loop().time()
        is_lonely = now_s - self._lonely_s < _LONELY_S
        wait_ms = 1 if is_lonely else _WAIT_MS
        try:
            return await self._database.script_replicated(
                "accept", [keys.base(shard)], args, wait_ms=wait_ms, within_s=within_s
            )
        except Unreplicated:
            if not is_lonely:
                self._lonely_s = now_s
                log.warning("store.unreplicated")
            raise


def _alike(entries: Sequence[Entry]) -> list[Sequence[Entry]]:
    """Group them by their courses, those of the same queues together.

    A course is made once and shared, so its place in memory names it; what is asked of its copies is alike, too.
    """
    course = entries[0].course
    for entry in entries:
        if entry.course is not course:
            break
    else:
        return [entries]
    groups: dict[int, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(id(entry.course), []).append(entry)
    return sorted(groups.values(), key=lambda group: group[0].course.queues)


def _tell(answer: Answer, task: asyncio.Task[Door]) -> None:
    """Hand on how a task ended."""
    if answer.done():
        return
    error = asyncio.CancelledError() if task.cancelled() else task.exception()
    if error is None:
        answer.set_result(task.result())
    else:
        answer.set_exception(error)
