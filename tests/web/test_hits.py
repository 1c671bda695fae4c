from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.core.event import Event, Veto, Wire
from gateway.core.site import Limits, PathNames
from tests.web.parts import DENIED, GRANTED, VISITOR, Gate, Open, site

FLAT = {f"consent.{purpose}": answer for purpose, answer in GRANTED.items()}
HERE = {"page_location": "https://shop.example/?gclid=Cj0&fbclid=IwAR0AbC"}


def cookies(headers: Any) -> dict[str, str]:
    return {line.partition("=")[0]: line for line in headers.getall("Set-Cookie", [])}


# --- the image


async def test_image_is_the_gif_and_never_cached(gate: Gate) -> None:
    status, headers, body = await gate.pixel({"event": "page_view", "event_id": "a1", **HERE, **FLAT})

    assert (status, len(body), body[:6]) == (200, 43, b"GIF89a")
    assert headers["Content-Type"] == "image/gif"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Tagway"] == "accepted"
    assert {"_tw_id", "_tw_click", "_fbp", "_fbc"} <= set(cookies(headers))
    assert gate.tally.doors == [("shop", "page_view", Wire.BROWSER, "accepted")]


async def test_same_image_again_is_a_duplicate(gate: Gate) -> None:
    for expected in ("accepted", "duplicate"):
        _, headers, _ = await gate.pixel({"event": "page_view", "event_id": "a1"})
        assert headers["X-Tagway"] == expected


@pytest.mark.parametrize("path", ["/i", "/pixel.gif"])
async def test_image_answers_by_both_names_and_204_on_wish(gate: Gate, path: str) -> None:
    status, headers, body = await gate.pixel({"event": "page_view", "r": "204"}, path=path)

    assert (status, body, headers["X-Tagway"]) == (204, b"", "accepted")


async def test_image_without_consent_sets_no_cookie(gate: Gate) -> None:
    _, headers, _ = await gate.pixel({"event": "page_view", **HERE})

    assert (headers["X-Tagway"], cookies(headers)) == ("accepted", {})
    assert isinstance(gate.shelf.copies[0], Veto)


async def test_image_without_page_takes_the_referer(gate: Gate) -> None:
    await gate.pixel({"event": "page_view", **FLAT}, {"Referer": "https://shop.example/?gclid=Cj0"})

    copy = gate.shelf.copies[0]
    assert isinstance(copy, Event)
    assert copy.page.location == "https://shop.example/?gclid=Cj0"
    assert copy.clicks["gclid"].id == "Cj0"


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"event": "§$%"}, "refused:event"),
        ({}, "refused:event"),
        ({"event": "purchase", "value": "NaN"}, "refused:value"),
        ({"event": "purchase", "value": "1e999"}, "refused:value"),
        ({"event": "x" * 70}, "refused:event"),
        ({"event": "purchase", "items": "{"}, "refused:items"),
        ({"event": "page_view", "event_id": "i" * 300}, "refused:event_id"),
        ({"event": "page_view", "timestamp": "soon"}, "refused:timestamp"),
        ({"event": "page_view", "x": "y" * 33_000}, "refused:size"),
    ],
)
async def test_bad_image_hit_is_still_the_image_with_its_reason(gate: Gate, params: dict[str, str], said: str) -> None:
    status, headers, body = await gate.pixel({**HERE, **FLAT, **params})

    assert (status, body[:3], headers["X-Tagway"], cookies(headers)) == (200, b"GIF", said, {})
    assert gate.shelf.copies == []
    assert gate.tally.last[3] == said


async def test_image_is_served_when_nothing_can_be_kept(gate: Gate) -> None:
    gate.shelf.is_down = True

    status, headers, body = await gate.pixel({"event": "page_view", **FLAT})

    assert (status, body[:3], headers["X-Tagway"]) == (200, b"GIF", "refused:unavailable")


async def test_image_is_served_when_we_are_broken(gate: Gate) -> None:
    gate.shelf.is_broken = True

    status, headers, body = await gate.pixel({"event": "page_view", **FLAT})

    assert (status, body[:3], headers["X-Tagway"]) == (200, b"GIF", "refused:unavailable")


async def test_image_is_no_hit_for_other_methods(gate: Gate) -> None:
    for method in ("HEAD", "POST", "PUT", "TRACE"):
        status, headers, _ = await gate.ask(method, "/i?event=page_view")
        assert (status, headers["Allow"]) == (405, "GET")
    assert gate.shelf.copies == []


# --- who may speak


