"""Promises of gateway/core/clickid.py."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core import clickid
from gateway.core.clickid import (
    GAD,
    LIFE_MS,
    MAX_COOKIE_CHARS,
    NAMES,
    NOTHING,
    Kept,
    Landing,
    acceptable,
    arrived,
    from_page,
    is_ahead,
    is_alive,
    nameless,
    newest,
    read,
    write,
    write_one,
)
from gateway.core.event import Campaign, Click

NOW = 1_700_000_000_000
SHOP = ("https://shop.example", "https://www.shop.example")
PAGE = "https://shop.example/l"
DAY = 19_675


def clicks(query: str) -> dict[str, str]:
    return dict(from_page(f"{PAGE}?{query}", None, SHOP).clicks)


def at(seconds: int, click_id: str = "X") -> Click:
    return Click(id=click_id, seen_ms=NOW + seconds * 1000)


# --- reading a page -----------------------------------------------------------------------------------


def test_every_platforms_parameter_is_read() -> None:
    query = (
        "fbclid=a&gclid=b&gbraid=c&wbraid=d&dclid=e&ttclid=E.C.P.f&ScCid=g&msclkid=0123456789abcdef0123456789ABCDEF"
        "&li_fat_id=i&epik=dj0y&twclid=k&rdt_cid=l&gad_source=1"
    )

    found = clicks(query)

    assert set(found) == NAMES
    assert (found["ttclid"], found["scid"], found["epik"]) == ("E.C.P.f", "g", "dj0y")


@pytest.mark.parametrize(
    ("click_id", "fits"),
    [
        ("dd4afe59d9b5163b9c7d9ab8a1c3c2c1", True),
        ("DD4AFE59-D9B5-163B-9C7D-9AB8A1C3C2C1", True),
        ("hello", False),
        ("dd4afe59d9b5163b9c7d9ab8a1c3c2c", False),
        ("dd4afe59d9b5163b9c7d9ab8a1c3c2c12", False),
        ("g" * 32, False),
    ],
)
def test_what_anybody_may_write_into_an_address_is_no_click_of_microsofts(click_id: str, *, fits: bool) -> None:
    assert clicks(f"msclkid={click_id}") == ({"msclkid": click_id} if fits else {})


def test_a_landing_from_a_google_ad_is_one_click_with_its_id() -> None:
    page = "aHR0cHM6Ly9zaG9wLmV4YW1wbGUvbA"  # https://shop.example/l

    assert clicks("gad_source=1&gad_campaignid=23&x=jo") == {"gad": f"1.23.{page}"}
    assert clicks("gad_campaignid=23") == {"gad": f".23.{page}"}
    assert clicks("gad_source=one") == clicks("gad_source=&gad_campaignid=") == {}
    long = from_page(f"{PAGE}{'o' * 300}?gad_source=5", None, SHOP)
    assert long.clicks == {"gad": "5."}
    assert newest({"gclid": at(0)}, {"gad": at(9, "1.23")}) == {"gad": at(9, "1.23")}
    assert read(write({"gad": at(9, f"1.23.{page}")}, DAY)[0]).clicks == {"gad": at(9, f"1.23.{page}")}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("fbclid=IwAR0AbC_x-Y", {"fbclid": "IwAR0AbC_x-Y"}),
        ("FBCLID=IwAR0AbC", {"fbclid": "IwAR0AbC"}),
        ("sccid=A-b", {"scid": "A-b"}),
        ("SCCID=A-b", {"scid": "A-b"}),
        ("scid=A-b", {}),  # Snapchat's browser id, not its click
        ("fbclid=a%2Eb", {"fbclid": "a.b"}),
        ("fbclid=a%252Eb", {}),  # decoded once, and only once
        ("fbclid=A.B", {"fbclid": "A.B"}),
        ("fbclid=", {}),
        ("fbclid", {}),
        ("fbclid=a;b c=d", {}),
        ("fbclid=a%3Bb%20c", {}),
        ("fbclid=a%0D%0ASet-Cookie:x", {}),
        ("fbclid=a+b", {}),
        ("fbclid=caf%C3%A9", {}),
        ("fbclid=%FF", {}),
        ("fbclid=1&fbclid=2", {"fbclid": "1"}),
        ("fbclid=&fbclid=2", {"fbclid": "2"}),
        ("fbclid=" + "a" * 500, {"fbclid": "a" * 500}),
        ("fbclid=" + "a" * 501, {}),
        ("gclid=" + "a" * 513, {}),
        ("gclid=a.b", {}),
        ("ttclid=" + "a" * 1024, {"ttclid": "a" * 1024}),
        ("ttclid=" + "a" * 1025, {}),
        ("a=1&&=&b", {}),
    ],
)
def test_a_click_id_passes_byte_for_byte_or_not_at_all(query: str, expected: dict[str, str]) -> None:
    assert clicks(query) == expected


@pytest.mark.parametrize(
    ("location", "referrer", "expected"),
    [
        (f"{PAGE}?fbclid=Q", None, {"fbclid": "Q"}),
        (PAGE, f"{PAGE}?fbclid=REF1", {"fbclid": "REF1"}),
        (f"{PAGE}?fbclid=Q", f"{PAGE}?fbclid=R", {"fbclid": "Q"}),
        (f"{PAGE}?fbclid=Q", f"{PAGE}?gclid=R", {"fbclid": "Q", "gclid": "R"}),
        (f"{PAGE}?gbraid=Q", f"{PAGE}?gclid=R", {"gbraid": "Q"}),  # ids of two clicks are not mixed
        (PAGE, "https://www.shop.example/?fbclid=R", {"fbclid": "R"}),
        (PAGE, "https://www.facebook.com/?fbclid=R", {}),
        (None, f"{PAGE}?fbclid=R", {"fbclid": "R"}),
        ("https://evil.example/?fbclid=Q", f"{PAGE}?fbclid=R", {}),
        ("https://shop.example.evil.example/?fbclid=Q", None, {}),
        ("http://shop.example/?fbclid=Q", None, {}),
        ("https://shop.example:8443/?fbclid=Q", None, {}),
        ("https://SHOP.example:443/?fbclid=Q", None, {"fbclid": "Q"}),
        ("https://shop.example@evil.example/?fbclid=Q", None, {}),
        ("/?fbclid=Q", None, {}),
        ("https://[broken/?fbclid=Q", None, {}),
        (f"{PAGE}#?fbclid=Frag", None, {}),
        (f"{PAGE}#fbclid=Frag", None, {}),
        (None, None, {}),
    ],
)
def test_only_the_sites_own_pages_are_read(
    location: str | None, referrer: str | None, expected: dict[str, str]
) -> None:
    assert from_page(location, referrer, SHOP).clicks == expected


def test_a_foreign_page_brings_no_campaign_either() -> None:
    assert from_page("https://evil.example/?utm_source=x", PAGE, SHOP) == NOTHING


def test_the_campaign_is_read() -> None:
    query = (
        "utm_source=news+letter&UTM_Medium=e-mail&utm_campaign=Fr%C3%BChling&utm_term=a%26b&utm_content=top&utm_id=42"
    )

    landing = from_page(f"{PAGE}?{query}", None, SHOP)

    assert landing == Landing(
        {}, Campaign(source="news letter", medium="e-mail", name="Frühling", term="a&b", content="top", id="42")
    )


def test_two_campaigns_are_not_mixed() -> None:
    landing = from_page(f"{PAGE}?utm_source=here", f"{PAGE}?utm_source=before&utm_term=old", SHOP)

    assert landing.campaign == Campaign(source="here")


@pytest.mark.parametrize("value", ["", "%20", "a%0Ab", "a%00"])
def test_a_campaign_holds_readable_text_or_nothing(value: str) -> None:
    assert from_page(f"{PAGE}?utm_source={value}", None, SHOP).campaign == Campaign()


def test_a_campaign_is_cut() -> None:
    assert from_page(f"{PAGE}?utm_source={'a' * 999}", None, SHOP).campaign.source == "a" * 256


@given(st.text(max_size=200))
def test_no_query_is_ever_an_exception_and_no_id_is_unsafe(query: str) -> None:
    for name, value in clicks(query).items():
        assert acceptable(name, value)
        assert re.fullmatch(r"[A-Za-z0-9._~-]+", value)


@pytest.mark.parametrize("said", ["", "utm_source=meta&utm_medium=paid&utm_campaign=Fr%C3%BChling+1&"])
@pytest.mark.parametrize("said_before", [False, True])
def test_an_ads_link_is_read_in_two_cuts(said: str, said_before: bool) -> None:
    query = f"{said}fbclid=IwAR0AbC_x-Y"
    if said_before:
        clickid._read_link(query)

    assert clickid._read_link(query) == clickid._read_query(PAGE, query)


@pytest.mark.parametrize(
    "query", ["gad_source=1&gclid=B", "fbclid=A&gclid=B", "q=1&gclid=B", "FBCLID=a", "gclid=%41", "a"]
)
def test_a_link_that_says_more_is_read_word_by_word(query: str) -> None:
    assert clickid._read_link(query) is None


WORDS = st.sampled_from(
    ["utm_source", "utm_id", "UTM_TERM", "fbclid", "gclid", "sccid", "gad_source", "q", "mc_eid", ""]
)
TEXTS = st.one_of(
    st.sampled_from(["meta", "%20", "a%0Ab", "a+b", "1", "a=b", "a;b"]), st.text("aZ09.~-_%é\x00 ", max_size=9)
)


@given(st.lists(st.builds("{}={}".format, WORDS, TEXTS) | WORDS, max_size=5).map("&".join))
def test_a_link_in_two_cuts_and_word_by_word_is_the_same(query: str) -> None:
    assert clickid._read_link(query) in (None, clickid._read_query(PAGE, query))


def test_only_so_many_campaigns_are_remembered_and_no_long_one() -> None:
    for number in range(2 * clickid._REMEMBERED):
        clickid._read_link(f"utm_id={number}&gclid=A")
    clickid._read_link(f"utm_id={'x' * clickid._REMEMBERED_CHARS}&gclid=A")

    assert 0 < len(clickid._campaigns) <= clickid._REMEMBERED
    assert max(map(len, clickid._campaigns)) < 20
    assert clickid._read_link("utm_id=5&gclid=A") == Landing({"gclid": "A"}, Campaign(id="5"))


# --- which click counts -------------------------------------------------------------------------------


def test_an_unchanged_id_keeps_the_moment_it_was_first_seen() -> None:
    known = {"fbclid": at(-500, "A")}

    assert arrived({"fbclid": "A"}, (known,), NOW) == known


def test_another_id_begins_now() -> None:
    assert arrived({"fbclid": "a"}, ({"fbclid": at(-500, "A")},), NOW) == {"fbclid": at(0, "a")}


def test_ids_of_one_click_share_their_moment() -> None:
    found = arrived({"gclid": "G", "wbraid": "W", "fbclid": "F"}, ({"gclid": at(-500, "G")}, {}), NOW)

    assert found == {"gclid": at(-500, "G"), "wbraid": at(-500, "W"), "fbclid": at(0, "F")}


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        (({"fbclid": at(0, "new")}, {"fbclid": at(-9, "old")}), {"fbclid": at(0, "new")}),
        (({"fbclid": at(-9, "old")}, {"fbclid": at(0, "new")}), {"fbclid": at(0, "new")}),
        (({"fbclid": at(0, "A")}, {"fbclid": at(-9, "A")}), {"fbclid": at(-9, "A")}),
        (({"fbclid": at(0, "mine")}, {"fbclid": at(0, "theirs")}), {"fbclid": at(0, "mine")}),
        (({"fbclid": at(0)}, {"gclid": at(-99)}), {"fbclid": at(0), "gclid": at(-99)}),  # never across platforms
        (({"gbraid": at(0)}, {"gclid": at(-99)}), {"gbraid": at(0)}),  # one click at Google ends the other
        (({"gbraid": at(0)}, {"gclid": at(-1)}), {"gbraid": at(0), "gclid": at(-1)}),  # the same click
        (({"gclid": at(0)}, {"dclid": at(-99)}), {"gclid": at(0), "dclid": at(-99)}),  # another product
    ],
)
def test_the_newest_click_of_a_platform_wins(sources: tuple[dict[str, Click], ...], expected: dict[str, Click]) -> None:
    assert newest(*sources) == expected


def test_a_click_lives_ninety_days() -> None:
    assert is_alive(Click(id="X", seen_ms=NOW - LIFE_MS + 1), NOW)
    assert not is_alive(Click(id="X", seen_ms=NOW - LIFE_MS), NOW)


def test_a_click_from_tomorrow_is_made_up() -> None:
    assert is_ahead(at(86_401), NOW)
    assert not is_ahead(at(86_400), NOW)


# --- our own cookie -----------------------------------------------------------------------------------


def test_the_cookie_is_spelled_newest_first() -> None:
    text, _ = write({"ttclid": at(-5, "E.C.P.1"), "fbclid": at(0, "IwAR0AbC")}, DAY)

    assert text == "1.19675.fbclid.1700000000.8.IwAR0AbC.ttclid.1699999995.7.E.C.P.1"


one_click = st.builds(
    Click,
    id=st.text(alphabet="ABCabc019_-", min_size=1, max_size=120),
    seen_ms=st.integers(0, 10**9).map(lambda seconds: seconds * 1000),
)
many_clicks = st.dictionaries(
    st.sampled_from(sorted(NAMES - {GAD, "msclkid"})), one_click
)  # these have forms of their own


@given(many_clicks, st.integers(0, 99_999))
def test_what_is_written_is_read_back(found: dict[str, Click], day: int) -> None:
    text, held = write(found, day)

    assert re.fullmatch(r"[A-Za-z0-9._~-]+", text)
    assert read(text) == Kept(held, day) == Kept(found, day)


@given(st.sampled_from(sorted(NAMES)), one_click, st.integers(0, 99_999))
def test_one_click_is_written_as_many_are(name: str, click: Click, day: int) -> None:
    assert write_one(name, click, day) == write({name: click}, day)[0]


@given(st.sampled_from(["ttclid", "fbclid", "epik", "twclid"]), st.text(alphabet="a.1~-", min_size=1, max_size=40))
def test_an_id_that_looks_like_the_cookie_itself_is_still_an_id(name: str, click_id: str) -> None:
    found = {name: at(0, click_id), "gclid": at(-1, "G")}

    assert read(write(found, DAY)[0]).clicks == found


def test_the_oldest_are_left_out_of_a_cookie_that_would_be_too_long() -> None:
    found = {name: at(-age, "a" * 900) for age, name in enumerate(("ttclid", "twclid", "scid", "epik", "rdt_cid"))}

    text, held = write(found, DAY)

    assert len(text) <= MAX_COOKIE_CHARS
    assert set(read(text).clicks) == set(held) == {"ttclid", "twclid", "scid"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, {}),
        ("", {}),
        ("1", {}),
        ("1.", {}),
        ("1.x.fbclid.1700000000.1.A", {}),
        ("2.19675.fbclid.1700000000.1.A", {}),
        ("1.19675.fbclid.1700000000.1.A", {"fbclid": "A"}),
        ("1.19675.fbclid.1700000000.2.A", {}),
        ("1.19675.fbclid.1700000000.1.AB", {}),
        ("1.19675.fbclid.1700000000.0.", {}),
        ("1.19675.fbclid.-5.1.A", {}),
        ("1.19675.fbclid.\u0661\u0667.1.A", {}),
        ("1.19675.fbclid.1700000000.3.A;B", {}),
        ("1.19675.other.1700000000.1.A.fbclid.1700000000.1.B", {"fbclid": "B"}),
        ("1.19675.gclid.1700000000.1.A.fbclid.junk", {"gclid": "A"}),
        ("1.19675.gclid.1700000000.3.A.B", {}),  # no dot in Google's
        ("1.19675.gclid.1.1.A.gclid.2.1.B.gclid.1.1.C", {"gclid": "B"}),
        ("1.19675" + ".fbclid.1700000000.1.A" * 999, {"fbclid": "A"}),
    ],
)
def test_a_tampered_cookie_is_read_as_far_as_it_can_be(value: str | None, expected: dict[str, str]) -> None:
    assert {name: click.id for name, click in read(value).clicks.items()} == expected


@given(st.text(alphabet="1.fbclidg0-9xé;\udcff", max_size=120))
def test_no_cookie_is_ever_an_exception(value: str) -> None:
    kept = read("1." + value)

    assert all(acceptable(name, click.id) for name, click in kept.clicks.items())


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example/?mc_eid=4f2c&gclid=Cj0", "https://a.example/?mc_eid=redacted&gclid=Cj0"),
        ("https://a.example/?x=1&_kx=Ab%2Fc.d#top", "https://a.example/?x=1&_kx=redacted#top"),
        ("https://a.example/?MKT_TOK=a&_hsenc=b", "https://a.example/?MKT_TOK=redacted&_hsenc=redacted"),
        ("https://a.example/?mc_cid=5&a_kx=1&q=mc_eid", "https://a.example/?mc_cid=5&a_kx=1&q=mc_eid"),
        ("https://a.example/?mc_eid=", "https://a.example/?mc_eid="),
        ("", ""),
        (None, None),
    ],
)
def test_keys_of_people_on_a_mails_link_are_told_to_nobody(url: str | None, expected: str | None) -> None:
    assert nameless(url) == expected
    assert nameless(nameless(url)) == expected


@pytest.mark.parametrize("key", ["mkt_to\N{KELVIN SIGN}", "_h\N{LATIN SMALL LETTER LONG S}enc", "MC_EID", "_Kx"])
def test_a_persons_key_is_found_in_any_letters(key: str) -> None:
    assert nameless(f"https://shop.example/?q=1&{key}=a1b2") == f"https://shop.example/?q=1&{key}=redacted"
