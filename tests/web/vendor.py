"""A vendor on a real socket that says what a test wants, byte by byte, and remembers what it was asked."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Any

SCRIPT = b"window.vendor = function () { return 'vendor'; };\n" * 20


def said(status: int = 200, body: bytes = SCRIPT, **headers: str | None) -> bytes:
    """Spell an answer; `Content_Type=None` leaves a line out."""
    lines: dict[str, str | None] = {
        "Content-Type": "application/javascript; charset=UTF-8",
        "Content-Length": str(len(body)),
        "Connection": "close",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    head = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {value}" for name, value in lines.items() if value is not None)]
    return "\r\n".join([*head, "", ""]).encode("utf-8", "surrogateescape") + body


def packed(body: bytes = SCRIPT, **headers: str | None) -> bytes:
    return said(200, gzip.compress(body), Content_Encoding="gzip", **headers)


@dataclass
class Vendor:
    """`answers` are given in turn, the last one for ever; `held`: nobody is answered until it is set."""

    port: int = 0
    answers: list[bytes] = field(default_factory=lambda: [said()])
    heads: list[str] = field(default_factory=list)
    held: asyncio.Event = field(default_factory=asyncio.Event)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    stays_open: bool = False
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    def url(self, path: str = "/gtag/js", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    @property
    def targets(self) -> list[str]:
        return [head.split(" ")[1] for head in self.heads]

    def lines(self, at: int = -1) -> dict[str, str]:
        rows = self.heads[at].split("\r\n")[1:]
        return {name.lower(): value.strip() for name, _, value in (row.partition(":") for row in rows if row)}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode("latin-1"))
            self.asked.set()
            await self.held.wait()
            writer.write(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])
            await writer.drain()
            if self.stays_open:
                await reader.read()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.gone.set()
            writer.close()


@asynccontextmanager
async def vending(*answers: bytes, tls: SSLContext | None = None, **more: Any) -> AsyncIterator[Vendor]:
    """Open a vendor with these answers."""
    vendor = Vendor(**more)
    vendor.answers = list(answers) or vendor.answers
    vendor.held.set()
    server = await asyncio.start_server(vendor.serve, "127.0.0.1", 0, ssl=tls)
    vendor.port = server.sockets[0].getsockname()[1]
    try:
        yield vendor
    finally:
        vendor.held.set()
        server.close()
