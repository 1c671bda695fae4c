"""The pool of random bytes: no byte twice, in no process."""

from __future__ import annotations

import os

import pytest

from gateway.dice import Dice


class Counted:
    """A source in which every four bytes are there once, and which knows how often it was asked."""

    def __init__(self) -> None:
        self.drawn = 0
        self.calls = 0

    def __call__(self, count: int) -> bytes:
        self.calls += 1
        first, self.drawn = self.drawn, self.drawn + -(-count // 4)
        return b"".join(number.to_bytes(4, "big") for number in range(first, self.drawn))[:count]


def test_no_byte_is_thrown_twice_across_draws() -> None:
    source = Counted()
    dice = Dice(source, pool_bytes=100)

    thrown = [dice.throw(32) for _ in range(50)]

    words = [each[at : at + 4] for each in thrown for at in range(0, 32, 4)]
    assert len(set(words)) == len(words) == 50 * 8
    assert source.calls == 17, "three throws a pool, and what is left of it is given up"


@pytest.mark.parametrize("count", [0, 1, 8, 32, 99, 100, 101, 5_000])
def test_a_throw_is_as_long_as_asked(count: int) -> None:
    dice = Dice(pool_bytes=100)

    assert [len(dice.throw(count)) for _ in range(5)] == [count] * 5


def test_throws_of_the_systems_dice_differ() -> None:
    dice = Dice()

    assert len({dice.throw(16) for _ in range(2_000)}) == 2_000


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_throws_nothing_that_its_parent_throws() -> None:
    dice = Dice()
    dice.throw(16)
    reader, writer = os.pipe()

    child = os.fork()
    if child == 0:
        os.write(writer, b"".join(dice.throw(16) for _ in range(50)))
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        theirs = pipe.read()

    ours = {dice.throw(16) for _ in range(50)}
    assert len(theirs) == 50 * 16
    assert ours.isdisjoint({theirs[at : at + 16] for at in range(0, len(theirs), 16)})
