"""A load generator of our own: keep-alive connections that wait for each answer before the next hit.

For machines without wrk, and for whoever has to know which hits were answered.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Iterator
from itertools import count
from typing import Any

import orjson

from benchmarks.requests import DIGITS


class _Firing:
    """The numbers of one shot."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.pause_s = told["pause_ms"] / 1_000
        self.end_s = time.perf_counter() + told["seconds"]
        self.waits_ms: list[float] = []
        self.errors = 0
        self.asked: set[int] = set()
        self.answered: set[int] = set()
        self._requests = self._made(told)

    def _made(self, told: dict[str, Any]) -> Iterator[tuple[int, bytes]]:
        templates, every = told["templates"], told["repeat_every"]
        for number in count(told["first"] + 1):
            known = number // len(templates)
            if every and number % every == 0:
                known -= 1
            sent = templates[number % len(templates)]
            yield known, str(known).zfill(DIGITS).join(sent[known % len(sent)]).encode()

    async def connection(self, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            while (began_s := time.perf_counter()) < self.end_s:
                number, request = next(self._requests)
                self.asked.add(number)
                writer.write(request)
                if await _answered(reader):
                    self.answered.add(number)
                else:
                    self.errors += 1
                self.waits_ms.append((time.perf_counter() - began_s) * 1_000)
                if self.pause_s:
                    await asyncio.sleep(random.uniform(0, 2 * self.pause_s))
        except (OSError, asyncio.IncompleteReadError):
            self.errors += 1
        finally:
            writer.close()


async def _answered(reader: asyncio.StreamReader) -> bool:
    """Read one answer to its end; returns whether it is a good one."""
    head = await reader.readuntil(b"\r\n\r\n")
    _, found, rest = head.lower().partition(b"content-length:")
    if found:
        await reader.readexactly(int(rest.split(b"\r\n", 1)[0]))
    return head[9:10] == b"2"


async def fire(told: dict[str, Any]) -> dict[str, Any]:
    """Fire one shot; `told` is what `Load` writes. `roll`: tell the numbers of the ids, too."""
    firing, began_s = _Firing(told), time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(told["connections"]):
            group.create_task(firing.connection(told["port"]))
    waits = sorted(firing.waits_ms) or [0.0]
    return {
        "answers": len(firing.waits_ms),
        "seconds": time.perf_counter() - began_s,
        "p50_ms": waits[len(waits) // 2],
        "p99_ms": waits[len(waits) * 99 // 100],
        "errors": firing.errors,
        **({"asked": list(firing.asked), "answered": list(firing.answered)} if told.get("roll") else {}),
    }


if __name__ == "__main__":
    with asyncio.Runner() as runner:
        sys.stdout.buffer.write(orjson.dumps(runner.run(fire(orjson.loads(sys.stdin.buffer.read())))))
