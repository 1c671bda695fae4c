"""Meta's rules for one server event: names, times, customer information, purchases.

Source: developers.facebook.com/documentation/ads-commerce/conversions-api/parameters (server-event,
customer-information-parameters, custom-data, fbp-and-fbc), read 2026-11-22.
Never enters: the request around the event.
"""

from __future__ import annotations

import re
from typing import Final

from gateway.sandbox import checks
from gateway.sandbox.call import Findings, Object, as_list, as_object
from gateway.sandbox.checks import Digest

_EVENT: Final = checks.words(
    """event_name event_time event_id event_source_url action_source user_data custom_data referrer_url opt_out
    data_processing_options data_processing_options_country data_processing_options_state original_event_data
    attribution_data customer_segmentation app_data messaging_channel advanced_measurement_table"""
)
_SOURCES: Final = checks.words(
    "email website app phone_call chat physical_store system_generated business_messaging other"
)
_HASHED: Final = checks.words("em ph fn ln ge db ct st zp country f5first f5last fi dobd dobm doby")
_HASHED_LISTS: Final = checks.words("em ph fn ln db ge ct st zp country external_id")
_CLEAR: Final = checks.words(
    """client_ip_address client_user_agent fbc fbp subscription_id fb_login_id lead_id anon_id madid page_id
    page_scoped_user_id ctwa_clid ig_account_id ig_sid whatsapp_business_account_id"""
)
# An event whose customer information is all within one of these cannot be matched (minimum rule, since v13).
_TOO_LITTLE: Final = (
    frozenset({"ct", "country", "st", "zp", "ge", "client_user_agent"}),
    frozenset({"db", "client_user_agent"}),
    frozenset({"fn", "ge"}),
    frozenset({"ln", "ge"}),
)
# Version, domain index, milliseconds, payload; since 2025 a further part may follow. The click id itself may hold
# dots, so what comes after the time is only held to its alphabet.
_FBC = re.compile(r"fb\.\d{1,2}\.\d{13}\.[A-Za-z0-9_~\-][A-Za-z0-9_.~\-]*")
_FBP = re.compile(r"fb\.\d{1,2}\.\d{13}\.\d{1,20}(?:\.[A-Za-z0-9_\-]{2,8})?")
_SEGMENTS: Final = frozenset(
    [f"{kind}_customer_to_{what}" for kind in ("new", "existing")
     for what in ("business", "business_line", "product_area", "medium")] + ["customer_in_loyalty_program"]
)  # fmt: skip
_CHANNELS: Final = frozenset({"whatsapp", "messenger", "instagram"})
# 1000 California to 1013 Rhode Island (data processing options page).
_STATES: Final = range(1000, 1014)
# The last six are those of travel, property and car catalogues.
_TYPES: Final = checks.words("product product_group destination flight hotel home_listing vehicle vehicle_offer")
_DELIVERY: Final = frozenset({"in_store", "curbside", "home_delivery"})
_WORDS: Final = {"content_type": _TYPES, "customer_segmentation": _SEGMENTS, "delivery_category": _DELIVERY}
_DAY_S: Final = 86_400
_AGE_S: Final = 7 * _DAY_S
_SHOP_AGE_S: Final = 62 * _DAY_S
# The documents give no bound for the future; refusals were reported, and integrators keep to a minute.
_AHEAD_S: Final = 60


def judge_event(value: object, row: int, now_s: float, notes: Findings) -> None:
    """Note every breach of one event of the batch."""
    event = as_object(value)
    if event is None:
        notes.refuse(row, "data", "an object is expected")
        return
    for key in sorted(event.keys() - _EVENT):
        notes.refuse(row, key, "unknown parameter")
    if not checks.is_text(event.get("event_name")):
        notes.refuse(row, "event_name", "required, text")
    if "event_id" in event and not checks.is_text(event["event_id"]):
        notes.refuse(row, "event_id", "text is expected")
    _judge_time(event, row, now_s, notes)
    _judge_source(event, row, notes)
    user = as_object(event.get("user_data"))
    if user is None:
        notes.refuse(row, "user_data", "required, an object")
    else:
        _judge_user(user, row, notes)
    _judge_options(event, row, notes)
    custom = as_object(event.get("custom_data", {}))
    if custom is None:
        notes.refuse(row, "custom_data", "an object is expected")
    else:
        _judge_custom(custom, event.get("event_name") == "Purchase", row, notes)


