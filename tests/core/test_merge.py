"""The laws of merging, and its field table."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.event import Browser, Campaign, Click, Consent, Copy, Event, Grant, Page, Person, Purpose, Veto, Wire
from gateway.core.merge import merge, sealed
from gateway.core.site import ConsentPolicy
from tests.fixtures.shop import DENIED, GRANTED, NOW_MS, an_event

grants = st.sampled_from(Grant)
consents = st.builds(
    Consent,
    ad_storage=grants,
    ad_user_data=grants,
    ad_personalization=grants,
    analytics_storage=grants,
    by=st.just({}),
)
texts = st.one_of(st.none(), st.sampled_from(("a", "b")))
money = st.one_of(st.none(), st.sampled_from((0.0, 1.0, 52.0)))


@st.composite
def copies(draw: st.DrawFn, wire: Wire) -> Copy:
    event = an_event(
        "purchase",
        draw(st.sampled_from(("id-1", "id-2"))),
        wire,
        id_made=draw(st.booleans()),
        at_ms=NOW_MS - draw(st.integers(0, 10**10)),
        received_ms=NOW_MS + draw(st.integers(0, 1_000)),
        value=draw(money),
        currency=draw(st.sampled_from((None, "EUR", "USD"))),
        currency_made=draw(st.booleans()),
        transaction_id=draw(texts),
        coupon=draw(texts),
        consent=draw(consents),
        page=Page(location=draw(texts), title=draw(texts)),
        browser=Browser(ip=draw(texts), cookies={"fbp": "x"} if draw(st.booleans()) else {}),
        properties={"k": wire.value} if draw(st.booleans()) else {},
    )
    if draw(st.booleans()):
        return event
    return Veto(
        site=event.site,
        name=event.name,
        event_id=event.event_id,
        wires=event.wires,
        received_ms=event.received_ms,
        id_made=event.id_made,
        consent=DENIED,
        transaction_id=event.transaction_id,
    )


@given(copies(Wire.BROWSER), copies(Wire.SERVER))
def test_merging_does_not_care_who_came_first(browser: Copy, server: Copy) -> None:
    assert merge([browser, server]) == merge([server, browser])


@given(copies(Wire.BROWSER), copies(Wire.SERVER))
def test_merging_again_changes_nothing(browser: Copy, server: Copy) -> None:
    assert merge([browser, server]) == merge([browser, server])
    alone = merge([browser])
    assert merge([alone]) == alone


@given(copies(Wire.BROWSER), copies(Wire.SERVER))
def test_merging_never_widens_consent(browser: Copy, server: Copy) -> None:
    merged = merge([browser, server])

    for purpose in Purpose:
        if Grant.DENIED in (browser.consent.of(purpose), server.consent.of(purpose)):
            assert merged.consent.of(purpose) is Grant.DENIED
        if merged.consent.of(purpose) is Grant.GRANTED:
            assert Grant.GRANTED in (browser.consent.of(purpose), server.consent.of(purpose))


@given(copies(Wire.BROWSER), copies(Wire.SERVER))
def test_a_veto_leaves_no_identifier(browser: Copy, server: Copy) -> None:
    if isinstance(browser, Veto) or isinstance(server, Veto):
        assert isinstance(merge([browser, server]), Veto)


def test_each_field_comes_from_whom_the_table_names() -> None:
    browser = an_event(
        "purchase",
        value=10.0,
        currency="EUR",
        coupon="FROM_PAGE",
        page=Page(location="https://shop.example/thanks"),
        browser=Browser(ip="81.2.69.142", cookies={"fbp": "fb.1.1.1"}),
        clicks={"gclid": Click(id="page", seen_ms=1)},
        person=Person(digests={"email": {"plain": "b"}, "phone": {"e164": "p"}}, city="Berlin"),
        campaign=Campaign(source="ads"),
    )
    server = an_event(
        "purchase",
        wire=Wire.SERVER,
        value=12.0,
        currency="USD",
        page=Page(location="https://shop.example/admin"),
        browser=Browser(ip="10.0.0.1", cookies={"fbp": "fb.1.2.2", "ttp": "t"}),
        clicks={"gclid": Click(id="server", seen_ms=2), "fbclid": Click(id="f", seen_ms=3)},
        person=Person(digests={"email": {"plain": "s"}}, country="DE"),
        campaign=Campaign(source="crm"),
        at_ms=NOW_MS - 5_000,
    )

    merged = merge([server, browser])

    assert isinstance(merged, Event)
    assert (merged.value, merged.currency, merged.coupon) == (12.0, "USD", "FROM_PAGE")
    assert merged.page.location == "https://shop.example/thanks"
    assert (merged.browser.ip, merged.browser.cookies) == ("81.2.69.142", {"fbp": "fb.1.1.1", "ttp": "t"})
    assert {name: click.id for name, click in merged.clicks.items()} == {"gclid": "page", "fbclid": "f"}
    assert merged.person.digests == {"email": {"plain": "s"}, "phone": {"e164": "p"}}
    assert (merged.person.city, merged.person.country, merged.campaign.source) == ("Berlin", "DE", "ads")
    assert merged.at_ms == NOW_MS - 5_000


def test_a_value_of_zero_from_the_server_is_a_value() -> None:
    merged = merge([an_event("refund", value=9.0), an_event("refund", wire=Wire.SERVER, value=0.0)])

    assert isinstance(merged, Event)
    assert merged.value == 0.0


def test_a_browser_clock_from_another_year_is_not_believed() -> None:
    browser = an_event("purchase", at_ms=0)
    server = an_event("purchase", wire=Wire.SERVER)

    merged = merge([browser, server])

    assert isinstance(merged, Event)
    assert merged.at_ms == NOW_MS


def test_an_order_of_the_shops_server_is_no_crawlers() -> None:
    merged = merge([an_event("purchase", bot="crawler"), an_event("purchase", wire=Wire.SERVER)])

    assert isinstance(merged, Event)
    assert merged.bot is None


def test_what_nobody_answered_is_answered_by_the_site_when_sealed() -> None:
    silent = an_event("purchase", wire=Wire.SERVER, consent=Consent())

    by_default = sealed([silent], ConsentPolicy(default="denied"))
    granted = sealed([silent], ConsentPolicy(server_silent="granted"))

    assert by_default.consent.of(Purpose.AD_STORAGE) is Grant.DENIED
    assert granted.consent.of(Purpose.AD_STORAGE) is Grant.GRANTED
    assert sealed([msgspec.structs.replace(silent, consent=GRANTED)], ConsentPolicy()).consent == GRANTED


FOR_ADS = msgspec.structs.replace(GRANTED, analytics_storage=Grant.DENIED)
FOR_ANALYTICS = msgspec.structs.replace(DENIED, analytics_storage=Grant.GRANTED)
NAMED: dict[str, Any] = {
    "browser": Browser(cookies={"fbp": "x", "ga_client_id": "1.2"}),
    "clicks": {"gclid": Click(id="c", seen_ms=1)},
}


def test_what_is_denied_everywhere_by_both_or_by_the_default_leaves_a_veto() -> None:
    browser = an_event("purchase", consent=FOR_ANALYTICS)
    server = an_event("purchase", wire=Wire.SERVER, consent=FOR_ADS, **NAMED)
    silent = msgspec.structs.replace(server, consent=Consent())

    assert isinstance(merge([browser, server]), Veto)
    assert isinstance(sealed([silent], ConsentPolicy(default="denied")), Veto)
    assert isinstance(sealed([silent], ConsentPolicy(default="granted")), Event)


def test_identifiers_go_by_what_the_other_copy_or_the_default_denied() -> None:
    silent = an_event("purchase", wire=Wire.SERVER, consent=Consent(), **NAMED)
    partly = msgspec.structs.replace(silent, consent=Consent(analytics_storage=Grant.GRANTED))

    joined = [merge([an_event("purchase", consent=said), silent]) for said in (FOR_ANALYTICS, FOR_ADS)]
    settled = sealed([partly], ConsentPolicy(default="denied"))

    told = [(list(act.clicks), list(act.browser.cookies)) for act in (*joined, settled) if isinstance(act, Event)]
    assert told == [([], ["ga_client_id"]), (["gclid"], ["fbp"]), ([], ["ga_client_id"])]


SITES: dict[str, Any] = {"currency": "EUR", "currency_made": True}


@pytest.mark.parametrize(
    ("browser", "server", "leaves"),
    [
        # (value, currency named or not), and what leaves
        ((10.0, "USD"), (10.0, None), (10.0, "USD")),
        ((12.0, "USD"), (10.0, None), (10.0, "EUR")),
        ((12.0, "EUR"), (10.0, None), (10.0, "EUR")),
        ((12.0, None), (10.0, None), (10.0, "EUR")),
        ((12.0, None), (10.0, "USD"), (10.0, "USD")),
        ((12.0, None), (None, "USD"), (12.0, "USD")),
        ((12.0, "CHF"), (None, "USD"), (None, "USD")),
        ((12.0, None), (None, None), (12.0, "EUR")),
        ((None, None), (10.0, None), (10.0, "EUR")),
        ((None, "USD"), (10.0, None), (10.0, "EUR")),
    ],
)
def test_the_sites_currency_answers_only_where_no_copy_named_one_for_that_amount(
    browser: tuple[float | None, str | None],
    server: tuple[float | None, str | None],
    leaves: tuple[float | None, str | None],
) -> None:
    def said(wire: Wire, value: float | None, currency: str | None) -> Event:
        of_site = SITES if currency is None and value is not None else {"currency": currency}
        return an_event("purchase", wire=wire, value=value, **of_site)

    act = merge([said(Wire.BROWSER, *browser), said(Wire.SERVER, *server)])

    assert isinstance(act, Event)
    assert (act.value, act.currency) == leaves
    assert act.currency_made == (act.currency == "EUR" and "EUR" not in (browser[1], server[1]))
