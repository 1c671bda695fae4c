"""What a run came to, as JSON for programs and as a table for people."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import orjson

from benchmarks import machine
from benchmarks.figures import Case
from benchmarks.targets import TARGETS, verdict

LATEST: Final = Path(__file__).parent / "results" / "latest.json"
_COLUMNS: Final = ("us", "per_s", "busy", "p50_ms", "p99_ms", "store_us", "busiest_us", "store_calls", "spread")


@dataclass(slots=True)
class Report:
    """Gathers cases. `skipped`: what was not run, each with its reason. `failed`: cases that were not exact, or broke.

    `exact`: what the check after a fault found, in words. `took_s`: how long each case ran.
    """

    load: str
    quick: bool
    cases: list[Case] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    exact: list[str] = field(default_factory=list)
    took_s: dict[str, float] = field(default_factory=dict)
    ratios: dict[str, float] = field(default_factory=dict)
    footprint: dict[str, float] = field(default_factory=dict)

    def add(self, case: Case) -> None:
        self.cases.append(case)
        self.ratios |= case.ratios()

    def json(self) -> dict[str, Any]:
        return {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "quick": self.quick,
            "machine": {
                "cores": len(machine.CORES),
                "system": platform.platform(),
                "python": platform.python_version(),
                "load": self.load,
                **{name: version(name) for name in ("aiohttp", "uvloop", "redis", "hiredis", "msgspec", "orjson")},
            },
            "ratios": self.ratios,
            "targets": {name: str(target) for name, target in TARGETS.items()},
            "cases": {case.name: case.rows() for case in self.cases},
            "notes": [note for case in self.cases for note in case.notes],
            "footprint": self.footprint,
            "exact": self.exact,
            "took_s": self.took_s,
            "skipped": self.skipped,
            "failed": self.failed,
        }

    def write(self, path: Path = LATEST) -> None:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(orjson.dumps(self.json(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))

    def text(self) -> str:
        """Return the tables: ratios first, since only they mean anything elsewhere."""
        blocks = [table(("ratio", "measured", "wanted", ""), _judged(self.ratios))]
        blocks += [
            table((case.name, *_COLUMNS), [(name, *_cells(row)) for name, row in case.rows().items()])
            for case in self.cases
        ]
        blocks.append(table(("footprint", "", "wanted", ""), _judged(self.footprint)))
        notes = [
            *(f"FAILED: {why}" for why in self.failed),
            *(f"exact: {found}" for found in self.exact),
            *(f"skipped: {why}" for why in self.skipped),
            *(note for case in self.cases for note in case.notes),
        ]
        return "\n\n".join(block for block in [*blocks, "\n".join(notes)] if block)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out cells in columns, the first to the left, the others to the right; nothing without rows."""
    if not rows:
        return ""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width) for column, (cell, width) in enumerate(pairs)
        ).rstrip()
        for pairs in (list(zip(row, widths, strict=True)) for row in (head, *rows))
    )


def _judged(figures: Mapping[str, float]) -> list[tuple[str, ...]]:
    return [(name, f"{figure:,g}", *verdict(name, figure)) for name, figure in figures.items()]


def _cells(row: Mapping[str, float]) -> list[str]:
    return [
        "" if row.get(name) is None else f"{row[name]:,.0f}" if name == "per_s" else f"{row[name]:.3g}"
        for name in _COLUMNS
    ]
