"""More ingest processes on one machine: the first gateway starts them, watches them, and takes them along when it ends.

They share the public address (SO_REUSEPORT: the kernel spreads the connections) and the store, and nothing else, so
none has to know of the others.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

import structlog

from gateway.scrape import Scrape

log = structlog.get_logger()

# A worker that cannot start (a port that is taken, say) must not be started a thousand times a minute.
_AGAIN_AFTER_S: Final = 1.0
# A worker has no less to finish than we have; see app.STOP_S.
_FINISH_S: Final = 24.0


def count(wanted: int | Literal["auto"]) -> int:
    """Return how many ingest processes are meant; `auto` is one a core that we may use."""
    return len(os.sched_getaffinity(0)) if wanted == "auto" else wanted


class Workers:
    """The further ingest processes of one gateway."""

    def __init__(self, config: Path, further: int, store_url: str) -> None:
        self._config = config
        self._further = further
        self._store_url = store_url
        self._running: dict[int, Process] = {}
        self._scrapes: dict[int, Scrape] = {}

    async def run(self) -> None:
        """Keep them running until cancelled; whoever dies is started again."""
        async with asyncio.TaskGroup() as group:
            for number in range(self._further):
                group.create_task(self._keep(number + 1), name=f"worker:{number + 1}")

    async def stop(self) -> None:
        """Let all of them drain as we do; call it after `run` was cancelled."""
        self.signal(signal.SIGTERM)
        async with asyncio.TaskGroup() as group:
            for process in self._running.values():
                group.create_task(_end(process))

    async def metrics(self) -> Mapping[int, bytes | None]:
        """Return what each of them counts, by its number, in Prometheus' text format; None of one that is silent."""
        told = await asyncio.gather(*[scrape.read() for scrape in self._scrapes.values()])
        return {**dict.fromkeys(range(1, self._further + 1)), **dict(zip(self._scrapes, told, strict=True))}

    def signal(self, number: int) -> None:
        """Pass a signal on: SIGHUP makes each read the file again."""
        for process in self._running.values():
            if process.returncode is None:
                process.send_signal(number)

    async def _keep(self, number: int) -> None:
        command = (sys.executable, "-m", "gateway", "serve", str(self._config), "--role", "ingest")
        while True:
            ours, theirs = socket.socketpair()
            told = str(theirs.fileno())
            # The embedded store's address is known to the first gateway alone; the environment keeps it out of `ps`.
            environment = {**os.environ, STORE_URL: self._store_url, SIBLING: str(number), SCRAPE: told}
            with theirs:
                process = await asyncio.create_subprocess_exec(
                    *command, env=environment, start_new_session=True, pass_fds=(theirs.fileno(),)
                )
            self._running[number] = process
            log.info("worker.started", worker=number, pid=process.pid)
            scrape = self._scrapes[number] = await Scrape.over(ours)
            async with asyncio.TaskGroup() as group:
                group.create_task(scrape.listen(), name=f"scrape:{number}")
                code = await process.wait()
            log.error("worker.died", worker=number, code=code)
            await asyncio.sleep(_AGAIN_AFTER_S)


# How a further process learns that it is one, where the store is, and at which descriptor it is asked what it counts.
STORE_URL: Final = "TAGWAY_WORKER_STORE"
SIBLING: Final = "TAGWAY_WORKER"
SCRAPE: Final = "TAGWAY_WORKER_SCRAPE"


async def _end(process: Process) -> None:
    try:
        async with asyncio.timeout(_FINISH_S):
            await process.wait()
    except TimeoutError:
        process.kill()
