"""Vendor scripts from the site's own host, from outside: what goes to the vendor, and what comes to a visitor."""

from __future__ import annotations

import asyncio
import gzip
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.core.site import ProxyRoute, Site
from gateway.web.proxy import MAX_QUERY_CHARS, Proxy, passing
from gateway.web.scripts import AGAIN_S, MIN_FRESH_S, Scripts
from gateway.web.upstream import Upstream
from tests.fixtures.gateway import wait_until
from tests.web import parts
from tests.web.parts import Gate, Open
from tests.web.vendor import SCRIPT, Vendor, packed, said, vending

PAGE = "https://shop.example"
IDENTITY = {"Accept-Encoding": "identity"}


@pytest.fixture
async def vendor() -> AsyncIterator[Vendor]:
    async with vending(said(Cache_Control="private, max-age=900")) as vendor:
        yield vendor


def routed(vendor: Vendor, **more: Any) -> Site:
    query = {"id": ("G-ABC123", "AW-9 &\r\nX: y"), "l": ("dataLayer",)}
    return parts.site(proxy=(ProxyRoute(path="/lib/a.js", upstream=vendor.url(), query=query),), **more)


@pytest.fixture
async def shop(open_gate: Open, vendor: Vendor) -> Gate:
    return await open_gate(routed(vendor))


class Time:
    """Stands still until it is moved."""

    now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


async def aged(gate: Gate) -> Time:
    """Give a gate a proxy whose clock the test moves."""
    time = Time()
    await gate.front.close()
    gate.front.proxy = Proxy(counted=gate.tally.proxied, scripts=Scripts(Upstream(total_s=0.5), now_s=time))
    return time


async def test_a_script_comes_from_the_sites_own_host(shop: Gate, vendor: Vendor) -> None:
    status, headers, body = await shop.ask("GET", "/lib/a.js?id=G-ABC123", headers=IDENTITY)

    assert (status, body) == (200, SCRIPT)
    assert vendor.targets == ["/gtag/js?id=G-ABC123"]
    assert headers["Content-Type"] == "application/javascript; charset=utf-8"
    assert headers["Cache-Control"] == "public, max-age=900, stale-while-revalidate=86400, stale-if-error=604800"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert headers["Vary"] == "Accept-Encoding, Origin"
    assert shop.tally.scripts == [("shop", "/lib/a.js", "fetched")]


async def test_the_second_visitor_costs_the_vendor_nothing(shop: Gate, vendor: Vendor) -> None:
    bodies = [(await shop.ask("GET", "/lib/a.js?id=G-ABC123"))[2] for _ in range(5)]

    assert bodies == [SCRIPT] * 5
    assert len(vendor.heads) == 1
    assert [how for _, _, how in shop.tally.scripts] == ["fetched", *["fresh"] * 4]


async def test_five_hundred_visitors_cost_the_vendor_one_request(shop: Gate, vendor: Vendor) -> None:
    vendor.held.clear()
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(shop.ask("GET", "/lib/a.js?id=G-ABC123")) for _ in range(500)]
        async with asyncio.timeout(60):
            await vendor.asked.wait()
        vendor.held.set()

    assert {(task.result()[0], task.result()[2]) for task in asked} == {(200, SCRIPT)}
    assert len(vendor.heads) == 1


# --- what goes to the vendor -------------------------------------------------------------------------


async def test_nothing_of_a_visitor_goes_to_the_vendor(shop: Gate, vendor: Vendor) -> None:
    visitor = {
        "Cookie": "_tw_id=1.AAAAAAAAAAAAAAAAAAAAAA.1795305600; session=secret",
        "Authorization": "Bearer api-key",
        "Referer": "https://shop.example/cart?email=jo@shop.example",
        "User-Agent": "Jo's own browser",
        "Origin": PAGE,
        "X-Forwarded-For": "81.2.69.142",
        "Accept-Language": "de-DE",
        "Accept": "text/x-jo",
        "Sec-CH-UA": "jo",
        "X-Anything": "else",
        "If-None-Match": '"jo"',
        "If-Modified-Since": "Sun, 22 Nov 2026 00:00:00 GMT",
        "Range": "bytes=0-10",
        "Cache-Control": "no-cache",
        "Connection": "X-Anything",
    }

    status, _, body = await shop.ask("GET", "/lib/a.js?id=G-ABC123", headers=visitor)

    assert (status, body) == (200, SCRIPT)
    lines = vendor.lines()
    assert lines.pop("user-agent").startswith("Tagway/")
    assert lines == {"host": f"127.0.0.1:{vendor.port}", "accept": "*/*", "accept-encoding": "gzip"}


