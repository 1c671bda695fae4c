"""How many requests one destination gets at a time: as many as it answers without growing slower.

Additive increase, multiplicative decrease, as TCP does it. A request that fails, is throttled, or takes much longer
than requests used to take lowers the limit; a full house of ordinary answers raises it by one. Pure: the worker tells
what happened and when.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Final

# Four hide an ordinary platform's latency and stay polite; more than sixteen batches of hundreds is no one's limit.
START: Final = 4
MOST: Final = 16
# Weight of the newest answer in the mean and the deviation of latency; how far above it counts as slower.
_WEIGHT: Final = 0.2
_DEVIATIONS: Final = 3.0
_SLOWER_BY: Final = 1.5
_DECREASE: Final = 0.7


@dataclass(slots=True)
class Concurrency:
    """Mutable on purpose: one per worker. Times in seconds."""

    limit: float = START
    mean_s: float = 0.0
    variance: float = 0.0
    _cut_s: float = 0.0

    @property
    def allowed(self) -> int:
        return max(1, int(self.limit))

    def answered(self, began_s: float, ended_s: float, *, out: int) -> None:
        """An ordinary answer; `out` requests were out when it came."""
        took_s = ended_s - began_s
        if self._is_slow(took_s) and out > 1:
            self._cut(began_s, ended_s)
        elif out >= self.allowed:
            self.limit = min(MOST, self.limit + 1 / self.limit)
        if self.mean_s == 0.0:
            self.mean_s, self.variance = took_s, (took_s / 2) ** 2
            return
        away = took_s - self.mean_s
        self.mean_s += _WEIGHT * away
        self.variance = (1 - _WEIGHT) * (self.variance + _WEIGHT * away * away)

    def failed(self, began_s: float, ended_s: float) -> None:
        """No answer, or one that says: not so fast."""
        self._cut(began_s, ended_s)

    def _is_slow(self, took_s: float) -> bool:
        if self.mean_s == 0.0:
            return False
        return took_s > max(self.mean_s * _SLOWER_BY, self.mean_s + _DEVIATIONS * sqrt(self.variance))

    def _cut(self, began_s: float, ended_s: float) -> None:
        """Lower the limit once for all the requests that were out together: they met the same trouble."""
        if began_s >= self._cut_s:
            self.limit = max(1.0, self.limit * _DECREASE)
            self._cut_s = ended_s
