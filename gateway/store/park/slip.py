"""What lies on our disk of an act that waits there, and the slip in front of each batch that tells of it unopened.

A batch begins with its slips, so that a record that was damaged is still known by its name and ends as
`dead:unreadable`, not as silence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple
from uuid import uuid4

import msgspec

from gateway.store import keys, vault
from gateway.store.spool.segment import Entry

_SLIPS: Final = b"\x01"
_RECORD: Final = b"\x02"
# What a destination that left the configuration is taken to accept: what most platforms do.
_WEEK_S: Final = 7 * 86_400
# A content that nobody can read, and that is there.
_UNREADABLE: Final = b"\x00"

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder().decode


class Slip(msgspec.Struct, frozen=True, array_like=True):
    """What is known of a record without opening it.

    `mark` (8 hex) tells it from any other record of the act. `due_s`: the second at which the first of its destinations
    calls it too old. `places`: the deliveries that wait, as the act's fields name them.
    """

    act: str
    mark: str
    due_s: int
    worth: int
    places: tuple[str, ...]

    @property
    def rank(self) -> int:
        """Order of coming back, as `lua/lease.lua` chooses: an earlier hour first, in it what is worth most."""
        return self.due_s // 3_600 * 10 - self.worth


class Stowed(NamedTuple):
    """An act as Redis holds it (`lua/stow.lua`), with its slip."""

    slip: Slip
    told: Sequence[Any]


_read_slips = msgspec.msgpack.Decoder(tuple[str, tuple[Slip, ...]]).decode


def stowed(act: str, mark: str, told: Sequence[Any], ages_s: Mapping[str, int]) -> Stowed:
    """Write the slip of an act. `ages_s`: how old an event each destination accepts."""
    fields = dict(zip(told[0][::2], told[0][1::2], strict=True))
    legs = [(leg[0].decode(), leg[1].decode()) for leg in told[4]]
    at_s = int(fields.get(b"at", 0))
    due_s = at_s + min((ages_s.get(destination, _WEEK_S) for destination, _ in legs), default=_WEEK_S)
    places = tuple(keys.delivery(destination, leg) for destination, leg in legs)
    return Stowed(Slip(act, mark, due_s, int(fields.get(b"worth", 0)), places), told)


def written(batch: Sequence[Stowed], epoch: str) -> list[Entry]:
    """Spell a batch for a segment: the slips, then a record each, what is sealed in it pressed.

    `epoch` tells the store that it leaves from one that was emptied or replaced.
    """
    slips = _SLIPS + _pack((epoch, [one.slip for one in batch]))
    return [
        Entry(uuid4().hex, slips),
        *(Entry(told.act, _RECORD + _pack([told.mark, _pressed(act)])) for told, act in batch),
    ]


def _pressed(told: Sequence[Any]) -> list[Any]:
    fields, copies, content, late, legs = told
    copies = [part if at % 2 == 0 else vault.press(part) for at, part in enumerate(copies)]
    return [fields, copies, vault.press(content), vault.press(late), legs]


def slips(entries: Iterable[Entry]) -> Iterator[tuple[str, tuple[Slip, ...]]]:
    """Read the slips of a segment, in the order they were written, each batch with its epoch."""
    return (_read_slips(entry.sealed[1:]) for entry in entries if entry.sealed[:1] == _SLIPS)


def records(entries: Iterable[Entry]) -> dict[tuple[str, str], list[Any]]:
    """Read the records of a segment by act and mark: an act that changed while it was written down lies there twice."""
    told = ((entry.copy_id, _unpack(entry.sealed[1:])) for entry in entries if entry.sealed[:1] == _RECORD)
    return {(act, mark): held for act, (mark, held) in told}


def parts(told: Sequence[Any]) -> tuple[tuple[int, int, int], list[Any]]:
    """Spell a record as `lua/unpark.lua` takes it: how many of its parts are fields, copies and legs, and the parts."""
    fields, copies, content, late, legs = told
    flat = [part for leg in legs for part in leg]
    return (len(fields), len(copies), len(flat)), [*fields, *copies, content, late, *flat]


def lost(slip: Slip, now_ms: int) -> list[Any]:
    """Stand in for a record that cannot be read: its legs come back, and end as unreadable."""
    fields: list[Any] = [b"st", b"out", b"left", str(len(slip.places)), b"worth", str(slip.worth)]
    legs: list[list[Any]] = []
    for place in slip.places:
        destination, _, late = place.partition(":")
        legs.append([destination, keys.late_leg(slip.act) if late else slip.act, str(now_ms), ""])
    has_late = any(keys.is_late(place) for place in slip.places)
    return [fields, [], _UNREADABLE, _UNREADABLE if has_late else b"", legs]
