"""How often one address, and one key, may come: a token bucket for each, in bounded memory."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from math import ceil
from typing import Final

from gateway.core.client import address_block
from gateway.web.directory import Rate

# About 15 MB; whoever is forgotten begins with a full bucket, so a flood of addresses costs precision, not memory.
_MAX_BUCKETS: Final = 50_000
# Keys stand in the configuration: there are few, and no flood makes more of them.
_MAX_KEYS: Final = 10_000


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at_ms: int


class Limiter:
    """Counts hits per site and sender (IPv6: one /64), and apart from them a backend's events per key."""

    def __init__(self, max_buckets: int = _MAX_BUCKETS, max_keys: int = _MAX_KEYS) -> None:
        self._senders = _Buckets(max_buckets)
        self._keys = _Buckets(max_keys)

    def admits(self, site: str, address: str | None, rate: Rate | None, now_ms: int) -> bool:
        """Take a token for one hit, or say that none is left. Without a limit or an address everybody is admitted."""
        if rate is None or address is None:
            return True
        bucket = self._senders.at((site, _sender(address)), rate, now_ms)
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True

    def charge(self, site: str, address: str | None, rate: Rate | None, hits: int, now_ms: int) -> None:
        """Take tokens for the further events of an admitted request; what is overdrawn the next requests wait for."""
        if rate is not None and address is not None and hits > 0:
            self._senders.at((site, _sender(address)), rate, now_ms).tokens -= hits

    def wait_s(self, site: str, key: str, rate: Rate | None, now_ms: int) -> int | None:
        """Take a token for one request under a key, or say in how many seconds (1 at least) there is one."""
        if rate is None:
            return None
        bucket = self._keys.at((site, key), rate, now_ms)
        if bucket.tokens < 1:
            return max(1, ceil((1 - bucket.tokens) / rate.per_s))
        bucket.tokens -= 1
        return None

    def charge_key(self, site: str, key: str, rate: Rate | None, events: int, now_ms: int) -> None:
        """Take tokens for the further events of an admitted request under a key."""
        if rate is not None and events > 0:
            self._keys.at((site, key), rate, now_ms).tokens -= events


def _sender(address: str) -> str:
    """Return what counts as one sender; an IPv4 address, as the connection spells it, is that already."""
    return address_block(address) if ":" in address else address


class _Buckets:
    """So many at most; the longest unseen goes first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._buckets: OrderedDict[tuple[str, str], _Bucket] = OrderedDict()

    def at(self, key: tuple[str, str], rate: Rate, now_ms: int) -> _Bucket:
        """Return a bucket as full as it is now."""
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = _Bucket(tokens=rate.burst, at_ms=now_ms)
            if len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
            return bucket
        self._buckets.move_to_end(key)
        passed_s = max(0, now_ms - bucket.at_ms) / 1000
        bucket.tokens = min(rate.burst, bucket.tokens + passed_s * rate.per_s)
        bucket.at_ms = now_ms
        return bucket
