"""What an act was worth, as most platforms want to be told: a sum, a currency, whole pieces.

Rules that several vendors share and none of them owns; what only one of them asks for stays in its adapter.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Final

from gateway.core.event import Event, Item

# Places behind the point, where they are not two. Source: ISO 4217, list one (SIX), read 2026-11-22.
_PLACES: Final = {
    **dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
    **dict.fromkeys("CLF UYW".split(), 4),
}
# Beyond this a float no longer tells two neighbouring whole numbers apart.
_MAX_EXACT: Final = 2**53


def worth(event: Event) -> float | None:
    """Return the event's value, else the sum of its items; None unless every item has a price.

    The sum is decimal: cents added up as floats make 0.30000000000000004.
    """
    if event.value is not None:
        return event.value
    total = Decimal(0)
    for item in event.items:
        if item.price is None:
            return None
        total += Decimal(str(item.price)) * (1 if item.quantity is None else Decimal(str(item.quantity)))
    if not event.items:
        return None
    # A price per hundred grams has more places than its currency: three are kept, as many as any platform reads.
    told = float(round(total, 3)) if abs(total) < _MAX_EXACT else float(total)
    return told if math.isfinite(told) else None


def currency_code(event: Event) -> str | None:
    """Return the currency as three capitals; None for anything that cannot be an ISO 4217 code."""
    code = (event.currency or "").upper()
    return code if len(code) == 3 and code.isascii() and code.isalpha() else None


def places(currency: str | None) -> int:
    """Return how many places behind the point a currency has: none the yen, three the dinar, two the others."""
    return _PLACES.get((currency or "").upper(), 2)


def pieces(item: Item) -> int | None:
    """Return how many of an item, where that is a whole number above nought; no platform takes half a piece."""
    told = item.quantity
    return int(told) if told is not None and 0 < told < _MAX_EXACT and told == int(told) else None


def pieces_in_all(event: Event) -> int | None:
    """Return how many items in all, an item without a quantity being one; None for an event without items."""
    total = 0
    for item in event.items:
        total += pieces(item) or 1
    return total or None


def amount(number: float | None) -> str | None:
    """Spell a number for platforms that want text: no exponent, no `.0` behind whole ones."""
    if number is None:
        return None
    if number == int(number) and abs(number) < _MAX_EXACT:
        return str(int(number))
    return f"{number:.6f}".rstrip("0").rstrip(".")
