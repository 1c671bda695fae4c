"""One event as a conversion in Google's words.

Source: developers.google.com/data-manager/api/devguides/events/send-events and …/concepts/formatting, read
2026-11-22; field names as in the v1 messages (JSON spelling).
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, assert_never

from adapters.google_data_manager.options import Conversion, UserIp
from gateway.core.adapter import compact
from gateway.core.event import Click, Consent, Event, Grant, Item, Person
from gateway.core.goods import currency_code
from gateway.core.person import country_code
from gateway.core.redact import has_email

HASHED: Final = frozenset({"emailAddress", "phoneNumber", "givenName", "familyName"})

# Best first among clicks of one moment: a gclid names one click, the braids stand for a crowd of them.
_CLICKS: Final = ("gclid", "gbraid", "wbraid")
# Our own word for a landing from an ad: source, campaign, and the page without its query (`core/clickid.py`).
_LANDING: Final = re.compile(r"([0-9]{0,4})\.([0-9]{0,20})(?:\.([A-Za-z0-9_-]{1,400}))?")
# Two notes of one click, one by the gateway and one by Google's tag, may be this far apart.
_SAME_CLICK_MS: Final = 2_000
_CLICK_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,512}")
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
    # … with the parts of France and Finland that have codes of their own.
    {"GF", "GP", "MF", "MQ", "RE", "YT", "AX"}
    | {"AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU", "LV"}
    | {"MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"}
    | {"IS", "LI", "NO"}
    | {"CH", "GB"}
)
# Looking a member up in its enumeration costs more than what is asked of it.
_GRANTED: Final = Grant.GRANTED
_UNKNOWN: Final = Grant.UNKNOWN
_MAX_INT64: Final = 2**63
_DAY_S: Final = 86_400


def conversion(event: Event, target: Conversion, *, user_ip: UserIp, feed: Mapping[str, str]) -> dict[str, Any] | None:
    """Say the event, or return None when nothing in it tells Google whose click it was.

    An IP address alone does not count: Google's diagnostics accept click ids and user data only.
    """
    click = _click(event) if event.clicks else {}
    people = _identifiers(event.person)
    if not click and not people:
        return None
    # First, where it is told without reading the whole: packing asks every body for it.
    said: dict[str, Any] = {"destinationReferences": [target.action_id]}
    if transaction := event.transaction_id or event.event_id:
        said["transactionId"] = transaction
    said["eventTimestamp"] = _time(event.at_ms)
    if source := _source(event, target):
        said["eventSource"] = source
    if currency := currency_code(event):
        # Without its currency a value is refused, and the request with it.
        if event.value is not None:
            said["conversionValue"] = event.value
        said["currency"] = currency
    if people:
        said["userData"] = {"userIdentifiers": people}
    if click:
        said["adIdentifiers"] = click
    if event.properties and (customer := _customer(event)):
        said["userProperties"] = customer
    if device := _device(event, user_ip):
        said["eventDeviceInfo"] = device
    if consent := _consent(event.consent):
        said["consent"] = consent
    # Google ignores a cart beside a braid, with a warning for each event.
    if event.items and "gbraid" not in click and "wbraid" not in click and (cart := _cart(event, feed)):
        said["cartData"] = cart
    return said


def _click(event: Event) -> dict[str, str]:
    """Return what tells of the newest click, and of that click only: its id, and its landing where we saw one.

    Several ids of one click: the gclid alone. A braid beside it adds no click, but takes the cart away and is refused
    by every action that counts one conversion a click.
    """
    clicks, newest, found = event.clicks, None, dict[str, str]()
    for key in _CLICKS:
        click = clicks.get(key)
        if click is not None and (newest is None or click.seen_ms > newest.seen_ms) and _CLICK_ID.fullmatch(click.id):
            newest, found = click, {key: click.id}
    landing = clicks.get("gad")
    apart_ms = 0 if landing is None or newest is None else landing.seen_ms - newest.seen_ms
    if apart_ms > _SAME_CLICK_MS:
        found = {}
    if landing is not None and apart_ms >= -_SAME_CLICK_MS and (told := _session(landing, event)):
        found["sessionAttributes"] = told
    return found


def _session(landing: Click, event: Event) -> str | None:
    """Say the landing as Google's own script does: JSON in base64url without padding. Every part of it is optional.

    The page's query stays at home: what it tells of the click is said by name.
    Source: support.google.com/google-ads/answer/16194756, read 2026-11-22.
    """
    found = _LANDING.fullmatch(landing.id)
    if found is None:
        return None
    source, campaign, page = found.groups()
    told = compact(
        {
            "gad_source": source,
            "gad_campaignid": campaign,
            "landing_page_url": _address(page) if page else None,
            "landing_page_user_agent": event.browser.user_agent,
            "session_start_time_usec": str(landing.seen_ms * 1_000),
        }
    )
    return base64.urlsafe_b64encode(json.dumps(told, separators=(",", ":")).encode()).rstrip(b"=").decode()


def _address(page: str) -> str | None:
    """Open what the door wrote; a caller may have written it himself, so it is looked at like any text of his."""
    try:
        url = base64.urlsafe_b64decode(page + "=" * (-len(page) % 4)).decode()
    except ValueError:
        return None
    return url if url.startswith(("https://", "http://")) and url.isprintable() and not has_email(url) else None


def _identifiers(person: Person) -> list[dict[str, Any]]:
    """List one identifier an object, ten at most.

    A gmail address goes in two spellings, folded as the documentation says and as it was typed: Google's own tag
    keeps what follows a plus. A digest that came hashed has no Google spelling and is not sent.
    """
    digests, found = person.digests, list[dict[str, Any]]()
    if emails := digests.get("email"):
        email, typed = emails.get("google"), emails.get("plain")
        if email:
            found.append({"emailAddress": email})
        if email is not None and typed and typed != email:
            found.append({"emailAddress": typed})
    if "phone" in digests and (phone := digests["phone"].get("e164")):
        found.append({"phoneNumber": phone})
    if "first_name" in digests and "last_name" in digests:
        given, family = digests["first_name"].get("google"), digests["last_name"].get("google")
        region, postal_code = country_code(person.country), (person.postal_code or "").strip()
        if given and family and region and postal_code:
            address = {"givenName": given, "familyName": family, "regionCode": region, "postalCode": postal_code}
            found.append({"address": address})
    return found


def _time(at_ms: int) -> str:
    """Spell a moment as RFC 3339 in UTC, with milliseconds where there are any."""
    seconds, rest_ms = divmod(at_ms, 1_000)
    return f"{_second(seconds)}.{rest_ms:03d}Z" if rest_ms else f"{_second(seconds)}Z"


@lru_cache(maxsize=1_024)  # what goes together mostly happened together
def _second(seconds: int) -> str:
    day, second = divmod(seconds, _DAY_S)
    return f"{_date(day)}T{second // 3_600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"


@lru_cache(maxsize=128)  # as many days as conversions are taken for, and some
def _date(day: int) -> str:
    return f"{datetime.fromtimestamp(day * _DAY_S, UTC):%Y-%m-%d}"


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
    match user_ip:
        case "never":
            may = False
        case "always":
            may = True
        case "non_eea":
            country = country_code(event.person.country)
            may = country is not None and country not in _NO_IP
        case _:
            assert_never(user_ip)
    told: dict[str, Any] = {"userAgent": event.browser.user_agent} if event.browser.user_agent else {}
    if may and event.browser.ip:
        told["ipAddress"] = event.browser.ip
    return told


def _customer(event: Event) -> dict[str, str] | None:
    """Say whether it was a first purchase, where the page said so in Google's own parameter."""
    match event.properties.get("new_customer"):
        case True | "true":
            return {"customerType": "NEW"}
        case False | "false":
            return {"customerType": "RETURNING"}
        case _:
            return None


