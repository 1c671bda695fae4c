"""The image's query: the same names as in JSON, dotted where they nest, `items` as JSON."""

from __future__ import annotations

from typing import Any, Final

import orjson

from gateway.core.outcome import Refused
from gateway.core.percent import unquote
from gateway.core.wires.draft import Refusal
from gateway.core.wires.fields import MAX_URL_BYTES, NESTED

# An event has about sixty names; a tag manager adds its own.
_MAX_PARAMETERS: Final = 500
# Parameters of the image itself, which say nothing of the event. `r=204` wants no picture.
_OWN: Final = frozenset({"r"})


def read(query: str, referer: str | None) -> dict[str, Any] | Refusal:
    """Bring a raw query string into an event's shape; without a `page_location` the Referer is the page.

    Shape:  the first of two equal names counts; an empty one is absent, as templates leave them.
    Errors: never raises; a byte that is no UTF-8 becomes U+FFFD.
    """
    if len(query) > MAX_URL_BYTES:
        return Refusal(reason=Refused.SIZE, errors=(f"query: longer than {MAX_URL_BYTES} bytes",))
    pairs = query.replace("+", " ").split("&")
    if len(pairs) > _MAX_PARAMETERS:
        return Refusal(reason=Refused.SIZE, errors=(f"query: more than {_MAX_PARAMETERS} parameters",))
    fields: dict[str, Any] = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        if not value:
            continue
        if "%" in pair:
            value = unquote(value)
            if "%" in name:
                name = unquote(name)
        if "." in name:
            _put(fields, name, value)
        elif name not in fields:
            fields[name] = value
    for name in _OWN:
        fields.pop(name, None)
    if "items" in fields and isinstance(fields["items"], str):
        fields["items"] = _json(fields["items"])
    if referer and "page_location" not in fields:
        fields["page_location"] = referer
    return fields


def wants_no_image(query: str) -> bool:
    """Say whether the caller asked for a bare 204 (`r=204`)."""
    return "r=204" in query and "r=204" in query.split("&")


def _put(fields: dict[str, Any], name: str, value: str) -> None:
    outer, _, inner = name.partition(".")
    if outer not in NESTED:
        fields.setdefault(name, value)
    elif outer not in fields:
        fields[outer] = {inner: value}
    elif isinstance(fields[outer], dict):
        fields[outer].setdefault(inner, value)


def _json(text: str) -> Any:
    """The parsed value, or the text itself where it is no JSON: the rules of `items` will refuse it."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
