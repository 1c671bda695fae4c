"""What alike copies or legs share (a course, a ruling) is what would have been worked out for each."""

from __future__ import annotations

from itertools import product
from typing import Any, cast

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.act import names, own_name
from gateway.core.event import Consent, Copy, Grant, Purpose, Veto, Wire
from gateway.core.plan import Plan
from gateway.core.site import ConsentPolicy, Destination, MergePolicy
from gateway.store import rows
from gateway.store.course import Courses
from gateway.store.outcomes import Fate
from gateway.store.queues import Kind, Leg, Queues, Settlement
from tests.fixtures.shop import NOW_MS, LateParrot, Parrot, a_plan, a_site, an_event

NAMES = ("page_view", "purchase", "generate_lead", "add_to_cart")

consents = st.builds(Consent, **{purpose.value: st.sampled_from(Grant) for purpose in Purpose})
known = {
    "name": st.sampled_from(NAMES),
    "event_id": st.sampled_from(["e-1", "e-2"]),
    "id_made": st.booleans(),
    "consent": consents,
    "transaction_id": st.sampled_from([None, "order-1"]),
    "wires": st.sampled_from([(Wire.BROWSER,), (Wire.SERVER,)]),
}
events = st.builds(
    lambda **fields: msgspec.structs.replace(an_event(), **fields),
    bot=st.sampled_from([None, "headless"]),
    vendor=st.sampled_from([None, "meta"]),
    **known,
)
copies: st.SearchStrategy[Copy] = st.one_of(
    events, st.builds(Veto, site=st.just("shop"), received_ms=st.just(NOW_MS), **known)
)


def plans() -> list[Plan]:
    """Sites of all policies: who answers for a silent server, what is held, whether all acts are sent."""
    confirm = MergePolicy(hold_s=30, events=frozenset({"purchase"}), confirm=frozenset({"generate_lead"}))
    found = []
    for default, silent, sample, merge in product(
        ("granted", "denied"), ("granted", "as_browser"), (1, 0.5), (confirm, None)
    ):
        places = (
            Destination(name="parrot", adapter=Parrot(), sample=sample),
            Destination(name="late", adapter=LateParrot()),
        )
        policy = ConsentPolicy(default=cast(Any, default), server_silent=cast(Any, silent))
        more = {} if merge is None else {"merge": merge}
        found.append(a_plan(*places, site=a_site(destinations=("parrot", "late"), consent=policy, bots="drop", **more)))
    return found


PLANS = plans()


def nearly_the_same(copy: Copy) -> list[Copy]:
    """Return a copy, and what differs from it in one thing."""
    others: dict[str, tuple[Any, ...]] = {
        "name": NAMES,
        "wires": ((Wire.BROWSER,), (Wire.SERVER,)),
        "id_made": (True, False),
        "transaction_id": (None, "order-1"),
        "consent": tuple(
            msgspec.structs.replace(copy.consent, **{purpose.value: grant}) for purpose in Purpose for grant in Grant
        ),
    }
    if not isinstance(copy, Veto):
        others |= {"bot": (None, "headless"), "vendor": (None, "meta")}
    return [copy, *(msgspec.structs.replace(copy, **{field: value}) for field in others for value in others[field])]


@given(copies, st.sampled_from(PLANS))
def test_a_course_that_is_remembered_is_the_one_that_would_be_made(first: Copy, plan: Plan) -> None:
    courses = Courses(lambda _, event: event)
    them = nearly_the_same(first)

    for copy in [*them, *them]:
        act = names(copy).own
        assert courses.of(act, copy, plan) == Courses(lambda _, event: event).of(act, copy, plan)


def test_copies_that_are_alike_share_a_course() -> None:
    courses, plan = Courses(lambda _, event: event), a_plan()
    one, other = an_event(event_id="e-1", value=1.0), an_event(event_id="e-2", at_ms=NOW_MS + 5)

    assert courses.of("1", one, plan)[0] is courses.of("2", other, plan)[0]
    assert courses.of("1", one, plan)[0] is not courses.of("1", one, a_plan())[0]


@given(copies)
def test_the_name_of_an_act_that_is_no_order_is_the_first_of_its_names(copy: Copy) -> None:
    assert copy.name == "purchase" or names(copy).own == own_name(copy)


legs = st.builds(
    Leg,
    id=st.sampled_from(["a" * 32, "b" * 32, "a" * 32 + ":late"]),
    destination=st.just("parrot"),
    shard=st.just(0),
    token=st.sampled_from(["one", "two"]),
    claims=st.just(1),
    event=st.one_of(st.none(), events),
    denied=st.just(frozenset()),
    fate=st.none(),
)
fates = st.builds(
    Fate,
    outcome=st.sampled_from(["delivered", "dead:rejected"]),
    at_ms=st.sampled_from([NOW_MS, NOW_MS + 1]),
    reason=st.sampled_from(["", "400"]),
    attempts=st.integers(0, 2),
    quality=st.sampled_from([None, 0.0, 6.5]),
)
settlements = st.builds(
    Settlement,
    leg=legs,
    kind=st.sampled_from(Kind),
    fate=st.one_of(st.none(), fates),
    wait_ms=st.sampled_from([0, 8_000]),
)


@given(st.lists(settlements, max_size=40))
def test_each_leg_gets_the_ruling_that_was_made_for_it_and_alike_ones_share_it(them: list[Settlement]) -> None:
    plan = PLANS[0]
    told: dict[str, Any] = {"now_ms": lambda: NOW_MS, "nudge": lambda: None, "counted_as": lambda _, event: event}
    queues = Queues(cast(Any, None), lambda: plan, token=str, **told)

    rulings, spelled = queues._ruled(them, plan)

    assert [rulings[int.from_bytes(row[:2].encode("latin-1")) - 1] for row in spelled] == [
        queues._ruling(item, plan) for item in them
    ]
    assert [row[2:] for row in spelled] == [rows.text(item.leg.id) for item in them]
    assert len(set(rulings)) == len(rulings)
