"""benchmarks/exact.py: stored = distinct = claimed, and loudly where it is not."""

import pytest

from benchmarks.exact import Inexact, account, balance, distinct
from benchmarks.load.client import _Firing


@pytest.mark.parametrize(("kinds", "repeat_every"), [(1, 0), (1, 5), (2, 0)])
def test_distinct_ids_are_those_that_a_shot_numbers(kinds: int, repeat_every: int) -> None:
    firing = _Firing(
        {
            "pause_ms": 0, "seconds": 1, "first": 3_000_000, "repeat_every": repeat_every,
            "templates": [[["a", "b"]]] * kinds,
        }
    )  # fmt: skip
    ids = {next(firing._requests)[0] for _ in range(1_001)}

    # A shot of two kinds begins with the second one of a pair.
    assert abs(len(ids) - distinct(1_001, kinds=kinds, repeat_every=repeat_every)) <= kinds - 1


def test_balance_holds_within_what_was_in_flight() -> None:
    balance("us", stored=100, claimed=100, expected=98, slack=2)


@pytest.mark.parametrize(("stored", "claimed", "expected"), [(100, 99, 100), (100, 100, 103), (100, 100, 97)])
def test_balance_refuses_a_copy_more_or_less(stored: int, claimed: int, expected: int) -> None:
    with pytest.raises(Inexact, match=r"^us: 100 stored"):
        balance("us", stored=stored, claimed=claimed, expected=expected, slack=2)


def test_account_lets_a_hit_be_stored_whose_answer_was_not_read() -> None:
    account("us", answered={1, 2}, asked={1, 2, 3}, stored=[1, 2, 3], claimed=3)


@pytest.mark.parametrize(
    ("stored", "claimed", "why"),
    [
        ([1], 1, "1 of 2 answered ids are not stored"),
        ([1, 2, 2], 3, "1 ids stored twice"),
        ([1, 2, 9], 3, "1 ids stored that nobody sent"),
        ([1, 2], 3, "2 stored, 3 claimed"),
    ],
)
def test_account_refuses_what_is_lost_doubled_strange_or_miscounted(stored: list[int], claimed: int, why: str) -> None:
    with pytest.raises(Inexact, match=why):
        account("us", answered={1, 2}, asked={1, 2, 3}, stored=stored, claimed=claimed)
