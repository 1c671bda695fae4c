"""The corpus, played to every lane: never a 5xx, never a request that was not one, and nobody else notices."""

from __future__ import annotations

import asyncio
import gzip
from collections import Counter

import pytest
import structlog

from tests.hostile.conftest import Lane
from tests.hostile.corpus import BOMB, CASES, HIT, HOST, ORIGIN, Case, Fate, Seen, flaw, get, play, sized

HEALTH = Case(name="health", parts=(get(b"/healthz"),), fate=Fate.TAKEN)
HONEST = Case(name="honest", parts=(get(HIT, b"X-Forwarded-For: 81.2.69.142"),), fate=Fate.TAKEN)


def test_the_corpus_is_as_large_as_is_promised() -> None:
    names = Counter(case.name for case in CASES)

    assert len(CASES) >= 180
    assert [name for name, often in names.items() if often > 1] == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_hostile_bytes(lane: Lane, case: Case, capfd: pytest.CaptureFixture[str]) -> None:
    with structlog.testing.capture_logs() as lines:
        seen = await play(lane.host, lane.port, case)

    assert flaw(case, seen) is None
    assert "smuggled" not in lane.kept
    assert case.fate is not Fate.REFUSED or lane.kept == []
    assert [line for line in lines if line["log_level"] in ("error", "critical")] == []
    assert "Traceback" not in "".join(capfd.readouterr())
    assert flaw(HEALTH, await play(lane.host, lane.port, HEALTH)) is None


async def test_twenty_bombs_at_once_are_twenty_refusals_and_honest_hits_are_kept(lane: Lane) -> None:
    key, packed = b"Authorization: Bearer api-key", b"Content-Encoding: gzip"
    nested = gzip.compress(b"[" * 16_000_000)
    bombs = [
        Case(name="bomb", parts=(sized(body, packed, key).replace(b"/e ", b"/api/events ", 1),), fate=Fate.REFUSED)
        for body in [BOMB, nested] * 10
    ]

    async with asyncio.TaskGroup() as group:
        hostile = [group.create_task(play(lane.host, lane.port, bomb, within_s=60)) for bomb in bombs]
        honest = [group.create_task(play(lane.host, lane.port, HONEST, within_s=60)) for _ in range(50)]

    assert {tuple(task.result().statuses) for task in hostile} <= {(413,), (422,)}
    assert [flaw(HONEST, task.result()) for task in honest] == [None] * 50


@pytest.mark.slow
async def test_who_trickles_is_cut_off_and_nobody_waits_for_him(lane: Lane) -> None:
    """A byte every half second, as header and as body; a third says nothing at all, a fourth stops after an answer."""
    head = b"POST /e HTTP/1.1\r\n" + HOST + ORIGIN
    slow = {
        "header": (head + b"X-A: ", True),
        "body": (head + b"Content-Length: 500\r\n\r\n{", True),
        "chunk": (head + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{", True),
        "silent after an answer": (b"GET " + HIT + b" HTTP/1.1\r\n" + HOST + b"\r\n", False),
        "half a line": (b"GET /i?ev", False),
    }

    async with asyncio.TaskGroup() as group:
        tasks = {
            name: [group.create_task(_trickle(lane, first, trickles)) for _ in range(8)]
            for name, (first, trickles) in slow.items()
        }
        honest = [await play(lane.host, lane.port, HONEST) for _ in range(20)]

    assert [flaw(HONEST, seen) for seen in honest] == [None] * 20
    for name, trickled in tasks.items():
        for task in trickled:
            seen = task.result()
            assert seen.is_ended, name
            assert all(status < 500 for status in seen.statuses), name
    assert lane.kept.count("purchase") == 0


async def _trickle(lane: Lane, first: bytes, trickles: bool) -> Seen:
    """Send a beginning, then a byte now and again, until the server has had enough or 40 s are over."""
    reader, writer = await asyncio.open_connection(lane.host, lane.port)
    answer, is_ended = bytearray(), False
    writer.write(first)
    try:
        async with asyncio.timeout(40):
            while not is_ended:
                try:
                    async with asyncio.timeout(0.5):
                        more = await reader.read(65_536)
                    answer += more
                    is_ended = not more
                except TimeoutError:
                    if trickles:
                        writer.write(b"1")
                except ConnectionError:
                    is_ended = True
    except TimeoutError:
        pass
    finally:
        writer.close()
    return Seen(answer=bytes(answer), is_ended=is_ended)
