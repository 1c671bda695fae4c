"""What the gateway says of itself while it works: metrics, the counts of refusals, and the live stream.

Counts of copies and deliveries move inside the scripts, with the work they count. What is counted here (refusals,
match quality, the live page) is written behind the visitor's back and may lose the last second when the process is
killed.
"""

from __future__ import annotations

import asyncio
from collections import Counter as Counts
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec
import orjson
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric
from prometheus_client.core import SummaryMetricFamily

from gateway.core.event import Copy, Wire
from gateway.core.plan import Plan
from gateway.core.vocabulary import NameBudget
from gateway.store import keys, outcomes
from gateway.store.database import Database
from gateway.store.errors import Unavailable

log = structlog.get_logger()

FLUSH_S: Final = 0.25
# Entries of the live page a flush: a flood is sampled, and the page says how much it left out.
_LIVE_A_FLUSH: Final = 50


class _Door(msgspec.Struct, eq=False):
    """A fate at the door: its metric, the counter of refusals where it is one, and the event's name in both.

    `often`: how many of it the metric was not told yet.
    """

    metric: Counter
    refusals: str | None
    event: str
    often: int = 0


class _BeforeOthers:
    """A collector that shows nothing: it is asked first, and tells the metrics what gathered for them."""

    def __init__(self, gathered: Callable[[], None]) -> None:
        self._gathered = gathered

    def collect(self) -> Sequence[Metric]:
        self._gathered()
        return ()


class _Qualities:
    """A summary of match quality that is told many values at once: the library's takes a lock and two calls for each.

    In tenths, as they are estimated, so that the sum is exact.
    """

    def __init__(self) -> None:
        self._told: dict[tuple[str, str], tuple[int, int, float]] = {}

    def add(self, destination: str, event: str, often: int, tenths: int, *, now_s: float) -> None:
        known_often, known_tenths, since_s = self._told.get((destination, event), (0, 0, now_s))
        self._told[destination, event] = known_often + often, known_tenths + tenths, since_s

    def collect(self) -> Iterator[Metric]:
        name, labels = "tagway_match_quality", ("destination", "event")
        family = SummaryMetricFamily(name, "Estimated match quality of what was delivered, 0 to 10.", labels=labels)
        for told, (often, tenths, since_s) in self._told.items():
            family.add_metric(told, often, tenths / 10)
            family.add_sample(f"{name}_created", dict(zip(labels, told, strict=True)), since_s)
        yield family


