"""The image's query: the same names as in JSON, dotted where they nest, `items` as JSON."""

from __future__ import annotations

from binascii import a2b_qp
from functools import lru_cache
from typing import Any, Final

import orjson

from gateway.core.outcome import Refused
from gateway.core.percent import unquote
from gateway.core.wires.draft import Refusal
from gateway.core.wires.sent import look_at, sent
from gateway.core.wires.vocabulary import MAX_URL_BYTES, NESTED

# An event has about sixty names; a tag manager adds its own.
_MAX_PARAMETERS: Final = 500
# Parameters of the image itself, which say nothing of the event. `r=204` wants no picture.
_OWN: Final = frozenset({"r"})
# A query's signs as they are respelled: plus, between pairs, between name and value, before two hex digits.
_PAIR, _VALUE = b"\x01", b"\x02"
_SIGNS: Final = bytes.maketrans(b"+&=%", b" " + _PAIR + _VALUE + b"=")
# A site sends the same few combinations of names with every hit.
_REMEMBERED: Final = 1_024
_MAX_REMEMBERED_CHARS: Final = 2_048


class _Unusual(Exception):
    """A query's names ask for the reading by pieces."""


def read(query: str, referer: str | None) -> dict[str, Any] | Refusal:
    """Bring a raw query string into an event's shape; without a `page_location` the Referer is the page.

    Shape:  the first of two equal names counts; an empty one is absent, as templates leave them.
    Errors: never raises; a byte that is no UTF-8 becomes U+FFFD.
    """
    if len(query) > MAX_URL_BYTES:
        return Refusal(reason=Refused.SIZE, errors=(f"query: longer than {MAX_URL_BYTES} bytes",))
    fields: dict[str, Any] | Refusal | None = read_at_once(query)
    if fields is None:
        fields = read_in_pieces(query)
    if isinstance(fields, Refusal):
        return fields
    for name in _OWN:
        fields.pop(name, None)
    if "items" in fields and isinstance(fields["items"], str):
        fields["items"] = _json(fields["items"])
    if referer and "page_location" not in fields:
        # No part of what was looked at, so it is not `Sent` any more.
        return {**fields, "page_location": referer}
    return fields


def wants_no_image(query: str) -> bool:
    """Say whether the caller asked for a bare 204 (`r=204`)."""
    return "r=204" in query and "r=204" in query.split("&")


def read_at_once(query: str) -> dict[str, Any] | None:
    """Read all of a query at once, decoded and respelled as JSON; None where that could go wrong, or does.

    What could: a sign of the respelling in the query itself or encoded in it (`%0`), a percent sign that begins
    nothing. What does: a name without a sign of equality, control characters, bytes that are no UTF-8.
    """
    if "%0" in query or not query.isascii():
        return None
    if "\x01" in query or "\x02" in query or "\n" in query or "\r" in query:
        return None
    signs = query.encode().translate(_SIGNS)
    # Mail's quoted-printable says with `=` what a query says with `%`; each three signs become one.
    told = a2b_qp(signs)
    if len(signs) - len(told) != 2 * query.count("%"):
        return None
    quoted = told.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    paired = quoted.replace(_PAIR, b'","')
    pairs = (len(paired) - len(quoted)) // 2 + 1
    try:
        flat = orjson.loads(b'{"' + paired.replace(_VALUE, b'":"') + b'"}')
        if len(flat) != pairs or pairs > _MAX_PARAMETERS:
            return None
        if not all(flat.values()):
            flat = {name: value for name, value in flat.items() if value}
        nested = _nested(tuple(flat))
    except (orjson.JSONDecodeError, _Unusual):
        return None
    fields = sent(flat, look_at(told))
    pop = fields.pop
    for outer, names in nested:
        fields[outer] = held = {}
        for inner, name in names:
            held[inner] = pop(name)
    return fields


@lru_cache(maxsize=_REMEMBERED)
def _nested(names: tuple[str, ...]) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """Say what goes into which object, under which name and from which parameter.

    Raises `_Unusual` where two parameters stand for one thing, and for more than may be remembered.
    """
    if sum(map(len, names)) > _MAX_REMEMBERED_CHARS:
        raise _Unusual
    places: dict[str, Any] = {}
    for name in names:
        if "." in name:
            _put(places, name, name)
        else:
            places.setdefault(name, name)
    objects = [(outer, tuple(inner.items())) for outer, inner in places.items() if isinstance(inner, dict)]
    if len(places) - len(objects) + sum(len(inner) for _, inner in objects) != len(names):
        raise _Unusual
    return tuple(objects)


def read_in_pieces(query: str) -> dict[str, Any] | Refusal:
    """Read any query, parameter by parameter."""
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
    return fields


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
