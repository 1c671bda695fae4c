"""`./dev fuzz`: a million bad requests to a gateway of its own, and what became of it.

Prints one line of JSON; ends with 1 when anything was answered by a 5xx, a traceback or an error was logged, an honest
request was not answered, or memory grew by 50 MB. Loopback only; everything that it starts ends with it.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

from tests.fixtures.gateway import free_port
from tests.hostile.mutants import API_KEY, REQUEST_KEY, Mutant, Mutants

REQUESTS: Final = 1_000_000
MAX_GROWTH_MB: Final = 50
_STRUCTURED_SHARE: Final = 0.1
_CONNECTIONS: Final = 64
# As many travel together at most; a browser's pipeline would be shorter.
_TOGETHER: Final = 32
# Memory is what it will be after so many of the requests: caches are full, and growth from there is a leak.
_WARM_SHARE: Final = 0.1
# A request that does not end keeps its connection until the body's deadline; nobody waits here for that.
_UNENDED_S: Final = 0.2
_ANSWER_S: Final = 30.0
_LIMIT_S: Final = 1_800.0
_BETWEEN_PROBES_S: Final = 0.02
_LISTED: Final = 3
_MEMORY: Final = "/dev/shm"
# Three times what a million requests leave, and the 256 MiB that the spool leaves to others.
_ROOM_BYTES: Final = 1 << 30


@dataclass(slots=True)
class Figures:
    """What was seen. `unended`: wild requests that were given up because they did not end."""

    requests: int = 0
    connections: int = 0
    unended: int = 0
    unanswered: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    culprits: list[str] = field(default_factory=list)

    @property
    def failures(self) -> int:
        return sum(often for status, often in self.statuses.items() if status >= 500)


class Client:
    """Sends what it is given over raw sockets, many on one connection, and hears every answer."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self.figures = Figures()

    async def run(self, mutants: Iterator[Mutant]) -> None:
        """Send all of them; those behind one that ended the connection go on another."""
        async with asyncio.TaskGroup() as group:
            for _ in range(_CONNECTIONS):
                group.create_task(self._work(mutants))

    async def _work(self, mutants: Iterator[Mutant]) -> None:
        waiting: list[Mutant] = []
        while True:
            while len(waiting) < _TOGETHER and not (waiting and waiting[-1].is_wild):
                if (mutant := next(mutants, None)) is None:
                    break
                waiting.append(mutant)
            if not waiting:
                return
            heard = await self._send(waiting)
            self.figures.requests += heard
            del waiting[:heard]

    async def _send(self, batch: list[Mutant]) -> int:
        """Send a batch on a connection of its own; returns how many were dealt with, one at least."""
        self.figures.connections += 1
        try:
            reader, writer = await asyncio.open_connection(self._host, self._port)
        except OSError:
            self._note(0, batch[0])
            return 1
        answers = 0
        try:
            writer.write(b"".join(mutant.sent for mutant in batch if not mutant.is_wild))
            while answers < len(batch):
                # By itself: a parser that chokes on a piece of a stream may forget what stood before it in the piece.
                if batch[answers].is_wild:
                    writer.write(batch[answers].sent)
                patience_s = _UNENDED_S if batch[answers].is_wild else _ANSWER_S
                async with asyncio.timeout(patience_s):
                    while (status := await _status(reader)) == 100:
                        pass
                if status is None:  # the connection ended; what it ended on was dealt with without a word
                    self.figures.unanswered += 1
                    return answers + 1 if answers == 0 else answers
                self._note(status, batch[answers])
                answers += 1
        except TimeoutError:
            if batch[answers].is_wild:
                self.figures.unended += 1
            else:
                self._note(0, batch[answers])
            answers += 1
        except ConnectionError:
            answers = max(answers, 1)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
        return answers

    def _note(self, status: int, mutant: Mutant) -> None:
        """Count an answer; 0 is none where there has to be one."""
        self.figures.statuses[status] += 1
        if (status >= 500 or status == 0) and len(self.figures.culprits) < _LISTED:
            self.figures.culprits.append(f"{status}: {mutant.sent[:600]!r}")


