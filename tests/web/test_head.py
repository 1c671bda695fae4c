"""The head of a hit: what is remembered of a kind of client reads as what is read anew, and nothing more is taken."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import requests
from gateway.web import head
from gateway.web.head import Hit, read

VISITOR = (
    "Cookie: a=1; b=2",
    "X-Forwarded-For: 81.2.69.142",
    "referer: https://shop.example/?q=%20",
    "CF-Ray: 8f1-FRA",
)
LINES = (
    "Host: t.shop.example",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64)",
    'sec-ch-ua: "Chromium";v="140", "Not:A-Brand";v="99"',
    "Accept-Language:de-DE,de;q=0.9",
    "X-Forwarded-Proto: https  ",
    "Connection: keep-alive",
    "Content-Length: 2",
    "Cookie:a=1",
    "COOKIE: a=1",
    "X-Caf: caf\udcc3\udca9",
    *VISITOR,
)
ODD = (
    "", " folded", "no colon", "A : 1", ": 1", "Connection: close", "Transfer-Encoding: chunked", "TE: trailers",
    "Expect: x", "A: 1\rB: 2", "A: 1\nB: 2", "\rA: 1", "A: 1\r", "\nA: 1", "Cookie: a=1\r", "Cookie: \nHost: b",
    "Cookie: a\rHost: b", "Cookie: \x7f", "Referer: \x00", "X-Forwarded-For: \x0b", "User-Agent: \x7f", "Host: other",
    "Cookie: b=2", "cookie: b=2", "Content-Length: 0", "Content-Length:  2 ", "Content-Length: 02", "content-length: 3",
)  # fmt: skip
TARGETS = (
    "/i",
    "/i?event=page_view&event_id=1",
    "/i?a b",
    "/i#a",
    "i",
    "*",
    "http://x/i",
    "/i?\x7f",
    "/i?\x01",
    "/\xe9",
)
VERSIONS = (" HTTP/1.1", " HTTP/1.1 ", " HTTP/1.10", " HTTP/1.0", "", " HTTP/1.1\r", " HTTP/1.1 HTTP/1.1", "\tHTTP/1.1")


def plainly(data: bytes) -> tuple[str, str, dict[str, str], bytes] | None:
    """Read a hit line by line, as slowly and as strictly as one can."""
    method, blank, _ = data.partition(b" ")
    before, end, body = data.partition(b"\r\n\r\n")
    if not (blank and end and method in (b"GET", b"POST")) or (method == b"GET" and body):
        return None
    if any(byte in range(0x20) or byte == 0x7F for byte in before.replace(b"\r\n", b"")):
        return None
    first, *rest = before.decode("utf-8", "surrogateescape").split("\r\n")
    spelled = re.fullmatch(r"(GET|POST) (/[^ #]*) HTTP/1\.1", first)
    found = [re.fullmatch(r"([A-Za-z0-9!$%&'*+.^_`|~-]+):(.*)", line, re.DOTALL) for line in rest]
    lines = {line[1].lower(): line[2].strip(" ") for line in found if line}
    if spelled is None or not spelled[2].isascii() or None in found or len(lines) != len(rest) or "host" not in lines:
        return None
    if lines.keys() & head._ELSEWHERE or lines.get("connection", "keep-alive").lower() != "keep-alive":
        return None
    if lines.get("content-length") != (str(len(body)) if method == b"POST" else None):
        return None
    return spelled[1], spelled[2], lines, body


def said(hit: Hit | None) -> tuple[str, str, dict[str, str], bytes] | None:
    return None if hit is None else (hit.method, hit.raw_path, dict(hit.headers), hit.body)


@st.composite
def heads(draw: st.DrawFn) -> bytes:
    method = draw(st.sampled_from(("GET", "GET", "POST", "PUT", "GETT", "")))
    target = draw(st.sampled_from((*TARGETS[:2] * 8, *TARGETS)))
    version = draw(st.sampled_from((*VERSIONS[:1] * 12, *VERSIONS)))
    lines = ["Host: t.shop.example", *draw(st.lists(st.sampled_from(LINES), max_size=9, unique=True))]
    for odd in draw(st.lists(st.sampled_from(ODD), max_size=1)):
        lines.insert(draw(st.integers(0, len(lines))), odd)
    lines = draw(st.permutations(list(dict.fromkeys(lines))))
    ends = draw(st.sampled_from(("\r\n\r\n", "\r\n\r\n", "\r\n\r\n", "\r\n", "\n\n", "\r\n\r\n\r\n")))
    body = "{}" if method == "POST" else draw(st.sampled_from(("", "", "", "x")))
    text = "\r\n".join((f"{method} {target}{version}", *lines)) + ends + body
    return text.encode("utf-8", "surrogateescape")


@given(heads())
def test_a_head_reads_alike_whether_its_kind_is_remembered_or_not(data: bytes) -> None:
    expected = plainly(data)

    first, again = read(data, "10.0.0.1"), read(data, "10.0.0.1")

    assert said(first) == expected
    assert said(again) == expected


@pytest.mark.parametrize("version", VERSIONS[1:])
@pytest.mark.parametrize("first", ["Host: a", "Cookie: a=1\r\nHost: a"])
def test_no_other_version_is_read(version: str, first: str) -> None:
    assert read(f"GET /i{version}\r\n{first}\r\n\r\n".encode(), None) is None


def test_blanks_around_a_value_are_nobodys() -> None:
    hit = read(b"GET /i HTTP/1.1\r\nHost:  a \r\nCookie:  a=1; b=2  \r\nReferer: \r\n\r\n", None)

    assert hit is not None
    assert hit.headers == {"host": "a", "cookie": "a=1; b=2", "referer": ""}


@given(st.binary(max_size=40), st.integers(0, 400))
def test_bytes_put_into_a_head_are_read_as_strictly_as_can_be(put: bytes, at: int) -> None:
    whole = "\r\n".join(("GET /i?event=page_view HTTP/1.1", *LINES[:6], *VISITOR)).encode() + b"\r\n\r\n"

    for data in (whole[:at] + put + whole[at:], whole[:at] + put + whole[at + len(put) :]):
        assert said(read(data, None)) == plainly(data)


def test_what_a_kind_of_client_says_is_read_once_for_all_its_visitors(monkeypatch: pytest.MonkeyPatch) -> None:
    hits = [requests._sent_by(number, requests.pixel()).encode() for number in range(200)]
    for hit in hits:
        read(hit, None)
    monkeypatch.setattr(head, "_kind", lambda text: None)  # nothing new can be read any more

    found = [read(hit.replace(b"Cookie: ", b"Cookie: seen=first; "), None) for hit in hits]

    assert all(hit is not None and hit.is_plain for hit in found)
    assert len({hit.headers["cookie"] for hit in found if hit is not None}) == 200


def test_nothing_of_a_visitor_is_remembered() -> None:
    head._KINDS.clear()
    own = [f"{spelled}: secret-1" for name in head._OWN for spelled in (name, name.lower(), name.upper())]

    for line in (*own, *(line.replace(": ", ":") for line in own)):
        read(f"GET /i HTTP/1.1\r\nHost: a\r\n{line}\r\n\r\n".encode(), None)

    assert not any("secret-1" in text or "secret-1" in lines.values() for text, lines in head._KINDS.items())


def test_the_kinds_that_strangers_make_up_are_bounded() -> None:
    for number in range(2 * head._MOST_KINDS):
        read(f"GET /i HTTP/1.1\r\nHost: a\r\nX-Made-Up: {number}\r\n\r\n".encode(), None)
    read(f"GET /i HTTP/1.1\r\nHost: a\r\nX-Made-Up: {'x' * head._MOST_CHARS}\r\n\r\n".encode(), None)

    assert 0 < len(head._KINDS) <= head._MOST_KINDS
    assert max(map(len, head._KINDS)) <= head._MOST_CHARS
