"""Reads an event that is in every respect as most are, at half the cost of `fields` and with its answers.

Nothing is refused here, and warned of nothing but the site's own keys: what needs a word of ours is read closely.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache
from math import isfinite
from typing import Annotated, Any, Final, NamedTuple

import msgspec

from gateway.core.consent import UNDERSTOOD, unread
from gateway.core.event import Campaign, Item, Page, Wire
from gateway.core.hit import Hit
from gateway.core.redact import has_email, redact, redact_deep
from gateway.core.site import Site
from gateway.core.wires.draft import Draft
from gateway.core.wires.identifiers import sort_ids
from gateway.core.wires.reading import MAX_NOTES, stranger
from gateway.core.wires.scalars import corrected, currency, moment_ms, number
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
    MAX_TEXT_CHARS,
    MAX_TITLE_CHARS,
    MAX_URL_BYTES,
    NO_CAMPAIGN,
)

_Id = Annotated[str, msgspec.Meta(max_length=MAX_ID_CHARS)]
_Text = Annotated[str, msgspec.Meta(max_length=MAX_TEXT_CHARS)]
# A character is four bytes at most.
_Url = Annotated[str, msgspec.Meta(max_length=MAX_URL_BYTES // 4)]

# A site sends the same few combinations of keys, and names of events, with every hit.
_REMEMBERED: Final = 1_024
_MAX_REMEMBERED_CHARS: Final = 2_048
_named: Final = lru_cache(maxsize=_REMEMBERED)(EVENT_NAME.fullmatch)
_RARE: Final = frozenset(
    {"transaction_id", "coupon", "tax", "shipping", "items", "search_term", "lead_score", "predicted_ltv"}
)
_REDACTED: Final = {
    "page_location": MAX_URL_BYTES,
    "page_referrer": MAX_URL_BYTES,
    "page_title": MAX_TITLE_CHARS,
    "search_term": MAX_TEXT_CHARS,
    "coupon": MAX_TEXT_CHARS,
}
# Python 3.11 takes 1,000 instructions to look a member up in an enum.
_BROWSER: Final = Wire.BROWSER


_Scalar = str | int | float | bool | None


class Unusual(Exception):
    """Something about an event asks for a closer reading."""


class _Told(msgspec.Struct):
    """An event by the types and lengths that need no word of ours; what is left open is looked at below."""

    event: Annotated[str, msgspec.Meta(max_length=64)]
    event_id: _Id | None = None
    timestamp: float | str | None = None
    page_location: _Url | None = None
    page_referrer: _Url | None = None
    page_title: Annotated[str, msgspec.Meta(max_length=MAX_TITLE_CHARS)] | None = None
    value: float | str | None = None
    currency: _Text | None = None
    search_term: _Text | None = None
    transaction_id: _Id | None = None
    coupon: _Text | None = None
    tax: float | str | None = None
    shipping: float | str | None = None
    items: Annotated[list[Item], msgspec.Meta(max_length=MAX_ITEMS)] | None = None
    lead_score: float | str | None = None
    predicted_ltv: float | str | None = None
    user: dict[str, _Scalar] | None = None
    client: dict[str, str] | None = None
    ids: dict[str, str] | None = None
    consent: dict[str, _Scalar] | None = None
    campaign: dict[str, str] | None = None
    action_source: str | None = None
    test: bool | None = None
    properties: dict[str, _Scalar] | None = None
    sent_at: float | str | None = None


class Shape(NamedTuple):
    """What a combination of top-level keys says by itself: which are the site's own, and the warnings they bring."""

    own: tuple[str, ...]
    warnings: tuple[str, ...]
    has_rare: bool


@lru_cache(maxsize=_REMEMBERED)
def shape(keys: tuple[str, ...]) -> Shape:
    """Raise `Unusual` for so many or so long keys that nothing is remembered of them."""
    if sum(map(len, keys)) > _MAX_REMEMBERED_CHARS:
        raise Unusual
    own = tuple([key for key in keys if key not in KNOWN])
    warnings = tuple([stranger(key, KNOWN, fate="kept in properties") for key in own[:MAX_NOTES]])
    return Shape(own, warnings, not _RARE.isdisjoint(keys))


def read(hit: Hit, site: Site, *, telling: bool) -> Draft | None:
    """Read an event none of whose texts is harmful; None where it has to be read closely.

    `telling`: some text may hold an e-mail address.
    """
    try:
        told = msgspec.convert(hit.fields, _Told)
        if telling:
            _redact(told)
        return _read(hit, site, told, telling=telling)
    except (msgspec.ValidationError, Unusual):
        return None


def _redact(told: _Told) -> None:
    """Take the addresses out of the event's own texts; each was within its limit, and is cut to it again."""
    if has_email(told.event_id or "") or has_email(told.transaction_id or ""):
        raise Unusual
    for key, max_chars in _REDACTED.items():
        text = getattr(told, key)
        if text is not None:
            setattr(told, key, redact(text)[:max_chars])


