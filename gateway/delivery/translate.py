"""From a leg on loan to the platform's words: consent asked once more, age, value rules, what is hidden, the last look.

One event at a time is decoded, mapped and spelled as bytes: a batch is joined of the pieces, and a thousand trees of
dictionaries never exist at once. What is the same for many events (may they go, under which name) is worked out once a
configuration.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec
import orjson
import structlog

from gateway.core import retry
from gateway.core.act import share
from gateway.core.adapter import Aging, Payload
from gateway.core.event import Event, Grant, Wire
from gateway.core.outcome import DELIVERED, Dead, Skip, dead, skipped
from gateway.core.plan import Plan
from gateway.core.quality import Quality
from gateway.core.route import name_for, refusal
from gateway.core.rules import apply
from gateway.core.scan import leak
from gateway.core.site import Destination
from gateway.core.spelled import Spelled
from gateway.core.view import View
from gateway.store.outcomes import Fate
from gateway.store.queues import Kind, Leg, Settlement

log = structlog.get_logger()

# Strangers choose event names; a table that is full begins anew.
_REMEMBERED: Final = 2_048
_NO_SITE_MS: Final = 60_000


class Packed(msgspec.Struct, frozen=True):
    """A leg in the platform's words, ready to be sent. `payload.body` is spelled already."""

    leg: Leg
    event: Event
    payload: Payload


class Translator:
    """Translates for one destination. Never enters: a socket, the store."""

    def __init__(self, destination: Destination, plan: Callable[[], Plan], *, now_ms: Callable[[], int]) -> None:
        self._destination = destination
        self._plan = plan
        self._now_ms = now_ms
        manifest = destination.adapter.manifest
        self._view, self._quality = View(manifest), Quality(manifest)
        self._needed = tuple(destination.purposes)
        self._has_rules = bool(destination.values or destination.params or destination.static)
        self._aging = destination.adapter if isinstance(destination.adapter, Aging) else None
        self._of_plan: Plan | None = None
        self._refusals: dict[tuple[Any, ...], Skip | None] = {}
        self._names: dict[str, str] = {}

    def translate(self, leg: Leg) -> Packed | Settlement | None:
        """Screen one leg and say it in the platform's words; None leaves it to its lease, and at last to `poison`."""
        event, plan = leg.event, self._plan()
        if event is None:
            if leg.is_absent and leg.claims <= retry.POISON_CLAIMS:
                return Settlement(leg=leg, kind=Kind.ABSENT, wait_ms=retry.BASE_MS)
            return self.end(leg, Kind.DEAD, dead(Dead.UNREADABLE))
        if event.site not in plan.sites:
            return Settlement(leg=leg, kind=Kind.BACK, wait_ms=_NO_SITE_MS)
        why_not = self._refusal(leg, event, plan)
        if why_not is not None:
            return self.end(leg, Kind.DONE, skipped(why_not))
        # Worked out once an event: hiding what the manifest does not name makes up to four structs.
        seen = self._view.of(event)
        given_up = self._given_up(leg, event, seen)
        if given_up is not None:
            return self.end(leg, Kind.DEAD, dead(given_up))
        return self._packed(leg, event, seen)

    def end(self, leg: Leg, kind: Kind, outcome: str, reason: str = "") -> Settlement:
        attempts = (leg.fate.attempts if leg.fate else 0) + (outcome == DELIVERED or reason != "")
        quality = self._quality.of(leg.event) if outcome == DELIVERED and leg.event else None
        fate = Fate(outcome=outcome, reason=reason, attempts=attempts, at_ms=self._now_ms(), quality=quality)
        return Settlement(leg=leg, kind=kind, fate=fate)

    def _refusal(self, leg: Leg, event: Event, plan: Plan) -> Skip | None:
        """Ask route and consent again; events that differ in nothing that is asked share an answer."""
        if plan is not self._of_plan:
            self._of_plan, self._refusals = plan, {}
        consent, may_leave = event.consent, True
        for purpose in self._needed:
            if getattr(consent, purpose) is not Grant.GRANTED:
                may_leave = False
        # The answers of route.refusal, without what an event may vary in beside them.
        key: tuple[Any, ...] = (
            event.site, event.name, Wire.SERVER in event.wires, event.bot is None, event.vendor, leg.denied, may_leave
        )  # fmt: skip
        destination = self._destination
        if destination.sample < 1:  # what is asked of the act itself is not shared
            key = (*key, share(leg.act, destination.name) >= destination.sample)
        if key in self._refusals:
            return self._refusals[key]
        if len(self._refusals) >= _REMEMBERED:
            self._refusals.clear()
        answer = self._refusals[key] = refusal(leg.act, event, plan.sites[event.site], destination, leg.denied)
        return answer

    def _given_up(self, leg: Leg, event: Event, seen: Event) -> Dead | None:
        # Claimed before without a verdict: whoever had it may have sent it.
        maybe_ms = leg.fate.maybe_ms if leg.fate else None
        if maybe_ms is None and leg.claims > 1:
            maybe_ms = event.received_ms
        if maybe_ms is not None and self._destination.mode == "at_most_once":
            return Dead.UNKNOWN_OUTCOME
        adapter = self._destination.adapter
        return retry.given_up(
            now_ms=self._now_ms(),
            at_ms=event.at_ms,
            max_age_s=adapter.max_age_s if self._aging is None else self._aging.max_age_of(seen),
            maybe_ms=maybe_ms,
            dedup_s=adapter.dedup_s,
            claims=leg.claims,
        )

    def _packed(self, leg: Leg, event: Event, seen: Event) -> Packed | Settlement | None:
        adapter = self._destination.adapter
        try:
            told = self._view.of(apply(event, self._destination)) if self._has_rules else seen
            payload = adapter.payload(told, self._name(event.name))
            if isinstance(payload, Skip):
                return self.end(leg, Kind.DONE, skipped(payload))
            spelled = orjson.dumps(payload.body)
        except Exception:
            log.exception(
                "adapter.failed", destination=self._destination.name, event_name=event.name, claims=leg.claims
            )
            return None
        leaking = leak(payload.body, adapter.hashed, spelled)
        if leaking is not None:
            return self.end(leg, Kind.DEAD, dead(Dead.LEAK), leaking)
        return Packed(leg, event, Payload(body=Spelled(spelled, payload.body), lane=payload.lane))

    def _name(self, event_name: str) -> str:
        name = self._names.get(event_name)
        if name is None:
            if len(self._names) >= _REMEMBERED:
                self._names.clear()
            name = self._names[event_name] = name_for(event_name, self._destination) or event_name
        return name
