"""The pages' promises: they tell the story, escape everything, show nobody, and obey the locks."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from gateway.console.pages import POLICY
from gateway.core.adapter import Secret
from gateway.core.event import Consent, Page, Veto, Wire
from gateway.core.outcome import Dead, Pending, dead
from gateway.store.database import Database
from gateway.store.outcomes import Fate
from tests.console.conftest import Reader, Serve
from tests.fixtures.console import EMAIL, IP, Shop, a_console_plan, a_visit, an_order, fill, now_ms
from tests.fixtures.shop import DENIED

PAGES = ("/", "/live", "/destinations", "/destinations/meta", "/event/p-1001", "/event/nobody", "/nowhere")
EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
HASHED = "9e759021" + "ab" * 28


async def test_every_page_forbids_what_it_does_not_need(shop: Shop, reader: Reader) -> None:
    await fill(shop)

    for path in PAGES:
        async with reader.http.get(reader.url + path) as answer:
            body = await answer.text()
        assert answer.headers["Content-Security-Policy"] == POLICY, path
        assert answer.headers["Cache-Control"] == "no-store", path
        assert answer.headers["X-Content-Type-Options"] == "nosniff", path
        assert re.findall(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=|javascript:", body) == [], path
        assert re.findall(r"(?:src|href)=\"(?:https?:)?//", body) == [], path


async def test_what_strangers_write_comes_out_escaped(shop: Shop, reader: Reader) -> None:
    fields: dict[str, Any] = {
        "page": Page(location=f"https://shop.example/?q={EVIL}", title=EVIL),
        "properties": {EVIL: EVIL},
    }
    await shop.keep(a_visit(EVIL, EVIL, **fields), a_visit("search", EVIL, **fields))
    await shop.deliver("meta", Fate(outcome=dead(Dead.REJECTED), reason=EVIL, attempts=1, at_ms=now_ms()), {"b": EVIL})
    await shop.ledger.say("tiktok", state="paused", reason=EVIL, last_error=EVIL)
    shop.tally.door(EVIL, EVIL, Wire.BROWSER, f"refused:{EVIL}", EVIL)
    await shop.tally.flush()

    live = await reader.page("/live")
    link = re.search(r'href="(/event/[^"]+site=shop[^"]*)"', live)
    assert link is not None
    trace = await reader.page(link[1].replace("&amp;", "&"))
    others = [await reader.page(path) for path in ("/destinations", "/destinations/meta")]
    filters = f"/live?event={EVIL}&site={EVIL}&destination={EVIL}&id={EVIL}&outcome={EVIL}&wire={EVIL}&paused={EVIL}"
    found = [await reader.page(filters), (await reader.get("/event/", params={}))[1]]
    _, missing = await reader.get("/event/x" + EVIL.replace("/", "%2F"))

    for body in (live, trace, missing, *others, *found):
        assert "<script>alert" not in body
        assert "<img src=x" not in body
    assert ["&lt;script&gt;alert(1)" in body for body in (live, trace, missing, *others, found[0])] == [True] * 6


async def test_no_page_shows_an_address_or_a_digest(shop: Shop, reader: Reader) -> None:
    browser, server = an_order("1001")
    await shop.keep(browser, server, a_visit("page_view", EMAIL), a_visit("page_view", HASHED))
    await shop.release()
    reason = f"no such user {EMAIL} {HASHED}"
    await shop.deliver("meta", Fate(outcome=dead(Dead.REJECTED), reason=reason, attempts=1, at_ms=now_ms()), {"e": 1})
    await shop.ledger.say("meta", state="retrying", reason=reason, last_error=reason)
    live = await reader.page("/live")
    traces = set(re.findall(r'href="(/event/[^"]+)"', live))

    bodies = [live, *[await reader.page(path.replace("&amp;", "&")) for path in traces]]
    bodies += [await reader.page(path) for path in ("/destinations", "/destinations/meta")]

    assert len(traces) == 3
    for body in bodies:
        assert EMAIL not in body
        assert EMAIL.replace("@", "%40") not in body
        assert IP not in body
        assert "Berlin" not in body
        assert re.findall(r"\b[0-9a-fA-F]{64}\b", body) == []


async def test_a_trace_sets_both_copies_side_by_side(shop: Shop, reader: Reader) -> None:
    await shop.keep(*an_order("1001", 49.9))
    await shop.release()
    await shop.deliver("meta", response={"status": 200, "body": {"events_received": 1}})

    body = " ".join(re.sub(r"<[^>]+>", " ", await reader.page("/event/p-1001")).split())

    assert "Told by the browser and the server; delivered to meta; still to go to google and tiktok." in body
    assert "value 49.9 54.8 54.8 the server" in body
    assert "page_title Shop \u2013 Shop the browser" in body
    assert "transaction_id 1001 1001 1001 both agree" in body
    assert "gclid EAIaIQobChMI8pLexampleqAgMVxYKDBx0demo" in body
    assert "ad_user_data sending user data to ad platforms Granted Granted Granted The event itself says so" in body
    assert "curl --request POST" in body
    assert "Authorization: Bearer &lt;secret&gt;" in body or "&lt;secret&gt;" in body
    assert "s3cret" not in body


async def test_an_order_number_finds_the_event(shop: Shop, reader: Reader) -> None:
    await shop.keep(*an_order("1001"))

    assert "p-1001" in await reader.page("/event?id=1001")


async def test_what_was_denied_everywhere_says_so(shop: Shop, reader: Reader) -> None:
    visit = a_visit("page_view", "pv-1", consent=DENIED)
    names = set(Veto.__struct_fields__) & set(visit.__struct_fields__)
    await shop.keep(Veto(**{name: getattr(visit, name) for name in names}))

    body = await reader.page("/event/pv-1")

    assert "Everything was denied" in body
    assert "skipped:consent" in body


async def test_a_refused_hit_is_shown_with_its_reason_in_words(shop: Shop, reader: Reader) -> None:
    shop.tally.door("shop", "page_view", Wire.BROWSER, "refused:origin")
    await shop.tally.flush()

    assert "The page it came from is not one of the site&#39;s origins" in await reader.page("/live")


async def test_a_flood_says_what_it_left_out(shop: Shop, reader: Reader) -> None:
    for number in range(60):
        shop.tally.door("shop", "page_view", Wire.BROWSER, "accepted", f"pv-{number}")
    await shop.tally.flush()

    assert "10 more happened in that moment" in await reader.page("/live")


async def test_filters_narrow_the_view_and_stand_in_the_form(shop: Shop, reader: Reader) -> None:
    await shop.keep(a_visit("page_view", "pv-1"), a_visit("search", "se-1"))
    await shop.deliver("meta")

    body = await reader.page("/live?event=search&destination=meta")

    assert ">se-1<" in body
    assert ">pv-1<" not in body
    assert body.count('class="delivery"') == 1
    assert 'value="search"' in body
    assert '<option value="meta" selected>' in body


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/live", "No hit yet"),
        ("/live", "curl &#39;http://t.shop.example/i?event=page_view&#39;"),
        ("/live?event=search", "No hit yet"),
        ("/destinations", "Nothing was delivered yet, nothing waits."),
        ("/destinations/meta", "None. What a platform refuses for good would wait here"),
    ],
)
async def test_an_empty_page_says_the_next_step(reader: Reader, path: str, says: str) -> None:
    assert says in (await reader.page(path)).replace("'", "&#39;")


async def test_an_unknown_id_or_page_is_told_on_a_page(reader: Reader) -> None:
    assert "No event has the id" in (await reader.get("/event/nobody"))[1]
    assert (await reader.get("/event/nobody"))[0] == 404
    assert (await reader.get("/destinations/nobody"))[0] == 404
    assert "No such page" in (await reader.get("/nowhere"))[1]


async def test_a_store_that_is_away_is_told_on_a_page(serve: Serve) -> None:
    away = Database("redis://127.0.0.1:1/0")
    reader = await serve(Shop(away, a_console_plan()).desk())

    status, body = await reader.get("/live")

    assert status == 503
    assert "The store does not answer" in body
    await away.close()


async def test_dead_letters_are_grouped_replayed_and_dropped(shop: Shop, reader: Reader) -> None:
    await shop.keep(a_visit("search", "se-1"), a_visit("search", "se-2"), a_visit("search", "se-3"))
    fate = Fate(outcome=dead(Dead.REJECTED), reason="100", attempts=1, at_ms=now_ms())
    await shop.deliver("meta", fate, {"status": 400, "body": {"error": {"code": 100}}})
    page = await reader.page("/destinations/meta")
    letters = re.findall(r'value="([0-9a-f]{32})"', page)

    assert "The platform refused it: 100" in page
    assert re.search(r'<td class="right">3</td>', page)
    assert await reader.post("/admin/api/dead/replay", {"destination": "meta", "ids": letters[:1]}) == 200
    assert await reader.post("/admin/api/dead/drop", {"destination": "meta", "ids": letters[1:2]}) == 200

    after = await reader.page("/destinations/meta")
    assert re.findall(r'value="([0-9a-f]{32})"', after) == letters[2:]
    assert "1 waiting" in after


async def test_volumes_count_what_left_by_hour(shop: Shop, reader: Reader) -> None:
    await shop.keep(a_visit("search", "se-1"), a_visit("search", "se-2"))
    await shop.deliver("meta")
    await shop.deliver("tiktok", Fate(outcome=dead(Dead.EXPIRED), at_ms=now_ms()))

    _, body = await reader.get("/admin/api/volumes?hours=24")
    told = msgspec.json.decode(body)

    assert len(told["hours"]) == 24
    assert sum(told["destinations"]["meta"]["delivered"]) == 2
    assert sum(told["destinations"]["tiktok"]["dead"]) == 2
    # Google has no name for a search: skipped at the door.
    assert sum(told["destinations"]["google"]["skipped"]) == 2
    assert all(len(counts) == 24 for of in told["destinations"].values() for counts in of.values())


async def test_consent_says_who_answered_and_when_nobody_did(shop: Shop, reader: Reader) -> None:
    await shop.keep(msgspec.structs.replace(an_order("7")[1], consent=Consent()))
    held = await reader.page("/event/p-7")
    await shop.keep(a_visit("search", "se-1"), a_visit("search", "se-1", consent=DENIED))

    denied_later = await reader.page("/event/se-1")

    assert "Nothing has answered yet" in held
    assert "A copy that came later denied it" in denied_later


async def test_a_retry_is_told_with_its_attempts(shop: Shop, reader: Reader) -> None:
    await shop.keep(a_visit("search", "se-1"))
    await shop.deliver("meta", Fate(outcome=Pending.RETRYING, reason="http_503", attempts=2, at_ms=now_ms()))

    assert "Will be tried again: it answered with HTTP 503 · attempt 2" in await reader.page("/live")


async def test_the_locks_hold_for_pages_and_posts(shop: Shop, serve: Serve) -> None:
    reader = await serve(shop.desk(password=Secret("right"), hosts=frozenset({"console.example"})))
    key = {"Authorization": "Basic YWRtaW46cmlnaHQ="}
    wish = {"destination": "meta", "all": True}

    for path in (*PAGES, "/live/stream", "/static/console.css", "/admin/api/volumes"):
        assert (await reader.get(path, headers={"Host": "evil.example", **key}))[0] == 403, path
        assert (await reader.get(path))[0] == 401, path
        assert (await reader.get(path, headers={"Authorization": "Basic YWRtaW46d3Jvbmc="}))[0] == 401, path
    assert (await reader.get("/live", headers={"Host": "console.example", **key}))[0] == 200
    for deed in ("replay", "drop"):
        path = f"/admin/api/dead/{deed}"
        assert await reader.post(path, wish) == 401
        assert await reader.post(path, wish, headers={**key, "Origin": "https://evil.example"}) == 403
        assert await reader.post(path, wish, headers={**key, "Host": "evil.example"}) == 403
        async with reader.http.post(reader.url + path, data={"all": "1"}, headers=key) as answer:
            assert answer.status == 415
        assert await reader.post(path, wish, headers={**key, "Origin": reader.url}) == 200
    assert (await reader.get("/healthz"))[0] == 200
