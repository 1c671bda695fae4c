"""Asking a vendor: nothing of anybody goes there, and whatever comes back has an answer in words."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from gateway.web.upstream import Failed, Script, Upstream, fresh_s
from tests.fixtures.gateway import free_port
from tests.fixtures.redis_large import Certificates
from tests.web.vendor import SCRIPT, Vendor, packed, said, vending

LIMIT = 64 * 1024
WHOLE = gzip.compress(SCRIPT)


@asynccontextmanager
async def asking(*answers: bytes, total_s: float = 5, **more: Any) -> AsyncIterator[tuple[Vendor, Upstream]]:
    async with vending(*answers, **more) as vendor:
        upstream = Upstream(total_s=total_s, max_bytes=LIMIT)
        try:
            yield vendor, upstream
        finally:
            await upstream.close()


async def fetched(*answers: bytes) -> Script | Failed:
    async with asking(*answers) as (vendor, upstream):
        return await upstream.fetch(URL(vendor.url()))


async def test_a_vendor_is_told_our_name_and_nothing_else() -> None:
    async with asking() as (vendor, upstream):
        await upstream.fetch(URL(vendor.url("/gtag/js?id=G-ABC123")))

        lines = vendor.lines()
        agent = lines.pop("user-agent")
        assert vendor.heads[0].startswith("GET /gtag/js?id=G-ABC123 HTTP/1.1\r\n")
        assert agent.startswith("Tagway/")
        assert lines == {"host": f"127.0.0.1:{vendor.port}", "accept": "*/*", "accept-encoding": "gzip"}


@pytest.mark.parametrize(
    "answer",
    [
        said(),
        packed(),
        said(body=gzip.compress(SCRIPT[:99]) + gzip.compress(SCRIPT[99:]), Content_Encoding="x-gzip"),
        said(body=WHOLE, Content_Encoding="gzip", Content_Length=None),
        said(body=b"%x\r\n%s\r\n0\r\n\r\n" % (len(SCRIPT), SCRIPT), Content_Length=None, Transfer_Encoding="chunked"),
    ],
    ids=["plain", "packed", "packed in two", "packed to the end", "chunked"],
)
async def test_a_script_is_had_in_both_forms_however_it_travelled(answer: bytes) -> None:
    script = await fetched(answer)

    assert isinstance(script, Script)
    assert (script.plain, gzip.decompress(script.packed)) == (SCRIPT, SCRIPT)
    assert script.kind == "application/javascript; charset=utf-8"


async def test_the_same_script_has_the_same_tag_however_it_travelled() -> None:
    plain, squeezed, other = await fetched(said()), await fetched(packed()), await fetched(said(body=b"other()"))

    assert isinstance(plain, Script)
    assert isinstance(squeezed, Script)
    assert isinstance(other, Script)
    assert plain.etag == squeezed.etag != other.etag


BAD: list[tuple[bytes, str]] = [
    (said(301, b"", Location="http://169.254.169.254/latest"), "status_301"),
    (said(307, b"", Location="/elsewhere"), "status_307"),
    (said(404, b"<h1>no</h1>", Content_Type="text/html"), "status_404"),
    (said(500, b"oops()"), "status_500"),
    (said(206), "status_206"),
    (said(204, b"", Content_Length=None), "status_204"),
    (said(304, b""), "status_304"),
    (said(Content_Type="text/html"), "type"),
    (said(Content_Type=None), "type"),
    (said(Content_Type="application/javascript-but-no"), "type"),
    (said(Content_Encoding="br"), "coding"),
    (said(Content_Encoding="gzip, gzip"), "coding"),
    (said(Content_Encoding="gzip"), "broken"),
    (said(body=WHOLE[:-9], Content_Encoding="gzip"), "broken"),
    (said(body=WHOLE[:-9], Content_Encoding="gzip", Content_Length=None), "broken"),
    (said(body=b""), "empty"),
    (said(Content_Length=None), "no_length"),
    (said(Content_Length=str(len(SCRIPT) + 1)), "cut_off"),
    (said(body=b"ff\r\nshort", Content_Length=None, Transfer_Encoding="chunked"), "cut_off"),
    (said(body=b"x" * (LIMIT + 1)), "too_large"),
    (packed(b"\0" * (64 * LIMIT)), "too_large"),
    (said(body=zlib.compress(SCRIPT), Content_Encoding="deflate"), "coding"),
    (b"\x16\x03\x01 this is no HTTP\r\n\r\n", "not_http"),
    (b"", "disconnected"),
]


@pytest.mark.parametrize(("answer", "reason"), BAD)
async def test_what_is_no_whole_script_is_none_and_says_why(answer: bytes, reason: str) -> None:
    assert await fetched(answer) == Failed(reason)


async def test_a_redirect_is_not_followed() -> None:
    async with vending() as other, asking(said(302, b"", Location=other.url("/evil.js"))) as (vendor, upstream):
        assert await upstream.fetch(URL(vendor.url())) == Failed("status_302")
        assert other.heads == []


async def test_a_cookie_is_not_brought_back() -> None:
    async with asking(said(Set_Cookie="id=1; Path=/")) as (vendor, upstream):
        await upstream.fetch(URL(vendor.url(host="localhost")))
        await upstream.fetch(URL(vendor.url(host="localhost")))

        assert "cookie" not in vendor.lines()


async def test_an_endless_answer_is_not_read_to_its_end() -> None:
    endless = said(body=b"x" * (64 * LIMIT), Content_Length=str(1 << 40))
    async with asking(endless, stays_open=True) as (vendor, upstream):
        told = await upstream.fetch(URL(vendor.url()))

        assert told == Failed("too_large")
        async with asyncio.timeout(10):
            await vendor.gone.wait()


@pytest.mark.parametrize("answer", [b"", said()[:-5]], ids=["silent", "stuck"])
async def test_a_vendor_that_hangs_is_given_up(answer: bytes) -> None:
    async with asking(answer, total_s=0.3, stays_open=True) as (vendor, upstream):
        assert await upstream.fetch(URL(vendor.url())) == Failed("timeout", is_late=True)


async def test_a_vendor_that_is_not_there_is_told_at_once() -> None:
    upstream = Upstream()

    told = await upstream.fetch(URL(f"http://127.0.0.1:{free_port()}/a.js"))

    await upstream.close()
    assert told == Failed("connect")


async def test_a_vendor_has_to_prove_its_name(tmp_path: Path) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(Certificates(tmp_path).chain_file)
    upstream = Upstream()
    async with vending(tls=tls) as vendor:
        told = await upstream.fetch(URL(vendor.url()).with_scheme("https"))

        await upstream.close()
        assert told == Failed("tls_certificate")
        assert vendor.heads == []


async def test_proxy_variables_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    async with vending() as other, asking() as (vendor, upstream):
        monkeypatch.setenv("http_proxy", other.url(""))
        monkeypatch.delenv("no_proxy", raising=False)

        assert isinstance(await upstream.fetch(URL(vendor.url())), Script)
        assert other.heads == []


@pytest.mark.parametrize(
    ("lines", "asks", "with_"),
    [
        ({"ETag": '"v1"', "Last_Modified": "Sun, 22 Nov 2026 00:00:00 GMT"}, "if-none-match", '"v1"'),
        ({"Last_Modified": "Sun, 22 Nov 2026 00:00:00 GMT"}, "if-modified-since", "Sun, 22 Nov 2026 00:00:00 GMT"),
    ],
)
async def test_a_known_script_is_asked_for_again_by_the_vendors_own_proof(
    lines: dict[str, Any], asks: str, with_: str
) -> None:
    unchanged = said(304, b"", Cache_Control="max-age=77", Content_Type=None, Content_Length=None)
    async with asking(said(**lines), unchanged) as (vendor, upstream):
        known = await upstream.fetch(URL(vendor.url()))
        assert isinstance(known, Script)

        again = await upstream.fetch(URL(vendor.url()), known)

        assert {name: value for name, value in vendor.lines().items() if name.startswith("if-")} == {asks: with_}
        assert isinstance(again, Script)
        assert (again.plain, again.fresh_s) == (SCRIPT, 77)


async def test_unchanged_without_a_word_of_time_keeps_the_time_that_was_told() -> None:
    async with asking(said(ETag='"v1"', Cache_Control="max-age=900"), said(304, b"")) as (vendor, upstream):
        known = await upstream.fetch(URL(vendor.url()))
        assert isinstance(known, Script)

        assert await upstream.fetch(URL(vendor.url()), known) is known
        assert known.fresh_s == 900


@pytest.mark.parametrize("tag", ['"\udce4\udcff"', '"tab\tin it"', f'"{"x" * 300}"'])
async def test_an_odd_proof_is_not_sent_back(tag: str) -> None:
    async with asking(said(ETag=tag)) as (vendor, upstream):
        known = await upstream.fetch(URL(vendor.url()))
        assert isinstance(known, Script)

        again = await upstream.fetch(URL(vendor.url()), known)

        assert isinstance(again, Script)
        assert "if-none-match" not in vendor.lines()


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ([("Cache-Control", "private, max-age=900")], 900),
        ([("Cache-Control", "max-age=900, s-maxage=60")], 60),
        ([("Cache-Control", 'public,MAX-AGE="120"')], 120),
        ([("Cache-Control", "public"), ("Cache-Control", "max-age=5")], 5),
        ([("Cache-Control", "max-age=900"), ("Age", "300")], 600),
        ([("Cache-Control", "max-age=900"), ("Age", "5000")], 0),
        ([("Cache-Control", "max-age=900"), ("Age", "²")], 900),
        ([("Cache-Control", "no-store, max-age=900")], 0),
        ([("Cache-Control", "no-cache")], 0),
        ([("Cache-Control", 'no-cache="Set-Cookie", max-age=9')], 9),
        ([("Cache-Control", "max-age=-1")], None),
        ([("Cache-Control", "max-age=soon")], None),
        ([("Cache-Control", "xmax-age=9")], None),
        ([], None),
    ],
)
def test_how_long_an_answer_may_be_kept(told: list[tuple[str, str]], seconds: int | None) -> None:
    assert fresh_s(CIMultiDictProxy(CIMultiDict(told))) == seconds


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ("text/javascript", "text/javascript"),
        ('Application/X-JavaScript; Charset="ISO-8859-1"', "application/x-javascript; charset=iso-8859-1"),
        ("application/json; charset=utf-8; x=y", "application/json; charset=utf-8"),
        ("text/javascript; charset=<b>", "text/javascript"),
    ],
)
async def test_the_type_of_a_script_is_passed_on_in_plain_form(told: str, kind: str) -> None:
    script = await fetched(said(Content_Type=told))

    assert isinstance(script, Script)
    assert script.kind == kind
