"""A page whose Google tag is pointed at the gateway: its hits reach GA4 as if they had gone there, and no worse."""

from __future__ import annotations

from typing import Any

from yarl import URL

from tests.fixtures.gateway import VISITOR_IP, RunningGateway, wait_until

# The tag's own hit, with an address of a person where pages leave them.
PAGE = (
    "v=2&tid=G-ABC123&gtm=45he5641&_p=1749196701069&gcs=G111&gcd=13r3r3r2r5l1&npa=0&dma=1&dma_cps=syphamo"
    "&cid=584335997.1746564151&ul=en-us&sr=1728x1117&uafvl=Chromium%3B134%7CNot%253AA%3B24&_s=1&sid=1749196701&sct=41"
    "&seg=1&dl=https%3A%2F%2Fshop.example%2F%3Fmail%3Dcanary.one%2540mailbox.example%26gclid%3DCj0&dt=Shop"
)
TOLD = {
    "v": "2", "tid": "G-ABC123", "gtm": "45he5641", "_p": "1749196701069", "gcs": "G111", "gcd": "13r3r3r2r5l1",
    "npa": "0", "dma": "1", "dma_cps": "syphamo", "cid": "584335997.1746564151", "ul": "en-us", "sr": "1728x1117",
    "uafvl": "Chromium;134|Not%3AA;24", "_s": "1", "sid": "1749196701", "sct": "41", "seg": "1",
    "dl": "https://shop.example/?mail=redacted&gclid=Cj0", "dt": "Shop", "_uip": VISITOR_IP,
}  # fmt: skip


def _relaying(gateway: RunningGateway, **options: Any) -> None:
    gateway.config["destinations"]["ga4_relay"] = {
        "adapter": "ga4_relay",
        "endpoint": gateway.sandbox.endpoint("ga4"),
        "measurement_id": "G-ABC123",
        **options,
    }
    gateway.site["destinations"] = ["meta", "ga4_relay"]


async def _tag(gateway: RunningGateway, query: str, body: str | None = None, **headers: str) -> int:
    told = {"Origin": "https://shop.example", "X-Forwarded-For": VISITOR_IP, **headers}
    url = URL(gateway.url(f"/g/collect?{query}"), encoded=True)
    async with gateway.http.request("GET" if body is None else "POST", url, headers=told, data=body) as answer:
        return answer.status


def _taken(gateway: RunningGateway) -> list[dict[str, Any]]:
    return [event["payload"] for event in gateway.sandbox.events("ga4")]


async def test_hits_reach_ga4_unchanged_but_for_the_address(gateway: RunningGateway) -> None:
    _relaying(gateway)
    await gateway.start()

    assert await _tag(gateway, f"{PAGE}&en=page_view&_ss=1&sst.rnd=7&richsstsse") == 204
    assert await _tag(gateway, PAGE, "en=scroll&_et=5&epn.percent_scrolled=90\r\nen=user_engagement&_et=1200") == 204
    assert await _tag(gateway, f"{PAGE.replace('G-ABC123', 'G-EVIL99')}&en=page_view") == 204

    assert await wait_until(lambda: len(_taken(gateway)) == 3)
    by_name = {hit["en"]: hit for hit in _taken(gateway)}
    assert by_name == {
        "page_view": {**TOLD, "en": "page_view", "_ss": "1"},
        "scroll": {**TOLD, "en": "scroll", "_et": "5", "epn.percent_scrolled": "90"},
        "user_engagement": {**TOLD, "en": "user_engagement", "_et": "1200"},
    }
    assert gateway.sandbox.violations() == []
    assert gateway.sandbox.events("meta") == [], "a hit on Google's wire is Google's"
    assert gateway.written("canary.one", "mailbox.example") == []


async def test_a_long_hit_goes_as_the_tag_sends_it(gateway: RunningGateway) -> None:
    _relaying(gateway)
    await gateway.start()

    items = "&".join(f"pr{place}=idSKU{place}~nm{'Mug%20' * 20}~pr9.5" for place in range(1, 30))
    await _tag(gateway, PAGE, f"en=view_item_list&{items}")

    assert await wait_until(lambda: len(_taken(gateway)) == 1)
    (hit,) = _taken(gateway)
    assert hit["pr29"] == f"idSKU29~nm{'Mug ' * 20}~pr9.5"
    assert hit["sid"] == "1749196701"
    (call,) = gateway.sandbox.requests("ga4")
    assert call["status"] == 204


async def test_gpc_is_denied_to_google_too_and_a_refusal_sends_nothing(gateway: RunningGateway) -> None:
    _relaying(gateway)
    await gateway.start()

    await _tag(gateway, f"{PAGE}&en=page_view&em=tv.1~em.{'A' * 43}", **{"Sec-GPC": "1"})
    denied = PAGE.replace("G111", "G100").replace("13r3r3r2r5l1", "13q3q3q2q5l1")
    await _tag(gateway, f"{denied}&en=add_to_cart")

    assert await wait_until(lambda: len(_taken(gateway)) == 1)
    (hit,) = _taken(gateway)
    assert (hit["en"], hit["gcs"], hit["gcd"], hit["npa"]) == ("page_view", "G101", "13q3r3q2q5l1", "1")
    assert "em" not in hit


async def test_an_order_that_the_server_confirms_is_relayed_once(gateway: RunningGateway) -> None:
    _relaying(gateway)
    await gateway.start()

    await _tag(gateway, f"{PAGE}&en=purchase&cu=EUR&epn.value=49.9&ep.transaction_id=T-1&pr1=idSKU1~pr49.9")
    (result,) = await gateway.server(
        {"event": "purchase", "transaction_id": "T-1", "value": 45.0, "currency": "EUR", "event_id": "srv-1"}
    )

    assert result["status"] == "merged"
    assert await wait_until(lambda: len(_taken(gateway)) == 1)
    assert _taken(gateway)[0]["ep.transaction_id"] == "T-1"


async def test_a_hit_outlives_an_outage_of_google(gateway: RunningGateway) -> None:
    _relaying(gateway)
    gateway.sandbox.script("ga4", {"status": 503, "times": 2, "at": "hits"})
    await gateway.start()

    await _tag(gateway, f"{PAGE}&en=page_view")

    assert await wait_until(lambda: len(_taken(gateway)) == 1)
    assert [call["status"] for call in gateway.sandbox.requests("ga4")] == [503, 503, 204]


async def test_google_sees_the_visitors_browser(gateway: RunningGateway) -> None:
    _relaying(gateway, user_ip="never")
    await gateway.start()

    await _tag(gateway, f"{PAGE}&en=page_view")

    # The sandbox counts no hit of a machine.
    assert await wait_until(lambda: len(_taken(gateway)) == 1)
    assert _taken(gateway)[0]["_uip"] == "::"
