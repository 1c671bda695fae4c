"""The demo shop in a real Chromium: from an ad to the thank-you page, and one purchase at each platform."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.fixtures.browser import OpenTab
from tests.fixtures.gateway import RunningGateway, wait_until

pytestmark = pytest.mark.browser
AXE = (Path(__file__).parents[1] / "console/vendor/axe.min.js").read_text()
CLICKS = ("fbclid", "gclid", "ttclid")
PLATFORMS = ("meta", "google", "tiktok")


@pytest.fixture
async def shop(gateway: RunningGateway) -> RunningGateway:
    """The gateway as `make run` has it, with the demo shop on its public listener."""
    gateway.config["demo"] = {"site": "shop"}
    gateway.site["origins"] = [f"http://127.0.0.1:{gateway.port}"]
    gateway.site["merge"] = {"hold_s": 15, "events": ["purchase"]}
    await gateway.start()
    assert await wait_until(lambda: f"  demo shop  {gateway.url('/')}" in gateway.log())
    return gateway


def purchases(shop: RunningGateway, platform: str) -> list[dict[str, Any]]:
    """List what a platform has accepted as a purchase; Google is told of nothing else here."""
    return [event for event in shop.sandbox.events(platform) if event["name"] in ("Purchase", "")]


async def land(tab: Page, shop: RunningGateway, answer: str) -> dict[str, str]:
    """Choose an ad, answer the banner, and return the click ids of the address."""
    await tab.goto(shop.url("/"))
    await tab.get_by_role("link", name="I clicked all three").click()
    await expect(tab.get_by_role("dialog")).to_be_visible()
    await expect(tab.locator("[data-told] li")).to_contain_text("counted only")
    found = dict(re.findall(r"(\w+)=([^&]*)", tab.url))
    await tab.get_by_role("button", name=answer).click()
    await expect(tab.get_by_role("dialog")).to_be_hidden()
    return {name: found[name] for name in CLICKS}


async def buy(tab: Page) -> str:
    """Go from the shop's first page to the last; return the order's number."""
    await tab.get_by_role("link", name="Reading lamp").click()
    await tab.get_by_role("button", name="Put into the cart").click()
    await tab.get_by_role("link", name="Go to the cart").click()
    await tab.get_by_role("link", name="To the checkout").click()
    await tab.get_by_role("button", name="Buy now").click()
    await expect(tab.get_by_role("heading", level=1)).to_have_text("Thank you, Ada.")
    return tab.url.partition("order=")[2]


async def test_a_purchase_told_by_page_and_server_is_one_at_each_platform(
    shop: RunningGateway, open_tab: OpenTab
) -> None:
    tab = await open_tab()
    clicks = await land(tab, shop, "Yes, all of it")
    number = await buy(tab)
    await expect(tab.locator("[data-told] li").first).to_contain_text(f"order-{number}")

    await tab.get_by_role("button", name="server confirms the order").click()

    await expect(tab.locator("[data-verdict]")).to_contain_text("Merged.")
    assert await wait_until(lambda: all(purchases(shop, platform) for platform in PLATFORMS)), shop.log()[-2_000:]
    told = {platform: purchases(shop, platform) for platform in PLATFORMS}
    assert {platform: len(events) for platform, events in told.items()} == dict.fromkeys(PLATFORMS, 1)
    meta, google, tiktok = (told[platform][0]["payload"] for platform in PLATFORMS)
    assert meta["user_data"]["fbc"].split(".")[3] == clicks["fbclid"]
    assert google["adIdentifiers"]["gclid"] == clicks["gclid"]
    assert tiktok["user"]["ttclid"] == clicks["ttclid"]
    assert (meta["event_id"], google["transactionId"]) == (f"order-{number}", number)
    assert (meta["custom_data"]["value"], google["conversionValue"], tiktok["properties"]["value"]) == (83.9,) * 3
    assert "em" in meta["user_data"], "the server's copy knew the customer"
    seen = await shop.ask(f"/admin/api/explain/order-{number}")
    assert {copy["wire"] for copy in seen["copies"]} == {"browser", "server"}
    async with shop.http.get(await tab.locator("[data-trace]").get_attribute("href") or "") as trace:
        assert trace.status == 200
    assert await tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await look_at_console(tab, shop, f"order-{number}")


async def look_at_console(tab: Page, shop: RunningGateway, event_id: str) -> None:
    """See the purchase on the live page and in its trace; with `TAGWAY_PICTURES`, keep what is seen for the README."""
    await tab.set_viewport_size({"width": 1280, "height": 800})
    for name, page in (("console-live", "/"), ("console-trace", f"/event/{event_id}")):
        await tab.goto(shop.admin(page))
        await expect(tab.locator("main")).to_contain_text(event_id)
        if folder := os.environ.get("TAGWAY_PICTURES"):
            await tab.screenshot(path=Path(folder) / f"{name}.png")


async def test_whoever_says_no_gets_no_cookie_and_nobody_is_told(shop: RunningGateway, open_tab: OpenTab) -> None:
    tab = await open_tab()
    await land(tab, shop, "No, thank you")
    number = await buy(tab)

    await tab.get_by_role("button", name="server confirms the order").click()

    await expect(tab.locator("[data-verdict]")).to_contain_text("no platform is told")

    async def is_settled() -> bool:
        told = await shop.outcomes(f"order-{number}")
        return bool(told) and set(told.values()) == {"skipped:consent"}

    assert await wait_until(is_settled)
    assert await tab.context.cookies() == []
    assert [shop.sandbox.events(platform) for platform in PLATFORMS] == [[], [], []]


@pytest.mark.parametrize("switch", ["browser only", "server only"])
async def test_a_purchase_that_only_one_of_them_tells_still_arrives_once(
    shop: RunningGateway, open_tab: OpenTab, switch: str
) -> None:
    shop.site["merge"]["hold_s"] = 1
    await shop.stop()
    await shop.start()
    tab = await open_tab()
    await land(tab, shop, "Yes, all of it")
    await tab.get_by_label(switch).check()
    number = await buy(tab)

    if "server" in switch:
        await tab.get_by_role("button", name="server confirms the order").click()
        await expect(tab.locator("[data-verdict]")).to_contain_text("Accepted.")
    else:
        await expect(tab.locator("[data-confirm]")).to_be_hidden()

    assert await wait_until(lambda: all(purchases(shop, platform) for platform in PLATFORMS)), shop.log()[-2_000:]
    seen = await shop.ask(f"/admin/api/explain/order-{number}")
    assert [copy["wire"] for copy in seen["copies"]] == ["server" if "server" in switch else "browser"]


async def test_somebody_else_begins_without_what_the_last_one_left(shop: RunningGateway, open_tab: OpenTab) -> None:
    tab = await open_tab()
    await land(tab, shop, "Yes, all of it")
    await buy(tab)
    assert {cookie["name"] for cookie in await tab.context.cookies()} >= {"_tw_id", "_tw_click", "_fbp"}

    await tab.get_by_role("button", name="Begin anew as somebody else").click()
    await expect(tab.get_by_role("heading", level=1)).to_contain_text("Click one.")

    assert await tab.context.cookies() == []
    assert await tab.evaluate("localStorage.length + sessionStorage.length") == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_nobody_is_shut_out_of_the_shop(shop: RunningGateway, open_tab: OpenTab, scheme: str) -> None:
    tab = await open_tab(color_scheme=scheme, viewport={"width": 390, "height": 844}, bypass_csp=True)
    found: list[str] = []

    async def look() -> None:
        await tab.evaluate(AXE)
        found.extend(
            f"{tab.url}: {fault['id']} {fault['nodes'][0]['html']}"
            for fault in (await tab.evaluate("axe.run()"))["violations"]
        )
        assert await tab.evaluate("document.documentElement.scrollWidth <= innerWidth"), tab.url

    await tab.goto(shop.url("/"))
    await look()
    await tab.get_by_role("link", name="I just came by").click()
    await look()
    await tab.get_by_role("button", name="Only count").click()
    await tab.get_by_role("link", name="Oak tray").click()
    await tab.get_by_role("button", name="Put into the cart").click()
    await look()
    for path in ("/cart", "/checkout"):
        await tab.goto(shop.url(path))
        await look()
    await tab.get_by_role("button", name="Buy now").click()
    await expect(tab.locator("[data-confirm]")).to_be_visible()
    await look()
    assert "\n".join(found) == ""
