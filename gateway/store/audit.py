"""The books: what was accepted is sealed or held, what a destination is owed has an outcome or waits; else an alarm.

The scripts count in the step in which they move; AUDIT compares those counts with what lies in the queues, of each
shard in one moment. Nothing here repairs: what is missing is told, and written off when a person says so.
"""

from __future__ import annotations

import asyncio
from collections import Counter as Counts
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgspec
import structlog

from gateway.core.outcome import DELIVERED, Door
from gateway.core.plan import Plan
from gateway.store import keys
from gateway.store.counts import HourlyCounts
from gateway.store.database import PATIENT_S, Database, text

log = structlog.get_logger()

# Stands where a destination's name would: the acts that wait for their other wire are bound for none yet.
HOLD: Final = "-"
_KEPT_HOURS: Final = keys.COUNTERS_MS // keys.HOUR_MS
_QUEUE: Final = "queue:"
_pack = msgspec.msgpack.Encoder().encode


class Off(NamedTuple):
    """What does not balance, each summed over the shards: one's surplus must not hide another's loss."""

    missing: int = 0
    surplus: int = 0

    def plus(self, difference: int) -> Off:
        return Off(self.missing + max(difference, 0), self.surplus + max(-difference, 0))


@dataclass(slots=True)
class _Place:
    """A queue or the hold, now. `unnoted`: what CLOSE has not yet put into its hour."""

    holds: int = 0
    off: Off = Off()
    unnoted: int = 0


class Audit:
    def __init__(
        self, database: Database, plan: Callable[[], Plan], counts: HourlyCounts, *, now_ms: Callable[[], int]
    ) -> None:
        self._database = database
        self._plan = plan
        self._counts = counts
        self._now_ms = now_ms
        self._told: dict[str, Off] = {}

    async def unbalanced(self) -> dict[str, int]:
        """Count what does not balance now, per destination and for the hold (`-`). Every configured one is there."""
        places = _places(await self._ask(is_detailed=False))
        return {name: sum(place.off) for name, place in sorted(places.items())}

    async def read(self, since_ms: int | None = None, *, hours: int = 24) -> dict[str, Any]:
        """Tell the books since a moment (else of the last `hours`), by whole hours, as a bank tells an account.

        Shape: `GET /admin/api/audit`. In each row `before` + what came - what left - `unbalanced` = `after`, where the
        last `after` is what lies there now. Only hours in which something happened are there, the newest first.
        """
        hour = self._hour()
        wanted = hour - hours + 1 if since_ms is None else since_ms // keys.HOUR_MS
        first = min(max(wanted, hour - _KEPT_HOURS), hour)
        answers = await self._ask(is_detailed=True)
        # What may still change was read in one moment with the queues.
        counted = await self._counts.by_hour(first) | _open_hours(answers, first)
        places, words = _places(answers), _by_place(counted)
        opened = [int(answer[0]) for answer in answers]
        left = {name for name in words.keys() | places.keys() if name in words or any(places[name].off)}
        names = dict.fromkeys([*self._plan().destinations, *sorted(left - {HOLD})])
        rows = [self._destination(name, places.get(name, _Place()), words[name], hour) for name in names]
        door = _door(places[HOLD], words[HOLD], hour, _sites(counted))
        return {
            "balanced": door["balanced"] and all(row["balanced"] for row in rows),
            "opened_at": min(opened) / 1_000 if min(opened) >= 0 else None,
            "since": first * keys.HOUR_MS // 1_000,
            "door": door,
            "destinations": rows,
        }

    async def close(self) -> None:
        """Carry forward the hours that are over, and log when the books go off, or balance again."""
        off = await self._close(is_written_off=False)
        for name in sorted(off.keys() | self._told.keys()):
            if name not in off:
                log.info("books.balanced", destination=name)
            elif off[name] != self._told.get(name):
                log.error("books.unbalanced", destination=name, missing=off[name].missing, surplus=off[name].surplus)
        self._told = off

    async def write_off(self) -> dict[str, dict[str, int]]:
        """Take what lies there as right from now on, because a person knows why; returns what did not balance."""
        off = await self._close(is_written_off=True)
        for name, found in off.items():
            log.warning("books.written_off", destination=name, missing=found.missing, surplus=found.surplus)
        return {name: found._asdict() for name, found in off.items()}

    async def _close(self, *, is_written_off: bool) -> dict[str, Off]:
        told = (self._hour(), _KEPT_HOURS, keys.COUNTERS_MS, keys.BOOK_MS, self._destinations(), is_written_off)
        answers = await self._each_shard("close", _pack(told))
        if any(answer[0] for answer in answers):
            log.info("books.opened", shards=sum(int(answer[0]) for answer in answers))
        off: dict[str, Off] = {}
        for answer in answers:
            for place, wanted, holds in _in_rows(answer[1:], 3):
                name = _name(text(place))
                off[name] = off.get(name, Off()).plus(wanted - holds)
        return off

    async def _ask(self, *, is_detailed: bool) -> list[Any]:
        told = (self._hour(), _KEPT_HOURS, self._destinations(), is_detailed)
        return await self._each_shard("audit", _pack(told))

    async def _each_shard(self, script: str, told: bytes) -> list[Any]:
        shards = range(self._database.shards)
        calls = (self._database.script(script, [keys.base(shard)], [told], within_s=PATIENT_S) for shard in shards)
        return await asyncio.gather(*calls)

    def _destination(self, name: str, place: _Place, words: Mapping[int, Counts[str]], hour: int) -> dict[str, Any]:
        hours = []
        for at, of, off, after in _backwards(place, words, hour):
            skipped, dead = _reasons(of, "skipped"), _reasons(of, "dead")
            before = after - of["owed"] + of[DELIVERED] + sum(skipped.values()) + sum(dead.values()) + off
            row = {"at": at, "before": before, "owed": of["owed"], "delivered": of[DELIVERED]}
            hours.append({**row, "skipped": skipped, "dead": dead, **_ending(of, off, after)})
        whole: Counts[str] = sum(words.values(), Counts())
        return {
            "destination": name,
            "configured": name in self._plan().destinations,
            **_standing(place, hours),
            "owed": whole["owed"],
            "delivered": whole[DELIVERED],
            "skipped": _reasons(whole, "skipped"),
            "dead": _reasons(whole, "dead"),
            "waiting": place.holds,
            "hours": hours,
        }

    def _destinations(self) -> list[str]:
        return list(self._plan().destinations)

    def _hour(self) -> int:
        return self._now_ms() // keys.HOUR_MS


