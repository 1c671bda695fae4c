"""What a browser says of an answer that it may keep."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import make_mocked_request

from gateway.web.keepable import has, takes_gzip


@pytest.mark.parametrize(
    ("said", "is_known"),
    [
        ('"a"', True),
        ('W/"a"', True),
        ('"b", W/"a"', True),
        ("*", True),
        ('"b"', False),
        ('"A"', False),
        ("a", False),
        ("", False),
    ],
)
def test_a_browser_that_has_it_names_its_tag(said: str, is_known: bool) -> None:
    assert has(make_mocked_request("GET", "/", headers={"If-None-Match": said}), 'W/"a"') == is_known


@pytest.mark.parametrize(
    ("said", "packed"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("gzip, deflate, br, zstd", True),
        ("gzip;q=0", False),
        ("br, gzip; q=0.000", False),
        ("identity", False),
        ("x-gzipped", False),
        ("", False),
    ],
)
def test_gzip_is_for_who_says_that_he_takes_it(said: str, packed: bool) -> None:
    assert takes_gzip(make_mocked_request("GET", "/", headers={"Accept-Encoding": said})) == packed
