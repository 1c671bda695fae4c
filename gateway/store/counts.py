"""What was counted, by the hour: at the door and where it left. The scripts count; here it is read and added up."""

from __future__ import annotations

from collections import Counter as Counts
from collections.abc import Callable
from typing import Any, Final

from gateway.core.outcome import DELIVERED
from gateway.core.plan import Plan
from gateway.store import keys
from gateway.store.database import PATIENT_S, Database, text

_LEFT: Final = (DELIVERED, "skipped", "dead")


class HourlyCounts:
    def __init__(self, database: Database, plan: Callable[[], Plan], *, now_ms: Callable[[], int]) -> None:
        self._database = database
        self._plan = plan
        self._now_ms = now_ms
        self._closed: dict[int, Counts[str]] = {}

    async def totals(self, since_ms: int) -> list[dict[str, Any]]:
        """Count by site, event, source and outcome since a moment (by whole hours).

        Shape: `source` is `browser` or `server` for what came in at the door, `delivery` for what left.
        """
        summed: Counts[str] = Counts()
        for counted in (await self.by_hour(since_ms // keys.HOUR_MS)).values():
            summed.update(counted)
        rows = [_total(counter, often) for counter, often in sorted(summed.items())]
        return [row for row in rows if row is not None]

    async def volumes(self, hours: int) -> dict[str, Any]:
        """Count what left, per destination and hour, over the last so many hours (this one included).

        Shape: `hours` in seconds since 1970, the oldest first; `destinations` name -> delivered, skipped, dead, each
        as long as `hours`. Every configured destination is there.
        """
        last = self._now_ms() // keys.HOUR_MS
        by_hour = await self.by_hour(last - hours + 1)
        series = {name: {word: [0] * hours for word in _LEFT} for name in self._plan().destinations}
        for hour, counted in by_hour.items():
            for counter, often in counted.items():
                row = _total(counter, often)
                if row is None:
                    continue
                outcome = row["outcome"].partition(":")[0]
                of = series.get(row.get("destination", "").partition(":")[0])
                if of is not None and outcome in of:
                    of[outcome][hour - last + hours - 1] += often
        stamps = [hour * keys.HOUR_MS // 1_000 for hour in range(last - hours + 1, last + 1)]
        return {"hours": stamps, "destinations": series}

    async def qualities(self, hours: int) -> dict[str, dict[str, Any]]:
        """Average the estimated match quality of what left over the last so many hours (this one included).

        Shape: destination -> `average`, `deliveries`, and `events`: the same of each event, the worst first. A
        destination of which nothing was estimated is not there.
        """
        last = self._now_ms() // keys.HOUR_MS
        sums: dict[str, dict[str, Counts[str]]] = {}
        # The tally adds to the first shard alone.
        for counted in (await self.by_hour(last - hours + 1, shards=1)).values():
            for counter, often in counted.items():
                if counter.startswith("quality|"):
                    _, _, event, place, what = counter.split("|", 4)
                    of = sums.setdefault(place.partition(":")[0], {}).setdefault(event, Counts())
                    of[what] += often
        return {place: _averaged(events) for place, events in sums.items()}

    async def delivered(self) -> dict[str, int]:
        """Count what each destination took, as far back as the counters are kept.

        An hour that is over does not change any more: it is read once and remembered, because pages ask often.
        """
        last = self._now_ms() // keys.HOUR_MS
        oldest = last - keys.COUNTERS_MS // keys.HOUR_MS
        closed = [hour for hour in self._closed if oldest <= hour < last - 1]
        fresh = await self.by_hour(max(closed) + 1 if closed else oldest)
        by_hour = {hour: self._closed[hour] for hour in closed} | {
            hour: _delivered(counted) for hour, counted in fresh.items()
        }
        self._closed = by_hour
        summed: Counts[str] = Counts()
        for counted in by_hour.values():
            summed.update(counted)
        return summed

    async def by_hour(self, first: int, shards: int | None = None) -> dict[int, Counts[str]]:
        """Read the counters of every hour since this one, as far back as they are kept; of so many shards, or all."""
        shards = shards or self._database.shards
        last = self._now_ms() // keys.HOUR_MS
        hours = range(max(first, last - keys.COUNTERS_MS // keys.HOUR_MS), last + 1)
        pipeline = self._database.pipeline()
        for hour in hours:
            for shard in range(shards):
                pipeline.hgetall(keys.counters(shard, hour))
        counted: dict[int, Counts[str]] = {hour: Counts() for hour in hours}
        for place, fields in enumerate(await self._database.answer(pipeline.execute(), within_s=PATIENT_S)):
            for counter, often in fields.items():
                counted[hours[place // shards]][text(counter)] += int(often)
        return counted


def _averaged(events: dict[str, Counts[str]]) -> dict[str, Any]:
    rows = [{"event": event, **_average(of)} for event, of in events.items()]
    whole: Counts[str] = sum(events.values(), Counts())
    return {**_average(whole), "events": sorted(rows, key=lambda row: (row["average"], row["event"]))}


def _average(of: Counts[str]) -> dict[str, Any]:
    """The estimates are kept in tenths, so that Redis adds whole numbers."""
    return {"average": round(of["sum"] / of["often"] / 10, 1) if of["often"] else 0.0, "deliveries": of["often"]}


def _total(counter: str, often: int) -> dict[str, Any] | None:
    """Tell a counter as a row; None for one that counts neither copies nor deliveries."""
    kind, site, event, place, outcome = counter.split("|", 4)
    if kind not in ("door", "delivery"):
        return None
    if kind == "door":
        return {"site": site, "event": event, "source": place, "outcome": outcome, "count": often}
    return {
        "site": site,
        "event": event,
        "source": "delivery",
        "destination": place,
        "outcome": outcome,
        "count": often,
    }


def _delivered(counted: Counts[str]) -> Counts[str]:
    """Keep of an hour what each destination took, restatements included."""
    taken: Counts[str] = Counts()
    for counter, often in counted.items():
        row = _total(counter, often)
        if row is not None and row["outcome"] == DELIVERED and "destination" in row:
            taken[row["destination"].partition(":")[0]] += often
    return taken
