"""What people may be shown of an event, a request or an answer: enough to see why, nothing to know who.

Digests are cut to eight characters; addresses, agents and places are hidden wherever a platform puts them, by the
key's name and by the value itself; whatever still looks like an e-mail address goes too (contract sections 3, 8).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

from gateway.core.event import Copy, Event, Purpose
from gateway.core.redact import redact
from gateway.core.speak import as_json

HIDDEN: Final = "(hidden)"
_DIGEST_CHARS: Final = 64
_WORD_CHARS: Final = 64
_DIGEST: Final = re.compile(r"\b([0-9a-fA-F]{8})[0-9a-fA-F]{56}\b")
# How the platforms call what we keep clear because they take it clear; compared without case, `_` and `-`.
_PRIVATE_KEYS: Final = frozenset(
    "ip ipaddress clientipaddress useragent clientuseragent city ct region state st administrativearea postalcode "
    "zip zipcode zp country countrycode regioncode addresscountry ua".split()
)
_SEPARATING: Final = re.compile(r"[\W_]+")
_LONGEST: Final = 2_000


def mask(value: Any, hide: frozenset[str] = frozenset()) -> Any:
    """Return a JSON-like value fit to be shown. `hide`: spellings of values to hide, as `private_values` gives them."""
    if isinstance(value, dict):
        return {str(key): _under(str(key), item, hide) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [mask(item, hide) for item in value]
    if isinstance(value, str):
        return HIDDEN if hide and _spelling(value) in hide else text(value)
    return value


def text(value: str, most: int = _LONGEST) -> str:
    """Return one text fit to be shown: digests cut, e-mail addresses redacted, at most so many characters."""
    shown = redact(value[:most])
    return _DIGEST.sub(r"\1…", shown) if len(shown) >= _DIGEST_CHARS else shown


def private_values(event: Event) -> frozenset[str]:
    """Return what this event's payloads must not show, whatever key a platform puts it under."""
    person, browser = event.person, event.browser
    told = (browser.ip, browser.user_agent, person.city, person.region, person.postal_code)
    return frozenset(_spellings(value for value in told if value))


def masked_copy(copy: Copy) -> dict[str, Any]:
    """Tell one copy of an act as the contract spells it, masked."""
    if not isinstance(copy, Event):
        consent = {purpose.value: copy.consent.of(purpose).value for purpose in Purpose}
        return {"event": copy.name, "event_id": copy.event_id, "consent": consent, "veto": True}
    told: dict[str, Any] = mask(as_json(copy), private_values(copy))
    return told


def _under(key: str, value: Any, hide: frozenset[str]) -> Any:
    if isinstance(value, str | list) and (_known_private if len(key) <= _WORD_CHARS else _is_private)(key):
        return mask(value, hide) if _only_digests(value) else HIDDEN
    return mask(value, hide)


def _only_digests(value: Any) -> bool:
    values = value if isinstance(value, list) else [value]
    return all(isinstance(item, str) and _DIGEST.fullmatch(item) for item in values)


def _spellings(values: Iterable[str]) -> set[str]:
    return {_spelling(value) for value in values} - {""}


def _is_private(key: str) -> bool:
    return _spelling(key) in _PRIVATE_KEYS


# Platforms have a few hundred words; what is longer than any of them is asked anew each time.
_known_private = lru_cache(maxsize=2_048)(_is_private)


def _spelling(value: str) -> str:
    return (value if value.isalnum() else _SEPARATING.sub("", value)).lower()
