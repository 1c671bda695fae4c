"""One event as a conversion in Google's words.

Source: developers.google.com/data-manager/api/devguides/events/send-events and …/concepts/formatting, read
2026-11-22; field names as in the v1 messages (JSON spelling).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, assert_never

from adapters.google_data_manager.options import Conversion, UserIp
from gateway.core.adapter import compact
from gateway.core.event import Event, Grant, Item, Person
from gateway.core.person import country_code

HASHED: Final = frozenset({"emailAddress", "phoneNumber", "givenName", "familyName"})

# Best first among clicks of one moment: a gclid names one click, the braids stand for a crowd of them.
_CLICKS: Final = ("gclid", "gbraid", "wbraid")
_CLICK_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,512}")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_CONSENT: Final = {Grant.GRANTED: "CONSENT_GRANTED", Grant.DENIED: "CONSENT_DENIED"}
_SOURCES: Final = {
    "website": "WEB",
    "app": "APP",
    "physical_store": "IN_STORE",
    "phone_call": "PHONE",
    "chat": "MESSAGE",
    "email": "MESSAGE",
    "business_messaging": "MESSAGE",
}
# European Economic Area, United Kingdom, Switzerland: Google wants no address of a user there.
_NO_IP: Final = frozenset(
    {"AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU", "LV"}
    | {"MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"}
    | {"IS", "LI", "NO"}
    | {"CH", "GB"}
)
_MAX_INT64: Final = 2**63


def conversion(event: Event, target: Conversion, *, user_ip: UserIp, feed: Mapping[str, str]) -> dict[str, Any] | None:
    """Say the event, or return None when nothing in it tells Google whose click it was.

    An IP address alone does not count: Google's diagnostics accept click ids and user data only.
    """
    click = _click(event)
    people = _identifiers(event.person)
    if not click and not people:
        return None
    currency = (event.currency or "").upper()
    money = _CURRENCY.fullmatch(currency) is not None
    return compact(
        {
            "destinationReferences": [target.action_id],
            "transactionId": event.order_id,
            "eventTimestamp": _time(event.at_ms),
            "eventSource": _source(event, target),
            # Without its currency a value is refused, and the request with it.
            "conversionValue": event.value if money else None,
            "currency": currency if money else None,
            "userData": {"userIdentifiers": people} if people else None,
            "adIdentifiers": click,
            "eventDeviceInfo": _device(event, user_ip),
            "consent": _consent(event),
            # Google ignores a cart beside a braid, with a warning for each event.
            "cartData": _cart(event, feed) if click.keys() <= {"gclid"} else None,
        }
    )


def _click(event: Event) -> dict[str, str]:
    """Return the id of the newest click, and of that click only.

    Several ids of one click: the gclid alone. A braid beside it adds no click, but takes the cart away and is refused
    by every action that counts one conversion a click.
    """
    usable = [
        (event.clicks[key].seen_ms, -place, key)
        for place, key in enumerate(_CLICKS)
        if key in event.clicks and _CLICK_ID.fullmatch(event.clicks[key].id)
    ]
    if not usable:
        return {}
    _, _, newest = max(usable)
    return {newest: event.clicks[newest].id}


def _identifiers(person: Person) -> list[dict[str, Any]]:
    """List one identifier an object, ten at most.

    A gmail address goes in two spellings, folded as the documentation says and as it was typed: Google's own tag
    keeps what follows a plus. A digest that came hashed has no Google spelling and is not sent.
    """
    email, typed = person.digest("email", "google"), person.digest("email", "plain")
    told = [{"emailAddress": email}, {"phoneNumber": person.digest("phone", "e164")}]
    if email is not None and typed != email:
        told.insert(1, {"emailAddress": typed})
    address = {
        "givenName": person.digest("first_name", "google"),
        "familyName": person.digest("last_name", "google"),
        "regionCode": country_code(person.country),
        "postalCode": (person.postal_code or "").strip(),
    }
    found: list[dict[str, Any]] = [one for one in map(compact, told) if one]
    return [*found, {"address": address}] if all(address.values()) else found


def _time(at_ms: int) -> str:
    """Spell a moment as RFC 3339 in UTC, with milliseconds where there are any."""
    seconds, rest_ms = divmod(at_ms, 1000)
    fraction = f".{rest_ms:03d}" if rest_ms else ""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}{fraction}Z"


def _source(event: Event, target: Conversion) -> str | None:
    """Name where it happened: obligatory for an imported action; a website's may say WEB or nothing."""
    told = _SOURCES.get(event.action_source, "OTHER")
    match target.mode:
        case "offline":
            return told
        case "online":
            return "WEB" if told == "WEB" else None
        case _:
            assert_never(target.mode)


def _device(event: Event, user_ip: UserIp) -> dict[str, Any]:
    country = country_code(event.person.country)
    match user_ip:
        case "always":
            may = True
        case "non_eea":
            may = country is not None and country not in _NO_IP
        case "never":
            may = False
        case _:
            assert_never(user_ip)
    return compact({"userAgent": event.browser.user_agent, "ipAddress": event.browser.ip if may else None})


def _consent(event: Event) -> dict[str, str]:
    """Repeat the two purposes that Google knows; what was not asked stays unsaid."""
    return compact(
        {
            "adUserData": _CONSENT.get(event.consent.ad_user_data),
            "adPersonalization": _CONSENT.get(event.consent.ad_personalization),
        }
    )


def _cart(event: Event, feed: Mapping[str, str]) -> dict[str, Any] | None:
    """Say the items that name a product, as Merchant Center knows it, and its price: Google ignores any other.

    Coupons stay here: one that Google finds malformed would refuse the conversion, and no bid looks at them.
    """
    items = [_item(item) for item in event.items if item.item_id and item.price is not None]
    return {**feed, "items": items} if items else None


def _item(item: Item) -> dict[str, Any]:
    return compact({"merchantProductId": item.item_id, "quantity": _count(item.quantity), "unitPrice": item.price})


def _count(quantity: float | None) -> str | None:
    """Return a count as protocol buffers spell a 64-bit number; a part of a piece, or none at all, cannot be said."""
    if quantity is None or not 0 < quantity < _MAX_INT64 or quantity != int(quantity):
        return None
    return str(int(quantity))
