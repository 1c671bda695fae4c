"""Promises of gateway/core/vendor_cookies.py. Captured values are shortened, their shape is kept."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core import vendor_cookies
from gateway.core.event import Click
from gateway.core.vendor_cookies import (
    NOTHING_RECALLED,
    Held,
    MetaCookie,
    Recalled,
    gcl_click,
    gcl_text,
    google_browser,
    held,
    meta_cookie,
    meta_text,
    microsoft_browser,
    reddit_browser,
    snap_browser,
    tiktok_browser,
    visitors,
)

OLD = 1_600_000_000_000


def recall(cookies: Mapping[str, str]) -> Recalled:
    return vendor_cookies.recall(cookies, is_rare=held(cookies).is_rare)


def analytics(cookies: Mapping[str, str]) -> Mapping[str, str]:
    return vendor_cookies.analytics(cookies, held(cookies).sessions)


@pytest.mark.parametrize(
    ("value", "payload"),
    [
        ("fb.1.1600000000000.IwAR0AbC", "IwAR0AbC"),
        ("fb.2.1600000000000.A.BA", "A"),
        ("fb.1.1600000000000.A.AQYCAQMA", "A"),
        ("fb.0.1600000000000.a%2Db", "a-b"),
        ("fb.1.1600000000000.A.ABC", None),
        ("fb.1.1600000000000", None),
        ("fb.1.A", None),
        ("fb.1.1600000000000.A.BA.C", None),
        ("fb.1.abc.A", None),
        ("fb.x.1600000000000.A", None),
        ("fb.1.1600000000000.", None),
        ("fb.1.1600000000000..AQIAAQMC", None),
        ("fc.1.1600000000000.A", None),
        ("fb.1.1600000000000.a%3Bb%20c", None),
        ("fb.1.1600000000000.A\r\n", None),
        ("fb.1.1600000000000." + "a" * 501, None),
        ("", None),
        (None, None),
    ],
)
def test_metas_cookies_have_four_or_five_parts(value: str | None, payload: str | None) -> None:
    found = meta_cookie(value)

    assert (found.payload if found else None) == payload


def test_metas_cookie_keeps_its_bytes_and_its_fifth_part() -> None:
    text = "fb.1.1778869247376.52390506499288804.AQYCAQMA"

    assert meta_cookie(text) == MetaCookie(text, 1_778_869_247_376, "52390506499288804")


def test_a_cookie_stamped_in_seconds_is_not_taken_for_an_old_one() -> None:
    found = meta_cookie("fb.1.1600000000.A")

    assert found == MetaCookie("fb.1.1600000000.A", OLD, "A")


def test_metas_cookie_is_spelled() -> None:
    assert meta_text(1, OLD, "IwAR0AbC") == "fb.1.1600000000000.IwAR0AbC"


@pytest.mark.parametrize(
    ("value", "click"),
    [
        ("GCL.1600000000.CjwK_x-Y", Click(id="CjwK_x-Y", seen_ms=OLD)),
        ("GCL.1600000000.CjwK.label.more", Click(id="CjwK", seen_ms=OLD)),
        ("1.1600000000.CjwK", Click(id="CjwK", seen_ms=OLD)),
        ("2.1.kCjwK$i1600000000$m1", Click(id="CjwK", seen_ms=OLD)),
        ("2.1.i1600000000$kCjwK", Click(id="CjwK", seen_ms=OLD)),
        ("2.1.kCjwK%24i1600000000", Click(id="CjwK", seen_ms=OLD)),
        ("GCL.x.CjwK", None),
        ("GCL.1600000000.", None),
        ("GCL.1600000000.a;b", None),
        ("2.1.kCjwK", None),
        ("2.1.i1600000000", None),
        ("2.1.k$i1600000000", None),
        ("GCL.1600000000." + "a" * 513, None),
        ("", None),
        (None, None),
    ],
)
def test_both_spellings_of_googles_click_cookie_are_read(value: str | None, click: Click | None) -> None:
    assert gcl_click(value, "gclid") == click


def test_googles_click_cookie_is_spelled_in_seconds() -> None:
    assert gcl_text(OLD + 999, "CjwK") == "GCL.1600000000.CjwK"


@pytest.mark.parametrize(
    ("cookie", "value", "name", "click_id"),
    [
        ("_fbc", "fb.1.1600000000000.F.AQYCAQMA", "fbclid", "F"),
        ("_gcl_aw", "GCL.1600000000.G", "gclid", "G"),
        ("FPGCLAW", "2.1.kG$i1600000000$m1", "gclid", "G"),
        ("_gac_UA-1-1", "1.1600000000.G", "gclid", "G"),
        ("_gcl_gb", "GCL.1600000000.W", "wbraid", "W"),
        ("FPGCLGB", "2.1.kW$i1600000000", "wbraid", "W"),
        ("_gac_gb_UA-1-1", "1.1600000000.W", "wbraid", "W"),
        ("_gcl_ag", "2.1.kB$i1600000000", "gbraid", "B"),
        ("FPGCLAG", "2.1.kB$i1600000000", "gbraid", "B"),
        ("_gcl_dc", "GCL.1600000000.D", "dclid", "D"),
        ("FPGCLDC", "GCL.1600000000.D", "dclid", "D"),
        ("_twclid", "%7B%22twclid%22%3A%222-x%22%2C%22timestamp%22%3A1600000000000%7D", "twclid", "2-x"),
    ],
)
def test_a_click_is_recalled_with_the_vendors_stamp(cookie: str, value: str, name: str, click_id: str) -> None:
    found = recall({cookie: value})

    assert (found.stamped, found.bare) == ({name: Click(id=click_id, seen_ms=OLD)}, {})


@pytest.mark.parametrize(
    ("cookie", "value", "name", "click_id"),
    [
        ("ttclid", "E.C.P.x", "ttclid", "E.C.P.x"),
        ("_scclid", "b1c2-d3", "scid", "b1c2-d3"),
        ("_uetmsclkid", f"_uet{'0a' * 16}", "msclkid", "0a" * 16),
        ("li_fat_id", "a-b-c", "li_fat_id", "a-b-c"),
        ("_epik", "dj0yJnU9", "epik", "dj0yJnU9"),
        ("twclid", "2-x", "twclid", "2-x"),
        ("_rdt_cid", "123", "rdt_cid", "123"),
    ],
)
def test_a_bare_click_is_recalled_without_a_time(cookie: str, value: str, name: str, click_id: str) -> None:
    found = recall({cookie: value})

    assert (found.stamped, found.bare) == ({}, {name: click_id})


def test_of_two_google_cookies_the_newer_counts() -> None:
    found = recall({"FPGCLAW": "2.1.kNEW$i1600000009", "_gcl_aw": "GCL.1600000000.OLD", "_gac_UA-1": "1.1600000001.X"})

    assert found.stamped["gclid"].id == "NEW"


@pytest.mark.parametrize(
    ("cookie", "value"),
    [
        ("_fbc", "fb.1.1600000000000.A.B.C"),
        ("ttclid", "a b"),
        ("ttclid", "a%0Ab"),
        ("_uetmsclkid", "_uet"),
        ("_twclid", '{"twclid":"x"}'),
        ("_twclid", '{"twclid":5,"timestamp":1}'),
        ("_twclid", '{"twclid":"x","timestamp":true}'),
        ("_twclid", '{"twclid":"x","timestamp":-5}'),
        ("_twclid", '["x"]'),
        ("_twclid", "{"),
        ("_twclid", "\udcff"),
        ("_gcl_au", "1.1.123.1600000000"),
        ("_gcl_xx", "GCL.1600000000.G"),
    ],
)
def test_what_is_not_a_click_is_not_recalled(cookie: str, value: str) -> None:
    assert recall({cookie: value}) == NOTHING_RECALLED


@pytest.mark.parametrize(
    ("cookies", "expected"),
    [
        ({"_ga": "GA1.1.402987297.1658756505"}, {"ga_client_id": "402987297.1658756505"}),
        ({"_ga": "GA1.2-2.402987297.1658756505"}, {"ga_client_id": "402987297.1658756505"}),
        ({"_ga": "GA1.1.402987297"}, {}),
        ({"_ga_ABC": "GS1.1.1662476698.1.1.1662478229.0.0.0"}, {"ga_session_id": "1662476698"}),
        ({"_ga_ABC": "GS2.1.s1746060000$o3$g1$t1746069819$j60$l0$h0"}, {"ga_session_id": "1746060000"}),
        ({"_ga_ABC": "GS2.1.t1746069819$s1746060000"}, {"ga_session_id": "1746060000"}),
        (
            {"_ga_A": "GS1.1.100.1.1.200.0.0.0", "_ga_B": "GS2.1.s150$t300", "_ga_C": "GS2.1.s190$t250"},
            {"ga_session_id": "150"},
        ),
        ({"_ga_ABC": "GS2.1.o3$t1"}, {}),
        ({"_ga_ABC": "GS2.1.sx$t1"}, {}),
        ({"_ga_ABC": "junk", "_ga": ""}, {}),
    ],
)
def test_googles_client_and_session_are_read(cookies: dict[str, str], expected: dict[str, str]) -> None:
    assert analytics(cookies) == expected


@pytest.mark.parametrize(
    ("cookies", "expected"),
    [
        ({"_gcl_au": "1.1.2054335917.1659447846"}, "1.1.2054335917.1659447846"),
        ({"FPAU": "1.1.2054335917.1659447846"}, "1.1.2054335917.1659447846"),
        ({"_gcl_au": "1.1.1.2.-.-.3.4.5.6"}, "1.1.1.2.-.-.3.4.5.6"),
        ({"_gcl_au": "1.1.x"}, None),
        ({"_gcl_au": "1.1.1.2;x"}, None),
        ({}, None),
    ],
)
def test_googles_linker_is_read(cookies: dict[str, str], expected: str | None) -> None:
    assert google_browser(cookies) == expected


@pytest.mark.parametrize(
    ("value", "is_it"),
    [
        ("2ABCdefGHIjklMNOpqrSTUvwxYZ", True),
        ("2ABCdefGHIjklMNOpqrSTUvwxYZ.tt.1", True),
        ("short", False),
        ("2ABCdefGHIjklMNOpqrSTUvwxYZ;x=y", False),
        ("", False),
        (None, False),
    ],
)
def test_tiktoks_browser_id_is_read_as_it_came(value: str | None, is_it: bool) -> None:
    assert tiktok_browser(value) == (value if is_it else None)


@given(
    st.dictionaries(
        st.sampled_from(["_fbc", "_gcl_aw", "FPGCLAG", "_gac_x", "_twclid", "ttclid", "_ga", "_ga_X", "_gcl_au"]),
        st.text(alphabet='fb.GCL12$ki%{}"twclid:,x;\n\udcff', max_size=60),
    )
)
def test_no_cookie_is_ever_an_exception(cookies: dict[str, str]) -> None:
    recall(cookies)
    analytics(cookies)
    google_browser(cookies)


UUID = "ab26e27a-1a2b-4c3d-8e4f-5a6b7c8d9e0f"


@pytest.mark.parametrize(
    ("value", "is_one"),
    [
        (UUID, True),
        (UUID.upper(), True),
        (UUID[:-1], False),
        (f"1795305600250.{UUID}", False),
        (UUID + "\r\n", False),
        ("", False),
        (None, False),
    ],
)
def test_snaps_cookie_is_a_uuid(value: str | None, is_one: bool) -> None:
    assert snap_browser(value) == (value if is_one else None)


@pytest.mark.parametrize(
    ("value", "is_one"),
    [
        (f"1795305600250.{UUID}", True),
        (UUID, True),
        (f"17953056.{UUID}", False),
        (f"1795305600250.{UUID}.x", False),
        ("1795305600250.", False),
        (None, False),
    ],
)
def test_reddits_cookie_is_a_uuid_behind_its_moment(value: str | None, is_one: bool) -> None:
    assert reddit_browser(value) == (value if is_one else None)


@pytest.mark.parametrize(
    ("value", "is_one"),
    [
        ("30dc9760d69811f08bf59b7550261e73", True),
        ("30dc9760d69811f08bf59b7550261e7", False),
        (UUID, False),
        ("", False),
    ],
)
def test_microsofts_cookie_is_32_hex_digits(value: str, is_one: bool) -> None:
    assert microsoft_browser(value) == (value if is_one else None)


def test_browsers_are_told_by_the_contracts_names_and_nothing_else() -> None:
    told = visitors({"_scid": UUID, "_rdt_uuid": f"1795305600250.{UUID}", "_uetvid": "3" * 32, "_ga": "GA1.1.1.1"})

    assert told == {"sc_cookie1": UUID, "rdt_uuid": f"1795305600250.{UUID}", "uetvid": "3" * 32}
    assert visitors({"_scid": "<script>", "_uetvid": "x"}) == {}


@given(st.text(max_size=80))
def test_no_text_breaks_the_readers_of_browsers(value: str) -> None:
    for name, told in visitors({"_scid": value, "_rdt_uuid": value, "_uetvid": value}).items():
        assert told.isascii(), name


@pytest.mark.parametrize(
    ("cookie", "is_rare", "sessions"),
    [
        ("_fbp", False, []),
        ("_ga", False, []),
        ("_ga_X", False, ["_ga_X"]),
        ("x_ga_y", False, []),
        ("_gac_UA-1", True, []),
        ("_gcl_aw", True, []),
        ("_twclid", True, []),
        ("_rdt_cid", True, []),
        ("_uetvid", True, []),
    ],
)
def test_one_look_tells_which_cookies_there_are(cookie: str, is_rare: bool, sessions: list[str]) -> None:
    assert held({"session": "1", cookie: "x"}) == Held(is_rare, sessions)
