"""The seal: a `user` object as a page or a server sent it -> a Person that holds nothing readable.

Every spelling that some platform wants is computed here, once, before the event is stored anywhere. Nothing readable
is cached, and no warning or exception holds a value: a warning names the field and what is wrong with it.

Where the vendors' own libraries contradict their documents, the documents win; docs/platforms/hashing.md lists the
rules, the contradictions, and our reasons.
"""

from __future__ import annotations

import datetime
import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias, TypeVar

from gateway.core.event import Person
from gateway.core.person.fault import Fault
from gateway.core.person.hashed import Form, came_hashed
from gateway.core.person.junk import is_no_id, is_no_mailbox, is_placeholder
from gateway.core.person.phone import e164
from gateway.core.person.spell import country_code, digest_of, letters, lowered, unspaced, words
from gateway.core.redact import has_email

T = TypeVar("T")


class Sealed(NamedTuple):
    """A Person, and one line for every field that could not be used: its name and the kind of fault, no value.

    `dropped` says the same for the counters: the field, and the fault's name in lower case.
    """

    person: Person
    warnings: tuple[str, ...]
    dropped: tuple[tuple[str, str], ...] = ()


Spellings: TypeAlias = Mapping[str, str | None]  # readable: lives no longer than the call
Digests: TypeAlias = dict[str, str]

# Which spellings a value that came hashed can vouch for (the convention of docs/platforms/hashing.md).
_HASHED_AS: Mapping[str, tuple[str, ...]] = {
    "email": ("plain",),
    "phone": ("e164",),
    "first_name": ("letters",),
    "last_name": ("letters",),
    "street": ("google",),
    "date_of_birth": ("digits",),
    "gender": ("initial",),
    "external_id": ("lower", "trimmed"),
}
# The same for one in base64, which is Google's form. Of its fields alone: an id of 43 characters is a token.
_BASE64_AS: Mapping[str, tuple[str, ...]] = {
    "email": ("google",),
    "phone": ("e164",),
    "first_name": ("google",),
    "last_name": ("google",),
    "street": ("google",),
}
_SEALED = tuple(_HASHED_AS)
# A clear field that came hashed (Meta's pixel sends them so): under its one spelling, of which only the sender knows.
_CAME_HASHED = "hashed"
_CLEAR_MAX_CHARS: Mapping[str, int] = {"city": 120, "region": 120, "postal_code": 20, "country": 80}
_KNOWN = frozenset((*_SEALED, *_CLEAR_MAX_CHARS))

_NUMBERS_TOO = frozenset({"phone", "date_of_birth", "external_id"})  # JSON numbers lose nothing here
_MAX_CHARS = 400
_MAX_VALUES = 10  # of a list, tried in turn

# No blanks, one @, a dot in the domain; a dot at the very end is kept, as Google does.
_EMAIL = re.compile(r"[^\s@<>()\[\],;:\"\\]+@[^\s@<>()\[\],;:\"\\.]+(?:\.[^\s@<>()\[\],;:\"\\.]+)+\.?")
_EMAIL_MAX_CHARS = 254  # RFC 5321, 4.5.3.1.3, less its angle brackets
_GMAIL = frozenset({"gmail.com", "googlemail.com"})
_GENDERS = {"f": "f", "female": "f", "woman": "f", "m": "m", "male": "m", "man": "m"}
_MIDNIGHT = r"(?:[T ]00:00(?::00(?:\.0+)?)?(?:Z|\+00:?00)?)?"  # any other time may be another day where they live
_YEAR_FIRST = re.compile(rf"([0-9]{{4}})([-/.])([0-9]{{1,2}})\2([0-9]{{1,2}}){_MIDNIGHT}")
_YEAR_LAST = re.compile(r"([0-9]{1,2})([-/.])([0-9]{1,2})\2([0-9]{4})")
_EIGHT_DIGITS = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_YEARS = range(1900, 2100)


