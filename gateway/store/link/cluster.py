"""Many masters: each key goes to the one that has its slot now, and follows when slots move."""

from __future__ import annotations

import asyncio
from binascii import crc_hqx
from collections.abc import Sequence
from math import inf
from typing import Any, Final

from gateway.settings.store_url import StoreUrl
from gateway.store.errors import Unavailable
from gateway.store.link.ask import MOST_TRIES, Ask, Lane, Refusal, load_again, pack, unavailable
from gateway.store.link.pipe import Pipe, Reach
from gateway.store.link.server import Address, Server

SLOTS: Final = 16_384
# Between two looks at the map, however many commands were sent to the wrong place meanwhile.
_LOOK_S: Final = 0.2
# So that a node that hangs leaves time for the next one.
_NODE_S: Final = 0.3
_STALE: Final = ("CLUSTERDOWN", "READONLY", "MASTERDOWN")
_MOVING: Final = ("ASK", "TRYAGAIN")

Place = tuple[str, int]


def slot_of(key: str | bytes) -> int:
    """Return a key's slot: CRC-16/XMODEM of what stands in its first braces, else of the whole key.

    Source:  https://valkey.io/topics/cluster-spec/, "Hash tags", read 2026-11-22.
    """
    name = key.encode() if isinstance(key, str) else key
    start = name.find(b"{")
    if start >= 0:
        end = name.find(b"}", start + 1)
        if end > start + 1:
            name = name[start + 1 : end]
    return crc_hqx(name, 0) % SLOTS


class Cluster:
    """Keeps the map of slots, and a server object a node."""

    def __init__(self, url: StoreUrl) -> None:
        self._url = url
        self._servers: dict[Place, Server] = {}
        self._slots: list[Server | None] = [None] * SLOTS
        self._masters: tuple[Server, ...] = ()
        self._homeless: list[tuple[Ask, ...]] = []
        self._looking: asyncio.Task[None] | None = None
        self._looked_s = -inf
        self._guide: Place | None = None
        self._is_closed = False

    def send(self, *asks: Ask) -> None:
        """Send commands to the master of the first one's key; without a key, to any master."""
        if not self._masters:
            self._homeless.append(asks)
            self._look()
            return
        key = asks[0].key
        server = self._masters[0] if key is None else self._slots[slot_of(key)]
        if server is None:
            _fail(asks, "no master has this slot")
            self._look()
            return
        server.send(*asks)

    def spread(self, asks: Sequence[Ask]) -> None:
        """Send commands together, each where it belongs; what belongs to one server keeps its order."""
        groups: dict[Server | None, list[Ask]] = {}
        for ask in asks:
            groups.setdefault(None if ask.key is None else self._slots[slot_of(ask.key)], []).append(ask)
        for server, group in groups.items():
            if server is None:  # no map yet, or no key
                for ask in group:
                    self.send(ask)
            else:
                server.send(*group)

    async def masters(self) -> Sequence[Server]:
        """Ask the cluster for its masters of now; raises Unavailable."""
        await self._read()
        return self._masters

    def refresh(self) -> None:
        for server in tuple(self._servers.values()):
            server.refresh()
        self._look()

    async def close(self) -> None:
        self._is_closed = True
        if self._looking is not None:
            self._looking.cancel()
        self._fail_homeless("store is closed")
        for server in tuple(self._servers.values()):
            server.close()

    # ---- redirects

    def _refused(self, pipe: Pipe, ask: Ask, refusal: Refusal) -> None:
        """Follow a slot: whoever redirects has run nothing.

        A script does not follow one that is still on its way: it would run where half of its keys are not yet.
        """
        code, _, where = str(refusal).partition(" ")
        if code in _STALE:
            self._look()
        if code in _MOVING and ask.script is not None:
            ask.fail(Unavailable("its slot is moving"))
        elif ask.answer.done() or ask.tries >= MOST_TRIES:
            ask.fail(unavailable(refusal))
        elif code == "NOSCRIPT" and ask.script is not None:
            load_again(pipe, ask, ask.script)
        elif code in ("MOVED", "ASK"):
            self._follow(pipe, ask, code, where)
        else:
            ask.fail(unavailable(refusal))

    def _follow(self, pipe: Pipe, ask: Ask, code: str, where: str) -> None:
        slot, _, address = where.partition(" ")
        host, _, port = address.rpartition(":")
        server = self._server((_known(host, pipe.reach), int(port)))
        ask.tries += 1
        if code == "MOVED":
            self._slots[int(slot)] = server
            self._look()
        server.follow(ask, is_asking=code == "ASK")

    # ---- the map

    def _look(self) -> None:
        """Read the map again soon."""
        if self._looking is None and not self._is_closed:
            self._looking = asyncio.get_running_loop().create_task(self._look_soon(), name="store.map")

    async def _look_soon(self) -> None:
        try:
            await asyncio.sleep(max(0.0, self._looked_s + _LOOK_S - asyncio.get_running_loop().time()))
            await self._read()
        except Unavailable as err:
            self._fail_homeless(str(err))
        finally:
            self._looking = None

    async def _read(self) -> None:
        reasons = []
        for place in self._candidates():
            server = self._server(place)
            server.refresh()
            ask = Ask(pack("CLUSTER", "SLOTS"), None, Lane.COMMANDS)
            server.send(ask)
            try:
                async with asyncio.timeout(_NODE_S):
                    ranges = await ask.answer
            except (Unavailable, TimeoutError) as err:
                ask.abandon()
                reasons.append(str(err) or "no answer in time")
                continue
            self._looked_s = asyncio.get_running_loop().time()
            if ranges:
                self._guide = place
                self._apply(place, ranges)
                return
            reasons.append("knows no slots")
        raise Unavailable(f"no node of the cluster answers: {', '.join(dict.fromkeys(reasons))}")

    def _candidates(self) -> list[Place]:
        """Whoever knew it last, the masters, and those that the configuration names."""
        known = [place for place, server in self._servers.items() if server in self._masters]
        guide = () if self._guide is None else (self._guide,)
        return list(dict.fromkeys((*guide, *known, *self._url.places)))

    def _apply(self, place: Place, ranges: Sequence[Any]) -> None:
        slots: list[Server | None] = [None] * SLOTS
        for first, last, master, *_ in ranges:
            host = (master[0] or b"").decode()
            server = self._server((host if host not in ("", "?") else place[0], int(master[1])))
            slots[first : last + 1] = [server] * (last + 1 - first)
        masters = tuple(dict.fromkeys(server for server in slots if server is not None))
        for server in self._masters:
            if server not in masters:
                server.retire()
        self._slots, self._masters = slots, masters
        named = (*self._url.places, place)
        self._servers = {
            at: server for at, server in self._servers.items() if server in masters or at in named or not server.is_idle
        }
        homeless, self._homeless = self._homeless, []
        for asks in homeless:
            self.send(*asks)

    def _server(self, place: Place) -> Server:
        if place not in self._servers:
            self._servers[place] = Server(Address(self._url, place), refused=self._refused, lost=lambda _: self._look())
        return self._servers[place]

    def _fail_homeless(self, reason: str) -> None:
        homeless, self._homeless = self._homeless, []
        for asks in homeless:
            _fail(asks, reason)


def _known(host: str, asked: Reach) -> str:
    """Return the host, or that of whoever told it where a node does not know its own name."""
    if host in ("", "?") and isinstance(asked, Address) and asked.place is not None:
        return asked.place[0]
    return host.removeprefix("[").removesuffix("]")


def _fail(asks: Sequence[Ask], reason: str) -> None:
    for ask in asks:
        ask.fail(Unavailable(reason))
