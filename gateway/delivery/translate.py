"""From a leg on loan to the platform's words: consent asked once more, age, value rules, what is hidden, the last look.

One event at a time is mapped and spelled as bytes: a batch is joined of the pieces, and a thousand trees of
dictionaries never exist at once. What is the same for many events (may they go, under which name) is worked out once a
configuration; the scanner looks at the bytes of a few events together, and into one of them only where it has to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b
from operator import attrgetter
from typing import Any, Final

import msgspec
import orjson
import structlog

from gateway.core import retry
from gateway.core.act import share
from gateway.core.adapter import Aging, Payload
from gateway.core.event import Consent, Event, Grant, Purpose, Wire
from gateway.core.outcome import DELIVERED, Dead, Skip, dead, skipped
from gateway.core.plan import Plan
from gateway.core.quality import Quality
from gateway.core.route import may_leave, name_for, refusal
from gateway.core.rules import apply
from gateway.core.scan import is_clean, leak
from gateway.core.site import Destination
from gateway.core.spelled import Spelled
from gateway.core.view import View
from gateway.store.outcomes import Fate
from gateway.store.queues import Kind, Leg, Settlement

log = structlog.get_logger()

# Strangers choose event names; a table that is full begins anew.
_REMEMBERED: Final = 2_048
_NO_SITE_MS: Final = 60_000
# Looking a member up in its enumeration costs a thousand instructions; these are asked for with every event.
_SERVER: Final = Wire.SERVER
_DONE: Final = Kind.DONE
_ALL_GRANTED: Final = Consent(**{purpose.value: Grant.GRANTED for purpose in Purpose})  # type: ignore[arg-type]


class Packed(msgspec.Struct, frozen=True):
    """A leg in the platform's words, ready to be sent. `payload.body` is spelled already."""

    leg: Leg
    event: Event
    payload: Payload
    text: bytes

    def digest(self) -> str:
        """Return what tells a repeat that says the same from one that does not."""
        return blake2b(b"\0".join((self.payload.lane.encode(), self.text)), digest_size=8).hexdigest()


