"""What people do, minted from a seed: everything about an act follows from its id, so the judge needs no diary.

An id says which seed, which number and which kind; copies, consent, money and the size of the payload are functions of
it. What comes back to a platform can be held against what it must be, and an id that nobody minted is an invention.
"""

from __future__ import annotations

import hashlib
import random
import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

ADS: Final = frozenset({"ad_storage", "ad_user_data"})
STATISTICS: Final = frozenset({"analytics_storage"})
PURPOSES: Final = ("ad_storage", "ad_user_data", "ad_personalization", "analytics_storage")
# What each of our destinations needs (contract section 6).
NEEDS: Final = {"book": STATISTICS, "social": ADS, "ads": ADS}
# One below, on and above what buffers, varints and headers are made of; the last is near the 64 KiB of an event.
SIZES: Final = (0, 1, 255, 256, 257, 1_023, 1_024, 1_025, 4_095, 4_096, 4_097, 16_384, 32_768, 60_000)
_ID: Final = re.compile(r"([a-z]+)-(\d+)-(\d+)")


class Wire(StrEnum):
    BROWSER = "browser"
    SERVER = "server"


class Kind(StrEnum):
    VIEW = "view"  # one browser copy, everything granted
    NARROW = "narrow"  # one browser copy, advertising denied
    DENIED = "denied"  # one browser copy, everything denied
    SHOWN = "shown"  # one server copy of a view
    DOUBLED = "doubled"  # the same browser copy several times at once
    TWINS = "twins"  # both wires tell of one purchase
    VETO = "veto"  # twins: the browser denies advertising, the server grants it
    SILENT = "silent"  # twins: the server says nothing of consent, the browser grants
    POISON = "poison"  # every platform refuses it, alone or in a batch


# Twins are the half of them, as at a shop that sends both.
_WEIGHTS: Final = {
    Kind.VIEW: 5,
    Kind.NARROW: 2,
    Kind.DENIED: 1,
    Kind.SHOWN: 2,
    Kind.DOUBLED: 2,
    Kind.TWINS: 6,
    Kind.VETO: 2,
    Kind.SILENT: 2,
    Kind.POISON: 0.1,
}
_PURCHASES: Final = frozenset({Kind.TWINS, Kind.VETO, Kind.SILENT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """One wire's account. `grants` None: it says nothing of consent."""

    wire: Wire
    value: float
    grants: frozenset[str] | None

    def allows(self, needed: frozenset[str]) -> bool:
        return self.grants is not None and needed <= self.grants

    def denies(self, needed: frozenset[str]) -> bool:
        return self.grants is not None and not needed <= self.grants


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    id: str
    kind: Kind
    pad: str
    copies: tuple[Copy, ...]

    @property
    def name(self) -> str:
        if self.kind in _PURCHASES:
            return "purchase"
        return "view_item" if self.kind is Kind.SHOWN else "page_view"

    def copy(self, wire: Wire) -> Copy | None:
        return next((copy for copy in self.copies if copy.wire is wire), None)

    def body(self, copy: Copy) -> dict[str, Any]:
        """Say this copy as contract section 3 wants it."""
        said: dict[str, Any] = {
            "event": self.name,
            "event_id": self.id,
            "value": copy.value,
            "currency": "EUR",
            "page_location": "https://shop.example/thanks",
            "properties": {"pad": self.pad},
        }
        if self.name == "purchase":
            said["transaction_id"] = self.id
        if copy.grants is not None:
            said["consent"] = {name: "granted" if name in copy.grants else "denied" for name in PURPOSES}
        if copy.wire is Wire.SERVER:
            said["client"] = {"ip": "81.2.69.142", "user_agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/156.0.0.0"}
            said["user"] = {"external_id": hashlib.sha256(self.id.encode()).hexdigest()}
        return said


def mint(seed: int, number: int) -> Act:
    """Return the act of this number; the same one for the same seed, for ever."""
    kind = _dice(f"{seed}/{number}").choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
    return _act(f"{kind.value}-{seed}-{number}", kind)


def mint_as(kind: Kind, seed: int, number: int) -> Act:
    """Return the act of this number as one of a given kind."""
    return _act(f"{kind.value}-{seed}-{number}", kind)


@lru_cache(maxsize=50_000)
def known(act_id: str) -> Act | None:
    """Return the act of an id, or None when nobody can have minted it."""
    found = _ID.fullmatch(act_id)
    if found is None or found[1] not in set(Kind):
        return None
    return _act(act_id, Kind(found[1]))


def _act(act_id: str, kind: Kind) -> Act:
    dice = _dice(act_id)
    # Large ones are rare, or nothing else would travel.
    size = dice.choices(SIZES, [1 / (20 + each) for each in SIZES])[0]
    everything, cents = frozenset(PURPOSES), dice.randrange(1, 100_000)
    browser = {Kind.NARROW: STATISTICS, Kind.DENIED: frozenset[str](), Kind.VETO: STATISTICS}.get(kind, everything)
    copies = []
    if kind is not Kind.SHOWN:
        copies.append(Copy(wire=Wire.BROWSER, value=cents / 100, grants=browser))
    if kind in _PURCHASES or kind is Kind.SHOWN:
        grants = None if kind is Kind.SILENT else everything
        copies.append(Copy(wire=Wire.SERVER, value=(cents + 7) / 100, grants=grants))
    return Act(id=act_id, kind=kind, pad=_pad(act_id, size), copies=tuple(copies))


def _pad(act_id: str, size: int) -> str:
    block = hashlib.sha256(act_id.encode()).hexdigest()
    return (block * (size // len(block) + 1))[:size]


def _dice(text: str) -> random.Random:
    return random.Random(hashlib.sha256(text.encode()).digest())