@pytest.mark.parametrize(
    ("query", "target"),
    [
        ("", "/gtag/js"),
        ("?", "/gtag/js"),
        ("?id=G-ABC123&l=dataLayer", "/gtag/js?id=G-ABC123&l=dataLayer"),
        ("?l=dataLayer&id=G-ABC123", "/gtag/js?id=G-ABC123&l=dataLayer"),
        ("?fbclid=jo&id=G-ABC123&email=jo@shop.example&ID=1", "/gtag/js?id=G-ABC123"),
        ("?%69d=%47-ABC123", "/gtag/js?id=G-ABC123"),
        ("?id=AW-9+%26%0D%0AX:%20y", "/gtag/js?id=AW-9+%26%0D%0AX:+y"),
        ("?//evil.example/&@evil.example=1", "/gtag/js"),
    ],
)
async def test_what_the_route_names_passes_in_the_routes_order(
    shop: Gate, vendor: Vendor, query: str, target: str
) -> None:
    assert (await shop.ask("GET", f"/lib/a.js{query}"))[0] == 200
    assert vendor.targets == [target]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("id=G-OTHER", "id: no value that passes here"),
        ("id=g-abc123", "id: no value that passes here"),
        ("id=", "id: no value that passes here"),
        ("id=G-ABC123%00", "id: no value that passes here"),
        ("id=G-ABC123&id=G-ABC123", "id: is given twice"),
        ("l=dataLayer&id=%0d%0aHost:%20evil", "id: no value that passes here"),
        ("x=" + "y" * MAX_QUERY_CHARS, f"the query is longer than {MAX_QUERY_CHARS} characters"),
    ],
)
async def test_what_does_not_pass_is_told_by_its_name_and_asks_nobody(
    shop: Gate, vendor: Vendor, query: str, words: str
) -> None:
    status, headers, body = await shop.ask("GET", f"/lib/a.js?{query}")

    assert (status, body.decode()) == (404, f"{words}\n")
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert headers["Cache-Control"] == "no-store"
    assert vendor.heads == []
    assert shop.tally.scripts == [("shop", "/lib/a.js", "refused")]


def test_a_route_without_parameters_passes_none() -> None:
    assert passing(ProxyRoute(path="/a.js", upstream="https://x.example/a.js"), "id=1&x=2") == ()


async def raw(gate: Gate, head: str) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", gate.port)
    writer.write(f"{head}\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/lib/../lib/a.js", 404),
        ("/lib/%2e%2e/lib/a.js", 404),
        ("/lib/a.js/../../secret", 404),
        ("/lib/a.js/", 404),
        ("//lib/a.js", 404),
        ("/lib/a.js%2f..%2fsecret", 404),
        ("/lib/a.js;x=1", 404),
        ("/lib/a.js%00", 404),
        ("/LIB/A.JS", 404),
        ("http://evil.example/lib/a.js", 404),
        ("http://t.shop.example/lib/a.js", 200),
        ("/lib/%61.js", 200),
    ],
)
async def test_no_spelling_of_a_path_changes_what_is_asked(
    shop: Gate, vendor: Vendor, target: str, status: int
) -> None:
    answer = await raw(shop, f"GET {target} HTTP/1.1\r\nHost: t.shop.example")

    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert set(vendor.targets) <= {"/gtag/js"}


async def test_a_route_stands_on_its_own_site_alone(open_gate: Open, vendor: Vendor) -> None:
    other = parts.site(name="other", hosts=("t.other.example",), api_keys=())
    gate = await open_gate(routed(vendor, path="/m"), other)

    assert (await gate.ask("GET", "/m/lib/a.js"))[0] == 200
    assert (await gate.ask("GET", "/lib/a.js"))[0] == 404
    assert (await gate.ask("GET", "/lib/a.js", headers={"Host": "t.other.example"}))[0] == 404
    assert (await gate.ask("GET", "/m/lib/a.js", headers={"Host": "t.other.example"}))[0] == 404
    assert (await gate.ask("GET", "/m/lib/a.js", headers={"Host": "nobody.example"}))[0] == 404
    assert len(vendor.heads) == 1


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
async def test_other_methods_are_told_which_there_are(shop: Gate, vendor: Vendor, method: str) -> None:
    status, headers, _ = await shop.ask(method, "/lib/a.js")

    assert (status, headers["Allow"]) == (405, "GET, HEAD")
    assert vendor.heads == []


