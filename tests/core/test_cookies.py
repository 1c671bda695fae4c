"""Promises of gateway/core/cookies.py: one hit after another, as a browser would bring its cookies back."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.clickid import LIFE_MS, Landing, from_page, read
from gateway.core.cookies import NOTHING_NAMED, Jar, _fresh, _join, decide, from_headers, joined
from gateway.core.domain import registrable_domain
from gateway.core.event import Campaign, Click, Consent, Grant
from gateway.core.hit import SetCookie, Visitor
from gateway.core.site import CookieNames, Site
from gateway.core.vendor_cookies import NOTHING_RECALLED, Recalled

G, D, U = Grant.GRANTED, Grant.DENIED, Grant.UNKNOWN
DAY_MS = 86_400_000
NOW = 1_700_000_000_000
NOW_S = NOW // 1000
TODAY = NOW // DAY_MS
DICE = bytes(range(32))
EVERY_VENDOR = frozenset({"meta", "google", "tiktok"})
SITE = Site(name="shop", hosts=("t.shop.example",), origins=("https://shop.example",))
YES = Consent(ad_storage=G, ad_user_data=G, ad_personalization=G, analytics_storage=G)
NO = Consent(ad_storage=D, ad_user_data=D, ad_personalization=D, analytics_storage=D)
NOWHERE = Landing({}, Campaign())
PURPOSES = ("ad_storage", "ad_user_data", "ad_personalization", "analytics_storage")
ID = "1.AAAAAAAAAAAAAAAAAAAAAA.1690000000"


def hit(
    query: str = "",
    cookies: Mapping[str, str] | None = None,
    *,
    consent: Consent = YES,
    now_ms: int = NOW,
    host: str = "t.shop.example",
    secure: bool = True,
    site: Site = SITE,
    vendors: frozenset[str] = EVERY_VENDOR,
    dice: bytes = DICE,
    page_names: Mapping[str, str] = NOTHING_NAMED,
) -> Jar:
    return decide(
        site,
        Visitor(host=host, secure=secure, cookies=cookies or {}),
        from_page(f"https://shop.example/?{query}", None, SITE.origins),
        consent,
        now_ms=now_ms,
        dice=dice,
        registrable=registrable_domain(host),
        vendors=vendors,
        named=page_names,
    )


def named(jar: Jar) -> dict[str, SetCookie]:
    return {cookie.name: cookie for cookie in jar.set_cookies}


def kept(jar: Jar, before: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what the browser holds after this answer."""
    after = {**(before or {}), **{cookie.name: cookie.value for cookie in jar.set_cookies}}
    return {name: value for name, value in after.items() if name not in deleted(jar)}


def deleted(jar: Jar) -> set[str]:
    return {cookie.name for cookie in jar.set_cookies if cookie.max_age_s == 0}


# --- a first landing ----------------------------------------------------------------------------------


def test_a_first_landing_sets_every_cookie_in_its_format() -> None:
    jar = hit("fbclid=IwAR0AbC&gclid=CjwK&ttclid=E.C.P.x")

    values = kept(jar)
    assert re.fullmatch(rf"1\.[A-Za-z0-9_-]{{22}}\.{NOW_S}", values["_tw_id"])
    assert values["_tw_click"] == f"1.{TODAY}.fbclid.{NOW_S}.8.IwAR0AbC.gclid.{NOW_S}.4.CjwK.ttclid.{NOW_S}.7.E.C.P.x"
    assert re.fullmatch(rf"fb\.1\.{NOW}\.[1-9][0-9]{{17}}", values["_fbp"])
    assert values["_fbc"] == f"fb.1.{NOW}.IwAR0AbC"
    assert re.fullmatch(r"[0-9A-Za-z]{27}", values["_ttp"])
    assert values["_gcl_aw"] == f"GCL.{NOW_S}.CjwK"
    assert set(values) == {"_tw_id", "_tw_click", "_fbp", "_fbc", "_ttp", "_gcl_aw"}


