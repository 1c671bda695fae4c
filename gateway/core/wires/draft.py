"""What a wire made of one event: readable still, so it lives inside one call of the intake and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.core.event import Campaign, Item, Page
from gateway.core.outcome import Refused


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why an event is not taken. `errors` names each flaw by field and kind, never by the value that was sent."""

    reason: Refused
    errors: tuple[str, ...] = ()


class Draft(msgspec.Struct, kw_only=True):
    """One event in our words, checked and with e-mail addresses out of its texts; only `user` may be readable.

    `clicks` and `cookies` are the identifiers that the event itself named: click ids, and the vendors' cookies by
    the contract's names. `said` is its own word on consent, unread. `client_*` come on the server wire only.
    `currency_made`: the event names a value and no currency, so `currency` is the site's.
    Not frozen: `fields.read` puts in what most events lack, and hands it over finished.
    """

    name: str
    event_id: str | None
    at_ms: int
    action_source: str | None
    test: bool
    page: Page
    value: float | None
    currency: str | None
    campaign: Campaign
    currency_made: bool = False
    transaction_id: str | None = None
    coupon: str | None = None
    tax: float | None = None
    shipping: float | None = None
    items: tuple[Item, ...] = ()
    search_term: str | None = None
    lead_score: float | None = None
    predicted_ltv: float | None = None
    client_ip: str | None = None
    client_agent: str | None = None
    user: Mapping[str, Any] = {}
    clicks: Mapping[str, str] = {}
    cookies: Mapping[str, str] = {}
    said: Mapping[str, Any] = {}
    properties: Mapping[str, Any] = {}
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Show no field: what is readable of a person must not come into a log by way of an exception."""
        return f"Draft({self.name})"
