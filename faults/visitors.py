"""People and shops: they send the copies of acts, come again when nobody answered, and write down the answers."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Sequence
from typing import Final

import aiohttp

from faults.acts import Act, Copy, Kind, Wire
from faults.gateways import API_KEY, Gateway
from faults.ledger import MAYBE, REFUSED, Ledger, Told

_HEADERS: Final = {
    "Origin": "https://shop.example",
    "Content-Type": "text/plain",
    "X-Forwarded-For": "81.2.69.142",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36",
}
# A visitor's browser gives up sooner than this; longer than the gateway's own deadlines together.
_PATIENCE_S: Final = 8.0
_AGAIN: Final = 3
# What must never be answered by a 500: unreadable, of the wrong type, cut off, in the wrong letters.
_RUBBISH: Final = (
    b"",
    b"{",
    b"[]",
    b'{"event": 7}',
    b"\xff\xfe\x00",
    b'{"event":"page_view","value":"NaN"}',
    b"[" * 3_000,
)


def session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        cookie_jar=aiohttp.DummyCookieJar(),
        connector=aiohttp.TCPConnector(limit=400, force_close=False),
        timeout=aiohttp.ClientTimeout(total=_PATIENCE_S, sock_connect=2),
    )


class Visitors:
    """Send acts to `gateways`, each copy to any of them."""

    def __init__(
        self, gateways: Sequence[Gateway], ledger: Ledger, http: aiohttp.ClientSession, dice: random.Random
    ) -> None:
        self._gateways = gateways
        self._ledger = ledger
        self._http = http
        self._dice = dice
        self.took_s: list[tuple[float, float]] = []

    async def perform(self, act: Act, *, gap_s: float = 1.0) -> None:
        """Send every copy of an act: the second wire up to `gap_s` after the first, in either order.

        A quarter of the twins meet just when the hold of the first ends, where merging races with arriving.
        """
        dice = self._dice
        copies = list(act.copies)
        dice.shuffle(copies)
        # A denial in one gateway's spool does not hold the other one back (docs/reliability.md): one door an act.
        door = dice.choice(self._gateways) if act.kind is Kind.VETO else None
        edge_s = self._gateways[0].hold_s + dice.uniform(-0.4, 0.3)
        gaps = [0.0] + [edge_s if dice.random() < 0.25 else dice.random() * gap_s for _ in copies[1:]]
        repeats = dice.randint(2, 5) if act.kind is Kind.DOUBLED else 1
        async with asyncio.TaskGroup() as group:
            for copy, gap in zip(copies, gaps, strict=True):
                for _ in range(repeats):
                    group.create_task(self._bring(act, copy, gap, door))

    async def once(self, act: Act) -> None:
        """Send every copy of an act once, the second wire a fifth of a second after the first, and never again."""
        gateway = self._gateways[0]
        for copy in act.copies:
            await self.send(act, copy, gateway)
            await asyncio.sleep(0.2)

    async def _bring(self, act: Act, copy: Copy, after_s: float, door: Gateway | None) -> None:
        """Send one copy, and again while nobody says that it is kept."""
        await asyncio.sleep(after_s)
        for _ in range(_AGAIN):
            gateway = door or self._dice.choice(self._gateways)
            told = await self.send(act, copy, gateway)
            if told.is_acknowledged or told.status == "late" or self._dice.random() < 0.2:
                return
            await asyncio.sleep(0.3 + self._dice.random())

    async def send(self, act: Act, copy: Copy, gateway: Gateway) -> Told:
        """Send one copy once, and write down what was told."""
        begun_s, status = time.monotonic(), MAYBE
        try:
            status = await self._ask(act, copy, gateway)
        except aiohttp.ClientConnectorError:
            status = REFUSED
        except (aiohttp.ClientError, TimeoutError, OSError):
            pass  # it may have come
        finally:
            # Also of one who is sent home while he waits for his answer.
            told = Told(
                act=act.id,
                wire=copy.wire,
                gateway=gateway.name,
                begun_s=begun_s,
                ended_s=time.monotonic(),
                status=status,
            )
            self._ledger.tell(told)
        if told.is_acknowledged:
            self.took_s.append((told.ended_s, told.ended_s - begun_s))
        return told

    async def _ask(self, act: Act, copy: Copy, gateway: Gateway) -> str:
        body = json.dumps(act.body(copy)).encode()
        if copy.wire is Wire.BROWSER:
            async with self._http.post(gateway.url("/e"), data=body, headers=_HEADERS) as answer:
                await answer.read()
                told, good = answer.headers.get("X-Tagway", ""), (204,)
        else:
            headers = {"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json"}
            async with self._http.post(gateway.url("/api/events"), data=body, headers=headers) as answer:
                results = (await answer.json(content_type=None) or {}).get("results") or [{}]
                told, good = str(results[0].get("status", "")), (200,)
        if answer.status in good and told and not told.startswith("refused"):
            return told
        if answer.status != 503 and not told.startswith("refused:unavailable"):
            self._ledger.bad_answers.append(f"{answer.status} {told} to {copy.wire.value} {act.id}")
        return REFUSED

    async def annoy(self) -> None:
        """Send what cannot be read; the answer may be anything but a fault of the server's."""
        gateway, path = self._dice.choice(self._gateways), self._dice.choice(("/e", "/api/events", "/tr", "/g/collect"))
        body = self._dice.choice(_RUBBISH)
        headers = {**_HEADERS, "Authorization": f"Bearer {API_KEY}", "Cookie": "_tw_id=\u00e9; _tw_id=1"}
        try:
            async with self._http.post(gateway.url(path), data=body, headers=headers) as answer:
                await answer.read()
                if answer.status >= 500 and answer.status != 503:
                    self._ledger.bad_answers.append(f"{answer.status} to rubbish on {path}")
        except (aiohttp.ClientError, TimeoutError, OSError):
            return
