"""The vendors' documented vectors, and what we want of inputs on which their own libraries disagree, row by row.

The oracles of tests/oracles ask the libraries themselves; here stand the values, so that they hold without them.
"""

from __future__ import annotations

import hashlib

import pytest

from gateway.core.event import Person
from gateway.core.person import city_letters, country_code, digest_of, postal, region_code, seal

# Google's formatter: field, input, the digest of its own unit tests or of running it. Read 2026-11-22.
GOOGLE = [
    ("email", "QuinnY@EXAMPLE.com", "d00d0a7c6d491b3782fd78b410748048859e16467faa0651f060978d4bb343cc"),
    ("email", "  ALEXZ@example.com   ", "509e933019bb285a134a9334b8bb679dff79d0ce023d529af4bd744d47b4fd8a"),
    (
        "email",
        "Jefferson.LOVES.Hiking@googlemail.com",
        "2824967181c781aced84c32bf8bb51fc6401202eeff88263776f63c99df9314c",
    ),
    (
        "email",
        "cloudy.sanfrancisco+shopping@gmail.com",
        "223ebda6f6889b1494551ba902d9d381daf2f642bae055888e96343d53e9f9c4",
    ),
    ("email", "a.b.c+x+y@googlemail.com", "d3cb52f9ced8ea86190d75c9ffd0d4c1f6b8ff9e7c2a7a84aa69d0a8845a18c1"),
    ("email", "first.last@GMAIL.COM", "ed6c35e905a6daa500da471136a733ccccf446b294e80ae03a1d5d865fe1044c"),
    ("email", "first.last@mail.gmail.com", "02fffedfba066e77eabff1671ab3a17d3836260720c0da9561fb2e72fd84dc42"),
    ("email", "\tMIXED@Example.Org\n", "068099d4bede53442ec454349957a298486f52994421a02a2bafcf5be0249b1d"),
    ("email", "\u0130stanbul@example.com", "21b3d4ad954ffe193659bcdcff92053ab646244b3898969a09265d00b2af7ba4"),
    ("email", "user@example.com.", "37e5d3a834bcb3d56ecc3fb678f11caac15c6f101640a2b6850147647a7309d0"),
    ("first_name", "  GivenName  ", "128a07bfe2df877c52076e60d7774cf5baaa046c5a6c48daf30ff43ecca2f814"),
    ("first_name", "John", "96d9632f363564cc3032521409cf22a852f2032eec099ed5967c0d000cec607a"),
    ("first_name", "O'Connor", "4f2ef4a6a43f26979bd89213257882df407ae215934cabfc9be3c69ba390a854"),
    ("first_name", "José", "d994e1d001886fe5b45b1267bd1fa2b752ac50742579bd3dad7b2a2aa0ed6866"),
    ("first_name", "Van Der Berg", "a6fe68a719fbd8e4466cb6992d9a64dd1f6837e26dfc5a024f1393f51d3737c0"),
    ("first_name", "李", "c16667ca7839a011a548628372ac24f56500a68088eac17e3e7ee6edf9c54125"),
    ("last_name", "  FamilyName ", "77762c287e61ce065bee5c15464012c6fbe088398b8057627d5577249430d574"),
    ("last_name", "Müller", "2dbd218072117713f2d5996a726a9b216ed791ffd0783b6ba4ab6d61b8333192"),
    ("last_name", "Smith Jr.", "30cd1e9669dade02c27942aa0131346c6cc188c3665c8623de60013457861d7b"),
]

# A site's region, the digest of the E.164 number. libphonenumber, run 2026-11-22.
PHONES = [
    ("(800)555-0100", "US", "fb4f73a6ec5fdb7077d564cdd22c3554b43ce49168550c3b12c547b78c517b30"),
    ("1 800 555 0100", "US", "fb4f73a6ec5fdb7077d564cdd22c3554b43ce49168550c3b12c547b78c517b30"),
    ("+1.800.555.0100 ext 5", None, "fb4f73a6ec5fdb7077d564cdd22c3554b43ce49168550c3b12c547b78c517b30"),
    ("+44-113-496-0987", None, "0fac52d27ec377f8ad2f9de75d1f9bace693237e31868ae6f4616b8bbd0e94fb"),
    ("+44 (0)20 7946 0958", None, "f0bf0228144d9fe2bdf1da2d8ca698f17bf1410ee688b075c27062e47b6f0b6d"),
    ("06 12 34 56 78", "FR", "42d573cfc315801d4cd8eddd5416b416a0bf298b9b9e12d6b07442c91db42bd8"),
    ("0171 2345678", "DE", "2618ce4c02da9735127fbbb673cdf6b842e8445cd6947fb6adef79b46719125d"),
    ("02 1234 5678", "IT", "cd53ded8dc564b9d1743105e4533289635fe59304336f1ed1aaf04b484ab1a18"),
    ("8 (912) 345-67-89", "RU", "694e8de862e4f3198b67f7a4aa9f4dfb123c5b78b0a72460ce882c405b111e63"),
    ("0412 345 678", "AU", "bc65da54a3ddbacfdc93a0400f0a2d78e41c2180c8255015e9616facfe56f58a"),
    ("090-1234-5678", "JP", "3d06a39d40790f11761295e053029378ae28c4b4f6f301693005e079f3d4ca64"),
    ("(11) 91234-5678", "BR", "195563c1d879cb1564e2cdd6d89363ecb1f091ac0eeac094760f06139eae6077"),
]

