"""The line holds, swallows and refuses as it says, and passes everything when it is asked to."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from faults.line import Line, Way


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    """A line to a server that says everything louder."""
    answering: list[asyncio.Task[None]] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        answering.append(task)
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(1_000):
                writer.write(b"$7\r\nchanged\r\n" if data == b"commit" else data.upper())
        await _close(writer)

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server, Line(server.sockets[0].getsockname()[1], latency_s=0.01).running() as made:
        yield made
    await asyncio.gather(*answering)


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def _ask(line: Line, told: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", line.port)
    writer.write(told)
    try:
        async with asyncio.timeout(5):
            return await reader.read(1_000)
    except ConnectionError:
        return b""
    finally:
        await _close(writer)


@pytest.mark.parametrize("way", [Way.PASSES, Way.SLOW])
async def test_what_passes_arrives_as_it_was(line: Line, way: Way) -> None:
    line.turn(way)

    assert await _ask(line, b"hello") == b"HELLO"


async def test_what_is_held_comes_when_the_line_heals(line: Line) -> None:
    line.turn(Way.HOLDS)
    reader, writer = await asyncio.open_connection("127.0.0.1", line.port)
    writer.write(b"hello")
    asking = asyncio.get_running_loop().create_task(reader.read(1_000), name="asking")
    _, waiting = await asyncio.wait([asking], timeout=0.2)
    assert waiting

    line.turn(Way.PASSES)

    assert await asking == b"HELLO"
    await _close(writer)


async def test_a_line_that_refuses_ends_what_is_open_and_what_comes(line: Line) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", line.port)
    writer.write(b"hello")
    assert await reader.read(1_000) == b"HELLO"

    line.turn(Way.REFUSES)

    with contextlib.suppress(ConnectionError):
        assert await reader.read(1_000) == b""
    await _close(writer)
    assert await _ask(line, b"hello") == b""


async def test_a_merge_that_began_anew_is_heard(line: Line) -> None:
    assert await _ask(line, b"commit") == b"$7\r\nchanged\r\n"

    assert line.changed == 1