def _judge_time(event: Object, row: int, now_s: float, notes: Findings) -> None:
    at_s = event.get("event_time")
    if not isinstance(at_s, int) or isinstance(at_s, bool):
        notes.refuse(row, "event_time", "required, whole Unix seconds")
    elif at_s > checks.MAX_SECONDS:
        notes.refuse(row, "event_time", "milliseconds; seconds are expected")
    elif at_s > now_s + _AHEAD_S:
        notes.refuse(row, "event_time", "in the future")
    elif now_s - at_s > (_SHOP_AGE_S if event.get("action_source") == "physical_store" else _AGE_S):
        notes.refuse(row, "event_time", "too old", "2804003")


def _judge_source(event: Object, row: int, notes: Findings) -> None:
    source = event.get("action_source")
    if not checks.is_one_of(source, _SOURCES):
        notes.refuse(row, "action_source", "required, one of the documented words")
    page = event.get("event_source_url")
    if (source == "website" or page is not None) and not checks.is_page(page):
        notes.refuse(row, "event_source_url", "an http address is required for the website")
    if source == "website" and "client_user_agent" not in (as_object(event.get("user_data")) or {}):
        # Documented as required; a live call without it was taken on v26.0 (2026-09-05).
        notes.warn(row, "user_data.client_user_agent", "asked for with action_source website")
    if source == "app":
        _judge_app(as_object(event.get("app_data")) or {}, row, notes)
    if source == "business_messaging" and event.get("messaging_channel") is None:
        notes.refuse(row, "messaging_channel", "required for business messaging", "2804063")
    if event.get("event_name") in ("AppendValue", "AppendAttribution") and not as_object(
        event.get("original_event_data")
    ):
        notes.refuse(row, "original_event_data", "required: the event that this one is appended to")


def _judge_app(app: Object, row: int, notes: Findings) -> None:
    about = as_list(app.get("extinfo")) or []
    if len(about) != 16 or about[0] not in ("a2", "i2") or not all(isinstance(one, str) for one in about):
        notes.refuse(row, "app_data.extinfo", "16 texts are required for an app, the first a2 or i2", "2804043")
    for key in ("advertiser_tracking_enabled", "application_tracking_enabled"):
        if app.get(key) not in (0, 1):
            notes.refuse(row, f"app_data.{key}", "0 or 1 is required for an app")


def _judge_user(user: Object, row: int, notes: Findings) -> None:
    for key, value in user.items():
        where = f"user_data.{key}"
        if key in _HASHED:
            _judge_hashed(value, key, row, notes)
        elif key == "external_id":
            _judge_external(value, row, notes)
        elif key not in _CLEAR:
            notes.refuse(row, where, "unknown parameter")
        elif not checks.is_text(value):
            notes.refuse(row, where, "text is expected")
        elif checks.is_digest(value):
            notes.violate(row, where, "a digest where clear text belongs")
    told = frozenset(key for key, value in user.items() if value not in ("", None, []))
    if any(told <= weak for weak in _TOO_LITTLE):
        notes.refuse(row, "user_data", "not enough to find a person by", "2804050")
    if "client_ip_address" in user and not checks.is_address(user["client_ip_address"]):
        notes.refuse(row, "user_data.client_ip_address", "one IPv4 or IPv6 address is expected")
    fbc, fbp = user.get("fbc"), user.get("fbp")
    if fbc is not None and not (isinstance(fbc, str) and _FBC.fullmatch(fbc)):
        notes.refuse(row, "user_data.fbc", "malformed", "2804001")
    if fbp is not None and not (isinstance(fbp, str) and _FBP.fullmatch(fbp)):
        notes.refuse(row, "user_data.fbp", "malformed")


def _judge_hashed(value: object, key: str, row: int, notes: Findings) -> None:
    values = as_list(value)
    if values is not None and (key not in _HASHED_LISTS or not values):
        notes.refuse(row, f"user_data.{key}", "one digest is expected, or several where lists are allowed")
        return
    for one in [value] if values is None else values:
        seen = checks.digest(one)
        if seen is not Digest.GOOD:
            notes.violate(row, f"user_data.{key}", seen.value, "2804016")


def _judge_external(value: object, row: int, notes: Findings) -> None:
    values = as_list(value)
    for one in [value] if values is None else values:
        if not checks.is_text(one):
            notes.refuse(row, "user_data.external_id", "text is expected")
        elif checks.digest(one) is Digest.NOTHING:
            notes.violate(row, "user_data.external_id", Digest.NOTHING.value, "2804016")
        elif checks.digest(one) is not Digest.GOOD:
            # Taken by the platform, but hashing is recommended, and only a hash is the same on every channel.
            notes.violate(row, "user_data.external_id", Digest.READABLE.value, refuses=False)


