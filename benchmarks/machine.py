"""The machine under the benchmark: its cores, and what a process tree has used of them."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_TICK_S: Final = 1 / os.sysconf("SC_CLK_TCK")
_END_S: Final = 10.0

CORES: Final = tuple(sorted(os.sched_getaffinity(0)))
SERVER_CORE: Final = CORES[0]
LOAD_CORE: Final = CORES[-1]
"""The load and the store; the same as the server's on a machine with one core, which the report says."""


@contextmanager
def running(
    command: Sequence[str], *, core: int, log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a program on one core, in a session of its own; it and its children end with the block."""

    def pin() -> None:
        os.sched_setaffinity(0, {core})

    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
            preexec_fn=pin,  # noqa: PLW1509 - one thread, and nothing but a system call
        )
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end, and its whole session when it does not listen. The session is ours: nobody else is in it."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(_END_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def tree(pid: int) -> list[int]:
    """Name a process and all that it has started."""
    found = [pid]
    for parent in found:
        try:
            for task in Path(f"/proc/{parent}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
        except OSError:  # it has just ended
            continue
    return found


def cpu_s(pid: int) -> float:
    """Return the seconds of CPU that a process tree has used, user and kernel together."""
    return sum(map(own_cpu_s, tree(pid)))


def own_cpu_s(pid: int) -> float:
    """Return the same of one process, without what it has started."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) * _TICK_S


def listeners(port: int) -> int:
    """Return how many sockets listen on a port of loopback: processes may share one."""
    ends = f":{port:04X}"
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(1 for line in lines if line[1].endswith(ends) and line[3] == "0A")


def memory_mb(pid: int) -> float:
    """Return the resident memory of a process tree."""
    pages = 0
    for each in tree(pid):
        try:
            pages += int(Path(f"/proc/{each}/statm").read_text().split()[1])
        except OSError:
            continue
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def wait_for(holds: Callable[[], bool], within_s: float, what: str) -> None:
    """Look again until something holds; raises TimeoutError with its name."""
    import select
    import time

    end = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not come within {within_s:.0f} s")
        select.select([], [], [], 0.02)
