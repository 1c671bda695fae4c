from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import web
from multidict import CIMultiDict

from gateway.core.site import CookieNames
from gateway.web.connection import Connection
from tests.web.parts import VISITOR, directory


def request(*headers: tuple[str, str], peer: str = "127.0.0.1", target: str = "/") -> web.Request:
    """Return what the server makes of these lines: aiohttp's own test request cannot hold a byte above 0x7F."""
    return cast(web.Request, SimpleNamespace(headers=CIMultiDict(headers), remote=peer, secure=False, raw_path=target))


def connection(*headers: tuple[str, str], peer: str = "127.0.0.1", **server: Any) -> Connection:
    return Connection.of(request(*headers, peer=peer), directory(**server))


@pytest.mark.parametrize(
    ("header", "country"),
    [("de", "DE"), ("US-CA", "US-CA"), ("T1", None), ("", None), ("Germany", None), ("D\udce9", None)],
)
def test_country_is_the_trusted_proxys(header: str, country: str | None) -> None:
    said = ("CF-IPCountry", header)

    assert connection(said, country_header="cf-ipcountry").country == country
    assert connection(said, country_header="cf-ipcountry", peer="5.6.7.8").country is None
    assert connection(said).country is None


def test_forwarded_headers_are_believed_from_trusted_proxies_only() -> None:
    headers = (("Host", "Inner:8080"), ("X-Forwarded-For", VISITOR), ("X-Forwarded-Host", "T.shop.example:444"),
               ("X-Forwarded-Proto", "https"))  # fmt: skip

    trusted, stranger = connection(*headers), connection(*headers, peer="5.6.7.8")

    assert (trusted.address, trusted.host, trusted.secure) == (VISITOR, "t.shop.example", True)
    assert (stranger.address, stranger.host, stranger.secure) == ("5.6.7.8", "inner", False)


@pytest.mark.parametrize(
    ("host", "read"), [("[::1]:8080", "::1"), ("T.Shop.example.", "t.shop.example"), ("\udce9", "")]
)
def test_host_is_read_as_the_settings_spell_it(host: str, read: str) -> None:
    assert connection(("Host", host)).host == read


@pytest.mark.parametrize(
    ("target", "read"),
    [
        ("/i", "t.shop.example"),
        ("//evil.example/i", "t.shop.example"),
        ("http://evil.example/i", "evil.example"),
        ("HTTPS://Evil.example:8080?x", "evil.example"),
        ("http://t.shop.example@evil.example/", ""),
        ("http:///i", ""),
        ("gopher://t.shop.example/", ""),
        ("*", ""),
        ("evil.example:443", ""),
    ],
)
def test_target_that_names_a_host_stands_before_the_host_line(target: str, read: str) -> None:
    asked = request(("Host", "t.shop.example"), target=target)

    assert Connection.of(asked, directory()).host == read


@pytest.mark.parametrize(
    ("address", "own"), [("127.0.0.1", True), ("::1", True), (VISITOR, False), ("10.0.0.1", False)]
)
def test_loopback_is_the_visitors_address(address: str, own: bool) -> None:
    assert connection(("X-Forwarded-For", address)).is_loopback is own


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("de-DE,de;q=0.9,en;q=0.8", "de-DE"),
        ("en;q=0.5", "en"),
        ("*", None),
        ("\udce9", None),
        ("x" * 500, None),
        ("", None),
    ],
)
def test_language_is_the_first_tag(header: str, language: str | None) -> None:
    asked = request(("Accept-Language", header))

    assert connection().visitor(asked, CookieNames()).language == language


def test_every_text_of_a_visitor_is_scrubbed_and_bounded() -> None:
    asked = request(("User-Agent", "caf\udce9" + "x" * 5000), ("Referer", "https://a.example/\udcff"),
                    ("Cookie", "a=caf\udce9; b=2"), ("Cookie", "c=3"), ("Sec-GPC", "1"))  # fmt: skip

    visitor = connection().visitor(asked, CookieNames())

    assert visitor.user_agent is not None
    assert visitor.user_agent.startswith("caf\ufffdx")
    assert len(visitor.user_agent) == 1024
    assert visitor.referer == "https://a.example/\ufffd"
    assert visitor.cookies == {"a": "caf\ufffd", "b": "2", "c": "3"}
    assert visitor.gpc is True


def test_absent_headers_are_absent() -> None:
    visitor = connection().visitor(request(), CookieNames())

    assert (visitor.user_agent, visitor.referer, visitor.language, visitor.gpc, visitor.cookies) == (
        None,
        None,
        None,
        False,
        {},
    )