class Translator:
    """Translates for one destination. Never enters: a socket, the store."""

    def __init__(self, destination: Destination, plan: Callable[[], Plan], *, now_ms: Callable[[], int]) -> None:
        self._destination = destination
        self._plan = plan
        self._now_ms = now_ms
        manifest = destination.adapter.manifest
        self._view, self._quality = View(manifest), Quality(manifest)
        needed = tuple(destination.purposes)
        self._asked = attrgetter(*needed) if needed else None
        self._granted = self._asked(_ALL_GRANTED) if self._asked else None
        self._has_rules = bool(destination.values or destination.params or destination.static)
        self._is_sampled = destination.sample < 1
        self._aging = destination.adapter if isinstance(destination.adapter, Aging) else None
        self._of_plan: Plan | None = None
        self._refusals: dict[tuple[Any, ...], tuple[Skip | None]] = {}
        self._names: dict[str, str] = {}

    def translate(self, legs: Sequence[Leg]) -> list[Packed | Settlement]:
        """Screen legs and say them in the platform's words, in their order; what an adapter fails at is left out.

        A leg that is left out comes due again by its lease, and ends at last as `poison`.
        """
        plan, now_ms = self._plan(), self._now_ms()
        if plan is not self._of_plan:
            self._of_plan, self._refusals = plan, {}
        told = [one for leg in legs if (one := self._said(leg, plan, now_ms)) is not None]
        texts = [one.text for one in told if isinstance(one, Packed)]
        if is_clean(b"\n".join(texts), self._destination.adapter.hashed):
            return told
        return [self._looked_at(one) if isinstance(one, Packed) else one for one in told]

    def _said(self, leg: Leg, plan: Plan, now_ms: int) -> Packed | Settlement | None:
        event = leg.event
        if event is None:
            if leg.veto is not None:
                return self.end(leg, Kind.DONE, skipped(Skip.CONSENT))
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
        given_up = self._given_up(leg, event, seen, now_ms)
        if given_up is not None:
            return self.end(leg, Kind.DEAD, dead(given_up))
        return self._packed(leg, event, seen)

    def _looked_at(self, packed: Packed) -> Packed | Settlement:
        leaking = leak(dict(packed.payload.body), self._destination.adapter.hashed, packed.text)
        return packed if leaking is None else self.end(packed.leg, Kind.DEAD, dead(Dead.LEAK), leaking)

    def delivered(self, legs: Sequence[Leg], reason: str = "") -> list[Settlement]:
        """End legs that the platform took, in their order, as `end` would; those that ended alike share their fate."""
        now_ms, estimate = self._now_ms(), self._quality.of
        fates: dict[tuple[int, float | None], Fate] = {}
        told = []
        for leg in legs:
            attempts = leg.fate.attempts + 1 if leg.fate else 1
            quality = estimate(leg.event) if leg.event else None
            fate = fates.get((attempts, quality))
            if fate is None:
                fate = Fate(outcome=DELIVERED, reason=reason, attempts=attempts, at_ms=now_ms, quality=quality)
                fates[attempts, quality] = fate
            told.append(Settlement(leg=leg, kind=_DONE, fate=fate))
        return told

    def end(self, leg: Leg, kind: Kind, outcome: str, reason: str = "") -> Settlement:
        attempts = (leg.fate.attempts if leg.fate else 0) + (outcome == DELIVERED or reason != "")
        quality = self._quality.of(leg.event) if outcome == DELIVERED and leg.event else None
        fate = Fate(outcome=outcome, reason=reason, attempts=attempts, at_ms=self._now_ms(), quality=quality)
        return Settlement(leg=leg, kind=kind, fate=fate)

    def _refusal(self, leg: Leg, event: Event, plan: Plan) -> Skip | None:
        """Ask route and consent again; events that differ in nothing that is asked share an answer."""
        # The answers of route.refusal, without what an event may vary in beside them.
        key: tuple[Any, ...] = (
            event.site, event.name, _SERVER in event.wires, event.bot is None, event.vendor, leg.denied,
            self._asked(event.consent) == self._granted
            if self._asked
            else may_leave(event, self._destination, leg.denied),
        )  # fmt: skip
        if self._is_sampled:  # what is asked of the act itself is not shared
            key = (*key, share(leg.act, self._destination.name) >= self._destination.sample)
        known = self._refusals.get(key)
        if known is not None:
            return known[0]
        if len(self._refusals) >= _REMEMBERED:
            self._refusals.clear()
        site = plan.sites[event.site]
        answer = refusal(leg.act, event, site, self._destination, leg.denied)
        self._refusals[key] = (answer,)
        return answer

    def _given_up(self, leg: Leg, event: Event, seen: Event, now_ms: int) -> Dead | None:
        adapter = self._destination.adapter
        max_age_s = adapter.max_age_s if self._aging is None else self._aging.max_age_of(seen)
        if leg.claims == 1 and leg.fate is None and now_ms - event.at_ms <= max_age_s * 1_000:
            return None  # the ordinary leg: it was never tried, and is young
        # Claimed before without a verdict: whoever had it may have sent it.
        maybe_ms = leg.fate.maybe_ms if leg.fate else None
        if maybe_ms is None and leg.claims > 1:
            maybe_ms = event.received_ms
        if maybe_ms is not None and self._destination.mode == "at_most_once":
            return Dead.UNKNOWN_OUTCOME
        return retry.given_up(
            now_ms=now_ms,
            at_ms=event.at_ms,
            max_age_s=max_age_s,
            maybe_ms=maybe_ms,
            dedup_s=adapter.dedup_s,
            claims=leg.claims,
        )

    def _packed(self, leg: Leg, event: Event, seen: Event) -> Packed | Settlement | None:
        name = self._names.get(event.name) or self._name(event.name)
        try:
            told = self._view.of(apply(event, self._destination)) if self._has_rules else seen
            payload = self._destination.adapter.payload(told, name)
            if isinstance(payload, Skip):
                return self.end(leg, Kind.DONE, skipped(payload))
            text = orjson.dumps(payload.body)
        except Exception:
            log.exception(
                "adapter.failed", destination=self._destination.name, event_name=event.name, claims=leg.claims
            )
            return None
        packed = Packed(leg, event, Payload(body=Spelled(text, payload.body), lane=payload.lane), text)
        if leg.fate is not None and leg.fate.sent not in (None, packed.digest()):
            # The configuration changed since: under another name or with other words the platform would count it twice.
            return self.end(leg, Kind.DEAD, dead(Dead.UNKNOWN_OUTCOME), "changed")
        return packed

    def _name(self, event_name: str) -> str:
        if len(self._names) >= _REMEMBERED:
            self._names.clear()
        name = self._names[event_name] = name_for(event_name, self._destination) or event_name
        return name
