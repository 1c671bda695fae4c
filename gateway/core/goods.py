"""What an act was worth, as most platforms want to be told: a sum, a currency, whole pieces.

Rules that several vendors share and none of them owns; what only one of them asks for stays in its adapter.
"""

from __future__ import annotations

import math
import re
from typing import Final

from gateway.core.event import Event, Item

_CURRENCY: Final = re.compile(r"[A-Z]{3}")
# Beyond this a float no longer tells two neighbouring whole numbers apart.
_MAX_EXACT: Final = 2**53


def worth(event: Event) -> float | None:
    """Return the event's value, else the sum of its items; None unless every item has a price.

    Cents add up to 0.30000000000000004; no currency has more than three places behind the point.
    """
    if event.value is not None:
        return event.value
    prices = [(item.price, 1.0 if item.quantity is None else item.quantity) for item in event.items]
    if not prices or any(price is None for price, _ in prices):
        return None
    total = round(sum(price * quantity for price, quantity in prices if price is not None), 3)
    return total if math.isfinite(total) else None


def currency_code(event: Event) -> str | None:
    """Return the currency as three capitals; None for anything that cannot be an ISO 4217 code."""
    code = (event.currency or "").upper()
    return code if _CURRENCY.fullmatch(code) else None


def pieces(item: Item) -> int | None:
    """Return how many of an item, where that is a whole number above nought; no platform takes half a piece."""
    told = item.quantity
    return int(told) if told is not None and 0 < told < _MAX_EXACT and told == int(told) else None


def pieces_in_all(event: Event) -> int | None:
    """Return how many items in all, an item without a quantity being one; None for an event without items."""
    return sum(pieces(item) or 1 for item in event.items) or None


def amount(number: float | None) -> str | None:
    """Spell a number for platforms that want text: no exponent, no `.0` behind whole ones."""
    if number is None:
        return None
    if number == int(number) and abs(number) < _MAX_EXACT:
        return str(int(number))
    return f"{number:.6f}".rstrip("0").rstrip(".")
