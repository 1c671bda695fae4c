"""How the first process reads the metrics of a further one: a question and an answer on a socket pair of their own.

No path and no port, so nobody else can ask, and a container without a writable disk has it, too.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Final

# A process that is busy for longer is left out of one scrape, and told as down.
DEADLINE_S: Final = 1.0
_QUESTION: Final = b"?"
_SIZE_BYTES: Final = 4


class Scrape:
    """The asking end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        # Answers that are still to come. One that was not waited for must not be taken for the next one's.
        self._owed = 0
        self._answer: asyncio.Future[bytes | None] | None = None

    @classmethod
    async def over(cls, end: socket.socket) -> Scrape:
        return cls(*await asyncio.open_connection(sock=end))

    async def listen(self) -> None:
        """Hear the answers, until the other process is gone."""
        try:
            while True:
                size = int.from_bytes(await self._reader.readexactly(_SIZE_BYTES))
                said = await self._reader.readexactly(size)
                self._owed -= 1
                if self._owed == 0:
                    self._tell(said)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            self._writer.close()
            self._tell(None)

    async def read(self) -> bytes | None:
        """Return what the other process counts, in Prometheus' text format; None when it does not say in time."""
        if self._writer.is_closing():
            return None
        if self._answer is None or self._answer.done():
            self._answer = asyncio.get_running_loop().create_future()
            self._owed += 1
            self._writer.write(_QUESTION)
        try:
            async with asyncio.timeout(DEADLINE_S):
                return await asyncio.shield(self._answer)
        except TimeoutError:
            self._tell(None)
            return None

    def _tell(self, said: bytes | None) -> None:
        """Tell all who wait, since two may scrape at once."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(said)


async def answer(number: int, told: Callable[[], bytes]) -> None:
    """Answer at the other end, a file descriptor that was inherited, until the first process is gone."""
    reader, writer = await asyncio.open_connection(sock=socket.socket(fileno=number))
    try:
        while await reader.read(1):
            said = told()
            writer.write(len(said).to_bytes(_SIZE_BYTES) + said)
            await writer.drain()
    except ConnectionError:
        return
    finally:
        writer.close()
