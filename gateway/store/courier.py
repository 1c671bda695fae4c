"""Group commit: whatever arrived in the same moment travels to Redis in one call.

Nothing waits for company: the first item leaves at the end of the loop's turn, and what comes while the call is out
leaves together when it returns. Small batches when idle, large ones when busy, nothing to tune.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar

from gateway.store.errors import Cut, Unavailable


class Waiter(Protocol):
    """Who waits for the answer; `done` says that nobody does any more."""

    def done(self) -> bool: ...


class Travelling(Protocol):
    """What a courier carries: `act` is whom it is about."""

    @property
    def act(self) -> str: ...

    @property
    def answer(self) -> Waiter: ...


Item = TypeVar("Item", bound=Travelling)
Answer = TypeVar("Answer")


class Courier(Generic[Item, Answer]):
    """Hand items to `send` in batches of up to `most`, one call at a time; each hears its answer by `tell`.

    `send` sends at once and returns what waits for the answers. It is told how long that may take, `within_s` at most.
    Where a call was cut off, who waited behind it goes on in what is left of that time.
    No two items of one batch are about the same act: the later one travels in the next batch.

    Answers are told behind the next batch, in the order of the calls: the server works meanwhile. `tell` is handed
    pairs of items and answers; where it fails, it is handed the rest.
    """

    def __init__(
        self,
        send: Callable[[Sequence[Item], float], Awaitable[Sequence[Answer]]],
        tell: Callable[[Iterator[tuple[Item, Answer | Exception]]], None],
        *,
        most: int,
        within_s: float,
    ) -> None:
        self._send = send
        self._tell = tell
        self._most = most
        self._within_s = within_s
        self._waiting: deque[Item] = deque()
        self._untold: deque[Iterator[tuple[Item, Answer | Exception]]] = deque()
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
        loop = asyncio.get_running_loop()
        left_s = self._within_s
        try:
            while (batch := self._next()) or self._untold:
                if not batch:
                    self._tell_all()
                    continue
                begun_s = loop.time()
                try:
                    call = self._send(batch, left_s)
                    if self._untold:
                        loop.call_soon(self._tell_all)  # behind the write that `send` has put there
                    answers: Sequence[Answer | Exception] = await call
                    if len(answers) != len(batch):
                        raise ValueError(f"{len(answers)} answers to {len(batch)} items")
                    left_s = self._within_s
                except Exception as err:  # noqa: BLE001 - whatever it was, everybody in the batch must hear it
                    left_s = left_s - (loop.time() - begun_s) if isinstance(err, Cut) else self._within_s
                    if left_s <= 0 or (isinstance(err, Unavailable) and not isinstance(err, Cut)):
                        # Who waited behind it has waited as long: nobody is made to wait for the same silence twice.
                        batch += self._rest()
                        left_s = self._within_s
                    answers = [err] * len(batch)
                self._untold.append(zip(batch, answers, strict=True))
        finally:
            self._is_out = False

    def _tell_all(self) -> None:
        untold = self._untold
        while untold:
            try:
                self._tell(untold[0])
            except Exception as err:  # noqa: BLE001 - one answer's fault must not cost its neighbours theirs
                told = {"message": "an answer could not be told", "exception": err}
                asyncio.get_running_loop().call_exception_handler(told)
            else:
                untold.popleft()

    def _next(self) -> list[Item]:
        """Take what somebody still waits for: a copy that went to the spool meanwhile need not travel."""
        waiting = self._waiting
        if len(waiting) <= self._most:
            batch = [item for item in waiting if not item.answer.done()]
            if len({item.act for item in batch}) == len(batch):
                waiting.clear()
                return batch
        return self._chosen()

    def _chosen(self) -> list[Item]:
        """Take as many as may travel together, each about another act; the others stay in their order."""
        batch: list[Item] = []
        acts: set[str] = set()
        later: list[Item] = []
        waiting = self._waiting
        while waiting and len(batch) < self._most:
            item = waiting.popleft()
            if item.answer.done():
                continue
            if item.act in acts:
                later.append(item)
                continue
            acts.add(item.act)
            batch.append(item)
        waiting.extendleft(reversed(later))
        return batch

    def _rest(self) -> list[Item]:
        rest = [item for item in self._waiting if not item.answer.done()]
        self._waiting.clear()
        return rest