def _judge_options(event: Object, row: int, notes: Findings) -> None:
    options = event.get("data_processing_options")
    if options is not None and options not in ([], ["LDU"]):
        notes.refuse(row, "data_processing_options", '[] or ["LDU"] is expected')
    for key in ("data_processing_options_country", "data_processing_options_state"):
        if key in event and (not checks.is_int(event[key]) or not options):
            notes.refuse(row, key, "a whole number beside the option LDU is expected")
    country, state = (event.get(f"data_processing_options_{of}", 0) for of in ("country", "state"))
    if country not in (0, 1) or (state != 0 and (country != 1 or state not in _STATES)):
        notes.refuse(row, "data_processing_options_state", "0, or a state of the table beside country 1, is expected")
    if "opt_out" in event and not isinstance(event["opt_out"], bool):
        notes.refuse(row, "opt_out", "true or false is expected")
    if "referrer_url" in event and not isinstance(event["referrer_url"], str):
        notes.refuse(row, "referrer_url", "text is expected")
    if "messaging_channel" in event and not checks.is_one_of(event["messaging_channel"], _CHANNELS):
        notes.refuse(row, "messaging_channel", "one of the documented words is expected")
    if "customer_segmentation" in event and not checks.is_one_of(event["customer_segmentation"], _SEGMENTS):
        notes.refuse(row, "customer_segmentation", "one of the documented words is expected")
    for key in ("original_event_data", "attribution_data", "app_data"):
        if key in event and as_object(event[key]) is None:
            notes.refuse(row, key, "an object is expected")
    _judge_earlier(event, row, notes)


def _judge_earlier(event: Object, row: int, notes: Findings) -> None:
    """Judge what a delayed event says of the one before it."""
    first = as_object(event.get("original_event_data")) or {}
    for key, value in first.items():
        if key not in ("event_name", "event_time", "order_id", "event_id"):
            notes.refuse(row, f"original_event_data.{key}", "unknown parameter")
        elif not (checks.is_int(value) if key == "event_time" else checks.is_text(value)):
            notes.refuse(row, f"original_event_data.{key}", "whole seconds or text is expected")
    share = (as_object(event.get("attribution_data")) or {}).get("attribution_share", 0)
    if not isinstance(share, int | float) or isinstance(share, bool) or not 0 <= share <= 1:
        notes.refuse(row, "attribution_data.attribution_share", "0 to 1 is expected")


def _judge_custom(custom: Object, is_purchase: bool, row: int, notes: Findings) -> None:
    for key in ("value", "predicted_ltv", "net_revenue"):
        if key in custom and not checks.is_number(custom[key]):
            notes.refuse(row, f"custom_data.{key}", "a number is expected")
    if "currency" in custom and not checks.is_currency(custom["currency"]):
        notes.refuse(row, "custom_data.currency", "an ISO 4217 code is expected")
    if is_purchase and "value" not in custom:
        notes.refuse(row, "custom_data.value", "required for Purchase", "2804009")
    if is_purchase and "currency" not in custom:
        notes.refuse(row, "custom_data.currency", "required for Purchase", "2804010")
    for key in ("order_id", "content_name", "content_category", "search_string"):
        if key in custom and not isinstance(custom[key], str):
            notes.refuse(row, f"custom_data.{key}", "text is expected")
    if "num_items" in custom and not checks.is_int(custom["num_items"]):
        notes.refuse(row, "custom_data.num_items", "a whole number is expected")
    for key, known in _WORDS.items():
        if key in custom and not checks.is_one_of(custom[key], known):
            notes.refuse(row, f"custom_data.{key}", "one of the documented words is expected")
    ids = as_list(custom.get("content_ids", []))
    if ids is None or not all(checks.is_text(one) for one in ids):
        notes.refuse(row, "custom_data.content_ids", "a list of texts is expected")
    _judge_contents(custom.get("contents", []), row, notes)


def _judge_contents(value: object, row: int, notes: Findings) -> None:
    items = as_list(value)
    if items is None:
        notes.refuse(row, "custom_data.contents", "a list of objects is expected")
        return
    for place, one in enumerate(items):
        where, item = f"custom_data.contents[{place}]", as_object(one)
        if item is None or not checks.is_text(item.get("id")):
            notes.refuse(row, where, "an object with an id as text is expected")
            continue
        for key in ("quantity", "item_price"):
            if key in item and not checks.is_number(item[key]):
                notes.refuse(row, f"{where}.{key}", "a number is expected")
        if not checks.is_one_of(item.get("delivery_category", "in_store"), _DELIVERY):
            notes.refuse(row, f"{where}.delivery_category", "one of the documented words is expected")
