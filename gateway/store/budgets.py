"""What all processes may ask of one platform together: one number in Redis for each budget."""

from __future__ import annotations

from typing import Final

from gateway.store import keys
from gateway.store.database import Database

# A moment further away than this is not given: whoever leaves before it comes would take it along.
LONGEST_MS: Final = 10_000


class Budgets:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def turn(self, budget: str, *, per_s: float, burst: float) -> tuple[bool, int]:
        """Reserve the next moment of a budget.

        Shape:  whether a moment is ours, and the ms until it (or until it makes sense to ask again).
        Units:  `burst` in calls that may go at once.
        Errors: Unavailable.
        """
        gap_us = 1e6 / per_s
        ours, wait_ms = await self._database.script(
            "pace", [keys.rate(budget)], [round(gap_us), round(gap_us * burst), LONGEST_MS * 1_000]
        )
        return ours == 1, int(wait_ms)
