"""What nobody sends by accident: bytes for a raw socket, and how an HTTP server that may be trusted answers them.

Data and one runner that wants a host and a port alone, so that every lane that takes requests is tried alike.
`SMUGGLED` stands in whatever must never be read as a request of its own.
"""

from __future__ import annotations

import asyncio
import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

SMUGGLED: Final = b"smuggled"
HOST: Final = b"Host: 127.0.0.1\r\n"
CLOSE: Final = b"Connection: close\r\n"
ORIGIN: Final = b"Origin: https://shop.example\r\n"
# Longer than any answer of ours to one request.
_MOST_BYTES: Final = 200_000


class Fate(Enum):
    """What has to become of it. Whatever it is: no 5xx, and nothing smuggled."""

    TAKEN = "every answer is 2xx"
    REFUSED = "the first answer is 4xx, or none; then the connection ends and no further request is heard"
    ANSWERED = "any answer below 500, or none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """`parts` are written one after the other. `answers`: how many a TAKEN case gets. `said`: stands in the answer."""

    name: str
    parts: tuple[bytes, ...]
    fate: Fate
    answers: int = 1
    said: bytes = b""

    @property
    def sent(self) -> bytes:
        return b"".join(self.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """`is_ended`: the server closed the connection by itself, before we did."""

    answer: bytes
    is_ended: bool

    @property
    def statuses(self) -> list[int]:
        """Every answer's, in their order; -1 where something stands that is none."""
        found: list[int] = []
        rest = self.answer
        while rest:
            head, _, rest = rest.partition(b"\r\n\r\n")
            line = re.match(rb"HTTP/[0-9]\.[0-9] ([0-9]{3})", head)
            if line is None:
                return [*found, -1]
            length = re.search(rb"\ncontent-length: *([0-9]+)", head, re.IGNORECASE)
            found.append(int(line[1]))
            rest = rest[int(length[1]) if length else 0 :]
        return found


async def play(host: str, port: int, case: Case, *, within_s: float = 20) -> Seen:
    """Send a case and read until the server ends the connection, or for so long."""
    reader, writer = await asyncio.open_connection(host, port)
    answer, is_ended = bytearray(), False
    try:
        async with asyncio.timeout(within_s):
            try:
                for part in case.parts:
                    writer.write(part)
                    await writer.drain()
                while len(answer) < _MOST_BYTES and (more := await reader.read(65_536)):
                    answer += more
                is_ended = True
            except ConnectionError:
                # It did not wait for the rest; what it said before that may still be there.
                is_ended = True
                while more := await _rest(reader):
                    answer += more
    except TimeoutError:
        pass
    finally:
        writer.close()
    return Seen(answer=bytes(answer), is_ended=is_ended)


