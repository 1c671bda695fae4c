"""What passes the door has no e-mail address in it, and is otherwise what it was, byte for byte."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.core.redact import REDACTED, has_email, redact, redact_deep

# The letters of addresses and the marks that end them, plain and encoded, so that odd neighbours meet often.
ATOMS = ["a", "Jo", "x.de", "é", "का", "1", ".", "-", "_", "+", "'", "redacted", "a@b.de", "c%40d.com", "2x.png", "40"]
MARKS = ['"', " ", "/", "//", "://", ":", "?", "&", "=", "#", "@", "%", ",", ";", "<", ">", "(", "\\", "|", "{", "%40"]
ENCODED = ["%2540", "%252540", "%25", "%22", "%2F", "%252F", "%3A", "%2B", "%20", "%C3%BC", "%2E", "%3A%2F%2F", "25"]
PIECES = st.sampled_from([*ATOMS, *MARKS, *ENCODED])
TEXTS = st.lists(PIECES, max_size=14).map("".join) | st.text()
LOCALS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,20}", fullmatch=True)
DOMAINS = st.from_regex(r"[a-z0-9]{1,10}(\.[a-z0-9]{1,8})?\.[a-z]{2,6}", fullmatch=True)
SIGNS = st.sampled_from(["@", "%40", "%2540", "%252540"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("jo@x.de", "redacted"),
        ("Jo.Doe+News@Sub.X-y.DE", "redacted"),
        ("o'brien_1~a@x.museum", "redacted"),
        ("Thanks, jo@x.de!", "Thanks, redacted!"),
        ("write to 'jo@x.de'.", "write to 'redacted'."),
        ("<jo@x.de>, (ann@y.org)", "<redacted>, (redacted)"),
        ("mailto:jo@x.de?subject=a", "mailto:redacted?subject=a"),
        ('"jo doe"@x.de', "redacted"),
        ("?m=%22jo%20doe%22%40x.de&x=1", "?m=redacted&x=1"),
        ('{"mail":"jo@x.de","n":1}', '{"mail":"redacted","n":1}'),
        ("müller@exämple.de", "redacted"),
        ("का@उदाहरण.भारत", "redacted"),
        ("m%C3%BCller%40ex%C3%A4mple.de&a=1", "redacted&a=1"),
        ("jo@xn--exmple-cua.de", "redacted"),
        ("jo%2Bnews%40x%2Ede", "redacted"),
        ("a@b@c.de", "redacted"),
        ("a@b.de@c.de", "redacted"),
        ("jo@x.de.2026-11", "redacted"),
        ("联系\uff1ajo@x.de\u3002", "联系\uff1aredacted\u3002"),
    ],
)
def test_an_address_in_free_text_becomes_redacted(text: str, expected: str) -> None:
    assert redact(text) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://x.de/p?mail=jo%40x.de&gclid=abc", "https://x.de/p?mail=redacted&gclid=abc"),
        ("https://x.de/p?mail=JO%40X.DE#gclid=abc", "https://x.de/p?mail=redacted#gclid=abc"),
        ("?mail=jo@x.de&gclid=a%2Bb%40c", "?mail=redacted&gclid=a%2Bb%40c"),
        ("?mail=jo%2540x.de&gclid=abc", "?mail=redacted&gclid=abc"),
        ("/unsubscribe/jo@x.de/now", "/unsubscribe/redacted/now"),
        (
            "?u=https%3A%2F%2Fx.de%2F%3Fmail%3Djo%2540x.de%26gclid%3Dabc",
            "?u=https%3A%2F%2Fx.de%2F%3Fmail%3Dredacted%26gclid%3Dabc",
        ),
        (
            "?u=%252Fp%253Fmail%253Djo%252540x.de%2526gclid%253Dabc",
            "?u=%252Fp%253Fmail%253Dredacted%2526gclid%253Dabc",
        ),
        ("https://jo:pass@shop.de/p?a=1", "https://shop.de/p?a=1"),
        ("https://jo@shop.de/p", "https://shop.de/p"),
        ("https://jo:p%40ss@localhost:8080/", "https://localhost:8080/"),
        ("?u=https%3A%2F%2Fjo%3Apass%40shop.de%2Fp%3Fa%3D1&b=2", "?u=https%3A%2F%2Fshop.de%2Fp%3Fa%3D1&b=2"),
        ("https://shop.de,jo@x.de", "https://shop.de,redacted"),
    ],
)
def test_a_url_loses_the_address_and_keeps_every_other_byte(url: str, expected: str) -> None:
    assert redact(url) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://www.google.com/maps/place/Berlin/@52.5170365,13.3888599,15z/data=!3m1",
        "https://medium.com/@user.name/story",
        "https://www.tiktok.com/@user.name/video/123?lang=de",
        "thanks @user.name and .@other.name",
        "?by=@user.name&via=%40user.name",
        "https://cdn.example/npm/@scope/pkg@1.2.3/dist/x.min.js",
        "https://x.de/img/logo@2x.png",
        "jo@localhost",
        "5 @ 3.50 EUR",
        "call +49 170 1234567 or 0800-555-0100",
        "?order=40&rate=25%&x=%40",
        "Ünïcode ohne Klammeraffe 40 % billiger",
    ],
)
def test_what_is_no_address_is_left_alone(text: str) -> None:
    assert redact(text) == text
    assert not has_email(text)


@settings(max_examples=200, deadline=None)
@given(LOCALS, SIGNS, DOMAINS, st.sampled_from(["", "?m=", "/", " ", "&a=1&m="]), st.sampled_from(["", "&g=1", "/x"]))
def test_every_ordinary_address_is_found_in_every_encoding(
    local: str, sign: str, domain: str, before: str, after: str
) -> None:
    cleaned = redact(f"{before}{local}{sign}{domain}{after}")

    assert cleaned == f"{before}{REDACTED}{after}"


@settings(max_examples=200, deadline=None)
@given(TEXTS)
@example('://"a b"@c.de:foo@d')
@example("?mail%3DJo%2540X.de")
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    once = redact(text)

    assert redact(once) == once
    assert not has_email(once)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.characters(exclude_characters="@%")))
def test_without_a_separator_the_text_is_the_same(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    "pattern",
    [
        "a",
        "a@",
        "@",
        "a.@",
        "%25",
        "%40",
        "://a",
        ":@",
        '"',
        '"a',
        "%22a",
        "a@b.",
        "a@b.c",
        ".",
        "%3a%2f%2fa",
        "'",
        "%",
    ],
)
@pytest.mark.timeout(60)
def test_a_hostile_megabyte_is_read_in_linear_time(pattern: str) -> None:
    hostile = (pattern * (1_000_000 // len(pattern) + 1))[:1_000_000] + "@"

    cleaned = redact(hostile)  # a quadratic pattern would need hours

    assert len(cleaned) <= len(hostile) + len(REDACTED)


def test_a_json_value_is_redacted_to_the_bottom_keys_included() -> None:
    value = {"a": ["jo@x.de", 1, None, True, {"ann@y.org": ("x%40y.de",)}], "b": 1.5}

    cleaned = redact_deep(value)

    assert cleaned == {"a": ["redacted", 1, None, True, {"redacted": ["redacted"]}], "b": 1.5}
    assert value["b"] == 1.5  # the original is untouched
    assert value["a"] == ["jo@x.de", 1, None, True, {"ann@y.org": ("x%40y.de",)}]


def test_a_value_nested_beyond_reason_neither_overflows_nor_leaks() -> None:
    deep: object = "jo@x.de"
    for _ in range(5_000):
        deep = [deep]

    assert "jo@x.de" not in repr(redact_deep(deep))
