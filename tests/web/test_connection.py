from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from gateway.core.site import CookieNames
from gateway.web.connection import Connection
from gateway.web.directory import Directory
from gateway.web.head import Hit, read
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


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("1",), True),
        ((" 1 ",), True),
        (("1, 1",), True),
        (("0,1",), True),
        (("0", "1"), True),
        (("0",), False),
        (("",), False),
        (("11",), False),
        (("0, 0",), False),
        (("true",), False),
    ],
)
def test_privacy_control_is_heard_however_a_proxy_joined_it(lines: tuple[str, ...], said: bool) -> None:
    asked = request(*(("Sec-GPC", line) for line in lines))

    assert connection().visitor(asked, CookieNames()).gpc is said
    for line in lines[: len(lines) == 1]:
        hit = sent("Host: a", f"Sec-GPC: {line}")
        assert connection().visitor(hit, CookieNames(), is_plain=True).gpc is said


def test_absent_headers_are_absent() -> None:
    visitor = connection().visitor(request(), CookieNames())

    assert (visitor.user_agent, visitor.referer, visitor.language, visitor.gpc, visitor.cookies) == (
        None,
        None,
        None,
        False,
        {},
    )


def sent(*lines: str, peer: str | None = "127.0.0.1") -> Hit:
    hit = read("\r\n".join(("GET /i HTTP/1.1", *lines, "", "")).encode("utf-8", "surrogateescape"), peer)
    assert hit is not None
    return hit


HOSTS = ("T.Shop.example:8080", "t.shop.example.", "[::1]:80", "127.0.0.1", "", "caf\udce9", "a b", "_", "x" * 300)
ADDRESSES = (VISITOR, "127.0.0.9", "::1", "::ffff:1.2.3.4", "1.2.3.4:80", "1.2.3.04", "1.2.3.4, 127.0.0.1", "", "x")
SCHEMES = ("https", "http", "HTTPS", "https, http", "", "wss")
DIRECTORIES = (directory(), directory(country_header="cf-ipcountry"))


@given(
    st.sampled_from(HOSTS),
    st.sampled_from(("127.0.0.1", "5.6.7.8", "::1", "::ffff:5.6.7.8", None, "unix")),
    st.none() | st.sampled_from(ADDRESSES),
    st.none() | st.sampled_from(SCHEMES),
    st.none() | st.sampled_from(HOSTS),
    st.none() | st.sampled_from(("de", "US-CA", "", "Germany")),
    st.sampled_from(DIRECTORIES),
)
def test_an_ordinary_connection_is_read_as_any_other(
    host: str, peer: str | None, through: str | None, scheme: str | None, forwarded: str | None, country: str | None,
    tables: Directory,
) -> None:  # fmt: skip
    said = {"X-Forwarded-For": through, "X-Forwarded-Proto": scheme, "X-Forwarded-Host": forwarded,
            "CF-IPCountry": country}  # fmt: skip
    hit = sent(f"Host: {host}", *(f"{name}: {value}" for name, value in said.items() if value is not None), peer=peer)

    ordinary = Connection.ordinary(hit.remote, hit.headers, tables)

    if peer == "127.0.0.1" and (forwarded is not None or scheme not in (None, "http", "https")):
        assert ordinary is None
    assert ordinary is None or ordinary == Connection.of(hit, tables)


@pytest.mark.parametrize("line", ["X-Forwarded-Host: b", "X-Forwarded-Proto: HTTPS", "X-Forwarded-For: 1.2.3.4:80"])
def test_what_a_proxy_says_otherwise_is_read_at_length(line: str) -> None:
    hit = sent("Host: t.shop.example", line)

    assert Connection.ordinary(hit.remote, hit.headers, DIRECTORIES[0]) is None
    assert Connection.ordinary("5.6.7.8", hit.headers, DIRECTORIES[0]) == Connection.of(
        sent("Host: t.shop.example", line, peer="5.6.7.8"), DIRECTORIES[0]
    )


def test_what_a_proxy_passes_on_is_an_ordinary_connection() -> None:
    hit = sent("Host: t.shop.example", f"X-Forwarded-For: {VISITOR}", "X-Forwarded-Proto: https", "CF-IPCountry: de")

    assert Connection.ordinary(hit.remote, hit.headers, DIRECTORIES[1]) == Connection(
        VISITOR, "t.shop.example", "t.shop.example", True, False, "DE"
    )


@pytest.mark.parametrize("line", ["", "a=1; b=2", 'a="1"; a=2', "a = 1", "_tw_id=1; _tw_id=2", "=", ";"])
def test_a_plain_visitor_is_read_as_any_other(line: str) -> None:
    hit = sent("Host: a", f"Cookie: {line}", "User-Agent: A b", "Referer: /x", "Accept-Language: de", "Sec-GPC: 1")

    plain = connection().visitor(hit, CookieNames(), is_plain=True)

    assert hit.is_plain
    assert plain == connection().visitor(hit, CookieNames())
