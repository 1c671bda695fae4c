"""An Event in the contract's own names, for destinations that understand us: a user's webhook, an echo.

What a reader of the public API knows (`event`, `page_location`, `user`, `ids`, …) comes out as it went in, except the
person: each field of `user` that was sealed is a list of digests.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from gateway.core.adapter import compact
from gateway.core.event import Event, Person, Purpose

SEALED: Final = frozenset(
    {"email", "phone", "first_name", "last_name", "street", "date_of_birth", "gender", "external_id"}
)
"""Keys of `user` that hold digests and nothing else."""

_AS_THEY_ARE: Final = (
    "value",
    "currency",
    "transaction_id",
    "coupon",
    "tax",
    "shipping",
    "search_term",
    "lead_score",
    "predicted_ltv",
    "action_source",
    "test",
)


def as_json(event: Event) -> dict[str, Any]:
    """Say the event as contract section 3 spells it; what we were not told is absent.

    Shape:  `site` and `wires` are added; `ids` holds click ids and vendors' cookies; a sealed field of `user` is the
            list of its different digests, ordered by the names of their spellings. A property that is named like a
            sealed field was sealed by nobody: it stays behind, at any depth.
    Units:  `timestamp` in seconds since 1970.
    """
    return compact(
        {
            "event": event.name,
            "event_id": event.event_id,
            "site": event.site,
            "wires": [wire.value for wire in event.wires],
            "timestamp": event.at_ms / 1000,
            **{f"page_{key}": text for key, text in msgspec.to_builtins(event.page).items()},
            **{key: getattr(event, key) for key in _AS_THEY_ARE},
            "items": [compact(msgspec.to_builtins(item)) for item in event.items],
            "user": _user(event.person),
            "client": compact({"ip": event.browser.ip, "user_agent": event.browser.user_agent}),
            "ids": {**event.browser.cookies, **{name: click.id for name, click in event.clicks.items()}},
            "campaign": compact(msgspec.to_builtins(event.campaign)),
            "consent": {purpose.value: event.consent.of(purpose).value for purpose in Purpose},
            "properties": _nobodys(event.properties),
        }
    )


def _user(person: Person) -> dict[str, Any]:
    return compact(
        {
            **{field: _digests(person, field) for field in sorted(person.digests)},
            "city": person.city,
            "region": person.region,
            "postal_code": person.postal_code,
            "country": person.country,
        }
    )


def _digests(person: Person, field: str) -> list[str]:
    spellings = person.digests[field]
    return list(dict.fromkeys(spellings[spelling] for spelling in sorted(spellings)))


def _nobodys(told: Any) -> Any:
    if isinstance(told, dict):
        return {key: _nobodys(value) for key, value in told.items() if key not in SEALED}
    if isinstance(told, list):
        return [_nobodys(value) for value in told]
    return told
