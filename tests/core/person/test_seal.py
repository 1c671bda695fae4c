"""Nothing readable gets past the seal, and every digest is the one the platform computes from the same person.

The expected spellings and digests are the vendors' documented ones, or recomputed with the vendors' own libraries
where those keep to the documents (docs/platforms/hashing.md).
"""

import base64
import hashlib
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.event import Person
from gateway.core.person import seal

NOTHING = hashlib.sha256(b"").hexdigest()
DIGEST = hashlib.sha256(b"somebody").hexdigest()
SPELLINGS = {
    "email": {"plain", "google", "folded"},
    "phone": {"digits", "e164"},
    "first_name": {"letters", "google", "unspaced"},
    "last_name": {"letters", "google", "unspaced"},
    "street": {"google"},
    "date_of_birth": {"digits"},
    "gender": {"initial"},
    "external_id": {"lower", "trimmed"},
}


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def person_of(**user: Any) -> Person:
    """Seal a user who has to be usable as a whole."""
    person, warnings, _ = seal(user, phone_country=None)
    assert warnings == ()
    return person


def dropped(field: str, value: Any) -> bool:
    person, warnings, _ = seal({field: value}, phone_country=None)
    if person == Person():
        assert [line.partition(":")[0] for line in warnings] == [f"user.{field}"]
    return person == Person()


# --- e-mail ---


@pytest.mark.parametrize(
    ("email", "plain", "google"),
    [
        (" John_Smith@Gmail.COM ", "john_smith@gmail.com", "john_smith@gmail.com"),
        ("John.Smith+tag@gmail.com", "john.smith+tag@gmail.com", "johnsmith@gmail.com"),
        ("Jefferson.LOVES.Hiking@googlemail.com", None, "jeffersonloveshiking@googlemail.com"),
        ("cloudy.sanfrancisco+shopping@gmail.com", None, "cloudysanfrancisco@gmail.com"),
        ("a.b.c+x+y@googlemail.com", None, "abc@googlemail.com"),
        ("first.last@GMAIL.COM", "first.last@gmail.com", "firstlast@gmail.com"),
        ("first.last@mail.gmail.com", "first.last@mail.gmail.com", "first.last@mail.gmail.com"),
        ("first.last+a@gmail.co.uk", "first.last+a@gmail.co.uk", "first.last+a@gmail.co.uk"),
        ("user.name+NYC@Example.com", "user.name+nyc@example.com", "user.name+nyc@example.com"),
        ("\tMIXED@Example.Org\n", "mixed@example.org", "mixed@example.org"),
        ("test@TEST.com\n", "test@test.com", "test@test.com"),
        ("müller@exämple.de", "müller@exämple.de", "müller@exämple.de"),
        ("\u0130stanbul@example.com", "i\u0307stanbul@example.com", "i\u0307stanbul@example.com"),
        ("user@example.com.", "user@example.com.", "user@example.com."),
    ],
)
def test_email_has_a_plain_and_a_google_spelling(email: str, plain: str | None, google: str) -> None:
    person = person_of(email=email)

    assert person.digest("email", "google") == sha256(google)
    assert person.digest("email", "plain") == sha256(plain or email.lower())


def test_email_digests_are_the_documented_ones() -> None:
    said = {
        "john_smith@gmail.com": "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f",
        "mary@example.com": "f1904cf1a9d73a55fa5de0ac823c4403ded71afd4c3248d00bdcd0866552bb79",
        "  ALEXZ@example.com   ": "509e933019bb285a134a9334b8bb679dff79d0ce023d529af4bd744d47b4fd8a",
        "QuinnY@EXAMPLE.com": "d00d0a7c6d491b3782fd78b410748048859e16467faa0651f060978d4bb343cc",
        "test@TEST.com\n": "f660ab912ec121d1b1e928a0bb4bc61b15f5ad44d5efdc4e1c92a25e99b8e44a",
        "abc@xyz.com": "ee278943de84e5d6243578ee1a1057bcce0e50daad9755f45dfa64b60b13bc5d",
        "person@example.com": "542d240129883c019e106e3b1b2d3f3cb3537c43c425364de8e951d5a3083345",
    }

    assert {email: person_of(email=email).digest("email", "plain") for email in said} == said


