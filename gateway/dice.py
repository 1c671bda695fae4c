"""The gateway's chance: random bytes of the system's, drawn many at a time.

Every hit wants 48 bytes of its own, for a copy id and for what its cookies may need. Asking the system each time is
two calls into the kernel a hit, 5 % of a loaded gateway. The price of a pool is that bytes of the next hundred hits
lie in our memory; whoever can read that has the hits, too.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

_POOL_BYTES: Final = 4_096


class Dice:
    """Hands out each byte once, in one thread. `draw` is the system's `urandom`."""

    def __init__(self, draw: Callable[[int], bytes] = os.urandom, pool_bytes: int = _POOL_BYTES) -> None:
        self._draw = draw
        self._pool_bytes = pool_bytes
        self._pool = b""
        self._at = 0
        # A child has a copy of the pool, and would throw what its parent throws.
        os.register_at_fork(after_in_child=self._empty)

    def throw(self, count: int) -> bytes:
        """Return so many random bytes."""
        at = self._at
        thrown = self._pool[at : at + count]
        if len(thrown) < count:
            # What is left is too little, and is given up: a throw is never pieced together.
            at, self._pool = 0, self._draw(max(count, self._pool_bytes))
            thrown = self._pool[:count]
        self._at = at + count
        return thrown

    def _empty(self) -> None:
        self._pool, self._at = b"", 0
