"""benchmarks/load: what wrk prints is read right, and our own generator fires what it is told."""

import asyncio

import pytest

from benchmarks.load import read_wrk
from benchmarks.load.client import fire
from benchmarks.requests import Mix, beacon

PRINTED = """Running 2s test @ http://127.0.0.1:1
  Latency Distribution
     50%  612.00us
     75%    1.02ms
     90%    1.90ms
     99%   12.53ms
  30501 requests in 2.10s, 12.04MB read
  Socket errors: connect 1, read 2, write 0, timeout 3
  Non-2xx or 3xx responses: 4
"""


def test_wrks_table_is_read_in_milliseconds() -> None:
    shot = read_wrk(PRINTED)

    assert (30_501, 2.1, 0.612, 12.53, 10) == (shot.answers, shot.seconds, shot.p50_ms, shot.p99_ms, shot.errors)


def test_anything_else_of_wrk_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing that can be read"):
        read_wrk("unable to connect")


def test_a_posts_length_holds_for_every_number() -> None:
    head, body = beacon().replace("{id}", "00000007").split("\r\n\r\n")

    assert f"Content-Length: {len(body.encode())}\r\n" in head + "\r\n"


async def test_own_generator_repeats_the_id_before_at_each_nth_request() -> None:
    seen: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while len(seen) < 5:
            seen.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    mix = Mix(templates=("GET /?{id} HTTP/1.1\r\n\r\n",), repeat_every=5)
    told = await fire(
        {
            "templates": mix.parts(), "repeat_every": mix.repeat_every, "first": 0, "pause_ms": 0,
            "port": port, "seconds": 20, "connections": 1, "roll": True,
        }
    )  # fmt: skip
    server.close()

    assert [b"1", b"2", b"3", b"4", b"4"] == [line.split(b" ")[1][-1:] for line in seen]
    assert 5 == told["answers"]
    assert ({1, 2, 3, 4}, {1, 2, 3, 4}) == (set(told["asked"]) - {6}, set(told["answered"]))