def test_the_event_carries_what_was_found_and_what_was_minted() -> None:
    jar = hit("fbclid=IwAR0AbC", {"_gcl_au": "1.1.5.1690000000", "_ga": "GA1.1.4.5", "_ga_X": "GS2.1.s7$t8"})

    values = kept(jar)
    assert jar.clicks == {"fbclid": Click(id="IwAR0AbC", seen_ms=NOW)}
    assert jar.browser == {
        "fbp": values["_fbp"],
        "fbc": values["_fbc"],
        "ttp": values["_ttp"],
        "gcl_au": "1.1.5.1690000000",
        "ga_client_id": "4.5",
        "ga_session_id": "7",
    }
    assert jar.visitor == values["_tw_id"].split(".")[1]


def test_every_cookie_is_marked_as_the_contract_says() -> None:
    cookies = named(hit("fbclid=A&gclid=B"))

    assert {name: (cookie.max_age_s, cookie.http_only) for name, cookie in cookies.items()} == {
        "_tw_id": (400 * 86_400, True),
        "_tw_click": (90 * 86_400, True),
        "_fbp": (90 * 86_400, False),
        "_fbc": (90 * 86_400, False),
        "_ttp": (395 * 86_400, False),
        "_gcl_aw": (90 * 86_400, False),
    }
    assert {(cookie.domain, cookie.secure) for cookie in cookies.values()} == {("shop.example", True)}


@pytest.mark.parametrize(
    ("host", "secure", "domain", "is_secure"),
    [
        ("t.shop.example", True, "shop.example", True),
        ("t.shop.example", False, "shop.example", True),
        ("127.0.0.1", False, None, False),
        ("localhost", False, None, False),
        ("::1", False, None, False),
        ("127.0.0.1", True, None, True),
        ("192.168.1.5", False, None, True),
        ("shop.github.io", True, None, True),
    ],
)
def test_only_plain_localhost_goes_without_secure(host: str, secure: bool, domain: str | None, is_secure: bool) -> None:
    cookies = hit(host=host, secure=secure).set_cookies

    assert {(cookie.domain, cookie.secure) for cookie in cookies} == {(domain, is_secure)}


@pytest.mark.parametrize(
    ("host", "index"),
    [
        ("www.example.com", 1),
        ("a.b.example.com", 1),
        ("example.co.uk", 2),
        ("shop.example.co.uk", 2),
        ("shop.github.io", 2),
        ("localhost", 0),
        ("192.168.1.5", 0),
        ("::1", 0),
    ],
)
def test_metas_index_counts_the_cookies_domain(host: str, index: int) -> None:
    values = kept(hit("fbclid=X", host=host))

    assert values["_fbc"] == f"fb.{index}.{NOW}.X"
    assert values["_fbp"].startswith(f"fb.{index}.")


def test_names_and_domain_are_the_sites_own() -> None:
    site = dataclasses.replace(SITE, cookies=CookieNames(id="visit", click="hop"), cookie_domain="t.shop.example")

    cookies = named(hit("gclid=B", site=site, vendors=frozenset()))

    assert set(cookies) == {"visit", "hop"}
    assert {cookie.domain for cookie in cookies.values()} == {"t.shop.example"}
    assert deleted(hit(cookies={"visit": ID, "hop": "1.1.x"}, consent=NO, site=site)) == {"visit", "hop"}


@pytest.mark.parametrize(
    ("vendors", "minted"),
    [
        (set(), set()),
        ({"meta"}, {"_fbp", "_fbc"}),
        ({"tiktok"}, {"_ttp"}),
        ({"google"}, {"_gcl_aw"}),
    ],
)
def test_cookies_are_minted_for_the_sites_vendors_only(vendors: set[str], minted: set[str]) -> None:
    jar = hit("fbclid=A&gclid=B&ttclid=C", vendors=frozenset(vendors))

    assert set(named(jar)) == {"_tw_id", "_tw_click"} | minted


def test_the_browsers_names_of_other_vendors_are_carried_with_consent_and_never_minted() -> None:
    uuid = "ab26e27a-1a2b-4c3d-8e4f-5a6b7c8d9e0f"
    found = {"_scid": uuid, "_rdt_uuid": f"1690000000000.{uuid}", "_uetvid": "3" * 32}

    granted, denied = hit(cookies=found, vendors=frozenset()), hit(cookies=found, consent=NO)

    assert granted.browser == {"sc_cookie1": uuid, "rdt_uuid": found["_rdt_uuid"], "uetvid": found["_uetvid"]}
    assert denied.browser == {}
    assert not named(hit(vendors=EVERY_VENDOR)).keys() & found.keys()


