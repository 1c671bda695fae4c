"""The front lane: what it answers itself, what it hands on, and that nobody can tell the difference."""

from __future__ import annotations

import asyncio
import gc
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from gateway.core.hit import Visitor
from gateway.web import lane as front_lane
from gateway.web.head import read
from gateway.web.lane import Lanes
from tests.web.parts import CHROME, Gate, Open, front

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from gateway.core.event import Copy
    from gateway.store.keeper import Answer

HEAD = f"Host: 127.0.0.1\r\nUser-Agent: {CHROME}\r\n"


def image(event_id: str = "a1", lines: str = "") -> bytes:
    return f"GET /i?event=page_view&event_id={event_id} HTTP/1.1\r\n{HEAD}{lines}\r\n".encode()


def beacon(body: bytes = b'{"event":"page_view","event_id":"b1"}', lines: str = "") -> bytes:
    return f"POST /e HTTP/1.1\r\n{HEAD}Content-Length: {len(body)}\r\n{lines}\r\n".encode() + body


@asynccontextmanager
async def wire(gate: Gate) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", gate.port)
    try:
        async with asyncio.timeout(10):
            yield reader, writer
    finally:
        writer.close()


async def answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    """Read one answer, its header names in lower case."""
    first, *rest = (await reader.readuntil(b"\r\n\r\n")).decode().rstrip("\r\n").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in rest)}
    return int(first.split()[1]), headers, await reader.readexactly(int(headers.get("content-length", 0)))


