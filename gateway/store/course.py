"""What is to happen to every copy of one kind: how long it is held, where it goes, how it is counted.

Two page views of one site with the same consent share all of it, so it is worked out once a configuration and not once
a hit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from struct import Struct
from typing import Any, Final, Protocol

import msgspec

from gateway.core.act import joins
from gateway.core.event import ORDER_EVENTS, Consent, Copy, Event, Grant, Purpose, Wire
from gateway.core.merge import sealed
from gateway.core.outcome import Door, Skip, skipped
from gateway.core.plan import Plan
from gateway.core.route import Route, route
from gateway.core.site import Site
from gateway.store import keys, outcomes

LEAVES_AT_ONCE: Final = -1
# Strangers choose event names; a table that is full begins anew.
_REMEMBERED: Final = 2_048
_PURPOSES: Final = tuple(Purpose)
# In the place of an event's word for a machine: no event's word, since it is no text.
_VETO: Final = 0

_pack = msgspec.msgpack.Encoder().encode
_head = Struct(">?BH").pack
_shape = Struct(">BHHH").pack
_counters = lru_cache(64)(keys.counters)
_BYTES: Final = [bytes((number,)) for number in range(256)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """The course of a copy as `lua/accept.lua` takes it.

    `is_plain`: it leaves at once, for some queue. `said`: what its acts' records say beside the ordinary; the
    outcomes of `skips` destinations come first. `counters`: what counts each copy that is accepted. `rest`: for copies
    that are not plainly the first of their acts.
    """

    is_plain: bool
    wire: str
    queues: tuple[str, ...]
    skips: int
    said: tuple[str, ...]
    counters: tuple[str, ...]
    rest: tuple[int, int, int, str, str, int]
    worth: int
    _alone: dict[int, tuple[bytes, bytes, list[str]]] = field(default_factory=dict, compare=False, repr=False)

    def alone(self, shard: int) -> tuple[bytes, bytes, list[str]]:
        """Spell what ACCEPT is told of copies of this course alone: before and behind how many they are, less one."""
        known = self._alone.get(shard)
        if known is None:
            told = self.told(keys.base(shard) + ":", self.queues)
            shape = _shape(0, len(told), len(self.queues), self.skips)
            rest = _pack((keys.COUNTERS_MS, (), keys.EVENT_NAMES, (self.rest,), ()))
            head = _head(not self.is_plain, 0, len(self.counters))
            known = self._alone[shard] = head, shape[1:] + rest, [*self.counters, *told]
        return known

    def told(self, prefix: str, queues: Sequence[str]) -> list[str]:
        return [self.wire, str(len(self.queues)), *[prefix + name for name in queues], *self.said]


class Told(Protocol):
    """A copy as ACCEPT is told of it: its course, and its act's id, its own id, the event's second and its bytes."""

    @property
    def course(self) -> Course: ...
    @property
    def args(self) -> tuple[str, str, str, bytes]: ...


class Courses:
    """Finds the course of a copy, remembering those of one configuration."""

    def __init__(self, counted_as: Callable[[str, str], str]) -> None:
        self._counted_as = counted_as
        self._of_plan: Plan | None = None
        self._known: dict[tuple[Any, ...], tuple[Course, bool]] = {}

    def of(self, act: str, copy: Copy, plan: Plan) -> tuple[Course, Copy]:
        """Return the course, and the copy as it is stored: settled where nobody will add to it."""
        if plan is not self._of_plan:
            self._of_plan, self._known = plan, {}
        consent = copy.consent
        bot, vendor = (copy.bot, copy.vendor) if isinstance(copy, Event) else (_VETO, None)
        key = (
            copy.site, copy.name, copy.wires[0], copy.id_made, copy.transaction_id is None, bot, vendor,
            consent.ad_storage, consent.ad_user_data, consent.ad_personalization, consent.analytics_storage,
        )  # fmt: skip
        known = self._known.get(key)
        if known is not None:
            course, is_settled = known
            return course, sealed([copy], plan.sites[copy.site].consent) if is_settled else copy
        site = plan.sites[copy.site]
        hold_ms = _hold_ms(copy, site)
        is_settled = hold_ms == LEAVES_AT_ONCE and not (
            copy.wires[0] is Wire.BROWSER and copy.name not in ORDER_EVENTS and Grant.UNKNOWN not in _grants(consent)
        )
        if is_settled:
            copy = sealed([copy], site.consent)
        course = self._make(act, copy, site, plan, hold_ms, consent)
        # Where a share of the acts is sent, each act has a course of its own.
        if hold_ms != LEAVES_AT_ONCE or all(place.sample == 1 for place in plan.bound_for(site)):
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[key] = course, is_settled
        return course, copy

    def _make(self, act: str, copy: Copy, site: Site, plan: Plan, hold_ms: int, said: Consent) -> Course:
        """`said`: what the copy itself says. Who comes late and is silent has denied nothing."""
        counted = self._counted_as(copy.site, copy.name)
        wire = copy.wires[0].value
        door = outcomes.door_counter(copy.site, counted, wire)
        chosen = Route((), ())
        counters = [door + Door.ACCEPTED]
        if hold_ms == LEAVES_AT_ONCE:
            chosen = route(act, copy, site, plan.bound_for(site))
            counters += sealing_counters(copy.site, counted, chosen)
        denied = ",".join(
            purpose for purpose, grant in zip(_PURPOSES, _grants(said), strict=True) if grant is Grant.DENIED
        )
        rank = worth(copy.name, site)
        record = [
            part for name, why in chosen.skipped for part in (f"d:{name}", f'{{"outcome":"{skipped(why)}","at_ms":')
        ]
        if rank and hold_ms == LEAVES_AT_ONCE:
            record += ("worth", str(rank))
        return Course(
            is_plain=bool(chosen.go),
            wire=wire,
            queues=tuple([f"queue:{name}" for name in chosen.go]),
            skips=len(chosen.skipped),
            said=tuple(record),
            counters=tuple(counters),
            rest=(hold_ms, plan.remember_ms(copy), plan.outcomes_ms, door, denied, rank),
            worth=rank,
        )


def arguments(shard: int, hour: int, groups: Sequence[Sequence[Told]], unnoted: set[str]) -> list[Any]:
    """Spell the arguments of ACCEPT, of copies by their courses; those of the same queues have to stand together."""
    if len(groups) > 1 or unnoted:
        return _arguments(shard, hour, groups, unnoted)
    (copies,) = groups
    head, rest, told = copies[0].course.alone(shard)
    args = [head + _BYTES[len(copies) - 1] + rest, _counters(shard, hour), *told]
    for copy in copies:
        args += copy.args
    return args


def _arguments(shard: int, hour: int, groups: Sequence[Sequence[Told]], unnoted: set[str]) -> list[Any]:
    courses = [copies[0].course for copies in groups]
    is_other = bool(unnoted) or not all(course.is_plain for course in courses)
    prefix = keys.base(shard) + ":"
    often: dict[str, int] = {}
    shape: list[bytes] = [b""]
    args: list[Any] = []
    before: tuple[str, ...] = ()
    for course, copies in zip(courses, groups, strict=True):
        queues = () if course.queues == before else course.queues
        before = course.queues
        told = course.told(prefix, queues)
        shape.append(_shape(len(copies) - 1, len(told), len(queues), course.skips))
        args += told
        for copy in copies:
            args += copy.args
        for counter in course.counters:
            often[counter] = often.get(counter, -1) + len(copies)
    shape[0] = _head(is_other, len(groups) - 1, len(often))
    counting: list[list[int]] = []
    if len(groups) > 1:
        shape.append(bytes(often.values()))
        places = dict(zip(often, range(1, len(often) + 1), strict=True))
        counting = [[places[counter] for counter in course.counters] for course in courses]
    rests = [course.rest for course in courses]
    shape.append(_pack((keys.COUNTERS_MS, list(unnoted), keys.EVENT_NAMES, rests, counting)))
    return [b"".join(shape), _counters(shard, hour), *often, *args]


def worth(event_name: str, site: Site) -> int:
    """Rank an event where not all can go first, or stay: 2 an order, 1 what is worth merging, 0 the rest."""
    if event_name in ORDER_EVENTS:
        return 2
    return 1 if site.holds(event_name) else 0


def sealing_counters(site: str, counted: str, chosen: Route) -> list[str]:
    """Count what is decided when an act is sealed: what each destination is owed, and what it will never get."""
    counters = [outcomes.sealed_counter(site, counted)]
    counters += [
        outcomes.owed_counter(site, counted, name) for name in (*chosen.go, *(name for name, _ in chosen.skipped))
    ]
    return counters + [skip_counter(site, counted, name, why) for name, why in chosen.skipped]


def skip_counter(site: str, counted: str, destination: str, why: Skip) -> str:
    return outcomes.delivery_counter(site, counted, destination, skipped(why))


def _grants(consent: Consent) -> Sequence[Grant]:
    return (consent.ad_storage, consent.ad_user_data, consent.ad_personalization, consent.analytics_storage)


def _hold_ms(copy: Copy, site: Site) -> int:
    if copy.name in site.merge.confirm and copy.wires[0] is Wire.BROWSER:
        return int(site.dedup.window_h * 3_600_000)
    if site.holds(copy.name) and joins(copy):
        return int(site.merge.hold_s * 1_000)
    return LEAVES_AT_ONCE
