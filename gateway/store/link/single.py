"""One server that takes every key: one that is known by its address, or the master that sentinels name."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from gateway.settings.store_url import Kind, StoreUrl
from gateway.store.errors import Unavailable
from gateway.store.link.ask import MOST_TRIES, Ask, Lane, Refusal, load_again, pack, unavailable
from gateway.store.link.pipe import Pipe
from gateway.store.link.server import Address, Server

# A server that says so is not the master any more, or none that may write.
_DEMOTED: Final = ("READONLY", "MASTERDOWN")

# A third of what a connection may take, so that a dead sentinel leaves time for the next one.
_SENTINEL_S: Final = 0.3


class Single:
    """Every command goes to the one server."""

    def __init__(self, url: StoreUrl) -> None:
        self._elected = Elected(url) if url.kind is Kind.SENTINEL else None
        reach = self._elected or Address(url, url.places[0] if url.places else None)
        self._server = Server(reach, refused=self._refused, lost=lambda _: None)

    def send(self, *asks: Ask) -> None:
        """Send commands, one behind the other on one connection."""
        self._server.send(*asks)

    def spread(self, asks: Sequence[Ask]) -> None:
        """Send commands together, each where it belongs; what belongs to one server keeps its order."""
        if asks:
            self._server.send(*asks)

    async def masters(self) -> Sequence[Server]:
        """Name the servers that take writes now; raises Unavailable."""
        if self._elected is not None and await self._elected.has_moved():
            self._server.retire()
        return (self._server,)

    def refresh(self) -> None:
        self._server.refresh()

    async def close(self) -> None:
        self._server.close()
        if self._elected is not None:
            self._elected.close()

    def _refused(self, pipe: Pipe, ask: Ask, refusal: Refusal) -> None:
        code = str(refusal).partition(" ")[0]
        if code == "NOSCRIPT" and ask.script is not None and ask.tries < MOST_TRIES:
            load_again(pipe, ask, ask.script)
            return
        if code in _DEMOTED:
            self._server.retire()
        ask.fail(unavailable(refusal))


class Elected:
    """The master of a name, asked of the sentinels before every connection.

    The first sentinel that knows one is believed, and the server has to say itself that it is a master: for a moment
    after an election the sentinels do not agree. Without a sentinel that answers, the master is who it was.
    """

    def __init__(self, url: StoreUrl) -> None:
        self.login, self.db = url.login, url.db
        self._url = url
        self._sentinels = [Server(_Sentinel(url, place), refused=_told, lost=lambda _: None) for place in url.places]
        self._master: tuple[str, int] | None = None

    async def open(self, pipe: Pipe) -> None:
        try:
            self._master = await self._find()
        except Unavailable:
            if self._master is None:
                raise
        await Address(self._url, self._master).open(pipe)

    async def greet(self, pipe: Pipe) -> None:
        role = await pipe.first("ROLE")
        if role[0] != b"master":
            raise Unavailable("the server that the sentinels name is no master")

    async def has_moved(self) -> bool:
        """Say whether the sentinels name another server than the one that we are connected to."""
        try:
            return self._master is not None and await self._find() != self._master
        except Unavailable:
            return False

    def close(self) -> None:
        for sentinel in self._sentinels:
            sentinel.close()

    async def _find(self) -> tuple[str, int]:
        reasons = []
        for sentinel in tuple(self._sentinels):
            ask = Ask(pack("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._url.master), None, Lane.COMMANDS)
            sentinel.refresh()
            sentinel.send(ask)
            try:
                async with asyncio.timeout(_SENTINEL_S):
                    answer = await ask.answer
            except (Unavailable, TimeoutError) as err:
                ask.abandon()
                reasons.append(str(err) or "no answer in time")
                continue
            if answer:
                # Whoever answered is asked first the next time.
                self._sentinels.remove(sentinel)
                self._sentinels.insert(0, sentinel)
                return answer[0].decode(), int(answer[1])
            reasons.append("no master of this name")
        raise Unavailable(f"no sentinel names a master: {', '.join(dict.fromkeys(reasons))}")


class _Sentinel(Address):
    """A sentinel has its own user, and one database without a number."""

    def __init__(self, url: StoreUrl, place: tuple[str, int]) -> None:
        super().__init__(url, place, url.sentinel_login)
        self.db = 0


def _told(pipe: Pipe, ask: Ask, refusal: Refusal) -> None:
    ask.fail(unavailable(refusal))