# Meta: field, input, country, the text that we want hashed (its documents' rule); None: nothing is.
PLACES = [
    ("city", "New York", None, "newyork"), ("city", "St. Louis", None, "stlouis"), ("city", "Zürich", None, "zürich"),
    ("city", "東京", None, "東京"), ("city", "Saint-Étienne", None, "saintétienne"), ("city", "75001", None, None),
    ("region", "California", None, "ca"), ("region", "Ontario", None, "on"), ("region", "Québec", None, "qc"),
    ("region", "Washington, D.C.", "US", "dc"), ("region", "US-CA", None, "ca"), ("region", "Bavaria", "DE", "bavaria"),
    ("region", "Nordrhein-Westfalen", "DE", "nordrheinwestfalen"), ("region", "CA", "IT", "ca"),
    ("postal_code", "94035-1234", None, "94035"), ("postal_code", "940351234", "US", "94035"),
    ("postal_code", "M1 1AE", "GB", "m11ae"), ("postal_code", "00-950", "PL", "00950"),
    ("postal_code", "100-0001", "JP", "1000001"), ("postal_code", "\uff12\uff11\uff13\uff19", None, "2139"),
    ("country", "United States", None, "us"), ("country", "usa", None, "us"), ("country", "U.S.A.", None, "us"),
    ("country", "UK", None, "gb"), ("country", "England", None, "gb"), ("country", "Côte d\u2019Ivoire", None, "ci"),
    ("country", "Korea", None, "kr"), ("country", "Holland", None, "nl"), ("country", "Atlantis", None, None),
]  # fmt: skip

# Meta's documented digests.
META = [
    ("email", "plain", "John_Smith@gmail.com", "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"),
    ("email", "plain", "mary@example.com", "f1904cf1a9d73a55fa5de0ac823c4403ded71afd4c3248d00bdcd0866552bb79"),
    ("phone", "digits", "+1 (650) 555-1212", "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176"),
    ("phone", "digits", "+1 555 987 6543", "1ef970831d7963307784fa8688e8fce101a15685d62aa765fed23f3a2c576a4e"),
    ("first_name", "letters", "Mary", "6915771be1c5aa0c886870b6951b03d7eafc121fea0e80a5ea83beb7c449f4ec"),
    ("first_name", "letters", "정", "8fa8cd9c440be61d0151429310034083132b35975c4bea67fdd74158eb51db14"),
    ("first_name", "letters", "Vale\u0301ry", "08e1996b5dd49e62a4b4c010d44e4345592a863bb9f8e3976219bac29417149c"),
    ("date_of_birth", "digits", "2/16/1997", "01acdbf6ec7b4f478a225f1a246e5d6767eeab1a7ffa17f025265b5b94f40f0c"),
]

# Snapchat's and TikTok's, documented or recomputed.
OTHERS = [
    ("email", "plain", "person@example.com", "542d240129883c019e106e3b1b2d3f3cb3537c43c425364de8e951d5a3083345"),
    ("phone", "digits", "+44 844 412 4653", "dc008fda46e2e64002cf2f82a4906236282d431c4f75e5b60bfe79fc48546383"),
    ("phone", "digits", "+44-0447-234-2344", "19f25a18866af88fc60189c3af85010a0b971cf976053787fe21e004538c20a0"),
    ("first_name", "letters", "john", "96d9632f363564cc3032521409cf22a852f2032eec099ed5967c0d000cec607a"),
    ("first_name", "letters", "raphaël", "e74bb89e718fe1e19c422a48382870399f8bf7ca8dfa008739e75b0be76627b7"),
    ("email", "plain", "abc@xyz.com", "ee278943de84e5d6243578ee1a1057bcce0e50daad9755f45dfa64b60b13bc5d"),
    ("phone", "e164", "+1555-555-5555", "910a625c4ba147b544e6bd2f267e130ae14c591b6ba9c25cb8573322dedbebd0"),
    ("external_id", "trimmed", " UserABC", "cf1c946b7e2c680eae1b76b911030ab8fa12f296c19b906e1896d7f88351c46e"),
]


def sealed(field: str, value: str, country: str | None = None) -> Person:
    return seal({field: value}, phone_country=country).person


@pytest.mark.parametrize(("field", "text", "digest"), GOOGLE)
def test_googles_vectors_hold(field: str, text: str, digest: str) -> None:
    assert sealed(field, text).digest(field, "google") == digest


@pytest.mark.parametrize(("text", "region", "digest"), PHONES)
def test_telephone_numbers_hold_with_their_region(text: str, region: str | None, digest: str) -> None:
    assert sealed("phone", text, region).digest("phone", "e164") == digest


@pytest.mark.parametrize(("field", "spelling", "text", "digest"), META + OTHERS)
def test_the_other_vendors_vectors_hold(field: str, spelling: str, text: str, digest: str) -> None:
    assert sealed(field, text).digest(field, spelling) == digest


@pytest.mark.parametrize(("field", "text", "country", "wanted"), PLACES)
def test_places_are_spelled_as_metas_documents_say(
    field: str, text: str, country: str | None, wanted: str | None
) -> None:
    spelled = {
        "city": lambda: city_letters(text),
        "region": lambda: region_code(text, country),
        "postal_code": lambda: postal(text, country),
        "country": lambda: (country_code(text) or "").lower() or None,
    }[field]()

    assert spelled == wanted
    assert digest_of(spelled) == (hashlib.sha256(wanted.encode()).hexdigest() if wanted else None)
