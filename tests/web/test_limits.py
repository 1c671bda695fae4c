from __future__ import annotations

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
