"""The wire of Google's own tag, `/g/collect` version 2: the page's part in the address, an event a line in the body.

Each event comes out twice: in the contract's words, for us and for every destination, and as one line of the tag's own
parameters, for a destination that relays it. E-mail addresses are taken out of both.

Source: hits of gtag.js captured 2025 and 2026, and the open parsers of several tag servers, read 2026-11-22.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from gateway.core.consent import consent_mode
from gateway.core.outcome import Refused
from gateway.core.percent import unquote_plus
from gateway.core.redact import redact
from gateway.core.wires.draft import Refusal
from gateway.core.wires.scalars import number
from gateway.core.wires.text import scrub
from gateway.core.wires.vocabulary import MAX_ITEMS, MAX_URL_BYTES

# The tag sends 20 events or 16 KiB in one request; others who speak its language may take more.
MAX_BODY_BYTES: Final = 64 * 1024
MAX_LINES: Final = 100
# Each event repeats what they share: what comes of one request stays below what any request of ours may bring.
MAX_BYTES: Final = 1024 * 1024
_MAX_PAIRS: Final = 500
# Of the address we set, of the answer the tag would like to have, and of a tag server's own business.
_OURS: Final = frozenset({"_uip", "richsstsse"})
_OURS_PREFIX: Final = "sst."

_PAGE: Final = {"page_location": "dl", "page_referrer": "dr", "page_title": "dt"}
_CAMPAIGN: Final = {"source": "cs", "medium": "cm", "name": "cn", "term": "ck", "content": "cc", "id": "ci"}
_IDS: Final = {"ga_client_id": "cid", "ga_session_id": "sid", "gcl_au": "auid"}
_ITEM: Final = {"id": "item_id", "nm": "item_name", "br": "item_brand", "ca": "item_category", "va": "item_variant",
                "pr": "price", "qt": "quantity"}  # fmt: skip
_AMOUNTS: Final = ("value", "tax", "shipping")
_TEXTS: Final = ("coupon", "search_term")
_SAID: Final = frozenset({*_AMOUNTS, *_TEXTS, "transaction_id", "event_id", "eventID"})
# The tag's short names of digests, in ours. Its places travel clear or hashed; only its digests are read.
_HASHED: Final = {"em": "email", "pn": "phone", "fn0": "first_name", "ln0": "last_name", "sa0": "street"}
_NOT_NAME: Final = re.compile(r"[^A-Za-z0-9_.-]")
_PRODUCT: Final = re.compile(r"pr([1-9][0-9]{0,2})")
# A tilde parts an item's fields; two of them are one that belongs to a value.
_FIELDS: Final = re.compile(r"(?:[^~]|~~)+")


class Line(NamedTuple):
    """One event: its fields by the contract, and the tag's own parameters as one query string."""

    fields: Mapping[str, Any]
    raw: str


def read(query: str, body: bytes) -> tuple[Line, ...] | Refusal:
    """Split one request into its events.

    Errors: never raises; `size` for what no tag sends, `body` for bytes that are no text.
    """
    if len(query) > MAX_URL_BYTES or len(body) > MAX_BODY_BYTES:
        return Refusal(reason=Refused.SIZE, errors=("request: longer than the tag's own may be",))
    try:
        text = body.decode("ascii")
    except UnicodeDecodeError:
        return Refusal(reason=Refused.BODY, errors=("body: lines of a query string expected",))
    lines = [line for line in text.replace("\r", "\n").split("\n") if line.strip()] or [""]
    shared = _pairs(query)
    if len(lines) > MAX_LINES or len(query) * len(lines) > MAX_BYTES:
        return Refusal(reason=Refused.SIZE, errors=(f"body: more than {MAX_LINES} events",))
    return tuple(_line({**shared, **_pairs(line)}) for line in lines)


def _pairs(text: str) -> dict[str, str]:
    """Take a query string apart; the values stay encoded."""
    return {
        unquote_plus(name): value
        for name, _, value in (pair.partition("=") for pair in text.strip().split("&")[:_MAX_PAIRS])
        if name
    }


def _line(encoded: Mapping[str, str]) -> Line:
    kept = {name: text for name, text in encoded.items() if name not in _OURS and not name.startswith(_OURS_PREFIX)}
    said = {name: unquote_plus(text) for name, text in kept.items()}
    # The name of a parameter is a site's own word, too: whatever it may be, it cannot begin another one.
    raw = "&".join(f"{name.translate(_ESCAPES)}={text}" for name, text in kept.items())
    return Line(fields=_fields(said), raw=redact(scrub(raw)))