def _door(place: _Place, words: Mapping[int, Counts[str]], hour: int, sites: list[dict[str, Any]]) -> dict[str, Any]:
    hours = []
    for at, of, off, after in _backwards(place, words, hour):
        before = after - of[Door.ACCEPTED] + of["sealed"] + off
        hours.append({"at": at, "before": before, **_copies(of), **_ending(of, off, after)})
    whole: Counts[str] = sum(words.values(), Counts())
    return {**_standing(place, hours), **_copies(whole), "held": place.holds, "sites": sites, "hours": hours}


def _backwards(
    place: _Place, words: Mapping[int, Counts[str]], hour: int
) -> Iterator[tuple[int, Counts[str], int, int]]:
    """Go through the hours from now: moment (s), what was counted, what went off, and what lay there at its end."""
    after = place.holds
    for at in sorted(words.keys() | ({hour} if place.unnoted else set()), reverse=True):
        of = words.get(at, Counts())
        off = of["unbalanced"] + (place.unnoted if at == hour else 0)
        yield at * keys.HOUR_MS // 1_000, of, off, after
        came, left = of["owed"] + of[Door.ACCEPTED], of["sealed"] + of[DELIVERED]
        after += left + off - came + sum(often for word, often in of.items() if word.startswith(("skipped:", "dead:")))


def _standing(place: _Place, hours: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    before = hours[-1]["before"] if hours else place.holds
    return {"balanced": not any(place.off), **place.off._asdict(), "before": before}


def _ending(of: Counts[str], off: int, after: int) -> dict[str, int]:
    return {"after": after, "unbalanced": off, **({"written_off": of["written_off"]} if of["written_off"] else {})}


def _copies(of: Counts[str]) -> dict[str, Any]:
    told: dict[str, Any] = {door.value: of[door] for door in Door}
    return {"copies": sum(told.values()), **told, "refused": _reasons(of, "refused"), "sealed": of["sealed"]}


def _reasons(of: Counts[str], kind: str) -> dict[str, int]:
    """Keep the outcomes of one kind by their reasons, the most frequent first."""
    found = {word.partition(":")[2]: often for word, often in of.most_common() if word.startswith(f"{kind}:")}
    return {reason: often for reason, often in found.items() if often}


def _places(answers: Sequence[Any]) -> dict[str, _Place]:
    places: defaultdict[str, _Place] = defaultdict(_Place)
    for _, told, _ in answers:
        for place, wanted, holds, known in _in_rows(told, 4):
            of = places[_name(text(place))]
            of.holds += holds
            of.off = of.off.plus(wanted - holds)
            of.unnoted += wanted - holds - known
    return dict(places)


def _open_hours(answers: Sequence[Any], first: int) -> dict[int, Counts[str]]:
    hours: dict[int, Counts[str]] = {}
    for _, _, told in answers:
        for hour, fields in _in_rows(told, 2):
            if hour >= first:
                of = hours.setdefault(hour, Counts())
                for counter, often in _in_rows(fields, 2):
                    of[text(counter)] += int(often)
    return hours


def _by_place(counted: Mapping[int, Counts[str]]) -> defaultdict[str, dict[int, Counts[str]]]:
    """Add up, for each destination and for the hold, what was counted in each hour, over sites and events."""
    words: defaultdict[str, dict[int, Counts[str]]] = defaultdict(dict)
    for hour, counters in counted.items():
        for counter, often in counters.items():
            kind, _, _, place, word = counter.split("|", 4)
            match kind:
                case "door" | "sealed":
                    name = HOLD
                case "owed" | "delivery":
                    name = place.partition(":")[0]
                case "books":
                    name = _name(place)
                case _:
                    continue
            words[name].setdefault(hour, Counts())[word] += often
    return words


def _sites(counted: Mapping[int, Counts[str]]) -> list[dict[str, Any]]:
    sites: defaultdict[str, Counts[str]] = defaultdict(Counts)
    for counters in counted.values():
        for counter, often in counters.items():
            kind, site, _, _, word = counter.split("|", 4)
            if kind in ("door", "sealed"):
                sites[site][word] += often
    return [{"site": site, **_copies(of)} for site, of in sorted(sites.items())]


def _name(place: str) -> str:
    return HOLD if place == "hold" else place.removeprefix(_QUEUE)


def _in_rows(flat: Sequence[Any], width: int) -> Iterator[tuple[Any, ...]]:
    return zip(*[iter(flat)] * width, strict=True)
