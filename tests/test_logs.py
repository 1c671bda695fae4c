"""The log: a line that cannot be written is missed, and nothing else is."""

from __future__ import annotations

import io
import json
from typing import Any

from gateway.logs import _Lines


class Disk(io.RawIOBase):
    """Takes what is written to it, or nothing while it is full."""

    def __init__(self) -> None:
        self.is_full = False
        self.held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        if self.is_full:
            raise OSError(28, "No space left on device")
        self.held += data
        return len(data)

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.held.splitlines()]


def line(number: int) -> bytes:
    return json.dumps({"event": "said", "number": number, "text": "x" * 100}).encode()


def test_a_full_disk_stops_nobody_and_how_many_lines_are_missing_is_told_afterwards() -> None:
    disk = Disk()
    lines = _Lines(io.BufferedWriter(disk, 1024))  # type: ignore[type-var]
    lines.info(line(0))

    disk.is_full = True
    for number in range(1, 101):
        lines.error(line(number))
    disk.is_full = False
    lines.info(line(101))

    told = disk.lines()
    heard = [row["number"] for row in told if row["event"] == "said"]
    (lost,) = [row["lines"] for row in told if row["event"] == "log.lost"]
    assert heard[0] == 0
    assert heard[-1] == 101
    assert heard == sorted(heard)
    assert len(heard) + lost == 102


def test_a_log_that_was_closed_stops_nobody() -> None:
    out = io.BytesIO()
    lines = _Lines(out)
    out.close()

    lines.info(line(0))
