"""When to knock again, and when to stop."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.core import retry
from gateway.core.outcome import Dead

HOUR_MS = 3_600_000


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_a_wait_is_drawn_between_zero_and_its_bound(attempts: int, dice: float) -> None:
    bound = min(retry.CAP_MS, retry.BASE_MS * 2 ** min(attempts - 1, 40))

    assert 0 <= retry.wait_ms(attempts, dice) <= bound


@given(st.integers(1, 100), st.floats(0, 1, exclude_max=True), st.integers(0, 10**9))
def test_a_wait_is_never_shorter_than_the_platform_asked_within_a_day(
    attempts: int, dice: float, retry_after_s: int
) -> None:
    wait_ms = retry.wait_ms(attempts, dice, retry_after_s)

    assert wait_ms >= min(retry_after_s * 1_000, retry.LONGEST_WAIT_MS)
    assert wait_ms <= retry.LONGEST_WAIT_MS + retry.CAP_MS


def given_up(**changes: int | None) -> Dead | None:
    facts: dict[str, int | None] = {
        "now_ms": 100 * HOUR_MS,
        "at_ms": 100 * HOUR_MS,
        "max_age_s": 7 * 86_400,
        "maybe_ms": None,
        "dedup_s": 48 * 3_600,
        "claims": 1,
        **changes,
    }
    return retry.given_up(**facts)  # type: ignore[arg-type]


def test_a_fresh_event_is_sent() -> None:
    assert given_up() is None


def test_an_event_older_than_the_platform_takes_is_expired_not_rejected() -> None:
    assert given_up(now_ms=7 * 24 * HOUR_MS, at_ms=0) is None
    assert given_up(now_ms=7 * 24 * HOUR_MS + 1, at_ms=0) is Dead.EXPIRED


def test_an_unknown_outcome_is_not_sent_again_past_the_platforms_own_window() -> None:
    assert given_up(maybe_ms=52 * HOUR_MS) is None
    assert given_up(maybe_ms=52 * HOUR_MS - 1) is Dead.UNKNOWN_OUTCOME


def test_an_unknown_outcome_of_a_platform_without_a_window_is_sent_again() -> None:
    assert given_up(maybe_ms=0, dedup_s=None) is None


def test_an_event_that_nobody_survives_is_poison_after_five_claims() -> None:
    assert given_up(claims=5) is None
    assert given_up(claims=6) is Dead.POISON
