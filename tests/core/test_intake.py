from __future__ import annotations

from typing import Any

import msgspec
import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.core.event import Browser, Click, Event, Grant, Item, Veto, Wire
from gateway.core.hit import SetCookie, Visitor
from gateway.core.intake import Taken, remembering, take
from gateway.core.outcome import Refused
from gateway.core.wires.draft import Refusal
from gateway.core.wires.pixel import read as read_query
from gateway.core.wires.vocabulary import KNOWN
from tests.core.wires.makers import DENIED, DICE, GRANTED, NOW_MS, hit, site

ALL = frozenset({"meta", "google", "tiktok"})


def taken(fields: dict[str, Any], wire: Wire = Wire.BROWSER, **more: Any) -> Taken:
    result = take(hit({"event": "purchase", **fields}, wire, **more), site(), vendors=ALL)
    assert isinstance(result, Taken), result
    return result


def event(fields: dict[str, Any], wire: Wire = Wire.BROWSER, **more: Any) -> Event:
    copy = taken(fields, wire, **more).copy
    assert isinstance(copy, Event)
    return copy


def test_landing_becomes_an_event_with_cookies() -> None:
    result = taken(
        {
            "event": "page_view",
            "event_id": "pv-1",
            "consent": GRANTED,
            "page_location": "https://shop.example/?gclid=Cj0&utm_source=news",
        }
    )

    copy = result.copy
    assert isinstance(copy, Event)
    assert (copy.site, copy.name, copy.event_id, copy.id_made) == ("shop", "page_view", "pv-1", False)
    assert (copy.wires, copy.at_ms, copy.received_ms) == ((Wire.BROWSER,), NOW_MS, NOW_MS)
    assert copy.clicks == {"gclid": Click(id="Cj0", seen_ms=NOW_MS)}
    assert copy.campaign.source == "news"
    assert (copy.browser.ip, copy.browser.language) == ("81.2.69.142", "de-DE")
    assert {"_tw_id", "_tw_click", "_fbp", "_gcl_aw"} <= {cookie.name for cookie in result.set_cookies}
    assert copy.browser.cookies["fbp"] == next(c.value for c in result.set_cookies if c.name == "_fbp")


def test_what_is_refused_stays_refused() -> None:
    result = take(hit({"event": "§"}), site(), vendors=ALL)

    assert isinstance(result, Refusal)
    assert result.reason is Refused.EVENT


def test_nothing_readable_of_the_person_is_in_the_event() -> None:
    copy = event({"consent": GRANTED, "user": {"email": "jo.doe@gmail.com", "first_name": "Zacharias", "city": "Köln"}})

    stored = msgspec.json.encode(copy).decode()
    assert "gmail" not in stored
    assert "zacharias" not in stored.lower()
    assert copy.person.city == "Köln"
    assert copy.person.digest("email", "plain") is not None


def test_denied_everywhere_leaves_a_veto_that_names_nobody() -> None:
    fields = {"event_id": "ord-1", "transaction_id": "1001", "consent": DENIED, "user": {"email": "jo@shop.example"},
              "ids": {"gclid": "Cj0"}, "page_location": "https://shop.example/?gclid=Cj0"}  # fmt: skip
    for wire in Wire:
        result = taken(fields, wire)

        assert isinstance(result.copy, Veto)
        assert (result.copy.event_id, result.copy.transaction_id) == ("ord-1", "1001")
        assert result.set_cookies == ()
        assert b"Cj0" not in msgspec.json.encode(result.copy)


def test_denied_everywhere_deletes_our_cookies_and_sets_none() -> None:
    first = taken({"consent": GRANTED, "page_location": "https://shop.example/?fbclid=IwAR0"})
    visitor = remembering(hit({}).visitor, first.set_cookies)

    result = taken({"consent": DENIED}, visitor=visitor)

    assert {cookie.name for cookie in result.set_cookies} == {"_tw_id", "_tw_click"}
    assert all(cookie.max_age_s == 0 for cookie in result.set_cookies)


