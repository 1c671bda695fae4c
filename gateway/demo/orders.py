"""The orders of the demo shop, and how its server tells the gateway of one: what a real shop's backend would do."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from gateway.core.event import Purpose
from gateway.demo.catalogue import PRODUCTS, SHIPPING, Product

_MAX_ORDERS: Final = 1_000
_MAX_QUANTITY: Final = 20
_MAX_CHARS: Final = 100
_TIMEOUT_S: Final = 10.0
_TAX: Final = 0.19
FIELDS: Final = ("email", "phone", "first_name", "last_name", "street", "postal_code", "city", "country")
# The vendors' cookies on the shop's own domain: its server sees them, too, and passes them on.
_PASSED: Final = {"_fbp": "fbp", "_fbc": "fbc", "_ttp": "ttp"}
_GOOGLE: Final = "_gcl_aw"  # GCL.<seconds>.<gclid>
COOKIES: Final = frozenset({*_PASSED, _GOOGLE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    product: Product
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What the shop wrote down when somebody bought. `consent`: the purposes as answered on the page."""

    number: str
    currency: str
    lines: tuple[Line, ...]
    user: Mapping[str, str]
    consent: Mapping[str, str]
    ids: Mapping[str, str]
    page: str
    user_agent: str
    placed_ms: int

    @property
    def event_id(self) -> str:
        """The name of this purchase on both wires."""
        return f"order-{self.number}"

    @property
    def total(self) -> float:
        return round(sum(line.product.price * line.quantity for line in self.lines) + SHIPPING, 2)

    @property
    def tax(self) -> float:
        return round(self.total * _TAX / (1 + _TAX), 2)

    def ecommerce(self) -> dict[str, Any]:
        """Say it as GA4's `purchase` does: what the page pushes to its dataLayer."""
        return {
            "transaction_id": self.number,
            "value": self.total,
            "currency": self.currency,
            "tax": self.tax,
            "shipping": SHIPPING,
            "items": [line.product.item(line.quantity) for line in self.lines],
        }

    def server_copy(self) -> dict[str, Any]:
        """Say it as the shop's server does, which knows the customer."""
        return {
            "event": "purchase",
            "event_id": self.event_id,
            "timestamp": self.placed_ms / 1000,
            **self.ecommerce(),
            "page_location": self.page,
            "user": {**self.user},
            "client": {"user_agent": self.user_agent},
            "ids": {**self.ids},
            "consent": {**self.consent},
        }


class Book:
    """The newest orders, in memory: the shop is a demo."""

    def __init__(self) -> None:
        self._orders: OrderedDict[str, Order] = OrderedDict()

    def write(self, order: Order) -> None:
        self._orders[order.number] = order
        if len(self._orders) > _MAX_ORDERS:
            self._orders.popitem(last=False)

    def find(self, number: str) -> Order | None:
        return self._orders.get(number)


def lines(cart: str) -> tuple[Line, ...]:
    """Read a page's cart (JSON: slug -> quantity); the prices are ours, whatever the page says."""
    quantities = _mapping(cart)
    return tuple(
        Line(product=product, quantity=min(quantities[slug], _MAX_QUANTITY))
        for slug, product in PRODUCTS.items()
        if type(quantities.get(slug)) is int and quantities[slug] > 0
    )


def consent(said: str) -> dict[str, str]:
    """Read the visitor's answer (JSON: purpose -> granted or denied); who said nothing said no."""
    answers = _mapping(said)
    return {each.value: "granted" if answers.get(each.value) == "granted" else "denied" for each in Purpose}


def ids(cookies: Mapping[str, str]) -> dict[str, str]:
    """Return what the vendors' cookies tell, as the gateway's API names it."""
    found = {name: cookies[cookie] for cookie, name in _PASSED.items() if cookies.get(cookie)}
    gclid = cookies.get(_GOOGLE, "").split(".", 2)[2:]
    return {**found, "gclid": gclid[0]} if gclid else found


def user(fields: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name: text.strip()[:_MAX_CHARS] for name, text in fields if text.strip()}


async def confirm(order: Order, url: str, api_key: str) -> dict[str, Any]:
    """Tell the gateway of an order, server to server; returns its result, or `error`."""
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
    headers = {"Authorization": f"Bearer {api_key}"}
    try:
        async with (
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), timeout=timeout) as http,
            http.post(url, json=order.server_copy(), headers=headers, allow_redirects=False) as answer,
        ):
            told = await answer.json()
            result: dict[str, Any] = told["results"][0]
            return result
    except (aiohttp.ClientError, TimeoutError, ValueError, KeyError, IndexError, TypeError) as err:
        return {"error": type(err).__name__}


def _mapping(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
