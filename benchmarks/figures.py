"""Numbers of several rounds made one: medians, and ratios that are formed inside a round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What one contender did in one round. `us`: CPU-microseconds a hit of the server's process tree.

    `busy`: the share of its core that the server used. `store_us`: Redis' own CPU a hit, of all its servers;
    `busiest_us`: of the one that had most to do. `store_calls`: scripts that Redis was asked to run, a hit.
    `arrived`: how many of the hits reached the platform, of a contender that delivers while it is under load.
    """

    hits: int
    us: float
    per_s: float
    busy: float
    p50_ms: float | None = None
    p99_ms: float | None = None
    store_us: float | None = None
    busiest_us: float | None = None
    store_calls: float | None = None
    errors: int = 0
    arrived: int | None = None


@dataclass(slots=True)
class Case:
    """One case: the samples of each contender, in the order of the rounds."""

    name: str
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, contender: str, sample: Sample) -> None:
        self.samples.setdefault(contender, []).append(sample)

    def rows(self) -> dict[str, dict[str, float]]:
        """Return the medians of each contender."""
        return {name: _medians(samples) for name, samples in self.samples.items()}

    def ratios(self, ours: str = "tagway") -> dict[str, float]:
        """Return `case/other` -> our cost a hit divided by the other's."""
        if ours not in self.samples:
            return {}
        return {f"{self.name}/{other}": self.ratio(ours, other) for other in self.samples if other != ours}

    def ratio(self, ours: str, theirs: str, figure: str = "us") -> float:
        """Return how one contender's figure relates to another's."""
        return ratio(*([getattr(sample, figure) for sample in self.samples[who]] for who in (ours, theirs)))


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median of the ratios of each round: what disturbs a whole round disturbs both sides alike."""
    return round(median(our / their for our, their in zip(ours, theirs, strict=True)), 3)


def spread(values: Sequence[float]) -> float:
    """Return how far the rounds lie apart, as a share of their median."""
    return round((max(values) - min(values)) / median(values), 3) if values and median(values) else 0.0


def _medians(samples: Sequence[Sample]) -> dict[str, float]:
    columns: Mapping[str, Sequence[float | None]] = {
        "us": [sample.us for sample in samples],
        "per_s": [sample.per_s for sample in samples],
        "busy": [sample.busy for sample in samples],
        "p50_ms": [sample.p50_ms for sample in samples],
        "p99_ms": [sample.p99_ms for sample in samples],
        "store_us": [sample.store_us for sample in samples],
        "busiest_us": [sample.busiest_us for sample in samples],
        "store_calls": [sample.store_calls for sample in samples],
    }
    told = {name: [value for value in column if value is not None] for name, column in columns.items()}
    medians = {name: round(median(values), 3) for name, values in told.items() if values}
    return {**medians, "spread": spread([sample.us for sample in samples])}
