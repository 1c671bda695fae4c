"""How safe an acknowledgement is: the level, in words that a person can read, and the parts that keep it.

`redis`: Redis has it. `replicated`: a replica has it, too. `journal`: our own disk had it first. On every level a copy
that Redis does not take within its deadline goes to the spool, synced, before anybody is told `accepted`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Literal

from gateway.core.event import Copy
from gateway.core.outcome import Door
from gateway.core.plan import Plan
from gateway.store.database import Database
from gateway.store.pulse import Pulse
from gateway.store.spool.replayer import Replayer
from gateway.store.spool.writer import Segment, Spool

FOLDER: Final = "spool"


class Level(StrEnum):
    REDIS = "redis"
    REPLICATED = "replicated"
    JOURNAL = "journal"


_FSYNC: Final = {
    "always": "Redis syncs every write to its disk before it answers",
    "everysec": "Redis syncs to its disk every second",
    "no": "Redis leaves it to its system when writes reach the disk",
    "off": "Redis keeps no append-only file, so a restart of it loses what is not yet delivered",
    "unknown": "how often Redis syncs to its disk could not be read",
}
_LEVEL: Final = {
    Level.REDIS: "an event is acknowledged when Redis has it",
    Level.REPLICATED: "an event is acknowledged when Redis and one replica have it",
    Level.JOURNAL: "every event is on this machine's disk before it is acknowledged (journal)",
}


def level(wish: Literal["auto", "redis", "replicated", "journal"], fsync: str) -> Level:
    """Choose the level: `auto` trusts a Redis that always syncs, and no other."""
    if wish == "auto":
        return Level.REDIS if fsync == "always" else Level.JOURNAL
    return Level(wish)


def sentence(chosen: Level, fsync: str) -> str:
    """Say what an acknowledgement is worth, for people."""
    return f"{_LEVEL[chosen]}; {_FSYNC.get(fsync, _FSYNC['unknown'])}"


class Safety:
    """One process's pulse, spool and replayer, on one level."""

    def __init__(
        self,
        database: Database,
        data_dir: Path,
        wish: Literal["auto", "redis", "replicated", "journal"] = "auto",
        *,
        spool: Spool | None = None,
    ) -> None:
        self._database = database
        # None: it depends on the server that answers.
        self._chosen = None if wish == "auto" else Level(wish)
        self.spool = spool or Spool(data_dir / FOLDER)
        self.pulse = Pulse(database, changed=self._changed)
        # What is believed of the server's data is forgotten when another server answers, or an emptied one.
        self.forget: Callable[[], None] = lambda: None
        self._replayer: Replayer | None = None

    def _changed(self) -> None:
        self.spool.renounce()
        self.forget()

    @property
    def level(self) -> Level:
        return self._chosen or level("auto", self._database.fsync)

    async def append(self, copy_id: str, sealed: bytes, worth: int) -> Segment:
        """Sync a copy to our disk; raises Unavailable when there is no room, or none for what is worth so little."""
        return await self.spool.append(copy_id, sealed, worth=worth)

    async def run(
        self,
        offer: Callable[[Copy, str], Awaitable[Door]],
        plan: Callable[[], Plan],
        *,
        live: Callable[[], int],
        replayed: Callable[[str, int], None],
        now_ms: Callable[[], int],
    ) -> None:
        """Watch Redis and bring back what is owed, until cancelled."""
        self._replayer = Replayer(
            self.spool,
            self.pulse,
            plan,
            offer,
            live=live,
            replayed=replayed,
            is_journal=lambda: self.level is Level.JOURNAL,
            now_ms=now_ms,
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(self.pulse.run(), name="pulse")
            group.create_task(self._replayer.run(), name="replayer")

    def is_behind(self) -> bool:
        """Say whether the spool may hold twins of acts whose hold is over."""
        return self._replayer is not None and self._replayer.is_behind()

    async def readiness(self) -> tuple[bool, dict[str, Any]]:
        """Say whether an event can be taken, and how safe it is; `degraded` names what is not as it should be."""
        answers = not self.pulse.is_away and await self._database.ping()
        has_room = self.spool.can_take()
        chosen, fsync = self.level, self._database.fsync
        ready = has_room if chosen is Level.JOURNAL else answers or has_room
        told: dict[str, Any] = {
            "durability": chosen.value,
            "fsync": fsync,
            "sentence": sentence(chosen, fsync),
            "spool": {"owed": self.spool.owed, "bytes": self.spool.bytes},
        }
        if not ready:
            told["reason"] = "spool_unavailable" if answers else "store_unavailable"
        elif self.spool.sheds(0):
            told["degraded"] = "shedding"
        elif not answers:
            told["degraded"] = "spooling"
        elif not has_room:
            told["degraded"] = "spool_unavailable"
        return ready, told

    async def close(self) -> None:
        """Leave what is owed on disk for the next start."""
        await self.spool.close(None if self.pulse.is_away else self.pulse.server)
