"""What became of a hit's copies is heard once, answered once, and harms nobody who is told after it."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Sequence
from typing import cast

import pytest

from gateway.core.event import Copy
from gateway.core.outcome import Door
from gateway.store.errors import Unavailable
from gateway.store.keeper import Answer
from gateway.web.hearing import Hearing
from gateway.web.hits import Waiting
from gateway.web.public import EVENTS
from gateway.web.reply import Reply


class Keeper:
    """Keeps who wants to be told."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []

    def submit(self, copy: Copy, answer: Answer) -> None:
        self.answers.append(answer)

    async def keep(self, copies: Sequence[Copy]) -> list[Door]:
        raise NotImplementedError


def told(doors: Sequence[Door] | None) -> Reply:
    return Reply(204, "unkept" if doors is None else ",".join(doors))


def hear(*fates: Door | BaseException) -> list[tuple[int, str]]:
    """Tell a hit of so many copies what became of each, the last one first; returns what it answered."""
    keeper, said = Keeper(), list[Reply]()
    copies = cast("tuple[Copy, ...]", tuple(fates))
    Hearing(Waiting(copies, told), EVENTS, said.append).keep(keeper)
    for answer, fate in reversed(list(zip(keeper.answers, fates, strict=True))):
        assert said == []
        assert not answer.done()
        if isinstance(fate, Door):
            answer.set_result(fate)
        else:
            answer.set_exception(fate)
        assert answer.done()
    return [(one.status, one.said) for one in said]


@pytest.mark.parametrize(
    ("fates", "expected"),
    [
        ((Door.MERGED,), (204, "merged")),
        ((Unavailable(),), (204, "unkept")),
        ((CancelledError(),), (204, "unkept")),
        ((RuntimeError(),), (503, "refused:unavailable")),
        ((Door.ACCEPTED, Door.LATE, Door.DUPLICATE), (204, "accepted,late,duplicate")),
        ((Door.ACCEPTED, Unavailable()), (204, "unkept")),
        ((Unavailable(), RuntimeError(), Door.ACCEPTED), (503, "refused:unavailable")),
        ((RuntimeError(), CancelledError()), (503, "refused:unavailable")),
    ],
)
def test_a_hit_is_answered_with_the_last_of_its_copies(
    fates: tuple[Door | BaseException, ...], expected: tuple[int, str]
) -> None:
    assert hear(*fates) == [expected]


def test_an_answer_that_cannot_be_given_harms_nobody_else() -> None:
    def broken(reply: Reply) -> None:
        raise RuntimeError

    keeper = Keeper()
    hearing = Hearing(Waiting(cast("tuple[Copy, ...]", (1,)), told), EVENTS, broken)
    hearing.keep(keeper)

    keeper.answers[0].set_result(Door.ACCEPTED)

    assert hearing.done()
