"""Gateways as their users run them: a process each, a folder each, one Redis between them, and their logs read back."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp

from faults.platforms import ADS, BOOK, SOCIAL
from faults.store import free_port

API_KEY: Final = "an-api-key-of-the-oracle"
# SIGTERM ends within 25 s (contract section 4); what takes longer is hung.
STOP_S: Final = 25.0
_START_S: Final = 40.0
ROOT: Final = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """How one SIGTERM ended: within what time, with which code; `hung` when it had to be killed."""

    took_s: float
    code: int | None
    hung: bool


@dataclass(slots=True, kw_only=True)
class Gateway:
    """One process at a time, started again on the same folder. `tree`: the sources it runs."""

    name: str
    folder: Path
    redis_port: int
    platforms: str
    durability: str = "auto"
    hold_s: float = 2.0
    front_lane: bool = True
    tree: Path = ROOT
    destinations: dict[str, Any] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    admin_port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    stops: list[Stop] = field(default_factory=list)
    reloads: int = 0

    def config(self) -> dict[str, Any]:
        places = self.destinations or standard(self.platforms)
        return {
            "server": {
                "listen": f"127.0.0.1:{self.port}",
                "admin": f"127.0.0.1:{self.admin_port}",
                "drain_s": 0,
                **({} if self.front_lane else {"front_lane": False}),
                "debug": True,  # the whole status, also to visitors: the oracle has to know
                "trusted_proxies": ["127.0.0.0/8"],
            },
            "store": {
                "redis": f"redis://127.0.0.1:{self.redis_port}/0",
                "data_dir": str(self.folder / "data"),
                "durability": self.durability,
            },
            "sites": {
                "shop": {
                    "hosts": ["127.0.0.1"],
                    "origins": ["https://shop.example"],
                    "currency": "EUR",
                    "api_keys": [API_KEY],
                    "merge": {"hold_s": self.hold_s, "events": ["purchase"]},
                    "consent": {"default": "denied"},
                    "destinations": list(places),
                }
            },
            "destinations": places,
        }

    def write_config(self, *, bad: bool = False) -> None:
        """Write the file; each good one differs from the last, so that a reload has something to change."""
        config = self.config()
        self.reloads += 1
        for place in config["destinations"].values():
            place["batch"] = {"max_wait_ms": 100 + self.reloads % 7}
        text = json.dumps(config)
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "gateway.yaml").write_text(text[: len(text) // 2] if bad else text)

    def spawn(self) -> None:
        """Start the process without waiting for it."""
        if not (self.folder / "gateway.yaml").exists():
            self.write_config()
        command = [sys.executable, "-m", "gateway", "serve", str(self.folder / "gateway.yaml")]
        with (self.folder / "gateway.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=self.tree, stdout=log, stderr=log, start_new_session=True, env=_environment(self.tree)
            )

    async def start(self, http: aiohttp.ClientSession) -> None:
        """Start, and wait until it can take an event."""
        self.spawn()
        async with asyncio.timeout(_START_S):
            while not await self._is_ready(http):
                assert self.is_running, f"{self.name} ended:\n{self.log()[-2_000:]}"
                await asyncio.sleep(0.05)

    async def _is_ready(self, http: aiohttp.ClientSession) -> bool:
        try:
            async with http.get(self.admin("/readyz")) as answer:
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def send(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def limit_files(self, most_bytes: int | None) -> None:
        """Let no file of the running process grow beyond this (0: a full disk, its log's included); None: all may."""
        if self.process is not None and self.process.poll() is None:
            most = resource.RLIM_INFINITY if most_bytes is None else most_bytes
            resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    async def stop(self) -> Stop:
        """Ask it to end and wait; one that does not is hung, and killed."""
        assert self.process is not None
        began_s = time.monotonic()
        self.send(signal.SIGTERM)
        hung = False
        while self.process.poll() is None and not hung:
            await asyncio.sleep(0.05)
            hung = time.monotonic() - began_s > STOP_S + 5
        took_s = time.monotonic() - began_s
        if hung:
            self.kill()
        code = None if hung else self.process.returncode
        ended = Stop(took_s=round(took_s, 2), code=code, hung=hung or took_s > STOP_S)
        self.stops.append(ended)
        return ended

    def log(self) -> str:
        path = self.folder / "gateway.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def segments(self) -> list[Path]:
        return sorted((self.folder / "data" / "spool").rglob("*.seg"))

    def memory_mb(self) -> float:
        assert self.process is not None
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1_024
        return 0.0

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def admin(self, path: str) -> str:
        return f"http://127.0.0.1:{self.admin_port}{path}"

    async def ask(self, http: aiohttp.ClientSession, path: str) -> Any:
        """Ask the admin listener; None when it does not answer."""
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
            async with http.get(self.admin(path)) as answer:
                return await answer.json() if "json" in answer.content_type else await answer.text()
        return None

    async def metric(self, http: aiohttp.ClientSession, name: str) -> float | None:
        told = await self.ask(http, "/metrics")
        if told is None:
            return None
        return sum(float(line.rpartition(" ")[2]) for line in told.splitlines() if line.startswith(name))


def standard(platforms: str) -> dict[str, Any]:
    """Return the three destinations of the oracle."""
    return {
        BOOK: {
            "adapter": "webhook",
            "url": f"{platforms}/book",
            "secret": "a-secret-of-the-oracle",
            "consent": ["analytics_storage"],
        },
        SOCIAL: {"adapter": "meta", "endpoint": platforms, "dataset_id": "123", "access_token": "a-token"},
        ADS: {"adapter": "tiktok", "endpoint": platforms, "pixel_code": "C123", "access_token": "a-token"},
    }


def said(gateway: Gateway, name: str) -> list[dict[str, Any]]:
    """Return the log lines of one name."""
    found = []
    for line in gateway.log().splitlines():
        if f'"{name}"' in line:
            with contextlib.suppress(json.JSONDecodeError):
                found.append(json.loads(line))
    return found


def _environment(tree: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(tree)}
