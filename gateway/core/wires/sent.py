"""An event as it was sent, with what its bytes say of all its texts at once: most events need no closer look at any."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
import orjson

# Bytes of a text: 0xC2 begins U+0080 to U+00BF in UTF-8, of which half are controls.
_BACKSLASH, _DELETE, _LATIN, _AT, _PERCENT = b"\\\x7f\xc2@%"


class Look(msgspec.Struct, frozen=True):
    """What one look at the whole of an event found; wrong only towards caution.

    `harmful`: some text inside may hold a control character or a lone surrogate. `telling`: some may hold an e-mail
    address.
    """

    harmful: bool
    telling: bool


_UNCLEAR: Final = Look(True, True)


class Sent(dict[str, Any]):
    """The fields of one event, as they were read from bytes that `look` has seen."""

    __slots__ = ("look",)
    look: Look


def sent(fields: Mapping[str, Any], look: Look) -> Sent:
    result = Sent(fields)
    result.look = look
    return result


def look_at(told: bytes) -> Look:
    """Look at the bytes that an event was read from: valid UTF-8, JSON or bare texts without control characters."""
    hidden = _BACKSLASH in told
    if hidden:
        # A quotation mark or a slash is all that most backslashes stand before.
        hidden = _BACKSLASH in told.replace(b'\\"', b"").replace(b"\\/", b"")
    return Look(hidden or _DELETE in told or _LATIN in told, hidden or _AT in told or _PERCENT in told)


def look_into(fields: Mapping[str, Any]) -> Look:
    """Look at an event, whatever it was read from."""
    if isinstance(fields, Sent):
        return fields.look
    try:
        return look_at(orjson.dumps(fields))
    except orjson.JSONEncodeError:  # a lone surrogate, an integer beyond 64 bits, or 255 levels
        return _UNCLEAR