@pytest.mark.parametrize(
    ("query", "cookies", "name", "click_id"),
    [
        ("ScCid=0b1c-2D", {}, "scid", "0b1c-2D"),
        ("sccid=0b1c-2d", {}, "scid", "0b1c-2d"),
        ("", {"_scclid": "0b1c-2d"}, "scid", "0b1c-2d"),
        ("", {"ttclid": "E.C.P.x"}, "ttclid", "E.C.P.x"),
        ("", {"_epik": "dj0yJnU9"}, "epik", "dj0yJnU9"),
        ("", {"_uetmsclkid": f"_uet{'0a' * 16}"}, "msclkid", "0a" * 16),
        ("", {"li_fat_id": "2b8f5d1c-9c3e"}, "li_fat_id", "2b8f5d1c-9c3e"),
        ("", {"_rdt_cid": "5689100356223"}, "rdt_cid", "5689100356223"),
        ("", {"twclid": "26l6412g5p4i"}, "twclid", "26l6412g5p4i"),
        ("", {"_twclid": f'{{"twclid":"26l6412g5p4i","timestamp":{NOW - 5000}}}'}, "twclid", "26l6412g5p4i"),
    ],
)
def test_a_click_is_told_and_kept_whoever_remembered_it(
    query: str, cookies: dict[str, str], name: str, click_id: str
) -> None:
    first = hit(query, cookies)
    again = hit("", kept(first))

    assert first.clicks[name].id == click_id
    assert again.clicks[name].id == click_id, "our own cookie keeps it when theirs is gone"


def test_what_a_vendors_script_set_is_carried_without_being_minted() -> None:
    found = {"_fbp": "fb.1.1690000000000.123", "_ttp": "2ABCdefGHIjklMNOpqrSTUvwxYZ.tt.1"}

    jar = hit(cookies=found, vendors=frozenset())

    assert jar.browser == {"fbp": found["_fbp"], "ttp": found["_ttp"]}
    assert set(named(jar)) == {"_tw_id"}


def test_no_click_means_no_click_cookie() -> None:
    assert "_tw_click" not in named(hit())


def test_no_two_values_of_a_hit_tell_of_each_other() -> None:
    values = kept(hit("fbclid=A"))
    others = kept(hit("fbclid=A", dice=bytes(32)))

    assert DICE.hex()[:8] not in " ".join(values.values())
    assert all(values[name] != others[name] for name in ("_tw_id", "_fbp", "_ttp"))
    assert kept(hit("fbclid=A")) == values


# --- coming back --------------------------------------------------------------------------------------


def test_a_second_hit_sets_nothing() -> None:
    before = kept(hit("fbclid=A&gclid=B&ttclid=E.C.P.x"))

    jar = hit("", before, now_ms=NOW + 60_000)

    assert jar.set_cookies == ()
    assert jar.visitor == before["_tw_id"].split(".")[1]
    assert {name: click.id for name, click in jar.clicks.items()} == {"fbclid": "A", "gclid": "B", "ttclid": "E.C.P.x"}
    assert (jar.browser["fbp"], jar.browser["fbc"]) == (before["_fbp"], before["_fbc"])


def test_the_same_click_again_is_never_stamped_again() -> None:
    before = kept(hit("fbclid=A&gclid=B"))

    jar = hit("fbclid=A&gclid=B", before, now_ms=NOW + 3_600_000)

    assert jar.set_cookies == ()
    assert jar.clicks["gclid"].seen_ms == NOW


def test_a_new_click_replaces_the_old_one_of_its_platform_only() -> None:
    before = kept(hit("fbclid=OLD&ttclid=T"))
    later = NOW + 60_000

    jar = hit("fbclid=NEW", before, now_ms=later)

    assert set(named(jar)) == {"_tw_click", "_fbc"}
    assert named(jar)["_fbc"].value == f"fb.1.{later}.NEW"
    assert jar.clicks == {"fbclid": Click(id="NEW", seen_ms=later), "ttclid": Click(id="T", seen_ms=NOW)}


