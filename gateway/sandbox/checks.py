"""What every platform asks of a single value: digests, addresses, currencies, numbers, times.

Never enters: a platform's field names or codes.
"""

from __future__ import annotations

import hashlib
import ipaddress
import math
import re
from collections.abc import Collection, Iterator
from enum import StrEnum
from urllib.parse import unquote, urlsplit

from gateway.sandbox.call import as_list, as_object


def words(text: str) -> frozenset[str]:
    """Read a closed list written as one text."""
    return frozenset(text.split())


_HEX_64 = re.compile(r"[0-9a-f]{64}")
# Digests of nothing: seen in production data of others, and each joins strangers into one person.
_NOTHING = frozenset(
    hashlib.sha256(word.encode()).hexdigest() for word in ("", " ", "null", "undefined", "[object object]", "[]", "{}")
)
_EMAIL = re.compile(r"[A-Za-z0-9._+\-]+@[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)*\.[A-Za-z]{2,}")
# ISO 4217, active codes (list of 2024, without funds and metals).
_CURRENCIES = words(
    """AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF
    CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG
    HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA
    MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD
    RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX
    USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG"""
)
# Above this a number of seconds would lie in the year 5138: it was milliseconds.
MAX_SECONDS = 100_000_000_000


class Digest(StrEnum):
    """Say what a value that should be a SHA-256 digest turned out to be."""

    GOOD = "a digest"
    READABLE = "readable where a SHA-256 digest belongs"
    UPPER = "a digest in upper case; lower-case hex is asked for"
    NOTHING = "the digest of an empty or placeholder value"
    NO_TEXT = "not text"


def digest(value: object) -> Digest:
    """Tell whether a value is a lower-case SHA-256 in hex of something."""
    if not isinstance(value, str):
        return Digest.NO_TEXT
    if not _HEX_64.fullmatch(value.lower()):
        return Digest.READABLE
    if value.lower() in _NOTHING:
        return Digest.NOTHING
    return Digest.GOOD if _HEX_64.fullmatch(value) else Digest.UPPER


def is_digest(value: object) -> bool:
    """Tell whether a value has the shape of a digest, which is wrong where clear text belongs."""
    return isinstance(value, str) and _HEX_64.fullmatch(value.lower()) is not None


def is_nothing_hex(value: str) -> bool:
    """Tell whether a hex digest is the digest of nothing."""
    return value.lower() in _NOTHING


def is_one_of(value: object, known: Collection[str]) -> bool:
    """Tell whether a value is a word of a closed list."""
    return isinstance(value, str) and value in known


def is_text(value: object) -> bool:
    """Tell whether a value is text with something in it."""
    return isinstance(value, str) and value.strip() != ""


def is_int(value: object) -> bool:
    """Tell whether a value is a whole number; true and false are not."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """Tell whether a value is a finite number; true and false are not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def is_address(value: object) -> bool:
    """Tell whether a value is one IPv4 or IPv6 address and nothing around it."""
    if not isinstance(value, str):
        return False
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return "%" not in value


def is_currency(value: object) -> bool:
    """Tell whether a value is an ISO 4217 code, in whatever case."""
    return isinstance(value, str) and value.upper() in _CURRENCIES


def is_page(value: object) -> bool:
    """Tell whether a value is an absolute http or https address."""
    if not isinstance(value, str):
        return False
    try:
        seen = urlsplit(value)
    except ValueError:
        return False
    return seen.scheme in ("http", "https") and bool(seen.netloc)


def readable_emails(value: object, where: str = "") -> Iterator[str]:
    """Name every place inside a payload where an e-mail address can be read, percent-encoded ones included."""
    if isinstance(value, str):
        clear = unquote(unquote(value))
        if "@" in clear and _EMAIL.search(clear):
            yield where
        return
    items = as_list(value)
    if items is not None:
        for place, item in enumerate(items):
            yield from readable_emails(item, f"{where}[{place}]")
        return
    for key, item in (as_object(value) or {}).items():
        yield from readable_emails(item, f"{where}.{key}" if where else key)
