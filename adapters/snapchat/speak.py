"""One event in Snap's words: its names, the person, the app, the money and the goods.

Source: developers.snap.com, Conversions API (Parameters), read 2026-11-22; types of `custom_data` are those of Snap's
OpenAPI model where its pages leave them open. Fields of travel: the same page, "Dynamic Travel Ads".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from gateway.core.adapter import compact
from gateway.core.device import app, device
from gateway.core.event import Event, Item
from gateway.core.goods import amount, currency_code, named, pieces, pieces_in_all, worth
from gateway.core.person import place_digests

# Our name -> Snap's. There are no free names: what is not here goes nowhere, unless the configuration gives it one
# (`events: {quiz_done: CUSTOM_EVENT_1}`).
NAMES: Final[Mapping[str, str | None]] = {
    "page_view": "PAGE_VIEW",
    "view_item": "VIEW_CONTENT",
    "view_item_list": "LIST_VIEW",
    "search": "SEARCH",
    "add_to_cart": "ADD_CART",
    "add_to_wishlist": "ADD_TO_WISHLIST",
    "begin_checkout": "START_CHECKOUT",
    "add_payment_info": "ADD_BILLING",
    "purchase": "PURCHASE",
    # Snap has no word for a lead; its own tag calls one a sign-up.
    "generate_lead": "SIGN_UP",
    "sign_up": "SIGN_UP",
    "login": "LOGIN",
    "subscribe": "SUBSCRIBE",
    "start_trial": "START_TRIAL",
    "schedule": "RESERVE",
    "share": "SHARE",
    "tutorial_complete": "COMPLETE_TUTORIAL",
    "view_promotion": "AD_VIEW",
    "select_promotion": "AD_CLICK",
    "unlock_achievement": "ACHIEVEMENT_UNLOCKED",
    "level_end": "LEVEL_COMPLETE",
    "spend_virtual_currency": "SPENT_CREDITS",
    "app_install": "APP_INSTALL",
    "first_open": "APP_INSTALL",
    "app_open": "APP_OPEN",
    # Nothing takes a purchase back.
    "refund": None,
}
THEIRS: Final = frozenset(
    {name for name in NAMES.values() if name}
    | {"SAVE", "INVITE", "RATE"}
    | {f"CUSTOM_EVENT_{slot}" for slot in range(1, 6)}
)

HASHED: Final = frozenset({"em", "ph", "fn", "ln", "ge", "ct", "st", "zp", "country", "db", "external_id"})
# Snap's key, our field, its spelling.
_DIGESTS: Final = (
    ("em", "email", "plain"),
    ("ph", "phone", "digits"),
    ("fn", "first_name", "letters"),
    ("ln", "last_name", "letters"),
    ("ge", "gender", "initial"),
    ("db", "date_of_birth", "digits"),
)
# Identifiers that only the site knows: taken from its properties, clear, as Snap wants them.
_FROM_PROPERTIES: Final = ("anon_id", "lead_id", "subscription_id", "download_id", "partner_id")
_ID: Final = re.compile(r"[A-Za-z0-9._~:-]{1,256}")
_DELIVERY: Final = frozenset({"in_store", "curbside", "home_delivery"})
# Travel: passed on as the site tells it, in Snap's own names. Not `country`: a digest is looked for behind that word.
_TRAVEL: Final = frozenset(
    """checkin_date travel_start travel_end num_adults num_children num_infants origin_airport destination_airport
    departing_departure_date departing_arrival_date returning_departure_date returning_arrival_date city region
    neighborhood postal_code hotel_score preferred_neighborhoods preferred_star_ratings suggested_destinations
    suggested_hotels""".split()
)
# What Apple's owners answered, in Snap's spelling of it.
_TRACKED: Final = {"AUTHORIZED": 1, "DENIED": 0, "RESTRICTED": 0}
_EXTINFO_PARTS: Final = 16


def user_data(event: Event, *, in_app: bool) -> dict[str, Any]:
    """Say who it was: digests as lists, which Snap's model asks for and its pages allow."""
    person, browser, click = event.person, event.browser, event.clicks.get("scid")
    digests, told = person.digests, dict[str, Any]()
    for key, field, spelling in _DIGESTS if digests else ():
        if field in digests and (digest := digests[field].get(spelling)) is not None:
            told[key] = [digest]
    told |= {key: [digest] for key, digest in place_digests(person).items()}
    if "external_id" in digests and (digest := digests["external_id"].get("trimmed")) is not None:
        told["external_id"] = [digest]
    ids = device(event) if in_app else None
    told |= compact(
        {
            "client_ip_address": browser.ip,
            "client_user_agent": browser.user_agent,
            "sc_click_id": click.id if click else None,
            "sc_cookie1": browser.cookies.get("sc_cookie1") or _text(event, "sc_cookie1", _ID),
            "madid": ids.advertising_id if ids else None,
            "idfv": ids.idfv if ids else None,
        }
    )
    if event.properties:
        told |= compact({key: _text(event, key, _ID) for key in _FROM_PROPERTIES})
    return told