async def _rest(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(65_536)
    except ConnectionError:
        return b""


def flaw(case: Case, seen: Seen) -> str | None:
    """Say what is wrong with an answer, or None."""
    statuses = [status for status in seen.statuses if status != 100]
    if any(status >= 500 for status in statuses):
        return f"a 5xx: {statuses}"
    if not seen.is_ended:
        return f"the connection stayed open after {statuses}"
    if b"Set-Cookie: injected" in seen.answer:
        return "a header of the sender's own"
    if -1 in statuses or (case.said and case.said not in seen.answer):
        return f"another answer expected: {seen.answer[:300]!r}"
    if case.fate is Fate.TAKEN and (len(statuses) != case.answers or any(status >= 300 for status in statuses)):
        return f"{case.answers} answers 2xx expected: {statuses}"
    if case.fate is Fate.REFUSED and (len(statuses) > 1 or any(status < 400 for status in statuses)):
        return f"one 4xx expected, or none: {statuses}"
    return None


def request(method: bytes, target: bytes, *lines: bytes, body: bytes = b"", head: bytes = HOST + CLOSE) -> bytes:
    """Write a request; `head` is the lines that an honest one has."""
    return (
        method + b" " + target + b" HTTP/1.1\r\n" + head + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body
    )


def get(target: bytes, *lines: bytes) -> bytes:
    return request(b"GET", target, *lines)


def post(body: bytes, *lines: bytes, target: bytes = b"/e") -> bytes:
    """Write a beacon; the lines say how long it is."""
    return request(b"POST", target, b"Origin: https://shop.example", *lines, body=body)


def sized(body: bytes, *lines: bytes) -> bytes:
    return post(body, b"Content-Length: %d" % len(body), *lines)


def chunked(body: bytes, *lines: bytes) -> bytes:
    return post(body, b"Transfer-Encoding: chunked", *lines)


HIT: Final = b"/i?event=page_view"
# Nobody's host: a picture, and nothing of it is kept.
FOREIGN: Final = b"X-Tagway: refused:host"
# What a smuggler would have read as the next one's request.
NEXT: Final = b"GET /i?event=smuggled HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def _taken(name: str, *parts: bytes, answers: int = 1) -> Case:
    return Case(name=name, parts=parts, fate=Fate.TAKEN, answers=answers)


def _refused(name: str, *parts: bytes) -> Case:
    return Case(name=name, parts=parts, fate=Fate.REFUSED)


def _answered(name: str, *parts: bytes, said: bytes = b"") -> Case:
    return Case(name=name, parts=parts, fate=Fate.ANSWERED, said=said)


def _smuggling() -> Iterator[Case]:
    """Two ways to say where a request ends: a proxy that believes the other one hears another next request."""
    event = b'{"event":"login"}'
    yield _refused("length and chunks", chunked(b"0\r\n\r\n" + NEXT, b"Content-Length: 4"))
    yield _refused("chunks and length", post(NEXT, b"Content-Length: %d" % len(NEXT), b"Transfer-Encoding: chunked"))
    yield _refused("two lengths", post(event + NEXT, b"Content-Length: 17", b"Content-Length: 90"))
    yield _refused("two lengths in one line", post(event + NEXT, b"Content-Length: 17, 90"))
    yield _refused("two equal lengths", post(event, b"Content-Length: 17", b"Content-Length: 17"))
    for spelled in (b"+17", b"-17", b"0x11", b"17 17", b"1 7", b"\xd9\xa1\xd9\xa7", b"", b"1e1", b"17;x", b"9" * 30):
        yield _refused(f"a length spelled {spelled!r}", post(event + NEXT, b"Content-Length: " + spelled))
    for spelled in (b"xchunked", b"chunked, identity", b"identity, chunked, x", b"\x0bchunked", b"chunked\x00"):
        yield _refused(f"a coding spelled {spelled!r}", post(b"0\r\n\r\n" + NEXT, b"Transfer-Encoding: " + spelled))
    yield _refused("two codings", post(b"0\r\n\r\n" + NEXT, b"Transfer-Encoding: chunked", b"Transfer-Encoding: x"))
    yield _refused("a blank before the colon", post(event + NEXT, b"Content-Length : 17"))
    yield _refused("chunks with a blank before the colon", post(b"0\r\n\r\n" + NEXT, b"Transfer-Encoding : chunked"))
    yield _refused("a folded header", post(event, b"X-A: b\r\n folded: c", b"Content-Length: 17"))
    yield _refused("a folded length", post(event + NEXT, b"Content-Length:\r\n 17"))
    yield _refused("a folded coding", post(b"0\r\n\r\n" + NEXT, b"Transfer-Encoding:\r\n chunked"))
    yield _refused("a bare CR inside a header", get(HIT, b"X-A: b\rTransfer-Encoding: chunked"))
    yield _refused("a header without a colon", get(HIT, b"Nonsense"))
    yield _refused("a header without a name", get(HIT, b": x"))
    yield _refused("a blank in a header's name", get(HIT, b"X A: b"))
    yield _refused("a blank before the first header", b"GET /i HTTP/1.1\r\n Host: 127.0.0.1\r\n\r\n")
    for size in (b"zz", b"-1", b"0x2", b"", b"+2", b"2 2", b"\xff", b"f" * 17):
        yield _refused(f"a chunk of {size!r}", chunked(size + b"\r\n{}\r\n0\r\n\r\n"))
    yield _refused("a chunk longer than said", chunked(b"1\r\n{}\r\n0\r\n\r\n"))
    yield _refused("a chunk with LF alone", chunked(b"2\n{}\n0\n\n" + NEXT))
    yield _refused("a trailer that is a length", chunked(b"2\r\n{}\r\n0\r\nContent-Length : 5\r\n\r\n"))


def _framing() -> Iterator[Case]:
    """What the grammar allows is taken, whole requests one after the other too."""
    event = b'{"event":"login"}'
    yield _taken("chunks", chunked(b'5\r\n{"eve\r\nc\r\nnt":"login"}\r\n0\r\n\r\n'))
    yield _taken("chunk sizes in capitals", chunked(b"00000011\r\n" + event + b"\r\n0\r\n\r\n"))
    yield _taken("chunk extensions", chunked(b'11;a=b;c="d"\r\n' + event + b"\r\n0;x\r\n\r\n"))
    yield _taken("a trailer", chunked(b"11\r\n" + event + b"\r\n0\r\nX-Sum: 1\r\n\r\n"))
    yield _taken("one byte a packet", *(bytes([byte]) for byte in get(HIT)))
    alone = request(b"GET", HIT, head=HOST)
    yield _taken("three in a row", alone + alone + get(HIT), answers=3)
    yield _taken("a beacon and two", request(
        b"POST", b"/e", b"Origin: https://shop.example", b"Content-Length: 17", head=HOST, body=event
    ) + alone + get(HIT), answers=3)  # fmt: skip
    yield _taken("two hundred in a row", alone * 199, get(HIT), answers=200)
    yield _taken("a line break before", b"\r\n" + get(HIT))
    yield _taken("HTTP/1.0", b"GET " + HIT + b" HTTP/1.0\r\n" + HOST + b"\r\n")
    yield _taken("a body of nothing", get(HIT, b"Content-Length: 0"))
    yield _answered("a GET with a body", get(HIT, b"Content-Length: 2") + b"{}")
    yield _answered("an extension of 70 KB", chunked(b"2;" + b"x" * 70_000 + b"\r\n{}\r\n0\r\n\r\n"))
    yield _answered("70,000 extensions", chunked(b"2" + b";a" * 70_000 + b"\r\n{}\r\n0\r\n\r\n"))
    yield _answered("a trailer of 100 KB", chunked(b"0\r\n" + b"X-A: b\r\n" * 12_000 + b"\r\n"))
    yield _answered("10,000 chunks of one byte", chunked(b"1\r\n \r\n" * 10_000 + b"0\r\n\r\n"))


def _lines() -> Iterator[Case]:
    """The first line, and what the head may be."""
    yield _refused("HTTP/0.9", b"GET " + HIT + b"\r\n\r\n")
    yield _refused("HTTP/0.9, said", b"GET " + HIT + b" HTTP/0.9\r\n" + HOST + b"\r\n")
    yield _refused("HTTP/2 by its preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    for version in (b"HTTP/1.1.1", b"HTTP/11", b"HTTP/1", b"http/1.1", b"HTTP/1.1 x", b"HTTPS/1.1", b"HTTP/9.9"):
        yield _refused(f"version {version!r}", b"GET " + HIT + b" " + version + b"\r\n" + HOST + b"\r\n")
    yield _refused("no method", b" / HTTP/1.1\r\n" + HOST + b"\r\n")
    yield _refused("no target", b"GET  HTTP/1.1\r\n" + HOST + b"\r\n")
    yield _refused("a blank in the target", get(b"/i?event=a b"))
    yield _refused("a NUL in the target", get(b"/i?event=\x00"))
    yield _refused("a NUL in a header", get(HIT, b"X-A: a\x00b"))
    yield _refused("a NUL in a header's name", get(HIT, b"X\x00A: b"))
    yield _refused("a control character in the target", get(b"/i?event=\x7f\x01"))
    yield _refused("a method of a kilobyte", request(b"G" * 1024, HIT))
    yield _refused("a method with a slash", request(b"GE/T", HIT))
    yield _refused("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200) + b"\r\n\r\n")
    yield _refused("NULs", bytes(200) + b"\r\n\r\n")
    yield _refused("another protocol", b"EHLO mail.example\r\n\r\n")
    yield _refused("LF alone", b"GET " + HIT + b" HTTP/1.1\nHost: 127.0.0.1\n\n")
    yield _refused("TRACE", request(b"TRACE", HIT))
    yield _refused("CONNECT", request(b"CONNECT", b"evil.example:443"))
    yield _refused("CONNECT to ourselves", request(b"CONNECT", b"127.0.0.1:80") + NEXT)
    for method in (b"PUT", b"DELETE", b"PATCH", b"PROPFIND", b"TEAPOT"):
        yield _refused(f"{method.decode()} of the image", request(method, HIT))
    yield _refused("OPTIONS *", request(b"OPTIONS", b"*"))
    yield _refused("a target without a slash", get(b"i?event=page_view"))
    yield _answered("no host", request(b"GET", HIT, head=CLOSE))
    yield _answered("an empty host", request(b"GET", HIT, b"Host:", head=CLOSE), said=FOREIGN)
    yield _answered("two hosts", get(HIT, b"Host: evil.example"))
    yield _answered("a host of bytes", request(b"GET", HIT, b"Host: \xe9\xff", head=CLOSE), said=FOREIGN)
    yield _answered("a host that is half an address", request(b"GET", HIT, b"Host: [::1", head=CLOSE), said=FOREIGN)
    yield _answered(
        "a host with a port too many", request(b"GET", HIT, b"Host: 127.0.0.1:80:80", head=CLOSE), said=FOREIGN
    )
    yield _answered(
        "a host with a user", request(b"GET", HIT, b"Host: 127.0.0.1@evil.example", head=CLOSE), said=FOREIGN
    )
    yield _answered("the target of a proxy, foreign", get(b"http://evil.example" + HIT), said=FOREIGN)
    yield _answered("the target of a proxy, with a user", get(b"http://127.0.0.1@evil.example" + HIT), said=FOREIGN)
    yield _answered("the target of a proxy, cut", get(b"http://[::1" + HIT))
    yield _answered("no scheme of ours", get(b"gopher://127.0.0.1" + HIT), said=FOREIGN)
    yield _taken("the target of a proxy, ours", get(b"http://127.0.0.1" + HIT))
    yield _taken("the target of a proxy, ours, whatever Host says", request(
        b"GET", b"HTTP://127.0.0.1:80" + HIT, b"Host: evil.example", head=CLOSE
    ))  # fmt: skip
    yield _answered("two slashes", get(b"//evil.example" + HIT))
    yield _answered("a path that climbs", get(b"/../../etc/passwd"))
    yield _answered("a path that climbs, spelled", get(b"/%2e%2e/%2e%2e/i%3Fevent=page_view"))
    yield _answered("a fragment", get(HIT + b"#x"))
    yield _answered("Latin-1 in the target", get(b"/i?event=caf\xe9"))


def _sizes() -> Iterator[Case]:
    yield _refused("a target of 70 KB", get(b"/i?event=" + b"x" * 70_000))
    yield _refused("a header of 70 KB", get(HIT, b"X-Long: " + b"x" * 70_000))
    yield _refused("a name of 70 KB", get(HIT, b"x" * 70_000 + b": y"))
    yield _refused("a header that never ends", b"GET / HTTP/1.1\r\nX: " + b"x" * 200_000)
    yield _refused("a first line that never ends", b"GET /" + b"x" * 200_000)
    yield _refused("blank lines for ever", b"\r\n" * 100_000 + b"x\r\n\r\n")
    yield _answered("5,000 headers", get(HIT, *(b"X-%d: y" % number for number in range(5_000))))
    yield _answered("cookies of 16 KB", get(HIT, b"Cookie: a=" + b"x" * 16_384))
    yield _answered("cookies of 60 KB", get(HIT, b"Cookie: a=" + b"x" * 60_000))
    yield _answered("200 cookies", get(HIT, b"Cookie: " + b"; ".join(b"c%d=%d" % (n, n) for n in range(200))))
    yield _answered("200 cookie lines", get(HIT, *(b"Cookie: c%d=%d" % (n, n) for n in range(200))))
    yield _answered("10,000 equal signs", get(HIT, b"Cookie: " + b"=" * 10_000))
    yield _answered("10,000 semicolons", get(HIT, b"Cookie: " + b";" * 10_000))
    yield _answered("our cookies, twice", get(HIT, b"Cookie: _tw_id=a; _tw_id=b; _tw_click; =x; ;;;"))
    yield _answered("20,000 parameters", get(b"/i?event=page_view" + b"&a=b" * 15_000))
    yield _answered("20,000 ampersands", get(b"/i?event=page_view" + b"&" * 60_000))
    yield _answered("a length of an exabyte", post(b"{}", b"Content-Length: 1152921504606846976"))
    yield _answered("20 addresses forwarded", get(HIT, b"X-Forwarded-For: " + b"1.2.3.4, " * 5_000))
    yield _answered("2 MB", sized(b'{"event":"' + b"x" * 2_000_000 + b'"}'))


def _texts() -> Iterator[Case]:
    latin = b"caf\xe9 \xff\xfe \xf0\x9f"
    yield _taken("Latin-1 in cookies and agents", get(HIT, b"Cookie: _tw_id=" + latin, b"User-Agent: " + latin))
    yield _taken("Latin-1 in the Referer", get(HIT, b"Referer: https://shop.example/\xe9?gclid=\xff"))
    yield _taken("Latin-1 languages", get(HIT, b"Accept-Language: " + latin))
    yield _answered("a Latin-1 origin", get(HIT, b"Origin: " + latin))
    yield _taken("lone surrogates in a query", get(HIT + b"&page_title=%ED%A0%80%ud83d&x=%00%ff"))
    yield _taken("line breaks in a query", get(HIT + b"&ids.gclid=%0d%0aSet-Cookie:%20injected=1&user.email=%ff%40"))
    yield _taken("line breaks in an id", get(HIT + b"&event_id=a%0d%0aSet-Cookie:%20injected=1"))
    yield _answered("line breaks in the path", get(b"/i%0d%0aSet-Cookie:%20injected=1"))
    yield _taken("forwarded nonsense", get(
        HIT, b"X-Forwarded-For: \xe9, 999.999.999.999, ::ffff:1, [::1", b"X-Forwarded-Proto: gopher"
    ))  # fmt: skip
    yield _answered("a forwarded host of bytes", get(HIT, b"X-Forwarded-Host: \xe9\xff"))
    yield _answered("two forwarded hosts", get(HIT, b"X-Forwarded-Host: 127.0.0.1, evil.example"))
    yield _answered("Expect: 100-continue", sized(b'{"event":"login"}', b"Expect: 100-continue"))
    yield _refused("Expect: bytes", sized(b'{"event":"login"}', b"Expect: 100-c\xefntinue"))
    yield _answered("Expect: something", sized(b'{"event":"login"}', b"Expect: something-else"))
    yield _answered("Upgrade: websocket", get(HIT, b"Upgrade: websocket", b"Sec-WebSocket-Key: x"))
    h2c = (b"Connection: Upgrade, HTTP2-Settings, close", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk")
    yield _answered("Upgrade: h2c", request(b"GET", HIT, *h2c, head=HOST))
    yield _answered("Upgrade, and a beacon behind", sized(b'{"event":"login"}', b"Upgrade: tls/1.0"))
    yield _answered("a range", get(HIT, b"Range: bytes=0-1,2-3,4-" + b"9" * 100))
    yield _answered("conditions", get(b"/t.js", b'If-None-Match: "\xe9', b"If-Modified-Since: never"))
    yield _answered("a content type of bytes", sized(b"{}", b"Content-Type: \xe9; charset=\xff"))
    yield _answered("an encoding of bytes", sized(b"{}", b"Content-Encoding: \xe9"))


def bodies() -> Iterator[tuple[str, bytes]]:
    """Yield JSON that is hostile: each may be refused, and none may hurt."""
    yield "nothing", b""
    yield "a brace", b"{"
    yield "NULs", bytes(100)
    yield "100,000 lists", b"[" * 100_000
    yield "100,000 lists, closed", b"[" * 100_000 + b"]" * 100_000
    yield "100,000 objects", b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    yield "depth inside an event", b'{"event":"login","x":' + b"[" * 500 + b"]" * 500 + b"}"
    yield "a key twice", b'{"event":"login","event":"purchase","value":1,"value":"x"}'
    yield "1e400", b'{"event":"purchase","value":1e400}'
    yield "-1e400 in a list", b'{"event":"purchase","items":[{"price":-1e400}]}'
    yield "NaN", b'{"event":"purchase","value":NaN,"x":[Infinity,-Infinity]}'
    yield "a number of 60,000 digits", b'{"event":"purchase","value":' + b"9" * 60_000 + b"}"
    yield "a time of 5,000 digits", b'{"event":"login","timestamp":' + b"9" * 5_000 + b"}"
    yield "a time before all times", b'{"event":"login","timestamp":-99999999999999999999}'
    yield "2^64", b'{"event":"login","x":18446744073709551616,"transaction_id":18446744073709551616}'
    yield "a lone surrogate", b'{"event":"login","page_title":"\\ud83d","event_id":"\\udc00"}'
    yield "a NUL in each text", b'{"event":"login","event_id":"a\\u0000","page_title":"\\u0000"}'
    yield "Latin-1", b'{"event":"login","page_title":"caf\xe9"}'
    yield "an overlong slash", b'{"event":"login","page_title":"\xc0\xaf"}'
    yield "a mark of byte order", b'\xef\xbb\xbf{"event":"login"}'
    yield "UTF-16", '{"event":"login"}'.encode("utf-16")
    yield "2,000 keys", b'{"event":"login"' + b"".join(b',"k%d":1' % n for n in range(2_000)) + b"}"
    yield "1,000 events", b"[" + b",".join([b'{"event":"login"}'] * 1_000) + b"]"
    yield "1,001 events", b"[" + b",".join([b'{"event":"login"}'] * 1_001) + b"]"
    yield "1,000 times nothing", b"[" + b",".join([b"null"] * 1_000) + b"]"
    yield "201 items", b'{"event":"purchase","items":[' + b",".join([b"{}"] * 201) + b"]}"
    yield "every field a list", b'{"event":[],"event_id":[],"value":[],"user":[],"ids":[],"consent":[],"client":[]}'
    yield "every field a text", b'{"event":"login","user":"x","ids":"x","consent":"x","campaign":"x","items":"x"}'
    yield "a text of a megabyte", b'{"event":"login","page_title":"' + b"x" * 1_000_000 + b'"}'
    yield "an escape of a megabyte", b'{"event":"login","page_title":"' + b"\\u00e9" * 160_000 + b'"}'
    yield (
        "an address full of escapes",
        b'{"event":"login","page_location":"https://shop.example/?' + b"%25" * 9_000 + b'"}',
    )
    yield "an e-mail address full of dots", b'{"event":"login","user":{"email":"' + b"a." * 9_000 + b'@gmail.com"}}'
    yield "a telephone number full of zeros", b'{"event":"login","user":{"phone":"+' + b"0" * 9_000 + b'"}}'
    yield (
        "consent full of nonsense",
        b'{"event":"login","consent":{"ad_storage":{"a":[1]},"tcf":"' + b"C" * 9_000 + b'"}}',
    )
    yield "a comment", b'{"event":"login"/*x*/}'
    yield "a name in Python's attributes", b'{"event":"login","__class__":{"__init__":1},"__proto__":{"a":1}}'


BOMB: Final = gzip.compress(bytes(50_000_000), 9)


def _bodies() -> Iterator[Case]:
    for name, body in bodies():
        yield _answered(f"JSON: {name}", sized(body, b"Content-Type: text/plain"))
    yield _answered("a bomb", sized(BOMB, b"Content-Encoding: gzip"))
    yield _answered("a bomb without a key", post(
        BOMB, b"Content-Length: %d" % len(BOMB), b"Content-Encoding: gzip", target=b"/api/events"
    ))  # fmt: skip
    yield _refused("a signature of nonsense", post(
        b"{}", b"Content-Length: 2", b"X-Tagway-Signature: t=\xe9,v1=" + b"=," * 900, target=b"/api/events"
    ))  # fmt: skip
    yield _refused(
        "a key of bytes", post(b"{}", b"Content-Length: 2", b"Authorization: Bearer \xff\xfe", target=b"/api/events")
    )


CASES: Final = (*_smuggling(), *_framing(), *_lines(), *_sizes(), *_texts(), *_bodies())