def test_case_tells_two_clicks_apart() -> None:
    before = kept(hit("fbclid=IwAR0AbC"))

    assert named(hit("fbclid=iwar0abc", before))["_fbc"].value.endswith(".iwar0abc")


def test_lost_vendor_cookies_come_back_with_the_first_stamp() -> None:
    before = kept(hit("fbclid=A&gclid=B"))
    left = {name: before[name] for name in ("_tw_id", "_tw_click")}

    jar = hit("", left, now_ms=NOW + 60_000)

    assert set(named(jar)) == {"_fbp", "_fbc", "_ttp", "_gcl_aw"}
    assert (kept(jar)["_fbc"], kept(jar)["_gcl_aw"]) == (f"fb.1.{NOW}.A", f"GCL.{NOW_S}.B")


# --- renewal ------------------------------------------------------------------------------------------


def test_the_next_day_renews_ours_once_and_keeps_the_visitors_value() -> None:
    first = kept(hit("gclid=B"))

    jar = hit("", first, now_ms=NOW + DAY_MS)
    again = hit("", kept(jar, first), now_ms=NOW + DAY_MS + 60_000)

    assert {name: cookie.max_age_s for name, cookie in named(jar).items()} == {
        "_tw_id": 400 * 86_400,
        "_tw_click": 90 * 86_400,
    }
    assert named(jar)["_tw_id"].value == first["_tw_id"]
    assert read(named(jar)["_tw_click"].value).clicks == read(first["_tw_click"]).clicks
    assert again.set_cookies == ()


def test_a_new_click_on_a_day_already_renewed_leaves_the_visitor_alone() -> None:
    today = kept(hit("gclid=B", {"_tw_id": ID}))

    assert "_tw_id" not in named(hit("gclid=C", today, now_ms=NOW + 60_000))


def test_a_known_visitors_first_click_renews_the_visitor() -> None:
    assert named(hit("gclid=B", {"_tw_id": ID}))["_tw_id"].value == ID


def test_a_visitor_of_today_needs_no_renewal_today() -> None:
    organic = kept(hit())

    assert set(named(hit("ttclid=T", organic, now_ms=NOW + 60_000))) == {"_tw_click"}


def test_a_visitor_without_a_click_is_never_rewritten() -> None:
    assert "_tw_id" not in named(hit("", {"_tw_id": ID}, vendors=frozenset()))


def test_a_renewal_day_from_the_future_does_not_stop_renewal() -> None:
    jar = hit("", {"_tw_id": ID, "_tw_click": f"1.99999.gclid.{NOW_S - 60}.1.B"})

    assert read(named(jar)["_tw_click"].value).renewed_day == TODAY


# --- the visitor's id ---------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [ID, ID + ".x", ID + ".x.y-z_~"])
def test_a_valid_id_is_kept_whatever_follows_it(value: str) -> None:
    jar = hit(cookies={"_tw_id": value}, vendors=frozenset())

    assert (jar.visitor, jar.set_cookies) == ("A" * 22, ())


@pytest.mark.parametrize(
    "value",
    [
        "",
        "junk",
        "1.AAAA.1690000000",
        "2.AAAAAAAAAAAAAAAAAAAAAA.1690000000",
        "1.AAAAAAAAAAAAAAAAAAAAAA",
        "1.AAAAAAAAAAAAAAAAAAAAAA.x",
        "1.AAAAAAAAAAAAAAAAAAAAA;.1690000000",
        ID + ".x y",
        ID + "\r\nSet-Cookie: a=b",
        f"1.AAAAAAAAAAAAAAAAAAAAAA.{NOW_S + 200_000}",
    ],
)
def test_an_invalid_id_is_replaced(value: str) -> None:
    jar = hit(cookies={"_tw_id": value})

    assert jar.visitor not in (None, "A" * 22)
    assert named(jar)["_tw_id"].value == f"1.{jar.visitor}.{NOW_S}"


# --- clicks: age, tampering, vendors' memory ----------------------------------------------------------


def test_a_click_is_dropped_after_ninety_days_whatever_the_cookies_age() -> None:
    cookie = f"1.{TODAY}.fbclid.{(NOW - LIFE_MS) // 1000}.1.A.gclid.{NOW_S - 60}.1.B"

    jar = hit("", {"_tw_id": ID, "_tw_click": cookie})

    assert set(jar.clicks) == {"gclid"}
    assert set(read(named(jar)["_tw_click"].value).clicks) == {"gclid"}
    assert "fbc" not in jar.browser