def seal(user: Mapping[str, Any], *, phone_country: str | None) -> Sealed:
    """Read the contract's `user` fields and hash what must not stay readable.

    Shape:  a list gives its first usable value; None and blank texts are absent and no fault.
    Errors: never raises; a field that cannot be used is dropped with a warning.
    """
    if not user:
        return _NOBODY
    faults: dict[str, Fault] = {}
    digests: dict[str, Digests] = {}
    clear: dict[str, str] = {}
    for name, max_chars in _CLEAR_MAX_CHARS.items():
        found: str | Digests | Fault | None = _first(user.get(name), _clear_reader(name, max_chars))
        if isinstance(found, Fault):
            faults[name] = found
        elif isinstance(found, dict):
            digests[name] = found
        elif found is not None:
            clear[name] = found
    region = country_code(phone_country) or clear.get("country")
    for name in _SEALED:
        outcome = _first(user.get(name), _sealed_reader(name, region))
        if isinstance(outcome, Fault):
            faults[name] = outcome
        elif outcome:
            digests[name] = outcome
    warnings = [f"user.{name}: dropped, {fault.value}" for name, fault in faults.items()]
    if unknown := sum(key not in _KNOWN for key in user):
        warnings.append(f"user: dropped {unknown} unknown field(s); known are {', '.join(sorted(_KNOWN))}")
    dropped = tuple((name, fault.name.lower()) for name, fault in faults.items())
    return Sealed(Person(digests=digests, **clear), tuple(warnings), dropped)


_NOBODY = Sealed(Person(), ())


def _first(value: Any, read: Callable[[Any], T | Fault | None]) -> T | Fault | None:
    """Return the first usable value, else the first fault, else None."""
    fault: Fault | None = None
    for candidate in value[:_MAX_VALUES] if isinstance(value, list | tuple) else (value,):
        outcome = read(candidate)
        if isinstance(outcome, Fault):
            fault = fault or outcome
        elif outcome is not None:
            return outcome
    return fault


def _text(value: Any, max_chars: int, *, number_too: bool = False) -> str | Fault | None:
    if value is None:
        return None
    if number_too and isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**20:
        return str(value)
    if not isinstance(value, str):
        return Fault.TYPE
    if len(value) > max_chars:
        return Fault.LENGTH
    return value.encode("utf-8", "ignore").decode().strip() or None  # lone surrogates have no bytes to hash


# --- the fields that platforms take clear ---


def _clear_reader(name: str, max_chars: int) -> Callable[[Any], str | Digests | Fault | None]:
    def read(value: Any) -> str | Digests | Fault | None:
        text = _text(value, max_chars)
        if text is None or isinstance(text, Fault):
            return text
        hashed = came_hashed(text)
        if hashed is not None:
            return hashed if isinstance(hashed, Fault) else {_CAME_HASHED: hashed.digest}
        if has_email(text):
            return Fault.ADDRESS
        if is_placeholder(text):
            return Fault.PLACEHOLDER
        if name == "country":
            return country_code(text) or Fault.COUNTRY
        return _scrubbed(text)

    return read


def _scrubbed(text: str) -> str | None:
    """One line without controls and invisible format characters, blanks single."""
    line = " ".join(text.split())
    return "".join(char for char in line if unicodedata.category(char) not in {"Cc", "Cf"}).strip() or None


# --- the fields that are hashed ---


def _sealed_reader(name: str, region: str | None) -> Callable[[Any], Digests | Fault | None]:
    def read(value: Any) -> Digests | Fault | None:
        text = _text(value, _MAX_CHARS, number_too=name in _NUMBERS_TOO)
        if text is None or isinstance(text, Fault):
            return text
        hashed = _vouched(name, text)
        if hashed is not None:
            return hashed
        if is_placeholder(text):
            return Fault.PLACEHOLDER
        spelled = _phone(text, region) if name == "phone" else _READERS[name](text)
        if isinstance(spelled, Fault):
            return spelled
        return {spelling: digest for spelling, text in spelled.items() if (digest := digest_of(text)) is not None}

    return read


