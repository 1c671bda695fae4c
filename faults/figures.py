"""What a run brought: figures, breaches, and what did not happen although it had to; one JSON line each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

# Of a long list of breaches so many are shown; all of them are in the ledger.
_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run. `idle`: what must have happened for the run to mean anything, and has not."""

    name: str
    seed: int
    figures: dict[str, Any]
    breaches: dict[str, Any] = field(default_factory=dict)
    idle: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return not self.breaches and not self.idle

    def line(self) -> str:
        shown = {name: found[:_SHOWN] if isinstance(found, list) else found for name, found in self.breaches.items()}
        told = {"run": self.name, "seed": self.seed, "good": self.is_good, **self.figures}
        return json.dumps({**told, "breaches": shown, "idle": self.idle})


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return a share of the values' distribution in milliseconds, of seconds; None without any."""
    if not values:
        return None
    return round(sorted(values)[min(len(values) - 1, int(len(values) * share))] * 1_000, 1)


def slope_per_min(points: Sequence[tuple[float, float]]) -> float | None:
    """Return how fast the second number grows with the first (seconds), a minute; None of fewer than five points."""
    if len(points) < 5:
        return None
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return round(60 * sum((x - mean_x) * (y - mean_y) for x, y in points) / spread, 2)