def test_the_last_click_takes_the_cookie_with_it() -> None:
    cookie = f"1.{TODAY}.fbclid.{(NOW - LIFE_MS) // 1000}.1.A"

    assert deleted(hit("", {"_tw_click": cookie})) == {"_tw_click"}


def test_an_old_fbc_is_not_told() -> None:
    jar = hit("", {"_fbc": f"fb.1.{NOW - LIFE_MS}.A"})

    assert (dict(jar.clicks), jar.browser.get("fbc"), named(jar).get("_fbc")) == ({}, None, None)


@pytest.mark.parametrize(("query", "cookies"), [("ttclid=T", {}), ("", {"ttclid": "T"})])
def test_an_expired_id_does_not_begin_again_because_it_is_still_shown(query: str, cookies: dict[str, str]) -> None:
    first_s = (NOW - LIFE_MS) // 1000
    before = {"_tw_id": ID, "_tw_click": f"1.{TODAY - 1}.ttclid.{first_s}.1.T", **cookies}

    jar = hit(query, before)
    again = hit(query, kept(jar, before), now_ms=NOW + DAY_MS)

    assert (dict(jar.clicks), dict(again.clicks)) == ({}, {})
    assert read(kept(jar, before)["_tw_click"]).clicks["ttclid"].seen_ms == first_s * 1000


def test_a_click_from_the_future_is_nobodys() -> None:
    jar = hit("", {"_tw_click": f"1.{TODAY}.gclid.{NOW_S + 200_000}.1.B", "_gcl_aw": f"GCL.{NOW_S + 200_000}.C"})

    assert dict(jar.clicks) == {}
    assert "_tw_click" in deleted(jar)


@pytest.mark.parametrize(
    ("cookies", "name", "click"),
    [
        ({"_fbc": "fb.1.1699990000000.A.AQYCAQMA"}, "fbclid", Click(id="A", seen_ms=1_699_990_000_000)),
        ({"_gcl_aw": "GCL.1699990000.B"}, "gclid", Click(id="B", seen_ms=1_699_990_000_000)),
        ({"FPGCLAW": "2.1.kB$i1699990000$m1"}, "gclid", Click(id="B", seen_ms=1_699_990_000_000)),
        ({"_scclid": "S"}, "scid", Click(id="S", seen_ms=NOW)),
        ({"_uetmsclkid": f"_uet{'0a' * 16}"}, "msclkid", Click(id="0a" * 16, seen_ms=NOW)),
    ],
)
def test_where_ours_has_none_the_vendors_memory_serves(cookies: dict[str, str], name: str, click: Click) -> None:
    jar = hit("", cookies)

    assert jar.clicks == {name: click}
    assert set(read(named(jar)["_tw_click"].value).clicks) == {name}


def test_an_undated_id_keeps_the_moment_we_first_saw_it() -> None:
    before = {**kept(hit("", {"_scclid": "S"})), "_scclid": "S"}

    jar = hit("", before, now_ms=NOW + 60_000)

    assert (jar.clicks["scid"].seen_ms, jar.set_cookies) == (NOW, ())


def test_the_newer_of_ours_and_the_vendors_counts() -> None:
    ours = f"1.{TODAY}.gclid.{NOW_S - 100}.4.OURS"

    newer = hit("", {"_tw_id": ID, "_tw_click": ours, "_gcl_aw": f"GCL.{NOW_S - 10}.THEIRS"})
    older = hit("", {"_tw_id": ID, "_tw_click": ours, "_gcl_aw": f"GCL.{NOW_S - 500}.THEIRS"})

    assert newer.clicks["gclid"].id == "THEIRS"
    assert "_gcl_aw" not in named(newer)
    assert older.clicks["gclid"].id == "OURS"
    assert named(older)["_gcl_aw"].value == f"GCL.{NOW_S - 100}.OURS"


def test_an_undated_id_does_not_beat_a_dated_one() -> None:
    before = {"_tw_id": ID, "_tw_click": f"1.{TODAY}.ttclid.{NOW_S - 100}.4.OURS", "ttclid": "THEIRS"}

    assert hit("", before).clicks["ttclid"].id == "OURS"


