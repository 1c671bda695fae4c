"""The work that waits: acts held for their twin, and legs bound for a destination.

A lease is a score bump under a token, so a crash needs no detector; every answer that ends a leg is fenced by it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import msgspec
import structlog

from gateway.core.event import Copy, Event, Purpose, Veto
from gateway.core.merge import sealed
from gateway.core.outcome import Dead, dead, skipped
from gateway.core.plan import Plan
from gateway.core.remains import veto
from gateway.core.retry import CAP_MS, LONGEST_WAIT_MS
from gateway.core.route import route
from gateway.store import keys, outcomes, rows, vault
from gateway.store.course import sealing_counters, worth
from gateway.store.database import Database, text
from gateway.store.errors import Corrupt, Unavailable
from gateway.store.outcomes import Fate

log = structlog.get_logger()

# Longer than the longest request (10 s), so that a slow answer is not taken for a death, and short, because what a
# killed gateway had on loan waits this long. Renewed while a batch is worked on.
LEASE_MS: Final = 12_000
# Clocks of servers differ by less.
_CLOCK_MS: Final = 3_600_000
# One script call stays short: other callers wait behind it.
_CHUNK: Final = 250
_NOTHING_DENIED: Final[frozenset[Purpose]] = frozenset()

_pack = msgspec.msgpack.Encoder().encode


class Kind(StrEnum):
    """How a leg is settled; the words of `lua/settle.lua`."""

    DONE = "done"
    DEAD = "dead"
    RETRY = "retry"
    BACK = "back"
    ABSENT = "absent"


class Leg(msgspec.Struct, frozen=True, kw_only=True):
    """One act bound for one destination, on loan.

    `event` None: its stored content is damaged, or (`is_absent`) not there, or a `veto` stands in its place: a late
    copy denied everywhere. `claims` counts loans without a verdict, this one included.
    `denied`: purposes of the destination (of one that needs none: any) that a later copy denied. `fate`: what was said
    of it before.
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
    veto: Veto | None = None

    @property
    def act(self) -> str:
        return keys.act_of(self.id)

    @property
    def delivery(self) -> str:
        """The act's field for this leg."""
        return keys.delivery(self.destination, self.id)


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
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
        self._opened = vault.Opened()

    async def lease(self, destination: str, most: int, *, choice: int = 0, max_age_s: int = 0) -> Loan:
        """Borrow up to `most` due legs of a destination, over all shards into one batch.

        `choice`: look at so many due legs and take those that expire first (at `max_age_s` after they happened).
        """
        token = self._token()
        shards = self._database.shards
        share = -(-most // shards) if most > 1 else 1
        plan = self._plan()
        place = plan.destinations.get(destination)
        # Nobody asks about the others, and each costs the server a look through the act's fields. Where none is needed,
        # all four denied say no.
        purposes = ",".join(sorted(place.purposes) if place is not None and place.purposes else Purpose)
        args = [f"queue:{destination}", share, LEASE_MS, token, purposes, -(-choice // shards), max_age_s * 1_000]
        answers = await asyncio.gather(
            *(self._database.script("lease", [keys.base(shard)], args) for shard in range(shards))
        )
        self._opened.grow_old(self._now_ms())
        legs: list[Leg] = []
        surplus: list[Settlement] = []
        for shard, answer in enumerate(answers):
            for at in range(1, len(answer), 5):
                leg_id, claims, body, said, denied = answer[at : at + 5]
                event = self._event(leg_id, body, plan)
                leg = Leg(
                    id=leg_id.decode(),
                    destination=destination,
                    shard=shard,
                    token=token,
                    claims=claims,
                    event=event,
                    veto=_veto(body) if event is None else None,
                    is_absent=body is None,
                    denied=_denied(denied) if denied else _NOTHING_DENIED,
                    fate=outcomes.read(said) if said else None,
                )
                if len(legs) < most:
                    legs.append(leg)
                else:
                    surplus.append(Settlement(leg=leg, kind=Kind.BACK))
        if surplus:
            await self.settle(surplus)
        due = [int(answer[0]) for answer in answers if answer[0] >= 0]
        return Loan(tuple(legs), min(due) if due else None)

    def _event(self, leg_id: bytes, body: bytes | None, plan: Plan) -> Event | None:
        """Read a leg's content, once for all destinations that are lent it at about the same time."""
        if body is None:
            return None
        if (known := self._opened.find(leg_id, body)) is not None:
            return known
        event = _copy(body)
        if not isinstance(event, Event):
            return None
        site = plan.sites.get(event.site)
        if site is not None and len(site.destinations) > 1:
            self._opened.keep(leg_id, body, event, len(site.destinations) - 1)
        return event

    async def renew(self, legs: Sequence[Leg]) -> None:
        """Keep these legs while they are worked on."""
        for (shard, destination, token), group in _grouped(legs).items():
            ids = [leg.id for leg in group]
            await self._database.script("renew", [keys.base(shard)], [f"queue:{destination}", token, LEASE_MS, *ids])

    async def settle(self, settlements: Sequence[Settlement]) -> None:
        """Write what became of legs. A leg that was lent to somebody else meanwhile is left alone."""
        by_place: dict[tuple[int, str], list[Settlement]] = {}
        for settlement in settlements:
            by_place.setdefault((settlement.leg.shard, settlement.leg.destination), []).append(settlement)
        plan, hour = self._plan(), self._now_ms() // keys.HOUR_MS
        calls = []
        for (shard, destination), group in by_place.items():
            for start in range(0, len(group), _CHUNK):
                rulings, spelled = self._ruled(group[start : start + _CHUNK], plan)
                told = (keys.COUNTERS_MS, plan.outcomes_ms, plan.dead_ms, rulings, len(spelled))
                head = _pack((destination, hour, *told))
                calls.append(self._database.script("settle", [keys.base(shard)], [head, rows.packed(spelled)]))
        await asyncio.gather(*calls)

    async def sweep(self) -> int:
        """Make due what a clock that once ran ahead has put off too far; returns how many that were."""
        plan = self._plan()
        longest_hold_ms = max(
            (site.dedup.window_h * 3_600_000 + site.merge.hold_s * 1_000 for site in plan.sites.values()), default=0
        )
        places = {"hold": int(longest_hold_ms) + _CLOCK_MS}
        places |= {f"queue:{name}": LONGEST_WAIT_MS + CAP_MS + _CLOCK_MS for name in plan.destinations}
        swept = 0
        for shard in range(self._database.shards):
            for place, most_ms in places.items():
                swept += int(await self._database.script("sweep", [keys.base(shard)], [place, most_ms]))
        if swept:
            log.warning("queue.swept", legs=swept)
        return swept

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
        args = ["hold", most, LEASE_MS, self._token(), "", 0, 0]
        answer = await self._database.script("lease", [keys.base(shard)], args)
        lent = [answer[at : at + 7] for at in range(1, len(answer), 7)]
        for act, claims, version, *copies in lent:
            try:
                await self._release(shard, text(act), text(version), [body for body in copies[1::2] if body])
            except Unavailable:
                raise
            except Exception:
                # One act that we cannot merge must not hold up the others; it comes due again after its lease.
                log.exception("release.failed", act=text(act), claims=int(claims))
        if len(lent) == most:
            return 0
        return None if answer[0] < 0 else int(answer[0])

    async def _release(self, shard: int, act: str, version: str, bodies: Sequence[bytes]) -> None:
        """Merge an act's copies and COMMIT; a copy that comes in between makes us merge again."""
        while True:
            copies = [copy for copy in map(_copy, bodies) if copy is not None]
            if copies and copies[0].site not in self._plan().sites:
                # Its site left the configuration: it waits for the site to come back, asked once a lease.
                log.warning("hold.site_missing", site=copies[0].site, event_name=copies[0].name)
                return
            if await self._commit(shard, act, version, copies) != "changed":
                self._nudge()
                return
            pipeline = self._database.pipeline()
            # The version first: a copy that lands between the two reads makes COMMIT answer `changed`.
            pipeline.hget(keys.act(shard, act), "v")
            pipeline.hgetall(keys.copies(shard, act))
            found, told = await self._database.answer(pipeline.execute())
            version, bodies = text(found), list(told.values())

    async def _commit(self, shard: int, act: str, version: str, copies: Sequence[Copy]) -> str:
        """Seal what the copies make together. No readable copy left: the act ends as `dead:unreadable`."""
        plan, hour = self._plan(), self._now_ms() // keys.HOUR_MS
        content = b""
        vetoes: list[Veto] = []
        told: tuple[Any, ...]
        if copies:
            site = plan.sites[copies[0].site]
            merged = sealed(copies, site.consent)
            chosen = route(act, merged, site, plan.bound_for(site))
            counters = sealing_counters(merged.site, self._counted_as(merged.site, merged.name), chosen)
            refused = [(name, skipped(why)) for name, why in chosen.skipped]
            at_ms = merged.at_ms if isinstance(merged, Event) else merged.received_ms
            content = vault.seal(merged)
            if isinstance(merged, Veto):
                vetoes = [veto(copy) for copy in copies]
            told = (plan.closed_ms(merged), plan.outcomes_ms, hour, keys.COUNTERS_MS, chosen.go)
            told += ([name for name, _ in refused], [word for _, word in refused], counters)
            told += (at_ms // 1_000, worth(merged.name, site))
        else:
            word = dead(Dead.UNREADABLE)
            counters = [outcomes.sealed_counter("-", "-"), outcomes.owed_counter("-", "-", "-")]
            counters.append(outcomes.delivery_counter("-", "-", "-", word))
            told = (plan.outcomes_ms, plan.outcomes_ms, hour, keys.COUNTERS_MS, (), ["-"], [word], counters, 0, 0)
        told += ([copy.wires[0].value for copy in vetoes],)
        args = [_pack((act, version, *told)), content, *map(vault.seal, vetoes)]
        return text(await self._database.script("commit", [keys.base(shard)], args))

    def _ruled(self, items: Sequence[Settlement], plan: Plan) -> tuple[list[tuple[Any, ...]], list[str]]:
        """Spell the rulings on legs of one destination, and a row a leg."""
        rulings: dict[tuple[Any, ...], str] = {}
        alike: dict[tuple[Any, ...], str] = {}
        spelled = []
        for item in items:
            leg, told = item.leg, item.leg.event or item.leg.veto
            # All that a ruling is made of; most legs of a batch have it in common.
            about = (told.site, told.name, told.transaction_id is None) if told else None
            kind = (leg.token, item.kind, item.fate, item.wait_ms, ":" in leg.id, about)
            number = alike.get(kind)
            if number is None:
                ruling = self._ruling(item, plan)
                number = alike[kind] = rulings.setdefault(ruling, rows.number(len(rulings) + 1))
            spelled.append(number + rows.text(leg.id))
        return list(rulings), spelled

    def _ruling(self, item: Settlement, plan: Plan) -> tuple[Any, ...]:
        """Spell what is settled as `lua/settle.lua` takes it; legs of one batch mostly share it."""
        leg, fate, told = item.leg, item.fate, item.leg.event or item.leg.veto
        counter = ""
        if fate is not None and item.kind in (Kind.DONE, Kind.DEAD):
            site, name = (told.site, self._counted_as(told.site, told.name)) if told else ("-", "-")
            counter = outcomes.delivery_counter(site, name, leg.delivery, fate.outcome)
        outcome = outcomes.write(fate).decode() if fate else ""
        remember_ms = plan.remember_ms(told) if told else plan.outcomes_ms
        return (leg.token, item.kind.value, outcome, item.wait_ms, counter, remember_ms)


def _copy(body: bytes | None) -> Copy | None:
    try:
        return vault.unseal(body or b"")
    except Corrupt:
        return None


def _veto(body: bytes | None) -> Veto | None:
    copy = _copy(body)
    return copy if isinstance(copy, Veto) else None


def _grouped(legs: Sequence[Leg]) -> dict[tuple[int, str, str], list[Leg]]:
    groups: dict[tuple[int, str, str], list[Leg]] = {}
    for leg in legs:
        groups.setdefault((leg.shard, leg.destination, leg.token), []).append(leg)
    return groups


def _denied(told: bytes) -> frozenset[Purpose]:
    return frozenset(map(Purpose, text(told).split(",")))
