"""What is kept of vendors' scripts: in this process's memory, bounded, and asked for again behind the visitors' backs.

A visitor waits only where there is nothing to give. A vendor is asked once at a time for each script, however many
want it, and is left alone for a while after it failed.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from enum import StrEnum
from math import ceil
from typing import Final, NamedTuple, Protocol

import msgspec
import structlog
from yarl import URL

from gateway.web.upstream import Failed, Script

log = structlog.get_logger()

# What a vendor says of its script's age counts within these bounds: a fix arrives within a day, whatever it says, and
# a script that should not be kept at all is asked for once a minute, not once a visitor.
MIN_FRESH_S: Final = 60
MAX_FRESH_S: Final = 86_400
USUAL_FRESH_S: Final = 300
"""Where the vendor says nothing."""
USABLE_S: Final = 7 * 86_400
"""How long after the vendor last confirmed it an old script is better than none."""
AGAIN_S: Final = 10
"""How long a vendor that failed is left alone, by everybody."""

MOST_BYTES: Final = 64 * 1024 * 1024
MOST_KEPT: Final = 1_000
# Whoever waits holds a connection; a vendor that hangs may hold so many of ours.
MOST_WAITING: Final = 1_000


class How(StrEnum):
    """What a request for a script was answered with."""

    FRESH = "fresh"
    STALE = "stale"
    FETCHED = "fetched"
    REFUSED = "refused"
    FAILED = "failed"
    LATE = "late"


class Wanted(NamedTuple):
    """One script. `site` and `route` are who asked, for the log; the rest says which one it is."""

    site: str
    route: str
    upstream: str
    query: tuple[tuple[str, str], ...]

    @property
    def url(self) -> URL:
        url = URL(self.upstream)
        return url.with_query(self.query) if self.query else url


class Served(NamedTuple):
    """`fresh_s`: for how long the script counts as new; 0 for a stale one."""

    script: Script
    how: How
    fresh_s: int


class Vendors(Protocol):
    """Who is asked."""

    async def fetch(self, url: URL, known: Script | None = None) -> Script | Failed: ...

    async def close(self) -> None: ...


class _Kept(msgspec.Struct, eq=False):
    """What is known of one script. All times as `now_s` tells them."""

    script: Script | None = None
    fresh_until_s: float = 0.0
    usable_until_s: float = 0.0
    again_at_s: float = 0.0
    failed: Failed | None = None
    fetching: asyncio.Task[None] | None = None

    @property
    def bytes(self) -> int:
        return 0 if self.script is None else len(self.script.plain) + len(self.script.packed)

    def take(self, script: Script, now_s: float) -> None:
        """Take a script as the newest, from now on."""
        told_s = USUAL_FRESH_S if script.fresh_s is None else script.fresh_s
        self.script, self.failed = script, None
        self.fresh_until_s = now_s + min(max(told_s, MIN_FRESH_S), MAX_FRESH_S)
        self.usable_until_s = now_s + USABLE_S


class Scripts:
    """Gives scripts. `now_s` is a clock that never goes back."""

    def __init__(
        self,
        vendors: Vendors,
        *,
        now_s: Callable[[], float],
        most_bytes: int = MOST_BYTES,
        most_kept: int = MOST_KEPT,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._vendors = vendors
        self._now_s = now_s
        self._most_bytes, self._most_kept, self._most_waiting = most_bytes, most_kept, most_waiting
        self._kept: OrderedDict[tuple[str, tuple[tuple[str, str], ...]], _Kept] = OrderedDict()
        self._fetches: set[asyncio.Task[None]] = set()
        self._waiting = 0

    async def get(self, wanted: Wanted) -> Served | Failed:
        """Return the script as it is kept, or wait for the vendor where nothing is."""
        kept, now_s = self._at(wanted), self._now_s()
        if kept.script is not None and now_s >= kept.usable_until_s:
            kept.script = None
        if kept.script is not None:
            if now_s < kept.fresh_until_s:
                return Served(kept.script, How.FRESH, ceil(kept.fresh_until_s - now_s))
            if kept.fetching is None and now_s >= kept.again_at_s:
                kept.fetching = self._begin(wanted, kept)
            return Served(kept.script, How.STALE, 0)
        if kept.failed is not None and now_s < kept.again_at_s and kept.fetching is None:
            return kept.failed
        return await self._wait(wanted, kept)

    def forget(self, is_wanted: Callable[[str, tuple[tuple[str, str], ...]], bool]) -> None:
        """Drop what nobody can ask for any more: `is_wanted(upstream, query)`."""
        for key in [key for key in self._kept if not is_wanted(*key)]:
            del self._kept[key]

    async def close(self) -> None:
        """End what is under way."""
        fetches = list(self._fetches)
        for fetch in fetches:
            fetch.cancel()
        await asyncio.gather(*fetches, return_exceptions=True)
        await self._vendors.close()

    def _at(self, wanted: Wanted) -> _Kept:
        key = (wanted.upstream, wanted.query)
        kept = self._kept.get(key)
        if kept is None:
            kept = self._kept[key] = _Kept()
            self._make_room()
        else:
            self._kept.move_to_end(key)
        return kept

    async def _wait(self, wanted: Wanted, kept: _Kept) -> Served | Failed:
        if self._waiting >= self._most_waiting:
            return Failed("too_many", is_late=True)
        if kept.fetching is None:
            kept.fetching = self._begin(wanted, kept)
        self._waiting += 1
        try:
            # Shielded: others wait for the same answer.
            await asyncio.shield(kept.fetching)
        finally:
            self._waiting -= 1
        if kept.script is None:
            assert kept.failed is not None
            return kept.failed
        return Served(kept.script, How.FETCHED, max(0, ceil(kept.fresh_until_s - self._now_s())))

    def _begin(self, wanted: Wanted, kept: _Kept) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(self._fetch(wanted, kept), name=f"script:{wanted.route}")
        self._fetches.add(task)
        task.add_done_callback(self._fetches.discard)
        return task

    async def _fetch(self, wanted: Wanted, kept: _Kept) -> None:
        known, before = kept.script, kept.failed
        try:
            told = await self._vendors.fetch(wanted.url, known)
        except Exception as error:  # noqa: BLE001 - whatever an answer breaks in us, the page goes on
            told = Failed(type(error).__name__)
        finally:
            kept.fetching = None
        now_s = self._now_s()
        told_of = {"site": wanted.site, "route": wanted.route, "host": wanted.url.host}
        if isinstance(told, Failed):
            kept.failed, kept.again_at_s = told, now_s + AGAIN_S
            if told != before:
                log.warning("proxy.failed", **told_of, reason=told.reason, stale=known is not None)
            return
        kept.take(told, now_s)
        if before is not None:
            log.info("proxy.recovered", **told_of)
        self._make_room()

    def _make_room(self) -> None:
        """Let go of the scripts that were not asked for the longest, but of none that somebody may wait for."""
        held = sum(kept.bytes for kept in self._kept.values())
        for key in list(self._kept)[:-1]:  # the last one is being asked for now
            if held <= self._most_bytes and len(self._kept) <= self._most_kept:
                return
            if self._kept[key].fetching is None:
                held -= self._kept.pop(key).bytes
