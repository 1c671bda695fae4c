"""Waits for what became of a hit's copies: no task, no future, an answer as the store's own comes in."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from gateway.core.outcome import Door
from gateway.store.errors import Unavailable
from gateway.web.front import Keeper
from gateway.web.hits import Waiting
from gateway.web.public import failed
from gateway.web.reply import Reply

_UNKEPT: Final = (Unavailable, CancelledError)  # the latter: the gateway ends


class Hearing(msgspec.Struct, eq=False):
    """Waits for what became of a hit, and answers it. It is told itself of the one copy that nearly every hit is."""

    waiting: Waiting
    kind: str
    answer: Callable[[Reply], None]
    is_over: bool = False

    def keep(self, keeper: Keeper) -> None:
        copies = self.waiting.copies
        if len(copies) == 1:
            keeper.submit(copies[0], self)
            return
        gathering = _Gathering(self, len(copies))
        for copy, word in zip(copies, gathering.words, strict=True):
            keeper.submit(copy, word)

    def done(self) -> bool:
        return self.is_over

    def set_result(self, door: Door, /) -> None:
        self.heard((door,), None)

    def set_exception(self, error: BaseException, /) -> None:
        self.heard((), error)

    def heard(self, doors: Sequence[Door], error: BaseException | None) -> None:
        """Answer; `doors` in the order of the copies, `error` where one was not kept."""
        self.is_over = True
        try:
            try:
                if error is None:
                    told = self.waiting.told(doors)
                elif isinstance(error, _UNKEPT):
                    told = self.waiting.told(None)
                else:
                    raise error
            except Exception as broken:  # noqa: BLE001 - the last resort: the page goes on
                told = failed(broken, self.kind)
            self.answer(told)
        except Exception as broken:  # noqa: BLE001 - the store tells others after us
            failed(broken, self.kind)


class _Gathering:
    """What became of several copies of one hit: it is heard with the last of them."""

    __slots__ = ("_hearing", "_left", "words")

    def __init__(self, hearing: Hearing, often: int) -> None:
        self._hearing = hearing
        self._left = often
        self.words = [_Word(self) for _ in range(often)]

    def heard(self) -> None:
        self._left -= 1
        if self._left:
            return
        # Words and gathering hold each other: let go here, or the garbage collector takes a tenth of a hit's time.
        words, self.words = self.words, []
        doors = [word.door for word in words if word.door is not None]
        errors = [word.error for word in words if word.error is not None]
        unforeseen = [error for error in errors if not isinstance(error, _UNKEPT)]
        self._hearing.heard(doors, next(iter(unforeseen or errors), None))


class _Word:
    """What became of one copy. Lighter than a future, which has a turn of the loop to itself."""

    __slots__ = ("_gathering", "door", "error")

    def __init__(self, gathering: _Gathering) -> None:
        self._gathering = gathering
        self.door: Door | None = None
        self.error: BaseException | None = None

    def done(self) -> bool:
        return self.door is not None or self.error is not None

    def set_result(self, door: Door, /) -> None:
        self.door = door
        self._gathering.heard()

    def set_exception(self, error: BaseException, /) -> None:
        self.error = error
        self._gathering.heard()
