"""The settings of the process itself: where it listens, where it keeps things. A site's are in `core/site.py`."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from gateway.core.adapter import Secret
from gateway.core.plan import Keep
from gateway.core.site import Destination, Site
from gateway.settings import problems
from gateway.settings.values import Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where to listen: `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080`. Port 0 takes any free one."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False  # a name may resolve to anything

    @property
    def hosts(self) -> tuple[str, ...]:
        """What to open for it: `::` means everybody, and a socket of IPv6 is opened for IPv6 alone.

        With port 0 the two would get different ones, so it stays one.
        """
        return ("::", "0.0.0.0") if self.host == "::" and self.port else (self.host,)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """`drain_s`: how long SIGTERM keeps serving while not ready; the whole stop takes 25 s at most."""

    listen: Address = Address(host="0.0.0.0", port=8080)
    admin: Address = Address(host="127.0.0.1", port=8081)
    admin_password: Secret | None = None
    admin_hosts: tuple[str, ...] = ()
    workers: int | Literal["auto"] = 1
    drain_s: float = 5
    watch: bool = False
    front_lane: bool = True
    debug: bool = False
    trusted_proxies: tuple[Network, ...] = ()
    country_header: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """`redis` None is the embedded server. `data_dir` is taken from the working directory when it is relative.

    `shards` None: as many as the store was set up with. `backlog_mb`: what may wait in Redis before more goes to our
    disk; 0 keeps all of it in Redis.
    """

    redis: Secret | None = None
    shards: int | None = None
    data_dir: Path = Path("data")
    durability: Literal["auto", "redis", "replicated", "journal"] = "auto"
    backlog_mb: int = 256
    keep: Keep = Keep()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """Run the platform emulators beside the gateway, for trying things out."""

    listen: Address = Address(host="127.0.0.1", port=8082)


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """The demo shop on the public listener, for trying things out. `site`: the one it plays; None is no shop at all."""

    site: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything the configuration said, checked. Equal settings mean that a reload changes nothing.

    `marks` remembers where each value is written, for messages about it.
    """

    path: Path = field(compare=False)
    server: Server = Server()
    store: StoreSettings = StoreSettings()
    sites: Mapping[str, Site]
    destinations: Mapping[str, Destination]
    sandbox: Sandbox | None = None
    demo: Demo = Demo()
    marks: Mapping[problems.Place, problems.Mark] = field(default_factory=dict, repr=False, compare=False)