@pytest.mark.parametrize(
    ("headers", "may"),
    [
        ({}, True),
        ({"Origin": "https://shop.example"}, True),
        ({"Origin": "https://shop.example", "Sec-Fetch-Site": "cross-site"}, True),
        ({"Origin": "https://t.shop.example", "Host": "t.shop.example"}, True),
        ({"Origin": "http://t.shop.example:8080", "Host": "t.shop.example:8080"}, True),
        (
            {"Origin": "https://t.shop.example", "X-Forwarded-Host": "t.shop.example", "X-Forwarded-Proto": "https"},
            True,
        ),
        ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Dest": "image"}, True),
        ({"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "empty"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": ""}, False),
        ({"Origin": "https://shop.example.evil.example"}, False),
        ({"Origin": "http://shop.example"}, False),
        ({"Origin": "https://shop.example:444"}, False),
        ({"Origin": "http://t.shop.example:9000", "Host": "t.shop.example:8080"}, False),
        (
            {"Origin": "http://t.shop.example", "X-Forwarded-Host": "t.shop.example", "X-Forwarded-Proto": "https"},
            False,
        ),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Dest": "document"}, False),
        ({"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "document"}, False),
    ],
)
async def test_only_the_site_itself_may_speak(gate: Gate, headers: dict[str, str], may: bool) -> None:
    status, told, body = await gate.pixel({"event": "page_view", **HERE, **FLAT}, headers)

    assert (status, body[:3]) == (200, b"GIF")
    assert told["X-Tagway"] == ("accepted" if may else "refused:origin")
    assert bool(cookies(told)) is may
    assert bool(gate.shelf.copies) is may


async def test_foreign_beacon_is_403_without_cookies_and_its_consent_is_not_read(gate: Gate) -> None:
    _, first, _ = await gate.pixel({"event": "page_view", **FLAT})
    jar = "; ".join(line.partition(";")[0] for line in cookies(first).values())

    status, headers, _ = await gate.beacon(
        {"event": "page_view", "consent": DENIED}, {"Origin": "https://evil.example", "Cookie": jar}
    )

    assert (status, headers["X-Tagway"], cookies(headers)) == (403, "refused:origin", {})
    assert "Access-Control-Allow-Origin" not in headers
    assert gate.tally.last == ("shop", "", Wire.BROWSER, "refused:origin")


# --- the beacon


async def test_beacon_is_204_with_cors_for_the_sites_origin(gate: Gate) -> None:
    status, headers, body = await gate.beacon({"event": "page_view", "event_id": "a", "consent": GRANTED, **HERE})

    assert (status, body, headers["X-Tagway"]) == (204, b"", "accepted")
    assert headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert headers["Access-Control-Allow-Credentials"] == "true"
    assert headers["Access-Control-Expose-Headers"] == "X-Tagway"
    assert headers["Vary"] == "Origin"
    assert headers["Cache-Control"] == "no-store"


async def test_cookies_have_exactly_their_attributes(gate: Gate) -> None:
    _, headers, _ = await gate.beacon({"event": "page_view", "consent": GRANTED, **HERE}, {"Host": "t.shop.example"})

    lines = cookies(headers)
    assert lines["_tw_id"].partition("; ")[2] == (
        "Max-Age=34560000; Path=/; SameSite=Lax; Domain=shop.example; Secure; HttpOnly"
    )
    assert lines["_tw_click"].partition("; ")[2] == (
        "Max-Age=7776000; Path=/; SameSite=Lax; Domain=shop.example; Secure; HttpOnly"
    )
    assert lines["_fbp"].endswith("; Path=/; SameSite=Lax; Domain=shop.example; Secure")


async def test_plain_http_localhost_gets_host_only_cookies_without_secure(gate: Gate) -> None:
    _, headers, _ = await gate.beacon({"event": "page_view", "consent": GRANTED})

    assert "Secure" not in cookies(headers)["_tw_id"]
    assert "Domain" not in cookies(headers)["_tw_id"]


async def test_only_vendors_that_the_site_delivers_to_get_cookies(open_gate: Open) -> None:
    gate = await open_gate(site(destinations=("echo", "tiktok", "gone")))

    _, headers, _ = await gate.beacon({"event": "page_view", "consent": GRANTED, **HERE})

    assert set(cookies(headers)) == {"_tw_id", "_tw_click", "_ttp"}


async def test_batch_says_its_counts_and_refuses_event_by_event(gate: Gate) -> None:
    events = [{"event": "page_view", "event_id": str(n % 8)} for n in range(10)] + [{"event": "§"}, 5]

    status, headers, _ = await gate.beacon({"events": events})

    assert (status, headers["X-Tagway"]) == (204, "accepted=8,duplicate=2,refused=2")
    assert len(gate.shelf.copies) == 10


@pytest.mark.parametrize("body", [[], {"events": []}])
async def test_empty_batch_is_readable(gate: Gate, body: Any) -> None:
    status, headers, _ = await gate.beacon(body)

    assert (status, headers["X-Tagway"]) == (204, "accepted=0")


async def test_single_refused_event_is_204_with_its_reason(gate: Gate) -> None:
    status, headers, _ = await gate.beacon({"event": "purchase", "value": True})

    assert (status, headers["X-Tagway"]) == (204, "refused:value")


async def test_batch_sets_each_cookie_once_and_its_events_agree(gate: Gate) -> None:
    events = [
        {"event": "page_view", "event_id": "1", "consent": GRANTED, **HERE},
        {"event": "view_item", "event_id": "2", "consent": GRANTED},
        {"event": "view_item", "event_id": "3", "consent": GRANTED, "page_location": "https://shop.example/?ttclid=T"},
    ]

    _, headers, _ = await gate.beacon({"events": events})

    names = [line.partition("=")[0] for line in headers.getall("Set-Cookie")]
    assert len(names) == len(set(names))
    first, second, third = gate.shelf.copies
    assert isinstance(first, Event)
    assert isinstance(second, Event)
    assert isinstance(third, Event)
    assert first.browser == second.browser
    assert set(third.clicks) == {"gclid", "fbclid", "ttclid"}


@pytest.mark.parametrize(("order", "kept"), [((GRANTED, DENIED), False), ((DENIED, GRANTED), True)])
async def test_last_word_on_consent_in_a_batch_decides_the_cookies(
    gate: Gate, order: tuple[dict[str, str], ...], kept: bool
) -> None:
    events = [{"event": "page_view", "consent": consent} for consent in order]

    _, headers, _ = await gate.beacon({"events": events})

    assert ("Max-Age=34560000" in cookies(headers).get("_tw_id", "")) is kept


async def test_withdrawn_consent_deletes_our_cookies(gate: Gate) -> None:
    _, first, _ = await gate.beacon({"event": "page_view", "consent": GRANTED, **HERE}, {"Host": "t.shop.example"})
    jar = "; ".join(line.partition(";")[0] for line in cookies(first).values())

    _, headers, _ = await gate.beacon(
        {"event": "page_view", "consent": DENIED}, {"Host": "t.shop.example", "Cookie": jar}
    )

    lines = cookies(headers)
    assert set(lines) == {"_tw_id", "_tw_click"}
    assert all("Max-Age=0" in line and "Domain=shop.example" in line for line in lines.values())


@pytest.mark.parametrize(
    "silent", [{}, {"consent": {}}, {"consent": {"ad_storage": "", "analytics_storage": None}}, {"consent": []}]
)
async def test_who_says_nothing_takes_no_cookie_away(gate: Gate, silent: dict[str, Any]) -> None:
    _, first, _ = await gate.beacon({"event": "page_view", "consent": GRANTED, **HERE})
    jar = {"Cookie": "; ".join(line.partition(";")[0] for line in cookies(first).values())}

    _, beacon, _ = await gate.beacon({"event": "page_view", "event_id": "b", **silent}, jar)
    _, image, _ = await gate.pixel({"event": "page_view", "event_id": "i"}, jar)

    assert cookies(first).keys() >= {"_tw_id", "_tw_click"}
    assert cookies(beacon) == cookies(image) == {}
    assert [type(copy) for copy in gate.shelf.copies] == [Event, Veto, Veto]


async def test_what_a_later_event_of_the_request_denies_is_not_set(gate: Gate) -> None:
    def events(*said: Any) -> dict[str, Any]:
        return {"events": [{"event": "page_view", "consent": consent, **HERE} for consent in said]}

    _, granted, _ = await gate.beacon(events(GRANTED))
    _, denied, _ = await gate.beacon(events(GRANTED, DENIED))
    _, no_ads, _ = await gate.beacon(events(GRANTED, {**GRANTED, "ad_storage": "denied"}))
    _, silent, _ = await gate.beacon(events(GRANTED, {}))
    _, again, _ = await gate.beacon(events(GRANTED, DENIED, GRANTED))

    vendors = {"_fbp", "_fbc", "_ttp", "_gcl_aw"}
    assert (
        cookies(granted).keys() == cookies(silent).keys() == cookies(again).keys() == {"_tw_id", "_tw_click", *vendors}
    )
    assert all("Max-Age=0" in line for line in cookies(denied).values())
    assert cookies(denied).keys() == {"_tw_id", "_tw_click"}
    assert cookies(no_ads).keys() == {"_tw_id", "_tw_click"}
    assert "Max-Age=0" in cookies(no_ads)["_tw_click"]
    last = gate.shelf.copies[-1]
    assert isinstance(last, Event)
    assert last.browser.cookies["fbp"] == cookies(again)["_fbp"].partition(";")[0].partition("=")[2]


async def test_the_cookie_set_is_the_one_that_the_page_names(gate: Gate) -> None:
    ids = {"fbp": "fb.1.1795305600000.9", "ttp": "2abCDEfghIJklmNOPqrstUVwxyz"}

    _, newcomer, _ = await gate.beacon({"event": "page_view", "consent": GRANTED, "ids": ids})
    _, known, _ = await gate.beacon(
        {"event": "page_view", "consent": GRANTED, "ids": ids}, {"Cookie": "_fbp=fb.1.1795300000000.5"}
    )

    assert cookies(newcomer)["_fbp"].startswith("_fbp=fb.1.1795305600000.9;")
    assert cookies(newcomer)["_ttp"].startswith("_ttp=2abCDEfghIJklmNOPqrstUVwxyz;")
    assert "_fbp" not in cookies(known)


async def test_visitor_is_who_the_trusted_proxies_say(gate: Gate) -> None:
    await gate.beacon({"event": "page_view", "consent": GRANTED}, {"X-Forwarded-For": f"9.9.9.9, {VISITOR}"})

    copy = gate.shelf.copies[0]
    assert isinstance(copy, Event)
    assert copy.browser.ip == VISITOR


async def test_gpc_and_country_are_heard(open_gate: Open) -> None:
    gate = await open_gate(country_header="CF-IPCountry")

    await gate.beacon({"event": "page_view", "consent": GRANTED}, {"Sec-GPC": "1"})

    copy = gate.shelf.copies[0]
    assert isinstance(copy, Event)
    assert copy.consent.by["ad_storage"] == "gpc"


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"", 400, "refused:body"),
        (b"{", 400, "refused:body"),
        (b"5", 400, "refused:body"),
        (b"event=page_view", 400, "refused:body"),
        pytest.param(b"[" * 100_000, 400, "refused:body", id="deep"),
        pytest.param(b"[" + b",".join([b"{}"] * 1001) + b"]", 413, "refused:size", id="1001 events"),
        pytest.param(b'{"event":"' + b"x" * 1024 * 1024 + b'"}', 413, "refused:size", id="over 1 MiB"),
        pytest.param(
            json.dumps({"event": "page_view", "x": "y" * 65536}).encode(), 204, "refused:size", id="large event"
        ),
    ],
)
async def test_body_that_cannot_be_read_is_400_or_413(gate: Gate, body: bytes, status: int, said: str) -> None:
    answer, headers, _ = await gate.beacon(body)

    assert (answer, headers["X-Tagway"]) == (status, said)
    assert headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert gate.tally.last[3] == said


