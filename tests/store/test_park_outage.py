"""A platform that is down for long does not fill Redis, and gets everything once when it is back."""

from __future__ import annotations

from pathlib import Path

from benchmarks.outage import outage
from gateway.store.database import Database

BUDGET = 1 << 20


async def test_redis_stays_as_full_as_it_was_while_an_outage_goes_on(database: Database, tmp_path: Path) -> None:
    told = await outage(database, tmp_path / "backlog", 9_000, BUDGET)

    used = told["redis_bytes"]
    assert told["delivered_once"] == told["events"]
    assert told["parked"] > told["events"] * 0.7
    # Beyond the budget an event leaves its id behind: some 30 bytes of what would be 1,700.
    assert used[-1] - used[3] < told["events"] * 0.6 * 120
    assert max(used) < 3 * BUDGET
