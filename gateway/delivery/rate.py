"""How often a platform may be asked: a budget that all processes share through Redis, and a share of it alone.

Nobody asks in a loop: a moment is reserved, in order, and slept for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from gateway.core.adapter import Metered
from gateway.core.site import Destination
from gateway.settings import rate_per_s
from gateway.store.budgets import LONGEST_MS, Budgets
from gateway.store.errors import Unavailable

log = structlog.get_logger()

# Without Redis nobody knows how many processes there are: up to this many stay within the limit together.
_ALONE_SHARE: Final = 4
# After Redis did not answer, no call waits for it for this long.
_ALONE_MS: Final = 5_000


@dataclass(slots=True)
class Bucket:
    """Gives one process its moments: `gap_ms` between two calls, `burst` of them at once. Mutable: one per worker."""

    gap_ms: float
    burst: float
    next_ms: float = 0

    def wait_ms(self, now_ms: int) -> int:
        """Reserve the next moment and return how long until it."""
        free_ms = max(self.next_ms, now_ms)
        self.next_ms = free_ms + self.gap_ms
        return max(0, round(self.next_ms - self.gap_ms * self.burst - now_ms))


@dataclass(slots=True)
class Allowance:
    """So many a second, `burst` of them at once; who asks for more gets none. Mutable: one per worker."""

    per_s: float
    burst: float
    _left: float = -1
    _at_ms: int = 0

    def take(self, now_ms: int) -> bool:
        """Take one, if one is left."""
        if self._left < 0:
            self._left = self.burst
        self._left = min(self.burst, self._left + max(0, now_ms - self._at_ms) / 1_000 * self.per_s)
        self._at_ms = now_ms
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Pace:
    """Lets one destination's calls go when the limit allows, counted with everybody who has the same budget."""

    def __init__(self, limit: str, budget: str, budgets: Budgets | None, *, now_ms: Callable[[], int]) -> None:
        self._per_s = rate_per_s(limit)
        # A second's worth at once at most: a full minute's budget in one burst is what platforms refuse.
        self._burst = max(1.0, self._per_s)
        self._budget = budget
        self._budgets = budgets
        self._now_ms = now_ms
        self._alone_until_ms = 0
        share = 1 if budgets is None else _ALONE_SHARE
        self._alone = Bucket(1e3 * share / self._per_s, max(1.0, self._burst / share))

    async def turn(self) -> None:
        """Return when a call may go. Errors: none; without Redis a share of the limit has to do."""
        while wait := await self._reserve():
            ours, wait_ms = wait
            await asyncio.sleep(wait_ms / 1_000)
            if ours:
                return

    async def _reserve(self) -> tuple[bool, int] | None:
        """Return whether a moment is ours and how long until it; None: now."""
        if self._budgets is not None and self._now_ms() >= self._alone_until_ms:
            try:
                ours, wait_ms = await self._budgets.turn(self._budget, per_s=self._per_s, burst=self._burst)
            except Unavailable as err:
                log.warning("store.unavailable", doing="pace", budget=self._budget, reason=str(err))
                self._alone_until_ms = self._now_ms() + _ALONE_MS
            else:
                return None if ours and not wait_ms else (ours, min(max(wait_ms, 1), LONGEST_MS))
        wait_ms = self._alone.wait_ms(self._now_ms())
        return (True, wait_ms) if wait_ms else None


def pace(destination: Destination, budgets: Budgets | None, *, now_ms: Callable[[], int]) -> Pace | None:
    """Make the pace of a destination: its `rate_limit`, else its adapter's; no limit needs none.

    `budgets` None: this process is alone.
    """
    limit, budget = destination.rate_limit, destination.name
    if isinstance(destination.adapter, Metered):
        limit, budget = limit or destination.adapter.rate_limit, destination.adapter.budget
    return None if limit is None else Pace(limit, budget, budgets, now_ms=now_ms)
