"""Reads a request's body: never longer, slower or further unpacked than it may be."""

from __future__ import annotations

import asyncio
import zlib
from enum import Enum
from typing import Final

import aiohttp
from aiohttp import hdrs, web

# A phone on a bad network sends a beacon in one or two; a trickle would hold the connection for ever.
READ_TIMEOUT_S: Final = 5
# A backend that has shown its key may send 16 MiB over a line of 5 Mbit/s.
API_READ_TIMEOUT_S: Final = 30
MAX_BYTES: Final = 1024 * 1024
MAX_API_BYTES: Final = 16 * 1024 * 1024
_MAX_DROPPED_BYTES: Final = 16 * 1024 * 1024
# Unpacking this much takes about as long as one turn of the loop may; more of it goes to a thread.
_INLINE_BYTES: Final = 16 * 1024
# Programs that append write a few members; a million empty ones would be copied a million times.
_MAX_MEMBERS: Final = 16
_GZIP: Final = zlib.MAX_WBITS | 16
_PLAIN: Final = ("", "identity")
_GZIPPED: Final = ("gzip", "x-gzip")


class Unread(Enum):
    """Why there is no body."""

    TOO_LARGE = "too_large"
    TOO_SLOW = "too_slow"
    BROKEN = "broken"


async def read(request: web.Request, *, max_bytes: int, timeout_s: float, gzip: bool = False) -> bytes | Unread:
    """Return the whole body, unpacked where `gzip` allows that.

    Errors: never raises; a body that is packed otherwise is `BROKEN`.
    """
    packed = await receive(request, max_bytes=max_bytes, timeout_s=timeout_s, gzip=gzip)
    return packed if isinstance(packed, Unread) else await unpack(request, packed, max_bytes)


async def receive(request: web.Request, *, max_bytes: int, timeout_s: float, gzip: bool) -> bytes | Unread:
    """Return the body as it travelled, which is what was signed."""
    coding = _coding(request)
    if coding not in _PLAIN and not (gzip and coding in _GZIPPED):
        return Unread.BROKEN
    return await _all(request, max_bytes, timeout_s)


async def unpack(request: web.Request, packed: bytes, max_bytes: int) -> bytes | Unread:
    """Return what a received body says."""
    if _coding(request) in _PLAIN:
        return packed
    if len(packed) <= _INLINE_BYTES:
        return inflate(packed, max_bytes)
    return await asyncio.to_thread(inflate, packed, max_bytes)


def _coding(request: web.Request) -> str:
    return request.headers.get(hdrs.CONTENT_ENCODING, "").strip().lower()


def inflate(packed: bytes, max_bytes: int) -> bytes | Unread:
    """Unpack gzip, never more than the limit: a bomb costs what an honest body costs."""
    unpacked = b""
    for _ in range(_MAX_MEMBERS):
        if not packed:
            return unpacked
        member = zlib.decompressobj(_GZIP)
        try:
            unpacked += member.decompress(packed, max_bytes + 1 - len(unpacked))
        except zlib.error:
            return Unread.BROKEN
        if len(unpacked) > max_bytes:
            return Unread.TOO_LARGE
        if not member.eof:
            return Unread.BROKEN
        packed = member.unused_data
    return Unread.BROKEN if packed else unpacked


async def discard(request: web.Request) -> None:
    """Let a body of ordinary size arrive unread: whoever is cut off while sending never sees the answer."""
    await _all(request, 0, READ_TIMEOUT_S)


async def _all(request: web.Request, max_bytes: int, timeout_s: float) -> bytes | Unread:
    """Collect the body; what goes beyond the limit is dropped as it comes, for a while, so that 413 can be read."""
    body, size = bytearray(), 0
    try:
        async with asyncio.timeout(timeout_s):
            while chunk := await request.content.readany():
                size += len(chunk)
                if size > max_bytes + _MAX_DROPPED_BYTES:
                    break
                if size <= max_bytes:
                    body += chunk
    except TimeoutError:
        return Unread.TOO_SLOW
    # RuntimeError: aiohttp's word for a client who was gone before we began to read.
    except (aiohttp.ClientPayloadError, aiohttp.http_exceptions.HttpProcessingError, ConnectionError, RuntimeError):
        return Unread.BROKEN
    return bytes(body) if size <= max_bytes else Unread.TOO_LARGE
