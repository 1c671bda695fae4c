"""Why a field of a person was dropped; told to whom sent it, and counted by its name."""

from __future__ import annotations

from enum import StrEnum


class Fault(StrEnum):
    """The kind of fault, in words that fit behind "dropped, "."""

    TYPE = "not a text"
    LENGTH = "too long"
    EMAIL = "not an e-mail address"
    PHONE = "not a telephone number; one without a country code needs the site's phone_country or user.country"
    NO_LETTERS = "no letters in it"
    DATE = "not a calendar date; write YYYY-MM-DD"
    DATE_ORDER = "day and month can be confused; write YYYY-MM-DD"
    GENDER = "neither f nor m"
    PLACEHOLDER = "a placeholder, not a value"
    OTHER_HASH = "hashed, but not with SHA-256"
    HASH_OF_NOTHING = "the SHA-256 of an empty text"
    COUNTRY = "an unknown country; write its ISO 3166 code"
    ADDRESS = "an e-mail address stands in it"