def test_an_email_is_folded_whatever_its_domain() -> None:
    # The example of Reddit's page on match keys, read 2026-11-22.
    documented = "ff8d9819fc0e12bf0d24892e45987e249a28dce836a85cad60e28eaaa8c6d976"

    said = {
        person_of(email=email).digest("email", "folded") for email in ("Al.ice+Apple@Example.Com", "alice@example.com")
    }

    assert said == {documented}


@pytest.mark.parametrize(
    "email",
    [
        "quinn",
        "jo@",
        "@x.de",
        " @googlemail.com",
        "a b@c.com",
        "jo hn@example.com",
        "a@b",
        "a@b@c.de",
        "a@.de",
        "a@b..de",
        "<jo@x.de>",
        "mailto:jo@x.de",
        "a@x.de,b@y.de",
        "jo%40x.de",
        "jo@x.de\x00\ny",
        f"{'a' * 250}@x.de",
        5,
        True,
        {},
        1.5,
    ],
)
def test_what_is_no_email_address_is_dropped(email: Any) -> None:
    assert dropped("email", email)


def test_a_gmail_address_that_google_would_empty_keeps_its_plain_spelling() -> None:
    assert set(person_of(email="+tag@gmail.com").digests["email"]) == {"plain"}


# --- names, street, birth, gender, external id ---


@pytest.mark.parametrize(
    ("name", "bare", "google", "tiktok"),
    [
        ("Mary", "mary", "mary", "mary"),
        ("정", "정", "정", "정"),
        ("  GivenName  ", "givenname", "givenname", "givenname"),
        ("O'Brien-Smith", "obriensmith", "o'brien-smith", "o'brien-smith"),
        (" Jean Luc ", "jeanluc", "jean luc", "jeanluc"),
        ("van der Berg", "vanderberg", "van der berg", "vanderberg"),
        ("Smith Jr.", "smithjr", "smith jr.", "smithjr."),
        ("Müller", "müller", "müller", "müller"),
        ("Große", "große", "große", "große"),
        ("Vale\u0301ry", "valéry", "vale\u0301ry", "vale\u0301ry"),
    ],
)
def test_a_name_has_three_spellings(name: str, bare: str, google: str, tiktok: str) -> None:
    expected = {"letters": sha256(bare), "google": sha256(google), "unspaced": sha256(tiktok)}

    assert person_of(first_name=name, last_name=name).digests == {"first_name": expected, "last_name": expected}


def test_name_digests_are_the_documented_ones() -> None:
    said = {
        "mary": "6915771be1c5aa0c886870b6951b03d7eafc121fea0e80a5ea83beb7c449f4ec",
        "정": "8fa8cd9c440be61d0151429310034083132b35975c4bea67fdd74158eb51db14",
        "Vale\u0301ry": "08e1996b5dd49e62a4b4c010d44e4345592a863bb9f8e3976219bac29417149c",
        "raphaël": "e74bb89e718fe1e19c422a48382870399f8bf7ca8dfa008739e75b0be76627b7",
    }

    assert {name: person_of(first_name=name).digest("first_name", "letters") for name in said} == said


def test_street_is_spelled_as_google_spells_it() -> None:
    assert person_of(street=" 12/3 High St. #4 ").digests == {"street": {"google": sha256("123 high st 4")}}


@pytest.mark.parametrize(
    "text",
    [
        "1997-02-16",
        "1997/2/16",
        "1997.02.16",
        "19970216",
        "16.02.1997",
        "2/16/1997",
        "16/2/1997",
        "1997-02-16T00:00:00Z",
    ],
)
def test_a_birth_date_is_read_in_every_unmistakable_form(text: str) -> None:
    digest = "01acdbf6ec7b4f478a225f1a246e5d6767eeab1a7ffa17f025265b5b94f40f0c"  # 19970216, Meta's own example

    assert person_of(date_of_birth=text).digests == {"date_of_birth": {"digits": digest}}


@pytest.mark.parametrize(
    "text",
    ["02/03/1997", "1997-02-31", "97-02-16", "Feb 16 1997", "1799-01-01", "2150-01-01", "1997-02-15T23:30:00Z", "0"],
)
def test_a_birth_date_that_is_impossible_or_ambiguous_is_dropped(text: str) -> None:
    assert dropped("date_of_birth", text)


