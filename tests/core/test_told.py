"""Promises of gateway/core/told.py: one pattern for nearly every browser, with the answer of cookie by cookie."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.event import Click
from gateway.core.told import Told, _read_any, _read_ordinary, read
from gateway.core.vendor_cookies import NOTHING_RECALLED, Recalled

BROWSER = {
    "_tw_id": "1.kZ4uBq0yT1m8o2XfVhPz1A.1790000000",
    "_ga": "GA1.1.1234567890.1790000000",
    "_ga_ABC123DEF4": "GS2.1.s1795300000$o7$g1$t1795300500$j12$l0$h0",
    "_fbp": "fb.1.1790000000123.987654321098765432",
    "_fbc": "fb.1.1795200000123.IwAR0older_click",
    "_gcl_au": "1.1.1234567890.1795200000",
    "_ttp": "2abCDEfghIJklmNOPqrstUVwxyz",
    "session": "9f8b7a6c5d4e3f2a1b0c",
}


def test_a_browser_is_told_by_all_its_vendors() -> None:
    assert read(BROWSER) == Told(
        Recalled({"fbclid": Click(id="IwAR0older_click", seen_ms=1_795_200_000_123)}, {}),
        BROWSER["_fbp"],
        BROWSER["_fbc"],
        BROWSER["_ttp"],
        BROWSER["_gcl_au"],
        "1234567890.1790000000",
        "1795300000",
    )
    assert read({}) == read({"_fbp": "", "_ga_X": "", "a": "b"}) == Told(NOTHING_RECALLED)


@pytest.mark.parametrize("missing", [None, *BROWSER])
def test_an_ordinary_browser_is_read_by_the_one_pattern(missing: str | None) -> None:
    held = {name: value for name, value in BROWSER.items() if name != missing}

    assert _read_ordinary(held) == _read_any(held)


@pytest.mark.parametrize(
    "odd",
    [
        {"_gcl_aw": "GCL.1790000000.CjwK"},
        {"_scid": "ab26e27a-1a2b-4c3d-8e4f-5a6b7c8d9e0f"},
        {"FPAU": "1.1.5.1690000000", "_gcl_au": ""},
        {"_gac_UA-1": "1.1790000000.CjwK"},
        {"_ga_OTHER": "GS2.1.s1795300009$o7$g1$t1795300900$j12$l0$h0"},
        {"_ga_ABC123DEF4": "GS1.1.1795300000.1.1.1795300500.0.0.0"},
        {"_ga_ABC123DEF4": "GS2.1.s1795300000$o7$g1$t1795300500$j12.5"},
        {"_fbp": "fb.1.1790000000123.9876%2D5"},
        {"_fbp": "fb.1.1790000000123.1\nfb.1.1790000000123.2", "_fbc": ""},
        {"_ttp": "short"},
        {"_ga": "GA1.1.5"},
    ],
)
def test_what_is_out_of_the_ordinary_is_read_cookie_by_cookie(odd: dict[str, str]) -> None:
    assert _read_ordinary(BROWSER | odd) is None
    assert read(BROWSER | odd) == _read_any(BROWSER | odd)


NAMES = st.sampled_from([*BROWSER, "_ga_B", "_gac_UA-1", "_gat", "x_ga_y", "_gcl_aw", "FPAU", "ttclid", "_uetvid"])
NUMBERS = st.sampled_from(["", "0", "1", "12", "1790000000", "1790000000123", "9" * 13, "9" * 20, "-1"])
VALUES = st.one_of(
    st.sampled_from([*BROWSER.values(), ""]),
    st.builds(
        "fb.{}.{}.{}{}".format, NUMBERS, NUMBERS, NUMBERS, st.sampled_from(["", ".BA", ".AQYCAQMA", ".x", "%2D"])
    ),
    st.builds("1.{}.{}.{}{}".format, NUMBERS, NUMBERS, NUMBERS, st.text("09aZ._-\n", max_size=4)),
    st.builds("GA1.{}.{}.{}".format, NUMBERS, NUMBERS, NUMBERS),
    st.builds("GS2.{}.s{}$o{}$g{}$t{}${}".format, *[NUMBERS] * 5, st.text("jlhts01$.H\n", max_size=6)),
    st.text("aZ09_-.t\né", min_size=18, max_size=70),
    st.text(max_size=20),
)


@given(st.dictionaries(NAMES, VALUES))
def test_one_pattern_and_each_for_itself_tell_the_same(cookies: dict[str, str]) -> None:
    assert _read_ordinary(cookies) in (None, _read_any(cookies))


@given(st.sampled_from(sorted(BROWSER)), VALUES)
def test_one_cookie_that_is_another_tells_the_same(name: str, value: str) -> None:
    cookies = BROWSER | {name: value}

    assert _read_ordinary(cookies) in (None, _read_any(cookies))