async def lasting(reader: asyncio.StreamReader) -> bytes:
    """What comes until the other side ends the connection."""
    return await reader.read(-1)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(image(), id="image"),
        pytest.param(beacon(), id="beacon"),
        pytest.param(image(lines="Connection: Keep-Alive\r\n"), id="keep-alive, in any case"),
        pytest.param(image(lines="X-Caf: caf\xc3\xa9\r\n"), id="a byte beyond ASCII in a value"),
        pytest.param(image(lines="Referer:https://shop.example/\r\n"), id="no blank behind the colon"),
        pytest.param(image(lines="X-Odd:y: z\r\n"), id="no blank behind the colon, and one behind another"),
        pytest.param(image().replace(b"Host: 127.0.0.1", b"hOST:   127.0.0.1  "), id="more blanks than one"),
    ],
)
def test_a_complete_hit_is_read(data: bytes) -> None:
    hit = read(data, "10.0.0.1")

    assert hit is not None
    assert (hit.path, hit.headers.get("host"), list(hit.headers.getall("host"))) == (
        "/i" if hit.method == "GET" else "/e",
        "127.0.0.1",
        ["127.0.0.1"],
    )


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(image()[:-1], id="cut off"),
        pytest.param(image() + image(), id="two at once"),
        pytest.param(image() + b"x", id="a body behind a GET"),
        pytest.param(beacon() + b"x", id="more body than was said"),
        pytest.param(beacon()[:-1], id="less body than was said"),
        pytest.param(image(lines="Content-Length: 0\r\n"), id="a length with a GET"),
        pytest.param(beacon(lines="Content-Length: 1\r\n"), id="two lengths"),
        pytest.param(beacon(lines="Content-Length : 37\r\n"), id="a blank before the colon"),
        pytest.param(beacon().replace(b"Content-Length: ", b"Content-Length: +"), id="a signed length"),
        pytest.param(beacon().replace(b"Content-Length: ", b"Content-Length: 0"), id="a length with a zero before it"),
        pytest.param(beacon(lines="Transfer-Encoding: chunked\r\n"), id="chunked"),
        pytest.param(beacon(lines="Transfer-Encoding : chunked\r\n"), id="chunked, a blank before the colon"),
        pytest.param(beacon(lines="Expect: 100-continue\r\n"), id="expect"),
        pytest.param(beacon(lines="Content-Encoding: gzip\r\n"), id="packed"),
        pytest.param(image(lines="Upgrade: h2c\r\n"), id="upgrade"),
        pytest.param(image(lines="Connection: close\r\n"), id="close"),
        pytest.param(image(lines="Connection: keep-alive, upgrade\r\n"), id="connection options"),
        pytest.param(image(lines="Host: other\r\n"), id="two hosts"),
        pytest.param(image().replace(b"Host: 127.0.0.1\r\n", b""), id="no host"),
        pytest.param(image(lines="Cookie: a=1\r\nCookie: b=2\r\n"), id="a name twice"),
        pytest.param(image(lines="A: 1\r\n folded\r\n"), id="a folded line"),
        pytest.param(image(lines="A: 1\nB: 2\r\n"), id="a bare line feed"),
        pytest.param(image(lines="A: 1\rB: 2\r\n"), id="a bare carriage return"),
        pytest.param(image(lines="A: \x00\r\n"), id="a zero byte"),
        pytest.param(image(lines="A\x0b: 1\r\n"), id="a control character in a name"),
        pytest.param(image(lines="no colon\r\n"), id="a line without a colon"),
        pytest.param(image(lines="User-Agent\r\n"), id="a known name without a colon"),
        pytest.param(image(lines="A: 1\rhidden\nB: 2\r\n"), id="something between two halves of a line end"),
        pytest.param(beacon().replace(b"Content-Length: ", b"Content-Length"), id="a length without a colon"),
        pytest.param(image().replace(b"HTTP/1.1", b"HTTP/1.0"), id="HTTP/1.0"),
        pytest.param(image().replace(b" HTTP/1.1", b""), id="HTTP/0.9"),
        pytest.param(image().replace(b"GET /i", b"GET  /i"), id="two blanks"),
        pytest.param(image().replace(b"GET /i", b"GET http://127.0.0.1/i"), id="an absolute target"),
        pytest.param(image().replace(b"&event_id", b"#event_id"), id="a fragment"),
        pytest.param(image("\xe9"), id="a byte beyond ASCII in the target"),
        pytest.param(image().replace(b"GET", b"HEAD"), id="another method"),
        pytest.param(image("x" * 40_000), id="longer than a hit"),
        pytest.param(beacon(b'[%s{"event":"a"}]' % (b'{"event":"a"},' * 100)), id="many events"),
        pytest.param(b"\x16\x03\x01\x02\x00", id="TLS"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_whatever_is_not_ordinary_is_left_to_aiohttp(data: bytes) -> None:
    assert read(data, "10.0.0.1") is None


async def test_a_hit_in_pieces_is_answered_as_one_in_one(gate: Gate) -> None:
    for data in (image(), beacon()):
        for cut in range(1, len(data), 7):
            async with wire(gate) as (reader, writer):
                writer.write(data[:cut])
                await asyncio.sleep(0)
                await asyncio.sleep(0.001)
                writer.write(data[cut:])
                status, headers, _ = await answer(reader)
            assert status in (200, 204)
            assert headers["x-tagway"] in ("accepted", "duplicate")


async def test_hits_sent_ahead_are_answered_in_their_order(gate: Gate) -> None:
    async with wire(gate) as (reader, writer):
        for number in range(20):
            writer.write(image(f"n{number}") if number % 2 else beacon(b'{"event":"scroll","event_id":"%d"}' % number))
            if number % 3 == 0:
                await asyncio.sleep(0.001)
        answers = [await answer(reader) for _ in range(20)]

    assert [status for status, _, _ in answers] == [204, 200] * 10
    assert {headers["x-tagway"] for _, headers, _ in answers} == {"accepted"}
    assert len(gate.shelf.copies) == 20


async def test_a_connection_goes_on_after_something_unusual(gate: Gate) -> None:
    async with wire(gate) as (reader, writer):
        for data, expected in (
            (image("1"), 200),
            (b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 200),
            (image("2"), 200),
        ):
            writer.write(data)
            status, _, _ = await answer(reader)
            assert status == expected

    assert [copy.event_id for copy in gate.shelf.copies] == ["1", "2"]


@pytest.mark.parametrize("lane", ["front"], indirect=True)
async def test_an_idle_connection_is_ended(open_gate: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front_lane, "KEEPALIVE_S", 0.2)
    monkeypatch.setattr(front_lane, "_SWEEP_S", 0.05)
    gate = await open_gate()
    async with wire(gate) as (reader, writer):
        writer.write(image())
        status, _, _ = await answer(reader)

        assert status == 200
        assert await lasting(reader) == b""


async def test_who_sends_and_does_not_read_is_held_up(gate: Gate) -> None:
    """Answers that nobody takes must not fill the memory: what is sent ahead waits in the sender's own buffers."""
    async with wire(gate) as (reader, writer):
        sent = 0
        try:
            async with asyncio.timeout(3):
                for number in range(200_000):
                    writer.write(image(str(number)))
                    await writer.drain()
                    sent += 1
        except TimeoutError:
            pass
        assert sent < 200_000
        status, _, _ = await answer(reader)
        assert status == 200


@pytest.mark.parametrize("lane", ["front"])
@pytest.mark.parametrize("hit", [image, beacon])
async def test_a_visitors_cookies_do_not_lie_in_memory_while_the_hit_is_kept(
    gate: Gate, monkeypatch: pytest.MonkeyPatch, hit: Callable[..., bytes]
) -> None:
    fbp, found = "fb.1.1795305600000.987654321", list[Visitor]()
    submit = gate.shelf.submit

    def look(copy: Copy, answer: Answer) -> None:
        visitors = [each for each in gc.get_objects() if isinstance(each, Visitor)]
        found.extend(each for each in visitors if each.cookies.get("_fbp") == fbp)
        submit(copy, answer)

    monkeypatch.setattr(gate.shelf, "submit", look)
    async with wire(gate) as (reader, writer):
        writer.write(hit(lines=f"Cookie: _fbp={fbp}\r\n"))
        _, headers, _ = await answer(reader)

    assert (headers["x-tagway"], found) == ("accepted", [])


async def test_who_hangs_up_while_his_hit_is_kept_harms_nobody(gate: Gate) -> None:
    for number in range(20):
        async with wire(gate) as (_, writer):
            writer.write(image(f"gone-{number}"))
    async with wire(gate) as (reader, writer):
        writer.write(image("here"))
        status, _, _ = await answer(reader)

    assert status == 200


async def test_what_was_sent_ahead_of_a_hang_up_is_nobodys_any_more() -> None:
    """A connection that is closing is neither answered nor handed on: its socket may be gone."""

    class Closing(asyncio.Transport):
        def is_closing(self) -> bool:
            return True

    handed_on: list[str] = []

    def ordinary() -> asyncio.Protocol:
        handed_on.append("on")
        return asyncio.Protocol()

    lane = Lanes(front(), ordinary)()
    lane.connection_made(Closing())

    lane.data_received(image())
    lane.data_received(b"GET /elsewhere HTTP/1.1\r\nHost: x\r\n\r\n")

    assert handed_on == []
    assert not lane.is_busy
