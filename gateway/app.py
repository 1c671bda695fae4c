"""Wires the rooms. The only file that knows them all, reads the clock and throws the dice.

Start: settings, store, workers, listeners; a store that is away does not keep the listeners shut. Stop: not ready,
keep serving for `drain_s`, finish what is out, hand the rest back, exit 0 within `STOP_S` whatever hangs.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Hashable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import structlog
from aiohttp import web
from prometheus_client import generate_latest

from gateway import logs, settings
from gateway.core.plan import Plan
from gateway.dice import Dice
from gateway.greeting import browsable, greet
from gateway.scrape import answer
from gateway.settings import Address, ConfigError, Settings
from gateway.store.budgets import Budgets
from gateway.store.database import Database
from gateway.store.durability import Safety
from gateway.store.embedded import Embedded
from gateway.store.keeper import Keeper
from gateway.store.ledger import Ledger
from gateway.store.park.parking import Parking
from gateway.store.park.shelf import FOLDER as BACKLOG
from gateway.store.queues import Queues
from gateway.store.tally import Tally
from gateway.web.directory import Directory
from gateway.web.front import Front
from gateway.web.lane import Lanes
from gateway.web.listening import UNANSWERED, listen, told_of
from gateway.web.public import create_public_app, runner_options
from gateway.workers import SCRAPE, SIBLING, STORE_URL, Workers, count

# What only one role or an option needs is imported where it begins: an ingest process is 10 MB smaller for it.
if TYPE_CHECKING:
    from gateway.delivery.roster import Roster

log = structlog.get_logger()
_dice: Final = Dice()

ROLES: Final = ("all", "ingest", "deliver", "console")
# Contract section 4: SIGTERM ends within 25 s; what was acknowledged is durable, so a hard end loses nothing.
STOP_S: Final = 25.0
# A store that is away does not keep the door shut for longer: what comes goes to the spool.
_STORE_WAIT_S: Final = 1.5
_WATCH_S: Final = 1.0


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def serve(path: Path, role: str = "all") -> int:
    """Run the gateway until SIGTERM or SIGINT; returns the exit code.

    Errors: ConfigError when the file cannot be used; the caller prints it.
    """
    chosen = settings.load(path, env=os.environ)
    logs.configure(debug=chosen.server.debug)
    gateway = Gateway(chosen, role)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, gateway.stop, number)
    loop.add_signal_handler(signal.SIGHUP, gateway.reload)
    await gateway.run()
    return 0


class Gateway:
    """One process: the listeners and workers of its role, on one store."""

    def __init__(self, chosen: Settings, role: str) -> None:
        self._settings = chosen
        self._role = role
        self._plan = _plan(chosen)
        self._stopping = asyncio.Event()
        self._hasty = False
        self._front: Front | None = None
        self._roster: Roster | None = None
        self._safety: Safety | None = None
        self._parking: Parking | None = None
        self._workers: Workers | None = None
        self._is_sibling = SIBLING in os.environ

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Begin to stop. A second signal, or Ctrl-C, does not wait for load balancers to notice."""
        self._hasty = number == signal.SIGINT or self._stopping.is_set()
        self._stopping.set()

    def reload(self) -> None:
        """Read the file again; a bad one is told and changes nothing."""
        try:
            fresh = settings.load(self._settings.path, env=os.environ)
        except ConfigError as err:
            log.error("config.refused", problems=[str(problem) for problem in err.problems])
            return
        if waiting := _fixed(fresh).items() - _fixed(self._settings).items():
            log.warning("config.needs_restart", keys=sorted(key for key, _ in waiting))
        self._settings, self._plan = fresh, _plan(fresh)
        if self._front is not None:
            self._front.use(_directory(fresh))
        if self._roster is not None:
            self._roster.apply()
        if self._workers is not None:
            self._workers.signal(signal.SIGHUP)
        log.info("config.loaded", sites=list(fresh.sites), destinations=list(fresh.destinations))

    async def run(self) -> None:
        """Open everything, serve, and close it in the order that loses nothing."""
        async with AsyncExitStack() as stack:
            if self._settings.sandbox is not None and not self._is_sibling:
                from gateway.sandbox import running

                place = self._settings.sandbox.listen
                with told_of("sandbox.listen", place):
                    await stack.enter_async_context(running(place.host, place.port))
            url = os.environ.get(STORE_URL) or await self._store_url(stack)
            database = Database(url, shards=self._settings.store.shards)
            stack.push_async_callback(database.close)
            await self._serve(database, stack)

    async def _store_url(self, stack: AsyncExitStack) -> str:
        given = self._settings.store.redis
        if given is not None:
            return given.reveal()
        return await stack.enter_async_context(Embedded(self._settings.store.data_dir))

    async def _serve(self, database: Database, stack: AsyncExitStack) -> None:
        store = self._settings.store
        safety = self._safety = Safety(database, store.data_dir, store.durability)
        stack.push_async_callback(safety.close)
        tally = Tally(database, self.plan, now_ms=now_ms)
        tally.watch_spool(lambda: safety.spool.owed, lambda: safety.spool.bytes)
        safety.spool.shed = lambda worth: tally.shed.labels(str(worth)).inc()
        ledger = Ledger(database, self.plan, now_ms=now_ms, backlog=store.data_dir / BACKLOG)
        told: dict[str, Any] = {"now_ms": now_ms, "nudge": self._nudge, "counted_as": tally.counted_as}
        queues = Queues(database, self.plan, token=_token, is_behind=safety.is_behind, **told)
        keeper = Keeper(database, self.plan, copy_id=_copy_id, safety=safety, conflict=tally.conflict, **told)
        async with asyncio.TaskGroup() as group:
            flushed = asyncio.Event()
            keeping = safety.run(
                keeper.offer, self.plan, live=lambda: keeper.brought, replayed=tally.replayed, now_ms=now_ms
            )
            chores = [
                group.create_task(keeping, name="safety"),
                group.create_task(self._watch(), name="watch"),
            ]
            await safety.pulse.opened(_STORE_WAIT_S)
            counting = group.create_task(tally.run(flushed), name="tally")
            if self._role in ("all", "deliver"):
                from gateway.delivery.roster import Roster

                told = {"now_ms": now_ms, "dice": random.random, "budgets": Budgets(database)}
                self._roster = Roster(queues, ledger, tally, self.plan, **told)
                self._roster.apply()
                chores.append(group.create_task(self._park(database, tally), name="parking"))
            if self._role in ("all", "ingest"):
                self._front = self._door(keeper, tally)
                stack.push_async_callback(self._front.close)
                is_shared = count(self._settings.server.workers) > 1
                place = self._settings.server.listen
                public = create_public_app(self._front, mount=self._demo())
                runner = await self._run(public, stack)
                if self._settings.server.front_lane:
                    lanes = await self._front_lane(runner, place, stack, is_shared=is_shared)
                    chores.append(group.create_task(lanes.sweep(), name="lanes"))
                else:
                    await listen(runner, "server.listen", place, is_shared=is_shared)
                chores += self._start_workers(group, database)
            chores += await self._show(group, ledger, tally, stack)
            _spare_the_collector()
            log.info("gateway.started", role=self._role, listen=str(self._settings.server.listen))
            if not self._is_sibling:
                greet(self._settings, self._role)
            await self._stopping.wait()
            with _Deadline(STOP_S):
                await self._drain()
                for chore in chores:
                    chore.cancel()
                await self._finish()
                flushed.set()
                await counting
                await stack.aclose()
        log.info("gateway.stopped")

    def _park(self, database: Database, tally: Tally) -> Coroutine[Any, Any, None]:
        store = self._settings.store
        told: dict[str, Any] = {"budget_mb": store.backlog_mb, "now_ms": now_ms, "nudge": self._nudge}
        parking = self._parking = Parking(database, self.plan, store.data_dir, **told)
        tally.backlog_bytes.set_function(lambda: parking.shelf.bytes)
        return parking.run()

    def _door(self, keeper: Keeper, tally: Tally) -> Front:
        return Front(
            directory=_directory(self._settings),
            keeper=keeper,
            tally=tally,
            now_ms=now_ms,
            dice=partial(_dice.throw, 32),
        )

    def _demo(self) -> Callable[[web.Application], None] | None:
        """Return what adds the demo shop, where there is one. It keeps the site it began with."""
        chosen = self._settings
        if chosen.demo.site is None:
            return None
        from gateway.demo import Shop

        sandbox = None if chosen.sandbox is None else browsable(chosen.sandbox.listen)
        site = chosen.sites[chosen.demo.site]
        return Shop(site, console=browsable(chosen.server.admin), sandbox=sandbox, now_ms=now_ms).mount

    def _start_workers(self, group: asyncio.TaskGroup, database: Database) -> list[asyncio.Task[None]]:
        further = 0 if self._is_sibling else count(self._settings.server.workers) - 1
        if further < 1:
            return []
        self._workers = Workers(self._settings.path, further, database.url)
        return [group.create_task(self._workers.run(), name="workers")]

    async def _drain(self) -> None:
        """Not ready, and serve on: load balancers need the time to notice."""
        drain_s = 0 if self._hasty else self._settings.server.drain_s
        log.info("gateway.draining", drain_s=drain_s)
        await asyncio.sleep(drain_s)

    async def _finish(self) -> None:
        """End the further processes and the delivery; what they had on loan comes due again."""
        async with asyncio.TaskGroup() as group:
            if self._workers is not None:
                group.create_task(self._workers.stop())
            if self._roster is not None:
                group.create_task(self._roster.close())

    async def _watch(self) -> None:
        """Reload when the file changes, where `server.watch` asks for it; a further worker ends with its first."""
        seen, parent = _changed(self._settings.path), os.getppid()
        while True:
            await asyncio.sleep(_WATCH_S)
            if self._is_sibling and os.getppid() != parent:
                self.stop()
            if self._settings.server.watch and (now := _changed(self._settings.path)) != seen:
                seen = now
                self.reload()

    async def _run(self, app: web.Application, stack: AsyncExitStack) -> web.AppRunner:
        runner = web.AppRunner(app, shutdown_timeout=5, **runner_options())
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        return runner

    async def _front_lane(
        self, runner: web.AppRunner, address: Address, stack: AsyncExitStack, *, is_shared: bool
    ) -> Lanes:
        """Listen in front of aiohttp, which gets every connection that brings more than hits."""
        assert self._front is not None
        assert runner.server is not None
        lanes = Lanes(self._front, runner.server)
        with told_of("server.listen", address):
            server = await asyncio.get_running_loop().create_server(
                lanes, address.hosts, address.port, backlog=UNANSWERED, reuse_port=is_shared or None
            )
        stack.push_async_callback(lanes.close)
        stack.callback(server.close)
        return lanes

    async def _show(
        self, group: asyncio.TaskGroup, ledger: Ledger, tally: Tally, stack: AsyncExitStack
    ) -> list[asyncio.Task[None]]:
        """Open the console; a further worker has none, and tells the first one what it counts."""
        if self._is_sibling:
            told = partial(generate_latest, tally.registry)
            return [group.create_task(answer(int(os.environ[SCRAPE]), told), name="scrape")]
        runner = await self._run(self._console(ledger, tally), stack)
        await listen(runner, "server.admin", self._settings.server.admin)
        return []

    def _console(self, ledger: Ledger, tally: Tally) -> web.Application:
        from gateway.console.admin import Desk, create_admin_app

        server = self._settings.server
        desk = Desk(
            ledger=ledger,
            tally=tally,
            is_ready=self._is_ready,
            further=self._further,
            password=server.admin_password,
            hosts=frozenset(server.admin_hosts),
        )
        return create_admin_app(desk)

    async def _further(self) -> Mapping[int, bytes | None]:
        return {} if self._workers is None else await self._workers.metrics()

    async def _is_ready(self) -> tuple[bool, dict[str, Any]]:
        if self._stopping.is_set():
            return False, {"reason": "draining"}
        assert self._safety is not None
        ready, told = await self._safety.readiness()
        return ready, told if self._parking is None else self._parking.readiness(told)

    def plan(self) -> Plan:
        return self._plan

    def _nudge(self) -> None:
        if self._roster is not None:
            self._roster.nudge()


