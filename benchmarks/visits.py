"""Visits to shops that never were: events as the door would seal them, of every kind, from seeded dice.

The dictionary that waiting events are pressed with was trained on these (`train_dictionary.py`), and what pressing and
parking cost is measured with others of them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any, Final

from gateway.core.event import (
    Browser,
    Campaign,
    Click,
    Consent,
    Event,
    Grant,
    Item,
    Page,
    Person,
    Purpose,
    Wire,
)
from gateway.core.person import seal

NOW_MS: Final = 1_795_305_600_000
NAMES: Final = (
    *("page_view",) * 10, *("view_item",) * 6, *("view_item_list", "add_to_cart") * 2,
    *("session_start", "scroll", "select_item", "view_cart", "begin_checkout", "add_payment_info"),
    *("add_shipping_info", "search", "sign_up", "login", "generate_lead", "add_to_wishlist", "purchase", "refund"),
)  # fmt: skip
_AGENTS: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v}.0.0.0 Safari/537.36",
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v}.0.0.0 "
        "Safari/537.36"
    ),
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v}.0.0.0 Mobile Safari/537.36",
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_{w} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/18.{w} Mobile/15E148 Safari/604.1"
    ),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.{w} "
        "Safari/605.1.15"
    ),
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:{v}.0) Gecko/20100101 Firefox/{v}.0",
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v}.0.0.0 "
        "Safari/537.36 Edg/{v}.0.0.0"
    ),
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_{w} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Mobile/15E148 Instagram 3{v}.0.0.28.96 (iPhone15,2; iOS 18_{w}; de_DE; de; scale=3.00; 1179x2556)"
    ),
)
_BASE64: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_WORDS: Final = (
    *("linen", "oak", "winter", "running", "cotton", "garden", "travel", "kitchen", "classic", "blue", "green"),
    *("mug", "chair", "jacket", "shoes", "lamp", "shirt", "table", "bag", "blanket", "bottle", "socks", "knife"),
)
_SHOPS: Final = tuple(
    (f"https://{host}", word, currency, language)
    for host, word, currency, language in (
        ("shop.example", "products", "EUR", "de-DE"), ("www.store.example", "p", "USD", "en-US"),
        ("www.outdoor.example", "collections", "GBP", "en-GB"), ("moebel.example", "de/produkt", "EUR", "de-AT"),
        ("boutique.example", "fr/produits", "EUR", "fr-FR"), ("www.hats.example", "item", "PLN", "pl-PL"),
    )
)  # fmt: skip
_GRANTS: Final = (
    *("granted granted granted granted",) * 8, "granted granted denied granted", "denied denied denied granted",
    "unknown unknown unknown unknown",
)  # fmt: skip


def visits(seed: int, count: int, now_ms: int = NOW_MS) -> Iterator[Event]:
    """Make so many events, the same ones for a seed."""
    dice = random.Random(seed)
    for number in range(count):
        yield _event(dice, dice.choice(NAMES), number, now_ms + number * 10)


def _event(dice: random.Random, name: str, number: int, at_ms: int) -> Event:
    origin, shelf, currency, language = dice.choice(_SHOPS)
    is_order = name in ("purchase", "refund")
    has_goods = is_order or name in ("view_item", "add_to_cart", "view_cart", "begin_checkout", "add_payment_info")
    goods = _goods(dice, 1 if name in ("view_item", "add_to_cart") else dice.randint(1, 3)) if has_goods else ()
    order = str(100_000 + dice.randrange(900_000))
    event_id = f"order-{order}" if is_order else _hex(dice, 32) if dice.random() < 0.5 else f"{name}.{at_ms}.{number}"
    is_server = is_order and dice.random() < 0.5
    clicks = _clicks(dice, at_ms) if dice.random() < 0.5 else {}
    word = f"{dice.choice(_WORDS)}-{dice.choice(_WORDS)}"
    query = "&".join(f"{key}={click.id}" for key, click in list(clicks.items())[:1])
    tagged = f"?utm_source={dice.choice(_SOURCES)}&utm_medium=cpc&utm_campaign={word}&{query}" if query else ""
    return Event(
        site=dice.choice(("shop", "store", "main")),
        name=name,
        event_id=event_id,
        wires=(Wire.SERVER,) if is_server else (Wire.BROWSER, Wire.SERVER) if is_order else (Wire.BROWSER,),
        at_ms=at_ms - dice.randrange(3_000),
        received_ms=at_ms,
        id_made=dice.random() < 0.3 and not is_order,
        page=Page(
            location=f"{origin}/{shelf}/{word}{tagged}",
            referrer=dice.choice((f"{origin}/", "https://www.google.com/", "https://l.instagram.com/", None)),
            title=f"{word.replace('-', ' ').title()} | Shop",
        ),
        value=round(sum((item.price or 0) * (item.quantity or 1) for item in goods), 2) if goods else None,
        currency=currency if goods else None,
        transaction_id=order if is_order else None,
        tax=round(dice.random() * 20, 2) if is_order else None,
        shipping=4.9 if is_order else None,
        items=goods,
        search_term=word if name == "search" else None,
        person=seal(_user(dice), phone_country="DE").person if is_order or dice.random() < 0.15 else Person(),
        browser=_browser(dice, at_ms, language),
        clicks=clicks,
        campaign=Campaign(source=dice.choice(_SOURCES), medium="cpc", name=word) if clicks else Campaign(),
        consent=_consent(dice),
        properties=_properties(dice, name),
    )


_SOURCES: Final = ("google", "facebook", "instagram", "tiktok", "newsletter", "bing", "pinterest")


def _goods(dice: random.Random, count: int) -> tuple[Item, ...]:
    return tuple(
        Item(
            item_id=f"SKU-{dice.randrange(100_000)}",
            item_name=f"{dice.choice(_WORDS).title()} {dice.choice(_WORDS)}",
            item_brand=dice.choice(("Nordic", "Acme", None)),
            item_category=dice.choice(("Home", "Clothing", "Sports", "Kitchen")),
            price=round(dice.uniform(5, 300), 2),
            quantity=dice.choice((1, 1, 1, 2, 3)),
        )
        for _ in range(count)
    )


def _clicks(dice: random.Random, at_ms: int) -> dict[str, Click]:
    made: dict[str, Callable[[], str]] = {
        "gclid": lambda: f"EAIaIQobChMI{_text(dice, 40)}EAAYASAAEgI{_text(dice, 6)}_BwE",
        "gbraid": lambda: f"0AAAAA{_text(dice, 26)}",
        "fbclid": lambda: f"IwY2xjaw{_text(dice, 52)}_aem_{_text(dice, 22)}",
        "ttclid": lambda: f"E.C.P.{_text(dice, 90)}",
        "msclkid": lambda: _hex(dice, 32),
        "twclid": lambda: f"2-{_text(dice, 24)}",
        "epik": lambda: f"dj0y{_text(dice, 60)}",
        "rdt_cid": lambda: str(dice.randrange(10**18)),
        "scid": lambda: _uuid(dice),
        "li_fat_id": lambda: _uuid(dice),
    }
    chosen = dice.sample(sorted(made), dice.choice((1, 1, 1, 2)))
    return {name: Click(id=made[name](), seen_ms=at_ms - dice.randrange(10**8)) for name in chosen}


def _browser(dice: random.Random, at_ms: int, language: str) -> Browser:
    seen_ms = at_ms - dice.randrange(10**9)
    cookies = {
        "fbp": f"fb.1.{seen_ms}.{dice.randrange(10**9, 10**10)}",
        "fbc": f"fb.1.{seen_ms}.IwY2xjaw{_text(dice, 52)}",
        "ttp": _text(dice, 27),
        "gcl_au": f"1.1.{dice.randrange(10**9)}.{seen_ms // 1000}",
        "ga_client_id": f"{dice.randrange(10**9)}.{seen_ms // 1000}",
        "ga_session_id": str(at_ms // 1000),
        "sc_cookie1": _uuid(dice),
        "rdt_uuid": f"{seen_ms}.{_uuid(dice)}",
        "uetvid": _hex(dice, 32),
    }
    kept = dice.sample(sorted(cookies), dice.choice((1, 2, 2, 3, 4)))
    agent = dice.choice(_AGENTS).format(v=dice.randint(138, 142), w=dice.randint(0, 6))
    return Browser(
        ip=".".join(str(dice.randrange(1, 255)) for _ in range(4)),
        user_agent=agent,
        language=language,
        cookies={name: cookies[name] for name in kept},
    )


def _user(dice: random.Random) -> dict[str, Any]:
    name = _text(dice, 8).lower()
    return {
        "email": f"{name}@mail.example",
        **({"phone": f"+4915{dice.randrange(10**8, 10**9)}"} if dice.random() < 0.6 else {}),
        **({"first_name": name[:4], "last_name": name[4:]} if dice.random() < 0.6 else {}),
        **({"external_id": str(dice.randrange(10**6))} if dice.random() < 0.3 else {}),
        "city": dice.choice(("Berlin", "Hamburg", "Wien", "Lyon")),
        "postal_code": str(dice.randrange(10_000, 99_999)),
        "country": dice.choice(("DE", "AT", "FR", "US")),
    }


def _consent(dice: random.Random) -> Consent:
    said = [Grant(word) for word in dice.choice(_GRANTS).split()]
    signal = dice.choice(("event", "cookiebot", "onetrust", "default"))
    return Consent(
        ad_storage=said[0],
        ad_user_data=said[1],
        ad_personalization=said[2],
        analytics_storage=said[3],
        by=dict.fromkeys((purpose.value for purpose in Purpose), signal),
    )


def _properties(dice: random.Random, name: str) -> dict[str, Any]:
    if name == "scroll":
        return {"percent_scrolled": 90}
    return {"content_group": dice.choice(_WORDS), "logged_in": False} if dice.random() < 0.3 else {}


def _hex(dice: random.Random, length: int) -> str:
    return f"{dice.getrandbits(length * 4):0{length}x}"


def _uuid(dice: random.Random) -> str:
    text = _hex(dice, 32)
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _text(dice: random.Random, length: int) -> str:
    return "".join(dice.choice(_BASE64) for _ in range(length))
