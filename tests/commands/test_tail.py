from __future__ import annotations

import asyncio
import json
import signal
import subprocess
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.commands.parts import COMMAND, Gateway, tagway

HIT = {
    "id": "1795305600250-0",
    "kind": "hit",
    "site": "shop",
    "event": "purchase",
    "event_id": "ord-1001",
    "wire": "browser",
    "status": "accepted",
    "at_ms": 1_795_305_600_250,
}
DELIVERY = {
    "id": "1795305600250-1",
    "kind": "delivery",
    "site": "shop",
    "event": "purchase",
    "event_id": "ord-1001",
    "destination": "meta",
    "outcome": "dead:rejected",
    "reason": "100",
    "attempts": 3,
    "at_ms": 1_795_305_601_000,
}
OMITTED = {"id": "1795305600251-0", "kind": "omitted", "count": 70, "at_ms": 1_795_305_602_000}


@asynccontextmanager
async def tailing(gateway: Gateway, *arguments: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        *(*COMMAND, "tail", str(gateway.config), *arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        async with asyncio.timeout(30):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def lines(process: Process, count: int) -> list[str]:
    assert process.stdout is not None
    return [(await process.stdout.readline()).decode().rstrip() for _ in range(count)]


async def test_hits_and_deliveries_are_told_a_line_each_until_ctrl_c(gateway: Gateway) -> None:
    gateway.admin.streams = [[HIT, DELIVERY, OMITTED]]

    async with tailing(gateway) as process:
        told = [" ".join(line.split()) for line in await lines(process, 3)]
        process.send_signal(signal.SIGINT)
        code = await process.wait()

    assert told == [
        "00:00:00.250 shop purchase ord-1001 <- browser accepted",
        "00:00:01.000 shop purchase ord-1001 -> meta dead:rejected (100), try 3",
        "00:00:02.000 70 more at once than can be shown",
    ]
    assert (code, gateway.admin.asked) == (0, [{"history": "10"}])


async def test_a_connection_that_ends_is_taken_up_behind_the_last_entry(gateway: Gateway) -> None:
    gateway.admin.streams = [[HIT], [DELIVERY]]

    async with tailing(gateway, "--json", "--history", "3") as process:
        told: list[Any] = [json.loads(line) for line in await lines(process, 2)]

    assert told == [HIT, DELIVERY]
    assert gateway.admin.asked == [{"history": "3"}, {"after": HIT["id"]}]


async def test_a_wrong_use_is_refused(gateway: Gateway) -> None:
    assert (await tagway("tail", gateway.config, "--history", "201")).exit_code == 2
