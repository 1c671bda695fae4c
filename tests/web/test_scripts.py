"""What is kept of vendors' scripts: one question at a time, no visitor waits who need not, and all of it has an end."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from yarl import URL

from gateway.web.scripts import (
    AGAIN_S,
    MAX_FRESH_S,
    MIN_FRESH_S,
    USABLE_S,
    USUAL_FRESH_S,
    How,
    Scripts,
    Served,
    Wanted,
)
from gateway.web.upstream import Failed, Script

DOWN = Failed("status_500")


def script(text: str = "v1", *, fresh_s: int | None = 900, size: int = 0) -> Script:
    plain = text.encode() + b" " * size
    return Script("text/javascript", plain, b"", f'W/"{text}"', (("If-None-Match", text),), fresh_s)


def wanted(name: str = "a", **query: str) -> Wanted:
    return Wanted("shop", f"/{name}.js", f"https://vendor.example/{name}.js", tuple(query.items()))


@dataclass
class Vendors:
    """Says what the test wants, when `open` lets it; `answers` in turn, the last one for ever."""

    answers: list[Script | Failed | Exception]
    now_s: float = 1_000.0
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    is_closed: bool = False

    async def fetch(self, url: URL, known: Script | None = None) -> Script | Failed:
        self.asked.append((str(url), None if known is None else known.etag))
        await self.open.wait()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self) -> None:
        self.is_closed = True


@asynccontextmanager
async def keeping(*answers: Script | Failed | Exception, **more: Any) -> AsyncIterator[tuple[Vendors, Scripts]]:
    vendors = Vendors(list(answers))
    vendors.open.set()
    scripts = Scripts(vendors, now_s=lambda: vendors.now_s, **more)
    yield vendors, scripts
    await scripts.close()
    assert vendors.is_closed


def told(answer: Served | Failed) -> tuple[bytes, How, int]:
    assert isinstance(answer, Served)
    return answer.script.plain, answer.how, answer.fresh_s


async def refreshed() -> None:
    """Let what runs behind the visitors' backs run to its end."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_five_hundred_visitors_are_one_question() -> None:
    async with keeping(script()) as (vendors, scripts):
        vendors.open.clear()
        async with asyncio.TaskGroup() as group:
            visitors = [group.create_task(scripts.get(wanted())) for _ in range(500)]
            await refreshed()
            assert not any(visitor.done() for visitor in visitors)
            vendors.open.set()

        assert len(vendors.asked) == 1
        assert {told(visitor.result()) for visitor in visitors} == {(b"v1", How.FETCHED, 900)}


async def test_five_hundred_visitors_of_a_dead_vendor_are_one_question() -> None:
    async with keeping(DOWN) as (vendors, scripts):
        answers = await asyncio.gather(*(scripts.get(wanted()) for _ in range(500)))

        assert len(vendors.asked) == 1
        assert set(answers) == {DOWN}


async def test_a_visitor_who_leaves_takes_the_answer_from_nobody() -> None:
    async with keeping(script()) as (vendors, scripts):
        vendors.open.clear()
        async with asyncio.TaskGroup() as group:
            leaving, staying = group.create_task(scripts.get(wanted())), group.create_task(scripts.get(wanted()))
            await refreshed()
            leaving.cancel()
            await refreshed()
            vendors.open.set()

        assert leaving.cancelled()
        assert told(staying.result())[0] == b"v1"


async def test_a_fresh_script_asks_nobody() -> None:
    async with keeping(script(fresh_s=900)) as (vendors, scripts):
        await scripts.get(wanted())
        vendors.now_s += 899.5

        assert told(await scripts.get(wanted())) == (b"v1", How.FRESH, 1)
        assert len(vendors.asked) == 1


async def test_a_stale_script_is_given_at_once_and_asked_for_behind_the_back() -> None:
    async with keeping(script("v1"), script("v2")) as (vendors, scripts):
        await scripts.get(wanted())
        vendors.now_s += 900
        vendors.open.clear()

        stale = [await scripts.get(wanted()) for _ in range(3)]
        vendors.open.set()
        await refreshed()

        assert {told(answer) for answer in stale} == {(b"v1", How.STALE, 0)}
        assert told(await scripts.get(wanted())) == (b"v2", How.FRESH, 900)
        assert vendors.asked == [(str(wanted().url), None), (str(wanted().url), 'W/"v1"')]


@pytest.mark.parametrize(
    ("said", "kept"),
    [(0, MIN_FRESH_S), (59, MIN_FRESH_S), (900, 900), (10**9, MAX_FRESH_S), (None, USUAL_FRESH_S)],
)
async def test_a_vendor_is_believed_within_bounds(said: int | None, kept: int) -> None:
    async with keeping(script(fresh_s=said)) as (vendors, scripts):
        await scripts.get(wanted())

        vendors.now_s += kept - 1
        assert told(await scripts.get(wanted()))[1:] == (How.FRESH, 1)
        vendors.now_s += 1
        assert told(await scripts.get(wanted()))[1:] == (How.STALE, 0)


async def test_an_old_script_is_better_than_none_for_a_week() -> None:
    async with keeping(script(), DOWN) as (vendors, scripts):
        await scripts.get(wanted())

        vendors.now_s += USABLE_S - 1
        assert told(await scripts.get(wanted()))[:2] == (b"v1", How.STALE)
        await refreshed()
        vendors.now_s += AGAIN_S
        assert await scripts.get(wanted()) == DOWN


