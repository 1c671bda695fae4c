"""What a site says in Meta's own words: the object `properties.meta` of an event.

For what no other platform has a word for: ids that only Meta hands out, an app's surroundings, the act that a delayed
event belongs to. Everything is held to its documented shape first, since a malformed one fails the whole request.
Source: Meta's "Server Event Parameters", "Customer Information Parameters" and "App Data Parameters", read 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gateway.core.adapter import compact
from gateway.core.event import Event

# Clear ids of a person. Meta's list has also the WhatsApp account, which is no id of a person.
PERSONS: Final = (
    "subscription_id", "fb_login_id", "lead_id", "anon_id", "madid", "page_id", "page_scoped_user_id", "ctwa_clid",
    "ig_account_id", "ig_sid",
)  # fmt: skip
CHANNELS: Final = frozenset({"whatsapp", "messenger", "instagram"})
SEGMENTS: Final = frozenset(
    {
        *(f"{kind}_customer_to_{of}" for kind in ("new", "existing") for of in ("business", "business_line")),
        *(f"{kind}_customer_to_{of}" for kind in ("new", "existing") for of in ("product_area", "medium")),
        "customer_in_loyalty_program",
    }
)
_MAX_CHARS: Final = 500
_EXTINFO: Final = 16  # positions, of which the first names the system: a2 Android, i2 iOS
# The United States, and California to Rhode Island; nought leaves it to Meta.
_COUNTRIES: Final = frozenset({0, 1})
_STATES: Final = range(1000, 1014)
_TRACKING: Final = ("advertiser_tracking_enabled", "application_tracking_enabled")


def own_words(event: Event) -> Mapping[str, Any]:
    """Return `properties.meta`, or nothing."""
    told = event.properties.get("meta")
    return told if isinstance(told, dict) else {}


def persons(own: Mapping[str, Any]) -> dict[str, Any]:
    """Say the ids that belong into `user_data`, as they came."""
    if not own:  # of most events
        return {}
    return compact({name: _text(own.get(name)) for name in PERSONS})


def events(own: Mapping[str, Any]) -> dict[str, Any]:
    """Say what belongs beside `user_data`."""
    if not own:
        return {}
    return compact(
        {
            "original_event_data": _original(own.get("original_event_data")),
            "attribution_data": _attribution(own.get("attribution_data")),
            "customer_segmentation": _one_of(own.get("customer_segmentation"), SEGMENTS),
            "messaging_channel": _one_of(own.get("messaging_channel"), CHANNELS),
            "app_data": _app(own.get("app_data")),
        }
    )


def wants_limited(own: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the data processing options of this event, None where it has none of its own."""
    options = own.get("data_processing_options")
    if options == []:
        return {"data_processing_options": []}
    if options != ["LDU"]:
        return None
    country, state = (_whole(own.get(f"data_processing_options_{of}")) or 0 for of in ("country", "state"))
    if country not in _COUNTRIES or (state and (not country or state not in _STATES)):
        country, state = 0, 0  # Meta looks at the address
    return {
        "data_processing_options": ["LDU"],
        "data_processing_options_country": country,
        "data_processing_options_state": state,
    }


def _text(value: Any) -> str | None:
    text = str(value) if type(value) is int else value
    return text if isinstance(text, str) and 0 < len(text) <= _MAX_CHARS and text.isprintable() else None


def _whole(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value < 2**53 else None


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _one_of(value: Any, words: frozenset[str]) -> str | None:
    return value if isinstance(value, str) and value in words else None


def _original(told: Any) -> dict[str, Any]:
    if not isinstance(told, dict):
        return {}
    texts = {name: _text(told.get(name)) for name in ("event_name", "order_id", "event_id")}
    return compact({**texts, "event_time": _whole(told.get("event_time"))})


def _attribution(told: Any) -> dict[str, Any]:
    if not isinstance(told, dict):
        return {}
    share = _number(told.get("attribution_share"))
    return compact(
        {
            "ad_id": _text(told.get("ad_id")),
            "touchpoint_ts": _whole(told.get("touchpoint_ts")),
            "attribution_share": share if share is not None and 0 <= share <= 1 else None,
            "attribution_value": _number(told.get("attribution_value")),
        }
    )


def _app(told: Any) -> dict[str, Any]:
    """Say the app's surroundings, or nothing unless all that Meta demands is there."""
    if not isinstance(told, dict):
        return {}
    about = told.get("extinfo")
    if not isinstance(about, list) or len(about) != _EXTINFO or about[0] not in ("a2", "i2"):
        return {}
    if any(told.get(flag) not in (0, 1) for flag in _TRACKING):  # true and false are 1 and 0
        return {}
    plain = {name: value for name, value in told.items() if isinstance(value, str | int | float)}
    flags = {flag: int(told[flag]) for flag in _TRACKING}
    return {**plain, **flags, "extinfo": ["" if part is None else str(part) for part in about]}
