"""The work that waits: acts held for their twin, and legs bound for a destination.

A lease is a score bump under a token, so a crash needs no detector; every answer that ends a leg is fenced by it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import structlog

from gateway.core.event import Copy, Event, Purpose
from gateway.core.merge import sealed
from gateway.core.outcome import Dead, dead
from gateway.core.plan import Plan
from gateway.core.route import route
from gateway.store import keys, outcomes, vault
from gateway.store.database import Database, text
from gateway.store.errors import Corrupt, Unavailable
from gateway.store.keeper import skip_args
from gateway.store.outcomes import Fate

log = structlog.get_logger()

# Longer than the longest request (10 s), so that a slow answer is not taken for a death, and short, because what a
# killed gateway had on loan waits this long. Renewed while a batch is worked on.
LEASE_MS: Final = 12_000
# One script call stays short: other callers wait behind it.
_CHUNK: Final = 100
_PURPOSE_FIELDS: Final = tuple(f"no:{purpose}" for purpose in Purpose)


class Kind(StrEnum):
    """How a leg is settled; the words of `lua/settle.lua`."""

    DONE = "done"
    DEAD = "dead"
    RETRY = "retry"
    BACK = "back"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One act bound for one destination, on loan.

    `event` None: its stored content is damaged, or (`is_absent`) not there. `claims` counts loans without a verdict,
    this one included.
    `denied`: purposes that a later copy denied. `fate`: what was said of it before.
    """

    id: str
    destination: str
    shard: int
    token: str
    claims: int
    event: Event | None
    denied: frozenset[Purpose]
    fate: Fate | None
    is_absent: bool = False

    @property
    def act(self) -> str:
        return keys.act_of(self.id)

    @property
    def delivery(self) -> str:
        """The act's field for this leg."""
        return keys.delivery(self.destination, self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What is to be written of a leg. `wait_ms` is for `retry` and `back`."""

    leg: Leg
    kind: Kind
    fate: Fate | None = None
    wait_ms: int = 0


@dataclass(frozen=True, slots=True)
class Loan:
    """What a lease brought. `next_ms`: how long until more is due, None for an empty queue."""

    legs: tuple[Leg, ...]
    next_ms: int | None


class Queues:
    def __init__(
        self,
        database: Database,
        plan: Callable[[], Plan],
        *,
        now_ms: Callable[[], int],
        token: Callable[[], str],
        nudge: Callable[[], None],
        counted_as: Callable[[str, str], str],
        is_behind: Callable[[], bool] = lambda: False,
    ) -> None:
        self._database = database
        self._plan = plan
        self._now_ms = now_ms
        self._token = token
        self._nudge = nudge
        self._counted_as = counted_as
        self._is_behind = is_behind

    async def lease(self, destination: str, most: int) -> Loan:
        """Borrow up to `most` due legs of a destination, over all shards into one batch."""
        token = self._token()
        share = -(-most // self._database.shards)
        lent = await asyncio.gather(
            *(
                self._lend(keys.queue(shard, destination), share if most > 1 else 1, token)
                for shard in range(self._database.shards)
            )
        )
        surplus: list[tuple[int, str]] = []
        borrowed: list[tuple[int, str, int]] = []
        for shard, (_, ids) in enumerate(lent):
            for leg, claims in ids:
                if len(borrowed) < most:
                    borrowed.append((shard, leg, claims))
                else:
                    surplus.append((shard, leg))
        legs = await self._read(destination, token, borrowed)
        if surplus:
            await self.settle([_back(destination, token, shard, leg) for shard, leg in surplus])
        due = [next_ms for next_ms, _ in lent if next_ms is not None]
        return Loan(tuple(legs), min(due) if due else None)

    async def renew(self, legs: Sequence[Leg]) -> None:
        """Keep these legs while they are worked on."""
        for (shard, destination, token), group in _grouped(legs).items():
            place = keys.queue(shard, destination)
            ids = [leg.id for leg in group]
            await self._database.script("renew", [place.due, place.leases], [token, LEASE_MS, *ids])

    async def settle(self, settlements: Sequence[Settlement]) -> None:
        """Write what became of legs. A leg that was lent to somebody else meanwhile is left alone."""
        by_shard: dict[int, list[Settlement]] = {}
        for settlement in settlements:
            by_shard.setdefault(settlement.leg.shard, []).append(settlement)
        for shard, group in by_shard.items():
            for start in range(0, len(group), _CHUNK):
                chunk = group[start : start + _CHUNK]
                await self._database.script(
                    "settle",
                    [key for item in chunk for key in self._settle_keys(shard, item)],
                    [len(chunk), keys.COUNTERS_MS, *(arg for item in chunk for arg in self._settle_args(item))],
                )

    async def release_held(self, most: int) -> int | None:
        """Merge and seal acts whose hold is over; returns ms until the next one is due, None when none waits.

        Not while the spool may hold a twin: a denial that was acknowledged must not come too late.
        """
        if self._is_behind():
            return None
        waits = await asyncio.gather(*(self._release_shard(shard, most) for shard in range(self._database.shards)))
        known = [wait for wait in waits if wait is not None]
        return min(known) if known else None

    async def _release_shard(self, shard: int, most: int) -> int | None:
        next_ms, ids = await self._lend(keys.hold(shard), most, self._token())
        for act, claims in ids:
            try:
                await self._release(shard, act)
            except Unavailable:
                raise
            except Exception:
                # One act that we cannot merge must not hold up the others; it comes due again after its lease.
                log.exception("release.failed", act=act, claims=claims)
        return 0 if len(ids) == most else next_ms

    async def _release(self, shard: int, act: str) -> None:
        """Merge an act's copies and COMMIT; a copy that comes in between makes us merge again."""
        while True:
            pipeline = self._database.pipeline()
            # The version first: a copy that lands between the two reads makes COMMIT answer `changed`.
            pipeline.hget(keys.act(shard, act), "v")
            pipeline.hgetall(keys.copies(shard, act))
            version, bodies = await self._database.answer(pipeline.execute())
            copies = [copy for copy in map(_copy, bodies.values()) if copy is not None]
            if copies and copies[0].site not in self._plan().sites:
                # Its site left the configuration: it waits for the site to come back, asked once a lease.
                log.warning("hold.site_missing", site=copies[0].site, event_name=copies[0].name)
                return
            if await self._commit(shard, act, text(version), copies) != "changed":
                self._nudge()
                return

    async def _commit(self, shard: int, act: str, version: str, copies: Sequence[Copy]) -> str:
        """Seal what the copies make together. No readable copy left: the act ends as `dead:unreadable`."""
        plan = self._plan()
        now_ms = self._now_ms()
        going: tuple[str, ...] = ()
        skips: tuple[Any, ...] = ()
        content = b""
        remember_ms = plan.outcomes_ms
        if copies:
            site = plan.sites[copies[0].site]
            merged = sealed(copies, site.consent)
            chosen = route(act, merged, site, plan.bound_for(site))
            counted = self._counted_as(merged.site, merged.name)
            going, skips = chosen.go, skip_args(merged, counted, chosen.skipped, now_ms)
            content, remember_ms = vault.seal(merged), plan.remember_ms(merged)
        else:
            fate = outcomes.write(Fate(outcome=dead(Dead.UNREADABLE), at_ms=now_ms))
            skips = ("-", fate, outcomes.delivery_counter("-", "-", "-", dead(Dead.UNREADABLE)))
        held = keys.hold(shard)
        return text(
            await self._database.script(
                "commit",
                [
                    keys.act(shard, act),
                    keys.copies(shard, act),
                    keys.content(shard, act),
                    keys.tomb(shard, act),
                    *held.keys,
                    keys.counters(shard, now_ms // keys.HOUR_MS),
                    *(keys.queue(shard, name).due for name in going),
                ],
                [act, version, content, remember_ms, plan.outcomes_ms, keys.COUNTERS_MS, *skips],
            )
        )

    async def _lend(self, place: keys.Queue, most: int, token: str) -> tuple[int | None, list[tuple[str, int]]]:
        answer = await self._database.script("lease", place.keys, [most, LEASE_MS, token])
        pairs = [(text(answer[i]), int(answer[i + 1])) for i in range(1, len(answer), 2)]
        return (None if answer[0] < 0 else int(answer[0])), pairs

    async def _read(self, destination: str, token: str, borrowed: Sequence[tuple[int, str, int]]) -> list[Leg]:
        """Fetch what the borrowed legs carry: content, later denials, and what was said before."""
        if not borrowed:
            return []
        pipeline = self._database.pipeline()
        for shard, leg, _ in borrowed:
            delivery = keys.delivery(destination, leg)
            pipeline.get(keys.content(shard, leg))
            pipeline.hmget(keys.act(shard, keys.act_of(leg)), [*_PURPOSE_FIELDS, f"d:{delivery}"])
        answers = await self._database.answer(pipeline.execute())
        legs = []
        for position, (shard, leg, claims) in enumerate(borrowed):
            body, fields = answers[position * 2], answers[position * 2 + 1]
            legs.append(
                Leg(
                    id=leg,
                    destination=destination,
                    shard=shard,
                    token=token,
                    claims=claims,
                    event=_event(body),
                    is_absent=body is None,
                    denied=frozenset(purpose for purpose, no in zip(Purpose, fields, strict=False) if no),
                    fate=outcomes.read(fields[-1]),
                )
            )
        return legs

    def _settle_keys(self, shard: int, item: Settlement) -> tuple[str, ...]:
        leg = item.leg
        return (
            keys.act(shard, leg.act),
            keys.content(shard, leg.act),
            keys.content(shard, leg.id),
            keys.copies(shard, leg.act),
            keys.tomb(shard, leg.act),
            *keys.queue(shard, leg.destination).keys,
            keys.dead(shard, leg.destination),
            keys.counters(shard, self._now_ms() // keys.HOUR_MS),
        )

    def _settle_args(self, item: Settlement) -> tuple[Any, ...]:
        plan, leg, fate, event = self._plan(), item.leg, item.fate, item.leg.event
        counter = ""
        if fate is not None and item.kind in (Kind.DONE, Kind.DEAD):
            site, name = (event.site, self._counted_as(event.site, event.name)) if event else ("-", "-")
            counter = outcomes.delivery_counter(site, name, leg.delivery, fate.outcome)
        return (
            leg.id,
            leg.delivery,
            leg.token,
            item.kind.value,
            outcomes.write(fate) if fate else b"",
            item.wait_ms,
            counter,
            plan.remember_ms(event) if event else plan.outcomes_ms,
            plan.outcomes_ms,
            plan.dead_ms,
            1 if keys.is_late(leg.id) else 0,
        )


def _copy(body: bytes | None) -> Copy | None:
    try:
        return vault.unseal(body or b"")
    except Corrupt:
        return None


def _event(body: bytes | None) -> Event | None:
    copy = _copy(body)
    return copy if isinstance(copy, Event) else None


def _grouped(legs: Sequence[Leg]) -> dict[tuple[int, str, str], list[Leg]]:
    groups: dict[tuple[int, str, str], list[Leg]] = {}
    for leg in legs:
        groups.setdefault((leg.shard, leg.destination, leg.token), []).append(leg)
    return groups


def _back(destination: str, token: str, shard: int, leg: str) -> Settlement:
    """Hand back a leg that was borrowed beyond what was asked for."""
    return Settlement(
        leg=Leg(
            id=leg,
            destination=destination,
            shard=shard,
            token=token,
            claims=0,
            event=None,
            denied=frozenset(),
            fate=None,
        ),
        kind=Kind.BACK,
    )
