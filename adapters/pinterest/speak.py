"""One event in Pinterest's words: its names, where it took place, the person, the money and the goods.

Source: Pinterest's OpenAPI description, v5.23.0 (ConversionEvents), read 2026-11-22.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from gateway.core.adapter import compact
from gateway.core.device import app, device, system
from gateway.core.event import Event, Item
from gateway.core.goods import amount, currency_code, named, pieces, pieces_in_all, worth
from gateway.core.person import country_code, digest_of, letters, lowered, postal, region_code

# Our name -> Pinterest's. A name that is not here is a `custom` event, for Pinterest has no free ones, and Pinterest's
# own names are their own. Later names (contact, schedule, start_trial, …) are not in v5.23.0: who has them writes
# `events: {contact: contact}`.
NAMES: Final[Mapping[str, str | None]] = {
    "page_view": "page_visit",
    "view_item": "view_content",
    "view_item_list": "view_category",
    "search": "search",
    "add_to_cart": "add_to_cart",
    "add_to_wishlist": "add_to_wishlist",
    "begin_checkout": "initiate_checkout",
    "add_payment_info": "add_payment_info",
    "purchase": "checkout",
    "generate_lead": "lead",
    "sign_up": "signup",
    "subscribe": "subscribe",
    "video_start": "watch_video",
    "app_install": "app_install",
    "first_open": "app_install",
    # Nothing takes a purchase back; a custom event would read as a gain.
    "refund": None,
}
THEIRS: Final = frozenset({name for name in NAMES.values() if name} | {"custom"})

HASHED: Final = frozenset(
    {"em", "ph", "fn", "ln", "ge", "db", "ct", "st", "zp", "country", "external_id", "hashed_maids"}
)
# Where an act took place -> Pinterest's word; an app says which system it runs on, and all else is a store.
_SOURCES: Final = {"website": "web", "app": "web"}
APPS: Final = {"ios": "app_ios", "android": "app_android"}
# Of the device, as the app's server passes it on in Pinterest's own names.
_DEVICE: Final = ("device_brand", "device_carrier", "device_model", "device_type", "os_version")
_REFUSED: Final = frozenset({"DENIED", "RESTRICTED"})
_ID: Final = re.compile(r"[A-Za-z0-9._~:-]{1,256}")


def source(event: Event) -> str:
    if event.action_source == "app" and (found := system(event)) is not None:
        return APPS[found]
    return _SOURCES.get(event.action_source, "offline")


def of_app(event: Event) -> dict[str, Any]:
    """Say which app on which device it was; `opt_out` is the owner's wish not to be tracked there."""
    it, told = app(event), event.properties
    texts = {key: value for key in _DEVICE if isinstance(value := told.get(key), str)}
    return {
        "app_id": it.id,
        "app_name": it.name,
        "app_version": it.version,
        "wifi": value if isinstance(value := told.get("wifi"), bool) else None,
        "opt_out": True if device(event).att_status in _REFUSED else None,
        **texts,
    }


def user_data(event: Event) -> dict[str, Any]:
    """Say who it was: digests as lists. A code that Pinterest could not have is left out rather than hashed."""
    person, browser, click = event.person, event.browser, event.clicks.get("epik")
    partner = event.properties.get("partner_id")
    region, zip_code = region_code(person.region, person.country), postal(person.postal_code, person.country)
    digests = {
        "em": person.digest("email", "plain"),
        "ph": person.digest("phone", "digits"),
        "fn": person.digest("first_name", "letters"),
        "ln": person.digest("last_name", "letters"),
        "ge": person.digest("gender", "initial"),
        "db": person.digest("date_of_birth", "digits"),
        "ct": digest_of(letters(person.city)),
        # "A two-letter code", "only digits": what is neither would be the digest of nothing they know.
        "st": digest_of(region) if region and len(region) == 2 else None,
        "zp": digest_of(zip_code) if zip_code and zip_code.isdigit() else None,
        "country": digest_of(lowered(country_code(person.country))),
        "external_id": person.digest("external_id", "trimmed"),
        "hashed_maids": digest_of(device(event).advertising_id),
    }
    clear = {
        "client_ip_address": browser.ip,
        "client_user_agent": browser.user_agent,
        "click_id": click.id if click else None,
        "partner_id": partner if isinstance(partner, str) and _ID.fullmatch(partner) else None,
    }
    return {key: [digest] for key, digest in digests.items() if digest is not None} | compact(clear)


def custom_data(event: Event) -> dict[str, Any]:
    """Say the money and the goods: a value never travels without its currency, and always as text."""
    products = named(event)
    single = event.items[0] if len(event.items) == 1 else Item()
    currency = currency_code(event)
    return compact(
        {
            "currency": currency,
            "value": amount(worth(event)) if currency else None,
            "order_id": event.transaction_id,
            "content_ids": [item.item_id for item in products],
            "contents": [_content(item) for item in products],
            "content_name": single.item_name,
            "content_category": single.item_category,
            "content_brand": single.item_brand,
            "num_items": pieces_in_all(event),
            "search_string": event.search_term,
            "predicted_ltv": amount(event.predicted_ltv),
        }
    )


def _content(item: Item) -> dict[str, Any]:
    return compact(
        {
            "id": item.item_id,
            "item_name": item.item_name,
            "item_category": item.item_category,
            "item_brand": item.item_brand,
            "item_price": amount(item.price),
            "quantity": pieces(item),
        }
    )
