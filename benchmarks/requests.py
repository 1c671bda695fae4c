"""The hits that are fired: a page view as a browser sends it through a proxy, complete with headers and cookies.

A text with `{id}` in it becomes a new one for each request, eight digits wide so that its length is known. Each id is
another visitor's: two hundred come in turn, with addresses, agents and cookies of their own, so that no figure is owed
to a gateway that knows the caller already.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import orjson

HOST: Final = "t.shop.example"
ORIGIN: Final = "https://shop.example"
API_KEY: Final = "benchmark-key"
MARK: Final = "{id}"
DIGITS: Final = 8

VISITORS: Final = 200
_ADDRESS: Final = "81.2.69.142"
_AGENT: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/154.0.0.0 Safari/537.36"
)
_COOKIES: Final = (
    "_tw_id=1.kZ4uBq0yT1m8o2XfVhPz1A.1790000000; _ga=GA1.1.1234567890.1790000000; "
    "_ga_ABC123DEF4=GS2.1.s1795300000$o7$g1$t1795300500$j12$l0$h0; _fbp=fb.1.1790000000123.987654321098765432; "
    "_fbc=fb.1.1795200000123.IwAR0older_click_id_of_this_browser_000; _gcl_au=1.1.1234567890.1795200000; "
    "_ttp=2abCDEfghIJklmNOPqrstUVwxyz; session=9f8b7a6c5d4e3f2a1b0c"
)
_HEADERS: Final = {
    "Host": HOST,
    "Connection": "keep-alive",
    "User-Agent": _AGENT,
    "Accept": "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8",
    "Accept-Language": "de-DE,de;q=0.9,en;q=0.8",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Referer": f"{ORIGIN}/",
    "Sec-Fetch-Dest": "image",
    "Sec-Fetch-Mode": "no-cors",
    "Sec-Fetch-Site": "same-site",
    "X-Forwarded-For": _ADDRESS,
    "X-Forwarded-Proto": "https",
    "Cookie": _COOKIES,
}
_GRANTED: Final = dict.fromkeys(("ad_storage", "ad_user_data", "ad_personalization", "analytics_storage"), "granted")
# Every hit brings a click that the browser's cookie does not know: two cookies are set each time.
_PAGE: Final = (
    f"{ORIGIN}/c/shoes?utm_source=meta&utm_medium=paid&utm_campaign=fall&fbclid=IwAR1{MARK}aEXAMPLEofAClickId0123"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """What is fired, in turn. `repeat_every`: each n-th request says the id of the one before again; 0 never."""

    templates: tuple[str, ...]
    repeat_every: int = 0

    def parts(self) -> list[list[list[str]]]:
        """Return each template as every visitor sends it, cut at its marks."""
        return [[_sent_by(visitor, template).split(MARK) for visitor in range(VISITORS)] for template in self.templates]


def pixel(event: str = "page_view", **more: str) -> str:
    """Return an image hit of 15 parameters, `more` on top."""
    query = {
        "event": event,
        "event_id": f"e-{MARK}",
        "timestamp": "1795305600.25",
        "page_location": _PAGE,
        "page_referrer": "https://www.facebook.com/",
        "page_title": "Running shoes for autumn & winter",
        "value": "49.90",
        "currency": "EUR",
        "search_term": "running shoes",
        "ids.ga_session_id": "1795300000",
        **{f"consent.{purpose}": word for purpose, word in _GRANTED.items()},
        "plan": "plus",
        **more,
    }
    spelled = "&".join(f"{name}={quote(value, safe='{}')}" for name, value in query.items())
    return _head(f"GET /i?{spelled}", _HEADERS) + "\r\n"


def beacon(event: str = "page_view") -> str:
    """Return the same as a beacon of about 750 bytes."""
    body = _json({
        "event": event,
        "event_id": f"e-{MARK}",
        "page_location": _PAGE,
        "page_referrer": "https://www.facebook.com/",
        "page_title": "Running shoes for autumn & winter",
        "value": 49.9,
        "currency": "EUR",
        "search_term": "running shoes",
        "items": [{"item_id": "SKU1", "item_name": "Runner", "item_brand": "Acme", "price": 49.9, "quantity": 1}],
        "ids": {"ga_session_id": "1795300000"},
        "consent": _GRANTED,
        "properties": {"plan": "plus"},
    })  # fmt: skip
    headers = {**_HEADERS, "Sec-Fetch-Dest": "empty", "Origin": ORIGIN, "Content-Type": "text/plain;charset=UTF-8"}
    return _post("/e", headers, body)


def server_purchase() -> str:
    """Return what the shop's server tells of the purchase that `browser_purchase` is."""
    headers = {"Host": HOST, "Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json"}
    return _post("/api/events", headers, _json(purchase(MARK)))


def browser_purchase() -> str:
    return pixel("purchase", transaction_id=f"o-{MARK}")


def purchase(number: str) -> dict[str, object]:
    """Return a purchase with personal data, for the server's path."""
    return {
        "event": "purchase",
        "event_id": f"e-{number}",
        "transaction_id": f"o-{number}",
        "page_location": f"{ORIGIN}/thanks",
        "value": 49.9,
        "currency": "EUR",
        "items": [{"item_id": "SKU1", "item_name": "Runner", "price": 24.95, "quantity": 2}],
        "user": {
            "email": f"Jo.{number}@shop.example", "phone": "+49 30 1234567", "first_name": "Jo", "last_name": "Müller",
            "city": "Berlin", "postal_code": "10115", "country": "DE", "external_id": f"c-{number}",
        },
        "client": {"ip": _ADDRESS, "user_agent": _AGENT},
        "ids": {
            "fbp": "fb.1.1790000000123.987654321098765432", "gclid": f"Cj0KCQ{number}EXAMPLE",
            "ttclid": f"E.C.P.{number}",
        },
        "consent": _GRANTED,
    }  # fmt: skip


def _sent_by(visitor: int, template: str) -> str:
    """Put a visitor's address, agent and cookies into a template, each as long as the one it stands for."""
    known = hashlib.blake2b(visitor.to_bytes(2, "big"), digest_size=24).hexdigest()
    digits = str(int(known, 16))
    cookies = (
        f"_tw_id=1.{known[:22]}.{1790000000 + visitor}; _ga=GA1.1.{digits[:10]}.{1790000000 + visitor}; "
        f"_ga_ABC123DEF4=GS2.1.s{1795300000 + visitor}$o7$g1$t{1795300500 + visitor}$j12$l0$h0; "
        f"_fbp=fb.1.{1790000000123 + visitor}.{digits[:18]}; "
        f"_fbc=fb.1.{1795200000123 + visitor}.IwAR0older_click_id_of_{known[:16]}; "
        f"_gcl_au=1.1.{digits[10:20]}.{1795200000 + visitor}; _ttp={known[:27]}; session={known[-20:]}"
    )
    address = f"81.2.{10 + visitor % 90}.{100 + visitor % 100}"
    agent = _AGENT.replace("Chrome/154", f"Chrome/{140 + visitor % 15}")
    return template.replace(_COOKIES, cookies).replace(_ADDRESS, address).replace(_AGENT, agent)


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


def _post(path: str, headers: dict[str, str], body: str) -> str:
    size = len(body.replace(MARK, "0" * DIGITS).encode())
    return _head(f"POST {path}", {**headers, "Content-Length": str(size)}) + "\r\n" + body


def _head(first: str, headers: dict[str, str]) -> str:
    return f"{first} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items())
