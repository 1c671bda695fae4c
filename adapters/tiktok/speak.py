"""One event in TikTok's words: its names, the person, the page, the app, the money and the goods.

Source: TikTok's own server-side tag (tiktok/gtm-template-eapi) and ads.tiktok.com/help (supported standard events,
click id), read 2026-11-22. Fields of travel and vehicles: those who send them (segmentio/action-destinations).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from gateway.core.adapter import compact
from gateway.core.device import app, device
from gateway.core.domain import page_address
from gateway.core.event import Event, Item
from gateway.core.goods import currency_code, pieces, pieces_in_all, worth
from gateway.core.person import Wanted, country_code, letters, lowered, unspaced_postal_digest

# Our name -> TikTok's, names of September 2025. A name that is not here goes as a custom event, unchanged, and TikTok's
# own names are their own; None goes nowhere.
NAMES: Final[Mapping[str, str | None]] = {
    "page_view": "Pageview",
    "view_item": "ViewContent",
    "view_item_list": "ViewContent",
    "search": "Search",
    "add_to_cart": "AddToCart",
    "add_to_wishlist": "AddToWishlist",
    "begin_checkout": "InitiateCheckout",
    "add_payment_info": "AddPaymentInfo",
    "purchase": "Purchase",
    "generate_lead": "Lead",
    "sign_up": "CompleteRegistration",
    "subscribe": "Subscribe",
    "start_trial": "StartTrial",
    "contact": "Contact",
    "schedule": "Schedule",
    "submit_application": "SubmitApplication",
    "find_location": "FindLocation",
    "customize_product": "CustomizeProduct",
    "file_download": "Download",
    # Renamed by TikTok on 2025-05-01; the old names still arrive from older pages.
    "CompletePayment": "Purchase",
    "SubmitForm": "Lead",
    # Nothing takes a purchase back; a custom event of that name would read as a gain.
    "refund": None,
}
# Standard in apps alone; on the web the same names are custom events.
APP_NAMES: Final[Mapping[str, str]] = {
    "login": "Login",
    "app_install": "InstallApp",
    "first_open": "InstallApp",
    "app_open": "LaunchAPP",
    "tutorial_complete": "CompleteTutorial",
    "level_up": "AchieveLevel",
    "unlock_achievement": "UnlockAchievement",
    "spend_virtual_currency": "SpendCredits",
}

_DELIVERY: Final = frozenset({"in_store", "curbside", "home_delivery"})
_CONTENT_TYPES: Final = frozenset({"product", "product_group"})
# TikTok's key, our field, its spelling.
_DIGESTS: Final = Wanted(
    ("email", "email", "plain"),
    ("phone", "phone", "e164"),
    ("external_id", "external_id", "trimmed"),
    ("first_name", "first_name", "unspaced"),
    ("last_name", "last_name", "unspaced"),
)
_KNOWN: Final = frozenset({"email", "phone", "external_id", "ttclid", "ttp", "idfa", "idfv", "gaid"})
_LOCALE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
# What TikTok tells an app of the ad that brought its user, and what a measurement partner made of it.
_AD_TEXTS: Final = ("callback", "campaign_id", "ad_id", "creative_id", "attribution_type", "attribution_provider")
_AD_FLAGS: Final = ("is_retargeting", "attributed")
# Travel and vehicles: passed on as the site tells them, in TikTok's own names.
_PASSED: Final = frozenset(
    """city region country checkin_date checkout_date num_adults num_children num_infants suggested_hotels
    departing_departure_date departing_arrival_date returning_departure_date returning_arrival_date origin_airport
    destination_airport destination_ids travel_class user_score preferred_num_stops preferred_price_range
    preferred_star_ratings preferred_neighborhoods suggested_destinations
    postal_code make model year state_of_vehicle mileage exterior_color transmission body_style fuel_type drivetrain
    trim vin interior_color condition_of_vehicle viewcontent_type search_type registration_type""".split()
)


def user(event: Event, *, in_app: bool) -> dict[str, Any]:
    person, browser = event.person, event.browser
    told = _DIGESTS.of(person.digests) if person.digests else {}
    if person.postal_code and (zip_code := unspaced_postal_digest(person.postal_code)):
        told["zip_code"] = zip_code
    if person.city and (city := _town(person.city)):
        told["city"] = city
    if person.region and (region := _town(person.region)):
        told["state"] = region
    if person.country and (country := _country(person.country)):
        told["country"] = country
    if "ttclid" in event.clicks and (click_id := event.clicks["ttclid"].id):
        told["ttclid"] = click_id
    if "ttp" in browser.cookies and (ttp := browser.cookies["ttp"]):
        told["ttp"] = ttp
    if browser.ip:
        told["ip"] = browser.ip
    if browser.user_agent:
        told["user_agent"] = browser.user_agent
    if browser.language and (locale := _locale(browser.language)):
        told["locale"] = locale
    if in_app:
        ids = device(event)
        told |= compact({"idfa": ids.idfa, "idfv": ids.idfv, "gaid": ids.gaid, "att_status": ids.att_status})
    return told


@lru_cache(maxsize=4_096)
def _town(name: str) -> str | None:
    """Spell a city or region, of which there are few and which are nobody's."""
    return letters(name)


