"""A destination's `rate_limit`, by an injected clock."""

from __future__ import annotations

import pytest

from gateway.delivery.rate import rate


def test_no_limit_is_no_bucket() -> None:
    assert rate(None) is None


@pytest.mark.parametrize(("limit", "a_minute"), [("50/s", 3_000), ("300/m", 300), ("3600/h", 60)])
def test_requests_of_a_minute_stay_within_the_limit(limit: str, a_minute: int) -> None:
    bucket = rate(limit)
    assert bucket is not None
    now_ms, sent = 1, 0
    while now_ms < 60_000:
        wait_ms = bucket.wait_ms(now_ms)
        sent += wait_ms == 0
        now_ms += wait_ms

    # one second's burst may come on top
    assert a_minute * 0.98 <= sent <= a_minute + max(1, a_minute // 60)
