"""When a destination may be knocked at."""

from __future__ import annotations

from gateway.core import retry
from gateway.delivery.gate import Gate, State


def test_an_untroubled_gate_lets_everything_through() -> None:
    assert Gate().most(0, 500) == 500


def test_five_failures_in_a_row_open_the_breaker_and_a_probe_closes_it() -> None:
    gate = Gate()
    for _ in range(retry.OPEN_AFTER - 1):
        gate.failed("http_503", 1_000)
    assert (gate.state, gate.most(1_000, 500)) == (State.RETRYING, 500)

    gate.failed("http_503", 1_000)

    assert gate.most(1_000 + retry.OPEN_PROBE_MS - 1, 500) == 0
    assert (gate.state, gate.most(1_000 + retry.OPEN_PROBE_MS, 500)) == (State.OPEN, 1)
    gate.worked()
    assert (gate.state, gate.most(0, 500)) == (State.OK, 500)


def test_a_success_between_failures_starts_the_count_again() -> None:
    gate = Gate()
    for _ in range(retry.OPEN_AFTER * 3):
        gate.failed("timeout", 0)
        gate.worked()

    assert gate.state is State.OK


def test_a_platform_that_took_it_and_asks_for_time_gets_it_and_everything_then_flows() -> None:
    gate = Gate()
    gate.failed("timeout", 0)

    gate.eased("usage_96", 1_000, 60)

    assert (gate.state, gate.reason, gate.failures) == (State.RETRYING, "usage_96", 0)
    assert (gate.most(60_999, 500), gate.most(61_000, 500)) == (0, 500)


def test_a_refused_token_lets_one_probe_through_every_half_minute() -> None:
    gate = Gate()

    gate.halt("190", 1_000)

    assert gate.state is State.PAUSED
    assert gate.most(30_999, 500) == 0
    assert gate.most(31_000, 500) == 1


def test_throttling_rests_as_long_as_the_platform_asked_and_an_hour_at_most() -> None:
    gate = Gate()
    gate.rest("http_429", 0, 0.5, 7)
    assert (gate.most(6_999, 500), gate.most(7_000, 500)) == (0, 500)

    gate.rest("http_429", 0, 0.5, 999_999)

    assert gate.most(retry.LONGEST_PAUSE_MS - 1, 500) == 0
    assert gate.most(retry.LONGEST_PAUSE_MS, 500) == 500
