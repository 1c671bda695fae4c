"""The contract's rules for one event (section 3): what each field may be, what refuses it, what is only left out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from gateway.core.event import Campaign, Item, Page, Wire
from gateway.core.hit import Hit
from gateway.core.outcome import Refused
from gateway.core.redact import redact, redact_deep
from gateway.core.site import Site
from gateway.core.wires.draft import Draft, Refusal
from gateway.core.wires.identifiers import read_ids
from gateway.core.wires.reading import Reading, deeper_than, finite_deep, kind, scrub_deep
from gateway.core.wires.scalars import currency, moment_ms

EVENT_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}", re.ASCII)

MAX_ITEMS: Final = 200
MAX_LEVELS: Final = 8
MAX_URL_BYTES: Final = 32 * 1024
# Meta cuts custom texts at about 1,000 characters and Google at 500: no platform reads further.
_MAX_TITLE_CHARS: Final = 1024
_MAX_TEXT_CHARS: Final = 500
# The longest real agents (in-app browsers) have about 800 characters.
_MAX_AGENT_CHARS: Final = 2048

KNOWN: Final = frozenset(
    {
        *("event", "event_id", "timestamp", "sent_at", "page_location", "page_referrer", "page_title"),
        *("value", "currency", "transaction_id", "coupon", "tax", "shipping", "items"),
        *("search_term", "lead_score", "predicted_ltv", "user", "client", "ids", "campaign", "consent"),
        *("action_source", "test", "properties"),
    }
)
"""The top-level keys of an event; everything else is the site's own and goes to `properties`."""

NESTED: Final = frozenset({"user", "client", "ids", "campaign", "consent", "properties"})
"""The keys that hold an object; a flat wire writes what is inside them with a dot."""

# Meta's list, which the other platforms map from (Conversions API, Server Event Parameters, read 2026-11-22).
_ACTION_SOURCES: Final = frozenset(
    {
        *("email", "website", "app", "phone_call", "chat", "physical_store", "system_generated"),
        *("business_messaging", "other"),
    }
)
_ITEM_TEXTS: Final = ("item_name", "item_brand", "item_category", "item_variant")
_ITEM_KEYS: Final = frozenset({"item_id", *_ITEM_TEXTS, "price", "quantity"})
_CLIENT_KEYS: Final = ("ip", "user_agent")
_NO_CAMPAIGN: Final = Campaign()
_CAMPAIGN_KEYS: Final = ("source", "medium", "name", "term", "content", "id")


class _Client(NamedTuple):
    ip: str | None = None
    agent: str | None = None


_NO_CLIENT: Final = _Client()


def read(hit: Hit, site: Site) -> Draft | Refusal:
    """Check one event of a request against the contract; every flaw is told, the first names the reason."""
    if deeper_than(hit.fields, MAX_LEVELS):
        return Refusal(reason=Refused.SIZE, errors=(f"event: nested deeper than {MAX_LEVELS} levels",))
    reading = Reading(hit.fields, decimal_comma=site.decimal_comma)
    name = _name(reading)
    at_ms = _at_ms(reading, hit)
    ids = read_ids(reading)
    client = _client(reading, hit.wire)
    value = reading.amount("value", Refused.VALUE)
    draft = Draft(
        name=name,
        event_id=reading.identifier("event_id", Refused.EVENT_ID),
        at_ms=at_ms,
        action_source=_action_source(reading),
        test=_test(reading, hit.wire),
        page=Page(
            location=reading.url("page_location", max_bytes=MAX_URL_BYTES),
            referrer=reading.url("page_referrer", max_bytes=MAX_URL_BYTES),
            title=reading.text("page_title", max_chars=_MAX_TITLE_CHARS),
        ),
        value=value,
        currency=_currency(reading, site.currency if value is not None else None),
        **{key: field(reading, key) for key, field in _AT_TIMES.items() if key in hit.fields},
        user=scrub_deep(reading.mapping("user")),
        clicks=ids.clicks,
        cookies=ids.cookies,
        campaign=_campaign(reading),
        said=scrub_deep(reading.mapping("consent")),
        client_ip=client.ip,
        client_agent=client.agent,
        properties=_properties(reading),
        warnings=tuple(reading.warnings),
    )
    if reading.reason is not None:
        return Refusal(reason=reading.reason, errors=tuple(reading.errors))
    return draft


def name_of(fields: Mapping[str, Any]) -> str:
    """Return the event's name for the counters, or empty text where there is none that may be believed."""
    name = fields.get("event")
    return name if isinstance(name, str) and EVENT_NAME.fullmatch(name) else ""


def id_of(fields: Mapping[str, Any]) -> str | None:
    """Return the event id a sender gave, for telling him about a refused event; None where it is none."""
    event_id = fields.get("event_id")
    well_formed = isinstance(event_id, str) and 0 < len(event_id) <= 256 and event_id.isprintable()
    return event_id if well_formed else None


def _name(reading: Reading) -> str:
    name = reading.get("event")
    if name is None or name == "":
        reading.refuse(Refused.EVENT, "event: missing")
    elif not isinstance(name, str):
        reading.refuse(Refused.EVENT, f"event: text expected, not {kind(name)}")
    elif not EVENT_NAME.fullmatch(name):
        reading.refuse(Refused.EVENT, "event: must be a letter and up to 63 letters, digits, dots, dashes or _")
    else:
        return name
    return ""


