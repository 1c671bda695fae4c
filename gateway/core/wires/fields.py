"""The contract's rules for one event (section 3): what each field may be, what refuses it, what is only left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import filterfalse
from typing import Any, Final

from gateway.core.consent import unread
from gateway.core.event import Campaign, Item, Page, Wire
from gateway.core.hit import Hit
from gateway.core.outcome import Refused
from gateway.core.redact import redact
from gateway.core.site import Site
from gateway.core.wires import ordinary
from gateway.core.wires.draft import Draft, Refusal
from gateway.core.wires.identifiers import read_ids
from gateway.core.wires.reading import Reading, deeper_than, finite_deep, kind
from gateway.core.wires.scalars import corrected, currency, moment_ms
from gateway.core.wires.sent import Look, look_into
from gateway.core.wires.vocabulary import (
    ACTION_SOURCES,
    CAMPAIGN_KEYS,
    CLIENT,
    EVENT_NAME,
    ITEM_KEYS,
    KNOWN,
    MAX_AGENT_CHARS,
    MAX_ID_CHARS,
    MAX_ITEMS,
    MAX_LEVELS,
    MAX_TEXT_CHARS,
    MAX_TITLE_CHARS,
    MAX_URL_BYTES,
    NO_CAMPAIGN,
)

# Python 3.11 takes 1,000 instructions to look a member up in an enum.
_BROWSER: Final = Wire.BROWSER
_EVENT_ID: Final = Refused.EVENT_ID
_FIELD: Final = Refused.FIELD
_ITEMS: Final = Refused.ITEMS
_VALUE: Final = Refused.VALUE

_NO_MOMENT: Final = "neither Unix seconds nor ISO 8601"


def read(hit: Hit, site: Site) -> Draft | Refusal:
    """Check one event of a request against the contract; every flaw is told, the first names the reason."""
    look = look_into(hit.fields)
    draft = None if look.harmful else ordinary.read(hit, site, telling=look.telling)
    return read_closely(hit, site, look) if draft is None else draft


def read_closely(hit: Hit, site: Site, look: Look) -> Draft | Refusal:
    """Read any event, field by field: the only place that has words for what is not as it should be."""
    said = hit.fields
    reading = Reading(said, decimal_comma=site.decimal_comma, look=look)
    if deeper_than(said, MAX_LEVELS):
        return Refusal(reason=Refused.SIZE, errors=(f"event: nested deeper than {MAX_LEVELS} levels",))
    name = _name(reading)
    at_ms = _at_ms(reading, hit)
    clicks, cookies = read_ids(reading) if "ids" in said else ({}, {})
    client = _client(reading, hit.wire) if "client" in said else {}
    value = reading.amount("value", _VALUE)
    event_id = reading.identifier("event_id", _EVENT_ID)
    action_source = _action_source(reading) if "action_source" in said else None
    test = _test(reading, hit.wire) if "test" in said else False
    page = Page(
        location=reading.url("page_location", max_bytes=MAX_URL_BYTES),
        referrer=reading.url("page_referrer", max_bytes=MAX_URL_BYTES),
        title=reading.text("page_title", max_chars=MAX_TITLE_CHARS),
    )
    money, is_named = _currency(reading)
    if value is not None and not is_named:
        money = site.currency
    more = {**client, **{key: field(reading, key) for key, field in _AT_TIMES.items() if key in said}}
    draft = Draft(
        name=name,
        event_id=event_id,
        at_ms=at_ms,
        action_source=action_source,
        test=test,
        page=page,
        value=value,
        currency=money,
        user=reading.scrubbed(reading.mapping("user")) if "user" in said else {},
        clicks=clicks,
        cookies=cookies,
        campaign=_campaign(reading) if "campaign" in said else NO_CAMPAIGN,
        said=_consent(reading) if "consent" in said else {},
        properties=_properties(reading),
        warnings=tuple(reading.warnings),
    )
    if reading.reason is not None:
        return Refusal(reason=reading.reason, errors=tuple(reading.errors))
    draft.currency_made = money is not None and not is_named
    # Python builds a call of more than 15 keywords by way of a dict, at three times the cost of all of `Draft`.
    for key, told in more.items():
        setattr(draft, key, told)
    return draft


def name_of(fields: Mapping[str, Any]) -> str:
    """Return the event's name for the counters, or empty text where there is none that may be believed."""
    name = fields.get("event")
    return name if isinstance(name, str) and EVENT_NAME.fullmatch(name) else ""


def id_of(fields: Mapping[str, Any]) -> str | None:
    """Return the event id a sender gave, for telling him about a refused event; None where it is none."""
    event_id = fields.get("event_id")
    well_formed = isinstance(event_id, str) and 0 < len(event_id) <= MAX_ID_CHARS and event_id.isprintable()
    return event_id if well_formed else None


def _name(reading: Reading) -> str:
    name = reading.said.get("event")
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
    now_ms, said = hit.now_ms, reading.said.get("timestamp")
    # Its own word before the batch's.
    sent_ms = _sent_ms(reading.said.get("sent_at"), reading)
    if sent_ms is None:
        sent_ms = _sent_ms(hit.sent_at, reading)
    if said is None:
        return now_ms
    said_ms = moment_ms(said)
    if said_ms is None:
        reading.refuse(Refused.TIMESTAMP, f"timestamp: {_NO_MOMENT} ({kind(said)} sent)")
        return now_ms
    return corrected(said_ms, sent_ms, now_ms)


