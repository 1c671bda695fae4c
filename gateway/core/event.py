"""The one noun: what a person did, in our words.

An Event holds no readable personal data: `person.py` seals it before an Event can exist. It is what the store
keeps, what the merge joins and what an adapter spells in its platform's words.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, TypeAlias

import msgspec

# Two events are the same purchase when their transaction id is, whatever their event ids (contract section 7).
ORDER_EVENTS: Final = frozenset({"purchase", "refund"})


class Wire(StrEnum):
    """Who told us of the act."""

    BROWSER = "browser"
    SERVER = "server"


class Grant(StrEnum):
    """What is known of one purpose. Unknown is never granted."""

    GRANTED = "granted"
    DENIED = "denied"
    UNKNOWN = "unknown"


class Purpose(StrEnum):
    """Consent Mode's vocabulary."""

    AD_STORAGE = "ad_storage"
    AD_USER_DATA = "ad_user_data"
    AD_PERSONALIZATION = "ad_personalization"
    ANALYTICS_STORAGE = "analytics_storage"


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """The four purposes of one copy (or of the merged act), and which signal decided each.

    `by` maps a purpose to the signal that answered it: `event`, `gpc`, `cookiebot`, `onetrust`, `default`,
    `server_silent`, `veto`. A purpose that nothing answered is missing from it.
    """

    ad_storage: Grant = Grant.UNKNOWN
    ad_user_data: Grant = Grant.UNKNOWN
    ad_personalization: Grant = Grant.UNKNOWN
    analytics_storage: Grant = Grant.UNKNOWN
    by: Mapping[str, str] = {}

    def of(self, purpose: Purpose) -> Grant:
        return getattr(self, purpose)  # type: ignore[no-any-return]

    def allows(self, purposes: frozenset[Purpose]) -> bool:
        """Say whether every one of these purposes is granted; no purposes at all are always allowed."""
        return all(self.of(purpose) is Grant.GRANTED for purpose in purposes)


class Person(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who it was, sealed: digests only, and the clear fields that platforms take clear.

    `digests` maps a field (`email`, `phone`, `first_name`, `last_name`, `street`, `date_of_birth`, `gender`,
    `external_id`) to its spellings, each a lower-case hex SHA-256. The names of the spellings are listed in
    `person.py`. A value that came hashed has only the spelling it can vouch for.
    """

    digests: Mapping[str, Mapping[str, str]] = {}
    city: str | None = None
    region: str | None = None
    postal_code: str | None = None
    country: str | None = None

    def digest(self, field: str, spelling: str) -> str | None:
        """Return the SHA-256 (64 hex) of this field in this spelling, where we have it."""
        return self.digests.get(field, {}).get(spelling)


class Click(msgspec.Struct, frozen=True, kw_only=True):
    """One platform's click id and the moment it was first seen (milliseconds since 1970)."""

    id: str
    seen_ms: int


class Browser(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the browser's connection and cookies told, or what a server passed on of them.

    `cookies` holds the vendors' own identifiers in the vendors' own formats, by the contract's names:
    `fbp`, `fbc`, `ttp`, `gcl_au`, `ga_client_id`, `ga_session_id`, `sc_cookie1` (Snapchat's `_scid`; `scid` is its
    click id), `rdt_uuid`, `uetvid`.
    """

    ip: str | None = None
    user_agent: str | None = None
    language: str | None = None
    cookies: Mapping[str, str] = {}


class Page(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    location: str | None = None
    referrer: str | None = None
    title: str | None = None


class Campaign(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    source: str | None = None
    medium: str | None = None
    name: str | None = None
    term: str | None = None
    content: str | None = None
    id: str | None = None


class Item(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    item_id: str | None = None
    item_name: str | None = None
    item_brand: str | None = None
    item_category: str | None = None
    item_variant: str | None = None
    price: float | None = None
    quantity: float | None = None


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="event", tag_field="kind"):
    """One copy of an act, or the merged act itself (`wires` tells of whom it was made).

    Units: `*_ms` in milliseconds since 1970; money in the major unit of `currency`.
    `id_made`: the gateway made `event_id`, so it joins nothing.
    `currency_made`: nobody named `currency`: it is the site's.
    `clicks`: click ids by the contract's names (`gclid`, `fbclid`, `ttclid`, `scid`, …).
    `bot`: why the visitor is taken for a machine, or None.
    `vendor`: whose wire format the hit came by (`meta`, `google`, `tiktok`), or None for our own.
    `raw`: the hit as that vendor's own tag wrote it, for a destination that relays it; no e-mail address in it.
    """

    site: str
    name: str
    event_id: str
    wires: tuple[Wire, ...]
    at_ms: int
    received_ms: int
    id_made: bool = False
    action_source: str = "website"
    test: bool = False
    bot: str | None = None
    vendor: str | None = None
    raw: str | None = None
    page: Page = Page()
    value: float | None = None
    currency: str | None = None
    currency_made: bool = False
    transaction_id: str | None = None
    coupon: str | None = None
    tax: float | None = None
    shipping: float | None = None
    items: tuple[Item, ...] = ()
    search_term: str | None = None
    lead_score: float | None = None
    predicted_ltv: float | None = None
    person: Person = Person()
    browser: Browser = Browser()
    clicks: Mapping[str, Click] = {}
    campaign: Campaign = Campaign()
    consent: Consent = Consent()
    properties: Mapping[str, Any] = {}

    @property
    def order_id(self) -> str:
        """The transaction id, else the event id: what a platform that deduplicates by order is told."""
        return self.transaction_id or self.event_id


class Veto(msgspec.Struct, frozen=True, kw_only=True, tag="veto", tag_field="kind"):
    """All that stays of a copy that was denied everywhere: which act, who said no, and when. No identifier."""

    site: str
    name: str
    event_id: str
    wires: tuple[Wire, ...]
    received_ms: int
    id_made: bool
    consent: Consent
    transaction_id: str | None = None


Copy: TypeAlias = Event | Veto
"""One wire's account of an act, as the door keeps it."""
