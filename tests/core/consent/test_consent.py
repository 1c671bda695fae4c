"""Promises of gateway/core/consent: what each signal says, and which of them wins."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.consent import SIGNALS, at_door, denied_everywhere, region_default, settle, stricter, unread
from gateway.core.event import Consent, Grant, Purpose, Wire
from gateway.core.hit import Visitor
from gateway.core.site import ConsentPolicy

G, D, U = Grant.GRANTED, Grant.DENIED, Grant.UNKNOWN
ALL = [purpose.value for purpose in Purpose]
ADS = ["ad_storage", "ad_user_data", "ad_personalization"]
GRANTED = dict.fromkeys(ALL, "granted")
DENIED = dict.fromkeys(ALL, "denied")
MARKETING_ONLY = (
    "{stamp:%27aBc+/==%27%2Cnecessary:true%2Cpreferences:false%2Cstatistics:false%2Cmarketing:true%2Cver:1}"
)
ONETRUST_ADS_OFF = (
    "isGpcEnabled=0&version=202209.1.0&groups=C0001%3A1%2CC0002%3A1%2CC0003%3A1%2CC0004%3A0&geolocation=AT%3B9"
)


def grants(consent: Consent) -> list[Grant]:
    return [consent.of(purpose) for purpose in Purpose]


def ask(
    said: Mapping[str, Any] | None = None,
    *,
    wire: Wire = Wire.BROWSER,
    cookies: Mapping[str, str] | None = None,
    gpc: bool = False,
    country: str | None = None,
    policy: ConsentPolicy | None = None,
) -> Consent:
    visitor = Visitor(cookies=cookies or {}, gpc=gpc, country=country)
    return at_door(said, visitor, policy or ConsentPolicy(), wire)


# --- one signal ---------------------------------------------------------------------------------------


def test_the_default_answers_a_browser_where_nothing_speaks() -> None:
    consent = ask()

    assert grants(consent) == [D, D, D, D]
    assert consent.by == dict.fromkeys(ALL, "default")


def test_a_silent_server_copy_stays_unknown() -> None:
    consent = ask(wire=Wire.SERVER, policy=ConsentPolicy(default="granted"))

    assert grants(consent) == [U, U, U, U]
    assert consent.by == {}


def test_the_event_answers_for_the_purposes_it_names() -> None:
    consent = ask({"ad_storage": "granted", "analytics_storage": "denied"})

    assert grants(consent) == [G, D, D, D]
    assert consent.by == {
        "ad_storage": "event",
        "ad_user_data": "default",
        "ad_personalization": "default",
        "analytics_storage": "event",
    }


def test_a_server_copy_that_speaks_of_one_purpose_leaves_the_others_unknown() -> None:
    consent = ask({"ad_user_data": "denied"}, wire=Wire.SERVER)

    assert grants(consent) == [U, D, U, U]


@pytest.mark.parametrize(
    ("word", "grant"),
    [
        ("granted", G),
        (" Granted ", G),
        (True, G),
        ("true", G),
        ("1", G),
        (1, G),
        ("denied", D),
        ("DENIED", D),
        (False, D),
        ("false", D),
        ("0", D),
        (0, D),
        ("no", D),
        (" Opt-Out ", D),
        (1.0, G),
        (0.0, D),
        ("", U),
        ("  ", U),
        (None, U),
    ],
)
def test_a_word_is_read_however_it_is_spelled(word: Any, grant: Grant) -> None:
    assert ask({"ad_storage": word}, wire=Wire.SERVER).ad_storage is grant
    assert unread({"ad_storage": word, "tcf": "CP"}) == []


@pytest.mark.parametrize("word", ["yes", "grant", "unknown", 2, -1, 0.5, math.nan, 10**400, ["granted"], {"a": 1}, []])
@pytest.mark.parametrize("wire", Wire)
def test_a_word_that_cannot_be_read_is_a_refusal_whatever_the_default(word: Any, wire: Wire) -> None:
    consent = ask({**GRANTED, "ad_storage": word}, wire=wire, policy=ConsentPolicy(default="granted"))

    assert grants(consent) == [D, G, G, G]
    assert consent.by == dict.fromkeys(ALL, "event")
    assert unread({**GRANTED, "ad_storage": word}) == ["ad_storage"]


def test_a_word_that_cannot_be_read_speaks_of_its_own_purpose_only() -> None:
    assert grants(ask({"analytics_storage": "?"}, policy=ConsentPolicy(default="granted"))) == [G, G, G, D]
    assert grants(ask({"marketing": "?"}, policy=ConsentPolicy(default="granted"))) == [G, G, G, G]


@given(st.fixed_dictionaries({}, optional={name: st.sampled_from(["granted", "denied"]) for name in ALL}))
def test_words_mean_the_same_however_they_are_written(said: dict[str, str]) -> None:
    for wire in Wire:
        assert ask(said, wire=wire) == ask({name: f" {word.upper()}" for name, word in said.items()}, wire=wire)


@pytest.mark.parametrize("more", [{"gpc": True}, {"cookies": {"CookieConsent": "0"}}])
def test_the_plainest_words_do_not_silence_the_browser(more: dict[str, Any]) -> None:
    assert ask(GRANTED, **more).ad_storage is D
    assert ask(GRANTED, wire=Wire.SERVER, **more).ad_storage is G


def test_gpc_denies_the_ad_purposes_against_the_event() -> None:
    consent = ask(GRANTED, gpc=True)

    assert grants(consent) == [D, D, D, G]
    assert consent.by == {**dict.fromkeys(ADS, "gpc"), "analytics_storage": "event"}


def test_gpc_leaves_analytics_to_the_default() -> None:
    assert grants(ask(gpc=True, policy=ConsentPolicy(default="granted"))) == [D, D, D, G]


def test_gpc_can_be_switched_off() -> None:
    assert grants(ask(GRANTED, gpc=True, policy=ConsentPolicy(honour_gpc=False))) == [G, G, G, G]


def test_signals_of_the_connection_are_not_read_from_a_server() -> None:
    consent = ask(GRANTED, wire=Wire.SERVER, gpc=True, cookies={"CookieConsent": "0"})

    assert grants(consent) == [G, G, G, G]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", [D, D, D, D]),
        ("-1", [G, G, G, G]),
        (MARKETING_ONLY, [G, G, G, D]),
        ("{stamp:'x',necessary:true,preferences:true,statistics:true,marketing:false,method:'explicit'}", [D, D, D, G]),
        ("{stamp:%27reject%27%2C+necessary:true%2C+statistics:false%2C+marketing:false%2C+ver:1}", [D, D, D, D]),
        ('{"stamp":"x","statistics":true,"marketing":true}', [G, G, G, G]),
        ("{stamp:'-1',necessary:true,preferences:true,statistics:true,marketing:true,method:'implied'}", [G, G, G, G]),
        ("{necessary:true,statistics:true}", [U, U, U, G]),
        ("{marketing:true,marketing:false}", [D, D, D, U]),
        ("{marketing:false,marketing:true}", [D, D, D, U]),
        ("{marketing:truely}", [U, U, U, U]),
        ("{notmarketing:true}", [U, U, U, U]),
        ("marketing:true", [U, U, U, U]),
        ("1", [U, U, U, U]),
        ("", [U, U, U, U]),
        ("%", [U, U, U, U]),
    ],
)
def test_cookiebot_is_read(value: str, expected: list[Grant]) -> None:
    found = ask(cookies={"CookieConsent": value})

    answered = [purpose for purpose in ALL if found.by[purpose] == "cookiebot"]
    assert [found.of(p) if p.value in answered else U for p in Purpose] == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (ONETRUST_ADS_OFF, [D, D, D, G]),
        ("groups=C0001:1,C0002:0,C0004:1", [G, G, G, D]),
        ("isGpcEnabled%3D0%26groups%3DC0002%253A1%252CC0004%253A1", [G, G, G, G]),
        ('"groups=C0004%3A1"', [G, G, G, U]),
        ("groups=c0004:1", [G, G, G, U]),
        ("groups=C0004:1,C0004:0", [D, D, D, U]),
        ("groups=C0004:0&groups=C0004:1", [D, D, D, U]),
        ("groups=C0001:1,C0003:1", [U, U, U, U]),
        ("groups=C0004:2,C0002:", [U, U, U, U]),
        ("groups=", [U, U, U, U]),
        ("&".join(f"a{n}=1" for n in range(200)) + "&groups=C0004:1", [U, U, U, U]),
        ("junk", [U, U, U, U]),
        ("", [U, U, U, U]),
    ],
)
def test_onetrust_is_read(value: str, expected: list[Grant]) -> None:
    found = ask(cookies={"OptanonConsent": value})

    answered = [purpose for purpose in ALL if found.by[purpose] == "onetrust"]
    assert [found.of(p) if p.value in answered else U for p in Purpose] == expected


@pytest.mark.parametrize(
    ("cmp", "expected"),
    [
        ("auto", {"analytics_storage": "cookiebot", **dict.fromkeys(ADS, "onetrust")}),
        ("cookiebot", dict.fromkeys(ALL, "cookiebot")),
        ("onetrust", dict.fromkeys(ALL, "onetrust")),
        ("none", dict.fromkeys(ALL, "default")),
    ],
)
def test_only_the_named_platform_is_read(cmp: Any, expected: Mapping[str, str]) -> None:
    cookies = {"CookieConsent": MARKETING_ONLY, "OptanonConsent": ONETRUST_ADS_OFF}

    assert ask(cookies=cookies, policy=ConsentPolicy(cmp=cmp)).by == expected


# --- several signals ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "cookie", "gpc", "grant", "by"),
    [
        ("granted", "-1", False, G, "event"),
        ("granted", "0", False, D, "cookiebot"),
        ("denied", "-1", False, D, "event"),
        ("denied", "0", True, D, "event"),
        (None, "-1", True, D, "gpc"),
        (None, "0", True, D, "gpc"),
        (None, "-1", False, G, "cookiebot"),
        (None, None, False, D, "default"),
        ("granted", None, True, D, "gpc"),
    ],
)
def test_the_stricter_of_the_signals_wins(
    said: str | None, cookie: str | None, gpc: bool, grant: Grant, by: str
) -> None:
    consent = ask({"ad_storage": said}, cookies={} if cookie is None else {"CookieConsent": cookie}, gpc=gpc)

    assert (consent.ad_storage, consent.by["ad_storage"]) == (grant, by)


def test_a_default_of_denied_does_not_overrule_a_signal() -> None:
    assert grants(ask(GRANTED, policy=ConsentPolicy(default="denied"))) == [G, G, G, G]


# --- regions ------------------------------------------------------------------------------------------

EU_OPT_IN = ConsentPolicy(default="denied", regions={"US": "granted", "US-CA": "denied", "us-tx": "granted"})
US_SHOP = ConsentPolicy(default="granted", regions={"DE": "denied"})


@pytest.mark.parametrize(
    ("policy", "country", "answer"),
    [
        (EU_OPT_IN, "DE", "denied"),
        (EU_OPT_IN, "US-TX", "granted"),
        (EU_OPT_IN, "US-NY", "granted"),
        (EU_OPT_IN, "US-CA", "denied"),
        (EU_OPT_IN, "us-ca", "denied"),
        (EU_OPT_IN, "US", "denied"),  # might be California
        (EU_OPT_IN, None, "denied"),
        (US_SHOP, "US", "granted"),
        (US_SHOP, "DE", "denied"),
        (US_SHOP, "DE-BY", "denied"),
        (US_SHOP, None, "denied"),
        (US_SHOP, "", "denied"),
        (US_SHOP, "XX", "denied"),
        (US_SHOP, "ZZ", "denied"),
        (US_SHOP, "T1", "denied"),
        (US_SHOP, "Germany", "denied"),
        (ConsentPolicy(default="granted"), None, "granted"),
        (ConsentPolicy(default="denied", regions={"US": "granted"}), "US", "granted"),
        (ConsentPolicy(default="denied", regions={"US": "granted"}), None, "denied"),
    ],
)
def test_an_unclear_place_gets_the_strictest_answer_it_could_have(
    policy: ConsentPolicy, country: str | None, answer: str
) -> None:
    assert region_default(country, policy) == answer
    assert ask(country=country, policy=policy).ad_storage is Grant(answer)


# --- after the hold -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "grant"),
    [
        (ConsentPolicy(), D),
        (ConsentPolicy(default="granted"), G),
        (ConsentPolicy(server_silent="granted"), G),
        (ConsentPolicy(default="granted", server_silent="default"), G),
    ],
)
def test_silence_is_settled_by_the_site(policy: ConsentPolicy, grant: Grant) -> None:
    settled = settle(Consent(ad_storage=D, by={"ad_storage": "event"}), policy)

    assert grants(settled) == [D, grant, grant, grant]
    assert settled.by == {**dict.fromkeys(ALL[1:], "server_silent"), "ad_storage": "event"}


def test_what_is_known_is_not_settled_again() -> None:
    consent = ask(GRANTED, wire=Wire.SERVER)

    assert settle(consent, ConsentPolicy(default="denied")) == consent


@pytest.mark.parametrize(
    ("consent", "is_it"),
    [
        (ask(DENIED), True),
        (ask({**DENIED, "analytics_storage": "granted"}), False),
        (ask(DENIED | {"ad_storage": None}, wire=Wire.SERVER), False),
        (Consent(), False),
    ],
)
def test_denied_everywhere_means_nothing_granted_and_nothing_open(consent: Consent, is_it: bool) -> None:
    assert denied_everywhere(consent) is is_it


# --- the law of joining -------------------------------------------------------------------------------


@st.composite
def consents(draw: st.DrawFn) -> Consent:
    answers = {purpose: draw(st.sampled_from(Grant)) for purpose in ALL}
    names = st.sampled_from([None, *SIGNALS, "tcf", "gcs"])
    by = {purpose: draw(names) for purpose in ALL if answers[purpose] is not U}
    return Consent(**answers, by={purpose: name for purpose, name in by.items() if name is not None})


@pytest.mark.parametrize(
    ("one", "other", "named"),
    [
        ("event", "default", "event"),
        ("onetrust", "cookiebot", "cookiebot"),
        ("default", "a_later_signal", "default"),
        ("a_later_signal", "b_later_signal", "b_later_signal"),
        (None, "default", "default"),
        (None, None, None),
    ],
)
def test_of_equal_answers_one_signal_is_named_whatever_the_order(
    one: str | None, other: str | None, named: str | None
) -> None:
    a, b = (Consent(ad_storage=D, by={} if name is None else {"ad_storage": name}) for name in (one, other))

    assert stricter(a, b).by.get("ad_storage") == stricter(b, a).by.get("ad_storage") == named


@given(consents(), consents())
def test_joining_does_not_care_who_came_first(a: Consent, b: Consent) -> None:
    assert stricter(a, b) == stricter(b, a)


@given(consents(), consents(), consents())
def test_joining_does_not_care_how_copies_are_grouped(a: Consent, b: Consent, c: Consent) -> None:
    assert stricter(stricter(a, b), c) == stricter(a, stricter(b, c))


@given(consents())
def test_joining_a_copy_with_itself_changes_nothing(a: Consent) -> None:
    assert stricter(a, a) == a
    assert stricter(a, Consent()) == a


@given(consents(), consents())
def test_a_denial_is_never_lost_and_a_grant_never_invented(a: Consent, b: Consent) -> None:
    joined = stricter(a, b)

    for purpose in Purpose:
        sides = {a.of(purpose), b.of(purpose)}
        expected = D if D in sides else G if G in sides else U
        assert joined.of(purpose) is expected


@given(
    st.dictionaries(st.sampled_from([*ALL, "other"]), st.one_of(st.text(max_size=9), st.booleans(), st.none())),
    st.dictionaries(st.sampled_from(["CookieConsent", "OptanonConsent"]), st.text(max_size=80)),
    st.booleans(),
)
def test_the_door_always_answers_a_browser(said: dict[str, Any], cookies: dict[str, str], gpc: bool) -> None:
    consent = ask(said, cookies=cookies, gpc=gpc)

    assert U not in grants(consent)
    assert set(consent.by) == set(ALL)
    assert not (gpc and G in grants(consent)[:3])
