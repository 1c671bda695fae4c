"""Group commit: whatever arrived in the same moment travels to Redis in one call.

Nothing waits for company: the first item leaves at once, and what comes while the calls are out leaves together
when one returns. Small batches when idle, large ones when busy, nothing to tune.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Batcher(Generic[Item, Answer]):
    """Hand items to `run` in batches of up to `most`, with up to `in_flight` calls out at a time."""

    def __init__(
        self, run: Callable[[Sequence[Item]], Awaitable[Sequence[Answer]]], *, most: int, in_flight: int
    ) -> None:
        self._run = run
        self._most = most
        self._free = in_flight
        self._waiting: deque[tuple[Item, asyncio.Future[Answer]]] = deque()
        self._calls: set[asyncio.Task[None]] = set()

    async def submit(self, item: Item) -> Answer:
        """Return the answer to this item; raises what its whole batch raised."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if self._free:
            self._free -= 1
            call = asyncio.get_running_loop().create_task(self._drain(), name="batch")
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)
        return await answer

    async def _drain(self) -> None:
        try:
            while self._waiting:
                batch = self._next()
                if not batch:
                    return
                try:
                    answers = await self._run([item for item, _ in batch])
                except Exception as err:  # noqa: BLE001 - whatever it was, everybody in the batch must hear it
                    for _, answer in batch:
                        if not answer.done():
                            answer.set_exception(err)
                else:
                    for (_, answer), said in zip(batch, answers, strict=True):
                        if not answer.done():
                            answer.set_result(said)
        finally:
            self._free += 1

    def _next(self) -> list[tuple[Item, asyncio.Future[Answer]]]:
        """Take what somebody still waits for: a copy that went to the spool meanwhile need not travel."""
        batch: list[tuple[Item, asyncio.Future[Answer]]] = []
        while self._waiting and len(batch) < self._most:
            item, answer = self._waiting.popleft()
            if not answer.done():
                batch.append((item, answer))
        return batch