async def test_packed_beacon_is_not_unpacked(gate: Gate) -> None:
    status, _, _ = await gate.beacon(b"\x1f\x8b", {"Content-Encoding": "gzip"})

    assert status == 400


@pytest.mark.parametrize("broken", [False, True])
async def test_beacon_is_503_when_nothing_can_be_kept(gate: Gate, broken: bool) -> None:
    gate.shelf.is_down, gate.shelf.is_broken = not broken, broken

    status, headers, _ = await gate.beacon({"event": "page_view", "consent": GRANTED})

    assert (status, headers["X-Tagway"]) == (503, "refused:unavailable")
    assert int(headers["Retry-After"]) > 0


async def test_nothing_is_asked_of_the_store_when_all_is_refused(gate: Gate) -> None:
    gate.shelf.is_down = True

    status, headers, _ = await gate.beacon([{"event": "§"}])

    assert (status, headers["X-Tagway"]) == (204, "refused=1")


# --- preflight


async def test_preflight_allows_the_sites_origins_only(gate: Gate) -> None:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}

    status, headers, _ = await gate.ask("OPTIONS", "/e", headers={**asked, "Origin": "https://shop.example"})
    assert status == 204
    assert headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert headers["Access-Control-Allow-Credentials"] == "true"
    assert headers["Access-Control-Allow-Headers"] == "Content-Type"
    assert headers["Vary"] == "Origin"

    for origin in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {}):
        status, headers, _ = await gate.ask("OPTIONS", "/e", headers={**asked, **origin})
        assert (status, headers["Vary"]) == (403, "Origin")
        assert not [name for name in headers if name.startswith("Access-Control")]
    assert gate.tally.doors == []