def _sent_ms(said: Any, reading: Reading) -> int | None:
    """What the sender's clock said; it only corrects, so an event can do without."""
    if said is None:
        return None
    sent_ms = moment_ms(said)
    if sent_ms is None:
        reading.warn(f"sent_at: {_NO_MOMENT} ({kind(said)} sent); left out")
    return sent_ms


def _currency(reading: Reading) -> tuple[str | None, bool]:
    """Return the currency, and whether one was named at all."""
    said = reading.text("currency", max_chars=MAX_TEXT_CHARS)
    if said is None:
        return None, False
    code = currency(said)
    if code is None:
        # No default here: an amount in the wrong money is worse than one without.
        word = said.strip()
        is_code = len(word) == 3 and word.isascii() and word.isalpha()
        flaw = f"{word.upper()} is no currency of ISO 4217" if is_code else "not a code of three letters"
        reading.warn(f"currency: {flaw}; left out")
    return code, True


def _action_source(reading: Reading) -> str | None:
    source = reading.text("action_source", max_chars=MAX_TEXT_CHARS)
    if source is None or source in ACTION_SOURCES:
        return source
    reading.warn(f"action_source: not one of {', '.join(sorted(ACTION_SOURCES))}; left out")
    return None


def _test(reading: Reading, wire: Wire) -> bool:
    if wire is not _BROWSER:
        return reading.flag("test")
    if reading.said["test"] is not None:
        reading.warn("test: heard on the server's wire only; left out")
    return False


def _client(reading: Reading, wire: Wire) -> Mapping[str, str]:
    """Return what a server tells of its visitor's connection, by the draft's names."""
    if wire is not _BROWSER:
        told = reading.texts("client", tuple(CLIENT), max_chars=MAX_AGENT_CHARS)
        return {CLIENT[key]: redact(text)[:MAX_AGENT_CHARS] for key, text in told.items()}
    if reading.said["client"] is not None:
        reading.warn("client: on a browser's wire the connection is the truth; left out")
    return {}


def _consent(reading: Reading) -> Mapping[str, Any]:
    said = reading.scrubbed(reading.mapping("consent"))
    for name in unread(said):
        reading.warn(
            f"consent.{name}: counts as denied, since {kind(said[name])} was sent that is not understood; "
            "say granted or denied (true, false, 1, 0, no, deny, refused and opt-out are heard, too)"
        )
    return said


def _order(reading: Reading, key: str) -> str | None:
    return reading.identifier(key, _FIELD, integers=True)


def _short(reading: Reading, key: str) -> str | None:
    return reading.text(key, max_chars=MAX_TEXT_CHARS)


def _items(reading: Reading, key: str) -> tuple[Item, ...]:
    said = reading.said[key]
    if said is None:
        return ()
    if not isinstance(said, list):
        reading.refuse(_ITEMS, f"items: a list expected, not {kind(said)}")
    elif len(said) > MAX_ITEMS:
        reading.refuse(_ITEMS, f"items: more than {MAX_ITEMS}")
    else:
        unknown = [key for item in said if isinstance(item, dict) for key in item if key not in ITEM_KEYS]
        if unknown:
            reading.strangers(list(dict.fromkeys(unknown)), ITEM_KEYS, within="items[].")
        inner = Reading({}, decimal_comma=reading.decimal_comma, look=Look(reading.harmful, reading.telling))
        return tuple([_item(place, item, reading, inner) for place, item in enumerate(said)])
    return ()


def _item(place: int, said: Any, reading: Reading, inner: Reading) -> Item:
    """Read one of the items. `inner` reads them all, one after the other."""
    if not isinstance(said, dict):
        if said != []:
            reading.refuse(_ITEMS, f"items[{place}]: an object expected, not {kind(said)}")
        return Item()
    inner.said = said
    item = Item(
        item_id=inner.identifier("item_id", _ITEMS, integers=True, redacting=True),
        price=inner.amount("price", _ITEMS),
        quantity=inner.amount("quantity", _ITEMS),
        item_name=inner.text("item_name", max_chars=MAX_TEXT_CHARS) if "item_name" in said else None,
        item_brand=inner.text("item_brand", max_chars=MAX_TEXT_CHARS) if "item_brand" in said else None,
        item_category=inner.text("item_category", max_chars=MAX_TEXT_CHARS) if "item_category" in said else None,
        item_variant=inner.text("item_variant", max_chars=MAX_TEXT_CHARS) if "item_variant" in said else None,
    )
    if inner.errors:
        for error in inner.errors:
            reading.refuse(_ITEMS, f"items[{place}].{error}")
        inner.errors.clear()
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
    texts = reading.texts("campaign", CAMPAIGN_KEYS, max_chars=MAX_TEXT_CHARS)
    if not texts:
        return NO_CAMPAIGN
    return Campaign(**{key: redact(text) for key, text in texts.items()})


def _properties(reading: Reading) -> Mapping[str, Any]:
    """The site's own fields: those in `properties`, and the keys outside the vocabulary beside it."""
    sent = reading.said
    own = list(filterfalse(KNOWN.__contains__, sent))
    if own:
        reading.strangers(own, KNOWN, fate="kept in properties")
    said = reading.mapping("properties") if "properties" in sent else {}
    if own:
        said = {**{key: sent[key] for key in own}, **said}
    if not said:
        return said
    said = reading.redacted(said)
    for key, value in said.items():
        if not isinstance(value, str) and not finite_deep(value):
            reading.refuse(_FIELD, f"properties.{key[:64]}: holds NaN or infinity")
    return said
