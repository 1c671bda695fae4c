"""Who works: one worker a configured destination, and one releaser for the acts whose hold is over.

Workers share nothing but the store, so a destination that hangs slows nobody else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import structlog

from gateway.core.adapter import Following
from gateway.core.plan import Plan
from gateway.core.site import Destination
from gateway.delivery.follow import Follower
from gateway.delivery.rate import Pace, pace
from gateway.delivery.sender import Sender
from gateway.delivery.worker import POLL_MS, Worker
from gateway.store.budgets import Budgets
from gateway.store.errors import Unavailable
from gateway.store.ledger import Ledger
from gateway.store.queues import Queues
from gateway.store.tally import Tally

log = structlog.get_logger()

_RELEASED_AT_ONCE: Final = 100
_AT_MOST_EVERY_S: Final = 0.02
_BURY_EVERY_MS: Final = 60_000
# A request may take 10 s and must be settled after it.
_FINISH_S: Final = 12.0


class Roster:
    """Starts, replaces and stops the workers as the plan says."""

    def __init__(
        self,
        queues: Queues,
        ledger: Ledger,
        tally: Tally,
        plan: Callable[[], Plan],
        *,
        now_ms: Callable[[], int],
        dice: Callable[[], float],
        budgets: Budgets | None = None,
    ) -> None:
        self._queues = queues
        self._ledger = ledger
        self._tally = tally
        self._plan = plan
        self._now_ms = now_ms
        self._dice = dice
        self._budgets = budgets
        self._workers: dict[str, tuple[Worker, asyncio.Task[None]]] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._releaser: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()
        self._due = asyncio.Event()

    def nudge(self) -> None:
        """Tell everybody that work may have come."""
        self._due.set()
        for worker, _ in self._workers.values():
            worker.nudge()

    def apply(self) -> None:
        """Make the workers match the plan. A removed destination keeps its queue; a changed one starts afresh."""
        wanted = {name: place for name, place in self._plan().destinations.items() if place.enabled}
        for name in list(self._workers):
            worker, task = self._workers[name]
            if wanted.get(name) != worker.destination or task.done():
                worker.stop()
                self._leaving.add(task)
                task.add_done_callback(self._leaving.discard)
                del self._workers[name]
        for name, destination in wanted.items():
            if name not in self._workers:
                self._start(destination)
        if self._releaser is None:
            self._releaser = asyncio.get_running_loop().create_task(self._release(), name="releaser")
            self._releaser.add_done_callback(_report)

    async def close(self) -> None:
        """Stop leasing, let what is out finish within its time, and leave the rest to its leases."""
        self._stop.set()
        self._due.set()
        tasks = [*self._leaving]
        for worker, task in self._workers.values():
            worker.stop()
            tasks.append(task)
        if self._releaser is not None:
            tasks.append(self._releaser)
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=_FINISH_S)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=1)

    def _start(self, destination: Destination) -> None:
        paced = pace(destination, self._budgets, now_ms=self._now_ms)
        worker = Worker(
            destination,
            Sender(destination, now_ms=self._now_ms),
            self._queues,
            self._ledger,
            self._tally,
            self._plan,
            now_ms=self._now_ms,
            dice=self._dice,
            pace=paced,
            follower=self._follower(destination, paced),
        )
        task = asyncio.get_running_loop().create_task(worker.run(), name=f"worker:{destination.name}")
        task.add_done_callback(_report)
        self._workers[destination.name] = (worker, task)

    def _follower(self, destination: Destination, paced: Pace | None) -> Follower | None:
        adapter = destination.adapter
        if not isinstance(adapter, Following):
            return None
        receipts = self._ledger.receipts
        return Follower(destination, adapter, receipts, self._tally, paced, now_ms=self._now_ms, dice=self._dice)

    async def _release(self) -> None:
        """Seal acts whose hold is over, wake their workers, bury dead letters that are too old, keep the books."""
        buried_ms = 0
        while not self._stop.is_set():
            self._due.clear()
            try:
                next_ms = await self._queues.release_held(_RELEASED_AT_ONCE)
                if self._now_ms() - buried_ms > _BURY_EVERY_MS:
                    buried_ms = self._now_ms()
                    await self._ledger.keep_house()
                    await self._queues.sweep()
                    await self._ledger.audit.close()
            except Unavailable as err:
                log.warning("store.unavailable", doing="release", reason=str(err))
                next_ms = POLL_MS * 2
                self._due.clear()
            except Exception:
                log.exception("release.failed")
                next_ms = POLL_MS * 2
            wait_ms = POLL_MS if next_ms is None else min(next_ms, POLL_MS)
            with suppress(TimeoutError):
                async with asyncio.timeout(max(wait_ms, 1) / 1_000):
                    await self._due.wait()
                # Every hit nudges: twins that met may wait this long, and Redis is asked 50 times a second at most.
                await asyncio.sleep(_AT_MOST_EVERY_S)


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("worker.died", worker=task.get_name(), error=type(task.exception()).__name__)