# --- what comes to a visitor -------------------------------------------------------------------------


async def test_a_head_is_a_get_without_the_script(shop: Gate) -> None:
    status, headers, body = await shop.ask("HEAD", "/lib/a.js", headers=IDENTITY)

    assert (status, body) == (200, b"")
    assert headers["Content-Length"] == str(len(SCRIPT))
    assert headers["ETag"] == (await shop.ask("GET", "/lib/a.js"))[1]["ETag"]


async def test_it_travels_packed_to_who_can_unpack_it(shop: Gate, vendor: Vendor) -> None:
    vendor.answers = [packed()]
    async with shop.http.get(shop.url("/lib/a.js"), headers={"Accept-Encoding": "br, gzip"}) as answer:
        told, unpacked = answer.headers, await answer.read()
    _, plain, body = await shop.ask("GET", "/lib/a.js", headers=IDENTITY)

    assert told["Content-Encoding"] == "gzip"
    assert int(told["Content-Length"]) == len(gzip.compress(SCRIPT, mtime=0))
    assert "Content-Encoding" not in plain
    assert unpacked == body == SCRIPT
    assert told["ETag"] == plain["ETag"]


async def test_a_browser_that_has_it_is_told_so(shop: Gate) -> None:
    _, headers, _ = await shop.ask("GET", "/lib/a.js", headers=IDENTITY)

    status, again, body = await shop.ask("GET", "/lib/a.js", headers={"If-None-Match": headers["ETag"]})

    assert (status, body, again["ETag"]) == (304, b"", headers["ETag"])
    assert again["Cache-Control"].startswith("public, max-age=")
    assert (await shop.ask("GET", "/lib/a.js", headers={"If-None-Match": '"other"'}))[0] == 200


async def test_of_the_vendors_headers_none_passes_but_the_type(shop: Gate, vendor: Vendor) -> None:
    theirs: dict[str, Any] = {
        "Set_Cookie": "id=1; Domain=shop.example",
        "Access_Control_Allow_Origin": "*",
        "Access_Control_Allow_Credentials": "true",
        "Content_Security_Policy": "default-src 'none'",
        "Strict_Transport_Security": "max-age=1",
        "Clear_Site_Data": '"cookies"',
        "Service_Worker_Allowed": "/",
        "Link": "<https://evil.example>; rel=preload",
        "Refresh": "0; url=https://evil.example",
        "Last_Modified": "Sun, 22 Nov 2026 00:00:00 GMT",
        "ETag": '"theirs"',
        "X_Tagway": "accepted",
    }
    vendor.answers = [said(**theirs)]

    _, headers, _ = await shop.ask("GET", "/lib/a.js", headers=IDENTITY)

    assert {name.lower() for name in headers} == {
        "cache-control", "content-length", "content-type", "cross-origin-resource-policy", "date", "etag", "server",
        "vary", "x-content-type-options",
    }  # fmt: skip
    assert "theirs" not in headers["ETag"]


@pytest.mark.parametrize(("origin", "allowed"), [(PAGE, PAGE), ("https://evil.example", None), ("null", None)])
async def test_only_the_sites_pages_may_read_it(shop: Gate, origin: str, allowed: str | None) -> None:
    for _ in range(2):
        status, headers, _ = await shop.ask("GET", "/lib/a.js", headers={"Origin": origin})

        assert (status, headers.get("Access-Control-Allow-Origin")) == (200, allowed)
        assert "Access-Control-Allow-Credentials" not in headers


# --- when the vendor is not well ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (said(302, b"", Location="http://169.254.169.254/"), "status_302"),
        (said(404, b"<h1>no</h1>", Content_Type="text/html"), "status_404"),
        (said(500, b"<h1>oops</h1>", Content_Type="text/html"), "status_500"),
        (said(Content_Type="text/html"), "type"),
        (said(Content_Length="99999"), "cut_off"),
        (packed(b"\0" * (1 << 23)), "too_large"),
        (b"garbage\r\n\r\n", "not_http"),
        (b"", "disconnected"),
    ],
)
async def test_a_vendor_that_is_not_well_has_a_plain_answer(
    shop: Gate, vendor: Vendor, answer: bytes, reason: str
) -> None:
    vendor.answers = [answer]

    status, headers, body = await shop.ask("GET", "/lib/a.js")

    assert (status, body.decode()) == (502, f"the script could not be had ({reason})\n")
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert (headers["Cache-Control"], headers["Retry-After"]) == ("no-store", str(AGAIN_S))
    asked = len(vendor.heads)  # twice where nothing came back: the library's own second try
    assert asked <= 2
    assert (await shop.ask("GET", "/lib/a.js"))[0] == 502
    assert len(vendor.heads) == asked
    assert shop.tally.scripts == [("shop", "/lib/a.js", "failed")] * 2


