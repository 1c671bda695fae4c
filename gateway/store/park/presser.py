"""What waits longer than a minute is written in fewer bytes, behind a dictionary (`gateway/store/vault.py`).

Each queue is walked once, in the order in which its legs came; a leg is looked at when it has waited a minute, a held
act when it will wait for another one. The script writes only over the bytes that were read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from hashlib import sha1
from typing import Any, Final

import msgspec
import structlog

from gateway.core.plan import Plan
from gateway.store import keys, vault
from gateway.store.database import Database, text
from gateway.store.errors import Unavailable
from gateway.store.keys import Queue

log = structlog.get_logger()

WAITED_MS: Final = 60_000
_CHUNK: Final = 100
_TICK_S: Final = 1.0
# Legs a round and queue, so that what comes in is kept up with (`_TICK_S`), and others get their turn.
_A_ROUND: Final = 2_000

_pack = msgspec.msgpack.Encoder().encode


class _Walk:
    """Where a queue has been looked at: everything below `score`, and `beside` members that have it."""

    def __init__(self) -> None:
        self.score, self.beside = 0.0, 0

    def to(self, scores: Sequence[float]) -> None:
        last = scores[-1]
        beside = sum(score == last for score in scores)
        self.beside = self.beside + beside if last == self.score else beside
        self.score = last


class Presser:
    """Presses for one process; two that do the same do no harm."""

    def __init__(self, database: Database, plan: Callable[[], Plan], *, waited_ms: int = WAITED_MS) -> None:
        self._database = database
        self._plan = plan
        self._waited_ms = waited_ms
        self._walks: dict[str, _Walk] = {}
        self._held_ms = 0

    async def run(self) -> None:
        """Work until cancelled; a fault costs one round."""
        while True:
            try:
                await self.step()
            except Unavailable as err:
                log.warning("store.unavailable", doing="press", reason=str(err))
            except Exception:
                log.exception("backlog.failed")
            await asyncio.sleep(_TICK_S)

    async def step(self) -> int:
        """Look at what has waited long enough since the last time; returns how many were pressed."""
        pipeline = self._database.pipeline()
        pipeline.time()
        ((seconds, _),) = await self._database.answer(pipeline.execute())
        now_ms = seconds * 1_000
        is_new_round = now_ms - self._held_ms >= self._waited_ms
        pressed = 0
        for shard in range(self._database.shards):
            for place in self._plan().destinations:
                queue = keys.queue(shard, place)
                pressed += await self._walk(queue, f"({now_ms - self._waited_ms}")
            if is_new_round:
                walk = self._walks[keys.hold(shard).due] = _Walk()
                walk.score = float(now_ms + self._waited_ms)
                pressed += await self._walk(keys.hold(shard), "+inf")
        if is_new_round:
            self._held_ms = now_ms
        return pressed

    async def _walk(self, queue: Queue, until: str) -> int:
        walk = self._walks.setdefault(queue.due, _Walk())
        pressed = 0
        for _ in range(_A_ROUND // _CHUNK):
            pipeline = self._database.pipeline()
            pipeline.zrangebyscore(queue.due, walk.score, until, start=walk.beside, num=_CHUNK, withscores=True)
            (found,) = await self._database.answer(pipeline.execute())
            if not found:
                break
            pressed += await self._press(queue.shard, [text(leg) for leg, _ in found])
            walk.to([score for _, score in found])
        return pressed

    async def _press(self, shard: int, legs: Sequence[str]) -> int:
        pipeline = self._database.pipeline()
        for leg in legs:
            pipeline.get(keys.content(shard, leg))
            pipeline.hgetall(keys.copies(shard, keys.act_of(leg)))
        told = await self._database.answer(pipeline.execute())
        entries = await asyncio.to_thread(_pressed, legs, told)
        if not entries:
            return 0
        head = _pack(([entry[:3] for entry in entries],))
        return int(await self._database.script("press", [keys.base(shard)], [head, *(entry[3] for entry in entries)]))


def _pressed(legs: Sequence[str], told: Sequence[Any]) -> list[tuple[str, str, str, bytes]]:
    """Return what `lua/press.lua` takes: of everything that is plain and becomes smaller."""
    plain: list[tuple[str, str, bytes]] = []
    for leg, content, copies in zip(legs, told[0::2], told[1::2], strict=True):
        if content:
            plain.append((f"content:{leg}", "", content))
        plain += [(f"copy:{keys.act_of(leg)}", text(wire), copy) for wire, copy in copies.items()]
    return [
        (key, wire, sha1(sealed, usedforsecurity=False).hexdigest(), smaller)
        for key, wire, sealed in plain
        if vault.is_plain(sealed) and len(smaller := vault.press(sealed)) < len(sealed)
    ]
