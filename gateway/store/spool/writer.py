"""The spool of one process: takes copies in groups, and knows which of its segments Redis still owes an answer for.

Everything here runs on the loop; the pen writes in one thread of its own. A copy counts as owed until somebody says
that Redis has it, so whatever gets lost between a crash, a deadline and a cancelled request is offered again.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from errno import ENOSPC
from math import inf
from pathlib import Path
from typing import Final

import structlog

from gateway.store.batcher import Batcher
from gateway.store.errors import Unavailable
from gateway.store.spool import folders, segment
from gateway.store.spool.pen import Pen, Written, free_bytes
from gateway.store.spool.segment import Entry

log = structlog.get_logger()

# At about 1 kB a copy: two hours of 300 hits a second. Enough for a Redis to be replaced by hand.
MAX_BYTES: Final = 2 << 30
# What the append-only file of an embedded Redis needs to rewrite itself, and logs need to tell of the trouble.
FLOOR_BYTES: Final = 256 << 20
# A group's sync takes as long as it takes; what came meanwhile is the next group. More would only wait for less.
_GROUP: Final = 512
# A browser waits for this. A disk that needs longer is no shelter.
_DEADLINE_S: Final = 2.0
# What may wait for a disk that hangs, before later copies are refused at once.
_WAITING_BYTES: Final = 32 << 20
# After an error that is not "full": how long the spool counts as unable, until a copy tries it again.
_DOUBT_S: Final = 5.0
# The last of the room is for what is worth more: from this share of it on, and below so many times the floor of free
# space, nothing of worth 0 (page views and the like) or 1 (what is worth merging) is taken. Orders get all of it.
_SHARES: Final = (0.8, 0.9)
_FLOORS: Final = (2.0, 1.5)


@dataclass(slots=True, eq=False)
class Segment:
    """One file. `settled` of its `records` are in Redis; the rest is owed.

    `records` of a segment that a dead process left is 1 until it was read. `server`: who was said to have had all.
    `offered`: how many were offered again so far; `parked`: how often some of them could not be taken. Loop time:
    `begun_s` and `since_s`, the first and the last record; `held_s`, since when nothing is owed; `retry_s`, not to be
    offered before.
    """

    path: Path
    bytes: int
    begun_ns: int
    records: int = 0
    settled: int = 0
    is_open: bool = False
    begun_s: float = -inf
    since_s: float = -inf
    server: str | None = None
    held_s: float | None = None
    retry_s: float = -inf
    offered: int = 0
    parked: int = 0
    turn: int = 0

    @property
    def is_owed(self) -> bool:
        return self.settled < self.records

    def settle(self, turn: int) -> None:
        """Count one copy as taken by Redis, unless all of them were renounced since `turn`."""
        if turn == self.turn:
            self.settled += 1

    def renounce(self) -> None:
        """Owe everything again: the Redis that had it is not the one that answers now."""
        self.settled = self.offered = self.parked = 0
        self.held_s, self.retry_s = None, -inf
        self.turn += 1


class Spool:
    """Keeps copies on disk until Redis has them. `root` is shared by all processes, each in a folder of its own."""

    def __init__(self, root: Path, *, max_bytes: int = MAX_BYTES, floor_bytes: int = FLOOR_BYTES) -> None:
        self._root = root
        self._max_bytes = max_bytes
        self._floor_bytes = floor_bytes
        self._pen = Pen(root, floor_bytes=floor_bytes)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._groups: Batcher[Entry, Segment] = Batcher(self._write, most=_GROUP, in_flight=1)
        self._segments: dict[Path, Segment] = {}
        self._adopted: dict[Path, int] = {}
        self._waiting_bytes = 0
        self._refusing: str | None = None
        self._doubted_s = 0.0
        self._free_bytes = inf
        self._is_shedding = False
        self.shed: Callable[[int], None] = lambda worth: None

    # ---- taking

    async def append(self, copy_id: str, sealed: bytes, *, worth: int = 2) -> Segment:
        """Sync a copy to disk; returns its segment, whose `settled` grows when Redis has the copy.

        `worth` as in `store/course.py`. What is refused for it is told to `shed`.
        Errors: Unavailable when the disk is full, failing or too slow; the copy may then be there or not.
        """
        if self.sheds(worth):
            self.shed(worth)
            if not self._is_shedding:
                self._is_shedding = True
                log.error("spool.sheds", worth=worth, bytes=self.bytes)
            raise Unavailable("spool: shed")
        if self._waiting_bytes + len(sealed) > _WAITING_BYTES:
            raise self._refused("slow")
        self._waiting_bytes += len(sealed)
        try:
            async with asyncio.timeout(_DEADLINE_S):
                return await self._groups.submit(Entry(copy_id, sealed))
        except TimeoutError as err:
            raise self._refused("slow") from err
        finally:
            self._waiting_bytes -= len(sealed)

    async def _write(self, entries: Sequence[Entry]) -> list[Segment]:
        if self.bytes + segment.size(entries) > self._max_bytes:
            raise self._refused("full")
        loop = asyncio.get_running_loop()
        try:
            written = await loop.run_in_executor(self._thread, self._pen.write, entries)
            self._free_bytes = await loop.run_in_executor(self._thread, free_bytes, self._root)
        except OSError as err:
            raise self._refused("full" if err.errno == ENOSPC else os.strerror(err.errno or 0)) from err
        if self._refusing is not None:
            log.info("spool.recovered", after=self._refusing)
            self._refusing = None
        place = self._opened(written)
        place.bytes = written.bytes
        place.records += len(entries)
        place.since_s = self._now_s()
        self._is_shedding = self._is_shedding and self.sheds(0)
        return [place] * len(entries)

    def _opened(self, written: Written) -> Segment:
        place = self._segments.get(written.path)
        if place is None:
            for other in self._segments.values():
                other.is_open = False
            if not self._segments:
                log.info("spool.opened", folder=written.path.parent.name)
            place = Segment(written.path, written.bytes, written.begun_ns, is_open=True, begun_s=self._now_s())
            self._segments[written.path] = place
        return place

    def _refused(self, reason: str) -> Unavailable:
        if self._refusing != reason:
            log.error("spool.full" if reason == "full" else "spool.failed", reason=reason, bytes=self.bytes)
        self._refusing = reason
        self._doubted_s = self._now_s()
        return Unavailable(f"spool: {reason}")

    def sheds(self, worth: int) -> bool:
        """Say whether the room that is left is kept for what is worth more."""
        if worth >= len(_SHARES):
            return False
        is_short = self._free_bytes < self._floor_bytes * _FLOORS[worth]
        return is_short or self.bytes > self._max_bytes * _SHARES[worth]

    def can_take(self) -> bool:
        """Say whether a copy would find room now; asks the file system."""
        if self.bytes >= self._max_bytes:
            return False
        if self._refusing is not None and self._now_s() - self._doubted_s < _DOUBT_S:
            return False
        place = self._root
        while not place.exists() and place != place.parent:
            place = place.parent
        try:
            return os.access(place, os.W_OK) and free_bytes(place) > self._floor_bytes
        except OSError:
            return False

    @staticmethod
    def _now_s() -> float:
        return asyncio.get_running_loop().time()

    # ---- what is there

    @property
    def bytes(self) -> int:
        return sum(place.bytes for place in self._segments.values())

    @property
    def owed(self) -> int:
        """Count the copies that Redis is not known to have."""
        return sum(max(0, place.records - place.settled) for place in self._segments.values())

    def segments(self) -> list[Segment]:
        """Return all segments, the oldest first."""
        return sorted(self._segments.values(), key=lambda place: (place.begun_ns, place.path))

    async def roll(self) -> None:
        """Close the open segment, so that it can be read, or dropped, as a whole."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._pen.finish)
        for place in self._segments.values():
            place.is_open = False

    async def drop(self, place: Segment) -> None:
        """Remove a segment of which Redis has everything."""
        self._segments.pop(place.path, None)
        await asyncio.get_running_loop().run_in_executor(self._thread, _unlink, place.path)
        self._leave_adopted(place.path.parent)

    def set_aside(self, place: Segment) -> None:
        """Leave a segment that nobody here can read to a person; its file stays."""
        self._segments.pop(place.path, None)

    def renounce(self) -> None:
        """Owe everything again, because another Redis answers."""
        for place in self._segments.values():
            place.renounce()

    # ---- other processes' folders, and our own at the end

    async def adopt(self) -> int:
        """Take over what dead processes left; returns how many segments that were."""
        found = await asyncio.get_running_loop().run_in_executor(self._thread, lambda: list(_found(self._root)))
        count = 0
        for folder, lock, places in found:
            self._adopted[folder] = lock
            self._segments.update({place.path: place for place in places})
            count += len(places)
            log.info("spool.adopted", folder=folder.name, segments=len(places), bytes=sum(p.bytes for p in places))
            self._leave_adopted(folder)
        return count

    def _leave_adopted(self, folder: Path) -> None:
        if folder in self._adopted and folders.remove(folder):
            os.close(self._adopted.pop(folder))

    async def close(self, server: str | None) -> None:
        """Leave what is owed to the next start, and note which server had the rest (None: nobody is known to).

        Without the note a start after a long pause could not tell a settled copy from a lost one.
        """
        await self.roll()
        for place in self._segments.values():
            if server is not None and not place.is_owed:
                with suppress(OSError):
                    place.path.with_suffix(folders.HELD).write_text(server)
        if self.owed:
            log.info("spool.kept", copies=self.owed, bytes=self.bytes)
        await asyncio.get_running_loop().run_in_executor(self._thread, self._pen.leave)
        for lock in self._adopted.values():
            os.close(lock)
        self._adopted.clear()
        self._segments.clear()
        self._thread.shutdown(wait=False)


def _found(root: Path) -> Iterator[tuple[Path, int, list[Segment]]]:
    for folder, lock in folders.orphans(root):
        yield folder, lock, [_left(path) for path in folders.segments(folder)]


def _unlink(path: Path) -> None:
    for name in (path, path.with_suffix(folders.HELD)):
        with suppress(OSError):
            name.unlink()


def _left(path: Path) -> Segment:
    told = path.stat()
    try:
        server = path.with_suffix(folders.HELD).read_text()
    except OSError:
        server = None
    return Segment(path, told.st_size, told.st_mtime_ns, records=1, server=server)