async def _status(reader: asyncio.StreamReader) -> int | None:
    """Read one answer to its end; None where there is none any more."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    line, _, lines = head.partition(b"\r\n")
    length = 0
    for one in lines.lower().split(b"\r\n"):
        if one.startswith(b"content-length:"):
            length = int(one[15:])
    if length:
        with suppress(asyncio.IncompleteReadError):
            await reader.readexactly(length)
    return int(line.split(b" ", 2)[1])


class Probe(threading.Thread):
    """An honest visitor with a connection of his own, and what he waits: the loop's lag, with this machine's in it."""

    def __init__(self, port: int, admin_port: int) -> None:
        super().__init__(daemon=True)
        self._ports = {"/i?event=page_view&event_id=honest": port, "/healthz": admin_port}
        self._ended = threading.Event()
        self.waited_ms: dict[str, list[float]] = {path: [] for path in self._ports}
        self.failed = 0

    def run(self) -> None:
        lines = {path: http.client.HTTPConnection("127.0.0.1", at, timeout=30) for path, at in self._ports.items()}
        while not self._ended.wait(_BETWEEN_PROBES_S):
            for path, line in lines.items():
                began = time.perf_counter()
                try:
                    line.request("GET", path)
                    answer = line.getresponse()
                    answer.read()
                    self.failed += answer.status != 200
                except (OSError, http.client.HTTPException):
                    self.failed += 1
                    line.close()
                self.waited_ms[path].append((time.perf_counter() - began) * 1000)
        for line in lines.values():
            line.close()

    def end(self) -> None:
        self._ended.set()
        self.join(40)


@dataclass(slots=True)
class Subject:
    """The gateway process that is tried."""

    process: subprocess.Popen[bytes]
    port: int
    admin_port: int
    log: Path

    @property
    def rss_mb(self) -> float:
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * 4096 / 1e6

    def complaints(self) -> list[str]:
        """Return the tracebacks and errors in its log."""
        with self.log.open(errors="replace") as lines:
            return [line.strip()[:500] for line in lines if "Traceback" in line or '"level":"error"' in line]


@contextmanager
def gateway() -> Iterator[Subject]:
    """Run a gateway with its embedded store in a folder of its own: in memory, where a slow disk is nobody's 503."""
    with tempfile.TemporaryDirectory(prefix="tw-", dir=_roomy(), ignore_cleanup_errors=True) as folder:
        port, admin_port, log = free_port(), free_port(), Path(folder, "gateway.log")
        site = {
            "hosts": ["127.0.0.1"],
            "origins": ["https://shop.example"],
            "api_keys": [API_KEY],
            "request_keys": [REQUEST_KEY.reveal()],
            "consent": {"default": "granted"},
        }
        config = {
            "server": {"listen": f"127.0.0.1:{port}", "admin": f"127.0.0.1:{admin_port}", "drain_s": 0},
            "store": {"data_dir": str(Path(folder, "data"))},
            "sites": {"shop": site},
            "destinations": {},
        }
        path = Path(folder, "gateway.yaml")
        path.write_text(json.dumps(config))
        with log.open("wb") as file:
            command = [sys.executable, "-m", "gateway", "serve", str(path)]
            process = subprocess.Popen(command, stdout=file, stderr=file)
        try:
            _ready(process, admin_port, log)
            yield Subject(process, port, admin_port, log)
        finally:
            process.terminate()
            process.wait(30)


def _roomy() -> str | None:
    """Name a folder in memory with room for the store's files, else None for the ordinary place."""
    with suppress(OSError):
        if shutil.disk_usage(_MEMORY).free > _ROOM_BYTES and os.access(_MEMORY, os.W_OK):
            return _MEMORY
    return None


def _ready(process: subprocess.Popen[bytes], admin_port: int, log: Path) -> None:
    end, pause = time.monotonic() + 30, threading.Event()
    while time.monotonic() < end and process.poll() is None:
        line = http.client.HTTPConnection("127.0.0.1", admin_port, timeout=5)
        with suppress(OSError, http.client.HTTPException), closing(line):
            line.request("GET", "/readyz")
            if line.getresponse().status == 200:
                return
        pause.wait(0.1)
    raise SystemExit(f"the gateway did not get ready:\n{log.read_text(errors='replace')[-2_000:]}")


async def attack(subject: Subject, requests: int, seed: int) -> dict[str, Any]:
    """Send so many requests; returns the figures, `ok` among them."""
    began, client = time.monotonic(), Client("127.0.0.1", subject.port)
    probe = Probe(subject.port, subject.admin_port)
    probe.start()
    structured = int(requests * _STRUCTURED_SHARE)
    made = Mutants(random.Random(seed))
    try:
        async with asyncio.timeout(_LIMIT_S):
            warm = int(requests * _WARM_SHARE)
            await client.run(islice(made.parser_level(), warm // 2))
            await client.run(islice(made.structured(), warm - warm // 2))
            warm_mb = subject.rss_mb
            await client.run(islice(made.structured(), structured - (warm - warm // 2)))
            await client.run(islice(made.parser_level(), requests - structured - warm // 2))
    finally:
        await asyncio.to_thread(probe.end)
    figures, growth_mb, complaints = client.figures, subject.rss_mb - warm_mb, subject.complaints()
    honest, lag = (sorted(waited) for waited in probe.waited_ms.values())
    is_ok = not (figures.failures or figures.statuses[0] or complaints or probe.failed) and growth_mb < MAX_GROWTH_MB
    return {
        "ok": is_ok and subject.process.poll() is None,
        "seed": seed,
        "requests": figures.requests,
        "structured": structured,
        "connections": figures.connections,
        "statuses": {str(status): often for status, often in sorted(figures.statuses.items())},
        "closed_without_answer": figures.unanswered,
        "unended": figures.unended,
        "5xx": figures.failures,
        "log_complaints": len(complaints),
        "complaints": complaints[:5],
        "rss_mb": round(subject.rss_mb, 1),
        "rss_growth_mb": round(growth_mb, 1),
        "honest": len(honest),
        "honest_failed": probe.failed,
        "honest_p99_ms": round(honest[int(len(honest) * 0.99)], 1),
        "honest_max_ms": round(honest[-1], 1),
        "loop_lag_p99_ms": round(lag[int(len(lag) * 0.99)], 1),
        "loop_lag_max_ms": round(lag[-1], 1),
        "seconds": round(time.monotonic() - began, 1),
        "culprits": figures.culprits,
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev fuzz", description="Bad requests to a gateway of its own.")
    parser.add_argument("--requests", type=int, default=REQUESTS)
    parser.add_argument("--seed", type=int, default=int(time.time()), help="the same seed makes the same requests")
    chosen = parser.parse_args()
    with gateway() as subject, asyncio.Runner() as runner:
        told = runner.run(attack(subject, chosen.requests, chosen.seed))
    sys.stdout.write(json.dumps(told) + "\n")
    raise SystemExit(0 if told["ok"] else 1)


if __name__ == "__main__":
    main()