def test_a_new_google_click_ends_the_other_kinds() -> None:
    before = kept(hit("gclid=OLD&wbraid=OLDW&dclid=D"))

    jar = hit("gbraid=NEW", before, now_ms=NOW + 60_000)

    assert {name: click.id for name, click in jar.clicks.items()} == {"gbraid": "NEW", "dclid": "D"}


# --- what the event names itself ----------------------------------------------------------------------


NAMED_COOKIES = {"fbp": "fb.1.1699990000000.123", "ttp": "2ABCdefGHIjklMNOPqrSTUvwxYZ"}


def test_an_absent_cookie_is_set_as_the_event_names_it() -> None:
    jar = hit(page_names=NAMED_COOKIES)

    assert (kept(jar)["_fbp"], kept(jar)["_ttp"]) == (NAMED_COOKIES["fbp"], NAMED_COOKIES["ttp"])
    assert jar.browser == NAMED_COOKIES


def test_a_named_cookie_replaces_none_and_is_set_for_the_sites_vendors_with_consent_only() -> None:
    held = {"_fbp": "fb.1.1690000000000.5", "_ttp": "0" * 27}

    known = hit("", held, page_names=NAMED_COOKIES)

    assert (set(named(known)), known.browser) == ({"_tw_id"}, {"fbp": held["_fbp"], "ttp": held["_ttp"]})
    assert set(named(hit(page_names=NAMED_COOKIES, vendors=frozenset()))) == {"_tw_id"}
    assert hit(page_names=NAMED_COOKIES, consent=NO) == Jar()


# --- fbc ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "cookie", "told", "written"),
    [
        ("", None, None, None),
        ("fbclid=IwAR0AbC", None, f"fb.1.{NOW}.IwAR0AbC", f"fb.1.{NOW}.IwAR0AbC"),
        ("fbclid=NEW", "fb.1.1699000000000.OLD", f"fb.1.{NOW}.NEW", f"fb.1.{NOW}.NEW"),
        ("fbclid=OLD", "fb.1.1699000000000.OLD", "fb.1.1699000000000.OLD", None),
        ("fbclid=OLD", "fb.3.1699000000000.OLD.AQYCAQMA", "fb.3.1699000000000.OLD.AQYCAQMA", None),
        ("", "fb.1.1699000000000.A.BA", "fb.1.1699000000000.A.BA", None),
        ("", "fb.1.1699000000000.A.ABC", None, None),
        ("", "fb.1.A", None, None),
        ("", "fb.1.1699000000000.A.BA.C", None, None),
        ("", "fb.1.abc.A", None, None),
        ("", "fb.1.1699000000000.", None, None),
        ("fbclid=X", "fb.1.abc.A", f"fb.1.{NOW}.X", f"fb.1.{NOW}.X"),
        ("fbclid=", None, None, None),
        ("fbclid=A.B", None, f"fb.1.{NOW}.A.B", None),  # told, and kept in ours: no reader of _fbc takes it apart
        ("fbclid=a;b c=d", None, None, None),
        ("fbclid=A&fbclid=B", None, f"fb.1.{NOW}.A", f"fb.1.{NOW}.A"),
        ("fbclid=a%3Bb%20c", None, None, None),
        ("", "fb.1.1699000000000.a%2Db", "fb.1.1699000000000.a-b", None),
    ],
)
def test_fbc_follows_metas_rules(query: str, cookie: str | None, told: str | None, written: str | None) -> None:
    jar = hit(query, {} if cookie is None else {"_fbc": cookie})

    assert (jar.browser.get("fbc"), kept(jar).get("_fbc")) == (told, written)


def test_a_dotted_fbclid_is_remembered_by_us() -> None:
    before = kept(hit("fbclid=A.B"))

    jar = hit("", before, now_ms=NOW + 60_000)

    assert jar.set_cookies == ()
    assert jar.browser["fbc"] == f"fb.1.{NOW}.A.B"


def test_fbp_never_changes_with_a_new_click() -> None:
    before = {"_fbp": "fb.1.1690000000000.123.AQYCAQMA"}

    jar = hit("fbclid=NEW", before)

    assert (jar.browser["fbp"], named(jar).get("_fbp")) == (before["_fbp"], None)


