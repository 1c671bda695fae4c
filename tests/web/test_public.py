from __future__ import annotations

import asyncio

import pytest
import structlog
from aiohttp import web

from gateway.core.event import Event, Wire
from gateway.web.body import READ_TIMEOUT_S
from gateway.web.public import ROUTES, Route, create_public_app
from tests.web import parts
from tests.web.parts import GRANTED, Gate

HOST = b"Host: 127.0.0.1\r\n"


async def raw(gate: Gate, sent: bytes, *, half_close: bool = True) -> bytes:
    """Send bytes as they are; return what comes back until the connection ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gate.port)
    try:
        writer.write(sent)
        await writer.drain()
        if half_close:
            writer.write_eof()
        async with asyncio.timeout(READ_TIMEOUT_S + 10):
            return await reader.read(100_000)
    except ConnectionError:
        return b""
    finally:
        writer.close()


def get(path: bytes, *lines: bytes) -> bytes:
    return (
        b"GET "
        + path
        + b" HTTP/1.1\r\n"
        + HOST
        + b"".join(line + b"\r\n" for line in lines)
        + b"Connection: close\r\n\r\n"
    )


def post(body: bytes, *lines: bytes) -> bytes:
    head = b"POST /e HTTP/1.1\r\n" + HOST + b"".join(line + b"\r\n" for line in lines) + b"Connection: close\r\n\r\n"
    return head + body


async def test_health_answers_any_host(gate: Gate) -> None:
    for headers in ({}, {"Host": "nobody.example"}, {"Host": "[]"}):
        assert (await gate.ask("GET", "/healthz", headers=headers))[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/i?event=a", 200),
        ("POST", "/e", 200),
        ("GET", "/", 200),
        ("GET", "/t.js", 404),
        ("GET", "/lib/a.js", 404),
        ("POST", "/api/v2/pixel", 404),
        ("POST", "/api/events/", 404),
        ("POST", "/m/api/events", 404),
        ("POST", "/m/api/events/", 404),
        ("GET", "/apis", 200),
    ],
)
async def test_unknown_host_has_a_picture_and_nothing_to_run(gate: Gate, method: str, path: str, status: int) -> None:
    answer, headers, body = await gate.ask(method, path, headers={"Host": "nobody.example"})

    assert (answer, headers["X-Tagway"], body[:3] == b"GIF") == (status, "refused:host", status == 200)
    assert gate.tally.doors == [("-", "", Wire.BROWSER, "refused:host")]


@pytest.mark.parametrize(
    "sent",
    [
        get(b"/i?event=page_view", b"Cookie: _tw_id=caf\xe9; \xff=\xfe; _fbp=\x80", b"User-Agent: caf\xe9 \xf0\x9f"),
        get(b"/i?event=page_view", b"Referer: https://shop.example/\xe9?gclid=\xff", b"Accept-Language: \xe9"),
        get(b"/i?event=page_view", b"Origin: \xe9"),
        get(b"/i?event=page_view&x=%00%ff%ED%A0%80&page_title=%ud83d&value=1"),
        get(b"/i?event=page_view&user.email=%ff%40%ff&ids.gclid=%0d%0aSet-Cookie:a=b"),
        get(b"/%ff%00/..%2f..%2fi?event=page_view"),
        get(b"/i?event=page_view", b"Cookie: " + b"a=b; " * 10_000),
        get(b"/i?event=page_view", b"X-Long: " + b"x" * 70_000),
        get(b"/i?event=" + b"x" * 70_000),
        get(b"/i?event=page_view", b"X-Forwarded-For: \xe9, 999.999.999.999", b"X-Forwarded-Host: \xe9",
            b"X-Forwarded-Proto: gopher"),
        get(b"/i?event=page_view", b"Cookie: _tw_id=a; _tw_id=b; _tw_click; =x; ;;;"),
        get(b"http://evil.example/i?event=page_view"),
        b"GET /i?event=page_view\r\n\r\n",
        b"GET /i HTTP/0.9\r\n\r\n",
        b"GET /i HTTP/1.1\r\n\r\n",
        b"GET /i HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /i HTTP/1.1\r\nHost: \xe9\xff\r\nConnection: close\r\n\r\n",
        b"GET /i HTTP/1.1\r\nHost: [::1\r\nConnection: close\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n",
        b"CONNECT evil.example:443 HTTP/1.1\r\n" + HOST + b"\r\n",
        b"TRACE /i HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x00" * 100,
        post(b"{}", b"Content-Length: -5"),
        post(b"{}", b"Content-Length: +5"),
        post(b"{}", b"Content-Length: 2", b"Content-Length: 2"),
        post(b"{}", b"Content-Length: 5"),
        post(b"{}", b"Content-Length: 99999999999999999999"),
        post(b"{}", b"Content-Length: 2", b"Transfer-Encoding: chunked"),
        post(b"zz\r\n{}\r\n0\r\n\r\n", b"Transfer-Encoding: chunked"),
        post(b"2\r\n{}\r\n0\r\n\r\n", b"Transfer-Encoding: chunked"),
        post(b"2\r\n{}", b"Transfer-Encoding: chunked"),
        post(b"{}", b"Content-Length: 2", b"Expect: something"),
        post(b"{}", b"Content-Length: 2", b"Content-Type: \xe9; charset=\xff", b"Content-Encoding: \xe9"),
        post(b'{"event":"page_view","page_title":"\\ud83d","x":"\xc3\xa9\\u0000"}', b"Content-Length: 57"),
    ],
    ids=lambda sent: str(sent[:60]),
)  # fmt: skip
async def test_no_bytes_make_a_5xx_or_a_header_of_their_own(gate: Gate, sent: bytes) -> None:
    answer = await raw(gate, sent)

    status = answer.split(b" ", 2)[1:2] if answer.startswith(b"HTTP/") else []
    assert status == [] or status[0] < b"500", answer[:200]
    assert b"\r\nSet-Cookie: a=b" not in answer
    assert (await gate.ask("GET", "/healthz"))[0] == 200


async def test_latin1_cookies_and_agents_lose_no_event(gate: Gate) -> None:
    body = b'{"event":"page_view","consent":{"ad_storage":"granted"}}'
    await raw(gate, post(body, b"Content-Length: %d" % len(body), b"Cookie: x=caf\xe9", b"User-Agent: caf\xe9"))

    copy = gate.shelf.copies[0]
    assert isinstance(copy, Event)
    assert copy.browser.user_agent == "caf\ufffd"


async def test_cookie_of_ours_that_comes_twice_is_believed_in_neither(gate: Gate) -> None:
    ours = "1.AAAAAAAAAAAAAAAAAAAAAA.1795300000"
    cookie = f"_tw_id={ours}; _tw_id=1.BBBBBBBBBBBBBBBBBBBBBB.1795300000"

    _, headers, _ = await gate.beacon({"event": "page_view", "consent": GRANTED}, {"Cookie": cookie})
    _, alone, _ = await gate.beacon({"event": "page_view", "consent": GRANTED}, {"Cookie": f"_tw_id={ours}"})

    fresh = next(line for line in headers.getall("Set-Cookie") if line.startswith("_tw_id="))
    assert "AAAA" not in fresh
    assert "BBBB" not in fresh
    assert not [line for line in alone.getall("Set-Cookie") if line.startswith("_tw_id=")]


async def test_url_of_32_kib_is_read(gate: Gate) -> None:
    status, headers, _ = await gate.pixel({"event": "page_view", "x": "y" * 30_000})

    assert (status, headers["X-Tagway"]) == (200, "accepted")


async def test_trickled_body_is_ended(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.web.body.READ_TIMEOUT_S", 0.2)

    answer = await raw(gate, post(b"{", b"Content-Length: 500"), half_close=False)

    assert answer.startswith(b"HTTP/1.1 400")


async def test_refusals_are_logged_without_what_was_sent(gate: Gate) -> None:
    with structlog.testing.capture_logs() as lines:
        await gate.beacon({"event": "purchase", "value": "jo.doe@gmail.com"}, {"Cookie": "secret=1"})

    assert [line for line in lines if line["event"] == "hit.refused"] == [
        {
            "event": "hit.refused",
            "log_level": "info",
            "reason": "value",
            "site": "shop",
            "wire": "browser",
            "unlogged": 0,
        }
    ]


async def test_accepted_hits_are_not_logged(gate: Gate) -> None:
    with structlog.testing.capture_logs() as lines:
        await gate.beacon({"event": "page_view"})

    assert lines == []


async def test_our_own_failure_is_logged_by_kind_and_place_only(gate: Gate) -> None:
    gate.shelf.is_broken = True

    with structlog.testing.capture_logs() as lines:
        await gate.pixel({"event": "page_view", **{f"consent.{k}": v for k, v in GRANTED.items()}})

    assert [(line["event"], line["kind"], line["error"]) for line in lines] == [("hit.failed", "image", "RuntimeError")]
    assert "gmail" not in str(lines)


async def test_further_route_is_one_more_row() -> None:
    async def tag(_: object, asked: object) -> web.Response:
        return web.Response(text="tag")

    route = Route("tag", frozenset({"GET"}), lambda names: (names.tag, "/tag.js"), tag)

    assert isinstance(create_public_app(parts.front(), (*ROUTES, route)), web.Application)
