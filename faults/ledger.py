"""What was told and what arrived: every copy that was sent, with its answer, and every event a platform was sent.

Written down as it happens; nothing is decided here. `write` leaves it all as JSON lines for whoever wants to look.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from faults.acts import Wire

ACKNOWLEDGED: Final = frozenset({"accepted", "merged", "duplicate"})
# Sent, and nobody knows what became of it: it may be there or not.
MAYBE: Final = "maybe"
# The gateway cannot have it: no connection, or it said no.
REFUSED: Final = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One copy, one answer. Times in seconds of the oracle's own clock."""

    act: str
    wire: Wire
    gateway: str
    begun_s: float
    ended_s: float
    status: str

    @property
    def is_acknowledged(self) -> bool:
        return self.status in ACKNOWLEDGED

    @property
    def may_be_there(self) -> bool:
        return self.is_acknowledged or self.status in {MAYBE, "late"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """One event in one request. `applied`: the platform took it, whatever it answered. `refused`: no, for good."""

    act: str
    destination: str
    at_s: float
    digest: str
    applied: bool
    refused: bool
    flaw: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A fault and the time it lasted."""

    what: str
    where: str
    begun_s: float
    ended_s: float


@dataclass(slots=True)
class Ledger:
    told: dict[str, list[Told]] = field(default_factory=lambda: defaultdict(list))
    arrived: dict[tuple[str, str], list[Arrived]] = field(default_factory=lambda: defaultdict(list))
    windows: list[Window] = field(default_factory=list)
    # Answers that no input may cause: a 500, a dropped answer to a readable request.
    bad_answers: list[str] = field(default_factory=list)
    invented: list[str] = field(default_factory=list)

    def tell(self, told: Told) -> None:
        self.told[told.act].append(told)

    def arrive(self, arrived: Arrived) -> None:
        self.arrived[arrived.act, arrived.destination].append(arrived)

    def acknowledged(self) -> list[Told]:
        return [told for each in self.told.values() for told in each if told.is_acknowledged]

    def during(self, windows: Iterable[Window]) -> int:
        """Count the copies that were acknowledged while one of these faults lasted."""
        spans = [(window.begun_s, window.ended_s) for window in windows]
        return sum(any(begun <= told.ended_s <= ended for begun, ended in spans) for told in self.acknowledged())

    def write(self, path: Path) -> None:
        """Leave everything as JSON lines."""
        path.parent.mkdir(parents=True, exist_ok=True)
        rows: list[Window | Told | Arrived] = [
            *self.windows,
            *(told for each in self.told.values() for told in each),
            *(arrived for each in self.arrived.values() for arrived in each),
        ]
        with path.open("w") as file:
            for row in rows:
                file.write(json.dumps({"row": type(row).__name__.lower(), **asdict(row)}) + "\n")
