"""Where Tagway deliberately spells a person differently from a vendor's own library, and why.

Data, read by the tests beside it and shown in docs/platforms/hashing.md. A difference that no line explains fails the
property tests, and so does a line whose example no longer differs.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import phonenumbers
from phonenumbers.phonemetadata import PhoneMetadata

from gateway.core.person.places import CA_PROVINCES, US_STATES, name_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """One difference.

    Shape:   `theirs` and `ours` are what is hashed (or sent clear) of `example`; None: the value is refused.
             `explains(text, theirs, ours_is_none)` says whether the line is the reason for a difference on a text.
    """

    name: str
    sdk: str
    fields: tuple[str, ...]
    example: str
    theirs: str | None
    ours: str | None
    why: str
    explains: Callable[[str, str | None, bool], bool]


_JUNK: Final = re.compile(
    r"\s*(null|undefined|none|nan|n/a|#n/a|\(not set\)|not set|\(none\)|\[object object\])\s*", re.IGNORECASE
)
_FILLED: Final = re.compile(r"\{\{.*\}\}|\$\{.*\}|%%.*%%|\*\|.*\|\*|<%.*%>", re.DOTALL)
_MADE_UP: Final = re.compile(
    r"(null|undefined|none|nan|noemail|no-email)@|@(null|undefined|none|nan|noemail|no-email)\."
)
_ADDRESS: Final = re.compile(r"[^\s@<>()\[\],;:\"\\]+@[^\s@<>()\[\],;:\"\\.]+(\.[^\s@<>()\[\],;:\"\\.]+)+\.?")


def _has(text: str, *categories: str) -> bool:
    return any(unicodedata.category(char).startswith(categories) for char in text.strip().lower())


def _recomposed(text: str) -> bool:
    low = text.strip().lower()
    kept = "".join(char for char in low if not unicodedata.category(char).startswith(("P", "S", "Z", "C", "N")))
    return unicodedata.normalize("NFC", text).lower() != text.lower() or unicodedata.normalize("NFC", kept) != kept


def _digits(text: str) -> str:
    return "".join(char for char in text if char.isdecimal())


def _hashed(text: str) -> bool:
    return re.fullmatch(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64}", text.strip()) is not None


def _trunk_less(theirs: str | None, _text: str) -> bool:
    """A trunk digit behind the country code (0 nearly everywhere, 8 in Russia), which nobody dials from abroad."""
    digits = _digits(theirs or "").lstrip("0")
    try:
        code = phonenumbers.parse("+" + digits).country_code or 0
    except phonenumbers.NumberParseException:
        return False
    metadata = PhoneMetadata.metadata_for_region(phonenumbers.region_code_for_country_code(code), None)
    prefix = metadata.national_prefix_for_parsing if metadata else None
    return prefix is not None and re.match(prefix, digits[len(str(code)) :]) is not None


DEVIATIONS: Final = (
    # --- e-mail ---
    Deviation(
        name="address", sdk="meta", fields=("em",), example="a b@c.com", theirs="a b@c.com", ours=None,
        why="blanks, brackets, two @ or an empty label make no address; the digest would match nobody",
        explains=lambda text, theirs, none: none and _ADDRESS.fullmatch(text.strip().lower()) is None,
    ),
    Deviation(
        name="address", sdk="google", fields=("email",), example="a@b", theirs="a@b", ours=None,
        why="a domain has a dot; Google's own tag refuses it too",
        explains=lambda text, theirs, none: none and _ADDRESS.fullmatch(text.strip().lower()) is None,
    ),
    Deviation(
        name="address", sdk="snapchat", fields=("em",), example="nobody", theirs="nobody", ours=None,
        why="the SDK hashes any text",
        explains=lambda text, theirs, none: none and _ADDRESS.fullmatch(text.strip().lower()) is None,
    ),
    *(
        Deviation(
            name="made up", sdk=sdk, fields=(field,), example="null@null.com", theirs="null@null.com", ours=None,
            why="one mailbox for thousands of visitors: they would become one person",
            explains=lambda text, theirs, none: none and _MADE_UP.search(text.lower()) is not None,
        )
        for sdk, field in (("meta", "em"), ("google", "email"), ("snapchat", "em"))
    ),
    Deviation(
        name="MD5", sdk="meta", fields=("em", "fn", "ln"), example="5d41402abc4b2a76b9719d911017c592",
        theirs="5d41402abc4b2a76b9719d911017c592", ours=None,
        why="the SDK passes MD5 on; the platform matches SHA-256 alone",
        explains=lambda text, theirs, none: none and _hashed(text),
    ),
    # --- telephone ---
    Deviation(
        name="not a number of any country", sdk="meta", fields=("ph",), example="020 7946 0018", theirs="2079460018",
        ours=None, why="without its country it is a stranger's number; the site's region would name it",
        explains=lambda text, theirs, none: none,
    ),
    Deviation(
        name="not a number of any country", sdk="google", fields=("phone",), example="(800)555-0100",
        theirs="+8005550100", ours=None, why="+800 is another country code; the site's region would name it",
        explains=lambda text, theirs, none: none,
    ),
    Deviation(
        name="not a number of any country", sdk="snapchat", fields=("ph",), example="447-234-2344",
        theirs="14472342344", ours=None, why="the SDK takes every number for a North American one",
        explains=lambda text, theirs, none: none or not text.strip().startswith(("+", "00")),
    ),
    Deviation(
        name="punctuation", sdk="meta", fields=("ph",), example="+1.650.555.1212", theirs=None, ours="16505551212",
        why="Meta's document: remove symbols and letters; the SDK refuses what it does not know",
        explains=lambda text, theirs, none: theirs is None and not none,
    ),
    Deviation(
        name="trunk digit", sdk="meta", fields=("ph",), example="+44 (0)20 7946 0958", theirs="4402079460958",
        ours="442079460958", why="nobody has that number: it is dialled at home only",
        explains=lambda text, theirs, none: _trunk_less(theirs, text),
    ),
    Deviation(
        name="trunk digit", sdk="google", fields=("phone",), example="+44 (0)20 7946 0958", theirs="+4402079460958",
        ours="+442079460958", why="nobody has that number: it is dialled at home only",
        explains=lambda text, theirs, none: _trunk_less(theirs, text),
    ),
    Deviation(
        name="international prefix", sdk="google", fields=("phone",), example="00442079460958",
        theirs="+00442079460958", ours="+442079460958", why="00 is dialled, it is no part of the number",
        explains=lambda text, theirs, none: _digits(text).startswith("00"),
    ),
    Deviation(
        name="extension", sdk="google", fields=("phone",), example="+1.800.555.0100 ext 5", theirs="+180055501005",
        ours="+18005550100", why="an extension is not dialled with the number",
        explains=lambda text, theirs, none: re.search(r"ext|x|#|;", text) is not None,
    ),
    Deviation(
        name="digits of other scripts", sdk="google", fields=("phone",), example="+٤٤١١٣٤٩٦٠٩٨٧",
        theirs="+٤٤١١٣٤٩٦٠٩٨٧", ours="+441134960987", why="the digest of other characters matches nobody",
        explains=lambda text, theirs, none: not _digits(text).isascii(),
    ),
    Deviation(
        name="no blank behind the country code", sdk="snapchat", fields=("ph",), example="+448444124653",
        theirs="1448444124653", ours="448444124653", why="the SDK then puts a 1 in front of a complete number",
        explains=lambda text, theirs, none: re.match(r"^(\+|00)\d+[-\s]", text) is None,
    ),
    Deviation(
        name="blank inside the country code", sdk="snapchat", fields=("ph",), example="+1-800 555.0100",
        theirs="1800555.0100", ours="18005550100", why="the SDK keeps dots in the text that it hashes",
        explains=lambda text, theirs, none: "." in text,
    ),
    Deviation(
        name="trunk digit", sdk="snapchat", fields=("ph",), example="+44-(0)20 7946 0958", theirs="4402079460958",
        ours="442079460958", why="nobody has that number: the SDK sees a 0 only where nothing stands before it",
        explains=lambda text, theirs, none: _trunk_less(theirs, text),
    ),
    Deviation(
        name="a 0 that is no trunk digit", sdk="snapchat", fields=("ph",), example="+242 06 123 4567",
        theirs="24261234567", ours="242061234567", why="in the Congo and elsewhere the 0 is dialled from abroad",
        explains=lambda text, theirs, none: re.match(r"\s*(\+|00)\d+[-\s]\(?0", text) is not None,
    ),
    # --- names ---
    *(
        Deviation(
            name="punctuation and blanks", sdk=sdk, fields=("fn", "ln"), example="O'Brien-Smith Jr.",
            theirs="o'brien-smith jr.", ours="obriensmithjr",
            why="the document and the platform's own pixel remove both; the SDK does not",
            explains=lambda text, theirs, none: _has(text, "P", "S", "Z", "Cc"),
        )
        for sdk in ("meta", "snapchat")
    ),
    *(
        Deviation(
            name="composed", sdk=sdk, fields=("fn", "ln"), example="Vale\u0301ry", theirs="vale\u0301ry", ours="valéry",
            why="two spellings of one letter give two digests; Meta's documented one is of the composed letter",
            explains=lambda text, theirs, none: _recomposed(text),
        )
        for sdk in ("meta", "snapchat")
    ),
    *(
        Deviation(
            name="placeholder", sdk=sdk, fields=fields, example="undefined", theirs="undefined", ours=None,
            why="what a template prints for nobody is one name for thousands",
            explains=lambda text, theirs, none: none
            and (_JUNK.fullmatch(text) is not None or _FILLED.fullmatch(text.strip()) is not None),
        )
        for sdk, fields in (
            ("meta", ("fn", "ln", "ct", "st", "zp")),
            ("snapchat", ("fn", "ln")),
            ("google", ("given_name", "family_name", "address_line", "city", "administrative_area", "postal_code")),
        )
    ),
    Deviation(
        name="no letters", sdk="google", fields=("given_name", "family_name"), example="...", theirs="...", ours=None,
        why="a name has a letter",
        explains=lambda text, theirs, none: none and not any(char.isalnum() for char in text),
    ),
    # --- places ---
    Deviation(
        name="all punctuation", sdk="meta", fields=("ct", "st"), example="L'Aquila", theirs="l'aquila", ours="laquila",
        why="the document removes punctuation; the SDK only . - ( )",
        explains=lambda text, theirs, none: _has(text, "P", "S", "Z", "C", "N"),
    ),
    Deviation(
        name="digits of a region stay", sdk="meta", fields=("st",), example="Region 7", theirs="region", ours="region7",
        why="the document's rule for st names punctuation and blanks, not digits",
        explains=lambda text, theirs, none: any(char.isdigit() for char in text),
    ),
    Deviation(
        name="composed", sdk="meta", fields=("ct", "st"), example="Zu\u0308rich", theirs="zu\u0308rich", ours="zürich",
        why="two spellings of one letter give two digests",
        explains=lambda text, theirs, none: _recomposed(text),
    ),
    Deviation(
        name="states by name", sdk="meta", fields=("st",), example="California", theirs="california", ours="ca",
        why="the document asks for the two-letter code in the US; the pixel sends it",
        explains=lambda text, theirs, none: {name_key(text), name_key(text.split(",")[0])}
        & (US_STATES.keys() | CA_PROVINCES.keys())
        != set(),
    ),
    Deviation(
        name="what follows a comma", sdk="meta", fields=("st",), example="Bavaria, Germany", theirs="bavaria,germany",
        ours="bavaria", why="it is the country, not the region",
        explains=lambda text, theirs, none: "," in text,
    ),
    Deviation(
        name="ISO 3166-2", sdk="meta", fields=("st",), example="US-CA", theirs="usca", ours="ca",
        why="the country stands in its own field",
        explains=lambda text, theirs, none: re.match(r"\s*(us|ca)-", text, re.IGNORECASE) is not None,
    ),
    Deviation(
        name="only US codes have a +4", sdk="meta", fields=("zp",), example="00-950", theirs="00", ours="00950",
        why="a Polish or Japanese code is cut to two or three digits, which half a country shares",
        explains=lambda text, theirs, none: re.search(r"[-\u2010-\u2015\u2212\ufe58\ufe63\uff0d]", text) is not None,
    ),
    Deviation(
        name="compatibility characters", sdk="meta", fields=("zp",), example="\uff12\uff11\uff13\uff19",
        theirs="\uff12\uff11\uff13\uff19", ours="2139", why="full-width digits are digits",
        explains=lambda text, theirs, none: unicodedata.normalize("NFKC", text) != text or _has(text, "C"),
    ),
    Deviation(
        name="country names", sdk="meta", fields=("country",), example="Deutschland", theirs=None, ours="de",
        why="ISO 3166-1 alpha-2 of every name people type; the SDK raises",
        explains=lambda text, theirs, none: theirs is None,
    ),
    Deviation(
        name="letters among others", sdk="meta", fields=("country",), example="1de2", theirs="de", ours=None,
        why="that is no country's code",
        explains=lambda text, theirs, none: none and not text.strip().isalpha(),
    ),
    Deviation(
        name="country names", sdk="google", fields=("region_code",), example="USA", theirs=None, ours="US",
        why="the same table for every platform",
        explains=lambda text, theirs, none: theirs is None,
    ),
    Deviation(
        name="not a country", sdk="google", fields=("region_code",), example="zz", theirs="ZZ", ours=None,
        why="the formatter takes any two characters",
        explains=lambda text, theirs, none: none,
    ),
    Deviation(
        name="United Kingdom", sdk="google", fields=("region_code",), example="UK", theirs="UK", ours="GB",
        why="ISO 3166-1 knows no UK",
        explains=lambda text, theirs, none: text.strip().lower() == "uk",
    ),
    Deviation(
        name="one line", sdk="google", fields=("postal_code",), example="SW1A\t 1AA", theirs="SW1A\t 1AA",
        ours="SW1A 1AA", why="blanks single, no controls; it is sent clear",
        explains=lambda text, theirs, none: re.search(r"[^\S ]|\s\s", text) is not None or _has(text, "C", "Z"),
    ),
    Deviation(
        name="blanks at the ends", sdk="google", fields=("address_line", "city", "administrative_area"),
        example="# 4 High St.", theirs=" 4 high st", ours="4 high st",
        why="the document trims; the formatter trims before it removes the sign",
        explains=lambda text, theirs, none: theirs is not None and theirs != theirs.strip(),
    ),
    Deviation(
        name="one line", sdk="google", fields=("city", "administrative_area"), example="Saint  Louis",
        theirs="saint  louis", ours="saint louis", why="blanks single, no controls; it is sent clear",
        explains=lambda text, theirs, none: re.search(r"[^\S ]|\s\s", text) is not None or _has(text, "C", "Z"),
    ),
    # --- birth and gender ---
    Deviation(
        name="dates", sdk="meta", fields=("db",), example="16.02.1997", theirs="16.02.1997", ours="19970216",
        why="the document asks for YYYYMMDD; the SDK hashes what it is given",
        explains=lambda text, theirs, none: re.fullmatch(r"\d{8}", text.strip(), re.ASCII) is None,
    ),
    Deviation(
        name="no such day", sdk="meta", fields=("db",), example="19970231", theirs="19970231", ours=None,
        why="nobody was born on it",
        explains=lambda text, theirs, none: none,
    ),
    Deviation(
        name="words", sdk="meta", fields=("ge",), example="Female", theirs="female", ours="f",
        why="the document asks for the initial",
        explains=lambda text, theirs, none: text.strip().lower() in {"female", "woman", "male", "man"},
    ),
    Deviation(
        name="other texts", sdk="meta", fields=("ge",), example="Mrs.", theirs="mrs.", ours=None,
        why="Meta knows f and m",
        explains=lambda text, theirs, none: none and text.strip().lower() not in {"f", "m"},
    ),
    Deviation(
        name="hashed", sdk="meta", fields=("external_id",), example=" ABC def ", theirs=" ABC def ", ours="abcdef",
        why="the pixel sends it lowered, without blanks and hashed: only then is it the same key on both channels",
        explains=lambda text, theirs, none: True,
    ),
)  # fmt: skip


def explained(sdk: str, field: str, text: str, theirs: str | None, *, ours_is_none: bool) -> list[str]:
    """Name the deviations that account for a difference on this text."""
    return [
        line.name
        for line in DEVIATIONS
        if line.sdk == sdk and field in line.fields and line.explains(text, theirs, ours_is_none)
    ]


FIELDS: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    # SDK -> (fields it normalises that are compared here, fields it normalises that Tagway never sends)
    "meta": (
        ("em", "ph", "fn", "ln", "ct", "st", "zp", "country", "db", "ge", "external_id"),
        ("f5first", "f5last", "fi", "dobd", "dobm", "doby", "currency"),
    ),
    "google": (
        (
            "email", "phone", "given_name", "family_name", "address_line", "city", "administrative_area",
            "postal_code", "region_code",
        ),
        (),
    ),
    # v2 of the API, which the SDK hashes for, had soundex codes besides; v3 takes none.
    "snapchat": (("em", "ph", "fn", "ln"), ("soundex",)),
}  # fmt: skip
