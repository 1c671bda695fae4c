"""Waits for what became of a hit's copies: no task, no future, an answer as the store's own comes in."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Callable, Sequence

from gateway.core.outcome import Door
from gateway.store.errors import Unavailable
from gateway.web.front import Keeper
from gateway.web.hits import Waiting
from gateway.web.public import failed
from gateway.web.reply import Reply


class Hearing:
    """Waits for what became of the copies of one hit, and answers with the last of them."""

    __slots__ = ("_answer", "_kind", "_left", "_waiting", "_words")

    def __init__(self, waiting: Waiting, kind: str, answer: Callable[[Reply], None]) -> None:
        self._waiting = waiting
        self._kind = kind
        self._answer = answer
        self._left = len(waiting.copies)
        self._words = [_Word(self) for _ in waiting.copies]

    def keep(self, keeper: Keeper) -> None:
        for copy, word in zip(self._waiting.copies, self._words, strict=True):
            keeper.submit(copy, word)

    def heard(self) -> None:
        self._left -= 1
        if self._left:
            return
        # Words and hearing hold each other: let go here, or the garbage collector takes a tenth of a hit's time.
        words, self._words = self._words, []
        try:
            try:
                told = self._waiting.told(_doors(words))
            except Exception as error:  # noqa: BLE001 - the last resort: the page goes on
                told = failed(error, self._kind)
            self._answer(told)
        except Exception as error:  # noqa: BLE001 - the store tells others after us
            failed(error, self._kind)


class _Word:
    """What became of one copy. Lighter than a future, which has a turn of the loop to itself."""

    __slots__ = ("_hearing", "door", "error")

    def __init__(self, hearing: Hearing) -> None:
        self._hearing = hearing
        self.door: Door | None = None
        self.error: BaseException | None = None

    def done(self) -> bool:
        return self.door is not None or self.error is not None

    def set_result(self, door: Door, /) -> None:
        self.door = door
        self._hearing.heard()

    def set_exception(self, error: BaseException, /) -> None:
        self.error = error
        self._hearing.heard()


def _doors(words: Sequence[_Word]) -> Sequence[Door] | None:
    """Return what each copy was, or None where one could not be kept; raises what else went wrong."""
    doors, is_unkept = [], False
    for word in words:
        if word.door is not None:
            doors.append(word.door)
        elif isinstance(word.error, Unavailable | CancelledError):  # the latter: the gateway ends
            is_unkept = True
        else:
            assert word.error is not None
            raise word.error
    return None if is_unkept else doors