def test_silent_server_copy_is_no_veto_and_stays_unknown() -> None:
    copy = event({}, Wire.SERVER)

    assert copy.consent.ad_storage is Grant.UNKNOWN


def test_event_id_is_made_when_absent_and_tells_nothing_of_the_visitor() -> None:
    result = taken({"consent": GRANTED})
    again = taken({"consent": GRANTED}, dice=bytes(32))

    assert isinstance(result.copy, Event)
    assert result.copy.id_made
    assert len(result.copy.event_id) == 22
    assert result.copy.event_id != again.copy.event_id
    visitor = next(cookie.value for cookie in result.set_cookies if cookie.name == "_tw_id").split(".")[1]
    assert visitor != result.copy.event_id


def test_server_copy_has_only_what_it_was_given() -> None:
    visitor = Visitor(
        ip="5.6.7.8", user_agent="python-requests/2", host="t.shop.example", cookies={"_fbp": "fb.1.1795305600000.123"}
    )
    fields = {
        "timestamp": NOW_MS / 1000 - 60,
        "client": {"ip": "81.2.69.142", "user_agent": "Mozilla/5.0"},
        "ids": {"gclid": "Cj0", "fbp": "fb.1.1795305600000.456"},
    }

    result = taken(fields, Wire.SERVER, visitor=visitor)

    assert isinstance(result.copy, Event)
    assert result.set_cookies == ()
    assert result.copy.bot is None
    assert result.copy.browser == Browser(
        ip="81.2.69.142", user_agent="Mozilla/5.0", cookies={"fbp": "fb.1.1795305600000.456"}
    )
    assert result.copy.clicks == {"gclid": Click(id="Cj0", seen_ms=NOW_MS - 60_000)}


def test_server_tells_clicks_by_its_page_too() -> None:
    copy = event({"page_location": "https://shop.example/?gclid=page&ttclid=T", "ids": {"gclid": "named"}}, Wire.SERVER)

    assert {name: click.id for name, click in copy.clicks.items()} == {"gclid": "named", "ttclid": "T"}


def test_named_ids_stand_before_remembered_ones_and_the_same_id_keeps_its_first_moment() -> None:
    first = taken({"consent": GRANTED, "page_location": "https://shop.example/?gclid=old&ttclid=T"})
    visitor = remembering(hit({}).visitor, first.set_cookies)
    later = {"consent": GRANTED, "ids": {"gclid": "new", "ttclid": "T", "fbp": "fb.1.1795305600000.9"}}

    copy = event(later, visitor=visitor, now_ms=NOW_MS + 60_000)

    assert copy.clicks["gclid"] == Click(id="new", seen_ms=NOW_MS + 60_000)
    assert copy.clicks["ttclid"] == Click(id="T", seen_ms=NOW_MS)
    assert copy.browser.cookies["fbp"] == "fb.1.1795305600000.9"


def test_identifiers_of_a_denied_purpose_are_not_carried() -> None:
    consent = {**DENIED, "analytics_storage": "granted"}
    ids = {"gclid": "Cj0", "fbp": "fb.1.1795305600000.9", "ga_client_id": "1.2"}
    for wire in Wire:
        copy = event({"consent": consent, "ids": ids, "page_location": "https://shop.example/?fbclid=x"}, wire)

        assert copy.clicks == {}
        assert copy.browser.cookies == {"ga_client_id": "1.2"}


def test_private_address_is_not_told() -> None:
    visitor = replace(hit({}).visitor, ip="10.0.0.1")

    assert event({"consent": GRANTED}, visitor=visitor).browser.ip is None
    assert event({"client": {"ip": "127.0.0.1"}}, Wire.SERVER).browser.ip is None


def test_an_e_mail_address_in_an_agent_is_told_to_nobody() -> None:
    for said in ("Mozilla/5.0 (jo@shop.example)", "Mozilla/5.0 (jo%40shop.example)"):
        visitor = replace(hit({}).visitor, user_agent=said)

        assert event({"consent": GRANTED}, visitor=visitor).browser.user_agent == "Mozilla/5.0 (redacted)"
        assert event({"client": {"user_agent": said}}, Wire.SERVER).browser.user_agent == "Mozilla/5.0 (redacted)"
    longest = replace(hit({}).visitor, user_agent="a@b.co " * 146)
    assert len(event({"consent": GRANTED}, visitor=longest).browser.user_agent or "") == 1024


