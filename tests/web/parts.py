"""The web room with small parts around it: a store in memory, counters in a list, a clock that is told."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from ipaddress import ip_network
from typing import Any, cast

from aiohttp import ClientSession
from multidict import CIMultiDictProxy

from gateway.core.adapter import Adapter, Secret
from gateway.core.event import Copy, Wire
from gateway.core.manifest import RAW, Manifest
from gateway.core.outcome import Door
from gateway.core.site import Destination, Site
from gateway.settings import Server
from gateway.store.errors import Unavailable
from gateway.store.keeper import Answer
from gateway.web.directory import Directory
from gateway.web.front import Front

NOW_MS = 1_795_305_600_000
GRANTED = dict.fromkeys(("ad_storage", "ad_user_data", "ad_personalization", "analytics_storage"), "granted")
DENIED = dict.fromkeys(GRANTED, "denied")
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
VISITOR = "81.2.69.142"


@dataclass
class Shelf:
    """Keeps copies in memory by the rules of one act; refuses while `is_down`, breaks while `is_broken`."""

    copies: list[Copy] = field(default_factory=list)
    is_down: bool = False
    is_broken: bool = False
    late: bool = False

    async def keep(self, copies: Sequence[Copy]) -> list[Door]:
        if self.is_down:
            raise Unavailable
        if self.is_broken:
            raise RuntimeError("jo.doe@gmail.com broke it")
        return [self._keep(copy) for copy in copies]

    def submit(self, copy: Copy, answer: Answer) -> None:
        # Later, as a store answers.
        asyncio.get_running_loop().call_soon(self._answer, copy, answer)

    def _answer(self, copy: Copy, answer: Answer) -> None:
        if self.is_down:
            answer.set_exception(Unavailable())
        elif self.is_broken:
            answer.set_exception(RuntimeError("jo.doe@gmail.com broke it"))
        else:
            answer.set_result(self._keep(copy))

    def _keep(self, copy: Copy) -> Door:
        twins = [known for known in self.copies if (known.name, known.event_id) == (copy.name, copy.event_id)]
        self.copies.append(copy)
        if any(known.wires == copy.wires for known in twins):
            return Door.DUPLICATE
        if twins:
            return Door.LATE if self.late else Door.MERGED
        return Door.ACCEPTED


@dataclass
class Tallied:
    doors: list[tuple[str, str, Wire, str]] = field(default_factory=list)
    drops: list[tuple[str, str, str]] = field(default_factory=list)
    scripts: list[tuple[str, str, str]] = field(default_factory=list)

    def dropped(self, site: str, fields: Sequence[tuple[str, str]]) -> None:
        self.drops += [(site, name, fault) for name, fault in fields]

    def proxied(self, site: str, route: str, outcome: str) -> None:
        self.scripts.append((site, route, outcome))

    def door(self, site: str, event: str, wire: Wire, status: str, event_id: str = "") -> None:
        self.doors.append((site, event, wire, status))

    @property
    def last(self) -> tuple[str, str, Wire, str]:
        return self.doors[-1]


@dataclass
class Clock:
    now_ms: int = NOW_MS

    def __call__(self) -> int:
        return self.now_ms


def adapter(module: str) -> Adapter:
    """Return something whose file is named after a platform, which is all the door looks at."""
    manifest = Manifest(reads=(RAW,) if module.endswith("_relay") else ())
    return cast(Adapter, type("Fake", (), {"__module__": f"adapters.{module}", "manifest": manifest})())


DESTINATIONS = {
    name: Destination(name=name, adapter=adapter(name))
    for name in ("meta", "google_data_manager", "tiktok", "echo", "ga4_relay")
}


def site(**more: Any) -> Site:
    return Site(
        **{
            "name": "shop",
            "hosts": ("127.0.0.1", "localhost", "t.shop.example"),
            "origins": ("https://shop.example",),
            "api_keys": (Secret("api-key"),),
            "destinations": tuple(name for name in DESTINATIONS if name != "ga4_relay"),
            **more,
        }
    )


def directory(*sites: Site, trusted: tuple[str, ...] = ("127.0.0.0/8",), **server: Any) -> Directory:
    networks = tuple(ip_network(cidr) for cidr in trusted)
    return Directory.of(Server(trusted_proxies=networks, **server), sites or (site(),), DESTINATIONS)


def front(*sites: Site, **server: Any) -> Front:
    return Front(
        directory=directory(*sites, **server),
        keeper=Shelf(),
        tally=Tallied(),
        now_ms=Clock(),
        dice=lambda: secrets.token_bytes(32),
    )


Headers = CIMultiDictProxy[str]


class Gate:
    """The public listener on a real socket, and what browsers and backends do with it."""

    def __init__(self, front: Front, port: int, http: ClientSession) -> None:
        self.front, self.port, self.http = front, port, http
        assert isinstance(front.keeper, Shelf)
        assert isinstance(front.tally, Tallied)
        assert isinstance(front.now_ms, Clock)
        self.shelf, self.tally, self.clock = front.keeper, front.tally, front.now_ms

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def ask(self, method: str, path: str, **more: Any) -> tuple[int, Headers, bytes]:
        async with self.http.request(method, self.url(path), allow_redirects=False, **more) as answer:
            return answer.status, answer.headers, await answer.read()

    async def pixel(
        self, params: dict[str, str] | None = None, headers: dict[str, str] | None = None, path: str = "/pixel.gif"
    ) -> tuple[int, Headers, bytes]:
        return await self.ask("GET", path, params=params, headers={"X-Forwarded-For": VISITOR, **(headers or {})})

    async def beacon(
        self, body: Any, headers: dict[str, str] | None = None, path: str = "/e"
    ) -> tuple[int, Headers, bytes]:
        told = {
            "Content-Type": "text/plain;charset=UTF-8",
            "Origin": "https://shop.example",
            "X-Forwarded-For": VISITOR,
            **(headers or {}),
        }
        sent = {"data": BytesIO(body)} if isinstance(body, bytes) else {"json": body}
        return await self.ask("POST", path, headers=told, **sent)

    async def server(
        self, body: Any, key: str | None = "api-key", headers: dict[str, str] | None = None, path: str = "/api/events"
    ) -> tuple[int, Headers, bytes]:
        told = {} if key is None else {"Authorization": f"Bearer {key}"}
        sent = {"data": BytesIO(body)} if isinstance(body, bytes) else {"json": body}
        return await self.ask("POST", path, headers={**told, **(headers or {})}, **sent)


Open = Callable[..., Awaitable[Gate]]