def _read(hit: Hit, site: Site, told: _Told, *, telling: bool) -> Draft:
    event_id, value, money = told.event_id, told.value, told.currency
    if _named(told.event) is None or (event_id is not None and not (event_id.isascii() and event_id.strip())):
        raise Unusual
    said = told.consent
    if said is not None and not UNDERSTOOD.issuperset(said.values()) and unread(said):
        raise Unusual
    keys = shape(tuple(hit.fields))
    clicks, cookies = ({}, {}) if told.ids is None else _ids(told.ids)
    draft = Draft(
        name=told.event,
        event_id=event_id,
        at_ms=_at_ms(told, hit),
        action_source=told.action_source,
        test=False,
        page=Page(
            location=told.page_location or None,
            referrer=told.page_referrer or None,
            title=told.page_title or None,
        ),
        value=None if value is None else _amount(value, site),
        currency=None if money is None else _code(money),
        campaign=NO_CAMPAIGN if told.campaign is None else _campaign(told.campaign),
        user={} if told.user is None else told.user,
        clicks=clicks,
        cookies=cookies,
        said={} if said is None else said,
        properties={} if told.properties is None and not keys.own else _properties(told, hit, keys.own, telling),
        warnings=keys.warnings,
    )
    if value is not None and money is None and site.currency is not None:
        draft.currency, draft.currency_made = site.currency, True
    if keys.has_rare:
        _add_rare(draft, told, hit, site, telling)
    if told.client is not None or told.test is not None or told.action_source is not None:
        _add_servers(draft, told, hit)
    return draft


def _at_ms(told: _Told, hit: Hit) -> int:
    said, sent, now_ms = told.timestamp, told.sent_at, hit.now_ms
    if sent is None:
        sent = hit.sent_at
    said_ms = now_ms if said is None else moment_ms(said)
    sent_ms = None if sent is None else moment_ms(sent)
    if said_ms is None or (sent is not None and sent_ms is None):
        raise Unusual
    return now_ms if said is None else corrected(said_ms, sent_ms, now_ms)


def _amount(said: float | str, site: Site) -> float:
    result = number(said, decimal_comma=site.decimal_comma)
    if result is None:
        raise Unusual
    return result


def _code(said: str) -> str:
    code = currency(said)
    if code is None:
        raise Unusual
    return code


def _ids(said: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    ids = sort_ids(said)
    if ids is None:
        raise Unusual
    return ids


def _texts(said: Mapping[str, str], known: Collection[str], max_chars: int) -> dict[str, str]:
    """Return what is filled in of an object that holds texts alone, in the order of its known names."""
    if any(key not in known for key in said):
        raise Unusual
    return {key: text for key in known if key in said and (text := said[key].strip()[:max_chars])}


def _campaign(said: Mapping[str, str]) -> Campaign:
    texts = _texts(said, CAMPAIGN_KEYS, MAX_TEXT_CHARS)
    return Campaign(**{key: redact(text) for key, text in texts.items()}) if texts else NO_CAMPAIGN


def _properties(told: _Told, hit: Hit, own: tuple[str, ...], telling: bool) -> Mapping[str, Any]:
    said, properties = hit.fields, {}
    for key in own:
        value = properties[key] = said[key]
        if not isinstance(value, str) and not _is_plain(value):
            raise Unusual
    if told.properties is not None:
        if not all(map(_is_plain, told.properties.values())):
            raise Unusual
        properties |= told.properties
    redacted: Mapping[str, Any] = redact_deep(properties) if telling else properties
    return redacted


def _is_plain(value: Any) -> bool:
    """Say whether this is no object, no list, and no number without an end."""
    return value is None or isinstance(value, str) or (isinstance(value, (int, float)) and isfinite(value))


def _add_rare(draft: Draft, told: _Told, hit: Hit, site: Site, telling: bool) -> None:
    """Put in what most events lack."""
    if told.search_term:
        draft.search_term = told.search_term
    if told.coupon:
        draft.coupon = told.coupon
    if told.transaction_id is not None:
        if not (told.transaction_id.isascii() and told.transaction_id.strip()):
            raise Unusual
        draft.transaction_id = told.transaction_id
    if told.tax is not None:
        draft.tax = _amount(told.tax, site)
    if told.shipping is not None:
        draft.shipping = _amount(told.shipping, site)
    if told.lead_score is not None:
        draft.lead_score = _amount(told.lead_score, site)
    if told.predicted_ltv is not None:
        draft.predicted_ltv = _amount(told.predicted_ltv, site)
    if told.items is not None:
        draft.items = _items(told.items, telling)
        strangers = _strangers(hit.fields["items"])
        if strangers:
            draft.warnings = (*strangers, *draft.warnings)[:MAX_NOTES]


def _items(items: list[Item], telling: bool) -> tuple[Item, ...]:
    for item in items:
        for text in (item.item_id, item.item_name, item.item_brand, item.item_category, item.item_variant):
            if text is not None and not (
                text.strip()
                and len(text) <= MAX_ID_CHARS
                and text.isprintable()
                and (not telling or redact(text) == text)
            ):
                raise Unusual
        for amount in (item.price, item.quantity):
            if amount is not None and not isfinite(amount):
                raise Unusual
    return tuple(items)


def _strangers(items: list[Mapping[str, Any]]) -> list[str]:
    """Warn of each key that no item has: shops send theirs as they have them."""
    own: dict[str, None] = {}
    for item in items:
        if not item.keys() <= ITEM_KEYS:
            for key, value in item.items():
                if key not in ITEM_KEYS:
                    if not _is_plain(value):
                        raise Unusual
                    own[key] = None
    return [stranger(key, ITEM_KEYS, within="items[].") for key in own]


def _add_servers(draft: Draft, told: _Told, hit: Hit) -> None:
    """Put in what a server tells of its visitor and of the act; a browser is not heard on most of it."""
    if told.action_source is not None and told.action_source not in ACTION_SOURCES:
        raise Unusual
    if told.client is None and told.test is None:
        return
    if hit.wire is _BROWSER:
        raise Unusual
    draft.test = bool(told.test)
    if told.client is not None:
        for key, text in _texts(told.client, CLIENT, MAX_AGENT_CHARS).items():
            setattr(draft, CLIENT[key], redact(text)[:MAX_AGENT_CHARS])
