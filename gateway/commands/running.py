"""The running gateway as a command reaches it: where it listens, its admin API, and words for when it is away."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

import aiohttp
import orjson
from yarl import URL

from gateway.commands.words import fail, shown
from gateway.core.adapter import Secret
from gateway.settings import Address, Settings

T = TypeVar("T")

# Ten thousand dead letters are replayed one by one while the answer is awaited.
_ANSWER_S: Final = 300.0
_CONNECT_S: Final = 5.0
# The stream says something every 15 s, if only that it lives.
_SILENCE_S: Final = 45.0
_MAX_LINE_BYTES: Final = 1 << 20


class AwayError(Exception):
    """Nobody answers, or no longer (`was_there`); the text names the address."""

    def __init__(self, message: str, *, was_there: bool) -> None:
        super().__init__(message)
        self.was_there = was_there


def run(work: Coroutine[Any, Any, T]) -> T:
    """Start a loop for one command and end it with the command."""
    with asyncio.Runner() as runner:
        return runner.run(work)


def base_url(listener: str, address: Address, remedy: str) -> URL:
    """Return where to knock: a listener on every address is asked on the loopback."""
    if not address.port:
        fail(f"{listener} takes any free port, so nobody knows which; {remedy}")
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host, address.host)
    return URL.build(scheme="http", host=host, port=address.port)


def nobody(url: URL) -> str:
    return f"nothing answers on {url.authority}; is `tagway serve` running?"


class Admin:
    """The admin API of the running gateway. Use `admin()`."""

    def __init__(self, session: aiohttp.ClientSession, url: URL) -> None:
        self._session = session
        self._url = url

    async def get(self, path: str, **query: str | None) -> Any:
        """Ask; ends the command with plain words when there is no good answer. An unknown thing is None."""
        return await self._ask("GET", path, query, None)

    async def post(self, path: str, body: dict[str, Any]) -> Any:
        return await self._ask("POST", path, {}, body)

    async def stream(self, path: str, **query: str) -> AsyncIterator[bytes]:
        """Yield the data of each server-sent event.

        Errors:  AwayError when the stream cannot be had, breaks off or ends.
        """
        timeout = aiohttp.ClientTimeout(connect=_CONNECT_S, sock_read=_SILENCE_S)
        data: list[bytes] = []
        was_there = False
        try:
            async with self._session.get(self._at(path, query), timeout=timeout, allow_redirects=False) as answer:
                if answer.status != 200:
                    await self._read(answer)
                    fail(f"what answers on {self._url.authority} is no Tagway gateway (HTTP {answer.status})")
                was_there = True
                async for line in answer.content:
                    field, _, value = line.rstrip(b"\r\n").partition(b":")
                    if field == b"data":
                        data.append(value.removeprefix(b" "))
                    elif not field and not value and data:
                        yield b"\n".join(data)
                        data = []
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as err:
            raise AwayError(nobody(self._url), was_there=was_there) from err
        raise AwayError(f"{self._url.authority} ended the stream", was_there=True)

    async def _ask(self, method: str, path: str, query: dict[str, str | None], body: dict[str, Any] | None) -> Any:
        data = None if body is None else orjson.dumps(body)
        headers = {"Content-Type": "application/json"}
        try:
            async with self._session.request(
                method, self._at(path, query), data=data, headers=headers, allow_redirects=False
            ) as answer:
                return await self._read(answer)
        except (aiohttp.ClientError, TimeoutError, OSError):
            fail(nobody(self._url))

    def _at(self, path: str, query: dict[str, Any]) -> URL:
        # The path is spelled by its caller: an event id may hold slashes, dots and percent signs.
        url = URL(f"{self._url.origin()}{path}", encoded=True)
        return url.extend_query({key: value for key, value in query.items() if value is not None})

    async def _read(self, answer: aiohttp.ClientResponse) -> Any:
        try:
            told = orjson.loads(await answer.read())
        except orjson.JSONDecodeError:
            fail(f"what answers on {self._url.authority} is no Tagway gateway (HTTP {answer.status}, and no JSON)")
        if answer.status not in (200, 404):
            fail(self._refusal(answer.status, told if isinstance(told, dict) else {}))
        return told if answer.status == 200 else None

    def _refusal(self, status: int, told: dict[str, Any]) -> str:
        if status == 401:
            return f"{self._url.authority} does not take server.admin_password of this file; was it changed since?"
        if status == 503:
            return f"the gateway runs, but its store does not answer: {shown(told.get('reason', 'unknown'))}"
        return f"the gateway says no: {shown(told.get('repair') or told.get('error') or status)}"


@asynccontextmanager
async def admin(settings: Settings) -> AsyncIterator[Admin]:
    """Open the admin API of the gateway that runs with these settings."""
    server = settings.server
    url = base_url("server.admin", server.admin, "give it a port of its own")
    # Whatever the address is called, the lock on Host names knows this one.
    async with admin_at(url, server.admin_password, host=f"localhost:{url.port}") as found:
        yield found


@asynccontextmanager
async def admin_at(url: URL, password: Secret | None, *, host: str | None = None) -> AsyncIterator[Admin]:
    """Open the admin API at an address. `host`: the Host name to say instead of the address's own."""
    headers = {"Host": host} if host else {}
    if password is not None:
        pair = f"admin:{password.reveal()}"
        headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
    session = aiohttp.ClientSession(
        headers=headers,
        timeout=aiohttp.ClientTimeout(total=_ANSWER_S, connect=_CONNECT_S),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        read_bufsize=_MAX_LINE_BYTES,
    )
    async with session:
        yield Admin(session, url)
