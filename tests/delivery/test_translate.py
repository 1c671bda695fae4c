"""A batch is translated as each of its legs is alone, and what is worked out for many holds for every one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core import retry
from gateway.core.adapter import Payload
from gateway.core.event import Consent, Event, Grant, Purpose
from gateway.core.outcome import DELIVERED, Skip
from gateway.core.plan import Plan
from gateway.core.remains import veto
from gateway.core.route import refusal
from gateway.core.site import Destination
from gateway.delivery.translate import Packed, Translator
from gateway.store.outcomes import Fate
from gateway.store.queues import Kind, Leg, Settlement
from tagway.samples import FULL
from tests.fixtures.shop import DENIED, GRANTED, NOW_MS, Parrot, a_plan

EVENT = msgspec.structs.replace(FULL, at_ms=NOW_MS, received_ms=NOW_MS, consent=GRANTED)
DIGEST = "ab" * 32


@dataclass(frozen=True, kw_only=True)
class Careless(Parrot):
    """It says whatever the event's search term is where a digest belongs."""

    hashed: ClassVar[frozenset[str]] = frozenset({"em"})

    def payload(self, event: Event, name: str) -> Payload | Skip:
        return Payload(body={"id": event.event_id, "em": event.search_term, "note": event.coupon})


def a_leg(number: int = 0, event: Event | None = EVENT, **told: Any) -> Leg:
    about: dict[str, Any] = {"claims": 1, "denied": frozenset[Purpose](), "fate": None} | told
    return Leg(id=f"act-{number}", destination="careless", shard=0, token="t", event=event, **about)


def an_event(number: int, term: str = DIGEST, **told: Any) -> Event:
    return msgspec.structs.replace(EVENT, event_id=f"e-{number}", search_term=term, **{"coupon": None} | told)


def a_translator(**told: Any) -> tuple[Translator, Destination, Plan]:
    place = Destination(name="careless", adapter=Careless(), **told)
    plan = a_plan(place)
    return Translator(place, lambda: plan, now_ms=lambda: NOW_MS), place, plan


def ends(told: list[Packed | Settlement]) -> list[str]:
    return [one.fate.outcome if isinstance(one, Settlement) and one.fate else "packed" for one in told]


@pytest.mark.parametrize("bad", [{"term": "Jo"}, {"coupon": "jo@x.de"}, {"coupon": "jo%40x.de"}])
def test_of_a_batch_only_what_leaks_is_stopped(bad: dict[str, Any]) -> None:
    translator, _, _ = a_translator()
    legs = [a_leg(number, an_event(number)) for number in range(5)]
    legs[2] = a_leg(2, an_event(2, **bad))

    told = translator.translate(legs)

    assert ends(told) == ["packed", "packed", "dead:leak", "packed", "packed"]


def test_a_batch_is_told_in_its_order_and_as_each_leg_alone() -> None:
    translator, _, _ = a_translator()
    denied = msgspec.structs.replace(GRANTED, ad_storage=Grant.DENIED)
    legs = [
        a_leg(0, an_event(0)),
        a_leg(1, None),
        a_leg(2, an_event(2, consent=denied)),
        a_leg(3, an_event(3, at_ms=NOW_MS - 10**12)),
        a_leg(4, an_event(4), denied=frozenset({Purpose.AD_STORAGE})),
        a_leg(5, an_event(5), claims=retry.POISON_CLAIMS + 1),
        a_leg(6, an_event(6)),
    ]

    told = translator.translate(legs)

    assert [one.leg for one in told] == legs
    assert [alone for leg in legs for alone in ends(a_translator()[0].translate([leg]))] == ends(told)
    assert ends(told)[1:6] == [
        "dead:unreadable",
        "skipped:consent",
        "dead:expired",
        "skipped:consent",
        "dead:poison",
    ]


GRANTS = st.sampled_from(list(Grant))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.builds(Consent, **{purpose.value: GRANTS for purpose in Purpose}) | st.just(DENIED),
            st.sampled_from(["purchase", "x"]),
            st.frozensets(st.sampled_from(Purpose)),
        ),
        max_size=6,
    ),
    st.integers(0, 3),
)
def test_a_shared_answer_is_the_routes_own(asked: list[tuple[Consent, str, frozenset[Purpose]]], purposes: int) -> None:
    needed = frozenset(list(Purpose)[:purposes])
    translator, place, plan = a_translator(consent=needed)

    for consent, name, since in asked:
        event = an_event(1, consent=consent, name=name)
        # A lease tells of the purposes that the destination needs.
        denied = since & needed if needed else since
        why_not = refusal("act-1", event, plan.sites[event.site], place, denied)
        told = ends(translator.translate([a_leg(1, event, denied=denied)]))
        assert told == ["packed" if why_not is None else f"skipped:{why_not}"]


def test_where_a_veto_stands_in_the_events_place_consent_is_what_is_missing() -> None:
    leg = a_leg(1, None, veto=veto(msgspec.structs.replace(EVENT, consent=DENIED)))

    assert ends(a_translator()[0].translate([leg])) == ["skipped:consent"]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([0, 1, 86_399_999, 86_400_000, 86_400_001, 10**11]), st.integers(1, 7), st.booleans())
def test_a_leg_that_was_never_tried_is_given_up_for_its_age_alone(age_ms: int, claims: int, has_fate: bool) -> None:
    translator, place, _ = a_translator()
    fate = Fate(outcome="retrying", at_ms=NOW_MS) if has_fate else None
    event = an_event(1, at_ms=NOW_MS - age_ms)

    told = ends(translator.translate([a_leg(1, event, claims=claims, fate=fate)]))

    given_up = retry.given_up(
        now_ms=NOW_MS,
        at_ms=event.at_ms,
        max_age_s=place.adapter.max_age_s,
        maybe_ms=event.received_ms if claims > 1 else None,
        dedup_s=place.adapter.dedup_s,
        claims=claims,
    )
    assert told == ["packed" if given_up is None else f"dead:{given_up}"]


def test_what_was_delivered_together_ends_as_each_does_alone() -> None:
    translator, _, _ = a_translator()
    tried = Fate(outcome="retrying", at_ms=1, attempts=2)
    legs = [
        a_leg(0),
        a_leg(1),
        a_leg(2, fate=tried),
        a_leg(3, msgspec.structs.replace(EVENT, clicks={})),
        a_leg(4, None),
    ]

    together = translator.delivered(legs, "usage_80")

    assert together == [translator.end(leg, Kind.DONE, DELIVERED, "usage_80") for leg in legs]
    assert together[0].fate is together[1].fate
