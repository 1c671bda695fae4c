"""The tag in a real Chromium."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.fixtures.browser import OpenTab
from tests.fixtures.gateway import wait_until
from tests.tag.pages import DENY, GTAG, QUEUE, TAG, Heard, listening, settled

pytestmark = pytest.mark.browser

PURCHASE = "{transaction_id: '1001', value: 49.9, currency: 'EUR', items: [{item_id: 'A', quantity: 2}]}"


def inline(script: str) -> str:
    return f"<script>{script}</script>"


@pytest.fixture
async def heard() -> AsyncIterator[Heard]:
    async with listening() as site:
        site.head = inline(QUEUE) + TAG
        yield site


async def test_a_page_is_seen_once_and_says_what_it_is(heard: Heard, open_tab: OpenTab) -> None:
    tab = await open_tab()

    await tab.goto(f"{heard.url}/a?gclid=Cj0#part", referer="https://ads.example/")

    event = await heard.of("page_view")
    assert event["page_location"] == f"{heard.url}/a?gclid=Cj0#part"
    assert event["page_referrer"] == "https://ads.example/"
    assert event["page_title"] == "/a"
    assert len(event["event_id"]) == 22
    assert event["consent"] == {}
    assert heard.kinds == ["text/plain"]


async def test_what_was_said_before_the_tag_came_is_not_lost(heard: Heard, open_tab: OpenTab) -> None:
    early = "tagway('track','sign_up',{method:'mail',event_id:'own-1'});tagway('set',{user:{email:'a@b.example'}});"
    heard.head = inline(QUEUE + early + "tagway('consent',{ad_storage:'granted'});") + TAG
    tab = await open_tab()

    await tab.goto(heard.url)

    assert await heard.has("page_view", "sign_up")
    assert len(heard.requests) == 1
    assert heard.events[1]["event_id"] == "own-1"
    assert heard.events[1]["method"] == "mail"
    for event in heard.events:
        assert event["consent"] == {"ad_storage": "granted"}
        assert event["user"] == {"email": "a@b.example"}


async def test_later_calls_add_to_what_is_known(heard: Heard, open_tab: OpenTab) -> None:
    tab = await open_tab()
    await tab.goto(heard.url)
    await heard.of("page_view")

    await tab.evaluate(
        "tagway('set',{user:{email:'a@b.example'}});tagway('set',{user:{phone:'+49 30 1'},currency:'EUR'})"
    )
    await tab.evaluate(
        "tagway('consent','update',{analytics_storage:'denied'});tagway('track','search',{search_term:'x'})"
    )

    event = await heard.of("search")
    assert event["user"] == {"email": "a@b.example", "phone": "+49 30 1"}
    assert (event["currency"], event["search_term"]) == ("EUR", "x")
    assert event["consent"] == {"analytics_storage": "denied"}


async def test_a_page_that_changes_its_address_is_seen_again_each_time_it_is_another(
    heard: Heard, open_tab: OpenTab
) -> None:
    tab = await open_tab()
    await tab.goto(f"{heard.url}/?fbclid=x")
    assert await heard.has("page_view")

    for step in (
        "history.replaceState(0,'','/')",  # a script that tidies the address
        "history.pushState(0,'','/')",
        "location.hash='part'",
        "history.pushState(0,'','/b');document.title='B'",
        "history.pushState(0,'','/b')",
        "history.pushState(0,'','/b?page=2')",
        "history.replaceState(0,'','/c')",  # a router that redirects
        "location.hash='#/route'",
        "history.back()",
    ):
        await tab.evaluate(step)
        await settled(tab)

    paths = [event["page_location"].removeprefix(heard.url) for event in heard.events]
    assert paths == ["/?fbclid=x", "/b", "/b?page=2", "/c", "/c#/route", "/c"]
    assert heard.events[1]["page_title"] == "B"
    assert heard.events[1]["page_referrer"] == f"{heard.url}/?fbclid=x"
    assert len({event["event_id"] for event in heard.events}) == 6


async def test_a_page_from_the_back_forward_cache_is_seen_again(heard: Heard, open_tab: OpenTab) -> None:
    tab = await open_tab()
    await tab.goto(f"{heard.url}/a")
    await tab.goto(f"{heard.url}/b")
    await tab.go_back()

    assert await wait_until(lambda: len(heard.events) == 3, 10)
    assert [event["page_title"] for event in heard.events] == ["/a", "/b", "/a"]


async def test_consent_mode_is_heard_and_a_stored_answer_is_waited_for(heard: Heard, open_tab: OpenTab) -> None:
    late = "setTimeout(()=>gtag('consent','update',{ad_storage:'granted',ad_user_data:'granted'}),100);"
    heard.head = inline(QUEUE + GTAG + DENY % ",wait_for_update:2000" + late) + TAG
    tab = await open_tab()

    await tab.goto(heard.url)

    event = await heard.of("page_view")
    assert event["consent"] == {
        "ad_storage": "granted",
        "ad_user_data": "granted",
        "ad_personalization": "denied",
        "analytics_storage": "denied",
    }


async def test_without_an_answer_the_page_is_told_as_denied_and_not_again_when_it_comes(
    heard: Heard, open_tab: OpenTab
) -> None:
    heard.head = inline(QUEUE + GTAG + DENY % ",wait_for_update:50") + TAG
    tab = await open_tab()
    await tab.goto(heard.url)
    assert set((await heard.of("page_view"))["consent"].values()) == {"denied"}

    await tab.evaluate("gtag('consent','update',{ad_storage:'granted'})")
    await tab.evaluate("tagway('track','search')")

    assert (await heard.of("search"))["consent"]["ad_storage"] == "granted"
    assert heard.names == ["page_view", "search"]


async def test_a_default_for_some_regions_is_left_to_the_server(heard: Heard, open_tab: OpenTab) -> None:
    heard.head = inline(QUEUE + GTAG + "gtag('consent','default',{ad_storage:'granted',region:['US']});") + TAG
    tab = await open_tab()

    await tab.goto(heard.url)

    assert (await heard.of("page_view"))["consent"] == {}


async def test_a_visitor_who_leaves_at_once_is_told_of(heard: Heard, open_tab: OpenTab) -> None:
    heard.head = inline(QUEUE + GTAG + DENY % ",wait_for_update:2000") + TAG
    tab = await open_tab()
    await tab.goto(f"{heard.url}/a")

    await tab.evaluate("tagway('track','search'); location.href='/b'")

    assert await wait_until(lambda: len(heard.events) >= 2, 10)
    assert [(event["event"], event["page_title"]) for event in heard.events[:2]] == [
        ("page_view", "/a"),
        ("search", "/a"),
    ]


@pytest.mark.parametrize(
    "told",
    [
        "dataLayer.push({event:'purchase',event_id:'own-1',email:'a@b.example',ecommerce:%s})",
        "gtag('event','purchase',{...%s,event_id:'own-1',send_to:'AW-1'})",
    ],
)
@pytest.mark.parametrize("early", [True, False])
async def test_a_purchase_told_to_google_is_passed_on_once(
    heard: Heard, open_tab: OpenTab, told: str, early: bool
) -> None:
    tell = told % PURCHASE + ";"
    heard.head = inline(QUEUE + GTAG + (tell if early else "")) + TAG
    tab = await open_tab()
    await tab.goto(heard.url)
    await heard.of("page_view")

    await tab.evaluate(f"{tell};dataLayer.push({{ecommerce:null}});tagway('track','purchase',{PURCHASE});")
    await tab.evaluate("tagway('track','search')")

    event = await heard.of("purchase")
    await heard.of("search")
    assert heard.names == ["page_view", "purchase", "search"]
    about = {key: event[key] for key in event.keys() - {"page_location", "page_title", "consent"}}
    assert about == {
        "event": "purchase",
        "event_id": "own-1",
        "transaction_id": "1001",
        "value": 49.9,
        "currency": "EUR",
        "items": [{"item_id": "A", "quantity": 2}],
    }


async def test_what_google_counts_by_itself_or_does_not_know_is_not_passed_on(heard: Heard, open_tab: OpenTab) -> None:
    others = (
        "dataLayer.push({event:'gtm.js'});gtag('event','page_view',{});gtag('event','my_own',{});gtag('js',new Date());"
    )
    heard.head = inline(QUEUE + GTAG + others + "dataLayer.push(function(){},null,7,'x',{ecommerce:'?'});") + TAG
    tab = await open_tab()
    await tab.goto(heard.url)

    await tab.evaluate("gtag('event','generate_lead',{value:5,lead_source:'fair'})")

    assert (await heard.of("generate_lead"))["value"] == 5
    assert heard.names == ["page_view", "generate_lead"]


async def test_a_data_layer_that_begins_below_the_tag_is_found(heard: Heard, open_tab: OpenTab) -> None:
    heard.head = inline(QUEUE) + TAG.replace("async ", "") + inline(GTAG + "gtag('event','login',{});")
    tab = await open_tab()

    await tab.goto(heard.url)

    assert await heard.has("page_view", "login")


async def test_without_beacons_the_event_goes_by_fetch_and_without_that_as_an_image(
    heard: Heard, open_tab: OpenTab
) -> None:
    heard.head = inline(QUEUE + "navigator.sendBeacon=()=>false;") + TAG
    tab = await open_tab()
    await tab.goto(heard.url)
    assert await heard.has("page_view")
    assert heard.kinds == ["text/plain"]

    await tab.evaluate("void (window.fetch=()=>Promise.reject(new Error('blocked')))")
    await tab.evaluate(f"tagway('consent',{{ad_storage:'granted'}});tagway('track','purchase',{PURCHASE})")

    assert await wait_until(lambda: heard.pictures, 10)
    (query,) = heard.pictures
    assert (query["event"], query["consent.ad_storage"], query["value"]) == ("purchase", "granted", "49.9")
    assert query["items"] == '[{"item_id":"A","quantity":2}]'
    assert "page_referrer" not in query


async def test_the_page_hears_which_id_an_event_got(heard: Heard, open_tab: OpenTab) -> None:
    heard.head = inline("window.ids=[];document.addEventListener('tagway',e=>ids.push(e.detail));" + QUEUE) + TAG
    tab = await open_tab()

    await tab.goto(heard.url)

    event = await heard.of("page_view")
    assert await tab.evaluate("ids") == [{"event": "page_view", "event_id": event["event_id"]}]


async def test_nonsense_and_a_second_tag_break_nothing_and_leave_one_name(heard: Heard, open_tab: OpenTab) -> None:
    heard.head = inline("window.before=Object.keys(window).length+1;" + QUEUE) + TAG + TAG
    tab = await open_tab()
    await tab.goto(heard.url)
    await heard.of("page_view")

    await tab.evaluate(
        "tagway();tagway('track');tagway('track',7);tagway('track','a',{self:window});tagway('consent');"
    )
    await tab.evaluate("tagway('set',null);tagway('what','ever');tagway('track','search',null)")
    # An event that cannot be written down takes nobody along.
    assert await wait_until(lambda: "search" in heard.names, 10)

    assert heard.names == ["page_view", "search"]
    assert await tab.evaluate("Object.keys(window).length - before") == 1
    assert await tab.context.cookies() == []
    assert await tab.evaluate("localStorage.length + sessionStorage.length") == 0
