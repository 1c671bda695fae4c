"""What a wire made of one event: readable still, so it lives inside one call of the intake and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.core.event import Campaign, Item, Page
from gateway.core.outcome import Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why an event is not taken. `errors` names each flaw by field and kind, never by the value that was sent."""

    reason: Refused
    errors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """One event in our words, checked and with e-mail addresses out of its texts; only `user` may be readable.

    `clicks` and `cookies` are the identifiers that the event itself named: click ids, and the vendors' cookies by
    the contract's names. `said` is its own word on consent, unread. `client_*` come on the server wire only.
    """

    name: str
    event_id: str | None
    at_ms: int
    action_source: str | None
    test: bool
    page: Page
    value: float | None
    currency: str | None
    transaction_id: str | None
    coupon: str | None
    tax: float | None
    shipping: float | None
    items: tuple[Item, ...]
    search_term: str | None
    lead_score: float | None
    predicted_ltv: float | None
    campaign: Campaign
    client_ip: str | None = None
    client_agent: str | None = None
    user: Mapping[str, Any] = field(default_factory=dict, repr=False)
    clicks: Mapping[str, str] = field(default_factory=dict)
    cookies: Mapping[str, str] = field(default_factory=dict)
    said: Mapping[str, Any] = field(default_factory=dict)
    properties: Mapping[str, Any] = field(default_factory=dict, repr=False)
    warnings: tuple[str, ...] = ()
