"""The forms of texts: what is taken, how it is written afterwards, and that a refusal repeats nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway.settings import values

TAKEN: list[tuple[Callable[[str], Any], str, Any]] = [
    (values.host_port, "127.0.0.1:8080", ("127.0.0.1", 8080)),
    (values.host_port, "[::1]:0", ("::1", 0)),
    (values.host_port, ":80", ("0.0.0.0", 80)),
    (values.host_port, "localhost:65535", ("localhost", 65535)),
    (values.host_port, "10.0.0.1:80", ("10.0.0.1", 80)),
    (values.host_port, "gateway-1:80", ("gateway-1", 80)),
    (values.host_port, "1.shop.example:80", ("1.shop.example", 80)),
    (values.host_name, "T.Shop.Example.", "t.shop.example"),
    (values.host_name, "[2001:DB8::1]", "2001:db8::1"),
    (values.origin, "HTTPS://Shop.Example:443/", "https://shop.example"),
    (values.origin, "http://localhost:8080", "http://localhost:8080"),
    (values.origin, "http://[::1]:80", "http://[::1]"),
    (values.base_url, "http://127.0.0.1:9/meta/", "http://127.0.0.1:9/meta"),
    (values.upstream, "https://www.googletagmanager.com/gtag/js", "https://www.googletagmanager.com/gtag/js"),
    (values.upstream, "http://127.0.0.1:9/x.js", "http://127.0.0.1:9/x.js"),
    (values.path, "/", "/"),
    (values.path, "/m/x/", "/m/x"),
    (values.rate_per_s, "50/s", 50),
    (values.rate_per_s, "600/m", 10),
    (values.rate_per_s, "36/h", 0.01),
    (values.country, "de", "DE"),
    (values.region, "us-ca", "US-CA"),
    (values.currency, "eur", "EUR"),
    (values.cookie_domain, ".shop.example", "shop.example"),
    (values.cookie_domain, "auto", "auto"),
]
REFUSED: list[tuple[Callable[[str], Any], str]] = [
    (values.host_port, "8080"),
    (values.host_port, "host:65536"),
    (values.host_port, "::1:8080"),
    (values.host_port, "ho st:1"),
    (values.host_port, "h:\u0661"),
    (values.host_name, "https://t.shop.example"),
    (values.host_name, "t.shop.example:80"),
    (values.host_name, "*.shop.example"),
    (values.host_name, "-a.example"),
    (values.host_name, "shöp.example"),
    (values.host_name, ""),
    (values.host_port, "256.1.1.1:80"),
    (values.host_port, "127.1:80"),
    (values.host_port, "10:80"),
    (values.origin, "https://sh op.example"),
    (values.origin, "https://shop.example/path"),
    (values.origin, "shop.example"),
    (values.origin, "https://*"),
    (values.origin, "null"),
    (values.origin, "ftp://shop.example"),
    (values.origin, "https://shop.example:bad"),
    (values.base_url, "https://user:secret@x"),
    (values.base_url, "graph.facebook.com"),
    (values.base_url, "https://x?y=1"),
    (values.upstream, "http://www.googletagmanager.com/gtag/js"),
    (values.upstream, "https://x/y?id=1"),
    (values.path, "m"),
    (values.path, "/a b"),
    (values.path, "/a?b"),
    (values.path, "/../x"),
    (values.path, "//x"),
    (values.rate_per_s, "50"),
    (values.rate_per_s, "0/s"),
    (values.rate_per_s, "1.5/s"),
    (values.rate_per_s, "50/day"),
    (values.country, "UK"),
    (values.country, "XX"),
    (values.country, "DEU"),
    (values.region, "UK-ENG"),
    (values.region, "California"),
    (values.currency, "€"),
    (values.currency, "ZZZ"),
    (values.currency, "XXX"),
    (values.secret, "a secret\nof two lines"),
    (values.plain, "secret\0"),
    (values.folder, "/secret\0"),
    (values.name, "bad name"),
    (values.name, "-x"),
    (values.event_name, "1st"),
    (values.event_name, "x" * 65),
    (values.cookie_name, "a b"),
    (values.cookie_name, "__Host-x"),
    (values.header_name, "CF IPCountry:"),
    (values.network, "10.0.0.0/33"),
    (values.network, "ten"),
]


@pytest.mark.parametrize(("read", "text", "expected"), TAKEN)
def test_a_form_is_read(read: Callable[[str], Any], text: str, expected: object) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(("read", "text"), REFUSED)
def test_a_bad_form_is_refused_with_an_example_and_without_the_value(read: Callable[[str], Any], text: str) -> None:
    with pytest.raises(ValueError) as caught:
        read(text)

    said = str(caught.value)
    assert len(said) > 10
    assert "secret" not in said
    assert caught.value.__cause__ is None


def test_a_network_with_bits_behind_its_mask_is_corrected() -> None:
    with pytest.raises(ValueError, match=r"write 10\.0\.0\.0/8"):
        values.network("10.1.2.3/8")
