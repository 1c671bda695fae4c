"""The disk of acts that wait: segments as the spool writes them, in a folder of this process, and what lies in each.

A file is known by how many acts of each kind it holds and not by the acts themselves: a day and a half of an outage are
thirteen million. It goes when all of it came back and a second look, some time later, found nothing left.
"""

from __future__ import annotations

import asyncio
import mmap
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import structlog

from gateway.store.errors import Unavailable
from gateway.store.park import slip
from gateway.store.park.slip import Slip, Stowed
from gateway.store.spool import folders, segment
from gateway.store.spool.pen import Pen
from gateway.store.spool.segment import Entry

T = TypeVar("T")
log = structlog.get_logger()

FOLDER: Final = "backlog"
# The spool leaves 256 MiB of the disk free: it is the last shelter of what is not yet acknowledged, and stops later.
FLOOR_BYTES: Final = 1 << 30


class Kind(NamedTuple):
    """Acts of a file that come back together: their rank, and where they are bound."""

    rank: int
    places: tuple[str, ...]


@dataclass(slots=True)
class Heap:
    """How many acts of one kind a file holds, and the second at which the first of them expires."""

    count: int
    due_s: int


@dataclass(slots=True, eq=False)
class File:
    """One segment. `emptied_s`: loop time since when nothing is known to lie in it; None while something does."""

    path: Path
    bytes: int = 0
    heaps: dict[Kind, Heap] = field(default_factory=dict)
    is_open: bool = False
    emptied_s: float | None = None

    def add(self, slips: Iterable[Slip]) -> None:
        for told in slips:
            heap = self.heaps.setdefault(Kind(told.rank, told.places), Heap(0, told.due_s))
            heap.count += 1
            heap.due_s = min(heap.due_s, told.due_s)


@dataclass(frozen=True, slots=True)
class Opened:
    """What a file told: its slips, and its records by act and mark; of a damaged one there is a slip alone.

    `strays`: slips made of the records whose own were damaged; how soon they expire is guessed. `epoch`: of the store
    that they left, empty where nobody knows.
    """

    epoch: str

    slips: tuple[Slip, ...]
    strays: tuple[Slip, ...]
    records: dict[tuple[str, str], list[Any]]


class Shelf:
    """Keeps acts on disk. `root` is shared by all processes of a machine, each in a folder of its own."""

    def __init__(self, root: Path, *, floor_bytes: int = FLOOR_BYTES) -> None:
        self._root = root
        self._pen = Pen(root, floor_bytes=floor_bytes)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="backlog")
        self._files: dict[Path, File] = {}
        self._adopted: dict[Path, int] = {}
        self._epoch = ""

    async def put(self, batch: Sequence[Stowed], epoch: str = "") -> File:
        """Write acts down; when this returns they survive a power cut. None of them counts until `File.add`.

        Errors: Unavailable when the disk has no room or fails.
        """
        if epoch != self._epoch:  # a file is of one store
            await self._do(self._pen.finish)
            self._epoch = epoch
        try:
            told = await self._do(lambda: self._pen.write(slip.written(batch, epoch)))
        except OSError as err:
            raise Unavailable(f"backlog: {os.strerror(err.errno or 0)}") from err
        file = self._files.get(told.path)
        if file is None:
            for other in self._files.values():
                other.is_open = False
            file = self._files[told.path] = File(told.path, is_open=True)
        file.bytes = told.bytes
        return file

    async def open(self, file: File) -> Opened:
        """Read a file back. Errors: Unavailable when it cannot be read at all; it stays for a person."""
        try:
            reading = await self._do(lambda: segment.read(file.path.read_bytes()))
        except (OSError, segment.UnknownVersion) as err:
            log.error("backlog.unreadable", file=_named(file), reason=type(err).__name__, bytes=file.bytes)
            self._files.pop(file.path, None)
            raise Unavailable("backlog: unreadable") from err
        if reading.damaged:
            log.error("backlog.damaged", file=_named(file), places=reading.damaged)
        return await self._do(lambda: _opened(reading.entries))

    def files(self) -> list[File]:
        """Return all files, the oldest first."""
        return sorted(self._files.values(), key=lambda file: file.path.name)

    def next_kind(self, has_room: frozenset[str]) -> Kind | None:
        """Return what should come back first among what is bound for one of these destinations."""
        kinds = (kind for file in self._files.values() for kind in file.heaps)
        return min(
            (kind for kind in kinds if any(place.partition(":")[0] in has_room for place in kind.places)), default=None
        )

    @property
    def name(self) -> str:
        """Name this process's disk among others: its folder, once there is one."""
        return self._pen.folder.name if self._pen.folder else "adopted"

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self._files.values())

    @property
    def acts(self) -> int:
        return sum(heap.count for file in self._files.values() for heap in file.heaps.values())

    def first_due_s(self) -> dict[str, int]:
        """Tell by destination the second at which the first of what lies here expires."""
        due: dict[str, int] = {}
        for file in self._files.values():
            for kind, heap in file.heaps.items():
                for destination in {place.partition(":")[0] for place in kind.places}:
                    due[destination] = min(due.get(destination, heap.due_s), heap.due_s)
        return due

    # ---- ends

    async def drop(self, file: File) -> None:
        """Remove a file of which nothing is left."""
        if file.is_open:
            await self._do(self._pen.finish)
            file.is_open = False
        self._files.pop(file.path, None)
        await self._do(lambda: file.path.unlink(missing_ok=True))
        folder = file.path.parent
        if folder in self._adopted and folders.remove(folder):
            os.close(self._adopted.pop(folder))

    async def adopt(self) -> list[File]:
        """Take over what dead processes left here. Nothing of it counts until `File.add`."""
        taken = []
        for folder, lock in await self._do(lambda: list(folders.orphans(self._root))):
            self._adopted[folder] = lock
            for path in folders.segments(folder):
                file = self._files[path] = File(path, path.stat().st_size)
                taken.append(file)
            log.info("backlog.adopted", folder=folder.name, segments=len(folders.segments(folder)))
        return taken

    async def close(self) -> None:
        """Leave what lies here to the next start."""
        await self._do(self._pen.leave)
        for lock in self._adopted.values():
            os.close(lock)
        self._adopted.clear()
        self._files.clear()
        self._thread.shutdown(wait=False)

    async def _do(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _opened(entries: Sequence[Entry]) -> Opened:
    batches, records = list(slip.slips(entries)), slip.records(entries)
    slips = tuple(told for _, batch in batches for told in batch)
    known = {(told.act, told.mark) for told in slips}
    strays = (slip.stowed(*key, told, {}).slip for key, told in records.items() if key not in known)
    return Opened(batches[0][0] if batches else "", slips, tuple(strays), records)


def find(root: Path, act: str) -> Iterator[tuple[str, list[Any]]]:
    """Look for an act in every file below `root`, whoever holds it; yields its marks and records. Blocking."""
    wanted = bytes.fromhex(act)
    for path in sorted(root.glob(f"*/*{folders.SUFFIX}")):
        with suppress(OSError, ValueError, segment.UnknownVersion), path.open("rb") as file:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                if data.find(wanted) < 0:
                    continue
                entries = segment.read(data[:]).entries
            records = slip.records(entry for entry in entries if entry.copy_id == act)
            yield from ((mark, told) for (_, mark), told in records.items())


def _named(file: File) -> str:
    return f"{file.path.parent.name}/{file.path.name}"
