"""How the first process asks a further one what it counts, over a real socket pair."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from gateway import scrape
from gateway.scrape import Scrape, answer


@asynccontextmanager
async def a_pair(told: Callable[[], bytes]) -> AsyncIterator[tuple[Scrape, asyncio.Task[None]]]:
    ours, theirs = socket.socketpair()
    asking = await Scrape.over(ours)
    # The other end is a descriptor of another process: here a copy of it, so that each end closes its own.
    number = os.dup(theirs.fileno())
    theirs.close()
    async with asyncio.TaskGroup() as group:
        listening = group.create_task(asking.listen())
        answering = group.create_task(answer(number, told))
        yield asking, answering
        listening.cancel()
        answering.cancel()


async def test_what_the_other_process_counts_comes_whole() -> None:
    large = b"tagway_hits_total 1\n" * 100_000

    async with a_pair(lambda: large) as (asking, _):
        assert await asking.read() == large
        assert await asking.read() == large


async def test_two_who_ask_at_once_get_the_same_answer() -> None:
    asked = []

    def told() -> bytes:
        asked.append(1)
        return b"x 1\n"

    async with a_pair(told) as (asking, _):
        assert tuple(await asyncio.gather(asking.read(), asking.read())) == (b"x 1\n", b"x 1\n")
    assert len(asked) == 1


async def test_an_answer_that_came_too_late_is_not_taken_for_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = socket.socketpair()
    asking = await Scrape.over(ours)
    reader, writer = await asyncio.open_connection(sock=theirs)
    async with asyncio.TaskGroup() as group:
        listening = group.create_task(asking.listen())
        monkeypatch.setattr(scrape, "DEADLINE_S", 0.01)
        assert await asking.read() is None
        monkeypatch.undo()
        second = group.create_task(asking.read())
        assert await reader.readexactly(2) == b"??"
        for said in (b"old", b"fresh"):
            writer.write(len(said).to_bytes(4) + said)

        assert await second == b"fresh"
        listening.cancel()
    writer.close()


async def test_a_process_that_is_gone_says_nothing_and_nobody_waits() -> None:
    async with a_pair(lambda: b"x 1\n") as (asking, answering):
        assert await asking.read() == b"x 1\n"
        answering.cancel()
        async with asyncio.timeout(0.9):  # less than the deadline: the end of the line is heard
            assert await asking.read() is None
            assert await asking.read() is None


async def test_the_answering_end_stops_when_the_first_process_is_gone() -> None:
    ours, theirs = socket.socketpair()
    number = os.dup(theirs.fileno())
    theirs.close()
    ours.close()

    async with asyncio.timeout(5):
        await answer(number, lambda: b"")
