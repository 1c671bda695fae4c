"""What we want to reach, beside what was measured. A figure without a target is told for its own sake."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Target:
    """A bound; a figure that lies on it is reached."""

    bound: float
    side: Literal["at most", "at least"] = "at most"

    def is_reached(self, figure: float) -> bool:
        return figure <= self.bound if self.side == "at most" else figure >= self.bound

    def __str__(self) -> str:
        return f"{self.side} {self.bound:,g}"


TARGETS: Final[Mapping[str, Target]] = MappingProxyType(
    {
        "pixel/nginx": Target(3.0),
        "pixel/bare_aiohttp": Target(1.0),
        "pixel/fastify": Target(0.65),
        "beacon/fastify": Target(0.65),
        "ordinary/pixel/nginx": Target(4.6),
        "ordinary/pixel/fastify": Target(1.0),
        "ordinary/beacon/fastify": Target(1.0),
        # A fifteenth of walkerOS, which neither stores nor deduplicates; a tenth without the front lane.
        "pixel/walkeros": Target(0.067),
        "beacon/walkeros": Target(0.067),
        "ordinary/pixel/walkeros": Target(0.1),
        "ordinary/beacon/walkeros": Target(0.1),
        "pixel/redis_us": Target(16.0),
        "pixel/redis_calls_a_hit": Target(0.11),
        "pixel/1000_connections_to_64": Target(1.6),
        "paced_5000/p50_ms": Target(0.7),
        "paced_5000/p99_ms/fastify": Target(0.5),
        "always/everysec": Target(1.35),
        "paced_1000/p99_ms/always_to_everysec": Target(2.0),
        # Ten times what rudder-transformer, which only translates, managed a CPU-second where both were measured.
        "delivery/meta_per_cpu_s": Target(31_000, "at least"),
        "delivery/three_per_cpu_s": Target(12_000, "at least"),
        "freshness/p99_ms": Target(1_000),
        "memory_loaded_mb": Target(80.0),
        "memory_1000_connections_mb": Target(80.0),
        "bytes_remembered_id": Target(20.0),
        "waiting/json_to_pressed": Target(3.5, "at least"),
    }
)


def verdict(name: str, figure: float) -> tuple[str, str]:
    """Return what is wanted of a figure, and whether it is so; two blanks where nothing is."""
    target = TARGETS.get(name)
    if target is None:
        return "", ""
    return str(target), "reached" if target.is_reached(figure) else "MISSED"
