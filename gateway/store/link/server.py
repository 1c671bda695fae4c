"""One server: its connections by lane, opened when something is asked, not at once after one could not be opened."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from functools import lru_cache
from math import inf
from typing import Final

from gateway.settings.store_url import Login, StoreUrl, Tls
from gateway.store.errors import Unavailable
from gateway.store.link.ask import ASKING, Ask, Lane, Refusal
from gateway.store.link.pipe import Pipe, Reach

# Between two attempts to connect to a server that did not take the last one.
_FIRST_BACKOFF_S: Final = 0.05
_MAX_BACKOFF_S: Final = 1.0
# Within these, TCP itself notices that the other machine is gone.
_KEEPALIVE: Final = (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3))


class Address:
    """A server at a known place."""

    def __init__(self, url: StoreUrl, place: tuple[str, int] | None, login: Login | None = None) -> None:
        self.login = url.login if login is None else login
        self.db = url.db
        self.place = place
        self._url = url

    async def open(self, pipe: Pipe) -> None:
        loop = asyncio.get_running_loop()
        if self.place is None:
            await loop.create_unix_connection(lambda: pipe, self._url.path)
            return
        host, port = self.place
        context = None if self._url.tls is None else tls_context(self._url.tls)
        transport, _ = await loop.create_connection(lambda: pipe, host, port, ssl=context)
        _keep_alive(transport.get_extra_info("socket"))

    async def greet(self, pipe: Pipe) -> None:
        """Whoever answers here is the one."""


class Server:
    """Sends what it is given over a connection of the right lane. `lost` is told why, when one breaks."""

    def __init__(
        self, reach: Reach, *, refused: Callable[[Pipe, Ask, Refusal], None], lost: Callable[[str], None]
    ) -> None:
        self.reach = reach
        self._refused = refused
        self._lost = lost
        self._pipes: dict[Lane, list[Pipe]] = {lane: [] for lane in Lane}
        self._backoff_s = 0.0
        self._not_before_s = -inf
        self._reason = ""

    def send(self, *asks: Ask) -> None:
        """Send commands of one lane, one behind the other on one connection."""
        pipes = self._pipes[asks[0].lane]
        if pipes and asks[0].lane.most == 1:
            pipes[0].send(*asks)
            return
        least = min(pipes, key=_owes, default=None)
        if least is None or (least.owes and len(pipes) < asks[0].lane.most):
            least = self._connect(pipes) or least
        self._pass(least, asks)

    def follow(self, ask: Ask, *, is_asking: bool) -> None:
        """Send what another server sent here. All of a lane take one connection: they keep their order.

        `is_asking`: the slot is only on its way here.
        """
        pipes = self._pipes[ask.lane]
        leave = (Ask.unheard(ASKING, ask.lane),) if is_asking else ()
        self._pass(pipes[0] if pipes else self._connect(pipes), (*leave, ask))

    @property
    def is_idle(self) -> bool:
        return not self._open()

    def refresh(self) -> None:
        """Try again at once, and not over connections on whose answers nobody waits any more."""
        self._not_before_s = -inf
        for pipe in self._open():
            if pipe.is_forsaken():
                pipe.drop("forsaken")

    def retire(self) -> None:
        """Ask nothing more over the connections of now."""
        for pipe in self._open():
            pipe.retire()

    def close(self) -> None:
        for pipe in self._open():
            pipe.drop("store is closed")

    def _connect(self, pipes: list[Pipe]) -> Pipe | None:
        """Open one more connection, unless the last attempt failed just now."""
        if asyncio.get_running_loop().time() < self._not_before_s:
            return None
        pipe = Pipe(self.reach, refused=self._refused, ended=self._ended)
        pipes.append(pipe)
        return pipe

    def _pass(self, pipe: Pipe | None, asks: Sequence[Ask]) -> None:
        if pipe is not None:
            pipe.send(*asks)
            return
        for ask in asks:
            ask.fail(Unavailable(self._reason))

    def _open(self) -> list[Pipe]:
        return [pipe for pipes in self._pipes.values() for pipe in pipes]

    def _ended(self, pipe: Pipe, reason: str) -> None:
        for pipes in self._pipes.values():
            if pipe in pipes:
                pipes.remove(pipe)
        if not reason:
            return
        self._reason = reason
        if pipe.is_ready:
            self._backoff_s = 0.0
        else:
            self._backoff_s = min(max(self._backoff_s * 2, _FIRST_BACKOFF_S), _MAX_BACKOFF_S)
            self._not_before_s = asyncio.get_running_loop().time() + self._backoff_s
        self._lost(reason)


def _owes(pipe: Pipe) -> int:
    return pipe.owes


@lru_cache(8)
def tls_context(tls: Tls) -> ssl.SSLContext:
    """Make the context once; a file that is not there is an OSError, and looked for again."""
    context = ssl.create_default_context(cafile=tls.ca_file)
    context.check_hostname = tls.checks_host
    if not tls.is_verified:
        context.verify_mode = ssl.CERT_NONE
    if tls.cert_file is not None:
        context.load_cert_chain(tls.cert_file, tls.key_file)
    return context


def _keep_alive(link: socket.socket | None) -> None:
    if link is None:
        return
    link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE:
        if hasattr(socket, name):  # macOS names them otherwise
            link.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
