"""A destination's `rate_limit`: requests a second or a minute, as a token bucket."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.settings import rate_per_s


@dataclass(slots=True)
class Rate:
    """`per_ms` tokens grow a millisecond, up to `burst`. Mutable: one per worker."""

    per_ms: float
    burst: float
    tokens: float
    at_ms: int = 0

    def wait_ms(self, now_ms: int) -> int:
        """Take one token and return 0, or return how long until one is there."""
        if self.at_ms:
            self.tokens = min(self.burst, self.tokens + (now_ms - self.at_ms) * self.per_ms)
        self.at_ms = now_ms
        if self.tokens >= 1:
            self.tokens -= 1
            return 0
        return int((1 - self.tokens) / self.per_ms) + 1


def rate(limit: str | None) -> Rate | None:
    """Make the bucket of `50/s`, `300/m` or `1000/h`; no limit needs none."""
    if limit is None:
        return None
    per_ms = rate_per_s(limit) / 1_000
    # A second's worth at once at most: a full minute's budget in one burst is what platforms refuse.
    burst = max(1.0, per_ms * 1_000)
    return Rate(per_ms, burst, burst)