def test_gender_is_an_initial() -> None:
    digests = {
        text: person_of(gender=text).digest("gender", "initial")
        for text in ("f", " Female ", "WOMAN", "m", "Male", "man")
    }

    assert list(digests.values()) == [sha256("f")] * 3 + [sha256("m")] * 3


@pytest.mark.parametrize(
    ("field", "value"),
    [("gender", text) for text in ("king", "non-binary", "w", "Mr.")]
    + [("first_name", text) for text in ("...", "-", 5, "x" * 500)]
    + [("street", "#-/_")],
)
def test_what_says_nothing_is_dropped(field: str, value: Any) -> None:
    assert dropped(field, value)


PLACEHOLDERS = (
    "null",
    "undefined",
    " NULL ",
    "None",
    "NaN",
    "(not set)",
    "[object Object]",
    "{{ user.x }}",
    "*|FNAME|*",
)


@pytest.mark.parametrize("field", ["first_name", "last_name", "street", "external_id", "city", "region", "postal_code"])
@pytest.mark.parametrize("text", PLACEHOLDERS)
def test_what_a_template_prints_for_nobody_is_dropped_and_named_so(field: str, text: str) -> None:
    sealed = seal({field: text}, phone_country=None)

    assert (sealed.person, sealed.dropped) == (Person(), ((field, "placeholder"),))


@pytest.mark.parametrize(
    "email", ["null@null.com", "undefined@shop.example", "jo@undefined.com", "NONE@x.de", "no-email@x.de"]
)
def test_an_address_that_only_fills_a_form_is_dropped(email: str) -> None:
    assert seal({"email": email}, phone_country=None).dropped == (("email", "placeholder"),)


@pytest.mark.parametrize("text", ["guest", "Anonymous", "0", "-1", "false", "unknown"])
def test_an_id_that_thousands_share_is_dropped(text: str) -> None:
    assert seal({"external_id": text}, phone_country=None).dropped == (("external_id", "placeholder"),)


@pytest.mark.parametrize("name", ["Nullmeier", "Noneta", "Unknown Pleasures", "0xFF"])
def test_a_name_that_only_begins_like_a_placeholder_is_kept(name: str) -> None:
    assert set(person_of(first_name=name).digests) == {"first_name"}


@pytest.mark.parametrize("phone", ["+1 111 111 1111", "+1 000 000 0000", "+49 999 9999 999", "0000000000"])
def test_a_number_of_one_digit_is_nobodys(phone: str) -> None:
    assert person_of_country(phone, "US") == Person()


def person_of_country(phone: str, country: str) -> Person:
    return seal({"phone": phone}, phone_country=country).person


@pytest.mark.parametrize("field", sorted(SPELLINGS))
@pytest.mark.parametrize("word", ["null", "undefined", "None", "NaN", "NULL", "[object Object]"])
def test_the_digest_of_a_placeholder_is_dropped_like_the_placeholder(field: str, word: str) -> None:
    assert seal({field: sha256(word)}, phone_country=None).dropped == ((field, "placeholder"),)


def test_external_id_keeps_its_case_where_the_platform_does() -> None:
    assert person_of(external_id=" ABC def ").digests["external_id"] == {
        "lower": sha256("abcdef"),
        "trimmed": sha256("ABC def"),
    }
    assert person_of(external_id=" UserABC").digest("external_id", "trimmed") == (
        "cf1c946b7e2c680eae1b76b911030ab8fa12f296c19b906e1896d7f88351c46e"
    )
    assert person_of(external_id=4711).digest("external_id", "lower") == sha256("4711")


def test_an_external_id_may_look_like_another_hash() -> None:
    uuid = "550e8400e29b41d4a716446655440000"

    assert person_of(external_id=uuid).digest("external_id", "trimmed") == sha256(uuid)


# --- what came hashed ---