def test_a_crawler_is_told_by_its_address_all_the_same() -> None:
    visitor = replace(hit({}).visitor, user_agent="Mozilla/5.0 (X11; help@dataminr.com)")

    copy = event({"consent": GRANTED}, visitor=visitor)

    assert (copy.bot, copy.browser.user_agent) == ("crawler", "Mozilla/5.0 (X11; redacted)")


def test_a_page_that_names_its_cookies_is_told_by_them_and_gets_them() -> None:
    result = taken({"consent": GRANTED, "ids": {"fbp": "fb.1.1795305600000.9"}})

    assert isinstance(result.copy, Event)
    assert result.copy.browser.cookies["fbp"] == "fb.1.1795305600000.9"
    assert [c.value for c in result.set_cookies if c.name == "_fbp"] == ["fb.1.1795305600000.9"]


def test_machine_is_marked_on_the_browsers_wire_only() -> None:
    visitor = replace(hit({}).visitor, user_agent="Googlebot/2.1 (+http://www.google.com/bot.html)")

    assert event({"consent": GRANTED}, visitor=visitor).bot is not None
    assert event({"consent": GRANTED}).bot is None
    assert event({}, Wire.SERVER, visitor=visitor).bot is None


def test_own_campaign_replaces_the_pages_as_a_whole() -> None:
    fields = {"consent": GRANTED, "page_location": "https://shop.example/?utm_source=a&utm_term=b"}

    copy = event({**fields, "campaign": {"source": "c"}})

    assert (copy.campaign.source, copy.campaign.term) == ("c", None)


def test_warnings_of_the_wire_and_of_the_person_both_arrive() -> None:
    result = taken({"consnt": 1, "user": {"email": "no address"}})

    assert len(result.warnings) == 2


def test_events_of_one_request_agree_on_every_id() -> None:
    first = taken({"consent": GRANTED, "page_location": "https://shop.example/?gclid=Cj0"})
    visitor = remembering(hit({}).visitor, first.set_cookies)

    second = taken({"consent": GRANTED}, visitor=visitor, dice=bytes(32))

    assert second.set_cookies == ()
    assert isinstance(first.copy, Event)
    assert isinstance(second.copy, Event)
    assert second.copy.clicks == first.copy.clicks
    assert second.copy.browser.cookies == first.copy.browser.cookies


def test_deletion_is_remembered_too() -> None:
    visitor = Visitor(cookies={"_tw_id": "x", "a": "b"})
    deletion = SetCookie(name="_tw_id", value="", max_age_s=0, domain=None, secure=True, http_only=True)

    assert remembering(visitor, [deletion]).cookies == {"a": "b"}


# What breaks writers: half an emoji, a control, an address.
CHARACTERS = st.characters() | st.sampled_from("\ud83d\x00\n@%.4")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(CHARACTERS, max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(CHARACTERS, max_size=10), inner, max_size=4),
    max_leaves=15,
)
USER = ("email", "phone", "first_name", "street", "city", "country", "date_of_birth", "gender", "external_id")
IDS = ("gclid", "fbc", "fbp", "ttp", "ga_session_id", "scid")
FIELDS = st.fixed_dictionaries(
    {"event": st.just("purchase") | JSON},
    optional=dict.fromkeys(sorted(KNOWN - {"event"}), JSON)
    | {
        "user": st.dictionaries(st.sampled_from(USER), JSON, max_size=5),
        "ids": st.dictionaries(st.sampled_from(IDS), JSON, max_size=3),
        "items": st.lists(st.dictionaries(st.sampled_from(("item_id", "price", "x")), JSON, max_size=3), max_size=3),
        "consent": st.just(GRANTED) | st.dictionaries(st.sampled_from(tuple(GRANTED)), JSON, max_size=3),
        "own": JSON,
    },
)


