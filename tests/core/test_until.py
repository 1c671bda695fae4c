"""Promises of gateway/core/until.py."""

import pytest

from gateway.core.until import advice, is_over, until_ms

MOMENT = "2026-12-01T18:00:00Z"
MOMENT_MS = 1_796_148_000_000


def test_a_moment_is_read_with_its_zone() -> None:
    assert until_ms(MOMENT) == until_ms("2026-12-01T19:00:00+01:00") == MOMENT_MS
    assert until_ms(None) is None


@pytest.mark.parametrize(
    ("text", "words"), [("soon", "write a moment"), ("", "write a moment"), ("2026-12-01T18:00:00", "name its zone")]
)
def test_what_is_no_moment_is_refused_with_the_next_step(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=f"test_event_until: {words}"):
        until_ms(text)


def test_the_moment_itself_is_over() -> None:
    assert [is_over(MOMENT, MOMENT_MS + more) for more in (-1, 0, 1)] == [False, True, True]
    assert not is_over(None, MOMENT_MS)


def test_a_code_that_stands_for_ever_and_one_that_is_over_are_told() -> None:
    assert advice("TEST1", None, MOMENT_MS)[0][0] == "test_event_code"
    assert advice("TEST1", MOMENT, MOMENT_MS)[0][0] == "test_event_until"
    assert advice("TEST1", MOMENT, MOMENT_MS - 1) == ()
    assert advice(None, None, MOMENT_MS) == ()
