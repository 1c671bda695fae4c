"""What can be read back: one act's whole story, the counts, the dead letters, the state of each destination.

Nothing here decides; the only writes are a sample of what was sent, a worker's word about itself, and which
destinations there are. A person's wish to replay or drop a dead letter: `store/letters.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import orjson
import structlog

from gateway.core.act import digest
from gateway.core.consent import settle
from gateway.core.event import Consent, Copy, Event, Grant, Purpose, Wire
from gateway.core.mask import masked_copy
from gateway.core.merge import merge
from gateway.core.outcome import Pending
from gateway.core.plan import Plan
from gateway.store import keys, outcomes, vault
from gateway.store.audit import Audit
from gateway.store.counts import HourlyCounts
from gateway.store.database import PATIENT_S, Database, text
from gateway.store.errors import Corrupt
from gateway.store.letters import Letters
from gateway.store.outcomes import Fate
from gateway.store.park.away import Away, on_disk
from gateway.store.queues import Leg
from gateway.store.receipts import Receipts
from gateway.store.search import acts_named

log = structlog.get_logger()

# The state of a destination that is not configured any more, and is still owed something.
GONE: Final = "gone"
_STATE_MS: Final = 7 * 86_400_000
_PAGE: Final = 200
# What a platform calls match quality is of the last two days as well.
_QUALITY_HOURS: Final = 48
# Acts of one id that are told: more than this many were made by somebody who tries.
_NAMED: Final = 20


class Ledger:
    def __init__(
        self, database: Database, plan: Callable[[], Plan], *, now_ms: Callable[[], int], backlog: Path | None = None
    ) -> None:
        self._database = database
        self._plan = plan
        self._now_ms = now_ms
        self.receipts = Receipts(database, plan, now_ms=now_ms)
        self.counts = HourlyCounts(database, plan, now_ms=now_ms)
        self.away = Away(database, plan, backlog, now_ms=now_ms)
        self.audit = Audit(database, plan, self.counts, now_ms=now_ms)
        self.letters = Letters(database, plan, now_ms=now_ms)
        self._told_gone: set[str] = set()

    def plan(self) -> Plan:
        """Return what is configured now."""
        return self._plan()

    # ---- one act

    async def explain(self, event_id: str, site: str | None = None, event: str | None = None) -> dict[str, Any] | None:
        """Tell everything that happened to the newest act of this id, or None when none is known.

        Shape: contract section 8, `explain`.
        """
        return await self.explain_named(digest(event_id), site, event)

    async def explain_named(
        self, name: str, site: str | None = None, event: str | None = None
    ) -> dict[str, Any] | None:
        """Tell the same of an id that is only known as its digest (`core/act.digest`): a page links to some ids so."""
        acts = await self._acts_named(name)
        stories = [(await self._story(act) or await self.away.story(act, name, site, event), at) for act, at in acts]
        known = [
            (story, _came_at(story, at))
            for story, at in stories
            if story is not None
            and (site is None or story["site"] == site)
            and (event is None or story["event"] == event)
        ]
        if not known:
            return None
        (newest, _), *older = sorted(known, key=lambda pair: -pair[1])
        await self.receipts.fill(newest["deliveries"])
        newest["others"] = [{"site": story["site"], "event": story["event"], "at": at} for story, at in older]
        return newest

    async def _acts_named(self, id_digest: str) -> list[tuple[str, int]]:
        """Find the acts whose event id or transaction id this is, each with the second it is of."""
        found, absent = await acts_named(self._database, id_digest)
        found += [(act, self._now_ms() // 1_000) for act in await self.away.marks(absent)]
        return sorted(found, key=lambda pair: -pair[1])[:_NAMED]

    async def _story(self, act: str) -> dict[str, Any] | None:
        shard = keys.shard_of(act, self._database.shards)
        pipeline = self._database.pipeline()
        pipeline.hgetall(keys.act(shard, act))
        pipeline.hgetall(keys.copies(shard, act))
        pipeline.get(keys.content(shard, act))
        pipeline.hgetall(keys.sample(shard, act))
        raw, bodies, content, samples = await self._answer(pipeline.execute())
        if b"st" not in raw:
            raw, bodies, content = await self.away.told(act, raw, bodies) or ({}, {}, None)
        if not raw:
            return None
        fields = {text(field): value for field, value in raw.items()}
        copies = _copies(bodies, content)
        if not copies:
            return None
        merged = merge(copies)
        status = text(fields.get("st"))
        place = self._plan().sites.get(merged.site)
        return {
            "event_id": merged.event_id,
            "site": merged.site,
            "event": merged.name,
            "status": {"open": "held", "out": "leaving", "done": "settled"}.get(status, status),
            "duplicates": int(fields.get("dup", 0)),
            "copies": [
                {
                    "wire": copy.wires[0].value,
                    "received_at": copy.received_ms / 1000,
                    **masked_copy(copy),
                    "consent_by": dict(copy.consent.by),
                    "bot": copy.bot if isinstance(copy, Event) else None,
                }
                for copy in copies
            ],
            "merged": masked_copy(merged),
            # Nobody else will answer what is still unknown once it left: told as it was settled then.
            "consent": _consent(
                merged.consent if status == "open" or place is None else settle(merged.consent, place.consent), fields
            ),
            "deliveries": self._deliveries(merged, fields, {text(k): v for k, v in samples.items()}),
        }

    def _deliveries(self, merged: Copy, fields: dict[str, bytes], samples: dict[str, bytes]) -> list[dict[str, Any]]:
        site = self._plan().sites.get(merged.site)
        told = {field[2:]: outcomes.read(value) for field, value in fields.items() if field.startswith("d:")}
        names = list(dict.fromkeys([*(site.destinations if site else ()), *told]))
        unconfirmed = site is not None and merged.name in site.merge.confirm and Wire.SERVER not in merged.wires
        rows = []
        for name in names:
            fate = told.get(name) or _pending(text(fields.get("st")), unconfirmed, merged.received_ms)
            fate = on_disk(fate) if f"away:{name}" in fields else fate
            sent = orjson.loads(samples[name]) if name in samples else {}
            destination, _, late = name.partition(":")
            rows.append(
                {
                    "destination": destination,
                    "outcome": fate.outcome,
                    "reason": fate.reason,
                    "attempts": fate.attempts,
                    "request": sent.get("request"),
                    "response": sent.get("response"),
                    **{key: sent[key] for key in ("lane", "valued") if key in sent},
                    "at": fate.at_ms / 1000,
                    **({"late": True} if late else {}),
                    **({} if fate.quality is None else {"match_quality": fate.quality}),
                    **({"followed": text(fields[f"r:{name}"])} if f"r:{name}" in fields else {}),
                }
            )
        return rows

    # ---- samples of what was sent

    async def keep_samples(self, sent: Sequence[tuple[Leg, dict[str, Any]]]) -> None:
        """Keep masked requests and responses of the newest deliveries, and let the oldest go."""
        plan = self._plan()
        per_shard = max(1, plan.keep.samples // self._database.shards)
        pipeline = self._database.pipeline()
        now_ms = self._now_ms()
        listed: dict[tuple[int, str], dict[str, int]] = {}
        for leg, said in sent:
            key = keys.sample(leg.shard, leg.act)
            pipeline.hset(key, leg.delivery, orjson.dumps(said))
            pipeline.pexpire(key, plan.outcomes_ms)
            listed.setdefault((leg.shard, leg.destination), {})[leg.id] = now_ms
        for (shard, destination), legs in listed.items():
            pipeline.zadd(keys.samples(shard, destination), legs)
        await self._answer(pipeline.execute())
        for shard, destination in listed:
            listing = keys.samples(shard, destination)
            oldest = await self._answer(self._database.redis.zrange(listing, 0, -per_shard - 1))
            trim = self._database.pipeline()
            for leg_id in map(text, oldest):
                delivery = keys.delivery(destination, leg_id)
                trim.hdel(keys.sample(shard, keys.act_of(leg_id)), delivery)
                trim.zrem(listing, leg_id)
            trim.pexpire(listing, plan.outcomes_ms)
            await self._answer(trim.execute())

    # ---- destinations

    async def say(self, destination: str, **fields: str | int) -> None:
        """Write what a destination's worker says of itself: state, reason, last_error, at_ms."""
        pipeline = self._database.pipeline()
        pipeline.hset(keys.state(destination), mapping=dict(fields))
        pipeline.pexpire(keys.state(destination), _STATE_MS)
        await self._answer(pipeline.execute())

    async def destinations(self) -> list[dict[str, Any]]:
        """Tell the state of every configured destination (contract section 8).

        One that left the configuration follows them with the state `gone`, while something of it waits or is dead.
        """
        delivered, qualities = await self.counts.delivered(), await self.counts.qualities(_QUALITY_HOURS)
        rows = [await self._destination(name, delivered[name]) for name in await self.letters.destinations()]
        return [
            {**row, "match_quality": qualities.get(row["destination"])}
            for row in rows
            if row["state"] != GONE or row["waiting"] or row["dead"]
        ]

    async def keep_house(self) -> None:
        """Bury dead letters that are too old; remember which destinations there are, and tell of those that left."""
        await self.letters.bury()
        names, known = self._plan().destinations, keys.destinations()
        pipeline = self._database.pipeline()
        if names:
            pipeline.zadd(known, dict.fromkeys(names, self._now_ms()))
        pipeline.pexpire(known, keys.DESTINATIONS_MS)
        await self._answer(pipeline.execute())
        self._told_gone -= names.keys()
        for name in await self.letters.destinations():
            if name in names:
                continue
            row = await self._destination(name, 0)
            if not row["waiting"] and not row["dead"]:
                await self._answer(self._database.redis.zrem(known, name))
            elif name not in self._told_gone:
                self._told_gone.add(name)
                log.warning("destination.gone", destination=name, waiting=row["waiting"], dead=row["dead"])

    async def _destination(self, name: str, delivered: int) -> dict[str, Any]:
        pipeline = self._database.pipeline()
        shards = range(self._database.shards)
        for shard in shards:
            pipeline.zcard(keys.queue(shard, name).due)
            pipeline.zrange(keys.queue(shard, name).due, 0, 0)
            pipeline.zcard(keys.dead(shard, name))
        pipeline.hgetall(keys.state(name))
        *counts, said = await self._answer(pipeline.execute())
        told = await self.away.waiting(name)
        oldest = [(shard, text(counts[shard * 3 + 1][0])) for shard in shards if counts[shard * 3 + 1]]
        said = {text(field): text(value) for field, value in said.items()}
        is_configured = name in self._plan().destinations
        return {
            "destination": name,
            "state": said.get("state", "ok") if is_configured else GONE,
            "reason": said.get("reason", "") if is_configured else "",
            "waiting": sum(counts[0::3]) + told["parked"],
            **told,
            "oldest_age_s": await self._oldest_age_s(oldest),
            "delivered": delivered,
            "dead": sum(counts[2::3]),
            "last_error": said.get("last_error") or None,
            "followed": await self.receipts.summary(name) if is_configured else None,
            "last_error_at": int(said["last_error_ms"]) / 1000 if said.get("last_error_ms") else None,
        }

    async def _oldest_age_s(self, heads: Sequence[tuple[int, str]]) -> float:
        """Age of the oldest of the legs that are next in line of each shard; 0 when nothing waits."""
        pipeline = self._database.pipeline()
        for shard, leg in heads:
            pipeline.get(keys.content(shard, leg))
        bodies = await self._answer(pipeline.execute()) if heads else []
        received = [copy.received_ms for copy in _copies(dict(enumerate(bodies)), None)]
        return round((self._now_ms() - min(received)) / 1000, 3) if received else 0.0

    # ---- the live stream

    async def recent(self, count: int) -> list[dict[str, Any]]:
        """Tell the newest entries of the live stream, the oldest of them first."""
        newest = await self._answer(self._database.redis.xrevrange(keys.live(), count=count))
        return [_entry(*found) for found in reversed(newest)]

    async def since(self, entry_id: str) -> list[dict[str, Any]]:
        """Tell what was written to the live stream after an entry; `0-0` is before all of them."""
        return [
            _entry(*found)
            for found in await self._answer(self._database.redis.xrange(keys.live(), f"({entry_id}", count=_PAGE))
        ]

    async def _answer(self, call: Any) -> Any:
        return await self._database.answer(call, within_s=PATIENT_S)


