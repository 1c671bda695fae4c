"""What the demo shop sells, and the ads that lead to it."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

BRAND: Final = "Moorlight"
SHIPPING: Final = 4.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """`slug` names its page and its picture. `price` in the site's currency, tax included."""

    slug: str
    sku: str
    name: str
    category: str
    price: float
    line: str
    about: str
    picture: str

    def item(self, quantity: int = 1) -> dict[str, Any]:
        """Spell it as GA4 and the gateway's API do."""
        return {
            "item_id": self.sku,
            "item_name": self.name,
            "item_brand": BRAND,
            "item_category": self.category,
            "price": self.price,
            "quantity": quantity,
        }


_PRODUCTS: Final = (
    Product(
        slug="stoneware-mug",
        sku="ML-101",
        name="Stoneware mug",
        category="Tableware",
        price=18.0,
        line="Thrown by hand, glazed in fog.",
        about="Three hundred millilitres, a handle for two fingers, and a glaze that is never the same twice.",
        picture="A round grey-green mug with steam above it",
    ),
    Product(
        slug="gooseneck-kettle",
        sku="ML-102",
        name="Gooseneck kettle",
        category="Coffee",
        price=64.0,
        line="Pours where you look.",
        about="Brushed steel with an oak knob. One litre, for every stove, with a spout that does not hurry.",
        picture="A steel kettle with a long curved spout",
    ),
    Product(
        slug="morning-roast",
        sku="ML-103",
        name="Morning roast, 250\N{NO-BREAK SPACE}g",
        category="Coffee",
        price=12.5,
        line="Hazelnut, plum, a little rain.",
        about="Whole beans from two small farms, roasted on Tuesdays and sent on Wednesdays.",
        picture="A paper bag of coffee with a sun on its label",
    ),
    Product(
        slug="reading-lamp",
        sku="ML-104",
        name="Reading lamp",
        category="Light",
        price=79.0,
        line="Warm enough for one more chapter.",
        about="A linen shade on a turned stem. The light is warm, and it dims down to a candle.",
        picture="A table lamp with a linen shade, lit",
    ),
    Product(
        slug="oak-tray",
        sku="ML-105",
        name="Oak tray",
        category="Tableware",
        price=38.0,
        line="Carries breakfast without remarks.",
        about="One plank of oak, oiled, with two grips. It fits a pot, two mugs and the newspaper.",
        picture="An oval oak tray with two grips",
    ),
    Product(
        slug="linen-cloth",
        sku="ML-106",
        name="Linen cloth",
        category="Textiles",
        price=14.0,
        line="Better after the tenth wash.",
        about="Washed linen, 45 by 70 cm, with a loop to hang it by and one thin stripe.",
        picture="A folded linen cloth with a stripe",
    ),
)
PRODUCTS: Final[Mapping[str, Product]] = {product.slug: product for product in _PRODUCTS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ad:
    """An ad as somebody meets it elsewhere, and where its click leads. `brings`: the click ids of that address."""

    kind: str
    at: str
    text: str
    call: str
    product: Product | None
    brings: tuple[str, ...]
    href: str


def ads() -> tuple[Ad, ...]:
    """Make the ads of one visit: each click has an id of its own, as at the platforms."""
    mug, kettle, lamp = (PRODUCTS[slug] for slug in ("stoneware-mug", "gooseneck-kettle", "reading-lamp"))
    return (
        _ad("post", "A post in a feed", "Slow mornings start with a good mug.", "Shop now", mug, "instagram", "fbclid"),
        _ad("search", "A search result", "Gooseneck kettle, brushed steel", "Visit", kettle, "google", "gclid"),
        _ad("video", "A short video", "one more chapter #readinglight", "Learn more", lamp, "tiktok", "ttclid"),
    )


def every_ad() -> str:
    """Return the address of somebody who clicked all three ads, one after the other."""
    return "/shop?" + urlencode({"utm_source": "demo", "utm_medium": "cpc", **_clicks("fbclid", "gclid", "ttclid")})


def _ad(kind: str, at: str, text: str, call: str, product: Product, source: str, click: str) -> Ad:
    medium = "cpc" if kind == "search" else "paid_social"
    query = {"utm_source": source, "utm_medium": medium, "utm_campaign": "slow-mornings", **_clicks(click)}
    href = f"/product/{product.slug}?{urlencode(query)}"
    return Ad(kind=kind, at=at, text=text, call=call, product=product, brings=(click,), href=href)


def _clicks(*names: str) -> dict[str, str]:
    """Make click ids that look like the platforms' own."""
    made = {
        "fbclid": f"IwZXh0bgNhZW0{_letters(42)}_aem_{_letters(16)}",
        "gclid": f"Cj0KCQiA{_letters(63)}_wcB",
        "ttclid": f"E.C.P.{_letters(90)}",
    }
    return {name: made[name] for name in names}


def _letters(count: int) -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(count)).decode()[:count].replace("-", "a").replace("_", "b")
