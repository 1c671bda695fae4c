"""What platforms say later: the receipts of requests they took, which legs were in them, and the word that came.

A receipt is followed by one process at a time, survives every restart, and holds no personal data: acts are named by
their digests. Never enters: when to ask, and what an answer means.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from gateway.core.adapter import Following
from gateway.core.event import Copy, Event
from gateway.core.merge import sealed
from gateway.core.outcome import Pending
from gateway.core.plan import Plan
from gateway.core.site import DAY_S
from gateway.store import keys, outcomes, vault
from gateway.store.database import PATIENT_S, Database, text
from gateway.store.errors import Corrupt
from gateway.store.outcomes import Fate

# Longer than a question takes (10 s) with a turn waited for (10 s).
LEASE_MS: Final = 45_000
_DAY_MS: Final = DAY_S * 1_000
_DAYS_SHOWN: Final = 7
# One script call stays short: other callers wait behind it.
_CHUNK: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A request that a platform took, on loan to be asked about.

    `legs`: in the order in which they were packed. `asked`: how often it was asked about before.
    """

    name: str
    destination: str
    token: str
    sent_ms: int
    asked: int
    legs: tuple[str, ...] = field(repr=False)


class Receipts:
    def __init__(self, database: Database, plan: Callable[[], Plan], *, now_ms: Callable[[], int]) -> None:
        self._database = database
        self._plan = plan
        self._now_ms = now_ms

    # ---- following

    async def keep(self, destination: str, name: str, legs: Sequence[str], wait_ms: int) -> None:
        """Remember a request's receipt and its legs, and plan the first question `wait_ms` from now."""
        said = {"sent_ms": self._now_ms(), "count": len(legs), "legs": orjson.dumps(legs)}
        await self._database.script(
            "receive",
            [keys.receipts(destination), keys.receipt(destination, name)],
            [
                name,
                wait_ms,
                self._plan().outcomes_ms,
                keys.RECEIPTS_MS,
                *(part for pair in said.items() for part in pair),
            ],
        )
        by_shard: dict[int, list[tuple[str, str, str]]] = {}
        for place, leg in enumerate(legs):
            act = keys.act_of(leg)
            shard = keys.shard_of(act, self._database.shards)
            mark = (keys.act(shard, act), keys.delivery(destination, leg), _mark(name, place))
            by_shard.setdefault(shard, []).append(mark)
        for marks in by_shard.values():
            for start in range(0, len(marks), _CHUNK):
                chunk = marks[start : start + _CHUNK]
                args = [part for _, delivery, mark in chunk for part in (delivery, mark)]
                await self._database.script("mark", [act for act, _, _ in chunk], args)

    async def look(self, destination: str) -> Receipt | int | None:
        """Borrow the receipt that is due first, or tell in how many ms one is; None: there is none."""
        first = await self._database.script("look", [keys.receipts(destination)], [LEASE_MS, keys.RECEIPTS_MS])
        if len(first) == 1:
            return None if first[0] < 0 else int(first[0])
        name = text(first[1])
        pipeline = self._database.pipeline()
        pipeline.hgetall(keys.receipt(destination, name))
        (raw,) = await self._database.answer(pipeline.execute())
        fields = {text(key): value for key, value in raw.items()}
        return Receipt(
            name=name,
            destination=destination,
            token=text(first[2]),
            sent_ms=int(fields.get("sent_ms", 0)),
            asked=int(fields.get("asked", 0)),
            legs=tuple(orjson.loads(fields.get("legs", b"[]"))),
        )

    async def tell(
        self,
        receipt: Receipt,
        *,
        wait_ms: int | None,
        status: str = "",
        counts: Mapping[str, int] | None = None,
        rows: Mapping[int, str] | None = None,
    ) -> bool:
        """Write what was said of a request; `wait_ms` None: it will not be asked about again.

        Shape:  False when it was lent to somebody else meanwhile: then nothing was written, and nothing counted.
        """
        told: dict[str, Any] = {"asked": receipt.asked + 1}
        if status:
            told |= {"status": status, "told_ms": self._now_ms(), "counts": orjson.dumps(counts or {})}
            told["rows"] = orjson.dumps({str(row): code for row, code in (rows or {}).items()})
        counted = counts or {} if wait_ms is None else {}
        destination = receipt.destination
        answer = await self._database.script(
            "tell",
            [
                keys.receipts(destination),
                keys.receipt(destination, receipt.name),
                keys.told(destination, self._now_ms() // _DAY_MS),
            ],
            [
                receipt.name,
                receipt.token,
                -1 if wait_ms is None else wait_ms,
                keys.TOLD_MS,
                len(told),
                *(part for pair in told.items() for part in pair),
                *(part for pair in counted.items() for part in pair),
            ],
        )
        return bool(answer)

    # ---- sending again

    async def event(self, leg: str) -> Event | None:
        """Read what a leg said, as it was frozen, or as its copies still tell it; None when neither is kept."""
        act = keys.act_of(leg)
        shard = keys.shard_of(act, self._database.shards)
        pipeline = self._database.pipeline()
        pipeline.get(keys.content(shard, leg))
        pipeline.hgetall(keys.copies(shard, act))
        content, bodies = await self._database.answer(pipeline.execute())
        frozen = _copy(content)
        if isinstance(frozen, Event):
            return frozen
        copies = [copy for copy in map(_copy, bodies.values()) if copy is not None]
        site = self._plan().sites.get(copies[0].site) if copies else None
        merged = None if site is None else sealed(copies, site.consent)
        return merged if isinstance(merged, Event) else None

    async def again(self, receipt: Receipt, row: int, event: Event, *, reason: str, wait_ms: int, at_most: int) -> str:
        """Put a delivered leg back into its queue, to be sent under the same id; returns a word of `lua/again.lua`."""
        destination, leg = receipt.destination, receipt.legs[row]
        act = keys.act_of(leg)
        shard = keys.shard_of(act, self._database.shards)
        delivery = keys.delivery(destination, leg)
        pipeline = self._database.pipeline()
        pipeline.hget(keys.act(shard, act), f"d:{delivery}")
        fate = outcomes.read((await self._database.answer(pipeline.execute()))[0])
        waiting = Fate(
            outcome=Pending.RETRYING, reason=reason, attempts=fate.attempts if fate else 1, at_ms=self._now_ms()
        )
        answer = await self._database.script(
            "again",
            [
                keys.act(shard, act),
                keys.content(shard, act),
                keys.content(shard, leg),
                keys.copies(shard, act),
                keys.queue(shard, destination).due,
                keys.counters(shard, self._now_ms() // keys.HOUR_MS),
            ],
            [
                leg,
                delivery,
                "" if keys.is_late(leg) else keys.delivery(destination, keys.late_leg(act)),
                _mark(receipt.name, row),
                outcomes.write(waiting),
                wait_ms,
                at_most,
                vault.seal(event),
                outcomes.owed_counter(event.site, "-", delivery),
                keys.COUNTERS_MS,
            ],
        )
        return text(answer)

    # ---- reading

    async def fill(self, deliveries: Sequence[dict[str, Any]]) -> None:
        """Put in the place of each delivery's mark what its platform said later."""
        marked = [row for row in deliveries if "followed" in row]
        pipeline = self._database.pipeline()
        for row in marked:
            pipeline.hgetall(keys.receipt(row["destination"], row["followed"].rpartition(":")[0]))
        answers = await self._database.answer(pipeline.execute(), within_s=PATIENT_S) if marked else []
        for row, raw in zip(marked, answers, strict=True):
            row["followed"] = _said(row["followed"], raw)

    async def summary(self, destination: str) -> dict[str, Any] | None:
        """Tell how many requests are still followed, and what was said in the last days, by code.

        Shape:  None for a destination whose platform says nothing later.
        """
        if not isinstance(self._plan().destinations[destination].adapter, Following):
            return None
        today = self._now_ms() // _DAY_MS
        pipeline = self._database.pipeline()
        pipeline.zcard(keys.receipts(destination))
        for day in range(today - _DAYS_SHOWN + 1, today + 1):
            pipeline.hgetall(keys.told(destination, day))
        waiting, *days = await self._database.answer(pipeline.execute(), within_s=PATIENT_S)
        told: dict[str, int] = {}
        for counts in days:
            for code, often in counts.items():
                told[text(code)] = told.get(text(code), 0) + int(often)
        return {"waiting": waiting, "told": dict(sorted(told.items(), key=lambda pair: -pair[1]))}


def _mark(name: str, place: int) -> str:
    """What an act keeps of its request: the receipt, and the place of its event in it."""
    return f"{name}:{place}"


def _said(mark: str, raw: Mapping[bytes, bytes]) -> dict[str, Any]:
    name, _, place = mark.rpartition(":")
    fields = {text(key): value for key, value in raw.items()}
    rows = orjson.loads(fields.get("rows", b"{}"))
    return {
        "receipt": name,
        "status": text(fields.get("status")) or ("waiting" if fields else "no longer kept"),
        "reason": rows.get(place),
        "counts": orjson.loads(fields.get("counts", b"{}")),
        "asked": int(fields.get("asked", 0)),
        "at": int(fields["told_ms"]) / 1_000 if "told_ms" in fields else None,
    }


def _copy(body: bytes | None) -> Copy | None:
    try:
        return vault.unseal(body or b"")
    except Corrupt:
        return None
