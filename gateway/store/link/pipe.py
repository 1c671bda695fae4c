"""One connection to one server: commands go out in the order they are asked, and answers come back in it.

Nothing is ever sent twice from here. A caller that gives up leaves its place in the order behind, so that a late
answer can never reach another.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol

from hiredis import ProtocolError, Reader

from gateway.settings.store_url import Login
from gateway.store.errors import Cut, Unavailable
from gateway.store.link.ask import Ask, Lane, Refusal, pack, unavailable

# As long as a visitor waits for the store: see `database.DEADLINE_S`.
CONNECT_S: Final = 1.0
# Longer than the most patient caller waits (5 s): who owes an answer for this long owes it to nobody.
HUNG_S: Final = 6.0
LATE_S: Final = 1.0
_LOOK_S: Final = 0.5
# A page asks for 1,680 hours of every shard in one go. Beyond this a server is not slow, it is away.
MOST: Final = 65_536
_MOST_BYTES: Final = 32 << 20
_NAME: Final = "tagway"
_MORE: Final = object()


class Reach(Protocol):
    """How to get to a server."""

    login: Login
    db: int

    async def open(self, pipe: Pipe) -> None:
        """Connect the pipe as its protocol; raises OSError or Unavailable."""

    async def greet(self, pipe: Pipe) -> None:
        """Make sure that it is the server that is meant; raises Unavailable."""


class Pipe(asyncio.Protocol):
    """A connection that opens itself at the first call and is not used again once it broke.

    `refused` is told of every error that a server answers, and decides what becomes of the call; `ended` is called
    once, when nothing can be asked here any more, with what broke it ("" for a connection that was only retired).
    """

    def __init__(
        self, reach: Reach, *, refused: Callable[[Pipe, Ask, Refusal], None], ended: Callable[[Pipe, str], None]
    ) -> None:
        self.reach = reach
        self._refused = refused
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._reader = Reader(replyError=Refusal, notEnoughData=_MORE)
        self._owed: deque[Ask] = deque()
        self._out: list[bytes] = []
        self._before: list[Ask] | None = []  # None once we are known to the server
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_full = self._is_told = False
        self.is_ready = False  # and stays so once it was
        self._opening = self._loop.create_task(self._open(), name="store.connect")

    @property
    def owes(self) -> int:
        return len(self._owed) + (len(self._before) if self._before else 0)

    def send(self, *asks: Ask) -> None:
        """Send commands one behind the other, in one write; each answer comes at its own `answer`."""
        before = self._before
        if self._is_told or self._is_full or len(self._owed if before is None else before) >= MOST:
            for ask in asks:
                ask.fail(Unavailable("connection is gone" if self._is_told else "connection is busy"))
            return
        for ask in asks:
            ask.pipe = self
        if before is None:
            self._put(asks)
        else:
            before.extend(asks)

    def retire(self) -> None:
        """Ask nothing more here; what is still owed to somebody may come."""
        if not self._is_told:
            self._is_told = True
            self._ended(self, "")
        self._leave_if_free()

    def drop(self, reason: str, error: type[Unavailable] = Unavailable) -> None:
        """End the connection; everything that it owes has failed with `error`."""
        is_new, self._is_told = not self._is_told, True
        self._opening.cancel()
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.abort()
        failed = [*self._owed, *(self._before or ())]
        self._owed.clear()
        self._before = []
        if is_new:
            self._ended(self, reason)
        for ask in failed:
            ask.fail(error(reason))

    def is_forsaken(self) -> bool:
        """Say whether it owes answers, and nobody waits for any of them."""
        owed = [*self._owed, *(self._before or ())]
        return bool(owed) and all(ask.answer.done() for ask in owed)

    # ---- connecting

    async def _open(self) -> None:
        try:
            async with asyncio.timeout(CONNECT_S):
                await self.reach.open(self)
                await self._introduce()
                await self.reach.greet(self)
        except (OSError, TimeoutError, Unavailable) as err:
            self.drop(_reason(err))
            return
        self.is_ready = True
        waiting, self._before = self._before or [], None
        # Who gave up meanwhile was never sent.
        self._put(ask for ask in waiting if ask.is_lead or not ask.answer.done())
        if self._is_told:
            self._leave_if_free()

    async def _introduce(self) -> None:
        login, db = self.reach.login, self.reach.db
        if login.password is not None:
            user = () if login.user is None else (login.user,)
            await self.first("AUTH", *user, login.password.reveal())
        if db:
            await self.first("SELECT", db)
        try:
            await self.first("CLIENT", "SETNAME", _NAME)
        except Unavailable:  # a name for whoever looks; a user or a proxy that forbids it is no harm
            if self._transport is None or self._transport.is_closing():
                raise

    async def first(self, *args: str | bytes | int) -> Any:
        """Ask before anybody else may; for `Reach.greet`."""
        ask = Ask(pack(*args), None, Lane.COMMANDS)
        self._put((ask,))
        return await ask.answer

    # ---- the stream

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.set_write_buffer_limits(high=_MOST_BYTES)

    def data_received(self, data: bytes) -> None:
        reader, owed = self._reader, self._owed
        try:
            reader.feed(data)
            while (said := reader.gets()) is not _MORE:
                ask = owed.popleft()
                if said.__class__ is Refusal:
                    self._heard(ask, said)
                elif not ask.answer.done():
                    ask.answer.set_result(said)
        except (ProtocolError, IndexError):
            self.drop("answers make no sense")
            return
        if self._is_told:
            self._leave_if_free()

    def connection_lost(self, exc: Exception | None) -> None:
        self.drop(_reason(exc) if exc is not None else "connection closed", Cut if self.is_ready else Unavailable)

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False

    def _heard(self, ask: Ask, refusal: Refusal) -> None:
        if self.is_ready:
            self._refused(self, ask, refusal)
        else:
            ask.fail(unavailable(refusal))

    def _put(self, asks: Iterable[Ask]) -> None:
        now_s = self._loop.time()
        if not self._out:
            # Whatever is asked in this turn of the loop travels together.
            self._loop.call_soon(self._flush)
        for ask in asks:
            ask.sent_s = now_s
            self._owed.append(ask)
            self._out.append(ask.packed)
        if self._timer is None:
            self._timer = self._loop.call_later(_LOOK_S, self._look)

    def _flush(self) -> None:
        out, self._out = self._out, []
        if out and self._transport is not None and not self._transport.is_closing():
            self._transport.write(out[0] if len(out) == 1 else b"".join(out))

    def _look(self) -> None:
        """Give up a server that hangs; leave one that is late while nobody waits."""
        self._timer = None
        if not self._owed:
            return
        late_s = self._loop.time() - self._owed[0].sent_s
        if late_s > HUNG_S:
            self.drop("server hangs")
            return
        self._timer = self._loop.call_later(_LOOK_S, self._look)
        if late_s > LATE_S and self._owed[0].answer.done():
            self.retire()

    def _leave_if_free(self) -> None:
        if self.is_ready and (not self._owed or self.is_forsaken()):
            self.drop("")


def _reason(err: BaseException) -> str:
    """Name what broke, without addresses or anything that was sent."""
    if isinstance(err, Unavailable):
        return str(err)
    if isinstance(err, ssl.SSLError):
        said = getattr(err, "verify_message", None) or err.reason
        return f"TLS: {said}" if said else "TLS failed"
    if isinstance(err, socket.gaierror):
        return "host not found"
    if isinstance(err, TimeoutError):
        return "no connection in time"
    number = getattr(err, "errno", None)
    return os.strerror(number) if number else type(err).__name__
