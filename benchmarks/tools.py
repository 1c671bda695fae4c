"""Programs that the comparison needs and the project does not: fetched once into `.tools/bench`, never installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
FOLDER: Final = ROOT / ".tools" / "bench"
CONTENDERS: Final = ROOT / "benchmarks" / "contenders"
_FETCH_S: Final = 120


@dataclass(frozen=True, slots=True)
class Program:
    """A program, and where its libraries lie if not where the system has them."""

    path: str
    libraries: str = ""

    @property
    def environment(self) -> dict[str, str]:
        return {"LD_LIBRARY_PATH": self.libraries} if self.libraries else {}


def nginx() -> Program | None:
    """Return nginx: the system's, else Debian's unpacked beside us; None where neither can be had."""
    return _program("nginx", ("nginx",), "usr/sbin/nginx", "-v")


def wrk() -> Program | None:
    """Return wrk, likewise."""
    return _program("wrk", ("wrk", "libluajit-5.1-2", "libluajit-5.1-common"), "usr/bin/wrk", "-v")


def redis_server() -> str | None:
    return shutil.which("redis-server") or shutil.which("valkey-server")


def fastify() -> Path | None:
    """Return the folder of the Fastify twin with its packages beside it; None without node, npm or a registry."""
    return _of_node("fastify", "fastify")


def walkeros() -> Path | None:
    """Return the folder of what npm has of walkerOS, likewise."""
    return _of_node("walkeros", "@walkeros/collector")


def _of_node(name: str, package: str) -> Path | None:
    if shutil.which("node") is None or shutil.which("npm") is None:
        return None
    folder = FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    for file in ("package.json", "server.js"):
        shutil.copy(CONTENDERS / name / file, folder / file)
    if (folder / "node_modules" / package).exists():
        return folder
    done = _run(["npm", "install", "--no-audit", "--no-fund", "--silent", "--ignore-scripts"], folder)
    return folder if done else None


def _program(name: str, packages: Sequence[str], inside: str, probe: str) -> Program | None:
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found:
        return Program(found)
    folder = FOLDER / name
    program = Program(str(folder / inside), str(folder / "usr" / "lib" / f"{os.uname().machine}-linux-gnu"))
    if not Path(program.path).exists() and not _unpack(packages, folder):
        return None
    try:  # its libraries may be missing
        subprocess.run([program.path, probe], capture_output=True, env=program.environment, check=False, timeout=10)
    except OSError:
        return None
    return program


def _unpack(packages: Sequence[str], folder: Path) -> bool:
    """Fetch Debian packages and lay their files beside us: nothing is installed and no service starts."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        return False
    folder.mkdir(parents=True, exist_ok=True)
    if not _run(["apt-get", "-q", "download", *packages], folder):
        return False
    return all(_run(["dpkg-deb", "-x", str(archive), str(folder)], folder) for archive in folder.glob("*.deb"))


def _run(command: Sequence[str], folder: Path) -> bool:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=_FETCH_S)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
