from __future__ import annotations

import random

import pytest

from gateway.web.directory import Rate
from gateway.web.limits import Limiter

RATE = Rate(per_s=1, burst=2)


def test_bucket_empties_and_fills_again() -> None:
    limiter = Limiter()

    assert [limiter.admits("shop", "1.2.3.4", RATE, 0) for _ in range(3)] == [True, True, False]
    assert limiter.admits("shop", "1.2.3.4", RATE, 999) is False
    assert limiter.admits("shop", "1.2.3.4", RATE, 1998) is True
    assert limiter.admits("shop", "1.2.3.4", RATE, 0) is False, "a clock that went back gives nothing"


def test_one_ipv6_network_is_one_sender() -> None:
    limiter = Limiter()

    assert limiter.admits("shop", "2001:db8::1", Rate(1, 1), 0) is True
    assert limiter.admits("shop", "2001:db8::2", Rate(1, 1), 0) is False
    assert limiter.admits("shop", "2001:db8:0:1::1", Rate(1, 1), 0) is True
    assert limiter.admits("other", "2001:db8::1", Rate(1, 1), 0) is True


def test_without_limit_or_address_everybody_is_admitted() -> None:
    limiter = Limiter()

    assert all(limiter.admits("shop", "1.2.3.4", None, 0) for _ in range(10))
    assert all(limiter.admits("shop", None, RATE, 0) for _ in range(10))


def test_memory_is_bounded_and_the_longest_unseen_is_forgotten() -> None:
    limiter = Limiter(max_buckets=2)
    one = Rate(per_s=0.001, burst=1)
    for address in ("1.1.1.1", "2.2.2.2", "3.3.3.3"):
        assert limiter.admits("shop", address, one, 0)

    assert limiter.admits("shop", "3.3.3.3", one, 0) is False
    assert limiter.admits("shop", "1.1.1.1", one, 0) is True


def test_overdrawn_bucket_has_to_be_paid_back() -> None:
    limiter = Limiter()
    limiter.admits("shop", "1.2.3.4", RATE, 0)
    limiter.charge("shop", "1.2.3.4", RATE, 5, 0)

    assert limiter.admits("shop", "1.2.3.4", RATE, 4000) is False
    assert limiter.admits("shop", "1.2.3.4", RATE, 6000) is True


def test_a_key_is_told_when_to_come_again() -> None:
    limiter = Limiter()

    assert [limiter.wait_s("shop", "k", RATE, 0) for _ in range(3)] == [None, None, 1]
    limiter.charge_key("shop", "k", RATE, 10, 0)
    assert limiter.wait_s("shop", "k", RATE, 0) == 11
    assert limiter.wait_s("shop", "k", RATE, 10_999) == 1
    assert limiter.wait_s("shop", "k", RATE, 11_000) is None
    assert limiter.wait_s("shop", "other", RATE, 0) is None
    assert all(limiter.wait_s("shop", "k", None, 0) is None for _ in range(10))


def test_a_flood_of_addresses_empties_no_keys_bucket() -> None:
    limiter = Limiter(max_buckets=2)
    assert [limiter.wait_s("shop", "k", Rate(0.001, 1), 0) for _ in range(2)] == [None, 1000]

    for number in range(100):
        limiter.admits("shop", f"1.2.3.{number}", RATE, 0)

    assert limiter.wait_s("shop", "k", Rate(0.001, 1), 0) == 1000


def test_keys_are_bounded_like_addresses() -> None:
    limiter = Limiter(max_keys=2)
    for key in ("a", "b", "c"):
        limiter.wait_s("shop", key, Rate(0.001, 1), 0)

    assert limiter.wait_s("shop", "c", Rate(0.001, 1), 0) == 1000
    assert limiter.wait_s("shop", "a", Rate(0.001, 1), 0) is None


@pytest.mark.parametrize("seed", range(20))
def test_nobody_gets_more_than_his_rate(seed: int) -> None:
    dice, limiter, rate = random.Random(seed), Limiter(), Rate(per_s=5, burst=10)
    now_ms, taken = 0, 0
    for _ in range(500):
        now_ms += dice.randrange(0, 400)
        if limiter.admits("shop", "1.2.3.4", rate, now_ms):
            more = dice.randrange(0, 3)
            limiter.charge("shop", "1.2.3.4", rate, more, now_ms)
            taken += 1 + more

    # What is overdrawn by the last request is paid back by the next.
    assert taken <= rate.burst + rate.per_s * now_ms / 1000 + 2
