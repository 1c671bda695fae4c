"""Events through `POST /api/events`, until the gateway has ruled on each of them."""

from __future__ import annotations

import asyncio
import gzip
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import aiohttp
import orjson
from yarl import URL

from gateway.commands.words import shown
from gateway.core.adapter import RETRIED_STATUSES
from gateway.core.site import Site
from gateway.web import signature

_TIMEOUT: Final = aiohttp.ClientTimeout(total=60, connect=5)
_UNAVAILABLE: Final = "unavailable"
_NOBODY: Final = "nothing answers"
# Level 9 makes it 2 % smaller and takes four times as long.
_PACKED: Final = 5


class PostError(Exception):
    """It cannot go on; the text says why and what to do. Whatever was acknowledged before, is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait between two tries, and how long without any progress."""

    first_s: float = 0.5
    longest_s: float = 30.0
    total_s: float = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What the gateway says became of one event."""

    status: str
    reason: str = ""
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What one request brought: fates, or a reason to wait (`why`), or neither where it was too large."""

    fates: list[Fate] | None = None
    why: str = ""
    wait_s: float | None = None


class Post:
    """`said` is told, in words, whenever there is a wait. The site's keys show who sends: all kinds that it has."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: URL,
        site: Site,
        *,
        said: Callable[[str], None],
        patience: Patience | None = None,
    ) -> None:
        self._session = session
        self._url = url
        self._site = site
        self._said = said
        self._patience = patience or Patience()
        self._is_known = False

    async def deliver(self, events: Sequence[bytes]) -> list[Fate]:
        """Send events, each as JSON, and return what became of each, in their order.

        Errors:  PostError when the gateway does not take them and waiting does not help. What it could not keep
                 just now is sent again by itself, so a lost answer shows as `duplicate`.
        """
        fates: dict[int, Fate] = {}
        tries, progress_s = 0, time.monotonic()
        while left := [index for index in range(len(events)) if index not in fates]:
            waiting = [events[index] for index in left]
            answer = await self._once(waiting)
            ruled = answer.fates
            if ruled is None and not answer.why:
                ruled = await self._halves(waiting)
            kept = [(at, fate) for at, fate in zip(left, ruled or (), strict=False) if fate.reason != _UNAVAILABLE]
            fates.update(kept)
            if kept:
                tries, progress_s = 0, time.monotonic()
            if len(kept) < len(left):
                await self._wait(answer, tries, progress_s)
                tries += 1
        return [fates[index] for index in range(len(events))]

    async def _wait(self, answer: _Answer, tries: int, progress_s: float) -> None:
        patience, why = self._patience, answer.why or "the gateway cannot keep events just now"
        if not self._is_known and why == _NOBODY:
            raise PostError(f"nothing answers on {self._url.authority}; is `tagway serve` running?")
        grown_s = min(patience.longest_s, patience.first_s * 2 ** min(tries, 20)) * random.uniform(0.5, 1)
        wait_s = grown_s if answer.wait_s is None else answer.wait_s
        if time.monotonic() + wait_s - progress_s > patience.total_s:
            raise PostError(f"{why}, for {patience.total_s:.0f} s now; send the file again to go on from here")
        self._said(f"{why}; trying again in {wait_s:.0f} s")
        await asyncio.sleep(wait_s)

    async def _halves(self, events: Sequence[bytes]) -> list[Fate]:
        """Send in two what somebody on the way found too large."""
        if len(events) == 1:
            return [Fate(status="refused", reason="size", errors=("event: too large for what stands on the way",))]
        middle = len(events) // 2
        return [*await self.deliver(events[:middle]), *await self.deliver(events[middle:])]

    async def _once(self, events: Sequence[bytes]) -> _Answer:
        body = gzip.compress(b'{"events":[' + b",".join(events) + b"]}", compresslevel=_PACKED)
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip", **_shown_keys(self._site, body)}
        try:
            async with self._session.post(
                self._url, data=body, headers=headers, timeout=_TIMEOUT, allow_redirects=False
            ) as answer:
                told = _parsed(await answer.read())
        except (aiohttp.ClientError, TimeoutError, OSError):
            return _Answer(why=_NOBODY)
        self._is_known = True
        return self._read(answer.status, _seconds(answer.headers.get("Retry-After", "")), told, len(events))

    def _read(self, status: int, wait_s: float | None, told: Any, count: int) -> _Answer:
        if status in (HTTPStatus.OK, HTTPStatus.SERVICE_UNAVAILABLE) and (fates := _fates(told, count)) is not None:
            return _Answer(fates=fates, wait_s=wait_s)
        if status in RETRIED_STATUSES:
            return _Answer(why=f"the gateway is busy (HTTP {status})", wait_s=wait_s)
        match status:
            case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
                return _Answer()
            case HTTPStatus.UNAUTHORIZED:
                raise PostError(f"{self._url.authority} does not take {_keys_of(self._site)}; {_why(told)}")
            case HTTPStatus.OK | HTTPStatus.NOT_FOUND:
                raise PostError(f"what answers on {self._url} is no Tagway gateway (HTTP {status})")
            case _:
                raise PostError(f"{self._url} does not take the request (HTTP {status}); is something before it?")


def _shown_keys(site: Site, body: bytes) -> dict[str, str]:
    headers = {}
    if site.api_keys:
        headers["Authorization"] = f"Bearer {site.api_keys[0].reveal()}"
    if site.request_keys:
        headers[signature.HEADER] = signature.sign(site.request_keys[0], time.time(), body, site=site.name)
    return headers


def _keys_of(site: Site) -> str:
    kinds = ["API key"] * bool(site.api_keys) + ["signature"] * bool(site.request_keys)
    return f"the site's {' and '.join(kinds)}"


def _why(told: Any) -> str:
    errors = told.get("errors") if isinstance(told, dict) else None
    if isinstance(errors, list) and errors and str(errors[0]).startswith(signature.HEADER):
        return shown(str(errors[0]))
    return "was it changed since?"


def _seconds(retry_after: str) -> float | None:
    is_number = retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 5
    return float(retry_after) if is_number else None


def _parsed(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def _fates(told: Any, count: int) -> list[Fate] | None:
    """Read the results; None when they are not the gateway's, or of something else."""
    results = told.get("results") if isinstance(told, dict) else None
    if not isinstance(results, list) or len(results) != count:
        return None
    if not all(isinstance(one, dict) and isinstance(one.get("status"), str) for one in results):
        return None
    return [
        Fate(
            status=one["status"],
            reason=str(one.get("reason") or ""),
            errors=tuple(map(str, one.get("errors") or ())),
            warnings=tuple(map(str, one.get("warnings") or ())),
        )
        for one in results
    ]
