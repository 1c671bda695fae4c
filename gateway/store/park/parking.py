"""The tasks of a delivering process for what waits: pressing it, and parking it on our disk beyond the budget."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gateway.core.plan import Plan
from gateway.store.database import Database
from gateway.store.park.backlog import Backlog
from gateway.store.park.presser import Presser
from gateway.store.park.shelf import FOLDER, Shelf


class Parking:
    """Keeps what waits within `budget_mb` of Redis; the rest lies in `data_dir/backlog`."""

    def __init__(
        self,
        database: Database,
        plan: Callable[[], Plan],
        data_dir: Path,
        *,
        budget_mb: int,
        now_ms: Callable[[], int],
        nudge: Callable[[], None],
    ) -> None:
        self.shelf = Shelf(data_dir / FOLDER)
        self._backlog = Backlog(database, plan, self.shelf, budget_bytes=budget_mb << 20, now_ms=now_ms, nudge=nudge)
        self._presser = Presser(database, plan)

    async def run(self) -> None:
        """Work until cancelled, and leave what lies on the disk to the next start."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._backlog.run(), name="backlog")
                group.create_task(self._presser.run(), name="presser")
        finally:
            await self.shelf.close()

    def readiness(self, told: dict[str, Any]) -> dict[str, Any]:
        """Add what lies on the disk to the answer of `/readyz`, and whether it takes no more."""
        told["backlog"] = {"acts": self.shelf.acts, "bytes": self.shelf.bytes}
        if self._backlog.is_full:
            told.setdefault("degraded", "backlog_full")
        return told