# --- consent ------------------------------------------------------------------------------------------


def test_denied_everywhere_a_newcomer_gets_nothing() -> None:
    jar = hit("fbclid=A&gclid=B", consent=NO)

    assert jar == Jar()


def test_withdrawal_deletes_ours_and_sets_nothing() -> None:
    before = kept(hit("fbclid=A&gclid=B"))

    jar = hit("fbclid=A", {**before, "_ga": "GA1.1.4.5", "_gcl_au": "1.1.5.1690000000"}, consent=NO)

    assert deleted(jar) == set(named(jar)) == {"_tw_id", "_tw_click"}
    assert {(c.value, c.domain, c.secure, c.http_only) for c in jar.set_cookies} == {("", "shop.example", True, True)}
    assert (jar.visitor, dict(jar.clicks), dict(jar.browser)) == (None, {}, {})


def test_where_nobody_spoke_the_browsers_cookies_stay_unread() -> None:
    before = kept(hit("fbclid=A&gclid=B"))
    silent = Consent(
        ad_storage=D, ad_user_data=D, ad_personalization=D, analytics_storage=D, by=dict.fromkeys(PURPOSES, "default")
    )

    assert hit("fbclid=A", before, consent=silent) == Jar()


@pytest.mark.parametrize("signal", ["event", "gpc", "cookiebot", "onetrust"])
def test_a_signal_takes_away_what_it_speaks_of_and_leaves_the_rest(signal: str) -> None:
    before = kept(hit("fbclid=A&gclid=B"))
    by = {**dict.fromkeys(PURPOSES, "default"), "ad_storage": signal}
    no_ads = Consent(ad_storage=D, ad_user_data=D, ad_personalization=D, analytics_storage=D, by=by)

    jar = hit("fbclid=A", before, consent=no_ads)

    assert deleted(jar) == set(named(jar)) == {"_tw_click"}
    assert (jar.visitor, dict(jar.clicks), dict(jar.browser)) == (None, {}, {})


@pytest.mark.parametrize(
    ("consent", "present", "gone", "carried"),
    [
        (Consent(ad_storage=D, analytics_storage=G), {"_tw_id"}, {"_tw_click"}, {"ga_client_id"}),
        (
            Consent(ad_storage=G, analytics_storage=D),
            {"_tw_click", "_fbp", "_fbc", "_ttp"},
            {"_tw_id"},
            {"fbp", "ttp", "fbc"},
        ),
        (Consent(ad_storage=U, analytics_storage=U), set(), set(), set()),
        (Consent(ad_storage=U, analytics_storage=G), {"_tw_id"}, set(), {"ga_client_id"}),
    ],
)
def test_each_cookie_needs_its_own_purpose(
    consent: Consent, present: set[str], gone: set[str], carried: set[str]
) -> None:
    newcomer = hit("fbclid=A", {"_ga": "GA1.1.4.5"}, consent=consent)
    known = hit("", {"_tw_id": ID, "_tw_click": f"1.{TODAY}.fbclid.{NOW_S - 60}.1.A"}, consent=consent)

    assert set(named(newcomer)) == present
    assert set(newcomer.browser) == carried
    assert deleted(known) == gone


@given(
    st.sampled_from([G, D, U]),
    st.sampled_from([G, D, U]),
    st.dictionaries(
        st.sampled_from(["_tw_id", "_tw_click", "_fbp", "_fbc", "_ttp", "_gcl_aw", "ttclid", "_ga", "_twclid"]),
        st.one_of(st.text(max_size=40), st.sampled_from([ID, "fb.1.1699000000000.A", f"1.{TODAY}.gclid.1.1.A"])),
    ),
    st.text(max_size=60),
)
def test_whatever_comes_only_safe_cookies_with_consent_are_set(
    ads: Grant, analytics: Grant, cookies: dict[str, str], query: str
) -> None:
    jar = hit(query, cookies, consent=Consent(ad_storage=ads, analytics_storage=analytics))

    for cookie in jar.set_cookies:
        assert re.fullmatch(r"[A-Za-z0-9._~-]*", cookie.value)
        assert cookie.max_age_s == 0 or (analytics if cookie.name == "_tw_id" else ads) is G
        assert cookie.max_age_s > 0 or cookie.name in cookies
    assert ads is G or not jar.clicks
    assert (jar.visitor is not None) is (analytics is G)
    settled = kept(jar, cookies)
    assert hit(query, settled, consent=Consent(ad_storage=ads, analytics_storage=analytics)).set_cookies == ()


