"""What one event says in GA4's words: its parameters, its items, and whom it was about."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from gateway.core.adapter import compact
from gateway.core.event import ORDER_EVENTS, Event, Item, Person
from gateway.core.goods import currency_code, pieces
from gateway.core.person import country_code, words

RESERVED: Final = ("_", "ga_", "google_", "gtag.", "firebase_")
NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
_SESSION: Final = re.compile(r"[1-9][0-9]{0,14}")
_DIGITS: Final = re.compile(r"[0-9]+")
# An item has one of these, or is none.
_NAMING: Final = frozenset({"item_id", "item_name"})
_PARAMETERS: Final = 25
_ITEMS: Final = 200
# Characters of a value. A page's three may be longer; everything is cut as Google's own tag cuts it.
_VALUE: Final = 100
_LONGER: Final = {"page_location": 1000, "page_referrer": 420, "page_title": 300}
# Nobody looks at one page for longer than a day.
_MAX_ENGAGED_MS: Final = 86_400_000
# Events that are worth something: without a currency their value is not counted.
_MONEY: Final = ("value", "tax", "shipping")
# What we say ourselves, or what means something to GA4 that a page must not say for us.
_OURS: Final = frozenset(
    {"session_id", "engagement_time_msec", "currency", "transaction_id", "items", "debug_mode", "client_id", "user_id"}
    | {*_MONEY, *_LONGER, "coupon", "search_term", "user_data", "timestamp_micros"}
)


def person_data(person: Person) -> dict[str, Any]:
    """Say the digests in Google's spelling; a place without a name or a street points at nobody."""
    who = {
        "sha256_first_name": person.digest("first_name", "google"),
        "sha256_last_name": person.digest("last_name", "google"),
        "sha256_street": person.digest("street", "google"),
    }
    where = {
        "city": words(_DIGITS.sub("", person.city or "")),
        "region": words(person.region),
        "postal_code": (person.postal_code or "").strip(),
        "country": country_code(person.country),
    }
    email, phone = person.digest("email", "google"), person.digest("phone", "e164")
    return compact(
        {
            "sha256_email_address": [email] if email else [],
            "sha256_phone_number": [phone] if phone else [],
            "address": [compact({**who, **where})] if any(who.values()) else [],
        }
    )


def parameters(event: Event, *, without: tuple[str, ...]) -> dict[str, Any]:
    """Say at most 25 parameters: ours first, then the site's own as long as there is room."""
    currency = currency_code(event)
    session = event.browser.cookies.get("ga_session_id", "")
    ours = {
        "session_id": session if _SESSION.fullmatch(session) else None,
        "engagement_time_msec": _engaged_ms(event.properties.get("engagement_time_msec")),
        "debug_mode": 1 if event.test else None,
        "page_location": event.page.location,
        "page_referrer": event.page.referrer,
        "page_title": event.page.title,
        "currency": currency,
        **{key: getattr(event, key) if currency else None for key in _MONEY},
        "transaction_id": event.order_id if event.name in ORDER_EVENTS else event.transaction_id,
        "coupon": event.coupon,
        "search_term": event.search_term,
        "items": [told for item in event.items if not _NAMING.isdisjoint(told := _item(item))][:_ITEMS],
    }
    said = {key: _cut(key, value) for key, value in compact(ours).items()}
    for key, value in _properties(event):
        if len(said) == _PARAMETERS:
            break
        if key in without:
            continue
        said[key] = _cut(key, value)
    return said


def _properties(event: Event) -> Iterator[tuple[str, Any]]:
    """Yield the site's own plain values under names that GA4 takes; a list or an object has no place in a report."""
    for key, value in event.properties.items():
        if key in _OURS or not NAME.fullmatch(key) or key.startswith(RESERVED):
            continue
        if (told := plain(value)) is not None:
            yield key, told


def plain(value: Any) -> str | int | float | None:
    """Return a value that has a place in a report; None for anything else."""
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str | int | float) and value != "" else None


def _engaged_ms(told: Any) -> int:
    """Return how long somebody was there: what the page counted, else 1, without which nobody is active."""
    counted = isinstance(told, int | float) and not isinstance(told, bool) and 1 <= told <= _MAX_ENGAGED_MS
    return int(told) if counted else 1


def _item(item: Item) -> dict[str, Any]:
    told = {
        "item_id": item.item_id,
        "item_name": item.item_name,
        "item_brand": item.item_brand,
        "item_category": item.item_category,
        "item_variant": item.item_variant,
        "price": item.price,
        # Whole pieces are the only ones GA4 takes; it counts one where none is told.
        "quantity": pieces(item),
    }
    return {key: _cut(key, value) for key, value in compact(told).items()}


def _cut(key: str, value: Any) -> Any:
    return value[: _LONGER.get(key, _VALUE)] if isinstance(value, str) else value
