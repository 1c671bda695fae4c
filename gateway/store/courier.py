"""Group commit: whatever arrived in the same moment travels to Redis in one call.

Nothing waits for company: the first item leaves at the end of the loop's turn, and what comes while the call is out
leaves together when it returns. Small batches when idle, large ones when busy, nothing to tune.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, Protocol, TypeVar

from gateway.store.errors import Cut, Unavailable


class Travelling(Protocol):
    """What a courier carries: `act` is whom it is about, `is_wanted` whether somebody still waits for it."""

    @property
    def act(self) -> str: ...

    @property
    def is_wanted(self) -> bool: ...


Item = TypeVar("Item", bound=Travelling)
Answer = TypeVar("Answer")


class Courier(Generic[Item, Answer]):
    """Hand items to `run` in batches of up to `most`, one call at a time; each hears its answer by `tell`.

    No two items of one batch are about the same act: the later one travels in the next batch. `run` is told how long it
    may take, `within_s` at most. Where a call was cut off, who waited behind it goes on in what is left of that time.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Item], float], Awaitable[Sequence[Answer]]],
        tell: Callable[[Item, Answer | Exception], None],
        *,
        most: int,
        within_s: float,
    ) -> None:
        self._run = run
        self._tell = tell
        self._most = most
        self._within_s = within_s
        self._waiting: deque[Item] = deque()
        self._calls: set[asyncio.Task[None]] = set()
        self._is_out = False

    def submit(self, item: Item) -> None:
        self._waiting.append(item)
        if not self._is_out:
            self._is_out = True
            call = asyncio.get_running_loop().create_task(self._drain(), name="batch")
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)

    async def _drain(self) -> None:
        now_s, left_s = asyncio.get_running_loop().time, self._within_s
        try:
            while batch := self._next():
                begun_s = now_s()
                try:
                    answers: Sequence[Answer | Exception] = await self._run(batch, left_s)
                    left_s = self._within_s
                except Exception as err:  # noqa: BLE001 - whatever it was, everybody in the batch must hear it
                    left_s = left_s - (now_s() - begun_s) if isinstance(err, Cut) else self._within_s
                    if left_s <= 0 or (isinstance(err, Unavailable) and not isinstance(err, Cut)):
                        # Who waited behind it has waited as long: nobody is made to wait for the same silence twice.
                        batch += self._rest()
                        left_s = self._within_s
                    answers = [err] * len(batch)
                for item, answer in zip(batch, answers, strict=True):
                    self._tell(item, answer)
        finally:
            self._is_out = False

    def _next(self) -> list[Item]:
        """Take what somebody still waits for: a copy that went to the spool meanwhile need not travel."""
        batch: list[Item] = []
        acts: set[str] = set()
        later: list[Item] = []
        waiting = self._waiting
        while waiting and len(batch) < self._most:
            item = waiting.popleft()
            if not item.is_wanted:
                continue
            if item.act in acts:
                later.append(item)
                continue
            acts.add(item.act)
            batch.append(item)
        waiting.extendleft(reversed(later))
        return batch

    def _rest(self) -> list[Item]:
        rest = [item for item in self._waiting if item.is_wanted]
        self._waiting.clear()
        return rest
