"""How a copy lies in Redis: a version byte, a CRC-32 over the rest, and MessagePack, plain or pressed.

Redis starts silently over damaged bytes in its append-only file, so what comes back is checked before it is
believed. Unknown fields are ignored, so that two versions can run side by side.

What waits long is pressed: deflated behind a dictionary of what our events have in common, which travels with the
package. A dictionary is never changed, only followed by another of a higher number: what was pressed with it may wait.
"""

from __future__ import annotations

import zlib
from functools import cache
from importlib.resources import files
from struct import Struct
from typing import Any, Final
from zlib import crc32

import msgspec

from gateway.core.event import Copy, Event
from gateway.store.errors import Corrupt

_PLAIN: Final = b"\x01"
_PRESSED: Final = b"\x02"
_HEAD: Final = 5  # version byte and checksum; the checksum is of the plain bytes in both forms
_head: Final = Struct(">BI").pack
# The dictionary that is pressed with; a pressed form names its own in the byte behind the head.
_DICTIONARY: Final = 1
# As large as a record of the spool may be: damaged bytes must not unfold without end.
_MOST: Final = 1 << 20

# What `Opened` remembers: twice as many events at most (some 8 KB each), and twice as long.
_KEPT: Final = 1_000
_KEPT_MS: Final = 2_000

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Copy] = msgspec.msgpack.Decoder(Copy)


def seal(copy: Copy) -> bytes:
    body = _encoder.encode(copy)
    return _head(1, crc32(body)) + body


def press(sealed: bytes) -> bytes:
    """Return the same in fewer bytes; what is pressed, damaged, or would not shrink comes back as it is."""
    body = sealed[_HEAD:]
    if sealed[:1] != _PLAIN or crc32(body).to_bytes(4, "big") != sealed[1:_HEAD]:
        return sealed
    squeezing = _compressor(_DICTIONARY).copy()
    pressed = _PRESSED + sealed[1:_HEAD] + bytes([_DICTIONARY]) + squeezing.compress(body) + squeezing.flush()
    return pressed if len(pressed) < len(sealed) else sealed


def is_plain(sealed: bytes) -> bool:
    return sealed[:1] == _PLAIN


def unseal(sealed: bytes) -> Copy:
    """Return the copy; raises Corrupt when these are not the bytes that were sealed."""
    body = sealed[_HEAD:]
    if _head(1, crc32(body)) != sealed[:_HEAD]:
        body = _unfolded(sealed)
    try:
        return _decoder.decode(body)
    except msgspec.DecodeError as err:
        raise Corrupt("layout") from err


def _unfolded(sealed: bytes) -> bytes:
    """Return the plain bytes of what is pressed; raises Corrupt for anything else."""
    if sealed[:1] != _PRESSED:
        raise Corrupt("checksum" if sealed[:1] == _PLAIN else "version")
    body = _unpressed(sealed[_HEAD:])
    if crc32(body).to_bytes(4, "big") != sealed[1:_HEAD]:
        raise Corrupt("checksum")
    return body


def _unpressed(told: bytes) -> bytes:
    try:
        unfolding = zlib.decompressobj(-zlib.MAX_WBITS, zdict=_dictionary(told[0]))
        return unfolding.decompress(told[1:], _MOST)
    except (zlib.error, FileNotFoundError, IndexError) as err:
        raise Corrupt("pressed") from err


@cache
def _dictionary(number: int) -> bytes:
    return (files("gateway.store") / "park" / f"dictionary-{number}.bin").read_bytes()


@cache
def _compressor(number: int) -> Any:
    """Return a compressor that has read the dictionary; a copy of it is cheaper than reading it again."""
    return zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS, zdict=_dictionary(number))


class _Kept(msgspec.Struct, eq=False):
    sealed: bytes
    event: Event
    uses: int


class Opened:
    """What was unsealed a moment ago: the workers of one process are lent the same content, one soon after another.

    An event is believed for the very bytes that it was made of, and forgotten with its last use, with age, or when
    many have come since. Never enters: content that could not be read.
    """

    def __init__(self) -> None:
        self._young: dict[bytes, _Kept] = {}
        self._old: dict[bytes, _Kept] = {}
        self._since_ms = 0

    def find(self, name: bytes, sealed: bytes) -> Event | None:
        """Return the event of this leg, if it was made of these bytes."""
        kept = self._young.get(name) or self._old.get(name)
        if kept is None or kept.sealed != sealed:
            return None
        kept.uses -= 1
        if kept.uses <= 0:
            self._young.pop(name, None)
            self._old.pop(name, None)
        return kept.event

    def keep(self, name: bytes, sealed: bytes, event: Event, uses: int) -> None:
        """Remember an event for so many uses."""
        if len(self._young) >= _KEPT:
            self._old, self._young = self._young, {}
        self._young[name] = _Kept(sealed, event, uses)

    def grow_old(self, now_ms: int) -> None:
        """Forget what nobody asked for in time."""
        if not 0 <= now_ms - self._since_ms < _KEPT_MS:
            self._old, self._young, self._since_ms = self._young, {}, now_ms