# --- what strangers may know


async def twin(gate: Gate, headers: dict[str, str]) -> str:
    await gate.server({"event": "purchase", "event_id": "ord-1"})
    _, told, _ = await gate.beacon({"event": "purchase", "event_id": "ord-1", "consent": GRANTED}, headers)
    return told["X-Tagway"]


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize(
    ("headers", "full"),
    [
        ({}, False),
        ({"Authorization": "Bearer wrong"}, False),
        ({"Authorization": "Bearer api-key"}, True),
        ({"X-Forwarded-For": "127.0.0.1"}, True),
    ],
)
async def test_strangers_read_accepted_for_merged_and_late(
    gate: Gate, headers: dict[str, str], full: bool, late: bool
) -> None:
    gate.shelf.late = late

    assert await twin(gate, headers) == (("late" if late else "merged") if full else "accepted")
    assert gate.tally.last[3] == ("late" if late else "merged"), "the counters know"


async def test_debug_tells_everybody(open_gate: Open) -> None:
    assert await twin(await open_gate(debug=True), {}) == "merged"


# --- limits


async def test_address_past_its_limit_is_429_and_the_image_served(open_gate: Open) -> None:
    gate = await open_gate(site(limits=Limits(per_address="2/m")))

    said = [(await gate.pixel({"event": "page_view"}))[1]["X-Tagway"] for _ in range(3)]
    status, headers, _ = await gate.beacon({"event": "page_view"})
    other, _, _ = await gate.beacon({"event": "page_view"}, {"X-Forwarded-For": "5.6.7.8"})
    gate.clock.now_ms += 30_000
    later, _, _ = await gate.beacon({"event": "page_view"})

    assert said == ["accepted", "accepted", "refused:rate"]
    assert (status, headers["X-Tagway"]) == (429, "refused:rate")
    assert int(headers["Retry-After"]) > 0
    assert (other, later) == (204, 204)