_ESCAPES: Final = {ord(sign): f"%{ord(sign):02X}" for sign in "%&=#+ \n"}


def _fields(said: Mapping[str, str]) -> dict[str, Any]:
    """Bring the tag's parameters into an event's shape. What it says badly is left out: the hit itself goes on."""
    parameters = _parameters(said)
    fields: dict[str, Any] = {
        "event": _name(said.get("en", "")),
        "event_id": _identifier(parameters.get("event_id") or parameters.get("eventID")),
        "transaction_id": _identifier(parameters.get("transaction_id")),
        "currency": said.get("cu"),
        "items": _items(said),
        "campaign": _present({ours: said.get(theirs) for ours, theirs in _CAMPAIGN.items()}),
        "ids": _present({ours: said.get(theirs) for ours, theirs in _IDS.items()}),
        "user": _user(said.get("em", "")),
        "consent": _consent(said),
        "properties": _properties(said, parameters),
        **{ours: said.get(theirs) for ours, theirs in _PAGE.items()},
        **{name: parameters.get(name) for name in _TEXTS},
        **{name: _amount(parameters.get(name)) for name in _AMOUNTS},
    }
    return _present(fields)


def _parameters(said: Mapping[str, str]) -> dict[str, str]:
    """Return the event's parameters, texts (`ep.`) and numbers (`epn.`), by their names."""
    return {name.partition(".")[2]: text for name, text in said.items() if name.startswith(("ep.", "epn."))}


def _properties(said: Mapping[str, str], parameters: Mapping[str, str]) -> dict[str, Any]:
    """Return the site's own: parameters that mean nothing to us, the user's properties, how long somebody was there."""
    own: dict[str, Any] = {name: text for name, text in parameters.items() if name and name not in _SAID}
    own |= {name.partition(".")[2]: text for name, text in said.items() if name.startswith(("up.", "upn."))}
    for name, text in said.items():
        kind, _, bare = name.partition(".")
        if kind in ("epn", "upn") and bare in own and (told := number(text, decimal_comma=False)) is not None:
            own[bare] = told
    if (engaged := number(said.get("_et", ""), decimal_comma=False)) is not None:
        own["engagement_time_msec"] = engaged
    return own


def _name(text: str) -> str:
    """Spell a name as ours are; Google takes others, and the relayed line keeps them."""
    spelled = _NOT_NAME.sub("_", text)[:64]
    return spelled if not spelled or spelled[0].isalpha() else f"e{spelled}"[:64]


def _identifier(text: str | None) -> str | None:
    return text if text and len(text) <= 256 and text.isprintable() else None


def _amount(text: str | None) -> float | None:
    return None if text is None else number(text, decimal_comma=False)


def _items(said: Mapping[str, str]) -> list[dict[str, Any]]:
    numbered = sorted((int(found[1]), said[name]) for name in said if (found := _PRODUCT.fullmatch(name)))
    return [item for _, text in numbered[:MAX_ITEMS] if (item := _item(text))]


def _item(text: str) -> dict[str, Any]:
    """Read `idSKU~nmName~pr10.01~qt3`: two letters name a field, the rest is its value."""
    item: dict[str, Any] = {}
    for part in _FIELDS.findall(text):
        name, value = _ITEM.get(part[:2]), part[2:].replace("~~", "~")
        if name is None or not value:
            continue
        told = _amount(value) if name in ("price", "quantity") else value
        if told is not None:
            item.setdefault(name, told)
    if "item_id" in item and _identifier(item["item_id"]) is None:
        del item["item_id"]
    return item


def _user(em: str) -> dict[str, str]:
    """Read `tv.1~em.<digest>~pn.<digest>`: what the tag hashed in the browser, base64url; its errors are skipped."""
    parts = (part.partition(".") for part in em.split("~"))
    return dict(_digests((name, text) for name, _, text in parts if name in _HASHED))


def _digests(parts: Iterator[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for name, text in parts:
        try:
            digest = base64.urlsafe_b64decode(f"{text}=" if len(text) == 43 else "")
        except (binascii.Error, ValueError):
            continue
        if len(digest) == 32:
            yield _HASHED[name], digest.hex()


def _consent(said: Mapping[str, str]) -> dict[str, str]:
    told = {
        purpose.value: grant.value
        for purpose, grant in consent_mode.read(said.get("gcs"), said.get("gcd"), said.get("npa")).items()
    }
    return _present({**told, "tcf": said.get("gdpr_consent")})


def _present(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value not in (None, "", {}, [])}