# --- the events of one request ------------------------------------------------------------------------


def test_of_two_events_the_later_ones_cookies_count() -> None:
    first, second = hit("fbclid=A"), hit("fbclid=B", dice=bytes(32))

    assert joined(first.set_cookies, second.set_cookies, YES) == second.set_cookies
    assert joined(first.set_cookies, (), YES) == first.set_cookies


def test_what_the_later_event_denies_is_not_set_by_the_earlier() -> None:
    first = hit("fbclid=A&gclid=B")

    def left(consent: Consent) -> set[str]:
        return {cookie.name for cookie in joined(first.set_cookies, (), consent)}

    ours = {"_tw_id", "_tw_click"}
    by_default = Consent(ad_storage=D, analytics_storage=D, by=dict.fromkeys(PURPOSES, "default"))
    assert left(NO) == left(Consent(ad_storage=D, analytics_storage=G)) == ours
    assert left(Consent(ad_storage=G, analytics_storage=D)) == left(by_default) == set(named(first))


# --- a landing that brings all there is to know -------------------------------------------------------


def test_a_new_click_before_an_older_one_of_the_vendors_is_all_there_is_to_know() -> None:
    landing, older = Landing({"fbclid": "NEW"}, Campaign()), {"fbclid": Click(id="OLD", seen_ms=NOW - 1)}

    assert _fresh(NOW, landing, NOTHING_RECALLED) == ("fbclid", Click(id="NEW", seen_ms=NOW))
    assert _fresh(NOW, landing, Recalled(older, {})) == ("fbclid", Click(id="NEW", seen_ms=NOW))


@pytest.mark.parametrize(
    ("shown", "stamped"),
    [
        ({}, {}),
        ({"fbclid": "A", "gclid": "B"}, {}),
        ({"fbclid": "A"}, {"fbclid": Click(id="A", seen_ms=NOW - 1)}),
        ({"fbclid": "A"}, {"fbclid": Click(id="B", seen_ms=NOW + 1)}),
        ({"fbclid": "A"}, {"gclid": Click(id="B", seen_ms=NOW - 1)}),
    ],
)
def test_what_has_to_be_weighed_is_not_taken_as_fresh(shown: dict[str, str], stamped: dict[str, Click]) -> None:
    assert _fresh(NOW, Landing(shown, Campaign()), Recalled(stamped, {})) is None
    assert _fresh(NOW, Landing({"fbclid": "A"}, Campaign()), Recalled({}, {"ttclid": "T"})) is None


NAMED = st.sampled_from(["fbclid", "gclid", "gbraid", "ttclid"])
SHORT = st.sampled_from(["A", "B", "A.B", "C" * 1024])
STAMPS = st.sampled_from([NOW - LIFE_MS, NOW - 1, NOW, NOW + 1, NOW + 2 * DAY_MS]) | st.integers(0, 2 * NOW)


@given(
    st.dictionaries(NAMED, SHORT, max_size=2),
    st.dictionaries(NAMED, st.builds(Click, id=SHORT, seen_ms=STAMPS), max_size=2),
    st.dictionaries(NAMED, SHORT, max_size=1),
)
def test_what_is_fresh_is_what_joining_comes_to(
    shown: dict[str, str], stamped: dict[str, Click], bare: dict[str, str]
) -> None:
    landing, recalled = Landing(shown, Campaign()), Recalled(stamped, bare)

    fresh = _fresh(NOW, landing, recalled)

    assert fresh is None or dict([fresh]) == _join(NOW, {}, landing, recalled)


# --- the Cookie header (how it is read: test_cookie_header.py) ----------------------------------------


def test_a_duplicated_id_is_nobodys() -> None:
    jar = hit(cookies=from_headers([f"_tw_id={ID}; _tw_id={ID.replace('A', 'B')}"], CookieNames()))

    assert jar.visitor not in ("A" * 22, "B" * 22)
    assert named(jar)["_tw_id"].max_age_s > 0