def test_a_digest_serves_only_the_spellings_it_can_vouch_for() -> None:
    person = person_of(**dict.fromkeys(SPELLINGS, DIGEST))

    assert person.digests == {
        "email": {"plain": DIGEST},
        "phone": {"e164": DIGEST},
        "first_name": {"letters": DIGEST},
        "last_name": {"letters": DIGEST},
        "street": {"google": DIGEST},
        "date_of_birth": {"digits": DIGEST},
        "gender": {"initial": DIGEST},
        "external_id": {"lower": DIGEST, "trimmed": DIGEST},
    }


@pytest.mark.parametrize("text", [DIGEST.upper(), f" {DIGEST} ", f"{DIGEST}.AQQCAQMC", f"{DIGEST}.Ag"])
def test_a_digest_is_lowered_and_loses_metas_appendix(text: str) -> None:
    assert person_of(email=text).digests == {"email": {"plain": DIGEST}}


# alexz@example.com and +18005550100 as Google's own examples have them in base64.
BASE64 = {
    "email": ("UJ6TMBm7KFoTSpM0uLtnnf950M4CPVKa9L10TUe0/Yo=", "google", sha256("alexz@example.com")),
    "phone": ("+09zpuxf23B31WTN0iw1VLQ85JFoVQw7EsVHt4xRezA=", "e164", sha256("+18005550100")),
    "last_name": ("d3YsKH5hzgZb7lwVRkASxvvgiDmLgFdifVV3JJQw1XQ=", "google", sha256("familyname")),
    "street": ("d3YsKH5hzgZb7lwVRkASxvvgiDmLgFdifVV3JJQw1XQ=", "google", sha256("familyname")),
}


@pytest.mark.parametrize("field", sorted(BASE64))
def test_a_digest_in_base64_speaks_for_google_alone(field: str) -> None:
    text, spelling, digest = BASE64[field]
    url_safe = text.replace("+", "-").replace("/", "_")

    for form in (text, text.rstrip("="), url_safe, url_safe.rstrip("=")):
        assert person_of(**{field: form}).digests == {field: {spelling: digest}}


def test_base64_of_nothing_is_dropped_and_an_id_of_that_shape_is_an_id() -> None:
    nothing = base64.b64encode(hashlib.sha256(b"").digest()).decode()
    session = "4mvQ0J2Xq3c9rT1nQd3VJYk0b6mO2sZxA7wE5hU8pLI"

    assert seal({"email": nothing}, phone_country=None).dropped == (("email", "hash_of_nothing"),)
    assert person_of(external_id=session).digest("external_id", "trimmed") == sha256(session)
    assert dropped("gender", BASE64["email"][0])


@given(st.binary(min_size=32, max_size=32))
def test_every_digest_in_padded_base64_is_recognised(digest: bytes) -> None:
    text = base64.b64encode(digest).decode()

    assert person_of(email=text).digests == {"email": {"google": digest.hex()}}


@pytest.mark.parametrize(
    "word", ["donaudampfschifffahrtsgesellschaftskapitaene", "A" * 43, "Taumatawhakatangihangakoauauotamateaturipuk"]
)
def test_a_long_word_is_no_digest(word: str) -> None:
    assert person_of(last_name=word).digest("last_name", "google") == sha256(word.lower())


@pytest.mark.parametrize("field", sorted(SPELLINGS.keys() - {"external_id"}))
def test_another_hash_than_sha256_is_refused(field: str) -> None:
    assert dropped(field, hashlib.md5(b"jo@x.de", usedforsecurity=False).hexdigest())
    assert dropped(field, hashlib.sha1(b"jo@x.de", usedforsecurity=False).hexdigest().upper())


@pytest.mark.parametrize("field", sorted(SPELLINGS))
def test_nothing_is_never_a_digest(field: str) -> None:
    assert dropped(field, NOTHING)
    assert person_of(**{field: ""}) == Person()
    assert person_of(**{field: " \n\u00a0"}) == Person()
    assert person_of(**{field: None}) == Person()


def test_a_clear_field_that_came_hashed_is_kept_apart() -> None:
    person = person_of(city=DIGEST.upper(), country=DIGEST)

    assert person == Person(digests={"city": {"hashed": DIGEST}, "country": {"hashed": DIGEST}})


# --- clear fields, lists, warnings ---


