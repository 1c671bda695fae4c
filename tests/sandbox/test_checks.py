from __future__ import annotations

import hashlib

import pytest

from gateway.sandbox import checks
from gateway.sandbox.checks import Digest

GOOD = hashlib.sha256(b"mary").hexdigest()


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        (GOOD, Digest.GOOD),
        (GOOD.upper(), Digest.UPPER),
        (GOOD[:-1], Digest.READABLE),
        ("mary", Digest.READABLE),
        (hashlib.md5(b"mary", usedforsecurity=False).hexdigest(), Digest.READABLE),
        (hashlib.sha256(b"").hexdigest(), Digest.NOTHING),
        (hashlib.sha256(b"undefined").hexdigest().upper(), Digest.NOTHING),
        (None, Digest.NO_TEXT),
        (7, Digest.NO_TEXT),
    ],
)
def test_digest_is_told_from_all_else(value: object, seen: Digest) -> None:
    assert checks.digest(value) is seen


@pytest.mark.parametrize(
    ("value", "places"),
    [
        ("a@b.example", [""]),
        ({"u": "https://s.example/?m=a%40b.example"}, ["u"]),
        ({"u": ["x", "a%2540b.example"]}, ["u[1]"]),
        ({"u": "https://s.example/@48.85,2.29", "v": "redacted", "w": 7}, []),
    ],
)
def test_readable_addresses_are_found_wherever_they_hide(value: object, places: list[str]) -> None:
    assert list(checks.readable_emails(value)) == places


@pytest.mark.parametrize(
    ("value", "fits"),
    [("203.0.113.7", True), ("2001:db8::1", True), ("fe80::1%eth0", False), ("1.2.3", False), (1, False)],
)
def test_address_is_one_address(value: object, fits: bool) -> None:
    assert checks.is_address(value) is fits


@pytest.mark.parametrize(
    ("value", "fits"),
    [(0, True), (1.5, True), (True, False), (float("nan"), False), (float("inf"), False), ("1", False)],
)
def test_number_is_finite_and_no_truth(value: object, fits: bool) -> None:
    assert checks.is_number(value) is fits


@pytest.mark.parametrize(("value", "fits"), [("EUR", True), ("eur", True), ("EURO", False), ("XXX", False), (7, False)])
def test_currency_is_a_living_code(value: object, fits: bool) -> None:
    assert checks.is_currency(value) is fits


@pytest.mark.parametrize(
    ("value", "fits"),
    [("https://a.example/", True), ("a.example", False), ("http://[", False), ("ftp://a", False), (1, False)],
)
def test_page_is_an_http_address(value: object, fits: bool) -> None:
    assert checks.is_page(value) is fits
