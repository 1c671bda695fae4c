"""One event's person and goods in Meta's words.

Source: Meta's pages "Customer Information Parameters", "fbp and fbc Parameters" and "Custom Data", read 2026-11-22.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

from adapters.meta.own import SEGMENTS
from gateway.core.adapter import compact
from gateway.core.event import Event, Item
from gateway.core.goods import MONEY, pieces
from gateway.core.person import Wanted, place_digests
from gateway.core.speak import SEALED

HASHED: Final = frozenset({"em", "ph", "fn", "ln", "ge", "db", "ct", "st", "zp", "country", "external_id"})

# Meta's key, our field, its spelling.
_DIGESTS: Final = Wanted(
    ("em", "email", "plain"),
    ("ph", "phone", "digits"),
    ("fn", "first_name", "letters"),
    ("ln", "last_name", "letters"),
    ("ge", "gender", "initial"),
    ("db", "date_of_birth", "digits"),
)

# `fb.<labels of the domain - 1>.<ms>.<payload>`; Meta's own libraries append 2 or 8 characters (who wrote it).
_TAIL: Final = r"(?:\.(?:[A-Za-z0-9_-]{2}|[A-Za-z0-9_-]{8}))?"
_FBC: Final = re.compile(r"fb\.[0-9]\.(?P<ms>[0-9]{13})\.(?P<click>[A-Za-z0-9_~-]{1,500})" + _TAIL)
_FBP: Final = re.compile(r"fb\.[0-9]\.[0-9]{13}\.[0-9]{1,20}" + _TAIL)
_FBCLID: Final = re.compile(r"[A-Za-z0-9_.~-]{1,500}")

# custom_data that we say ourselves, or that Meta wants in a type of its own: a property never stands in for it.
_OURS: Final = frozenset({"value", "currency", "contents", "content_ids", "order_id", "search_string", "predicted_ltv"})
_NUMBERS: Final = frozenset({"num_items", "net_revenue"})
_TEXTS: Final = frozenset({"content_name", "content_category"})
# Closed lists: another word would fail the whole request.
_DELIVERY: Final = frozenset({"in_store", "curbside", "home_delivery"})
# The first two are the reference's; the others are those of travel, property and car catalogues.
_TYPES: Final = frozenset(
    {"product", "product_group", "destination", "flight", "hotel", "home_listing", "vehicle", "vehicle_offer"}
)
_WORDS: Final = {"delivery_category": _DELIVERY, "content_type": _TYPES, "customer_segmentation": SEGMENTS}
_HELD: Final = _NUMBERS | _TEXTS | _WORDS.keys()
_PLAIN: Final = (str, int, float)


def user_data(event: Event) -> dict[str, Any]:
    """Say who it was, as far as we were told, in the order of Meta's page."""
    person, browser = event.person, event.browser
    digests, cookies = person.digests, browser.cookies
    told = _DIGESTS.of(digests) if digests else {}
    told |= place_digests(person)
    if "external_id" in digests and (digest := digests["external_id"].get("lower")):
        told["external_id"] = digest
    if browser.ip:
        told["client_ip_address"] = browser.ip
    if browser.user_agent:
        told["client_user_agent"] = browser.user_agent
    if ("fbc" in cookies or "fbclid" in event.clicks) and (fbc := _fbc(event)) is not None:
        told["fbc"] = fbc
    if "fbp" in cookies and _FBP.fullmatch(cookies["fbp"]):
        told["fbp"] = cookies["fbp"]
    return told


def _fbc(event: Event) -> str | None:
    """Return the newest click in Meta's spelling: the cookie's as it stands, or one built from the fbclid.

    A malformed one fails the whole request (100/2804001), so it is dropped.
    """
    cookie = event.browser.cookies.get("fbc")
    kept = _FBC.fullmatch(cookie) if cookie else None
    click = event.clicks.get("fbclid")
    if click is None or not _FBCLID.fullmatch(click.id) or len(str(click.seen_ms)) != 13:
        return cookie if kept else None
    if kept and (kept["click"] == click.id or int(kept["ms"]) >= click.seen_ms):
        return cookie
    return f"fb.1.{click.seen_ms}.{click.id}"


def custom_data(event: Event) -> dict[str, Any]:
    """Say the money and the goods; whatever else the site told goes along as a custom property."""
    items = event.items
    contents = [_content(item) for item in items if item.item_id] if items else []
    told = _standing_in(event, contents) if items else {}
    if event.coupon:
        told["coupon"] = event.coupon
    if event.tax is not None:
        told["tax"] = event.tax
    if event.shipping is not None:
        told["shipping"] = event.shipping
    if event.properties:
        told |= _properties(event)
    if event.value is not None:
        told["value"] = event.value
    # The door's are capitals, and most are money.
    if (currency := event.currency) and (currency in MONEY or currency.upper() in MONEY):
        told["currency"] = currency
    if event.transaction_id:
        told["order_id"] = event.transaction_id
    if event.search_term:
        told["search_string"] = event.search_term
    if event.predicted_ltv is not None:
        told["predicted_ltv"] = event.predicted_ltv
    if contents:
        told["content_ids"] = [content["id"] for content in contents]
        told["contents"] = contents
    return told


def _standing_in(event: Event, contents: list[dict[str, Any]]) -> dict[str, Any]:
    """Say of the items what Meta also takes from the site."""
    told: dict[str, Any] = {"content_type": "product"} if contents else {}
    if len(event.items) == 1:
        single = event.items[0]
        if single.item_name:
            told["content_name"] = single.item_name
        if single.item_category:
            told["content_category"] = single.item_category
    # How many pieces; nothing for none, or for half a one, which is no whole number as Meta wants it.
    pieces = sum([_quantity(item.quantity) for item in event.items])
    if isinstance(pieces, int) and pieces > 0:
        told["num_items"] = pieces
    return told


def _content(item: Item) -> dict[str, Any]:
    told: dict[str, Any] = {"id": item.item_id, "quantity": _quantity(item.quantity)}
    if item.price is not None:
        told["item_price"] = item.price
    if item.item_name:
        told["title"] = item.item_name
    if item.item_brand:
        told["brand"] = item.item_brand
    if item.item_category:
        told["category"] = item.item_category
    return told


@lru_cache(maxsize=1_024)
def _quantity(told: float | None) -> float:
    """Return how many, one where nobody said; whole numbers as such, since Meta's type is an integer."""
    if told is None:
        return 1
    number = float(told)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _properties(event: Event) -> dict[str, Any]:
    """Keep plain values, and content ids where no items say them; a number stands where Meta wants one.

    Never a key that belongs to a person: there Meta, and our own scanner, take a digest or nothing.
    """
    kept: dict[str, Any] = {}
    for key, told in event.properties.items():
        if key in _OURS or key in SEALED or key in HASHED:
            continue
        if key in _HELD:
            kept[key] = _fitting(key, told)
        elif isinstance(told, _PLAIN):
            kept[key] = told
    ids = event.properties.get("content_ids")
    if isinstance(ids, list | tuple):
        texts = [str(one) for one in ids if isinstance(one, str | int)]
        kept["content_ids"] = [text for text in texts if text.strip()]
    return compact(kept)


def _fitting(key: str, told: Any) -> str | float | None:
    """Return a value of the type, or of the words, that Meta wants behind this key; None for any other."""
    if key not in _NUMBERS:
        return told if isinstance(told, str) and (key in _TEXTS or told in _WORDS[key]) else None
    if isinstance(told, bool) or not isinstance(told, int | float):
        return None
    return pieces(Item(quantity=told)) if key == "num_items" else told