def _vouched(name: str, text: str) -> Digests | Fault | None:
    """Return what a text that came hashed can stand for, a Fault for a useless one, None for a readable text."""
    hashed = came_hashed(text)
    if isinstance(hashed, Fault):
        # 32 hex may well be somebody's UUID: an opaque id is hashed whatever it looks like.
        return None if hashed is Fault.OTHER_HASH and name == "external_id" else hashed
    if hashed is None:
        return None
    if hashed.form is Form.HEX:
        return dict.fromkeys(_HASHED_AS[name], hashed.digest)
    spellings = _BASE64_AS.get(name)
    return dict.fromkeys(spellings, hashed.digest) if spellings else None


def _email(text: str) -> Spellings | Fault:
    plain = text.lower()
    if len(plain) > _EMAIL_MAX_CHARS or not _EMAIL.fullmatch(plain):
        return Fault.EMAIL
    if is_no_mailbox(plain):
        return Fault.PLACEHOLDER
    return {"plain": plain, "google": _google_email(plain), "folded": _folded_email(plain)}


def _google_email(plain: str) -> str | None:
    """Fold a Gmail mailbox to what Google hashes; googlemail.com stays what it is. None when nothing is left of it.

    Source: Google, Data Manager API, "Format user data", read 2026-11-22.
    """
    local, _, domain = plain.partition("@")
    if domain not in _GMAIL:
        return plain
    mailbox = local.partition("+")[0].replace(".", "")
    return f"{mailbox}@{domain}" if mailbox else None


def _folded_email(plain: str) -> str | None:
    """Fold a mailbox of any domain: no dots, nothing from the first plus on. None when nothing is left of it.

    Source: Microsoft Advertising, "UET Conversions API integration"; Reddit, "Match keys"; read 2026-11-22.
    """
    local, _, domain = plain.partition("@")
    mailbox = local.partition("+")[0].replace(".", "")
    return f"{mailbox}@{domain}" if mailbox else None


def _phone(text: str, region: str | None) -> Spellings | Fault:
    spelled = e164(text, region)
    return Fault.PHONE if spelled is None else {"e164": spelled, "digits": spelled.removeprefix("+")}


def _name(text: str) -> Spellings | Fault:
    bare = letters(text)
    if bare is None:
        return Fault.NO_LETTERS
    return {"letters": bare, "google": lowered(text), "unspaced": unspaced(text)}


def _street(text: str) -> Spellings | Fault:
    return {"google": line} if (line := words(text)) else Fault.NO_LETTERS


def _gender(text: str) -> Spellings | Fault:
    initial = _GENDERS.get(text.lower())
    return {"initial": initial} if initial else Fault.GENDER


def _external_id(text: str) -> Spellings | Fault:
    if is_no_id(text):
        return Fault.PLACEHOLDER
    return {"lower": unspaced(text), "trimmed": text}


def _date_of_birth(text: str) -> Spellings | Fault:
    if found := _YEAR_FIRST.fullmatch(text) or _EIGHT_DIGITS.fullmatch(text):
        year, month, day = int(found[1]), int(found[found.re.groups - 1]), int(found[found.re.groups])
    elif found := _YEAR_LAST.fullmatch(text):
        one, two, year = int(found[1]), int(found[3]), int(found[4])
        if one <= 12 and two <= 12 and one != two:
            return Fault.DATE_ORDER
        day, month = (one, two) if one > 12 else (two, one)
    else:
        return Fault.DATE
    if year not in _YEARS:
        return Fault.DATE
    try:
        return {"digits": datetime.date(year, month, day).strftime("%Y%m%d")}
    except ValueError:  # 31 February
        return Fault.DATE


_READERS: Mapping[str, Callable[[str], Spellings | Fault]] = {
    "email": _email,
    "first_name": _name,
    "last_name": _name,
    "street": _street,
    "date_of_birth": _date_of_birth,
    "gender": _gender,
    "external_id": _external_id,
}
