"""The hand that does what the schedule says, writes down when it did, and heals everything at the end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Mapping, Sequence

import aiohttp
from redis.exceptions import RedisError

from faults.gateways import Gateway
from faults.ledger import Ledger, Window
from faults.line import Line, Way
from faults.platforms import Mood, Platform
from faults.schedule import Fault, Step
from faults.store import Store

_WAYS = {Fault.HOLD: Way.HOLDS, Fault.ONE_WAY: Way.SWALLOWS_ANSWERS, Fault.REFUSE: Way.REFUSES, Fault.SLOW: Way.SLOW}


class Injector:
    """Torments one set-up. A fault that cannot be done now (its gateway is down already) is left out."""

    def __init__(
        self,
        store: Store,
        line: Line,
        gateways: Sequence[Gateway],
        platforms: Mapping[str, Platform],
        ledger: Ledger,
        http: aiohttp.ClientSession,
        dice: random.Random,
    ) -> None:
        self._store = store
        self._line = line
        self._gateways = {gateway.name: gateway for gateway in gateways}
        self._platforms = platforms
        self._ledger = ledger
        self._http = http
        self._dice = dice
        self._busy: set[str] = set()
        self.torn = 0

    async def run(self, steps: Sequence[Step]) -> None:
        """Do every step at its time; returns when the last one is over and healed."""
        began_s = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for step in steps:
                await asyncio.sleep(max(0.0, began_s + step.at_s - time.monotonic()))
                group.create_task(self._do(step))

    async def _do(self, step: Step) -> None:
        if step.where in self._busy:
            return  # a restart took longer than the schedule thought
        self._busy.add(step.where)
        begun_s = time.monotonic()
        try:
            if step.fault is Fault.MOOD:
                await self._sour(step)
            elif step.where == "redis":
                await self._torment_store(step)
            else:
                await self._torment_gateway(step)
        finally:
            self._busy.discard(step.where)
            what = step.what or step.fault.value
            self._ledger.windows.append(Window(what=what, where=step.where, begun_s=begun_s, ended_s=time.monotonic()))

    async def _sour(self, step: Step) -> None:
        platform = self._platforms[step.where]
        platform.mood = Mood(step.what)
        await asyncio.sleep(step.lasts_s)
        platform.mood = Mood.WELL

    async def _torment_store(self, step: Step) -> None:
        match step.fault:
            case Fault.KILL:
                self._store.kill()
                await asyncio.sleep(step.lasts_s)
                await self._store.start()
            case Fault.HANG:
                self._store.hang()
                await asyncio.sleep(step.lasts_s)
                self._store.wake()
            case Fault.CUT:
                self._line.cut()
            case Fault.FLUSH:
                ends_s = time.monotonic() + step.lasts_s
                while time.monotonic() < ends_s:
                    await self._store.ask("SCRIPT", "FLUSH")
                    await asyncio.sleep(0.1)
            case Fault.FULL:
                async with self._full():
                    await asyncio.sleep(step.lasts_s)
            case _:
                self._line.turn(_WAYS[step.fault])
                await asyncio.sleep(step.lasts_s)
                self._line.turn(Way.PASSES)

    @contextlib.asynccontextmanager
    async def _full(self) -> AsyncIterator[None]:
        await self._store.ask("CONFIG", "SET", "maxmemory", max(1_000_000, await self._store.memory_bytes() // 2))
        try:
            yield
        finally:
            await self._store.ask("CONFIG", "SET", "maxmemory", 0)

    async def _torment_gateway(self, step: Step) -> None:
        gateway = self._gateways[step.where]
        match step.fault:
            case Fault.RELOAD | Fault.RELOAD_BAD:
                gateway.write_config(bad=step.fault is Fault.RELOAD_BAD)
                gateway.send(signal.SIGHUP)
                await asyncio.sleep(0.5)
                gateway.write_config()  # a restart must find a good one
            case Fault.GATEWAY_PAUSE:
                gateway.send(signal.SIGSTOP)
                await asyncio.sleep(step.lasts_s)
                gateway.send(signal.SIGCONT)
            case Fault.GATEWAY_TERM:
                await gateway.stop()
                await asyncio.sleep(step.lasts_s)
                await gateway.start(self._http)
            case Fault.DISK_FULL:
                gateway.limit_files(0)
                await asyncio.sleep(step.lasts_s)
                gateway.limit_files(None)
            case _:
                gateway.kill()
                if step.fault is Fault.TORN:
                    self._tear(gateway)
                await asyncio.sleep(step.lasts_s)
                await gateway.start(self._http)

    def _tear(self, gateway: Gateway) -> None:
        """Leave at the end of its files what a crash in the middle of a write leaves."""
        for path in gateway.segments():
            whole = path.read_bytes()
            half = whole[-self._dice.randrange(1, 64) :] if self._dice.random() < 0.5 else os.urandom(40)
            with path.open("ab") as file:
                file.write(half[: max(1, len(half) // 2)])
            self.torn += 1

    async def heal(self) -> None:
        """Make everything well again, whatever was going on."""
        for platform in self._platforms.values():
            platform.mood = Mood.WELL
        self._line.turn(Way.PASSES)
        with contextlib.suppress(RedisError, OSError):
            await self._store.ask("CONFIG", "SET", "maxmemory", 0)
        for gateway in self._gateways.values():
            gateway.limit_files(None)
            if not gateway.is_running:
                await gateway.start(self._http)
