"""One connection: answers come to whoever asked, each command goes out once, and what breaks is told at once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest

from gateway.settings.store_url import StoreUrl, store_url
from gateway.store.errors import Broken, Cut, Unavailable
from gateway.store.link import pipe as pipes
from gateway.store.link.ask import ASKING, Ask, Lane, Script, pack
from gateway.store.link.single import Single
from tests.fixtures.gateway import free_port, wait_until
from tests.fixtures.server import Line, Proxy, Server


class Caller:
    """Asks one server over connections of ours."""

    def __init__(self, url: str | StoreUrl) -> None:
        self.link = Single(store_url(url) if isinstance(url, str) else url)

    def ask(self, *args: Any, lane: Lane = Lane.WORK, script: Script | None = None) -> Ask:
        ask = Ask(pack(*args), None, lane, script)
        self.link.send(ask)
        return ask

    async def said(self, *args: Any, within_s: float = 5, lane: Lane = Lane.WORK) -> Any:
        async with asyncio.timeout(within_s):
            return await self.ask(*args, lane=lane).answer


@pytest.fixture
async def caller(server: Server) -> AsyncIterator[Caller]:
    await server.started()
    made = Caller(server.url)
    yield made
    await made.link.close()


async def test_answers_come_to_whoever_asked_whoever_gave_up_between(caller: Caller) -> None:
    async def echo(number: int) -> None:
        word = f"{number}-{'x' * random.randrange(3_000)}".encode()
        patience_s = random.choice((0.0005, 0.002, 5.0))
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                assert await caller.ask("ECHO", word).answer == word
                heard.append(number)

    heard: list[int] = []

    for _ in range(20):
        await asyncio.gather(*(echo(number) for number in range(200)))

    assert heard
    assert await caller.said("ECHO", b"\x00\xff\r\n$3\r\n") == b"\x00\xff\r\n$3\r\n"


async def test_text_bytes_and_numbers_arrive_as_they_are(caller: Caller) -> None:
    assert await caller.said("SET", "key", b"\x00\xff\r\n") == b"OK"
    assert await caller.said("GET", b"key") == b"\x00\xff\r\n"
    assert await caller.said("INCRBY", "number", 41) == 41
    assert await caller.said("INCRBYFLOAT", "number", 0.5) == b"41.5"
    assert await caller.said("GET", "nothing") is None


async def test_a_broken_connection_fails_all_that_it_owes_and_the_next_call_opens_another(server: Server) -> None:
    await server.started()
    async with Proxy(server.port).running() as line:
        caller = Caller(line.url)
        assert await caller.said("PING") == b"PONG"
        line.line = Line.SWALLOWS_ANSWERS
        asks = [caller.ask("PING") for _ in range(50)]
        await asyncio.sleep(0)

        line.cut()
        told = await asyncio.gather(*(ask.answer for ask in asks), return_exceptions=True)

        assert {type(said) for said in told} == {Cut}
        line.line = Line.PASSES
        assert await caller.said("PING") == b"PONG"
        await caller.link.close()


async def test_a_command_that_came_too_late_was_sent_once(server: Server, caller: Caller) -> None:
    assert await caller.said("INCR", "counted") == 1
    server.hang()
    late = caller.ask("INCR", "counted")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await late.answer
    late.abandon()
    server.wake()

    assert await wait_until(lambda: _is(caller, "counted", b"2"))
    assert await caller.said("PING") == b"PONG"
    assert await caller.said("GET", "counted") == b"2"


async def _is(caller: Caller, key: str, value: bytes) -> bool:
    return bool(await caller.said("GET", key) == value)


async def test_a_late_answer_is_not_given_to_the_next_call(server: Server) -> None:
    """Even on a line that loses answers, which a TCP connection does not: who came too late makes room."""
    await server.started()
    async with Proxy(server.port).running() as line:
        caller = Caller(line.url)
        assert await caller.said("SET", "mine", "yours") == b"OK"
        line.line = Line.SWALLOWS_ANSWERS
        lost = caller.ask("GET", "mine")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await lost.answer
        lost.abandon()
        line.line = Line.PASSES

        assert await caller.said("ECHO", "next") == b"next"
        await caller.link.close()


async def test_a_server_that_hangs_is_given_up(server: Server, caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipes, "HUNG_S", 0.3)
    monkeypatch.setattr(pipes, "_LOOK_S", 0.05)
    assert await caller.said("PING") == b"PONG"
    server.hang()

    with pytest.raises(Unavailable, match="server hangs"):
        await caller.ask("PING").answer

    server.wake()
    assert await caller.said("PING") == b"PONG"


async def test_more_than_a_bounded_number_is_refused(
    server: Server, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await caller.said("PING") == b"PONG"
    monkeypatch.setattr(pipes, "MOST", 10)
    server.hang()

    asks = [caller.ask("PING") for _ in range(11)]

    with pytest.raises(Unavailable, match="connection is busy"):
        await asks[-1].answer
    server.wake()
    assert [await ask.answer for ask in asks[:-1]] == [b"PONG"] * 10


async def test_a_script_that_the_server_does_not_know_is_taught_to_it_and_runs_once(caller: Caller) -> None:
    script = Script("#!lua\nreturn redis.call('INCR', 'ran')")

    asks = [caller.ask("EVALSHA", script.sha, 0, script=script) for _ in range(20)]

    assert sorted([await ask.answer for ask in asks]) == list(range(1, 21))
    await caller.said("SCRIPT", "FLUSH")
    assert await caller.ask("EVALSHA", script.sha, 0, script=script).answer == 21


async def test_a_lane_does_not_wait_behind_another(caller: Caller) -> None:
    blocked = caller.ask("BLPOP", "nothing", 0, lane=Lane.WORK)

    assert await caller.said("PING", lane=Lane.VISITOR) == b"PONG"

    assert not blocked.answer.done()
    blocked.abandon()


async def test_commands_find_a_free_connection_while_one_is_held(caller: Caller) -> None:
    held = [caller.ask("BLPOP", "nothing", 0, lane=Lane.COMMANDS) for _ in range(Lane.COMMANDS.most - 1)]
    await asyncio.sleep(0)

    assert await caller.said("PING", lane=Lane.COMMANDS) == b"PONG"

    assert not any(ask.answer.done() for ask in held)
    for ask in held:
        ask.abandon()


async def test_what_is_refused_is_named_and_not_repeated(caller: Caller) -> None:
    await caller.said("SET", "text", "x")

    for command, said in (
        (("LPUSH", "text", "secret"), "wrong type"),
        (("NOSUCH", "secret"), "ERR unknown command"),
        (("INCR", "text", "secret"), "ERR wrong number of arguments for"),
    ):
        with pytest.raises(Unavailable) as told:
            await caller.said(*command)
        assert str(told.value) == said
        assert isinstance(told.value, Broken) == (said == "wrong type")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"?what\r\n", "answers make no sense"),
        (b"+OK\r\n+OK\r\n+OK\r\n+OK\r\n", "answers make no sense"),
        (b"", "closed"),
    ],
)
async def test_a_server_that_makes_no_sense_is_left(answer: bytes, said: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(answer)
        writer.close()

    port = free_port()
    async with await asyncio.start_server(serve, "127.0.0.1", port):
        caller = Caller(f"redis://127.0.0.1:{port}")

        with pytest.raises(Unavailable, match=said):
            await caller.said("PING")
        await caller.link.close()


async def test_who_gave_up_before_the_connection_stood_was_never_sent() -> None:
    seen = bytearray()
    may_answer, ended = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.extend(await reader.read(1_000))
        await may_answer.wait()
        writer.write(b"+OK\r\n")  # to CLIENT SETNAME
        while data := await reader.read(1_000):
            seen.extend(data)
            writer.write(b"+OK\r\n+PONG\r\n")
        writer.close()
        await writer.wait_closed()
        ended.set()

    port = free_port()
    async with await asyncio.start_server(serve, "127.0.0.1", port):
        caller = Caller(f"redis://127.0.0.1:{port}")
        given_up = caller.ask("ECHO", "given-up")
        kept = Ask(pack("PING"), None, Lane.WORK)
        caller.link.send(Ask.unheard(ASKING, Lane.WORK), kept)
        assert await wait_until(lambda: b"SETNAME" in seen)
        given_up.answer.cancel()

        may_answer.set()

        assert await kept.answer == b"PONG"
        assert b"given-up" not in seen
        assert seen.endswith(ASKING + pack("PING"))  # what leads another goes with it
        await caller.link.close()
        await ended.wait()


async def test_nobody_there_is_told_at_once_and_not_asked_again_in_the_same_moment() -> None:
    port = free_port()
    caller = Caller(f"redis://127.0.0.1:{port}")
    told = []

    for _ in range(3):
        with pytest.raises(Unavailable) as err:
            await caller.said("PING")
        told.append(str(err.value))

    assert told == ["Connection refused"] * 3
    await caller.link.close()