def custom_data(event: Event) -> dict[str, Any]:
    """Say the money and the goods: a value never travels without its currency."""
    currency, own = currency_code(event), event.properties
    told = compact({key: value for key, value in own.items() if key in _TRAVEL and _is_plain(value)}) if own else {}
    told |= compact(
        {
            "currency": currency,
            "value": worth(event) if currency else None,
            "order_id": event.transaction_id,
        }
    )
    products = named(event) if event.items else []
    if event.items:
        told |= _goods(event, products)
    if content_type := (own and _text(event, "content_type")) or ("product" if products else None):
        told["content_type"] = content_type
    told |= compact(
        {
            "brands": _brands(products) if products else None,
            "num_items": pieces_in_all(event) if event.items else None,
            "search_string": event.search_term,
        }
    )
    delivery = None
    if own:
        delivery = _text(event, "delivery_category")
        told |= compact({"sign_up_method": _text(event, "method"), "status": _text(event, "status")})
    if event.predicted_ltv is not None:
        told["predicted_ltv"] = event.predicted_ltv
    if delivery in _DELIVERY:
        told["delivery_category"] = delivery
    return told


def _brands(products: list[Item]) -> list[str]:
    return list(dict.fromkeys(brand for item in products if (brand := item.item_brand) and not brand.isspace()))


def _goods(event: Event, products: list[Item]) -> dict[str, Any]:
    single = event.items[0] if len(event.items) == 1 else Item()
    return compact(
        {
            "content_ids": [item.item_id for item in products],
            "contents": [_content(item) for item in products],
            "content_name": single.item_name,
            "content_category": single.item_category,
        }
    )


def app_data(event: Event) -> dict[str, Any]:
    """Say which app it was; of the device, the sixteen parts of `extinfo` where the app's server knows them all."""
    parts, status = event.properties.get("extinfo"), device(event).att_status
    is_whole = isinstance(parts, list) and len(parts) == _EXTINFO_PARTS and all(isinstance(one, str) for one in parts)
    return compact(
        {
            "app_id": app(event).id,
            "advertiser_tracking_enabled": None if status is None else _TRACKED.get(status),
            "extinfo": parts if is_whole else None,
        }
    )


def _content(item: Item) -> dict[str, Any]:
    quantity = pieces(item)
    return compact(
        {
            "id": item.item_id,
            "quantity": None if quantity is None else str(quantity),
            "item_price": amount(item.price),
            "brand": item.item_brand,
        }
    )


def _text(event: Event, key: str, pattern: re.Pattern[str] | None = None) -> str | None:
    told = event.properties.get(key)
    return told if isinstance(told, str) and (pattern is None or pattern.fullmatch(told)) else None


def _is_plain(value: Any) -> bool:
    """Say whether it is a text, a number, or a list of those."""
    parts = value if isinstance(value, list) else (value,)
    return all(isinstance(part, str | int | float) and not isinstance(part, bool) for part in parts)
