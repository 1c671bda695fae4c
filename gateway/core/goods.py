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
# The money of ISO 4217: without metals, test codes and XXX; with ANG and BGN, which ended in 2025 and 2026, since their
# orders are still returned and told of.
MONEY: Final = frozenset(
    """AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF
    CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG
    HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA
    MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD
    RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX
    USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG""".split()
)
CURRENCIES: Final = MONEY | frozenset("BOV CHE CHW CLF COU MXV USN UYI UYW".split())
"""Money, and the units of account that the same list has: a site may reckon in them, and nobody pays in one."""

# Beyond this a float no longer tells two neighbouring whole numbers apart.
_MAX_EXACT: Final = 2**53
# A float of 15 digits before the point still has its tenths; no platform publishes a bound.
_MAX_WORTH: Final = 1e15
# Sums of prices come as 0.30000000000000004; no currency has more than four places behind the point.
_MOST_PLACES: Final = 4


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


def worth_in_words(event: Event) -> str | None:
    """Spell the worth as digits and a point, for platforms that take nothing else; None for a loss or 16 digits."""
    value = worth(event)
    if value is None or value < 0:
        return None
    told = abs(round(value, _MOST_PLACES))  # nought has a sign, too
    return format(Decimal(str(told)), "f") if told < _MAX_WORTH else None


def currency_code(event: Event) -> str | None:
    """Return the currency as three capitals; None for anything that nobody pays in."""
    code = (event.currency or "").upper()
    return code if code in MONEY else None


def places(currency: str | None) -> int:
    """Return how many places behind the point a currency has: none the yen, three the dinar, two the others."""
    return _PLACES.get((currency or "").upper(), 2)


def named(event: Event) -> list[Item]:
    """Return the items that name a product."""
    return [item for item in event.items if item.item_id and not item.item_id.isspace()]


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