def _entry(entry_id: bytes, fields: dict[bytes, bytes]) -> dict[str, Any]:
    return {"id": text(entry_id), **orjson.loads(fields[b"e"])}


def _came_at(story: dict[str, Any], at_s: float) -> float:
    """Say when an act first came to a gateway; what it says of its own time is a stranger's word.

    `at_s`: what to say of one whose copies lie elsewhere.
    """
    came: float = min((copy["received_at"] for copy in story["copies"]), default=at_s)
    return came


def _copies(bodies: dict[Any, bytes | None], content: bytes | None) -> list[Copy]:
    """Open what is readable of an act's copies (browser first); the content stands in where no copy was kept apart."""
    opened = []
    for body in (*bodies.values(), content):
        if body:
            try:
                opened.append(vault.unseal(body))
            except Corrupt:
                continue
    apart = {copy.wires[0]: copy for copy in reversed(opened) if len(copy.wires) == 1}
    chosen = list(apart.values()) if apart else opened[:1]
    return sorted(chosen, key=lambda copy: copy.wires[0] is not Wire.BROWSER)


def _pending(status: str, unconfirmed: bool, at_ms: int) -> Fate:
    if status == "open" and unconfirmed:
        return Fate(outcome=Pending.WAITING, reason="unconfirmed", at_ms=at_ms)
    return Fate(outcome=Pending.HELD if status == "open" else Pending.WAITING, at_ms=at_ms)


def _consent(consent: Consent, fields: dict[str, bytes]) -> dict[str, Any]:
    """The verdict per purpose and the signal that decided it; a purpose denied since is told as such."""
    told: dict[str, Any] = {}
    by = dict(consent.by)
    for purpose in Purpose:
        grant = consent.of(purpose)
        if f"no:{purpose}" in fields and grant is not Grant.DENIED:
            grant, by[purpose.value] = Grant.DENIED, "later_copy"
        told[purpose.value] = grant.value
    return {**told, "by": by}
