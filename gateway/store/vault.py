"""How a copy lies in Redis: a version byte, a CRC-32 over the rest, and MessagePack.

Redis starts silently over damaged bytes in its append-only file, so what comes back is checked before it is
believed. Unknown fields are ignored, so that two versions can run side by side.
"""

from __future__ import annotations

from typing import Final
from zlib import crc32

import msgspec

from gateway.core.event import Copy
from gateway.store.errors import Corrupt

_VERSION: Final = b"\x01"
_HEAD: Final = 5  # version byte and checksum

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Copy] = msgspec.msgpack.Decoder(Copy)


def seal(copy: Copy) -> bytes:
    body = _encoder.encode(copy)
    return _VERSION + crc32(body).to_bytes(4, "big") + body


def unseal(sealed: bytes) -> Copy:
    """Return the copy; raises Corrupt when these are not the bytes that were sealed."""
    body = sealed[_HEAD:]
    if sealed[:1] != _VERSION or crc32(body).to_bytes(4, "big") != sealed[1:_HEAD]:
        raise Corrupt("checksum")
    try:
        return _decoder.decode(body)
    except msgspec.DecodeError as err:
        raise Corrupt("layout") from err