def _at_ms(reading: Reading, hit: Hit) -> int:
    """When it happened by our clock: corrected by the sender's where he told it, and never in the future."""
    said_ms = _moment_ms("timestamp", reading.get("timestamp"), reading)
    sent = reading.get("sent_at")
    sent_ms = _moment_ms("sent_at", hit.sent_at if sent is None else sent, reading)
    if said_ms is None:
        return hit.now_ms
    ahead_ms = 0 if sent_ms is None else sent_ms - hit.now_ms
    return max(0, min(said_ms - ahead_ms, hit.now_ms))


def _moment_ms(key: str, value: Any, reading: Reading) -> int | None:
    if value is None:
        return None
    result = moment_ms(value)
    if result is None:
        reading.refuse(Refused.TIMESTAMP, f"{key}: neither Unix seconds nor ISO 8601 ({kind(value)} sent)")
    return result


def _currency(reading: Reading, default: str | None) -> str | None:
    said = reading.text("currency", max_chars=_MAX_TEXT_CHARS)
    if said is None:
        return default
    code = currency(said)
    if code is None:
        # No default here: an amount in the wrong money is worse than one without.
        reading.warn("currency: not a code of three letters; left out")
    return code


def _action_source(reading: Reading) -> str | None:
    source = reading.text("action_source", max_chars=_MAX_TEXT_CHARS)
    if source is None or source in _ACTION_SOURCES:
        return source
    reading.warn(f"action_source: not one of {', '.join(sorted(_ACTION_SOURCES))}; left out")
    return None


def _test(reading: Reading, wire: Wire) -> bool:
    test = reading.flag("test") if wire is Wire.SERVER else False
    if wire is Wire.BROWSER and reading.get("test") is not None:
        reading.warn("test: heard on the server's wire only; left out")
    return test


def _client(reading: Reading, wire: Wire) -> _Client:
    if wire is Wire.BROWSER:
        if reading.get("client") is not None:
            reading.warn("client: on a browser's wire the connection is the truth; left out")
        return _NO_CLIENT
    texts = reading.texts("client", _CLIENT_KEYS, max_chars=_MAX_AGENT_CHARS)
    return _Client(texts.get("ip"), texts.get("user_agent"))


def _order(reading: Reading, key: str) -> str | None:
    return reading.identifier(key, Refused.FIELD, integers=True)


def _short(reading: Reading, key: str) -> str | None:
    return reading.text(key, max_chars=_MAX_TEXT_CHARS)


def _items(reading: Reading, key: str) -> tuple[Item, ...]:
    said = reading.get(key)
    if said is None:
        return ()
    if not isinstance(said, list):
        reading.refuse(Refused.ITEMS, f"items: a list expected, not {kind(said)}")
    elif len(said) > MAX_ITEMS:
        reading.refuse(Refused.ITEMS, f"items: more than {MAX_ITEMS}")
    else:
        reading.strangers(_ITEM_KEYS, within="items[].", of=[item for item in said if isinstance(item, dict)])
        return tuple(_item(f"items[{place}]", item, reading) for place, item in enumerate(said))
    return ()


def _item(path: str, said: Any, reading: Reading) -> Item:
    if not isinstance(said, dict):
        reading.refuse(Refused.ITEMS, f"{path}: an object expected, not {kind(said)}")
        return Item()
    inner = Reading(said, decimal_comma=reading.decimal_comma)
    item = Item(
        item_id=inner.identifier("item_id", Refused.ITEMS, integers=True),
        price=inner.amount("price", Refused.ITEMS),
        quantity=inner.amount("quantity", Refused.ITEMS),
        **{key: inner.text(key, max_chars=_MAX_TEXT_CHARS) for key in _ITEM_TEXTS},
    )
    for error in inner.errors:
        reading.refuse(Refused.ITEMS, f"{path}.{error}")
    return item


# What most events lack, in the order in which its flaws are told: asked for only where it was sent.
_AT_TIMES: Final[Mapping[str, Callable[[Reading, str], Any]]] = {
    "transaction_id": _order,
    "coupon": _short,
    "tax": Reading.amount,
    "shipping": Reading.amount,
    "items": _items,
    "search_term": _short,
    "lead_score": Reading.amount,
    "predicted_ltv": Reading.amount,
}


def _campaign(reading: Reading) -> Campaign:
    texts = reading.texts("campaign", _CAMPAIGN_KEYS, max_chars=_MAX_TEXT_CHARS)
    if not texts:
        return _NO_CAMPAIGN
    return Campaign(**{key: redact(text) for key, text in texts.items()})


def _properties(reading: Reading) -> Mapping[str, Any]:
    """The site's own fields: those in `properties`, and the keys outside the vocabulary beside it."""
    own = {key: reading.get(key) for key in reading.strangers(KNOWN, fate="kept in properties")}
    said: dict[str, Any] = {**own, **reading.mapping("properties")}
    if not said:
        return said
    said = redact_deep(scrub_deep(said))
    for key, value in said.items():
        if not isinstance(value, str) and not finite_deep(value):
            reading.refuse(Refused.FIELD, f"properties.{key[:64]}: holds NaN or infinity")
    return said
