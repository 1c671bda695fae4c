"""The spellings that platforms demand, each a pure function of a text; shared by the seal and by the adapters.

A spelling belongs here and not in an adapter because several platforms use it and because it is about people, not
about a vendor. Every function takes None, and answers None where nothing usable remains, so that they compose:
`digest_of(city_letters(person.city))`.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from functools import lru_cache

from gateway.core.event import Person
from gateway.core.person.places import CA_PROVINCES, COUNTRIES, US_STATES, name_key

# P, S, Z: punctuation, symbols, separators. Cc: controls, of which tab and line feed are blanks too.
_NOT_LETTERS = ("P", "S", "Z", "Cc")
_NOT_ASCII_LETTERS = re.compile(r"[^a-z0-9]+")
_SPACE = re.compile(r"\s+")
_SPACE_OR_DASH = re.compile(r"[\s\-\u2010-\u2015\u2212]+")
_NOT_WORD = re.compile(r"[^\w\s]|_")
_SUBDIVISION = re.compile(r"([A-Za-z]{2})-(.+)", re.DOTALL)  # ISO 3166-2, as in US-CA
_ZIP_PLUS_4 = re.compile(r"\s*[0-9]{5}-[0-9]{4}\s*")
_CODES = frozenset(COUNTRIES.values())
# Countries that the US Postal Service delivers to: all use ZIP codes.
_ZIP_COUNTRIES = frozenset({"US", "AS", "GU", "MP", "PR", "VI"})
# Spellings and digests of so many places are remembered, of each kind: cities, regions, postal codes.
_PLACES = 4_096


def digest_of(text: str | None) -> str | None:
    """Return the SHA-256 (64 lower-case hex) of a text; None for an empty or blank one, which is never hashed."""
    if text is None or not text.strip():
        return None
    data = text.encode("utf-8", "ignore")  # a lone surrogate has no bytes
    return hashlib.sha256(data).hexdigest() if data else None


def lowered(text: str | None) -> str | None:
    """Trim and lower the case; nothing else (Google's names; Meta's, TikTok's and Snapchat's e-mail).

    `lower`, not `casefold`: the vendors keep `ß`.
    """
    return text.strip().lower() or None if text else None


def unspaced(text: str | None) -> str | None:
    """Lower the case and remove every blank (TikTok's names, Meta's external id)."""
    return _SPACE.sub("", text.lower()) or None if text else None


def letters(text: str | None) -> str | None:
    """Compose (NFC), lower the case, remove punctuation, symbols and blanks; letters of any script and digits stay.

    Names of Meta and Snapchat, and TikTok's clear `city` and `state`.
    """
    if not text:
        return None
    if text.isascii():  # most names by far, at a tenth of the cost
        return _NOT_ASCII_LETTERS.sub("", text.lower()) or None
    lower = unicodedata.normalize("NFC", text).lower()
    kept = "".join(char for char in lower if not unicodedata.category(char).startswith(_NOT_LETTERS))
    return unicodedata.normalize("NFC", kept) or None


def city_letters(text: str | None) -> str | None:
    """Spell a city for Meta: `letters` without digits."""
    spelled = letters(text)
    if spelled is None or spelled.isalpha():
        return spelled
    return letters("".join(char for char in spelled if not char.isdigit()))


def words(text: str | None) -> str | None:
    """Lower the case and keep letters, digits and the blanks between them (Google's street, city and region)."""
    return _NOT_WORD.sub("", text.lower()).strip() or None if text else None


def country_code(text: str | None) -> str | None:
    """Return the ISO alpha-2 code (upper case) of a code or an English name; None for an unknown one."""
    if not text:
        return None
    if text in _CODES:
        return text
    head, _, tail = text.partition(",")  # lists for sorting write "Korea, Republic of"
    return COUNTRIES.get(name_key(text)) or COUNTRIES.get(name_key(f"{tail} {head}"))


def region_code(region: str | None, country: str | None) -> str | None:
    """Return the two-letter code (lower case) of a US state or a Canadian province; else the region's `letters`.

    Without a country both lists are asked. What follows a comma is cut unless it belongs to the name (Washington,
    D.C.), and so is an ISO 3166-2 prefix.
    """
    if not region:
        return None
    head = region.split(",", 1)[0]
    nation = country.upper() if country else None
    if (parts := _SUBDIVISION.fullmatch(head.strip())) and parts[1].upper() in ({nation} if nation else {"US", "CA"}):
        nation, head = parts[1].upper(), parts[2]
    known = {"US": US_STATES, "CA": CA_PROVINCES, None: US_STATES | CA_PROVINCES}.get(nation, {})
    return known.get(name_key(region)) or known.get(name_key(head)) or letters(head)


def postal_unspaced(text: str | None) -> str | None:
    """Lower the case, remove blanks and dashes, keep every digit (TikTok's `zip_code`). Full-width becomes ASCII."""
    if not text:
        return None
    kept = _SPACE_OR_DASH.sub("", unicodedata.normalize("NFKC", text).lower())
    return unicodedata.normalize("NFC", kept) or None  # an accent may have met its letter only now


def postal(text: str | None, country: str | None) -> str | None:
    """Spell a postal code for Meta and Snapchat: `postal_unspaced`, and of a US code the first five digits.

    Without a country only the pattern 12345-6789 is taken for a US code.
    """
    spelled = postal_unspaced(text)
    if spelled is None or text is None:
        return spelled
    zip_code = country.upper() in _ZIP_COUNTRIES if country else _ZIP_PLUS_4.fullmatch(text) is not None
    return spelled[:5] if zip_code and spelled[:5].isdigit() else spelled


def place_digests(person: Person) -> dict[str, str]:
    """Return the digests of where somebody lives, as Meta and Snapchat name and spell them: ct, st, zp, country."""
    found: dict[str, str] = {}
    country = person.country
    if person.city and (digest := _city_digest(person.city)):
        found["ct"] = digest
    if person.region and (digest := _region_digest(person.region, country)):
        found["st"] = digest
    if person.postal_code and (digest := _postal_digest(person.postal_code, country)):
        found["zp"] = digest
    if country and (digest := country_digest(country)):
        found["country"] = digest
    return found


# Of places there are few in the world, and none of them names anybody; what names somebody is never remembered.
@lru_cache(maxsize=512)
def country_digest(country: str) -> str | None:
    """Return the digest of a country's code in lower case."""
    return digest_of(lowered(country_code(country)))


@lru_cache(maxsize=_PLACES)
def unspaced_postal_digest(postal_code: str) -> str | None:
    """Return the digest of a postal code with all its digits (TikTok's `zip_code`)."""
    return digest_of(postal_unspaced(postal_code))


@lru_cache(maxsize=_PLACES)
def _city_digest(city: str) -> str | None:
    return digest_of(city_letters(city))


@lru_cache(maxsize=_PLACES)
def _region_digest(region: str, country: str | None) -> str | None:
    return digest_of(region_code(region, country))


@lru_cache(maxsize=_PLACES)
def _postal_digest(postal_code: str, country: str | None) -> str | None:
    return digest_of(postal(postal_code, country))
