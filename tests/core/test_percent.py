"""core/percent.py: the same answers as the standard library's."""

import urllib.parse

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.percent import unquote, unquote_plus

PIECES = st.sampled_from("% %4 %40 %e4 %E4 %BD %a0 %f0%9f%98 %80 %zz + a ü \x00 %C3".split(" "))
TEXTS = st.one_of(st.lists(PIECES).map("".join), st.text())


@given(TEXTS)
def test_decodes_as_the_standard_library_does(text: str) -> None:
    assert urllib.parse.unquote(text) == unquote(text)
    assert urllib.parse.unquote_plus(text) == unquote_plus(text)


def test_bytes_that_are_no_utf8_become_replacement_characters() -> None:
    assert "a\N{REPLACEMENT CHARACTER}b" == unquote("a%E4b")
