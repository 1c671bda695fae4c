"""The store's servers: our deadlines, our scripts, no hidden retries.

A command is sent once; whoever asked decides what a missing answer means. Every script can run twice. Scripts go over
connections of our own, one for visitors and one for work; redis-py spells the other commands (`link/`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Sequence
from hashlib import blake2b
from secrets import token_hex
from typing import Any, Final, TypeVar

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from gateway.settings.store_url import Kind, store_url
from gateway.store import keys
from gateway.store.errors import Unavailable, Unreplicated
from gateway.store.link.ask import Ask, Lane, Script, pack
from gateway.store.link.cluster import Cluster
from gateway.store.link.commands import Commands
from gateway.store.link.single import Single
from gateway.store.scripts import source

T = TypeVar("T")

# A browser waits for the answer, so a store that has not spoken by then counts as away.
DEADLINE_S: Final = 1.0
# A page or a scrape may wait longer than a visitor.
PATIENT_S: Final = 5.0
SCRIPTS: Final = (
    *("accept", "amend", "commit", "lease", "renew", "restate", "revive", "settle", "sweep"),
    *("pace", "receive", "look", "tell", "mark", "again"),
    *("audit", "close"),
    *("pick", "park", "unpark", "away", "press"),
)
# `#!lua` first lines, whose flags make a full memory safe, came with this version.
OLDEST: Final = (7, 0)
# A visitor waits for these; the other scripts have a connection of their own, so that none waits behind their answers.
_VISITORS: Final = frozenset({"accept"})
# From the safest to the least safe: several masters are as safe as the worst of them.
_FSYNC: Final = ("always", "everysec", "no", "unknown", "off")

log = structlog.get_logger()


class Database:
    """Runs scripts and commands on the store; raises Unavailable when no answer came in time.

    `url` in one of the forms of `settings.store_url`. `shards` None: as many as the store was set up with.
    """

    def __init__(self, url: str, *, shards: int | None = None) -> None:
        self.url = url
        told = store_url(url)
        self._is_cluster = told.kind is Kind.CLUSTER
        self._link: Single | Cluster = Cluster(told) if self._is_cluster else Single(told)
        self.redis: Redis = Commands(self._link)
        self._wanted = shards
        self.shards = shards or (keys.CLUSTER_SHARDS if self._is_cluster else keys.SHARDS)
        self.fsync = "unknown"
        self._scripts = {
            name: (
                Script(source(name)),
                Lane.VISITOR if name in _VISITORS else Lane.WORK,
            )
            for name in SCRIPTS
        }

    async def script(self, name: str, key: Sequence[str], args: Sequence[Any], *, within_s: float = DEADLINE_S) -> Any:
        """Run one of the scripts of `lua/`; its header tells keys, arguments and answer.

        A script that the server does not know is taught to it and run; it has run once at most.
        """
        return await self.script_now(name, key, args, within_s=within_s)

    def script_now(
        self, name: str, key: Sequence[str], args: Sequence[Any], *, within_s: float = DEADLINE_S
    ) -> Coroutine[Any, Any, Any]:
        """Send a script at once; what comes back waits for the answer, as `script` does."""
        ask = self._ask(name, key, args)
        self._link.send(ask)
        return _heard(ask, within_s)

    async def script_replicated(
        self, name: str, key: Sequence[str], args: Sequence[Any], *, wait_ms: int, within_s: float = DEADLINE_S
    ) -> Any:
        """Run a script and wait, on the same connection, until a replica has everything up to here.

        Errors: Unreplicated when none said so within `wait_ms`; the script has run nevertheless.
        """
        ask, wait = self._ask(name, key, args, Lane.REPLICATED), _wait(wait_ms)
        self._link.send(ask, wait)
        try:
            async with asyncio.timeout(within_s + wait_ms / 1_000):
                said = await ask.answer
                if ask.tries and ask.pipe is not None:  # it ran later, maybe elsewhere: the wait was for nothing
                    wait.answer.cancel()
                    wait = _wait(wait_ms)
                    ask.pipe.send(wait)
                replicas = await wait.answer
        except TimeoutError as err:
            ask.abandon()
            wait.abandon()
            raise Unavailable("no answer in time") from err
        finally:
            ask.forget()
            wait.forget()
        if int(replicas) < 1:
            raise Unreplicated("no replica answered")
        return said

    async def command(self, *args: str | int) -> Any:
        """Send one command as it stands, beside the visitors' scripts; its second word is its key. No deadline."""
        ask = Ask(pack(*args), str(args[1]), Lane.VISITOR)
        self._link.send(ask)
        try:
            return await ask.answer
        except asyncio.CancelledError:
            ask.abandon()
            raise

    def _ask(self, name: str, key: Sequence[str], args: Sequence[Any], lane: Lane | None = None) -> Ask:
        script, own_lane = self._scripts[name]
        return Ask(pack("EVALSHA", script.sha, len(key), *key, *args), key[0], lane or own_lane, script)

    def pipeline(self) -> Any:
        """Gather commands for one trip; `answer(pipeline.execute())` sends them.

        Typed Any because redis-py types a command that was only queued as one that must be awaited.
        """
        return self.redis.pipeline()

    async def answer(self, call: Awaitable[T], *, within_s: float = DEADLINE_S) -> T:
        """Wait for a command's answer; raises Unavailable when it failed or came too late."""
        try:
            async with asyncio.timeout(within_s):
                return await call
        except TimeoutError as err:
            raise Unavailable("no answer in time") from err
        except (RedisError, OSError) as err:
            raise Unavailable(type(err).__name__) from err

    # ---- which servers, and are they fit

    async def identity(self) -> str:
        """Name the servers and their data: restarted, replaced, promoted or emptied, they have another name.

        Errors: Unavailable, also when one may only be read (a replica).
        """
        names = []
        for info in await self._info("server", "replication"):
            if info.get("role") != "master":
                raise Unavailable("a replica answers")
            names.append(f"{info.get('run_id')}/{info.get('master_replid')}")
        epochs = await self._epochs()
        if not self._is_cluster:
            return f"{names[0]}/{epochs[0]}"
        return blake2b("\n".join((*sorted(names), *epochs)).encode(), digest_size=20).hexdigest()

    async def memory_share(self) -> float:
        """Say how much of `maxmemory` is used, of the master that has the least left; 0 where none sets a limit."""
        told = await self._info("memory")
        limits = [(int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))) for info in told]
        return max((used / limit for used, limit in limits if limit), default=0.0)

    async def _epochs(self) -> list[str]:
        """Read, or write, what tells this data from none: of a cluster, on the master of each shard."""
        places = [keys.meta(), *(keys.epoch(shard) for shard in range(self.shards) if self._is_cluster)]
        pipeline = self.pipeline()
        for place in places:
            pipeline.hsetnx(place, "epoch", token_hex(8))
            pipeline.hget(place, "epoch")
        return [text(epoch) for epoch in (await self.answer(pipeline.execute()))[1::2]]

    async def open(self) -> None:
        """Check the servers and agree on the number of shards; raises Unavailable or ValueError with the next step."""
        told = await self._info(within_s=PATIENT_S)
        versions = [info.get("valkey_version") or info.get("redis_version", "0.0") for info in told]
        version = min(versions, key=_number)
        if _number(version) < OLDEST:
            raise ValueError(f"store.redis: server version {version} is too old; use Redis 7.0 or Valkey 7.2 and newer")
        policies = {info.get("maxmemory_policy", "noeviction") for info in told} - {"noeviction"}
        if policies:
            policy = ", ".join(sorted(policies))
            log.error("store.evicts", policy=policy, repair="CONFIG SET maxmemory-policy noeviction")
        self.fsync = await self._fsync_mode(told)
        self.shards = await self._agreed_shards()
        log.info("store.opened", version=version, shards=self.shards, fsync=self.fsync)

    async def _agreed_shards(self) -> int:
        """Write the number of shards once; afterwards it is what it was: an act moved between shards is two acts."""
        pipeline = self.pipeline()
        pipeline.hsetnx(keys.meta(), "shards", self.shards)
        pipeline.hget(keys.meta(), "shards")
        _, said = await self.answer(pipeline.execute(), within_s=PATIENT_S)
        stored = text(said)
        if not stored.isdigit() or not int(stored):
            raise ValueError(f"store.redis: {keys.meta()} holds no number of shards; is it another program's store?")
        if self._wanted not in (None, int(stored)):
            raise ValueError(
                f"store.shards: this store was set up with {stored} shards, and {self._wanted} are configured; "
                f"write {stored}, or begin with an empty store"
            )
        return int(stored)

    async def _fsync_mode(self, told: Sequence[dict[str, str]]) -> str:
        """Name how durable a write is: `always`, `everysec`, `no`, `off` or `unknown`; the worst of all masters."""
        if any(info.get("aof_enabled") != "1" for info in told):
            return "off"
        try:
            answers = await self._everywhere(("CONFIG", "GET", "appendfsync"), within_s=PATIENT_S)
        except Unavailable:  # CONFIG may be forbidden on a managed server
            return "unknown"
        modes = [text(answer[1]) if len(answer) > 1 else "unknown" for (answer,) in answers]
        return max(modes, key=lambda mode: _FSYNC.index(mode) if mode in _FSYNC else len(_FSYNC))

    async def _info(self, *sections: str, within_s: float = DEADLINE_S) -> list[dict[str, str]]:
        """Read what every master says of itself."""
        asked: list[tuple[str, ...]] = [("INFO", section) for section in sections] or [("INFO",)]
        answers = await self._everywhere(*asked, within_s=within_s)
        return [_facts(b"\n".join(parts)) for parts in answers]

    async def _everywhere(self, *commands: tuple[str, ...], within_s: float) -> list[list[Any]]:
        """Ask every master the same; returns their answers, each a list as long as `commands`."""
        return await self.answer(self._ask_masters(commands), within_s=within_s)

    async def _ask_masters(self, commands: Sequence[tuple[str, ...]]) -> list[list[Any]]:
        asked = [
            (server, [Ask(pack(*words), None, Lane.COMMANDS) for words in commands])
            for server in await self._link.masters()
        ]
        try:
            for server, asks in asked:
                server.send(*asks)
            return [[await ask.answer for ask in asks] for _, asks in asked]
        except BaseException:
            for _, asks in asked:
                for ask in asks:
                    ask.abandon()
            raise

    async def reconnect(self) -> None:
        """Try again now, and not over connections whose answers nobody waits for any more."""
        self._link.refresh()

    async def ping(self) -> bool:
        """Say whether every master answers."""
        try:
            await self._everywhere(("PING",), within_s=DEADLINE_S)
        except Unavailable:
            return False
        return True

    async def close(self) -> None:
        await self._link.close()


async def _heard(ask: Ask, within_s: float) -> Any:
    late = asyncio.get_running_loop().call_later(within_s, ask.expire)
    try:
        return await ask.answer
    finally:
        late.cancel()


def _wait(wait_ms: int) -> Ask:
    return Ask(pack("WAIT", 1, wait_ms), None, Lane.REPLICATED)


def _facts(info: bytes) -> dict[str, str]:
    """Read the answer to INFO."""
    lines = (line.partition(":") for line in info.decode("utf-8", "replace").splitlines())
    return {name: value for name, colon, value in lines if colon}


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())


def text(value: bytes | str | None) -> str:
    """Return what Redis sent as text; nothing becomes the empty text."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else (value or "")
