"""The pages in a real Chromium: pause, filters, the trace, copying, replaying; and nobody is shut out of them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, expect

from tests.console.conftest import Reader
from tests.fixtures.console import Shop, a_visit, fill
from tests.fixtures.gateway import wait_until

pytestmark = pytest.mark.browser
AXE = (Path(__file__).parent / "vendor/axe.min.js").read_text()
OFFLINE = "ERR_INTERNET_DISCONNECTED"  # what a test does to the line is no fault of the page
PAGES = {
    "live": "/live",
    "trace": "/event/p-1001",
    "destinations": "/destinations",
    "destination": "/destinations/meta",
    "missing": "/event/nobody",
}


@pytest.fixture
async def tab(quiet_chromium: Browser, reader: Reader) -> AsyncIterator[Page]:
    """A tab that fails the test when a page's script fails or breaks the policy."""
    context = await quiet_chromium.new_context(
        base_url=reader.url, permissions=["clipboard-read", "clipboard-write"], timezone_id="Asia/Tokyo", locale="en-GB"
    )
    page = await context.new_page()
    faults: list[str] = []

    def note(said: ConsoleMessage) -> None:
        if said.type == "error" and OFFLINE not in said.text:
            faults.append(said.text)

    page.on("pageerror", lambda fault: faults.append(str(fault)))
    page.on("console", note)
    yield page
    await context.close()
    assert faults == []


async def _is_live(tab: Page) -> None:
    await expect(tab.locator("#pulse")).to_have_text("Live")


def _row(tab: Page, event_id: str) -> Any:
    return tab.locator("#rows tr", has_text=event_id)


async def test_a_hit_appears_and_opens_its_trace(shop: Shop, tab: Page) -> None:
    await tab.goto("/")
    await expect(tab.locator("#empty")).to_contain_text("No hit yet")
    await _is_live(tab)

    await shop.keep(a_visit("search", "se-1"))
    await expect(_row(tab, "se-1")).to_be_visible()
    await expect(tab.locator("#empty")).to_be_hidden()
    await tab.get_by_role("link", name="search").click()

    await expect(tab.get_by_role("heading", level=1)).to_contain_text("search")
    await shop.deliver("meta")  # the page renews itself until the act is settled
    await expect(tab.locator("article", has_text="meta")).to_contain_text("Delivered")


async def test_a_pause_holds_entries_back_and_counts_them(shop: Shop, tab: Page) -> None:
    await tab.goto("/live")
    await _is_live(tab)

    await tab.get_by_role("button", name="Pause").click()
    await shop.keep(a_visit("search", "se-1"), a_visit("search", "se-2"))
    await expect(tab.locator("#pulse")).to_have_text("Paused, 2 waiting")
    await expect(_row(tab, "se-1")).to_have_count(0)
    assert tab.url.endswith("/live?paused=1")
    await tab.keyboard.press("p")

    await expect(tab.locator("#rows tr .name .under >> nth=0")).to_have_text("se-2")
    await expect(_row(tab, "se-1")).to_have_count(1)
    await _is_live(tab)


async def test_filters_stand_in_the_address_and_hold_for_what_comes(shop: Shop, tab: Page) -> None:
    await shop.keep(a_visit("page_view", "pv-1"), a_visit("search", "se-1"))
    await tab.goto("/live")

    await tab.get_by_label("Event", exact=True).fill("search")
    await expect(_row(tab, "pv-1")).to_have_count(0)
    await expect(_row(tab, "se-1")).to_have_count(1)
    assert tab.url.endswith("/live?event=search")
    await _is_live(tab)
    await shop.keep(a_visit("page_view", "pv-2"), a_visit("search", "se-2"))
    await expect(_row(tab, "se-2")).to_have_count(1)
    await expect(_row(tab, "pv-2")).to_have_count(0)

    await tab.reload()
    await expect(_row(tab, "se-2")).to_have_count(1)
    await expect(_row(tab, "pv-2")).to_have_count(0)
    await tab.get_by_label("Outcome").select_option("refused")
    await expect(tab.locator("#empty")).to_contain_text("Nothing fits this view")
    await tab.get_by_role("link", name="Clear filters").click()
    await expect(_row(tab, "pv-2")).to_have_count(1)
    assert tab.url.endswith("/live")


async def test_nothing_is_lost_or_shown_twice_when_the_connection_breaks(shop: Shop, tab: Page) -> None:
    await tab.goto("/live")
    await _is_live(tab)
    await shop.keep(a_visit("search", "se-1"))
    await expect(_row(tab, "se-1")).to_have_count(1)

    await tab.context.set_offline(True)
    await tab.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    await expect(tab.locator("#pulse")).to_contain_text("Connection lost")
    await shop.keep(a_visit("search", "se-2"))
    await tab.context.set_offline(False)

    await expect(_row(tab, "se-2")).to_have_count(1, timeout=15_000)
    await expect(_row(tab, "se-1")).to_have_count(1)


