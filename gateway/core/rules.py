"""What a destination is told of an event: its `values`, `params` and `static`, applied before its adapter speaks.

Pure, and the same for every platform: an adapter is handed the event as the rules leave it and knows nothing of them.
Values come first, so that a parameter may give the value and stay here; what is static is said last.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from gateway.core.event import Event
from gateway.core.goods import amount
from gateway.core.site import EVERY, Destination
from gateway.core.speak import SEALED
from gateway.core.value import valued
from gateway.core.wires.scalars import number

_TEXTS: Final = frozenset({"coupon", "search_term"})
_NUMBERS: Final = frozenset({"lead_score", "predicted_ltv"})
_MONEY: Final = frozenset({"value", "currency", "tax", "shipping"})
_PAGE: Final = {"page_location": "location", "page_referrer": "referrer", "page_title": "title"}
_ITEM: Final = frozenset({"item_id", "item_name", "item_brand", "item_category", "item_variant", "price", "quantity"})
_CLEAR: Final = frozenset({"city", "region", "postal_code", "country"})
_PLACES: Final[Mapping[str, frozenset[str]]] = {
    "user": SEALED | _CLEAR,
    "client": frozenset({"ip", "user_agent"}),
    "items": _ITEM,
}
# What says which act it is, when, and who allowed it: without them a platform would count twice, or what it may not.
_FIXED: Final = frozenset(
    {"event", "event_id", "transaction_id", "timestamp", "consent", "action_source", "test", "user", "client", "ids"}
    | {"campaign", "properties"}
)
_OWN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}", re.ASCII)
_WORD: Final = re.compile(r"[a-z_]{1,32}", re.ASCII)


def source(name: str) -> str:
    """Check what `params` may leave out or rename; raises ValueError."""
    place, dot, inner = name.partition(".")
    if dot:
        known = _PLACES.get(place)
        if (known is not None and inner in known) or (place == "ids" and _WORD.fullmatch(inner)):
            return name
        raise ValueError("a dot leads into user, client, ids or items, as in user.phone or items.item_name")
    return target(name) if name not in _MONEY | _PAGE.keys() | {"items"} else name


def target(name: str) -> str:
    """Check under which name a parameter may be said: a text or score of the event, or one of your own."""
    if name in _FIXED:
        raise ValueError("says which act it is and who allowed it: it is neither renamed nor left out")
    if name in _MONEY:
        raise ValueError("is money: write a rule under values")
    if name in _PAGE or name == "items":
        raise ValueError("is no plain parameter: it can be left out (null) and nothing else")
    if not _OWN.fullmatch(name):
        raise ValueError("a parameter's name is a letter and up to 63 letters, digits, - and _")
    return name


def apply(event: Event, destination: Destination) -> Event:
    """Return the event as this destination is told it; the very same one where no rule speaks of it."""
    rule = destination.values.get(event.name) or destination.values.get(EVERY)
    if rule is not None:
        event = valued(event, rule)
    if destination.params:
        event = _renamed(event, destination.params)
    if destination.static:
        added = {**destination.static.get(EVERY, {}), **destination.static.get(event.name, {})}
        event = _put(event, added)
    return event


def note(event: Event, destination: Destination) -> dict[str, str]:
    """Say what a rule made of the event's value, for whoever looks at the delivery; nothing where it left it alone."""
    told = apply(event, destination) if destination.values else event
    if (told.value, told.currency) == (event.value, event.currency):
        return {}
    return {"valued": f"{_spelled(event)} -> {_spelled(told)}"}


def _spelled(event: Event) -> str:
    told = amount(event.value)
    return "none" if told is None else f"{told} {event.currency or ''}".strip()


def _renamed(event: Event, params: Mapping[str, str | None]) -> Event:
    """Take everything out that is named, then say it anew: two parameters may change places."""
    moved: dict[str, Any] = {}
    for name, to in params.items():
        if to is not None and (told := _told(event, name)) is not None:
            moved[to] = told
    for name in params:
        event = _without(event, name)
    return _put(event, moved)


def _told(event: Event, name: str) -> Any:
    return getattr(event, name) if name in _TEXTS | _NUMBERS else event.properties.get(name)


def _put(event: Event, added: Mapping[str, Any]) -> Event:
    """Say parameters; one that does not fit the field it is named like stays a property of that name."""
    fields: dict[str, Any] = {}
    properties = dict(event.properties)
    for name, told in added.items():
        if name in _TEXTS and isinstance(told, str | int | float) and not isinstance(told, bool):
            fields[name] = told if isinstance(told, str) else amount(float(told))
        elif name in _NUMBERS and (read := number(told, decimal_comma=False)) is not None:
            fields[name] = read
        else:
            properties[name] = told
    return msgspec.structs.replace(event, **fields, properties=properties) if added else event


def _without(event: Event, name: str) -> Event:
    place, dot, inner = name.partition(".")
    replace = msgspec.structs.replace
    if not dot:
        if name in _PAGE:
            return replace(event, page=replace(event.page, **{_PAGE[name]: None}))
        if name == "items":
            return replace(event, items=())
        if name in _TEXTS | _NUMBERS | _MONEY:
            return replace(event, **{name: None})
        if name not in event.properties:
            return event
        return replace(event, properties={key: told for key, told in event.properties.items() if key != name})
    match place:
        case "user" if inner in _CLEAR:
            return replace(event, person=replace(event.person, **{inner: None}))
        case "user":
            digests = {key: told for key, told in event.person.digests.items() if key != inner}
            return replace(event, person=replace(event.person, digests=digests))
        case "client":
            return replace(event, browser=replace(event.browser, **{inner: None}))
        case "items":
            return replace(event, items=tuple(replace(item, **{inner: None}) for item in event.items))
        case _:
            cookies = {key: told for key, told in event.browser.cookies.items() if key != inner}
            clicks = {key: told for key, told in event.clicks.items() if key != inner}
            return replace(event, browser=replace(event.browser, cookies=cookies), clicks=clicks)
