"""What the sandbox's platforms take for true: their tokens, their datasets, their conversion actions."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Hold what an account at each platform would know; an empty set of ids means any."""

    meta_tokens: frozenset[str] = field(default=frozenset({"sandbox-meta-token"}), repr=False)
    meta_datasets: frozenset[str] = frozenset()
    google_refresh_tokens: frozenset[str] = field(default=frozenset({"sandbox-refresh-token"}), repr=False)
    google_online: frozenset[str] = frozenset()
    google_offline: frozenset[str] = frozenset()
    tiktok_tokens: frozenset[str] = field(default=frozenset({"sandbox-tiktok-token"}), repr=False)
    tiktok_sources: frozenset[str] = frozenset()
    snap_tokens: frozenset[str] = field(default=frozenset({"sandbox-snap-token"}), repr=False)
    snap_pixels: frozenset[str] = frozenset()