async def test_a_vendor_that_failed_is_left_alone_for_a_while() -> None:
    async with keeping(DOWN) as (vendors, scripts):
        for _ in range(50):
            assert await scripts.get(wanted()) == DOWN
        assert len(vendors.asked) == 1

        vendors.now_s += AGAIN_S
        await scripts.get(wanted())
        assert len(vendors.asked) == 2


async def test_a_vendor_that_failed_is_left_alone_behind_a_stale_script_too() -> None:
    async with keeping(script(), DOWN) as (vendors, scripts):
        await scripts.get(wanted())
        vendors.now_s += 900
        for _ in range(50):
            assert told(await scripts.get(wanted()))[1] is How.STALE
            await refreshed()
        assert len(vendors.asked) == 2

        vendors.now_s += AGAIN_S
        await scripts.get(wanted())
        await refreshed()
        assert len(vendors.asked) == 3


async def test_a_failure_is_told_once_until_it_is_another_or_over() -> None:
    late = Failed("timeout", is_late=True)
    async with keeping(DOWN, DOWN, late, script()) as (vendors, scripts):
        with capture_logs() as lines:
            for _ in range(4):
                await scripts.get(wanted(id="G-SECRET"))
                vendors.now_s += AGAIN_S

    who = {"site": "shop", "route": "/a.js", "host": "vendor.example"}
    assert lines == [
        {"event": "proxy.failed", "log_level": "warning", **who, "reason": "status_500", "stale": False},
        {"event": "proxy.failed", "log_level": "warning", **who, "reason": "timeout", "stale": False},
        {"event": "proxy.recovered", "log_level": "info", **who},
    ]


async def test_whatever_breaks_in_us_is_a_failure_like_others() -> None:
    async with keeping(RuntimeError("jo@shop.example"), script()) as (vendors, scripts):
        assert await scripts.get(wanted()) == Failed("RuntimeError")

        vendors.now_s += AGAIN_S
        assert told(await scripts.get(wanted()))[0] == b"v1"


async def test_scripts_of_other_queries_are_other_scripts() -> None:
    async with keeping(script()) as (vendors, scripts):
        for each in (wanted(), wanted(id="A"), wanted(id="B"), wanted(id="A", l="x"), wanted("b", id="A")):
            await scripts.get(each)
            await scripts.get(each)

        assert [url.removeprefix("https://vendor.example") for url, _ in vendors.asked] == [
            "/a.js",
            "/a.js?id=A",
            "/a.js?id=B",
            "/a.js?id=A&l=x",
            "/b.js?id=A",
        ]


async def test_two_sites_share_a_script() -> None:
    async with keeping(script()) as (_, scripts):
        await scripts.get(wanted())
        other = wanted()._replace(site="other", route="/x.js")

        assert told(await scripts.get(other))[1] is How.FRESH


async def test_memory_is_bounded_and_the_longest_unasked_goes_first() -> None:
    async with keeping(script(size=400), most_bytes=1_000) as (_, scripts):
        for name in ("a", "b", "a", "c"):
            await scripts.get(wanted(name))

        assert [told(await scripts.get(wanted(name)))[1] for name in ("a", "c", "b")] == [
            How.FRESH,
            How.FRESH,
            How.FETCHED,
        ]


async def test_what_is_remembered_of_failures_is_bounded_too() -> None:
    async with keeping(DOWN, most_kept=2) as (vendors, scripts):
        for name in ("a", "b", "c", "c", "b", "a"):
            await scripts.get(wanted(name))

        assert len(vendors.asked) == 4


async def test_room_is_not_made_by_asking_twice() -> None:
    async with keeping(script(), most_kept=1) as (vendors, scripts):
        vendors.open.clear()
        async with asyncio.TaskGroup() as group:
            for name in ("a", "b", "a", "b"):
                group.create_task(scripts.get(wanted(name)))
            await refreshed()
            assert len(vendors.asked) == 2
            vendors.open.set()


async def test_so_many_wait_and_the_rest_are_told_to_come_again() -> None:
    async with keeping(script(), most_waiting=3) as (vendors, scripts):
        vendors.open.clear()
        async with asyncio.TaskGroup() as group:
            waiting = [group.create_task(scripts.get(wanted())) for _ in range(3)]
            await refreshed()

            assert await scripts.get(wanted()) == Failed("too_many", is_late=True)
            assert await scripts.get(wanted("b")) == Failed("too_many", is_late=True)
            vendors.open.set()

        assert [told(each.result())[0] for each in waiting] == [b"v1"] * 3
        assert told(await scripts.get(wanted("b")))[1] is How.FETCHED


def test_every_outcome_is_explained() -> None:
    text = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    row = next(line for line in text.splitlines() if line.startswith("| `tagway_proxy_total` |"))

    assert {how.value for how in How} <= set(re.findall(r"`(\w+)`", row))


async def test_what_nobody_can_ask_for_any_more_is_forgotten() -> None:
    async with keeping(script()) as (_, scripts):
        for each in (wanted("a", id="A"), wanted("b")):
            await scripts.get(each)

        scripts.forget(lambda upstream, query: query == (("id", "A"),))

        assert told(await scripts.get(wanted("a", id="A")))[1] is How.FRESH
        assert told(await scripts.get(wanted("b")))[1] is How.FETCHED


async def test_the_end_does_not_wait_for_a_vendor() -> None:
    async with keeping(script()) as (vendors, scripts):
        await scripts.get(wanted())
        vendors.now_s += 900
        vendors.open.clear()

        await scripts.get(wanted())
        await refreshed()

        assert len(vendors.asked) == 2
