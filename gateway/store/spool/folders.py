"""The folders of a spool: one a process, locked while it lives, so that what a dead one left can be adopted.

The lock is on the folder itself and the kernel lets go of it with the process, however that ended.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

SUFFIX: Final = ".seg"
# Beside a segment of which Redis had every copy: which server it was. Absent means: offer it again.
HELD: Final = ".held"


def make(root: Path, name: str) -> tuple[Path, int]:
    """Make and lock our own folder; returns it and the descriptor that holds the lock. Errors: OSError."""
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Nobody adopts what begins with a dot, so nobody can take the folder before it is locked.
    unborn, folder = root / f".{name}", root / name
    unborn.mkdir(mode=0o700)
    lock = _locked(unborn)
    assert lock is not None
    unborn.rename(folder)
    for place in (root, root.parent):
        sync(place)
    return folder, lock


def orphans(root: Path) -> Iterator[tuple[Path, int]]:
    """Lock each folder that nobody holds, and yield it with its lock. An empty one is removed."""
    try:
        folders = sorted(place for place in root.iterdir() if place.is_dir() and not place.name.startswith("."))
    except OSError:
        return
    for folder in folders:
        try:
            lock = _locked(folder)
        except OSError:
            continue
        if lock is None:
            continue
        if remove(folder):
            os.close(lock)
        else:
            yield folder, lock


def segments(folder: Path) -> list[Path]:
    """List the segments of a folder, the oldest first."""
    return sorted(folder.glob(f"*{SUFFIX}"))


def remove(folder: Path) -> bool:
    """Remove a folder when nothing is left in it; says whether it is gone."""
    with suppress(OSError):
        folder.rmdir()
    return not folder.exists()


def sync(folder: Path) -> None:
    """Make the names in a folder durable: a synced file is lost with its name."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _locked(folder: Path) -> int | None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
