"""Does Redis answer, and is it still the one that took our copies?

While it is away nobody waits for it: the door spools at once, and one question every half second, asked here and by no
visitor, finds out when it is back. Another server, a restarted one or an emptied one answers under another identity.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from math import inf
from typing import Final

import structlog

from gateway.store.database import Database
from gateway.store.errors import Unavailable

log = structlog.get_logger()

# Half a second is short against every hold, and two questions a second harm no server that is getting up.
SKIP_S: Final = 0.5
# A server that answers questions and refuses writes (memory full, say) is asked less and less often.
_MAX_SKIP_S: Final = 5.0
_STAYED_S: Final = 2.0
# A server that only lost our connections is asked at once; one that goes on losing them, ten times a second.
_MOMENT_S: Final = 0.5
_CUT_SKIP_S: Final = 0.1
# How soon a changed server is noticed. A journal's segment lives longer than two of these.
LOOK_S: Final = 2.0


class Pulse:
    """Watches one Redis. Away until it was opened. `changed` is called when what answers is no longer what answered."""

    def __init__(self, database: Database, *, changed: Callable[[], None]) -> None:
        self._database = database
        self._changed = changed
        self._hurry = asyncio.Event()
        self._answered = asyncio.Event()
        self._skip_s = SKIP_S
        self._first_skip_s = 0.0
        self._is_told = False
        self.is_away = True
        self.reason = ""
        self.server: str | None = None
        # Loop time: when it came back, and when the last question began that it answered. Never: far in the past.
        self.back_s = -inf
        self.looked_s = -inf

    def failed(self, reason: str, *, is_cut: bool = False) -> None:
        """Tell that Redis did not take a copy: from now on it is skipped.

        `is_cut`: only a connection broke, so Redis is asked at once, unless it came back a moment ago.
        """
        self.reason = reason
        if not self.is_away:
            self.is_away = True
            stayed_s = asyncio.get_running_loop().time() - self.back_s
            if is_cut:
                self._skip_s, self._first_skip_s = SKIP_S, 0.0 if stayed_s > _MOMENT_S else _CUT_SKIP_S
            else:
                self._skip_s = SKIP_S if stayed_s > _STAYED_S else min(self._skip_s * 2, _MAX_SKIP_S)
                self._first_skip_s = self._skip_s
            self._hurry.set()
        if not self._is_told:
            self._is_told = True
            log.warning("store.away", reason=reason, skip_s=self._first_skip_s)

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            try:
                await self._look()
            except Exception:
                log.exception("store.misunderstood")
                self.failed("misunderstood")
            if self.is_away:
                await asyncio.sleep(self._skip_s)
            else:
                await self._calm()

    async def opened(self, within_s: float) -> bool:
        """Wait until Redis answered for the first time; says whether it did."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._answered.wait()
        return self._answered.is_set()

    async def _calm(self) -> None:
        """Wait until the next look, or for the length of a skip when a visitor finds Redis away."""
        self._hurry.clear()
        try:
            async with asyncio.timeout(LOOK_S):
                await self._hurry.wait()
        except TimeoutError:
            return
        await asyncio.sleep(self._first_skip_s)

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        try:
            if self.is_away:
                await self._database.reconnect()
            server = await self._database.identity()
            if server != self.server:
                await self._database.open()
        except Unavailable as err:
            self.failed(str(err))
            return
        except ValueError as err:
            log.error("store.refused", reason=str(err))
            self.is_away, self._skip_s = True, _MAX_SKIP_S
            return
        before, self.server = self.server, server
        if before not in (None, server):
            log.warning("store.changed", was=before, now=server)
            self._changed()
        self.looked_s = began_s
        if self.is_away:
            self.is_away = self._is_told = False
            self.back_s = loop.time()
            self._answered.set()
            log.info("store.back")
