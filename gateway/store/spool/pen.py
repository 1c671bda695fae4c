"""The hand that writes segments: plain blocking files, used by one thread at a time.

What `write` returns for is on disk, its name included. After an error the file is cut back to what was, closed and
never written again: a kernel that failed to sync once may call the same pages clean the next time.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from errno import ENOSPC
from pathlib import Path
from typing import Final, NamedTuple
from uuid import uuid4

from gateway.store.spool import folders, segment
from gateway.store.spool.segment import Entry

# Small enough to be read back whole (8 MiB are about 8,000 copies), large enough that files are few.
SEGMENT_BYTES: Final = 8 << 20
# macOS has no fdatasync; fsync writes the times as well, which nobody needs.
_sync = getattr(os, "fdatasync", os.fsync)


class Written(NamedTuple):
    """Where a batch lies now, how long that file has become, and when it was begun (ns since 1970)."""

    path: Path
    bytes: int
    begun_ns: int


class Pen:
    """Writes below `root` in a folder of its own, which is made with the first record. Errors: OSError."""

    def __init__(self, root: Path, *, floor_bytes: int) -> None:
        self._root = root
        self._floor_bytes = floor_bytes
        self._folder: Path | None = None
        self._lock: int | None = None
        self._file: int | None = None
        self._path = root
        self._salt = b""
        self._bytes = 0
        self._begun_ns = 0
        self._number = 0
        self._sequence = 0

    @property
    def folder(self) -> Path | None:
        return self._folder

    def write(self, entries: Sequence[Entry]) -> Written:
        """Put entries down; when this returns they survive a power cut."""
        needed = segment.size(entries)
        folder = self._own_folder()
        if free_bytes(folder) - needed < self._floor_bytes:
            raise OSError(ENOSPC, "below the floor of free space")
        if self._file is not None and self._bytes + needed > SEGMENT_BYTES:
            self.finish()
        is_new = self._file is None
        try:
            file = self._begin(folder) if self._file is None else self._file
            data = segment.records(entries, self._salt, self._sequence)
            _write_all(file, segment.head(self._salt) + data if is_new else data)
            _sync(file)
            if is_new:
                folders.sync(folder)
        except OSError:
            self._give_up()
            raise
        self._bytes += len(data) + (segment.HEAD_BYTES if is_new else 0)
        self._sequence += len(entries)
        return Written(self._path, self._bytes, self._begun_ns)

    def finish(self) -> None:
        """Close the file; the next batch begins another."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def leave(self) -> None:
        """Close everything and let go of the folder, which is removed when it is empty."""
        self.finish()
        if self._folder is not None:
            folders.remove(self._folder)
            self._folder = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _own_folder(self) -> Path:
        if self._folder is None or not self._folder.exists():
            self.leave()
            self._folder, self._lock = folders.make(self._root, str(uuid4()))
        return self._folder

    def _begin(self, folder: Path) -> int:
        self._number += 1
        self._path = folder / f"{self._number:08d}{folders.SUFFIX}"
        self._salt = os.urandom(segment.SALT_BYTES)
        self._bytes = 0
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self._begun_ns = os.fstat(self._file).st_mtime_ns
        return self._file

    def _give_up(self) -> None:
        file, self._file = self._file, None
        if file is None:
            return
        # Nobody was told that what is cut off was kept; where cutting fails, reading stops at the torn record.
        with suppress(OSError):
            os.ftruncate(file, self._bytes)
        os.close(file)
        if self._bytes == 0:
            with suppress(OSError):
                self._path.unlink()


def free_bytes(place: Path) -> int:
    """Return how much of the file system that holds this place is free for us."""
    told = os.statvfs(place)
    return told.f_bavail * told.f_frsize


def _write_all(file: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file, rest) :]