class Tally:
    """Counts everything by bounded names; the registry behind `/metrics` is its own."""

    def __init__(self, database: Database, plan: Callable[[], Plan], *, now_ms: Callable[[], int]) -> None:
        self._database = database
        self._plan = plan
        self._now_ms = now_ms
        self._names = NameBudget()
        self._of_plan: Plan | None = None
        self._own_words: dict[str, frozenset[str]] = {}
        self._counted: Counts[str] = Counts()
        self._live: deque[dict[str, Any]] = deque()
        self._children: dict[tuple[Any, tuple[str, ...]], Any] = {}
        self._doors: dict[tuple[str, str, str, str], _Door] = {}
        self._omitted = 0
        self.registry = _registry(self._count_doors)
        self._hits = Counter(
            "tagway_hits", "Copies by what became of them at the door.",
            ("site", "event", "wire", "status"), registry=self.registry,
        )  # fmt: skip
        self._deliveries = Counter(
            "tagway_deliveries", "Deliveries by their outcome.",
            ("destination", "event", "outcome"), registry=self.registry,
        )  # fmt: skip
        self.requests = Histogram(
            "tagway_request_seconds", "Time a platform took to answer.", ("destination",), registry=self.registry,
        )  # fmt: skip
        self._qualities = _Qualities()
        self.registry.register(self._qualities)
        self.waiting = Gauge("tagway_waiting", "Legs that wait.", ("destination",), registry=self.registry)
        self.oldest = Gauge("tagway_oldest_seconds", "Age of the oldest leg.", ("destination",), registry=self.registry)
        self._followed = Counter(
            "tagway_followed", "Events by what the platform said of them later.",
            ("destination", "code"), registry=self.registry,
        )  # fmt: skip
        self.parked = Gauge("tagway_parked", "Legs that wait on disk.", ("destination",), registry=self.registry)
        self.expires = Gauge(
            "tagway_expires_in_seconds", "Seconds until the first waiting leg is too old for its platform.",
            ("destination",), registry=self.registry,
        )  # fmt: skip
        self.shed = Counter(
            "tagway_shed", "Copies refused to keep the room that is left for what is worth more.",
            ("worth",), registry=self.registry,
        )  # fmt: skip
        self.backlog_bytes = Gauge(
            "tagway_backlog_bytes", "Bytes of what waits on this machine's disk.", registry=self.registry
        )
        self.dead_letters = Gauge("tagway_dead_letters", "Dead letters kept.", ("destination",), registry=self.registry)
        self.unbalanced = Gauge("tagway_unbalanced", "Legs off the books.", ("destination",), registry=self.registry)
        self._dropped = Counter(
            "tagway_user_fields_dropped", "Fields of user that could not be used, by the kind of fault.",
            ("site", "field", "fault"), registry=self.registry,
        )  # fmt: skip
        self._proxied = Counter(
            "tagway_proxy", "Requests for vendor scripts by what they were answered with.",
            ("site", "route", "outcome"), registry=self.registry,
        )  # fmt: skip
        self._conflicts = _conflicts(self.registry)
        self._replayed = Counter(
            "tagway_replayed", "Copies brought back from the spool, by what they were.",
            ("status",), registry=self.registry,
        )  # fmt: skip

    def counted_as(self, site: str, event: str) -> str:
        """Return the word this event name is counted under."""
        plan = self._plan()
        known = plan.sites.get(site)
        if known is None:
            return self._names.counted_as("-", event)
        if plan is not self._of_plan:
            self._of_plan, self._own_words = plan, {}
            self._count_doors()
            self._doors.clear()
        if site not in self._own_words:
            configured = {name for place in plan.bound_for(known) for name in place.events}
            self._own_words[site] = known.merge.events | known.merge.confirm | configured
        return self._names.counted_as(site, event, self._own_words[site])

    def door(self, site: str, event: str, wire: Wire, status: str, event_id: str = "") -> None:
        """Count one copy's fate at the door; `status` is a `Door` word or `refused:<reason>`."""
        # `_value_`: `.value` is a property written in Python, and a member's hash is, too.
        told = (site, event, wire._value_, status)
        door = self._doors.get(told) if self._plan() is self._of_plan else None
        if door is None:
            door = self._door(told)
        door.often += 1
        if door.refusals is not None:
            self._counted[door.refusals] += 1
        if len(self._live) < _LIVE_A_FLUSH:
            shown = {"site": site, "event": door.event, "event_id": event_id, "wire": wire, "status": status}
            self._tell({"kind": "hit", **shown})
        else:
            self._omitted += 1

    def conflict(self, copy: Copy) -> None:
        """Count a copy whose event id names another act than its transaction id."""
        word, wire = self.counted_as(copy.site, copy.name), copy.wires[0].value
        self._child(self._conflicts, copy.site, word, wire).inc()
        self._counted[outcomes.door_counter(copy.site, word, wire) + "conflict"] += 1

    def _door(self, told: tuple[str, str, str, str]) -> _Door:
        """Find what counts a fate at the door, and remember it by the name it is counted under."""
        site, event, wire, status = told
        word = self.counted_as(site, event) if event else "-"
        counted = (site, word, wire, status) if event else told
        door = self._doors.get(counted)
        if door is None:
            refusals = outcomes.door_counter(site, word, wire) + status if status.startswith("refused:") else None
            door = self._doors[counted] = _Door(self._child(self._hits, site, word, wire, status), refusals, word)
        return door

    def _count_doors(self) -> None:
        """Tell the metric what gathered: its own way to count one takes a lock and three calls."""
        for door in self._doors.values():
            if door.often:
                door.metric.inc(door.often)
                door.often = 0

    def dropped(self, site: str, fields: Sequence[tuple[str, str]]) -> None:
        """Count what the seal dropped of one person: fields and faults, both closed lists."""
        for field, fault in fields:
            self._dropped.labels(site, field, fault).inc()

    def proxied(self, site: str, route: str, outcome: str) -> None:
        """Count a request for a vendor's script; routes stand in the configuration, outcomes are a closed list."""
        self._child(self._proxied, site, route, outcome).inc()

    def replayed(self, status: str, often: int) -> None:
        """Count copies that went from the spool to Redis; at the door they were answered long ago."""
        self._replayed.labels(status).inc(often)

    def followed(self, destination: str, code: str, often: int) -> None:
        """Count what a platform said later of events that it took; the codes are its adapter's, a closed list."""
        self._followed.labels(destination, code).inc(often)

    def watch_spool(self, owed: Callable[[], float], size_bytes: Callable[[], float]) -> None:
        """Show how much the spool holds; asked at every scrape."""
        told = Gauge("tagway_spool_copies", "Copies on disk that Redis is not known to have.", registry=self.registry)
        told.set_function(owed)
        told = Gauge("tagway_spool_bytes", "Bytes of the spool.", registry=self.registry)
        told.set_function(size_bytes)

    def delivery(self, destination: str, site: str, event: str, event_id: str, fate: outcomes.Fate) -> None:
        """Count one settled delivery, and show it (also one that goes back to wait)."""
        self.deliveries(destination, site, event, [fate], [event_id])

    def deliveries(
        self, destination: str, site: str, event: str, fates: Sequence[outcomes.Fate], event_ids: Iterable[str]
    ) -> None:
        """Count settled deliveries of one outcome, one at least, and show them. Of the ids, those shown are read."""
        event = self.counted_as(site, event)
        self._child(self._deliveries, destination, event, fates[0].outcome).inc(len(fates))
        # Estimates have one place behind the point, so there are few of them among many.
        qualities = Counts([fate.quality for fate in fates if fate.quality is not None])
        if qualities:
            often = qualities.total()
            tenths = sum(round(quality * 10) * times for quality, times in qualities.items())
            self._qualities.add(destination, event, often, tenths, now_s=self._now_ms() / 1_000)
            counter = outcomes.quality_counter(site, event, destination)
            self._counted[f"{counter}sum"] += tenths
            self._counted[f"{counter}often"] += often
        room = max(0, _LIVE_A_FLUSH - len(self._live))
        self._omitted += max(0, len(fates) - room)
        for event_id, fate in zip(event_ids, fates[:room], strict=False):
            self._tell(
                {
                    "kind": "delivery",
                    "site": site,
                    "event": event,
                    "event_id": event_id,
                    "destination": destination,
                    "outcome": fate.outcome,
                    "reason": fate.reason,
                    "attempts": fate.attempts,
                }
            )

    async def run(self, stop: asyncio.Event) -> None:
        """Write what gathered, every quarter of a second, until told to stop; then once more."""
        while not stop.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_S):
                    await stop.wait()
            await self.flush()

    async def flush(self) -> None:
        if not self._counted and not self._live:
            return
        counted, self._counted = self._counted, Counts()
        entries, self._live = self._live, deque()
        omitted, self._omitted = self._omitted, 0
        pipeline = self._database.pipeline()
        if counted:
            key = keys.counters(0, self._now_ms() // keys.HOUR_MS)
            for counter, often in counted.items():
                pipeline.hincrby(key, counter, often)
            pipeline.pexpire(key, keys.COUNTERS_MS, nx=True)
        for entry in entries:
            pipeline.xadd(keys.live(), {"e": orjson.dumps(entry)}, maxlen=keys.LIVE_ENTRIES, approximate=True)
        if omitted:
            note = orjson.dumps({"kind": "omitted", "count": omitted, "at_ms": self._now_ms()})
            pipeline.xadd(keys.live(), {"e": note}, maxlen=keys.LIVE_ENTRIES, approximate=True)
        pipeline.pexpire(keys.live(), keys.LIVE_MS)
        try:
            await self._database.answer(pipeline.execute())
        except Unavailable:
            self._counted.update(counted)

    def _inc(self, counter: Counter, *labels: str) -> None:
        self._child(counter, *labels).inc()

    def _child(self, metric: Any, *labels: str) -> Any:
        """Find a metric by its labels: looking it up costs more than counting."""
        child = self._children.get((metric, labels))
        if child is None:
            child = self._children[metric, labels] = metric.labels(*labels)
        return child

    def _tell(self, entry: dict[str, Any]) -> None:
        entry["at_ms"] = self._now_ms()
        self._live.append(entry)


def _registry(gathered: Callable[[], None]) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(_BeforeOthers(gathered))
    return registry


def _conflicts(registry: CollectorRegistry) -> Counter:
    labels = ("site", "event", "wire")
    return Counter("tagway_conflicts", "Copies whose event id names another act.", labels, registry=registry)
