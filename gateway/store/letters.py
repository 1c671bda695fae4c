"""Dead letters: listed page by page, found by what they are called, sent again or dropped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite
from typing import Any, Final, NamedTuple, Self

import orjson

from gateway.core.act import digest
from gateway.core.event import Copy
from gateway.core.plan import Plan
from gateway.store import keys, outcomes, vault
from gateway.store.database import PATIENT_S, Database, text
from gateway.store.errors import Corrupt
from gateway.store.search import acts_named

PAGE: Final = 200
# What one page reads is answered by Redis in one go.
MOST: Final = 1_000


class Place(NamedTuple):
    """Where a letter stands among all of them; the greatest is the newest. Many die in one millisecond."""

    died_ms: int
    destination: str
    leg: str

    @classmethod
    def read(cls, said: str) -> Self | None:
        """Read `<at>/<destination>/<id>` of a letter, or the moment alone; None when it is neither."""
        at, *rest = said.split("/")
        try:
            at_s = float(at)
        except ValueError:
            return None
        if not isfinite(at_s) or len(rest) not in (0, 2):
            return None
        return cls(round(at_s * 1_000), *(rest or ("", "")))

    def __str__(self) -> str:
        return f"{self.died_ms / 1_000}/{self.destination}/{self.leg}"


class Letters:
    def __init__(self, database: Database, plan: Callable[[], Plan], *, now_ms: Callable[[], int]) -> None:
        self._database = database
        self._plan = plan
        self._now_ms = now_ms

    async def newest(self, destination: str | None = None, limit: int = PAGE) -> list[dict[str, Any]]:
        """Tell the newest of a destination, or of all."""
        return await self.page(destination, limit=limit)

    async def page(
        self, destination: str | None = None, *, limit: int = PAGE, before: Place | None = None
    ) -> list[dict[str, Any]]:
        """Tell the newest of those that stand before a place; fewer than `limit` only where there are no more."""
        rows: list[dict[str, Any]] = []
        while True:
            wanted = limit - len(rows)
            places, before = await self.places(destination, limit=wanted, before=before)
            rows += await self._rows(places)
            if before is None or len(rows) >= limit:
                return rows

    async def places(
        self, destination: str | None = None, *, limit: int, before: Place | None = None
    ) -> tuple[list[Place], Place | None]:
        """Find the newest of those that stand before a place, and from where it goes on: None at the end."""
        found: list[Place] = []
        for name in [destination] if destination else await self.destinations():
            for shard in range(self._database.shards):
                found += await self._places(shard, name, limit + 1, before)
        found.sort(reverse=True)
        return found[:limit], found[limit - 1] if len(found) > limit else None

    async def _places(self, shard: int, name: str, count: int, before: Place | None) -> list[Place]:
        found: list[Place] = []
        highest = "+inf" if before is None else before.died_ms
        for start in range(0, 1 << 53, count):  # more than one round only where many died in the same millisecond
            call = self._database.redis.zrange(
                keys.dead(shard, name), highest, "-inf",
                desc=True, byscore=True, offset=start, num=count, withscores=True,
            )  # fmt: skip
            told = await self._answer(call)
            places = [Place(int(died_ms), name, text(leg)) for leg, died_ms in told]
            found += [place for place in places if before is None or place < before]
            if len(told) < count or len(found) >= count:
                break
        return found[:count]

    async def find(self, name: str, destination: str | None = None) -> list[Place]:
        """Find the letters that have this id, and those of the acts that have it as event id or transaction id."""
        acts, _ = await acts_named(self._database, digest(name))
        legs = dict.fromkeys([name, *(leg for act, _ in acts for leg in (act, keys.late_leg(act)))])
        names = [destination] if destination else await self.destinations()
        sought = [(place, leg) for place in names for leg in legs]
        pipeline = self._database.pipeline()
        for place, leg in sought:
            pipeline.zscore(keys.dead(self._shard(leg), place), leg)
        died = await self._answer(pipeline.execute()) if sought else []
        found = [Place(int(at), place, leg) for (place, leg), at in zip(sought, died, strict=True) if at is not None]
        return sorted(found, reverse=True)

    async def holders(self, leg: str) -> list[str]:
        """Name the destinations that have a letter of this id."""
        names, shard = await self.destinations(), self._shard(leg)
        pipeline = self._database.pipeline()
        for name in names:
            pipeline.zscore(keys.dead(shard, name), leg)
        died = await self._answer(pipeline.execute()) if names else []
        return [name for name, at in zip(names, died, strict=True) if at is not None]

    async def found(self, name: str, destination: str | None = None) -> list[dict[str, Any]]:
        """Tell the letters of `find`."""
        return await self._rows(await self.find(name, destination))

    async def _rows(self, places: Sequence[Place]) -> list[dict[str, Any]]:
        pipeline = self._database.pipeline()
        for _, destination, leg in places:
            shard, act, delivery = self._shard(leg), keys.act_of(leg), keys.delivery(destination, leg)
            pipeline.hget(keys.act(shard, act), f"d:{delivery}")
            pipeline.get(keys.content(shard, leg))
            pipeline.hget(keys.sample(shard, act), delivery)
        told = iter(await self._answer(pipeline.execute()) if places else [])
        rows = [_row(place, *kept) for place, kept in zip(places, zip(told, told, told, strict=True), strict=True)]
        return [row for row in rows if row is not None]

    # ---- what a person wants of them

    async def replay(self, destination: str, leg: str) -> str:
        """Send a dead letter again.

        Shape: `revived`, `gone` (no such letter), `lost` (its content is no longer kept) or `unconfigured` (nobody
        would send it).
        """
        shard = self._shard(leg)
        if destination not in self._plan().destinations:
            is_there = await self._answer(self._database.redis.zscore(keys.dead(shard, destination), leg)) is not None
            return "unconfigured" if is_there else "gone"
        event = _opened(await self._answer(self._database.redis.get(keys.content(shard, leg))))
        site, name = (event.site, event.name) if event else ("-", "-")
        owed = outcomes.owed_counter(site, name, keys.delivery(destination, leg))
        told = [leg, destination, self._now_ms() // keys.HOUR_MS, keys.COUNTERS_MS, owed]
        return text(await self._database.script("revive", [keys.base(shard)], told, within_s=PATIENT_S))

    async def drop(self, destination: str, leg: str) -> bool:
        """Forget a dead letter; its outcome stays told. Returns whether there was one."""
        return bool(await self._answer(self._database.redis.zrem(keys.dead(self._shard(leg), destination), leg)))

    # ---- the destinations they are of

    async def destinations(self) -> list[str]:
        """Name the destinations that are configured, and then those that were."""
        known = await self._answer(self._database.redis.zrange(keys.destinations(), 0, -1))
        return list(dict.fromkeys([*self._plan().destinations, *map(text, known)]))

    async def bury(self) -> None:
        """Drop dead letters that are older than they are kept."""
        horizon = self._now_ms() - self._plan().dead_ms
        for name in await self.destinations():
            for shard in range(self._database.shards):
                await self._answer(self._database.redis.zremrangebyscore(keys.dead(shard, name), "-inf", horizon))

    def _shard(self, leg: str) -> int:
        return keys.shard_of(keys.act_of(leg), self._database.shards)

    async def _answer(self, call: Any) -> Any:
        return await self._database.answer(call, within_s=PATIENT_S)


def _row(place: Place, stored: bytes | None, content: bytes | None, sample: bytes | None) -> dict[str, Any] | None:
    fate, event = outcomes.read(stored), _opened(content)
    if fate is None:
        return None
    sent = orjson.loads(sample) if sample else {}
    return {
        "id": place.leg,
        "destination": place.destination,
        "site": event.site if event else None,
        "event": event.name if event else None,
        "event_id": event.event_id if event else None,
        "outcome": fate.outcome,
        "reason": fate.reason,
        "attempts": fate.attempts,
        "request": sent.get("request"),
        "response": sent.get("response"),
        "at": place.died_ms / 1_000,
    }


def _opened(content: bytes | None) -> Copy | None:
    try:
        return vault.unseal(content) if content else None
    except Corrupt:
        return None
