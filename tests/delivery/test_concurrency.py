"""The limit follows what a platform can take: shapes of services, each a row."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.delivery.concurrency import MOST, START, Concurrency


def run(service: Callable[[int], float | None], requests: int = 400) -> Concurrency:
    """Keep the house full against a service that tells how long it takes at so many at a time (None: it fails)."""
    found, now_s = Concurrency(), 0.0
    for _ in range(requests):
        out = found.allowed
        took_s = service(out)
        if took_s is None:
            found.failed(now_s, now_s + 0.1)
            now_s += 0.1
        else:
            found.answered(now_s, now_s + took_s, out=out)
            now_s += took_s
    return found


@pytest.mark.parametrize(
    ("service", "least", "most"),
    [
        pytest.param(lambda _: 0.1, MOST, MOST, id="as fast however many"),
        pytest.param(lambda out: 0.1 if out <= 6 else 0.1 * 2 ** (out - 6), 3, 8, id="a knee at six"),
        pytest.param(lambda out: 0.1 if out <= 2 else None, 1, 3, id="refuses a third"),
        pytest.param(lambda _: None, 1, 1, id="never answers"),
        pytest.param(lambda out: 0.5 + 0.0001 * out, MOST, MOST, id="slow, and steady"),
    ],
)
def test_the_limit_settles_where_the_service_does(
    service: Callable[[int], float | None], least: int, most: int
) -> None:
    assert least <= run(service).allowed <= most


def test_a_quiet_destination_keeps_what_it_began_with() -> None:
    found = Concurrency()
    for second in range(100):
        found.answered(float(second), second + 0.1, out=1)

    assert found.allowed == START


def test_requests_that_met_the_same_trouble_lower_it_once() -> None:
    found = Concurrency()
    for _ in range(4):
        found.failed(0.0, 1.0)

    assert found.limit == pytest.approx(START * 0.7)


def test_it_comes_back_after_trouble() -> None:
    found = run(lambda _: None)
    now_s = 1_000.0
    for _ in range(400):
        found.answered(now_s, now_s + 0.1, out=found.allowed)
        now_s += 0.1

    assert found.allowed == MOST
