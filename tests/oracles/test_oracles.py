"""Every spelling against the vendors' own libraries: equal on any text, or different for a reason that has a name.

Test-only dependencies: facebook-business, google-ads-datamanager-util, snap-business-sdk. TikTok's and Pinterest's
published libraries contain no hashing, so there is nothing to ask them.
"""

from __future__ import annotations

import datetime
import hashlib
import inspect
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import phonenumbers
import pytest
from facebook_business.adobjects.serverside.gender import Gender
from facebook_business.adobjects.serverside.normalize import Normalize
from facebook_business.adobjects.serverside.user_data import UserData
from google.ads.datamanager_util.format import Encoding, Formatter
from hypothesis import given, settings
from hypothesis import strategies as st
from snap_business_sdk import capi_utils

from adapters.google_data_manager import Conversion, Credentials, GoogleDataManager
from adapters.meta import Meta
from adapters.snapchat import Snapchat
from gateway.core.adapter import Adapter, Payload, Secret
from gateway.core.event import Browser, Event, Wire
from gateway.core.person import seal, words
from tests.oracles.deviations import DEVIATIONS, FIELDS, Deviation, explained

DOCS: Final = Path(__file__).parents[2] / "docs" / "platforms" / "hashing.md"
META = Meta(dataset_id="1", access_token=Secret("t"))
SNAP = Snapchat(pixel_id="0a1b2c3d-0000-4000-8000-000000000000", access_token=Secret("t"))
GOOGLE = GoogleDataManager(
    operating_account="1234567890",
    credentials=Credentials(kind="service_account", file="/run/secrets/google.json"),
    conversions={"purchase": Conversion(action_id="1", mode="offline")},
)
# Our field of `user` for theirs.
OURS: Final = {
    "em": "email", "ph": "phone", "fn": "first_name", "ln": "last_name", "ct": "city", "st": "region",
    "zp": "postal_code", "country": "country", "db": "date_of_birth", "ge": "gender", "external_id": "external_id",
    "email": "email", "phone": "phone", "given_name": "first_name", "family_name": "last_name",
    "address_line": "street", "city": "city", "administrative_area": "region", "postal_code": "postal_code",
    "region_code": "country",
}  # fmt: skip
CLEAR: Final = frozenset({"city", "administrative_area", "postal_code", "region_code"})


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


# --- what we send ------------------------------------------------------------------------------------


def ours(sdk: str, field: str, text: str) -> str | None:
    """Return what the whole chain makes of a field: the digest that leaves, or the clear text where one does."""
    person = seal({OURS[field]: text}, phone_country=None).person
    if sdk == "google":
        match field:
            case "city":
                return words(person.city)
            case "administrative_area":
                return words(person.region)
            case "postal_code":
                return person.postal_code
            case "region_code":
                return person.country
            case "phone":
                return person.digest("phone", "e164")
            case _:
                return person.digest(OURS[field], "google")
    event = Event(
        site="s", name="page_view", event_id="e", wires=(Wire.SERVER,), at_ms=0, received_ms=0, action_source="other",
        person=person, browser=Browser(ip="203.0.113.7", user_agent="Mozilla/5.0"),
    )  # fmt: skip
    adapter: Adapter = META if sdk == "meta" else SNAP
    said = adapter.payload(event, "PageView" if sdk == "meta" else "PAGE_VIEW")
    assert isinstance(said, Payload), said
    told: Any = said.body["user_data"].get(field)
    first = told[0] if isinstance(told, list) else told
    return None if first is None else str(first)


# --- what they would send ----------------------------------------------------------------------------


def of_meta(field: str, text: str) -> str | None:
    """Return the text that Meta's SDK hashes; None where it refuses it."""
    if field == "external_id":  # passed on as it is
        told = UserData(external_id=text).normalize()["external_id"][0]
        return str(told)
    try:
        told = Normalize.normalize_field_skip_hashing(field, text)
    except (TypeError, ValueError):
        return None
    return None if told is None else str(told)


def of_google(field: str, text: str) -> str | None:
    try:
        return str(getattr(Formatter(), f"format_{field if '_' in field else _LONG.get(field, field)}")(text))
    except ValueError:
        return None


_LONG: Final = {"email": "email_address", "phone": "phone_number"}


def of_snap(field: str, text: str) -> str | None:
    if field == "ph":
        return capi_utils.normalize_phone_num(text) or None
    # The SDK hashes in one step: the text is what its rule makes of it, and the digest proves it.
    told = capi_utils.norm_and_hash_string(text)
    low = text.strip().lower()
    assert told in ("", sha256(low))
    return low if told else None