async def test_a_vendor_that_hangs_is_not_waited_for(shop: Gate, vendor: Vendor) -> None:
    await aged(shop)
    vendor.held.clear()

    status, _, body = await shop.ask("GET", "/lib/a.js")

    assert (status, body.decode()) == (504, "the script was not there in time (timeout)\n")
    assert shop.tally.scripts == [("shop", "/lib/a.js", "late")]


async def test_hits_go_on_while_a_vendor_hangs(shop: Gate, vendor: Vendor) -> None:
    vendor.held.clear()
    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(shop.ask("GET", "/lib/a.js")) for _ in range(50)]
        statuses = [(await shop.pixel({"event": "page_view"}))[0] for _ in range(20)]

        assert statuses == [200] * 20
        assert not any(task.done() for task in waiting)
        vendor.held.set()


async def test_an_old_script_is_given_while_the_vendor_is_away(shop: Gate, vendor: Vendor) -> None:
    time = await aged(shop)
    assert (await shop.ask("GET", "/lib/a.js"))[0] == 200
    vendor.answers = [said(302, b"", Location="/elsewhere")]
    time.now_s += 900

    for _ in range(3):
        status, headers, body = await shop.ask("GET", "/lib/a.js")

        assert (status, body) == (200, SCRIPT)
        assert headers["Cache-Control"].startswith(f"public, max-age={MIN_FRESH_S},")
    assert [how for _, _, how in shop.tally.scripts] == ["fetched", *["stale"] * 3]


async def test_a_newer_script_arrives_behind_the_visitors_backs(shop: Gate, vendor: Vendor) -> None:
    time = await aged(shop)
    await shop.ask("GET", "/lib/a.js")
    vendor.answers = [said(body=b"newer()")]
    time.now_s += 900

    assert (await shop.ask("GET", "/lib/a.js"))[2] == SCRIPT

    async def is_newer() -> bool:
        return (await shop.ask("GET", "/lib/a.js"))[2] == b"newer()"

    assert await wait_until(is_newer)
    assert len(vendor.heads) == 2


# --- reload ------------------------------------------------------------------------------------------


async def test_a_reload_keeps_what_it_did_not_change(shop: Gate, vendor: Vendor) -> None:
    await shop.ask("GET", "/lib/a.js?id=G-ABC123")

    shop.front.use(parts.directory(routed(vendor, bots="drop")))

    assert (await shop.ask("GET", "/lib/a.js?id=G-ABC123"))[2] == SCRIPT
    assert len(vendor.heads) == 1


async def test_a_reload_brings_other_routes_and_forgets_the_old(shop: Gate, vendor: Vendor) -> None:
    await shop.ask("GET", "/lib/a.js?id=G-ABC123")
    moved = parts.site(proxy=(ProxyRoute(path="/b.js", upstream=vendor.url(), query={"id": ("G-NEW",)}),))

    shop.front.use(parts.directory(moved))

    assert (await shop.ask("GET", "/lib/a.js?id=G-ABC123"))[0] == 404
    assert (await shop.ask("GET", "/b.js?id=G-NEW"))[0] == 200
    assert (await shop.ask("GET", "/b.js?id=G-ABC123"))[0] == 404
    shop.front.use(parts.directory(routed(vendor)))
    assert (await shop.ask("GET", "/lib/a.js?id=G-ABC123"))[0] == 200
    assert vendor.targets == ["/gtag/js?id=G-ABC123", "/gtag/js?id=G-NEW", "/gtag/js?id=G-ABC123"]


async def test_a_reload_may_bring_the_first_route(gate: Gate, vendor: Vendor) -> None:
    assert gate.front.proxy is None
    assert (await gate.ask("GET", "/lib/a.js"))[0] == 404

    gate.front.use(parts.directory(routed(vendor)))

    assert (await gate.ask("GET", "/lib/a.js"))[0] == 200


def test_a_gateway_without_routes_does_not_load_the_proxy() -> None:
    asks = "import sys, gateway.web.public, gateway.web.lane; print('gateway.web.proxy' in sys.modules)"

    ran = subprocess.run([sys.executable, "-c", asks], capture_output=True, text=True, check=True)

    assert ran.stdout == "False\n"
