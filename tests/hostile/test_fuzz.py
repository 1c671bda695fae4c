"""A short run of `./dev fuzz`, and that it would notice."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import islice

import pytest

from tests.hostile.fuzz import Client, attack, gateway
from tests.hostile.mutants import Mutant, Mutants

REQUESTS = 5_000


@pytest.mark.slow
async def test_bad_requests_hurt_nobody() -> None:
    with gateway() as subject:
        told = await attack(subject, REQUESTS, seed=20_261_122)

    assert told["ok"], told
    assert told["requests"] == REQUESTS
    assert {"200", "204", "400", "401", "403", "404"} <= told["statuses"].keys()
    assert told["honest"] > 0


def test_the_same_seed_makes_the_same_requests() -> None:
    first, again, other = (list(islice(Mutants(random.Random(seed)).parser_level(), 500)) for seed in (1, 1, 2))

    assert first == again
    assert first != other
    assert {mutant.is_wild for mutant in first} == {True, False}


Answer = Callable[[bytes], bytes]


@asynccontextmanager
async def server(answer: Answer) -> AsyncIterator[int]:
    """Answer whatever comes, a request at a time."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await _head(reader):
            writer.write(answer(head))
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield listening.sockets[0].getsockname()[1]


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""


def plain(status: int, more: bytes = b"") -> bytes:
    return b"HTTP/1.1 %d X\r\nContent-Length: 2\r\n%b\r\nok" % (status, more)


GOOD = Mutant(b"GET /good HTTP/1.1\r\n\r\n")
BAD = Mutant(b"GET /bad HTTP/1.1\r\n\r\n")
WILD = Mutant(b"GET /wild HTTP/1.1\r\n\r\n", is_wild=True)


async def test_a_5xx_is_counted_and_its_request_shown() -> None:
    async with server(lambda head: plain(500 if b"/bad" in head else 200)) as port:
        client = Client("127.0.0.1", port)
        await client.run(iter([GOOD, BAD, GOOD]))

    assert (client.figures.requests, client.figures.failures) == (3, 1)
    assert client.figures.culprits == ["500: b'GET /bad HTTP/1.1\\r\\n\\r\\n'"]


async def test_those_behind_one_that_ended_the_connection_are_sent_again() -> None:
    heard: list[bytes] = []

    def answer(head: bytes) -> bytes:
        heard.append(head.split()[1])
        return plain(400 if b"/wild" in head else 200, b"Connection: close\r\n" if b"/wild" in head else b"")

    async with server(answer) as port:
        client = Client("127.0.0.1", port)
        await client.run(iter([GOOD, GOOD, WILD, GOOD, WILD, GOOD]))

    assert (client.figures.requests, sorted(set(heard))) == (6, [b"/good", b"/wild"])
    assert dict(client.figures.statuses) == {200: 4, 400: 2}