class _Deadline:
    """Ends the process when a stop takes too long: what was acknowledged is on disk, what is out comes due again."""

    def __init__(self, after_s: float) -> None:
        self._after_s = after_s
        self._handle: asyncio.TimerHandle | None = None

    def __enter__(self) -> None:
        self._handle = asyncio.get_running_loop().call_later(self._after_s - 1, _end_hard)

    def __exit__(self, *_: object) -> None:
        if self._handle is not None:
            self._handle.cancel()


def _spare_the_collector() -> None:
    """Let the garbage collector look at what hits leave behind and not, again and again, at what lives for ever.

    Lists, tables and patterns are some hundred thousand objects: walking them cost a sixth of a busy worker's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def _end_hard() -> None:
    log.error("gateway.stopped_hard", reason="something did not finish in time")
    sys.stdout.flush()
    os._exit(0)


def _fixed(chosen: Settings) -> dict[str, Hashable]:
    """Return what a running process keeps as it began: its addresses, its store, who may see the console."""
    server, store = chosen.server, chosen.store
    return {
        "server.listen": server.listen,
        "server.admin": server.admin,
        "server.admin_password": server.admin_password,
        "server.admin_hosts": server.admin_hosts,
        "server.workers": server.workers,
        "store.redis": store.redis,
        "store.shards": store.shards,
        "store.data_dir": store.data_dir,
        "store.durability": store.durability,
        "store.backlog_mb": store.backlog_mb,
        "sandbox": chosen.sandbox,
        "demo": chosen.demo,
    }


def _plan(chosen: Settings) -> Plan:
    return Plan(sites=chosen.sites, destinations=chosen.destinations, keep=chosen.store.keep)


def _directory(chosen: Settings) -> Directory:
    return Directory.of(chosen.server, chosen.sites.values(), chosen.destinations)


def _changed(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except OSError:
        return None


def _token() -> str:
    return _dice.throw(8).hex()


def _copy_id() -> str:
    return _dice.throw(16).hex()
