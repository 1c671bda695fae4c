"""What the Data Manager API asks of an event once its JSON has been read: times, hashes, identifiers, modes.

Source: developers.google.com/data-manager/api/devguides/events/send-events, …/concepts/formatting and the
reason lists of the v1 reference, read 2026-11-22.
Never enters: JSON parsing, the request's destinations, anything asynchronous but its reasons.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import orjson

from gateway.sandbox import checks
from gateway.sandbox.call import Findings, Object, as_list, as_object
from gateway.sandbox.google_fields import read_time

_DAY_S: Final = 86_400
# Clicks are kept 90 days, events known by user data alone are matched for 63, Analytics takes 72 hours.
_CLICK_AGE_S: Final = 90 * _DAY_S
_USER_AGE_S: Final = 63 * _DAY_S
_ANALYTICS_AGE_S: Final = 3 * _DAY_S
# A click can be looked up six hours after it happened.
_FRESH_S: Final = 6 * 3_600
_AHEAD_S: Final = 300
_MAX_IDENTIFIERS: Final = 10
_CLICKS: Final = (
    "gclid",
    "gbraid",
    "wbraid",
    "sessionAttributes",
    "dclid",
    "mobileDeviceId",
    "matchId",
    "impressionId",
)
_SESSION_KEYS: Final = checks.words(
    "session_start_time_usec landing_page_url landing_page_referrer landing_page_user_agent"
)
_CLICK_ID = re.compile(r"[A-Za-z0-9_\-]+")
_REGION = re.compile(r"[A-Z]{2}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_ANALYTICS: Final = "GOOGLE_ANALYTICS_PROPERTY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """Hold where an event goes: what its destination is, and how its conversion action counts.

    Shape:   `mode` None is an action nobody described, which gets only what both modes demand.
    """

    action: str
    account_type: str
    mode: str | None = None

    @property
    def is_analytics(self) -> bool:
        """Tell whether the destination is an Analytics property."""
        return self.account_type == _ANALYTICS


def judge_event(event: Object, row: int, aims: tuple[Aim, ...], encoding: str | None, now_s: float,
                notes: Findings) -> None:  # fmt: skip
    """Note every breach that refuses the request at once."""
    at_s = read_time(event.get("eventTimestamp"))
    if "eventTimestamp" not in event:
        _refuse(row, "event_timestamp", "required", "REQUIRED_FIELD_MISSING", notes)
    elif at_s is not None and at_s > now_s + _AHEAD_S:
        _refuse(row, "event_timestamp", "in the future", "EVENT_TIME_INVALID", notes)
    for aim in aims:
        _judge_mode(event, row, aim, notes)
    _judge_money(event, row, notes)
    _judge_people(event, row, any(aim.is_analytics for aim in aims), encoding, notes)
    _judge_devices(event, row, notes)
    _judge_variables(event, row, notes)


def late_reason(
    event: Object, aim: Aim, now_s: float, consent: Mapping[str, object], clicked: Mapping[str, float]
) -> str | None:
    """Name what the service finds out only while processing, None when nothing.

    Shape:   `clicked` maps a click id to the moment of the click, in Unix seconds.
    """
    at_s = read_time(event.get("eventTimestamp")) or now_s
    clicks = as_object(event.get("adIdentifiers")) or {}
    if aim.is_analytics:
        limit_s = _ANALYTICS_AGE_S
    else:
        limit_s = _CLICK_AGE_S if any(key in clicks for key in _CLICKS) else _USER_AGE_S
    if now_s - at_s > limit_s:
        return "PROCESSING_ERROR_REASON_EVENT_TOO_OLD"
    if consent.get("adUserData") == "CONSENT_DENIED" and "userData" in event:
        return "PROCESSING_ERROR_REASON_DENIED_CONSENT"
    clicked_s = max((clicked.get(str(one), 0.0) for one in clicks.values()), default=0.0)
    if at_s < clicked_s:
        return "PROCESSING_ERROR_REASON_CONVERSION_PRECEDES_CLICK"
    # A website action finds its conversion by the transaction; only an imported one needs the click itself.
    if now_s - clicked_s < _FRESH_S and aim.mode != "online":
        return "PROCESSING_ERROR_REASON_TOO_RECENT_CLICK"
    return None


def warnings(event: Object, row: int) -> list[Object]:
    """Name the fields the service takes but will not use."""
    clicks, cart = as_object(event.get("adIdentifiers")) or {}, as_object(event.get("cartData"))
    told: list[tuple[str, str]] = []
    if cart is not None and ("gbraid" in clicks or "wbraid" in clicks):
        told.append(("cart_data", "WARNING_REASON_CART_DATA_NOT_SUPPORTED_WITH_GBRAID_OR_WBRAID"))
    for place, item in enumerate(as_list((cart or {}).get("items")) or []):
        if "unitPrice" not in (as_object(item) or {}):
            told.append((f"cart_data.items[{place}]", "WARNING_REASON_CART_DATA_ITEM_UNIT_PRICE_MISSING"))
    return [{"field": f"events.events[{row}].{where}", "reason": why, "description": why} for where, why in told]


def _judge_mode(event: Object, row: int, aim: Aim, notes: Findings) -> None:
    source, has_id = event.get("eventSource"), checks.is_text(event.get("transactionId"))
    if aim.is_analytics:
        if not checks.is_text(event.get("eventName")):
            _refuse(row, "event_name", "required for Analytics", "REQUIRED_FIELD_MISSING", notes)
        if not any(checks.is_text(event.get(key)) for key in ("clientId", "appInstanceId")):
            _refuse(row, "client_id", "required for Analytics", "NO_IDENTIFIERS_PROVIDED", notes)
        return
    if aim.mode == "online" and not has_id:
        _refuse(row, "transaction_id", "required for a website action", "REQUIRED_FIELD_MISSING", notes)
    elif aim.mode == "online" and source not in (None, "WEB"):
        _refuse(row, "event_source", "WEB or nothing, for a website action", "INVALID_CONVERSION_ACTION_TYPE", notes)
    elif aim.mode == "offline" and source is None:
        _refuse(row, "event_source", "required for an imported action", "REQUIRED_FIELD_MISSING", notes)
    elif aim.mode is None and not has_id and source is None:
        _refuse(row, "transaction_id", "this or event_source is required", "REQUIRED_FIELD_MISSING", notes)
    clicks = as_object(event.get("adIdentifiers")) or {}
    people = as_list((as_object(event.get("userData")) or {}).get("userIdentifiers"))
    # The guides differ on whether an address alone will do; the stricter one is played.
    if not people and not any(checks.is_text(clicks.get(key)) for key in _CLICKS):
        _refuse(row, "ad_identifiers", "a click id or user data is required", "NO_IDENTIFIERS_PROVIDED", notes)


def _judge_money(event: Object, row: int, notes: Findings) -> None:
    currency = event.get("currency")
    if currency is None and "conversionValue" in event:
        _refuse(row, "currency", "required beside a value", "REQUIRED_FIELD_MISSING", notes)
    elif currency is not None and not (isinstance(currency, str) and _CURRENCY.fullmatch(currency)):
        _refuse(row, "currency", "three capitals are expected", "INVALID_CURRENCY_CODE", notes)
    elif currency is not None and not checks.is_currency(currency):
        _refuse(row, "currency", "not a code of ISO 4217", "INVALID_CURRENCY_CODE", notes)
    cart = as_object(event.get("cartData")) or {}
    for place, item in enumerate(as_list(cart.get("items")) or []):
        quantity = (as_object(item) or {}).get("quantity", 1)
        if isinstance(quantity, (int, str)) and str(quantity).startswith(("-", "0")):
            where = f"cart_data.items[{place}].quantity"
            _refuse(row, where, "a number above zero is expected", "INVALID_NUMBER_FORMAT", notes)


def _judge_people(event: Object, row: int, is_analytics: bool, encoding: str | None, notes: Findings) -> None:
    data = as_object(event.get("userData"))
    if data is None:
        return
    people = as_list(data.get("userIdentifiers")) or []
    if not people:
        _refuse(row, "user_data.user_identifiers", "at least one is required", "REQUIRED_FIELD_MISSING", notes)
    if len(people) > _MAX_IDENTIFIERS:
        where = "user_data.user_identifiers"
        _refuse(row, where, f"at most {_MAX_IDENTIFIERS}", "TOO_MANY_USER_IDENTIFIERS", notes)
    for place, one in enumerate(people):
        where, told = f"user_data.user_identifiers[{place}]", as_object(one) or {}
        for key, name in (("emailAddress", "email_address"), ("phoneNumber", "phone_number")):
            if key in told:
                _judge_hash(told[key], row, f"{where}.{name}", encoding, notes)
        address = as_object(told.get("address"))
        if address is not None:
            _judge_address(address, row, f"{where}.address", is_analytics, encoding, notes)
        if not told:
            _refuse(row, where, "one identifier is required", "REQUIRED_FIELD_MISSING", notes)


def _judge_address(address: Object, row: int, where: str, is_analytics: bool, encoding: str | None,
                   notes: Findings) -> None:  # fmt: skip
    for key, name in (("givenName", "given_name"), ("familyName", "family_name"), ("addressLine", "address_line")):
        if key in address:
            _judge_hash(address[key], row, f"{where}.{name}", encoding, notes)
        elif key != "addressLine":
            _refuse(row, f"{where}.{name}", "required in an address", "REQUIRED_FIELD_MISSING", notes)
    region, postal = address.get("regionCode"), address.get("postalCode")
    if not (isinstance(region, str) and _REGION.fullmatch(region)):
        _refuse(row, f"{where}.region_code", "two capitals are required", "INVALID_COUNTRY_CODE", notes)
    if not checks.is_text(postal):
        _refuse(row, f"{where}.postal_code", "required in an address", "REQUIRED_FIELD_MISSING", notes)
    elif checks.is_digest(postal):
        notes.violate(row, f"{where}.postal_code", "a digest where clear text belongs", "INVALID_POSTAL_CODE")
    for key, name in (("addressLine", "address_line"), ("city", "city"), ("administrativeArea", "administrative_area")):
        if key in address and not is_analytics:
            _refuse(row, f"{where}.{name}", "for Analytics only", "INVALID_ARGUMENT", notes)


def _judge_hash(value: object, row: int, where: str, encoding: str | None, notes: Findings) -> None:
    text = value if isinstance(value, str) else ""
    if encoding == "BASE64":
        try:
            raw = base64.b64decode(text, validate=True)
        except ValueError:
            raw = b""
        hexed = raw.hex() if len(raw) == 32 else ""
    else:
        hexed = text if checks.is_digest(text) else ""
    if not hexed:
        notes.violate(row, where, checks.Digest.READABLE.value, "INVALID_SHA256_FORMAT")
    elif checks.is_nothing_hex(hexed):
        notes.violate(row, where, checks.Digest.NOTHING.value, "INVALID_SHA256_FORMAT")


def _judge_devices(event: Object, row: int, notes: Findings) -> None:
    clicks = as_object(event.get("adIdentifiers")) or {}
    for key in ("gclid", "gbraid", "wbraid"):
        told = clicks.get(key)
        if told is not None and not (isinstance(told, str) and _CLICK_ID.fullmatch(told)):
            _refuse(row, f"ad_identifiers.{key}", "malformed", "INVALID_FORMAT", notes)
    session = clicks.get("sessionAttributes")
    if session is not None and not _is_session(session):
        _refuse(row, "ad_identifiers.session_attributes", "JSON in base64 is expected", "INVALID_FORMAT", notes)
    for where, device in (
        ("event_device_info", as_object(event.get("eventDeviceInfo"))),
        ("ad_identifiers.landing_page_device_info", as_object(clicks.get("landingPageDeviceInfo"))),
    ):
        if device is not None and "ipAddress" in device and not checks.is_address(device["ipAddress"]):
            _refuse(row, f"{where}.ip_address", "one IPv4 or IPv6 address is expected", "INVALID_FORMAT", notes)


def _is_session(told: object) -> bool:
    """Tell whether this is what the help centre's script makes: a JSON object in base64url, padded or not."""
    try:
        text = base64.urlsafe_b64decode(str(told) + "=" * (-len(str(told)) % 4))
        keys = set(as_object(orjson.loads(text)) or {})
    except (ValueError, orjson.JSONDecodeError):
        return False
    return bool(keys) and all(key in _SESSION_KEYS or key.startswith("gad_") for key in keys)


def _judge_variables(event: Object, row: int, notes: Findings) -> None:
    for place, one in enumerate(as_list(event.get("customVariables")) or []):
        where, told = f"custom_variables[{place}]", as_object(one) or {}
        if not str(told.get("variable", "")).isdecimal():
            _refuse(row, f"{where}.variable", "a number is expected", "CUSTOM_VARIABLE_NOT_FOUND", notes)
        if any(checks.readable_emails(told.get("value"), "value")):
            why = "personal data in a custom variable"
            notes.violate(row, f"{where}.value", why, "CUSTOM_VARIABLE_VALUE_CONTAINS_PII")


def _refuse(row: int, where: str, why: str, code: str, notes: Findings) -> None:
    notes.refuse(row, where, why, code)
