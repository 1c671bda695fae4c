"""The line between the gateway and its Redis: it can be held, slowed, cut and made one-way, and it listens.

It hears a word of the store's scripts go by: `changed`, said when a copy came while its act was being merged. Nobody
else outside could see that race, and a run has to say whether it really happened.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from enum import StrEnum
from typing import Final

# COMMIT's answer as it stands on the wire (RESP bulk string).
_CHANGED: Final = b"$7\r\nchanged\r\n"


class Way(StrEnum):
    """What becomes of bytes. `holds` is what a broken network does: they come when it heals, late."""

    PASSES = "passes"
    HOLDS = "holds"
    SWALLOWS_ANSWERS = "swallows_answers"  # what is asked is done, and nobody hears of it
    SLOW = "slow"
    REFUSES = "refuses"


class Line:
    """A listener on a free port of this machine that leads to `to_port`."""

    def __init__(self, to_port: int, *, latency_s: float = 0.05) -> None:
        self._to_port = to_port
        self._latency_s = latency_s
        self.port = 0
        self.changed = 0
        self._way = Way.PASSES
        self._moved = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Line]:
        listener = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = int(listener.sockets[0].getsockname()[1])
        try:
            yield self
        finally:
            listener.close()
            self.cut()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await asyncio.sleep(0)  # an aborted connection is gone one turn later

    def turn(self, way: Way) -> None:
        """Change what becomes of bytes, on open connections too."""
        was, self._way = self._way, way
        if was is Way.SWALLOWS_ANSWERS or way is Way.REFUSES:
            self.cut()  # what was swallowed is gone: a connection with a gap in it is none
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    def cut(self) -> None:
        """Reset every connection there is."""
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._way is Way.REFUSES:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to_port)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, far_writer}
        for source, sink, is_answer in ((reader, far_writer, False), (far_reader, writer, True)):
            task = asyncio.get_running_loop().create_task(self._pump(source, sink, is_answer=is_answer), name="line")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, is_answer: bool) -> None:
        tail = b""
        with contextlib.suppress(OSError):
            while data := await source.read(65_536):
                while self._way is Way.HOLDS:
                    await self._moved.wait()
                if self._way is Way.SLOW:
                    await asyncio.sleep(self._latency_s)
                if is_answer:
                    if self._way is Way.SWALLOWS_ANSWERS:
                        continue
                    tail = self._listen(tail, data)
                sink.write(data)
                await sink.drain()
        sink.transport.abort()
        self._writers.discard(sink)

    def _listen(self, tail: bytes, data: bytes) -> bytes:
        """Count the word in an answer; returns the end that may hold the beginning of one."""
        joined = tail + data
        self.changed += joined.count(_CHANGED)
        return joined[-(len(_CHANGED) - 1) :]
