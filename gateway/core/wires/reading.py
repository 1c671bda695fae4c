"""Reads one JSON object field by field and collects every flaw, so that a caller learns of all of them at once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Final, TypeAlias

from gateway.core.outcome import Refused
from gateway.core.redact import has_email, redact, redact_deep
from gateway.core.wires.scalars import number
from gateway.core.wires.sent import Look, look_into
from gateway.core.wires.text import scrub

# Beyond this many a sender learns nothing new, and an event of 64 KiB could name ten thousand.
MAX_NOTES: Final = 20
_MAX_KEY_CHARS: Final = 64
# Keys that are no words of ours; a site sends the same few with every hit, and looking for a near word takes 150 µs.
_REMEMBERED_KEYS: Final = 1_024
# What every store and wire of ours can carry as an integer.
_INTEGERS: Final = range(-(2**63), 2**64)
_NESTING: Final = (dict, list)
# Python 3.11 takes 1,000 instructions to look a member up in an enum.
_FIELD: Final = Refused.FIELD
_SIZE: Final = Refused.SIZE


Vocabulary: TypeAlias = frozenset[str] | tuple[str, ...]


class Reading:
    """What one object said. A field that is null counts as absent; a flawed one reads as absent and is noted.

    `harmful` and `telling` are the `Look` at the whole event, which stands for one at each of its texts.
    """

    __slots__ = ("decimal_comma", "errors", "harmful", "reason", "said", "telling", "warnings")

    def __init__(self, said: Mapping[str, Any], *, decimal_comma: bool, look: Look | None = None) -> None:
        self.said = said
        self.decimal_comma = decimal_comma
        self.reason: Refused | None = None
        self.errors: list[str] = []
        self.warnings: list[str] = []
        if look is None:
            look = look_into(said)
        self.harmful, self.telling = look.harmful, look.telling

    def refuse(self, reason: Refused, flaw: str) -> None:
        """Note a flaw that costs the whole event; the first one names the reason."""
        self.reason = self.reason or reason
        if len(self.errors) < MAX_NOTES:
            self.errors.append(flaw)

    def warn(self, flaw: str) -> None:
        """Note what was changed or left out of an event that is taken all the same."""
        if len(self.warnings) < MAX_NOTES:
            self.warnings.append(flaw)

    def text(self, key: str, *, max_chars: int) -> str | None:
        """Return free text: scrubbed, without e-mail addresses, cut to its limit."""
        value = self.said.get(key)
        if value is None:
            return None
        if not isinstance(value, str):
            self.refuse(_FIELD, f"{key}: text expected, not {kind(value)}")
            return None
        if self.harmful:
            value = scrub(value)
        if self.telling:
            value = redact(value)
        if len(value) > max_chars:
            value = value[:max_chars]
        return value or None

    def url(self, key: str, *, max_bytes: int) -> str | None:
        """Return an address, without e-mail addresses in it; one that is too long refuses the event."""
        value = self.said.get(key)
        # A character is four bytes at most.
        if isinstance(value, str) and len(value) > max_bytes // 4 and len(value.encode(errors="replace")) > max_bytes:
            self.refuse(_SIZE, f"{key}: longer than {max_bytes} bytes")
            return None
        return self.text(key, max_chars=max_bytes)

    def identifier(self, key: str, reason: Refused, *, integers: bool = False, redacting: bool = False) -> str | None:
        """Return 1 to 256 printable characters exactly as they were sent; empty, or of blanks alone, counts as absent.

        An e-mail address in it refuses the event, since another id would name another act; `redacting` takes it out.
        """
        value = self.said.get(key)
        if integers and isinstance(value, int) and not isinstance(value, bool):
            value = str(value) if value in _INTEGERS else ""
        # A template's empty slot, mostly: as an id it would make one act of many.
        if value is None or value == "" or (isinstance(value, str) and value.isspace()):
            return None
        if not isinstance(value, str):
            self.refuse(reason, f"{key}: text expected, not {kind(value)}")
        elif len(value) > 256:
            self.refuse(reason, f"{key}: longer than 256 characters")
        elif (self.harmful or not value.isascii()) and not value.isprintable():
            self.refuse(reason, f"{key}: holds a character that cannot be printed")
        elif self.telling and redacting:
            return redact(value)[:256]
        elif self.telling and has_email(value):
            self.refuse(reason, f"{key}: holds an e-mail address; send an id that names nobody, such as its SHA-256")
        else:
            return value
        return None

    def amount(self, key: str, reason: Refused = _FIELD) -> float | None:
        """Return a finite number."""
        value = self.said.get(key)
        if value is None:
            return None
        result = number(value, decimal_comma=self.decimal_comma)
        if result is None:
            self.refuse(reason, f"{key}: not a finite number ({kind(value)} sent)")
        return result

    def flag(self, key: str) -> bool:
        value = self.said.get(key)
        if value is None or isinstance(value, bool):
            return bool(value)
        self.refuse(_FIELD, f"{key}: true or false expected, not {kind(value)}")
        return False

    def mapping(self, key: str) -> Mapping[str, Any]:
        """Return a nested object as it was sent; empty when absent, or an empty list: PHP knows no other spelling."""
        value = self.said.get(key)
        if value is None or value == []:
            return {}
        if isinstance(value, dict):
            return value
        self.refuse(_FIELD, f"{key}: an object expected, not {kind(value)}")
        return {}

    def scrubbed(self, said: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return an object of this event with every text inside scrubbed, keys too."""
        if not self.harmful:
            return said
        scrubbed: Mapping[str, Any] = scrub_deep(said)
        return scrubbed

    def redacted(self, said: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return an object of this event scrubbed, and without e-mail addresses."""
        scrubbed = self.scrubbed(said)
        if not self.telling:
            return scrubbed
        redacted: Mapping[str, Any] = redact_deep(scrubbed)
        return redacted

    def texts(self, key: str, known: tuple[str, ...], *, max_chars: int) -> dict[str, str]:
        """Return the texts of a nested object whose fields are all optional; a flawed one is left out and noted."""
        said = self.mapping(key)
        if not said:
            return {}
        self.strangers([name for name in said if name not in known], known, within=f"{key}.")
        texts = {}
        for name in known:
            value = said.get(name)
            if isinstance(value, str):
                text = (scrub(value) if self.harmful else value).strip()[:max_chars]
                if text:
                    texts[name] = text
            elif value is not None:
                self.warn(f"{key}.{name}: text expected, not {kind(value)}; left out")
        return texts

    def strangers(self, keys: list[str], known: Vocabulary, *, within: str = "", fate: str = "left out") -> None:
        """Note keys outside a vocabulary, with the nearest right word."""
        for key in keys[: MAX_NOTES - len(self.warnings)]:
            self.warnings.append(stranger(scrub(key) if self.harmful else key, known, within=within, fate=fate))


def stranger(name: str, known: Vocabulary, *, within: str = "", fate: str = "left out") -> str:
    """Say that a key is outside a vocabulary, with the nearest right word."""
    return _unknown(name[:_MAX_KEY_CHARS], known, within, fate)


@lru_cache(maxsize=_REMEMBERED_KEYS)
def _unknown(name: str, known: Vocabulary, within: str, fate: str) -> str:
    near = get_close_matches(name, sorted(known), n=1, cutoff=0.7)
    meant = f", did you mean {near[0]}?" if near else ""
    return f"{within}{name}: unknown key{meant} ({fate})"


def kind(value: Any) -> str:
    """Name what sort of value was sent, without showing it."""
    match value:
        case bool():
            return "a boolean"
        case int() | float():
            return "a number" if not isinstance(value, float) or math.isfinite(value) else "NaN or infinity"
        case str():
            return "text"
        case list():
            return "a list"
        case dict():
            return "an object"
        case _:
            return "nothing"


def deeper_than(value: Any, levels: int) -> bool:
    """Say whether objects and lists nest deeper than this; never looks further down than that."""
    if not isinstance(value, _NESTING):
        return False
    if levels == 0:
        return True
    for child in value.values() if isinstance(value, dict) else value:
        if not isinstance(child, str) and isinstance(child, _NESTING) and deeper_than(child, levels - 1):
            return True
    return False


def scrub_deep(value: Any) -> Any:
    """Scrub every text inside, keys too; NaN and infinities come out as they are (`finite_deep` finds them).

    Shape: an integer beyond 64 bits becomes a float, since no store of ours could carry it.
    """
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, dict):
        return {
            key if key.isprintable() else scrub(key): child
            if isinstance(child, str) and child.isprintable()
            else scrub_deep(child)
            for key, child in value.items()
        }
    if isinstance(value, list):
        return [scrub_deep(child) for child in value]
    if isinstance(value, int) and value not in _INTEGERS:
        return float(value) if abs(value) < 10**308 else math.inf
    return value


def finite_deep(value: Any) -> bool:
    """Say whether no NaN and no infinity is hidden inside."""
    match value:
        case float():
            return math.isfinite(value)
        case dict():
            return all(finite_deep(child) for child in value.values())
        case list():
            return all(finite_deep(child) for child in value)
        case _:
            return True
