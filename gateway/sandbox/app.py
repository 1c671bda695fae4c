"""The sandbox as one aiohttp application, and as a thing to start and ask in-process."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from aiohttp import web

from gateway.sandbox.admin import Admin
from gateway.sandbox.call import Object, Platform
from gateway.sandbox.door import MAX_BODY_BYTES, Clock, Door
from gateway.sandbox.faults import read_script
from gateway.sandbox.ga4 import GA4
from gateway.sandbox.google import Google
from gateway.sandbox.linkedin import LinkedIn
from gateway.sandbox.meta import Meta
from gateway.sandbox.microsoft import Microsoft
from gateway.sandbox.pinterest import Pinterest
from gateway.sandbox.reddit import Reddit
from gateway.sandbox.snap import Snap
from gateway.sandbox.state import Memory
from gateway.sandbox.terms import Terms
from gateway.sandbox.tiktok import TikTok
from gateway.sandbox.x import X

NAMES: Final = ("google", "meta", "tiktok", "snap", "pinterest", "reddit", "microsoft", "ga4", "linkedin", "x")
# All but Google, which the sandbox has to know besides, for its keys and its conversion actions.
_PLATFORMS: Final[tuple[Callable[[Terms], Platform], ...]] = (
    Meta,
    TikTok,
    Snap,
    Pinterest,
    Reddit,
    Microsoft,
    GA4,
    LinkedIn,
    X,
)
# Pixel and token URLs are long; the default of 8,190 bytes would answer 400 before a platform is asked.
_MAX_LINE_BYTES: Final = 65_536
# What still drips or waits when the sandbox ends is cut, not waited for.
_SHUTDOWN_S: Final = 0.2


class Sandbox:
    """Hold the emulated platforms of one process, to be asked directly by whoever runs them."""

    def __init__(self, terms: Terms | None = None, clock: Clock = time.time) -> None:
        self.terms = terms or Terms()
        self.url = ""
        self._google = Google(self.terms)
        platforms: list[Platform] = [self._google, *(platform(self.terms) for platform in _PLATFORMS)]
        self._memory = Memory(NAMES)
        self._doors = {one.name: Door(one, self._memory, clock) for one in platforms}
        self.app = web.Application(client_max_size=MAX_BODY_BYTES)
        Admin(self._memory, self._doors, self._google, clock).mount(self.app)
        for door in self._doors.values():
            door.mount(self.app)

    def endpoint(self, platform: str) -> str:
        """Give what stands for a platform's scheme and host in a destination's `endpoint`."""
        return f"{self.url}/{self._doors[platform].platform.name}"

    def events(self, platform: str) -> list[dict[str, Any]]:
        """List what a platform accepted, after its own deduplication, oldest first."""
        return self._memory.books[platform].events()

    def requests(self, platform: str) -> list[dict[str, Any]]:
        """List the calls a platform got, with its verdicts, oldest first."""
        return self._memory.books[platform].calls()

    def violations(self) -> list[Object]:
        """List what broke privacy or secrecy, at any platform."""
        return [one.said() for one in self._memory.violations]

    def script(self, platform: str, *faults: Mapping[str, object]) -> None:
        """Script what goes wrong next, in order, instead of what was scripted.

        Errors:  ValueError names the wrong word and the nearest right one.
        """
        door = self._doors[platform]
        read = read_script([dict(one) for one in faults], door.places, door.errors)
        if isinstance(read, str):
            raise ValueError(read)
        self._memory.books[platform].script.write(read)

    def faults(self, platform: str) -> list[Object]:
        """List what is still to go wrong."""
        return [one.said() for one in self._memory.books[platform].script.remaining()]

    def google_modes(self, *, online: Iterable[str] = (), offline: Iterable[str] = ()) -> None:
        """Say which of Google's conversion actions are website actions and which are imported."""
        self._google.set_modes({**dict.fromkeys(online, "online"), **dict.fromkeys(offline, "offline")})

    def google_key(self) -> Object:
        """Give the service-account file that the sandbox's token endpoint can verify.

        Errors:  none; the first call takes a tenth of a second, for the key is made then.
        """
        return self._google.key.file(f"{self.endpoint('google')}/token")

    def forget(self) -> None:
        """Forget events, calls, faults and violations; tokens stay good."""
        for book in self._memory.books.values():
            book.forget_events()
            book.forget_calls()
            book.script.write(())
        self._memory.violations.clear()


def sandbox_app(terms: Terms | None = None, clock: Clock = time.time) -> web.Application:
    """Build the sandbox as an application for somebody else's server."""
    return Sandbox(terms, clock).app


@asynccontextmanager
async def running(
    host: str = "127.0.0.1", port: int = 0, *, terms: Terms | None = None, clock: Clock = time.time
) -> AsyncIterator[Sandbox]:
    """Serve the sandbox while the block lasts.

    Shape:   port 0 takes a free one; `url` of what is yielded names it.
    Errors:  OSError when the address cannot be bound.
    """
    sandbox = Sandbox(terms, clock)
    runner = web.AppRunner(
        sandbox.app,
        access_log=None,
        shutdown_timeout=_SHUTDOWN_S,
        max_line_size=_MAX_LINE_BYTES,
        max_field_size=_MAX_LINE_BYTES,
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        name, bound = runner.addresses[0][:2]
        sandbox.url = f"http://[{name}]:{bound}" if ":" in str(name) else f"http://{name}:{bound}"
        yield sandbox
    finally:
        await runner.cleanup()
