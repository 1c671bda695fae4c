"""What the sandbox's platforms take for true: their tokens, their datasets, their conversion actions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Hold what an account at each platform would know; an empty set of ids means any."""

    meta_tokens: frozenset[str] = field(default=frozenset({"sandbox-meta-token"}), repr=False)
    meta_datasets: frozenset[str] = frozenset()
    # An app that demands proof of its secret, and the calls it may make in an hour; None: any.
    meta_app_secret: str | None = field(default=None, repr=False)
    meta_hourly_calls: int | None = None
    google_refresh_tokens: frozenset[str] = field(default=frozenset({"sandbox-refresh-token"}), repr=False)
    google_online: frozenset[str] = frozenset()
    google_offline: frozenset[str] = frozenset()
    # Click id -> when it was clicked (Unix seconds): an unknown one is taken for old enough.
    google_clicks: Mapping[str, float] = field(default_factory=dict)
    google_processing_s: float = 0
    tiktok_tokens: frozenset[str] = field(default=frozenset({"sandbox-tiktok-token"}), repr=False)
    tiktok_sources: frozenset[str] = frozenset()
    snap_tokens: frozenset[str] = field(default=frozenset({"sandbox-snap-token"}), repr=False)
    snap_pixels: frozenset[str] = frozenset()
    pinterest_tokens: frozenset[str] = field(default=frozenset({"sandbox-pinterest-token"}), repr=False)
    pinterest_accounts: frozenset[str] = frozenset()
    reddit_tokens: frozenset[str] = field(default=frozenset({"sandbox-reddit-token"}), repr=False)
    reddit_pixels: frozenset[str] = frozenset()
    microsoft_tokens: frozenset[str] = field(default=frozenset({"sandbox-microsoft-token"}), repr=False)
    microsoft_tags: frozenset[str] = frozenset()
    ga4_secrets: frozenset[str] = field(default=frozenset({"sandbox-ga4-secret"}), repr=False)
    ga4_measurements: frozenset[str] = frozenset()
    linkedin_tokens: frozenset[str] = field(default=frozenset({"sandbox-linkedin-token"}), repr=False)
    linkedin_rules: frozenset[str] = frozenset()
    x_pixel_tokens: frozenset[str] = field(default=frozenset({"sandbox-x-token"}), repr=False)
    # Consumer keys and access tokens, each with its secret.
    x_signers: Mapping[str, str] = field(
        default_factory=lambda: {
            "sandbox-x-consumer": "sandbox-x-consumer-secret",
            "sandbox-x-access": "sandbox-x-access-secret",
        },
        repr=False,
    )
    x_pixels: frozenset[str] = frozenset()
