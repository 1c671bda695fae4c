"""What is to happen to every copy of one kind: how long it is held, where it goes, how it is counted.

Two page views of one site with the same consent share all of it, so it is worked out once a configuration and not once
a hit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from gateway.core.act import joins
from gateway.core.event import ORDER_EVENTS, Copy, Event, Grant, Purpose, Wire
from gateway.core.merge import sealed
from gateway.core.outcome import Skip, skipped
from gateway.core.plan import Plan
from gateway.core.route import Route, route
from gateway.core.site import Site
from gateway.store import outcomes

LEAVES_AT_ONCE: Final = -1
# Strangers choose event names; a table that is full begins anew.
_REMEMBERED: Final = 2_048
_PURPOSES: Final = tuple(Purpose)
# In the place of an event's word for a machine: no event's word, since it is no text.
_VETO: Final = 0


class Course(NamedTuple):
    """The course of a copy as `lua/accept.lua` takes it. `hold_ms` -1: it leaves at once, for `queues`.

    `skipped`: the act's field for each destination that it never goes to, and how its outcome begins, in turn.
    """

    hold_ms: int
    remember_ms: int
    outcomes_ms: int
    wire: str
    door: str
    queues: str
    skipped: tuple[str, ...]
    counters: tuple[str, ...]
    denied: str
    worth: int


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
            copy.wires[0] is Wire.BROWSER and copy.name not in ORDER_EVENTS and Grant.UNKNOWN not in _grants(copy)
        )
        if is_settled:
            copy = sealed([copy], site.consent)
        course = self._make(act, copy, site, plan, hold_ms)
        # Where a share of the acts is sent, each act has a course of its own.
        if hold_ms != LEAVES_AT_ONCE or all(place.sample == 1 for place in plan.bound_for(site)):
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[key] = course, is_settled
        return course, copy

    def _make(self, act: str, copy: Copy, site: Site, plan: Plan, hold_ms: int) -> Course:
        counted = self._counted_as(copy.site, copy.name)
        wire = copy.wires[0].value
        chosen = Route((), ())
        counters: list[str] = []
        if hold_ms == LEAVES_AT_ONCE:
            chosen = route(act, copy, site, plan.bound_for(site))
            counters = sealing_counters(copy.site, counted, chosen)
        return Course(
            hold_ms=hold_ms,
            remember_ms=plan.remember_ms(copy),
            outcomes_ms=plan.outcomes_ms,
            wire=wire,
            door=outcomes.door_counter(copy.site, counted, wire),
            queues=",".join([f"queue:{name}" for name in chosen.go]),
            skipped=tuple(
                part for name, why in chosen.skipped for part in (f"d:{name}", f'{{"outcome":"{skipped(why)}","at_ms":')
            ),
            counters=tuple(counters),
            denied=",".join(
                purpose for purpose, grant in zip(_PURPOSES, _grants(copy), strict=True) if grant is Grant.DENIED
            ),
            worth=worth(copy.name, site),
        )


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


def _grants(copy: Copy) -> Sequence[Grant]:
    consent = copy.consent
    return (consent.ad_storage, consent.ad_user_data, consent.ad_personalization, consent.analytics_storage)


def _hold_ms(copy: Copy, site: Site) -> int:
    if copy.name in site.merge.confirm and copy.wires[0] is Wire.BROWSER:
        return int(site.dedup.window_h * 3_600_000)
    if site.holds(copy.name) and joins(copy):
        return int(site.merge.hold_s * 1_000)
    return LEAVES_AT_ONCE