@settings(max_examples=300, deadline=None)
@given(fields=FIELDS, wire=st.sampled_from(Wire), sent_at=JSON)
def test_any_json_is_taken_or_refused_and_what_is_taken_can_be_stored(
    fields: dict[str, Any], wire: Wire, sent_at: Any
) -> None:
    result = take(hit(fields, wire, sent_at=sent_at), site(phone_country="DE"), vendors=ALL)

    if isinstance(result, Taken):
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(result.copy), type=Event | Veto) == result.copy
        orjson.dumps([result.copy.event_id, result.warnings])
    else:
        assert result.errors
        orjson.dumps(result.errors)


@settings(max_examples=200, deadline=None)
@given(query=st.text(st.characters(max_codepoint=0x7F), max_size=200), referer=st.none() | st.text(max_size=50))
def test_any_query_is_taken_or_refused(query: str, referer: str | None) -> None:
    fields = read_query("event=page_view&" + query, referer)

    assert not isinstance(fields, Refusal)
    assert isinstance(take(hit(fields), site(), vendors=ALL), Taken | Refusal)


COOKIES = ("_tw_id", "_tw_click", "_fbp", "_fbc", "_ttp", "_gcl_aw", "_ga", "_ga_X", "CookieConsent", "OptanonConsent")
COOKIE_TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=60)


@settings(max_examples=200, deadline=None)
@given(cookies=st.dictionaries(st.sampled_from(COOKIES), COOKIE_TEXT, max_size=6))
def test_any_cookies_are_survived_and_never_reflected_raw(cookies: dict[str, str]) -> None:
    visitor = Visitor(ip="81.2.69.142", user_agent="x", host="t.shop.example", cookies=cookies)

    result = taken({"consent": GRANTED}, visitor=visitor)

    for cookie in result.set_cookies:
        assert cookie.value.isascii()
        assert not set(cookie.value) & set(' ",;\\')


SELDOM = {
    "transaction_id": "1001",
    "coupon": "FALL",
    "tax": 0.0,
    "shipping": 4.9,
    "search_term": "shoes",
    "lead_score": 0.0,
    "predicted_ltv": 12.0,
    "action_source": "app",
}


def test_what_few_events_have_is_in_the_event_whatever_else_is_missing() -> None:
    for name, said in SELDOM.items():
        copy = event({"consent": GRANTED, name: said})

        assert {other: getattr(copy, other) for other in SELDOM if getattr(copy, other) is not None} == {
            "action_source": "website",
            name: said,
        }
    copy = event({"items": [{"item_id": "S1"}], "test": True}, Wire.SERVER)
    assert (copy.items, copy.test, copy.vendor, copy.raw) == ((Item(item_id="S1"),), True, None, None)
    known = {"event_id": "e", "consent": GRANTED}
    assert event({**known, **SELDOM}) == replace(event(known), **SELDOM)


def test_whose_wire_it_came_by_is_in_the_event() -> None:
    taken_in = take(
        replace(hit({"event": "purchase", "consent": GRANTED}), vendor="meta", raw="id=1"), site(), vendors=ALL
    )

    assert isinstance(taken_in, Taken)
    assert isinstance(taken_in.copy, Event)
    assert (taken_in.copy.vendor, taken_in.copy.raw) == ("meta", "id=1")


def test_same_dice_and_clock_make_the_same_copy() -> None:
    fields = {"consent": GRANTED, "page_location": "https://shop.example/?fbclid=IwAR0"}

    assert taken(fields, dice=DICE) == taken(fields, dice=DICE)


def test_a_key_of_a_person_on_a_mails_link_is_told_to_nobody() -> None:
    fields = {
        "consent": GRANTED,
        "page_location": "https://shop.example/?mc_eid=4f2c&gclid=Cj0",
        "page_referrer": "https://shop.example/?_kx=Ab",
    }

    copy = event(fields)

    assert copy.page.location == "https://shop.example/?mc_eid=redacted&gclid=Cj0"
    assert copy.page.referrer == "https://shop.example/?_kx=redacted"
