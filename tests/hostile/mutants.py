"""Bad requests without end, made of good and bad ones by dice that are seeded: the same seed, the same bytes.

A `wild` one may be anything. A `tame` one is hostile inside and ends where it says, so that others may follow it on the
same connection.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote_from_bytes

import orjson

from gateway.core.adapter import Secret
from gateway.web.signature import HEADER, sign
from tests.hostile.corpus import CASES, bodies

API_KEY: Final = "fuzz-api-key-of-shop"
REQUEST_KEY: Final = Secret("fuzz-request-key-of-shop")

_HEAD: Final = b" HTTP/1.1\r\nHost: 127.0.0.1\r\n"
_ORIGIN: Final = b"Origin: https://shop.example\r\n"
# Larger seeds are played once by the corpus; a million of them would be a test of the loopback.
_MAX_SEED_BYTES: Final = 2_000
_TOKENS: Final = (
    b"\r\n", b"\n", b"\r", b"\x00", b" ", b"\t", b":", b";", b"=", b"&", b"%", b"%00", b"%ff", b"%0d%0a", b"\xff",
    b"%ud83d", b"\xc0\xaf", b"\xed\xa0\x80", b"{", b"[", b'"', b"\\u0000", b"\\ud800", b"1e400", b"NaN", b"-0",
    b"9" * 400, b"[" * 300,
    b"chunked", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Connection: upgrade\r\n", b"Host: x\r\n",
    b"Expect: 100-continue\r\n", b"HTTP/1.1", b"HTTP/0.9", b"0\r\n\r\n", b"..", b"//", b"http://", b"@", b"#", b"*",
    b"_tw_id=", b"_tw_click=", b"event=purchase", b"value=1e999", b"items=[{}]", b"user.email=", b"consent.ad_storage=",
)  # fmt: skip
# Ours thrice as often as those of others.
_PATHS: Final = (
    *(b"/i", b"/e", b"/api/events", b"/t.js", b"/pixel.gif", b"/events") * 3,
    b"/tr", b"/tr/", b"/g/collect", b"/api/v2/pixel", b"/capi/1/events", b"/open.gif", b"/go", b"/healthz", b"/",
    b"/nothing",
)  # fmt: skip
_KEYS: Final = (
    "event", "event_id", "timestamp", "sent_at", "page_location", "page_referrer", "page_title", "value", "currency",
    "transaction_id", "coupon", "tax", "shipping", "items", "search_term", "lead_score", "user", "client", "ids",
    "campaign", "consent", "action_source", "test", "properties", "constructor", "__proto__", "",
)  # fmt: skip
_HEADERS: Final = (
    b"Cookie", b"User-Agent", b"Referer", b"Accept-Language", b"X-Forwarded-For", b"X-Forwarded-Host", b"Via", b"Range",
    b"X-Forwarded-Proto", b"CF-IPCountry", b"Sec-GPC", b"Sec-Fetch-Site", b"Content-Type", b"Content-Encoding",
    b"If-None-Match", b"Authorization", b"X-Tagway-Signature", b"Accept-Encoding",
)  # fmt: skip
# No header may hold them: whoever sends one has ended the connection.
_CONTROL: Final = bytes({*range(0x20), 0x7F} - {0x09})


@dataclass(frozen=True, slots=True)
class Mutant:
    sent: bytes
    is_wild: bool = False


class Mutants:
    """`dice` decide everything but the time in a signature."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._bodies = [body for _, body in bodies() if len(body) <= _MAX_SEED_BYTES]
        self._seeds = [case.sent for case in CASES if len(case.sent) <= _MAX_SEED_BYTES]
        self._seeds += [self._tame() for _ in range(100)]

    def parser_level(self) -> Iterator[Mutant]:
        """Yield tame ones in a row, then a wild one, over and over."""
        while True:
            for _ in range(self._dice.randrange(8)):
                yield Mutant(self._tame())
            yield Mutant(self._mangled(self._dice.choice(self._seeds)), is_wild=True)

    def structured(self) -> Iterator[Mutant]:
        """Yield requests that every parser understands, with hostile contents in all that is ours to read."""
        while True:
            yield Mutant(self._dice.choice((self._image, self._beacon, self._server, self._signed))())

    def _tame(self) -> bytes:
        dice = self._dice
        path, lines = dice.choice(_PATHS), self._lines()
        if dice.random() < 0.5:
            query = self._printable(
                self._mangled(b"event=page_view&event_id=fuzz&value=1&page_location=https://shop.example/")
            )
            return b"GET " + path + b"?" + query + _HEAD + lines + b"\r\n"
        body = self._mangled(dice.choice(self._bodies))
        return b"POST " + path + _HEAD + _ORIGIN + lines + b"Content-Length: %d\r\n\r\n" % len(body) + body

    def _lines(self) -> bytes:
        """A few headers, whose values have no end of line in them."""
        made = b""
        for _ in range(self._dice.randrange(3)):
            value = self._mangled(b"a=b; _tw_id=1.AAAAAAAAAAAAAAAAAAAAAA.1795300000; _fbp=fb.1.1.1")
            made += self._dice.choice(_HEADERS) + b": " + value.translate(None, _CONTROL) + b"\r\n"
        return made

    def _image(self) -> bytes:
        pairs = [(key, self._text()) for key in self._chosen_keys()]
        query = b"&".join(
            quote_from_bytes(key.encode()).encode() + b"=" + quote_from_bytes(text).encode() for key, text in pairs
        )
        return b"GET /i?" + query + _HEAD + self._lines() + b"\r\n"

    def _beacon(self) -> bytes:
        return self._post(b"/e", _ORIGIN, self._json())

    def _server(self) -> bytes:
        return self._post(b"/api/events", b"Authorization: Bearer " + API_KEY.encode() + b"\r\n", self._json())

    def _signed(self) -> bytes:
        body = self._json()
        at_s = time.time() + self._dice.choice((0, 0, 0, -400, 400))
        header = sign(REQUEST_KEY, at_s, body, site="shop").encode()
        if self._dice.random() < 0.3:
            header = self._printable(self._mangled(header))
        return self._post(b"/api/events", HEADER.encode() + b": " + header + b"\r\n", body)

    @staticmethod
    def _post(path: bytes, lines: bytes, body: bytes) -> bytes:
        return b"POST " + path + _HEAD + lines + b"Content-Length: %d\r\n\r\n" % len(body) + body

    def _json(self) -> bytes:
        if self._dice.random() < 0.2:
            return self._dice.choice(self._bodies)
        events = [{key: self._value(4) for key in self._chosen_keys()} for _ in range(self._dice.randrange(1, 4))]
        for event in events:
            if self._dice.random() < 0.8:
                event |= {"event": self._dice.choice(("page_view", "purchase", "login")), "event_id": "fuzz"}
        return orjson.dumps(events[0] if len(events) == 1 else {"events": events})

    def _chosen_keys(self) -> list[str]:
        return self._dice.sample(_KEYS, self._dice.randrange(1, 8))

    def _value(self, levels: int) -> object:
        dice = self._dice
        kind = dice.randrange(9)
        if levels and kind == 0:
            return {key: self._value(levels - 1) for key in self._chosen_keys()}
        if levels and kind == 1:
            return [self._value(levels - 1) for _ in range(dice.randrange(5))]
        plain = (None, True, -1, 0, 1e308, 2**63 - 1, -5e-324, "", "1.234,56", "49.90", "EUR", "granted", "2026-11-22")
        return dice.choice(plain) if kind < 6 else self._text().decode("utf-8", "replace")

    def _text(self) -> bytes:
        return self._mangled(
            self._dice.choice(
                (b"purchase", b"jo.doe@gmail.com", b"+49 171 1", b"[{}]", b"https://shop.example/?gclid=a")
            )
        )

    @staticmethod
    def _printable(text: bytes) -> bytes:
        return text.translate(None, bytes(range(0x21)) + b"\x7f#" + bytes(range(0x80, 0x100)))

    def _mangled(self, text: bytes) -> bytes:
        """Change a few places: a bit, a piece gone, twice, elsewhere, or something that parsers stumble over."""
        dice = self._dice
        for _ in range(dice.randrange(1, 4)):
            at = dice.randrange(len(text) + 1)
            to = min(len(text), at + dice.randrange(1, 12))
            kind = dice.randrange(5)
            if kind == 0 and at < len(text):
                text = text[:at] + bytes([text[at] ^ (1 << dice.randrange(8))]) + text[at + 1 :]
            elif kind == 1:
                text = text[:at] + text[to:]
            elif kind == 2:
                text = text[:to] + text[at:]
            elif kind == 3:
                text = text[to:] + text[:at]
            else:
                text = text[:at] + dice.choice(_TOKENS) + text[at:]
        return text
