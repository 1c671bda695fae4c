"""The format of a spool segment: what a crash, a full disk or a flipped bit can do to it, and what they cannot.

A file is a head, written twice, and records: marker, length, sequence, CRC-32 over (salt, length, sequence, bytes),
bytes. The salt is fresh dice a file and the marker is half of it, so a visitor who plants a whole record inside an
event cannot have it found as one. Reading never raises: it returns what can be proven to have been written.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Final, NamedTuple
from zlib import crc32

VERSION: Final = 1
SALT_BYTES: Final = 8
# Larger than any sealed copy (an event has 64 KiB on the wire), so that a damaged length is seen as one.
MAX_BODY: Final = 1 << 20

_MAGIC: Final = b"TWSPOOL"
_HEAD: Final = Struct(">7sB8sI")  # magic, version, salt, CRC-32 over them
_RECORD: Final = Struct(">4sIQI")  # marker, length, sequence, CRC-32
_COUNTED: Final = Struct(">IQ")
_COPY_ID_BYTES: Final = 16

HEAD_BYTES: Final = 2 * _HEAD.size


class Entry(NamedTuple):
    """One copy as the door took it: its id (32 hex) and the vault's sealed bytes."""

    copy_id: str
    sealed: bytes


class UnknownVersion(Exception):
    """A segment of another release, or not a segment at all; it is kept for whoever can read it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a segment held. `damaged`: places in its middle where a record cannot be read any more.

    An unfinished record at the end is no damage: nobody was told that it is kept.
    """

    entries: tuple[Entry, ...]
    damaged: int


def head(salt: bytes) -> bytes:
    """Begin a segment. Twice the same, so that one flipped bit cannot cost the whole file."""
    said = _MAGIC + bytes([VERSION]) + salt
    return (said + crc32(said).to_bytes(4, "big")) * 2


def records(entries: Iterable[Entry], salt: bytes, sequence: int) -> bytes:
    """Write entries one behind the other; `sequence` is the first one's number and grows by one."""
    written = bytearray()
    for number, entry in enumerate(entries, sequence):
        body = bytes.fromhex(entry.copy_id) + entry.sealed
        counted = _COUNTED.pack(len(body), number)
        written += _RECORD.pack(salt[:4], len(body), number, _checksum(salt, counted, body))
        written += body
    return bytes(written)


def size(entries: Sequence[Entry]) -> int:
    """Return how many bytes these entries take in a segment."""
    return sum(_RECORD.size + _COPY_ID_BYTES + len(entry.sealed) for entry in entries)


def read(data: bytes) -> Reading:
    """Return every record that is whole, in order; a flipped bit costs the record it is in and no other.

    Errors: UnknownVersion when neither copy of the head can be read.
    """
    if len(data) <= HEAD_BYTES:  # the head reaches the disk together with the first record, or nobody was told
        return Reading((), 0)
    salt = _salt(data)
    entries: list[Entry] = []
    damaged, is_lost, last, at = 0, False, -1, HEAD_BYTES
    while at < len(data):
        found = _record(data, at, salt, last)
        if found is None:  # look for the next marker; it may be the end
            is_lost = True
            at = data.find(salt[:4], at + 1)
            if at < 0:
                break
            continue
        damaged += is_lost
        is_lost = False
        last, body = found
        entries.append(Entry(body[:_COPY_ID_BYTES].hex(), body[_COPY_ID_BYTES:]))
        at += _RECORD.size + len(body)
    return Reading(tuple(entries), damaged)


def _salt(data: bytes) -> bytes:
    for at in (0, _HEAD.size):
        said = data[at : at + _HEAD.size]
        magic, version, salt, checksum = _HEAD.unpack(said)
        if magic == _MAGIC and version == VERSION and checksum == crc32(said[:-4]):
            return bytes(salt)
    raise UnknownVersion


def _record(data: bytes, at: int, salt: bytes, last: int) -> tuple[int, bytes] | None:
    """Return sequence and bytes of the record that begins here, or None where none does."""
    if at + _RECORD.size > len(data):
        return None
    marker, length, sequence, checksum = _RECORD.unpack_from(data, at)
    start = at + _RECORD.size
    # Length 0 is illegal: the checksum of nothing is easily zero, and a file system may fill a hole with zeros.
    if marker != salt[:4] or not _COPY_ID_BYTES < length <= MAX_BODY or start + length > len(data) or sequence <= last:
        return None
    body = data[start : start + length]
    if _checksum(salt, data[at + 4 : at + 16], body) != checksum:
        return None
    return sequence, body


def _checksum(salt: bytes, counted: bytes, body: bytes) -> int:
    return crc32(body, crc32(salt + counted))
