"""Promises of gateway/core/domain.py."""

import pytest

from gateway.core.domain import (
    beginnings,
    cookie_domain,
    host_name,
    is_loopback,
    origin,
    page_address,
    registrable_domain,
)


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("t.shop.example", "shop.example"),
        ("shop.example", "shop.example"),
        ("www.example.com", "example.com"),
        ("a.b.example.com", "example.com"),
        ("example.co.uk", "example.co.uk"),
        ("shop.example.co.uk", "example.co.uk"),
        ("WWW.Example.COM", "example.com"),
        ("www.example.com.", "example.com"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("t.shop.com.au", "shop.com.au"),
    ],
)
def test_a_cookie_domain_is_the_registrable_one(host: str, domain: str) -> None:
    assert registrable_domain(host) == domain


@pytest.mark.parametrize(
    "host",
    [
        "co.uk",
        "com",
        "example",
        "localhost",
        "127.0.0.1",
        "192.168.1.5",
        "::1",
        "[::1]",
        "",
        ".",
        "a..b",
        "-a.example",
        "shop.github.io",
        "github.io",
        "a.shop.github.io",
        "shop.myshopify.com",
        "a b.example",
        "a;b.example",
    ],
)
def test_no_domain_is_given_where_a_cookie_must_be_host_only(host: str) -> None:
    assert registrable_domain(host) is None


@pytest.mark.parametrize(
    ("wanted", "host", "domain"),
    [
        ("auto", "t.shop.example", "shop.example"),
        ("shop.example", "t.shop.example", "shop.example"),
        (".Shop.Example", "t.shop.example", "shop.example"),
        ("t.shop.example", "t.shop.example", "t.shop.example"),
        ("eu.shop.example", "t.eu.shop.example", "eu.shop.example"),
        ("eu.shop.example", "t.shop.example", None),  # no parent of the host
        ("op.example", "t.shop.example", None),  # a suffix of the text, not of the name
        ("example", "t.shop.example", None),
        ("co.uk", "shop.co.uk", None),
        ("other.example", "t.shop.example", None),
        ("auto", "127.0.0.1", None),
        ("github.io", "shop.github.io", None),
        ("shop.github.io", "a.shop.github.io", None),
    ],
)
def test_a_wanted_domain_is_used_only_where_a_browser_takes_it(wanted: str, host: str, domain: str | None) -> None:
    assert cookie_domain(wanted, host, registrable_domain(host)) == domain


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("T.Shop.Example:8443", "t.shop.example"),
        ("shop.example.", "shop.example"),
        ("shop.example:", "shop.example"),
        ("[2001:DB8::1]:443", "2001:db8::1"),
        ("[::1]", "::1"),
        ("127.0.0.1:80", "127.0.0.1"),
        ("shop.example/path", None),
        ("shop.example:8x", None),
        ("user@shop.example", None),
        ("shop.example\r\nX: y", None),
        ("[::1", None),
        ("::1", None),
        (None, None),
        ("a" * 300, None),
    ],
)
def test_a_host_header_is_reduced_to_its_name(text: str | None, host: str | None) -> None:
    assert host_name(text) == host


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://Shop.Example/thanks?a=1", "https://shop.example"),
        ("https://shop.example:443/", "https://shop.example"),
        ("http://shop.example:8080/", "http://shop.example:8080"),
        ("https://user:pw@shop.example/", "https://shop.example"),
        ("https://shop.example@evil.example/", "https://evil.example"),
        ("https://[2001:db8::1]:8443/x", "https://[2001:db8::1]:8443"),
        ("//shop.example/x", None),
        ("/thanks?gclid=x", None),
        ("javascript:alert(1)", None),
        ("https://shop.example:99999/", None),
        ("https://[broken/", None),
        ("null", None),
        (None, None),
    ],
)
def test_an_origin_is_spelled_as_browsers_do(url: str | None, expected: str | None) -> None:
    assert origin(url) == expected


@pytest.mark.parametrize(
    ("host", "is_it"),
    [
        ("localhost", True),
        ("shop.localhost", True),
        ("127.0.0.1", True),
        ("::1", True),
        ("192.168.1.5", False),
        ("localhost.shop.example", False),
        ("", False),
    ],
)
def test_only_the_machine_itself_is_loopback(host: str, is_it: bool) -> None:
    assert is_loopback(host) is is_it


def test_urls_of_a_site_begin_as_browsers_spell_its_origins() -> None:
    origins = ("https://shop.example", "https://Shop.example", "https://shop.example:443", "http://[::1]")

    assert beginnings(origins) == ("https://shop.example/", "https://shop.example?", "https://shop.example#")


@pytest.mark.parametrize(
    ("url", "is_page"),
    [
        ("https://shop.example/a?b=c#d", True),
        ("http://localhost:8080", True),
        ("HTTPS://SHOP.EXAMPLE/", True),
        ("https://bücher.example?a=/", True),
        (f"https://{'a' * 200}.example/", True),
        *((url, False) for url in ("", " ", "/cart", "about:client", "javascript:void(0)", "file:///C:/x.html")),
        *(
            (url, False)
            for url in ("android-app://com.google.android.gm/", "//shop.example/", "https://", "https:///x")
        ),
        *((url, False) for url in ("https://?a=/b", "http://#/", "https://[::1/", "https://a b/", "https://:80/")),
    ],
)
def test_a_page_has_a_scheme_of_the_web_and_a_host(url: str, *, is_page: bool) -> None:
    assert page_address(url) == (url if is_page else None)
    assert page_address(None) is None


def test_a_host_without_end_takes_no_time_to_speak_of() -> None:
    assert page_address("https://" + "a." * 100_000 + "!") is None