async def test_events_of_a_batch_are_counted_each(open_gate: Open) -> None:
    gate = await open_gate(site(limits=Limits(per_address="10/s")))

    await gate.beacon([{"event": "page_view"}] * 10)
    status, _, _ = await gate.beacon({"event": "page_view"})

    assert status == 429


# --- where a site answers


async def test_renamed_paths_answer_beside_the_public_names(open_gate: Open) -> None:
    gate = await open_gate(site(paths=PathNames(image="/b.png", events="/w")))

    assert (await gate.pixel({"event": "page_view"}, path="/b.png"))[0] == 200
    assert (await gate.beacon({"event": "page_view"}, path="/w"))[0] == 204
    assert (await gate.beacon({"event": "page_view"}, path="/events"))[0] == 204
    assert (await gate.beacon({"event": "page_view"}, path="/e"))[0] == 404


async def test_mounted_site_answers_below_its_path_and_wins_over_the_root(open_gate: Open) -> None:
    mounted = site(name="mounted", path="/m", api_keys=())
    gate = await open_gate(site(), mounted)

    await gate.pixel({"event": "page_view"}, path="/m/i")
    assert gate.tally.last[0] == "mounted"
    await gate.pixel({"event": "page_view"}, path="/i")
    assert gate.tally.last[0] == "shop"
    for path in ("/m", "/mi", "/m/m/i", "/nothing", "/"):
        status, _, _ = await gate.pixel({"event": "page_view"}, path=path)
        assert status == 404


async def test_forwarded_host_names_the_site_from_trusted_proxies_only(open_gate: Open) -> None:
    sites = (site(name="a", hosts=("a.example",), api_keys=()), site(name="b", hosts=("127.0.0.1",), api_keys=()))
    trusting, proud = await open_gate(*sites), await open_gate(*sites, trusted=())

    for gate, name in ((trusting, "a"), (proud, "b")):
        await gate.pixel({"event": "page_view"}, {"X-Forwarded-Host": "A.example"})
        assert gate.tally.last[0] == name


async def test_reload_is_seen_by_the_next_request(gate: Gate) -> None:
    from tests.web.parts import directory

    gate.front.directory = directory(site(name="new"))
    await gate.pixel({"event": "page_view"})

    assert gate.tally.last[0] == "new"
