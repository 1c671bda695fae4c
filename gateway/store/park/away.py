"""What can be told of acts that lie on a disk, and of how long what waits has left. It reads and never decides."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from gateway.core.act import named_by_event, named_by_order
from gateway.core.event import ORDER_EVENTS, Purpose
from gateway.core.outcome import Pending
from gateway.core.plan import Plan
from gateway.core.vocabulary import RECOMMENDED
from gateway.store import keys
from gateway.store.database import PATIENT_S, Database, text
from gateway.store.outcomes import Fate
from gateway.store.park import shelf

# Of the legs that have waited longest, so many of each shard are asked when their event happened.
_HEADS: Final = 20
# A destination's state keeps, of each gateway's disk, the second at which the first of its legs there expires.
FIELD: Final = "parked:"

_pack = msgspec.msgpack.Encoder().encode


class Away:
    """`folder` None: no disk of ours is to be looked at."""

    def __init__(
        self, database: Database, plan: Callable[[], Plan], folder: Path | None, *, now_ms: Callable[[], int]
    ) -> None:
        self._database = database
        self._plan = plan
        self._folder = folder
        self._now_ms = now_ms

    async def marks(self, acts: Sequence[str]) -> dict[str, str]:
        """Name those of these acts that lie on a disk, with the mark of their record."""
        by_shard: dict[int, list[str]] = {}
        for act in acts:
            by_shard.setdefault(keys.shard_of(act, self._database.shards), []).append(act)
        found: dict[str, str] = {}
        for shard, group in by_shard.items():
            marks = await self._database.script("away", [keys.base(shard)], [_pack((group,))], within_s=PATIENT_S)
            found |= {act: mark.hex() for act, mark in zip(group, marks, strict=True) if mark}
        return found

    async def told(
        self, act: str, fields: Mapping[bytes, bytes], copies: Mapping[bytes, bytes]
    ) -> tuple[dict[bytes, bytes], dict[bytes, bytes], bytes] | None:
        """Return fields, copies and content of an act on this machine's disk, with what came to Redis since.

        A field `away:` and a delivery stands for each that waits there. None: it lies on no disk of this machine.
        """
        mark = (await self.marks([act])).get(act) if self._folder is not None else None
        if mark is None or self._folder is None:
            return None
        folder = self._folder
        record = (await asyncio.to_thread(lambda: dict(shelf.find(folder, act)))).get(mark)
        if record is None:
            return None
        held, kept, content, _, legs = record
        waiting = {f"away:{keys.delivery(leg[0].decode(), leg[1].decode())}".encode(): b"1" for leg in legs}
        return {**_pairs(held), **fields, **waiting}, {**_pairs(kept), **copies}, content

    async def story(self, act: str, name: str, site: str | None, event: str | None) -> dict[str, Any] | None:
        """Tell the little that is known of an act that lies on another machine's disk; None when it does not.

        `name`: the digest of its id. Shape: as `explain`, without copies.
        """
        if not await self.marks([act]):
            return None
        known = ((place, word) for place in self._plan().sites for word in (event, *ORDER_EVENTS, *RECOMMENDED) if word)
        named = (
            (place, word)
            for place, word in known
            if act in (named_by_event(place, word, name), named_by_order(place, word, name))
        )
        place, word = next(named, (site or "-", event or "-"))
        bound = self._plan().sites[place].destinations if place in self._plan().sites else ()
        row = {
            "outcome": Pending.WAITING.value,
            "reason": "on_another_disk",
            "attempts": 0,
            "request": None,
            "response": None,
        }
        return {
            "event_id": "", "site": place, "event": word, "status": "leaving", "duplicates": 0, "copies": [],
            "merged": {}, "consent": {**dict.fromkeys((purpose.value for purpose in Purpose), "unknown"), "by": {}},
            "deliveries": [{"destination": destination, **row, "at": self._now_ms() / 1_000} for destination in bound],
        }  # fmt: skip

    async def waiting(self, destination: str) -> dict[str, Any]:
        """Tell how many legs of a destination lie on disks, and in how many seconds the first that waits is too old.

        Shape:   `{"parked": n, "expires_in_s": s | None}`; None: nothing waits; negative: too old already.
        """
        pipeline = self._database.pipeline()
        shards = range(self._database.shards)
        for shard in shards:
            pipeline.hget(keys.parked(shard), destination)
        for shard in shards:
            pipeline.zrange(keys.queue(shard, destination).due, 0, _HEADS - 1)
        pipeline.hgetall(keys.state(destination))
        told = await self._database.answer(pipeline.execute(), within_s=PATIENT_S)
        parked = sum(int(count or 0) for count in told[: len(shards)])
        due_s = await self._due_s(destination, told[len(shards) : -1])
        if parked:
            due_s += [int(value) for field, value in told[-1].items() if text(field).startswith(FIELD)]
        left_s = min(due_s) - self._now_ms() / 1_000 if due_s else None
        return {"parked": parked, "expires_in_s": None if left_s is None else round(left_s, 3)}

    async def _due_s(self, destination: str, heads: Sequence[Sequence[bytes]]) -> list[int]:
        """Tell when the legs that have waited longest become too old."""
        pipeline = self._database.pipeline()
        count = 0
        for shard, legs in enumerate(heads):
            for leg in legs:
                pipeline.hget(keys.act(shard, keys.act_of(text(leg))), "at")
                count += 1
        told = await self._database.answer(pipeline.execute(), within_s=PATIENT_S) if count else []
        place = self._plan().destinations.get(destination)
        # How long the platform of one that left the configuration would take them, nobody knows.
        return [] if place is None else [int(at) + place.adapter.max_age_s for at in told if at and int(at)]


def on_disk(fate: Fate) -> Fate:
    """Say of a delivery that its act lies on this machine's disk."""
    return msgspec.structs.replace(fate, reason=fate.reason or "on_disk")


def _pairs(flat: Sequence[bytes]) -> dict[bytes, bytes]:
    return dict(zip(flat[::2], flat[1::2], strict=True))