async def test_times_are_in_the_readers_zone(shop: Shop, tab: Page) -> None:
    await shop.keep(a_visit("search", "se-1"))
    await tab.goto("/live")

    time = tab.locator("#rows time")
    said, whole = await time.text_content(), await time.get_attribute("title")
    there = await time.evaluate("node => new Date(node.dateTime).toLocaleTimeString('en-GB', {timeZone: 'Asia/Tokyo'})")

    assert said == there
    assert whole is not None
    assert "GMT+9" in whole


async def test_the_masked_request_is_copied_as_curl(shop: Shop, tab: Page) -> None:
    await fill(shop)
    await tab.goto("/event/p-1001")

    await tab.get_by_role("button", name="Copy as curl").first.click()
    await expect(tab.locator("#said")).to_contain_text("Copied")
    copied = await tab.evaluate("navigator.clipboard.readText()")

    assert copied.startswith("curl --request POST https://graph.facebook.com/v")
    assert "s3cret" not in copied
    assert re.findall(r"\b[0-9a-f]{64}\b", copied) == []


async def test_dead_letters_are_replayed_after_a_question(shop: Shop, tab: Page) -> None:
    await fill(shop)
    await tab.goto("/destinations/meta")
    await expect(tab.locator("#letters tbody input")).to_have_count(7)
    await expect(tab.get_by_role("button", name="Replay chosen")).to_be_disabled()

    asked: list[str] = []

    async def answer(dialog: Any) -> None:
        asked.append(dialog.message)
        await (dialog.dismiss() if len(asked) == 1 else dialog.accept())

    tab.on("dialog", answer)
    await tab.locator("#letters tbody input").first.check()
    await tab.get_by_role("button", name="Replay chosen").click()
    assert await wait_until(lambda: len(asked) == 1)
    assert (await shop.ledger.destinations())[0]["dead"] == 7
    await tab.get_by_role("button", name="Replay chosen").click()

    await expect(tab.locator("#letters tbody input")).to_have_count(6)
    assert asked == ["Replay 1 dead letter? They go back into the queue and out to meta."] * 2
    assert (await shop.ledger.destinations())[0]["dead"] == 6


async def test_the_volumes_are_drawn(shop: Shop, tab: Page) -> None:
    await fill(shop)
    await tab.goto("/destinations?hours=168")

    await expect(tab.locator(".plot canvas")).to_have_count(3)
    inked = (
        "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.filter((v, i) => i % 4 == 3 && v).length"
    )
    assert await tab.locator(".plot canvas").first.evaluate(inked) > 1_000


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 390])
async def test_nobody_is_shut_out(shop: Shop, reader: Reader, quiet_chromium: Browser, scheme: Any, width: int) -> None:
    await fill(shop)
    context = await quiet_chromium.new_context(
        base_url=reader.url, color_scheme=scheme, viewport={"width": width, "height": 900}, reduced_motion="reduce"
    )
    page = await context.new_page()

    for name, path in PAGES.items():
        await page.goto(path)
        await expect(page.locator("html.js")).to_have_count(1)
        for details in await page.locator("details").all():
            await details.evaluate("node => node.open = true")
        await page.evaluate(AXE)
        found = await page.evaluate(
            "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})"
        )
        told = [(fault["id"], fault["nodes"][0]["html"][:200]) for fault in found["violations"]]
        assert told == [], name
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, name
    await context.close()


async def test_everything_is_reached_by_the_keyboard(shop: Shop, tab: Page) -> None:
    await shop.keep(a_visit("search", "se-1"), a_visit("search", "se-2"))
    await tab.goto("/live")
    await _is_live(tab)

    await tab.keyboard.press("Tab")
    await expect(tab.locator(":focus")).to_have_text("Skip to the content")
    await tab.keyboard.press("j")
    await tab.keyboard.press("j")
    await expect(tab.locator("tr:has(:focus)")).to_contain_text("se-1")
    await tab.keyboard.press("Enter")

    await expect(tab).to_have_url(re.compile("/event/se-1"))
    await expect(tab.locator("html.js")).to_have_count(1)
    await tab.keyboard.press("/")
    await expect(tab.locator("#find")).to_be_focused()


async def test_without_scripts_the_pages_still_tell(shop: Shop, reader: Reader, quiet_chromium: Browser) -> None:
    await fill(shop)
    context = await quiet_chromium.new_context(base_url=reader.url, java_script_enabled=False)
    page = await context.new_page()

    await page.goto("/live")
    await expect(page.get_by_role("button", name="Pause")).to_be_hidden()
    await page.get_by_label("Outcome").select_option("merged")
    await page.get_by_role("button", name="Show").click()
    await expect(page.locator("#rows tr")).to_have_count(3)
    await page.goto("/destinations/meta")
    await expect(page.locator("main")).to_contain_text("tagway dead CONFIG replay")
    await context.close()
