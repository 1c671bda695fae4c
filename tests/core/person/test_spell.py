"""The clear fields are spelled as each platform's own libraries or documents spell them."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.core.event import Person
from gateway.core.person import (
    city_letters,
    country_code,
    country_digest,
    digest_of,
    letters,
    lowered,
    place_digests,
    postal,
    postal_unspaced,
    region_code,
    unspaced,
    unspaced_postal_digest,
    words,
)
from gateway.core.person.places import COUNTRIES


@pytest.mark.parametrize(
    ("city", "expected"),
    [
        ("New York", "newyork"),
        ("St. Louis", "stlouis"),
        ("Zürich", "zürich"),
        ("東京", "東京"),
        ("Saint-Étienne", "saintétienne"),
        ("75008 Paris 8e", "parise"),
        ("12", None),
        ("", None),
        (None, None),
    ],
)
def test_city_letters(city: str | None, expected: str | None) -> None:
    assert city_letters(city) == expected


@pytest.mark.parametrize(
    ("region", "country", "expected"),
    [
        ("California", "US", "ca"),
        ("California, USA", None, "ca"),
        ("CA", None, "ca"),
        ("US-CA", "US", "ca"),
        ("New York", "us", "ny"),
        ("Washington, D.C.", "US", "dc"),
        ("Washington D.C.", "US", "dc"),
        ("Puerto Rico", "US", "pr"),
        ("Ontario", "CA", "on"),
        ("Québec", None, "qc"),
        ("Bavaria", "DE", "bavaria"),
        ("DE-BY", "DE", "by"),
        ("BY", "DE", "by"),
        ("Nordrhein-Westfalen", "DE", "nordrheinwestfalen"),
        ("Georgia", "GE", "georgia"),
        ("Ontario", "US", "ontario"),
        ("...", "US", None),
        (None, "US", None),
    ],
)
def test_region_code(region: str | None, country: str | None, expected: str | None) -> None:
    assert region_code(region, country) == expected


@pytest.mark.parametrize(
    ("code", "country", "expected"),
    [
        ("94035-1234", None, "94035"),
        ("94035-1234", "US", "94035"),
        ("940351234", "US", "94035"),
        ("940351234", None, "940351234"),
        ("00901", "PR", "00901"),
        ("M1 1AE", "GB", "m11ae"),
        ("00-950", "PL", "00950"),
        ("100-0001", "JP", "1000001"),
        ("\uff11\uff10\uff10\u2212\uff10\uff10\uff10\uff11", "JP", "1000001"),
        ("01310-100", "BR", "01310100"),
        ("12345-6789", "SA", "123456789"),
        (" - ", "US", None),
        (None, None, None),
    ],
)
def test_postal(code: str | None, country: str | None, expected: str | None) -> None:
    assert postal(code, country) == expected


def test_postal_unspaced_keeps_every_digit() -> None:
    assert postal_unspaced(" US - 1234-") == "us1234"
    assert postal_unspaced("94035-1234") == "940351234"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("us", "US"),
        (" uS ", "US"),
        ("United States", "US"),
        ("usa", "US"),
        ("U.S.A.", "US"),
        ("The United States of America", "US"),
        ("UK", "GB"),
        ("England", "GB"),
        ("GBR", "GB"),
        ("Côte d\u2019Ivoire", "CI"),
        ("Ivory Coast", "CI"),
        ("Korea", "KR"),
        ("Korea, Republic of", "KR"),
        ("Holland", "NL"),
        ("the Netherlands", "NL"),
        ("Deutschland", "DE"),
        ("Bosnia & Herzegovina", "BA"),
        ("Congo, The Democratic Republic of the", "CD"),
        ("TÜRKİYE", "TR"),
        ("Russian Federation", "RU"),
        ("ZZ", None),
        ("U", None),
        ("", None),
        (None, None),
    ],
)
def test_country_code(text: str | None, expected: str | None) -> None:
    assert country_code(text) == expected


def test_every_country_is_known_by_its_codes() -> None:
    codes = set(COUNTRIES.values())

    assert len(codes) == 250
    assert all(country_code(code) == code for code in codes)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("St. Louis", "st louis"), ("North-Rhine Westphalia", "northrhine westphalia"), ("_", None), (None, None)],
)
def test_words(text: str | None, expected: str | None) -> None:
    assert words(text) == expected


def test_digest_of_is_the_sha256_and_never_that_of_nothing() -> None:
    assert digest_of("us") == "79adb2a2fce5c6ba215fe5f27f532d4e7edbac4b6a5e09e1ef3a08084a904621"
    assert [digest_of(text) for text in (None, "", " ", "\n", "\ud800")] == [None] * 5


@settings(max_examples=200, deadline=None)
@given(st.text())
@example("A\u00af")  # compatibility makes it a blank and an accent
@example("e-\u0301")
def test_spelling_what_is_spelled_changes_nothing(text: str) -> None:
    for spell in (letters, city_letters, lowered, unspaced, words, postal_unspaced):
        once = spell(text)
        assert spell(once) == once
        assert once != ""


PLACES = (
    st.none() | st.sampled_from(["US", "de", "Germany", "US-NY", "12345-6789", "Köln", "", " "]) | st.text(max_size=6)
)


@settings(max_examples=300, deadline=None)
@given(PLACES, PLACES, PLACES, PLACES)
def test_a_remembered_digest_of_a_place_is_that_of_its_spelling(
    city: str | None, region: str | None, postal_code: str | None, country: str | None
) -> None:
    spelled = {
        "ct": city_letters(city),
        "st": region_code(region, country),
        "zp": postal(postal_code, country),
        "country": lowered(country_code(country)),
    }
    expected = {key: digest for key, text in spelled.items() if (digest := digest_of(text))}

    for _ in range(2):
        assert place_digests(Person(city=city, region=region, postal_code=postal_code, country=country)) == expected
        assert unspaced_postal_digest(postal_code or "") == digest_of(postal_unspaced(postal_code))
        assert country_digest(country or "") == expected.get("country")


@pytest.mark.parametrize("spell", [digest_of, letters, lowered, unspaced, words])
def test_what_a_person_can_be_named_by_is_never_remembered(spell: object) -> None:
    assert not hasattr(spell, "cache_info")