ORACLES: Final[Mapping[str, Callable[[str, str], str | None]]] = {
    "meta": of_meta,
    "google": of_google,
    "snapchat": of_snap,
}


def as_sent(field: str, text: str | None) -> str | None:
    """Return the digest of their text, or the text where the field is clear; an empty one is never sent."""
    if text is None or not text.strip():
        return None
    return text if field in CLEAR or re.fullmatch(r"[0-9a-f]{64}", text) else sha256(text)


# --- any text ----------------------------------------------------------------------------------------

_LETTERS = st.characters(categories=("L", "M", "P", "S", "N", "Zs"))
_WORDY = st.text(_LETTERS, min_size=1, max_size=20) | st.text("aZé'-. ŽÜßİ東3", min_size=1, max_size=12)
_KNOWN = st.sampled_from(
    ["null", "California", "québec", "Bavaria", "US-CA", "New York", "d.c.", "St. Louis", " M1 1AE"]
)
_NUMBERS = [
    phonenumbers.format_number(example, form)
    for region in sorted(phonenumbers.SUPPORTED_REGIONS)
    for kind in (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE)
    if (example := phonenumbers.example_number_for_type(region, kind)) is not None
    for form in (phonenumbers.PhoneNumberFormat.E164, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
]
_PHONE = st.sampled_from(_NUMBERS) | st.text("+0123456789-() .", min_size=6, max_size=18).filter(
    lambda text: any(char.isdigit() for char in text)
)
_EMAIL = st.from_regex(r"\s?[A-Za-z.+_ü-]{1,9}@[A-Za-z.é-]{1,9}\.(com|de|co\.uk)\s?", fullmatch=True) | st.text(
    "aB.+@ -_<>ü", min_size=1, max_size=16
) | st.from_regex(r"[a-zA-Z.]{1,9}(\+[a-z.]{0,4})?@(gmail|googlemail)\.com", fullmatch=True)  # fmt: skip
_DATE = st.dates().map(lambda day: day.strftime("%Y%m%d")) | st.from_regex(r"[0-9]{8}|[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}")
_COUNTRY = st.text("abcdeDEUSukfr-1. ", min_size=1, max_size=4) | st.sampled_from(
    ["US", " de ", "USA", "Korea", "uk", "XK", "fr.", "Atlantis"]
)
TEXTS: Final[Mapping[str, st.SearchStrategy[str]]] = {
    **dict.fromkeys(("em", "email"), _EMAIL),
    **dict.fromkeys(("ph", "phone"), _PHONE),
    **dict.fromkeys(("fn", "ln", "given_name", "family_name"), _WORDY | st.just("null")),
    **dict.fromkeys(("ct", "st", "city", "administrative_area", "address_line"), _WORDY | _KNOWN),
    **dict.fromkeys(
        ("zp", "postal_code"), st.text("0123456789 -AbZ", min_size=1, max_size=10) | st.sampled_from(["94035-1234"])
    ),
    **dict.fromkeys(("country", "region_code"), _COUNTRY),
    "db": _DATE,
    "ge": st.sampled_from(["f", "m", " F", "M ", "female", "MAN", "x", "king", "w"]),
    "external_id": st.text(_LETTERS, min_size=1, max_size=20),
}
PAIRS: Final = [(sdk, field) for sdk, (fields, _) in FIELDS.items() for field in fields]


@pytest.mark.parametrize(("sdk", "field"), PAIRS, ids=str)
def test_any_text_is_spelled_as_the_vendor_does_or_differs_for_a_named_reason(sdk: str, field: str) -> None:
    @settings(max_examples=100, deadline=None)
    @given(TEXTS[field])
    def check(text: str) -> None:
        theirs, mine = ORACLES[sdk](field, text), ours(sdk, field, text)
        if as_sent(field, theirs) != mine:
            assert explained(sdk, field, text, theirs, ours_is_none=mine is None), (text, theirs, mine)

    check()


# --- the plain cases: here nothing may differ, so that a broad reason above cannot hide a fault ---------

_ASCII = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=2, max_size=15).filter(
    lambda text: text.lower() not in {"null", "none", "nan", "undefined"}
)
_MAILBOX = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,10}x@[A-Za-z]{2,8}y\.(com|de|example)", fullmatch=True)
PLAIN: Final[Mapping[str, st.SearchStrategy[str]]] = {
    **dict.fromkeys(("em", "email"), _MAILBOX),
    **dict.fromkeys(("fn", "ln", "given_name", "family_name"), _ASCII),
    **dict.fromkeys(("ct", "city", "address_line", "administrative_area"), _ASCII),
    "st": st.sampled_from(["CA", "ny", "Tx", "bavaria", "Lombardia", "zh"]),
    **dict.fromkeys(("zp", "postal_code"), st.from_regex(r"[0-9]{5}", fullmatch=True)),
    **dict.fromkeys(("country", "region_code"), st.sampled_from(["US", "de", " Fr", "gb", "JP "])),
    "db": st.dates(min_value=datetime.date(1900, 1, 1), max_value=datetime.date(2099, 12, 31)).map(
        lambda day: day.strftime("%Y%m%d")
    ),
    "ge": st.sampled_from(["f", "M", " m "]),
    # Countries whose trunk digit is not written behind the country code.
    "ph": st.sampled_from([text for text in _NUMBERS if text.startswith(("+1", "+49", "+44", "+33", "+81"))]),
    "phone": st.sampled_from([text for text in _NUMBERS if text.startswith(("+1", "+49", "+44", "+33", "+81"))]),
}


