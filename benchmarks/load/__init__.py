"""The load: wrk where it can be had, else a generator of our own; either is pinned away from the server."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final

import orjson

from benchmarks.machine import LOAD_CORE
from benchmarks.requests import Mix
from benchmarks.tools import Program

_LUA: Final = (Path(__file__).parent / "fire.lua").read_text()
_UNITS_MS: Final = {"us": 0.001, "ms": 1.0, "s": 1_000.0, "m": 60_000.0}
# So many ids are kept apart for one shot; no shot fires more.
_IDS_A_SHOT: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """What one shot came to. `errors`: answers other than 2xx, and broken connections."""

    answers: int
    seconds: float
    p50_ms: float
    p99_ms: float
    errors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Roll:
    """Which ids were asked, which were answered well, and how many answers were not."""

    asked: frozenset[int]
    answered: frozenset[int]
    errors: int


class Load:
    """Fires mixes of requests over keep-alive connections. No id is ever used by two shots."""

    def __init__(self, wrk: Program | None, folder: Path) -> None:
        self.name = "wrk" if wrk is not None else "own generator"
        self._wrk = wrk
        self._folder = folder
        self._numbers = count(1)

    def fire(self, mix: Mix, port: int, *, seconds: float, connections: int = 64, per_s: int | None = None) -> Shot:
        """Fire for a while, as fast as answers come, or at about `per_s`."""
        pause_ms = 0.0 if per_s is None else 1_000 * connections / per_s
        if self._wrk is not None:
            return self._by_wrk(self._wrk, mix, port, self._first(), seconds, connections, pause_ms)
        return Shot(**self._by_ours(mix, port, seconds=seconds, connections=connections, pause_ms=pause_ms))

    def roll(self, mix: Mix, port: int, *, seconds: float, connections: int = 64) -> Roll:
        """Fire as fast as answers come, with our own generator, and tell which ids were answered."""
        told = self._by_ours(mix, port, seconds=seconds, connections=connections, pause_ms=0, roll=True)
        return Roll(asked=frozenset(told["asked"]), answered=frozenset(told["answered"]), errors=told["errors"])

    def _first(self) -> int:
        return next(self._numbers) * _IDS_A_SHOT % 10**8

    def _by_ours(self, mix: Mix, port: int, *, seconds: float, **more: object) -> dict[str, Any]:
        told = {
            "templates": mix.parts(), "repeat_every": mix.repeat_every, "first": self._first(), "port": port,
            "seconds": seconds, **more,
        }  # fmt: skip
        command = [*_pinned(), sys.executable, "-m", "benchmarks.load.client"]
        done = subprocess.run(command, input=orjson.dumps(told), capture_output=True, check=True, timeout=seconds + 30)
        answer: dict[str, Any] = orjson.loads(done.stdout)
        return answer

    def _by_wrk(
        self, wrk: Program, mix: Mix, port: int, first: int, seconds: float, connections: int, pause_ms: float
    ) -> Shot:
        script = self._folder / "fire.lua"
        head = f"local templates, first = {_lua(mix.parts())}, {first}\n"
        head += f"local repeat_every, pause_ms = {mix.repeat_every}, {round(pause_ms)}\n"
        script.write_text(head + _LUA)
        # wrk takes whole seconds only.
        command = [
            *_pinned(),
            wrk.path,
            "-t1",
            f"-c{connections}",
            f"-d{max(1, round(seconds))}s",
            "--latency",
            "--timeout",
            "10s",
        ]
        done = subprocess.run(
            [*command, "-s", str(script), f"http://127.0.0.1:{port}"],
            capture_output=True, text=True, check=True, timeout=seconds + 30, env=wrk.environment or None,
        )  # fmt: skip
        return read_wrk(done.stdout)


def read_wrk(text: str) -> Shot:
    """Read what wrk prints with `--latency`; raises ValueError when it printed something else."""
    total = re.search(r"(\d+) requests in ([\d.]+)(us|ms|s|m)\b", text)
    p50, p99 = (re.search(rf"{share}%\s+([\d.]+)(us|ms|s|m)\b", text) for share in (50, 99))
    if total is None or p50 is None or p99 is None:
        raise ValueError(f"wrk said nothing that can be read: {text[:200]}")
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    return Shot(
        answers=int(total[1]),
        seconds=float(total[2]) * _UNITS_MS[total[3]] / 1_000,
        p50_ms=float(p50[1]) * _UNITS_MS[p50[2]],
        p99_ms=float(p99[1]) * _UNITS_MS[p99[2]],
        errors=(int(refused[1]) if refused else 0) + (sum(map(int, broken.groups())) if broken else 0),
    )


def _pinned() -> list[str]:
    return ["taskset", "-c", str(LOAD_CORE)]


def _lua(told: str | list[Any]) -> str:
    """Spell a text, or lists of them, in Lua."""
    if isinstance(told, list):
        return "{" + ", ".join(map(_lua, told)) + "}"
    escaped = told.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "\\r").replace("\n", "\\n")
    return f'"{escaped}"'
