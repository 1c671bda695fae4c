"""Consent is asked by what a destination needs, and of one that needs nothing by whether anything is granted."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.consent import denied_everywhere
from gateway.core.event import Consent, Grant, Purpose
from gateway.core.route import may_leave
from gateway.core.site import Destination
from tests.fixtures.shop import DENIED, GRANTED, Parrot, an_event

consents = st.builds(Consent, **{purpose.value: st.sampled_from(Grant) for purpose in Purpose})
purposes = st.frozensets(st.sampled_from(Purpose))


def place(*needed: Purpose) -> Destination:
    return Destination(name="parrot", adapter=Parrot(), consent=frozenset(needed))


@given(consents, purposes, purposes)
def test_what_is_denied_since_counts_as_if_the_event_had_said_so(
    said: Consent, since: frozenset[Purpose], needed: frozenset[Purpose]
) -> None:
    whole = msgspec.structs.replace(said, **{purpose.value: Grant.DENIED for purpose in since})
    there = place(*needed)

    assert may_leave(an_event(consent=said), there, since) == may_leave(an_event(consent=whole), there)
    if denied_everywhere(whole):
        assert not may_leave(an_event(consent=said), there, since)


@pytest.mark.parametrize("purpose", Purpose)
def test_one_granted_purpose_lets_it_go_where_none_is_needed(purpose: Purpose) -> None:
    event = an_event(consent=msgspec.structs.replace(DENIED, **{purpose.value: Grant.GRANTED}))

    assert may_leave(event, place())
    assert may_leave(an_event(consent=GRANTED), place(), frozenset(Purpose) - {purpose})
    assert not may_leave(event, place(), {purpose})