def _consent(consent: Consent) -> dict[str, str]:
    """Repeat the two purposes that Google knows; what was not asked stays unsaid."""
    told = {}
    if consent.ad_user_data is not _UNKNOWN:
        told["adUserData"] = _granted(consent.ad_user_data)
    if consent.ad_personalization is not _UNKNOWN:
        told["adPersonalization"] = _granted(consent.ad_personalization)
    return told


def _granted(answer: Grant) -> str:
    return "CONSENT_GRANTED" if answer is _GRANTED else "CONSENT_DENIED"


def _cart(event: Event, feed: Mapping[str, str]) -> dict[str, Any] | None:
    """Say the items that name a product, as Merchant Center knows it, and its price: Google ignores any other.

    Coupons stay here: one that Google finds malformed would refuse the conversion, and no bid looks at them.
    """
    items = [_item(item) for item in event.items if item.item_id and item.price is not None]
    return {**feed, "items": items} if items else None


def _item(item: Item) -> dict[str, Any]:
    told: dict[str, Any] = {"merchantProductId": item.item_id}
    if (count := _count(item.quantity)) is not None:
        told["quantity"] = count
    told["unitPrice"] = item.price
    return told


@lru_cache(maxsize=1_024)
def _count(quantity: float | None) -> str | None:
    """Return a count as protocol buffers spell a 64-bit number; a part of a piece, or none at all, cannot be said."""
    if quantity is None or not 0 < quantity < _MAX_INT64 or quantity != int(quantity):
        return None
    return str(int(quantity))
