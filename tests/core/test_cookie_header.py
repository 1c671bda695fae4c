"""Promises of gateway/core/cookies.py: how the Cookie header is read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.cookies import _ordinary, from_headers
from gateway.core.site import CookieNames

ID = "1.AAAAAAAAAAAAAAAAAAAAAA.1690000000"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], {}),
        (["a=1; b=2"], {"a": "1", "b": "2"}),
        (["a=1;b=2"], {"a": "1", "b": "2"}),
        (["a=1", "b=2"], {"a": "1", "b": "2"}),
        (['a="1"'], {"a": "1"}),
        (["a=b=c"], {"a": "b=c"}),
        (["a; =x; ;b=2"], {"b": "2"}),
        (["a="], {"a": ""}),
        (["_fbp=first; _fbp=second"], {"_fbp": "first"}),
        (["_tw_id=x; _tw_id=y"], {"_tw_id": ""}),
        (["_tw_id=x; _tw_id=y; _tw_id=x"], {"_tw_id": ""}),
        (["_tw_id=x; _tw_id=x"], {"_tw_id": "x"}),
        (["_tw_click=x", "_tw_click=y"], {"_tw_click": ""}),
        (
            [f"CookieConsent={{stamp:%27a==%27%2Cmarketing:true}}; _tw_id={ID}"],
            {"CookieConsent": "{stamp:%27a==%27%2Cmarketing:true}", "_tw_id": ID},
        ),
    ],
)
def test_a_cookie_header_is_read(headers: list[str], expected: dict[str, Any]) -> None:
    assert from_headers(headers, CookieNames()) == expected


PAIRS = ("_tw_id=1", "_tw_id=2", "_fbp=fb.1.2.3", "_fbp=", "a=b=c==", "empty=", "=nameless", "=", "alone", "", " ",
         'q="x"', " _fbp=9", "_ga=GA1.1 2", "_ga =1", "_ga= 1", "_tw_click=1;_tw_click=2", "ö=1")  # fmt: skip


@given(st.lists(st.sampled_from(PAIRS), max_size=6), st.sampled_from(("; ", "; ", "; ", ";", ";  ", " ;")))
def test_cookies_of_a_plain_head_are_read_as_any_others(pairs: list[str], between: str) -> None:
    text = between.join(pairs)
    if text.isascii():
        assert list(from_headers([text], CookieNames(), is_plain=True).items()) == list(
            from_headers([text], CookieNames()).items()
        )


@given(st.text('ab=; "_', max_size=30))
def test_a_plain_line_of_any_kind_is_read_as_any_other(text: str) -> None:
    assert from_headers([text], CookieNames(), is_plain=True) == from_headers([text], CookieNames())


def test_what_browsers_send_is_read_the_short_way() -> None:
    line = "_tw_id=1.ed44886734e07c9644d472.1790000000; _ga_A=GS2.1.s1795300000$o7$g1; consent=a:1,b:2==; session=e70e"

    assert _ordinary(line) == from_headers([line], CookieNames())
