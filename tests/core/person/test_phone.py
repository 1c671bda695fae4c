"""A telephone number is read as people write it, or dropped; it is never guessed into somebody else's."""

import hashlib
from typing import Any

import pytest

from gateway.core.event import Person
from gateway.core.person import seal


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def person_of(*, phone_country: str | None = None, **user: Any) -> Person:
    """Seal a user who has to be usable as a whole."""
    person, warnings, _ = seal(user, phone_country=phone_country)
    assert warnings == ()
    return person


@pytest.mark.parametrize(
    ("phone", "country", "expected"),
    [
        ("(800)555-0100", "US", "+18005550100"),
        ("1 800 555 0100", "US", "+18005550100"),
        ("18005550100", "US", "+18005550100"),
        ("+1.800.555.0100 ext 5", None, "+18005550100"),
        ("\uff11\uff18\uff10\uff10\uff15\uff15\uff15\uff10\uff11\uff10\uff10", "US", "+18005550100"),
        ("\uff0b\uff11 \uff18\uff10\uff10 555 0100", None, "+18005550100"),
        ("+٤٤١١٣٤٩٦٠٩٨٧", None, "+441134960987"),
        ("441134960987", "GB", "+441134960987"),
        ("+44-113-496-0987", "US", "+441134960987"),
        ("+44 (0)20 7946 0958", None, "+442079460958"),
        ("+44 (0)20 7946 0958", "DE", "+442079460958"),
        ("00442079460958", "GB", "+442079460958"),
        ("00442079460958", "US", "+442079460958"),
        ("00442079460958", None, "+442079460958"),
        ("(00) 44 20 7946 0958", None, "+442079460958"),
        ("020 7946 0958", "GB", "+442079460958"),
        ("020 7946 0018", "GB", "+442079460018"),
        ("001 650 555 1212", None, "+16505551212"),
        ("001 650 555 1212", "US", "+16505551212"),
        ("0011 44 113 496 0987", "AU", "+441134960987"),
        ("+1 (650) 555-1212", None, "+16505551212"),
        ("+1.650.555.1212", None, "+16505551212"),
        ("+49-170-1234567 ext 5", None, "+491701234567"),
        ("06 12 34 56 78", "FR", "+33612345678"),
        ("0171 2345678", "DE", "+491712345678"),
        ("491712345678", "DE", "+491712345678"),
        ("1712345678", "DE", "+491712345678"),
        (491712345678, "DE", "+491712345678"),
        ("02 1234 5678", "IT", "+390212345678"),
        ("8 (912) 345-67-89", "RU", "+79123456789"),
        ("0412 345 678", "AU", "+61412345678"),
        ("090-1234-5678", "JP", "+819012345678"),
        ("(11) 91234-5678", "BR", "+5511912345678"),
        ("+44 844 412 4653", None, "+448444124653"),
        ("+44-447-234-2344", None, "+444472342344"),
        ("0044-447-234-2344", None, "+444472342344"),
        ("+44-0447-234-2344", None, "+444472342344"),
        ("+44 0447 234 2344", None, "+444472342344"),
        ("447-234-2344", "US", "+14472342344"),
        ("4472342344", "US", "+14472342344"),
        ("+1-447-234-2344", None, "+14472342344"),
        ("(447)-234-2344", "US", "+14472342344"),
        ("+1555-555-5555", None, "+15555555555"),
        ("tel:+49-170-1234567", None, "+491701234567"),
        ("\u202a+49\u00a0170\u00a01234567\u202c", None, "+491701234567"),
    ],
)
def test_phone_is_read_as_people_write_it(phone: Any, country: str | None, expected: str) -> None:
    person = person_of(phone=phone, phone_country=country)

    assert person.digest("phone", "e164") == sha256(expected)
    assert person.digest("phone", "digits") == sha256(expected[1:])


def test_phone_digests_are_the_documented_ones() -> None:
    google = person_of(phone="(800)555-0100", phone_country="US").digest("phone", "e164")
    meta = person_of(phone="+1 650-555-1212").digest("phone", "digits")
    tiktok = person_of(phone="+1555-555-5555").digest("phone", "e164")
    snapchat = person_of(phone="+44 844 412 4653").digest("phone", "digits")

    assert google == "fb4f73a6ec5fdb7077d564cdd22c3554b43ce49168550c3b12c547b78c517b30"
    assert meta == "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176"
    assert tiktok == "910a625c4ba147b544e6bd2f267e130ae14c591b6ba9c25cb8573322dedbebd0"
    assert snapchat == "dc008fda46e2e64002cf2f82a4906236282d431c4f75e5b60bfe79fc48546383"


@pytest.mark.parametrize(
    ("phone", "country"),
    [
        ("(800)555-0100", None),  # not +800…, which is another number
        ("020 7946 0018", None),
        ("441134960987", None),
        ("12345", None),
        ("12345", "US"),
        ("555-0100", "US"),
        (" +A BCD EFG ", "US"),
        ("+4917012345671234567", None),
        ("+999 123 456 789", None),
        ("+" + "1" * 300, None),
        ("call me", "DE"),
        (True, "DE"),
        (4.9e11, "DE"),
        (10**30, "DE"),
    ],
)
def test_a_phone_that_could_be_anybodys_is_dropped(phone: Any, country: str | None) -> None:
    person, warnings, _ = seal({"phone": phone}, phone_country=country)

    assert person == Person()
    assert [line.partition(":")[0] for line in warnings] == ["user.phone"]


def test_phone_takes_the_site_country_and_else_the_persons_own() -> None:
    own = person_of(phone="06 12 34 56 78", country="France")
    site = person_of(phone="0171 2345678", country="France", phone_country="DE")

    assert own.digest("phone", "e164") == sha256("+33612345678")
    assert site.digest("phone", "e164") == sha256("+491712345678")
