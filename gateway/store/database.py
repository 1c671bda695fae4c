"""The one connection to Redis: our deadlines, our scripts, no hidden retries.

redis-py 8 repeats every command up to ten times by default, also those that may have been applied. Here a command
is sent once; whoever asked decides what a missing answer means. Every script can run twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from importlib.resources import files
from secrets import token_hex
from typing import Any, Final, TypeVar

import structlog
from hiredis import pack_command
from redis.asyncio import BlockingConnectionPool, Connection, Redis, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.commands.core import AsyncScript
from redis.exceptions import NoScriptError, RedisError, ResponseError

from gateway.store import keys
from gateway.store.errors import Broken, Unavailable, Unreplicated

T = TypeVar("T")

# A browser waits for the answer, so a store that has not spoken by then counts as away.
DEADLINE_S: Final = 1.0
# A page or a scrape may wait longer than a visitor.
PATIENT_S: Final = 5.0
POOL: Final = 32
SCRIPTS: Final = ("accept", "commit", "lease", "renew", "restate", "revive", "settle")
# `#!lua` first lines, whose flags make a full memory safe, came with this version.
OLDEST: Final = (7, 0)

log = structlog.get_logger()


class _Packing(AbstractConnection):
    """Lets hiredis spell commands: redis-py joins every argument onto a growing text, which a batch makes long."""

    def pack_command(self, *args: Any) -> list[bytes]:
        name = args[0]
        if isinstance(name, str) and " " in name:
            args = (*name.split(), *args[1:])
        return [pack_command(args)]

    def pack_commands(self, commands: Iterable[Iterable[Any]]) -> list[bytes]:
        return [b"".join(chunk for command in commands for chunk in self.pack_command(*command))]


class _Tcp(_Packing, Connection):
    pass


class _Tls(_Packing, SSLConnection):
    pass


class _Unix(_Packing, UnixDomainSocketConnection):
    pass


_CONNECTIONS: Final = {"redis": _Tcp, "rediss": _Tls, "unix": _Unix}


class Database:
    """Runs scripts and commands on one Redis; raises Unavailable when no answer came in time."""

    def __init__(self, url: str) -> None:
        self.url = url
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=POOL,
            timeout=DEADLINE_S,
            # On Python 3.11 redis-py with a socket timeout swallows cancellations; the deadline here is ours.
            socket_timeout=None,
            socket_connect_timeout=DEADLINE_S,
            retry=Retry(NoBackoff(), 0),
            health_check_interval=0,
            decode_responses=False,
        )
        pool.connection_class = _CONNECTIONS[url.partition(":")[0]]
        self.redis: Redis = Redis(connection_pool=pool)
        self.shards = keys.SHARDS
        self.fsync = "unknown"
        self._scripts: dict[str, AsyncScript] = {
            name: self.redis.register_script((files("gateway.store") / "lua" / f"{name}.lua").read_text())
            for name in SCRIPTS
        }

    async def script(self, name: str, key: Sequence[str], args: Sequence[Any], *, within_s: float = DEADLINE_S) -> Any:
        """Run one of the scripts of `lua/`; its header tells keys, arguments and answer."""
        return await self.answer(self._scripts[name](keys=key, args=args), within_s=within_s)

    async def script_replicated(self, name: str, key: Sequence[str], args: Sequence[Any], *, wait_ms: int) -> Any:
        """Run a script and wait, on the same connection, until a replica has everything up to here.

        Errors: Unreplicated when none said so within `wait_ms`; the script has run nevertheless.
        """
        script = self._scripts[name]
        while True:
            pipeline = self.pipeline()
            pipeline.evalsha(script.sha, len(key), *key, *args)
            pipeline.wait(1, wait_ms)
            call = pipeline.execute(raise_on_error=False)
            said, replicas = await self.answer(call, within_s=DEADLINE_S + wait_ms / 1_000)
            if isinstance(said, NoScriptError):
                await self.answer(self.redis.script_load(script.script))
            elif isinstance(said, RedisError):
                raise _unavailable(said) from said
            elif isinstance(replicas, RedisError) or int(replicas) < 1:
                raise Unreplicated("no replica answered")
            else:
                return said

    def pipeline(self) -> Any:
        """Gather commands for one trip; `answer(pipeline.execute())` sends them.

        Typed Any because redis-py types a command that was only queued as one that must be awaited.
        """
        return self.redis.pipeline(transaction=False)

    async def answer(self, call: Awaitable[T], *, within_s: float = DEADLINE_S) -> T:
        """Wait for a command's answer; raises Unavailable when it failed or came too late."""
        try:
            async with asyncio.timeout(within_s):
                return await call
        except (RedisError, OSError, TimeoutError) as err:
            raise _unavailable(err) from err

    async def identity(self) -> str:
        """Name the server and its data set: restarted, replaced, promoted or emptied, it has another name.

        Errors: Unavailable, also when it may only be read (a replica).
        """
        pipeline = self.pipeline()
        pipeline.info("server")
        pipeline.info("replication")
        pipeline.hsetnx(keys.meta(), "epoch", token_hex(8))
        pipeline.hget(keys.meta(), "epoch")
        server, replication, _, epoch = await self.answer(pipeline.execute())
        return f"{server.get('run_id')}/{replication.get('master_replid')}/{text(epoch)}"

    async def open(self) -> None:
        """Check the server and agree on the number of shards; raises Unavailable or ValueError with the next step."""
        info = await self.answer(self.redis.info(), within_s=PATIENT_S)
        version = str(info.get("valkey_version") or info.get("redis_version", "0.0"))
        if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
            raise ValueError(f"store.redis: server version {version} is too old; use Redis 7.0 or Valkey 7.2 and newer")
        if info.get("maxmemory_policy", "noeviction") != "noeviction":
            log.error("store.evicts", policy=info["maxmemory_policy"], repair="CONFIG SET maxmemory-policy noeviction")
        self.fsync = await self._fsync_mode(info)
        # Known before the first hit: a pipeline cannot load what it finds missing in its middle.
        await self.answer(self.redis.script_load(self._scripts["accept"].script), within_s=PATIENT_S)
        await self.answer(self.redis.hsetnx(keys.meta(), "shards", keys.SHARDS), within_s=PATIENT_S)
        self.shards = int(await self.answer(self.redis.hget(keys.meta(), "shards"), within_s=PATIENT_S) or keys.SHARDS)
        log.info("store.opened", version=version, shards=self.shards, fsync=self.fsync)

    async def _fsync_mode(self, info: dict[str, Any]) -> str:
        """Name how durable a write of this server is: `always`, `everysec`, `no`, `off` or `unknown`."""
        if not info.get("aof_enabled"):
            return "off"
        try:
            answer = await self.answer(self.redis.config_get("appendfsync"), within_s=PATIENT_S)
        except Unavailable:  # CONFIG may be forbidden on a managed server
            return "unknown"
        return str(next(iter(_texts(answer).values()), "unknown"))

    async def reconnect(self) -> None:
        """Forget the connections that nobody uses: those to a server that died fail one by one otherwise."""
        await self.answer(self.redis.connection_pool.disconnect(inuse_connections=False))

    async def ping(self) -> bool:
        try:
            await self.answer(self.redis.ping())
        except Unavailable:
            return False
        return True

    async def close(self) -> None:
        await self.redis.connection_pool.disconnect()


def _unavailable(err: Exception) -> Unavailable:
    if isinstance(err, ResponseError) and "WRONGTYPE" in str(err):
        return Broken("wrong type")
    return Unavailable(type(err).__name__)


def _texts(mapping: dict[Any, Any]) -> dict[str, str]:
    return {text(key): text(value) for key, value in mapping.items()}


def text(value: bytes | str | None) -> str:
    """Return what Redis sent as text; nothing becomes the empty text."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else (value or "")