@pytest.mark.parametrize(("sdk", "field"), [pair for pair in PAIRS if pair[1] in PLAIN], ids=str)
def test_plain_values_have_the_vendors_own_digest(sdk: str, field: str) -> None:
    texts = PLAIN[field]
    if (sdk, field) == ("snapchat", "ph"):  # it wants a blank behind the country code and no dot
        texts = texts.filter(lambda text: re.match(r"^\+\d+[- ]", text) is not None)

    @settings(max_examples=100, deadline=None)
    @given(texts)
    def check(text: str) -> None:
        mine = ours(sdk, field, text)

        assert mine is not None
        assert mine == as_sent(field, ORACLES[sdk](field, text))

    check()


def test_their_own_hashing_gives_what_we_send() -> None:
    user = UserData(email="John_Smith@Gmail.com", phone="+1 650 555 1212", gender=Gender.FEMALE, country_code="us")
    told: dict[str, Any] = user.normalize()

    assert told["em"] == [ours("meta", "em", "John_Smith@Gmail.com")]
    assert told["ph"] == [ours("meta", "ph", "+1 650 555 1212")]
    assert told["ge"] == [ours("meta", "ge", "Female")]
    assert told["country"] == [ours("meta", "country", "us")]
    assert Formatter().process_email_address("A.b@Gmail.com", Encoding.HEX) == ours("google", "email", "A.b@Gmail.com")
    in_base64 = Formatter().process_email_address("A.b@Gmail.com", Encoding.BASE64)
    assert ours("google", "email", in_base64) == ours("google", "email", "A.b@Gmail.com")
    assert capi_utils.norm_and_hash_phone_number("+44 844 412 4653") == ours("snapchat", "ph", "+44 844 412 4653")


# --- the list itself -----------------------------------------------------------------------------------


@pytest.mark.parametrize("line", DEVIATIONS, ids=lambda line: f"{line.sdk}-{line.fields[0]}-{line.name}")
def test_every_deviation_is_still_one(line: Deviation) -> None:
    field = line.fields[0]

    assert ORACLES[line.sdk](field, line.example) == line.theirs
    assert ours(line.sdk, field, line.example) == as_sent(field, line.ours)
    assert as_sent(field, line.theirs) != as_sent(field, line.ours)
    assert line.name in explained(line.sdk, field, line.example, line.theirs, ours_is_none=line.ours is None)


def test_every_field_that_the_libraries_normalise_is_compared_or_named_as_not_sent() -> None:
    source = Path(inspect.getfile(Normalize)).read_text(encoding="utf-8")
    metas = set(re.findall(r'field == "(\w+)"', source)) | {"fn", "ln", "db", "ge", "external_id"}
    googles = {name.removeprefix("format_") for name in dir(Formatter) if name.startswith("format_")}
    googles = {{"email_address": "email", "phone_number": "phone"}.get(name, name) for name in googles}

    assert metas == set().union(*FIELDS["meta"])
    assert googles == set().union(*FIELDS["google"])


def test_the_page_shows_every_deviation() -> None:
    page = DOCS.read_text(encoding="utf-8")

    missing = [(line.sdk, line.name) for line in DEVIATIONS if f"| {line.sdk} | {line.name} |" not in page]

    assert missing == []
