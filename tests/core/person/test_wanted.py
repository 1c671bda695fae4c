"""What a platform takes of a person's digests comes in its own order, and nothing of it is missed or made up."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.person import Wanted

FIELDS = ("email", "phone", "gender", "street")
SPELLINGS = ("plain", "digits", "google")
WANTED = (("em", "email", "plain"), ("ph", "phone", "digits"), ("ge", "gender", "initial"))

DIGESTS = st.dictionaries(
    st.sampled_from(FIELDS), st.dictionaries(st.sampled_from(SPELLINGS), st.sampled_from(["", "a", "b"])), max_size=4
)


def test_it_keeps_the_platforms_order() -> None:
    told = Wanted(*WANTED).of({"phone": {"digits": "1"}, "email": {"google": "2", "plain": "3"}})

    assert list(told.items()) == [("em", "3"), ("ph", "1")]


def test_a_spelling_that_is_not_there_is_left_out() -> None:
    assert Wanted(*WANTED).of({"email": {"google": "2"}, "phone": {"digits": "1"}}) == {"ph": "1"}


def test_of_nobody_there_is_nothing() -> None:
    assert Wanted(*WANTED).of({}) == {}


@settings(max_examples=300, deadline=None)
@given(st.lists(DIGESTS, max_size=6))
def test_what_is_remembered_of_one_person_changes_nothing_for_the_next(people: list[dict[str, dict[str, str]]]) -> None:
    wanted = Wanted(*WANTED)

    for digests in people:
        picked = [(key, digests.get(field, {}).get(spelling)) for key, field, spelling in WANTED]
        assert list(wanted.of(digests).items()) == [(key, digest) for key, digest in picked if digest]