@lru_cache(maxsize=512)
def _country(country: str) -> str | None:
    return lowered(country_code(country))


@lru_cache(maxsize=1_024)
def _locale(language: str) -> str | None:
    """Return the first language of those that a browser names; browsers name a few hundred combinations."""
    locale = language.split(",", maxsplit=1)[0].split(";", maxsplit=1)[0].strip()
    return locale if _LOCALE.fullmatch(locale) else None


def is_somebody(user: Mapping[str, Any], ad: Mapping[str, Any] | None) -> bool:
    """Say whether TikTok can know who it was: a name or a town alone matches nobody, an address needs its agent.

    An app's user is known by what TikTok gave the app with the click; a lead's id alone is not enough, for TikTok wants
    a user beside it.
    """
    if not _KNOWN.isdisjoint(user) or ("ip" in user and "user_agent" in user):
        return True
    return bool(user) and "callback" in (ad or {})


def page(event: Event) -> dict[str, Any] | None:
    location, referrer = page_address(event.page.location), event.page.referrer
    if location is None:
        return None
    return {"url": location, "referrer": referrer} if referrer else {"url": location}


def lead(event: Event) -> dict[str, Any]:
    told = {key: event.properties.get(key) for key in ("lead_id", "lead_event_source")}
    return {key: str(value) for key, value in told.items() if isinstance(value, str | int) and str(value).strip()}


def of_app(event: Event) -> dict[str, Any]:
    it = app(event)
    return compact({"app_id": it.id, "app_name": it.name, "app_version": it.version})


def ad(event: Event) -> dict[str, Any]:
    """Say what the app's server knows of the ad: the property `ad`, in TikTok's own names."""
    told = event.properties.get("ad")
    if not isinstance(told, dict):
        return {}
    texts = {key: told.get(key) for key in _AD_TEXTS}
    flags = {key: told.get(key) for key in _AD_FLAGS}
    return {key: text for key, text in texts.items() if isinstance(text, str) and text.strip()} | {
        key: flag for key, flag in flags.items() if isinstance(flag, bool)
    }


def properties(event: Event) -> dict[str, Any]:
    """Say the money and the goods: a value never travels without its currency."""
    currency, own = currency_code(event), event.properties
    said: dict[str, Any] = {}
    if currency:
        said["currency"] = currency
        if (value := worth(event)) is not None:
            said["value"] = value
    items = event.items
    contents = [_content(item) for item in items if item.item_id] if items else []
    if contents:
        said["contents"] = contents
        said["content_ids"] = [content["content_id"] for content in contents]
    if kind := (own and _text(event, "content_type", _CONTENT_TYPES)) or (contents and "product"):
        said["content_type"] = kind
    if event.items and (count := pieces_in_all(event)):
        said["num_items"] = count
    if event.transaction_id:
        said["order_id"] = event.transaction_id
    if event.search_term:
        said["query"] = said["search_string"] = event.search_term
    if event.predicted_ltv is not None:
        said["predicted_ltv"] = event.predicted_ltv
    if not own:
        return said
    said |= compact(
        {
            "delivery_category": _text(event, "delivery_category", _DELIVERY),
            **{key: _text(event, key) for key in ("description", "status", "shop_id")},
        }
    )
    return compact({key: value for key, value in own.items() if key in _PASSED and _is_plain(value)}) | said


def _content(item: Item) -> dict[str, Any]:
    told: dict[str, Any] = {"content_id": item.item_id}
    if item.item_name:
        told["content_name"] = item.item_name
    if item.item_category:
        told["content_category"] = item.item_category
    if item.item_brand:
        told["brand"] = item.item_brand
    if item.price is not None:
        told["price"] = item.price
    if (count := pieces(item)) is not None:
        told["quantity"] = count
    return told


def _text(event: Event, key: str, allowed: frozenset[str] | None = None) -> str | None:
    told = event.properties.get(key)
    return told if isinstance(told, str) and (allowed is None or told in allowed) else None


def _is_plain(value: Any) -> bool:
    """Say whether it is a text, a number, a list of them or an amount: what such a field can be."""
    if isinstance(value, dict):  # a mileage
        return value.keys() <= {"value", "unit"} and all(_is_plain(part) for part in value.values())
    parts = value if isinstance(value, list) else (value,)
    return all(isinstance(part, str | int | float) and not isinstance(part, bool) for part in parts)