def test_clear_fields_are_scrubbed_and_the_country_becomes_a_code() -> None:
    person = person_of(city=" New\t York\u200e ", region="NY", postal_code=" 10001-1234 ", country="U.S.A.")

    assert person == Person(city="New York", region="NY", postal_code="10001-1234", country="US")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("city", "jo@x.de"),
        ("region", "jo%40x.de"),
        ("city", "x" * 121),
        ("postal_code", 2139),  # a number has lost its leading zero
        ("country", "Atlantis"),
        ("city", ["", {}]),
    ],
)
def test_a_clear_field_that_is_none_is_dropped(field: str, value: Any) -> None:
    assert dropped(field, value)


def test_a_list_gives_its_first_usable_value() -> None:
    assert person_of(email=["", None, "nobody", "jo@x.de", "ann@y.org"]) == person_of(email="jo@x.de")
    assert person_of(country=("Atlantis", "FR")).country == "FR"
    assert person_of(email=[]) == Person()
    assert dropped("email", ["nobody", 5])
    assert dropped("email", [["jo@x.de"]])


def test_a_warning_names_the_field_and_the_fault_and_no_value() -> None:
    _, warnings, _ = seal({"email": "Jo Doe", "gender": "king", "jo@x.de": 1, "zip": "1"}, phone_country=None)

    assert warnings[:2] == (
        "user.email: dropped, not an e-mail address",
        "user.gender: dropped, neither f nor m",
    )
    assert warnings[2].startswith("user: dropped 2 unknown field(s)")


def test_sealing_a_digest_again_does_not_hash_it_twice() -> None:
    first = person_of(email="jo@x.de", phone="+491701234567", external_id="u1", first_name="Jo", gender="f")
    again = {field: next(iter(spelled.values())) for field, spelled in first.digests.items()}

    twice = person_of(**again)

    for field, digest in again.items():
        assert set(twice.digests[field].values()) == {digest}


SECRETS = {
    "email": st.from_regex(r"Qx[a-z0-9.+]{0,8}Zq@Wv[a-z]{2,9}\.(com|de)", fullmatch=True),
    "phone": st.from_regex(r"\+4917[0-9] ?[0-9]{3}-?[0-9]{4,5}|0[0-9 ]{6,14}", fullmatch=True),
    "first_name": st.text(alphabet="QXZÄéß'- 李", min_size=4),
    "last_name": st.from_regex(r"Qzx[A-Za-z' -]{3,20}", fullmatch=True),
    "street": st.from_regex(r"Qzx[A-Za-z ./#]{3,20}", fullmatch=True),
    "date_of_birth": st.dates().map(str) | st.from_regex(r"[0-9]{1,2}/[0-9]{1,2}/19[0-9]{2}", fullmatch=True),
    "gender": st.sampled_from(["female", "Male", "queenly", "kingly"]),
    "external_id": st.from_regex(r"Qzx-[A-Za-z0-9]{6,20}", fullmatch=True),
}


@settings(max_examples=200, deadline=None)
@given(st.fixed_dictionaries({}, optional=SECRETS), st.sampled_from([None, "DE", "US", "nonsense"]))
def test_nothing_readable_is_left_in_a_person_or_its_warnings(user: dict[str, str], country: str | None) -> None:
    sealed = seal(user, phone_country=country)

    told = msgspec.json.encode(sealed.person).decode() + repr(sealed)
    for value in user.values():
        assert value not in told
        assert value.lower() not in told


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([DIGEST, NOTHING, "\ud800"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=5,
)
FIELDS = st.sampled_from([*SPELLINGS, "city", "region", "postal_code", "country", "else"])


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(FIELDS, ANYTHING | st.text(alphabet="+0123456789-() x@.a")), st.sampled_from([None, "DE"]))
def test_whatever_is_sent_the_seal_answers_with_sha256_digests(user: dict[str, Any], country: str | None) -> None:
    person, _, _ = seal(user, phone_country=country)

    for field, spelled in person.digests.items():
        assert spelled.keys() <= SPELLINGS.get(field, {"hashed"})
        assert all(len(digest) == 64 and int(digest, 16) >= 0 and digest != NOTHING for digest in spelled.values())
    assert msgspec.json.decode(msgspec.json.encode(person), type=Person) == person
