"""Snapchat's Conversions API v3: VALID or INVALID in the body, room for one event's number.

Source: developers.snap.com marketing-api/Conversions-API (UsingTheAPI, Parameters, Deduplication),
read 2026-11-22. What is missing altogether is a 400; what is wrong inside an event is INVALID within a 200.
Never enters: an HTTP handler.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from gateway.sandbox import checks
from gateway.sandbox.call import (
    Accepted,
    Asked,
    Findings,
    Object,
    OnRepeat,
    Route,
    Ruled,
    as_list,
    as_object,
)
from gateway.sandbox.checks import Digest
from gateway.sandbox.terms import Terms

MAX_EVENTS: Final = 2_000
DEDUP_S: Final = 48 * 3600
ORDER_DEDUP_S: Final = 30 * 86_400
_AGE_S: Final = 37 * 86_400
_MISSING: Final = "MISSING"
_NAMES: Final = checks.words(
    """PAGE_VIEW VIEW_CONTENT LIST_VIEW SEARCH ADD_CART ADD_TO_WISHLIST SAVE START_CHECKOUT ADD_BILLING PURCHASE
    SIGN_UP LOGIN SUBSCRIBE START_TRIAL COMPLETE_TUTORIAL INVITE SHARE RATE RESERVE ACHIEVEMENT_UNLOCKED
    LEVEL_COMPLETE SPENT_CREDITS AD_CLICK AD_VIEW APP_INSTALL APP_OPEN CUSTOM_EVENT_1 CUSTOM_EVENT_2 CUSTOM_EVENT_3
    CUSTOM_EVENT_4 CUSTOM_EVENT_5"""
)
_EVENT: Final = checks.words(
    """event_name event_time action_source event_source_url event_id user_data custom_data app_data integration
    data_processing_options data_processing_options_country data_processing_options_state opt_out"""
)
# Snap lists no codes: a status, and where it says INVALID inside a 200, that.
_ERRORS: Final = {
    "INVALID": (200, "The events are not valid", "INVALID_EVENT"),
    "400": (400, "A required parameter is missing", "MISSING_PARAMETER"),
    "401": (401, "The access token is not valid", "UNAUTHORIZED"),
    "403": (403, "This token may not use the pixel", "FORBIDDEN"),
    "429": (429, "Too many requests", "RATE_LIMITED"),
    "500": (500, "Internal error", "INTERNAL_ERROR"),
    "503": (503, "The service is not available", "UNAVAILABLE"),
}
_EXTINFO_PARTS: Final = 16
_SOURCES: Final = frozenset({"WEB", "MOBILE_APP", "OFFLINE"})
_HASHED: Final = checks.words("em ph fn ln ge ct st zp country db external_id")
_CLEAR: Final = checks.words(
    """madid mobile_ad_id idfv client_ip_address client_user_agent sc_click_id sc_cookie1 anon_id lead_id
    subscription_id download_id partner_id"""
)


class Snap:
    """Answer as tr.snapchat.com answers conversions of the third version."""

    name = "snap"

    def __init__(self, terms: Terms) -> None:
        self._terms = terms

    def routes(self) -> tuple[Route, ...]:
        """Name the paths, below the platform's own prefix."""
        return (
            Route(method="POST", path="/v3/{pixel}/events", at="events", judge=self.judge),
            Route(method="POST", path="/v3/{pixel}/events/validate", at="validate", judge=self._validate),
            Route(method="GET", path="/v3/{pixel}/events/validate/stats", at="stats", judge=self._stats),
        )

    def judge(self, asked: Asked) -> Ruled:
        """Rule on one POST of events."""
        refused = self._at_the_gate(asked)
        if refused is not None:
            return refused
        pixel = asked.parts["pixel"]
        notes, body = Findings(), as_object(asked.body)
        if asked.unreadable is not None or body is None:
            notes.refuse(None, "body", asked.unreadable or "a JSON object is expected", _MISSING)
            return _refusal(notes, 0)
        rows = as_list(body.get("data")) or []
        if not 1 <= len(rows) <= MAX_EVENTS:
            notes.refuse(None, "data", f"1 to {MAX_EVENTS} events are expected", _MISSING)
        for key in sorted(body.keys() - {"data", "test_event_code"}):
            notes.refuse(None, key, "unknown parameter", _MISSING)
        for row, event in enumerate(rows):
            _judge_event(event, row, asked.at_s, notes)
        for where in checks.readable_emails(rows, "data"):
            notes.violate(None, where, "a readable e-mail address", refuses=False)
        if notes.refusals():
            return _refusal(notes, len(rows))
        events = [event for row in rows if (event := as_object(row)) is not None]
        return Ruled(
            status=200,
            body={"status": "VALID", "reason": "All events were processed."},
            code="VALID",
            count=len(events),
            accepted=tuple(_accepted(pixel, event, "test_event_code" in body) for event in events),
            findings=tuple(notes.found),
        )

    def lost(self, asked: Asked) -> Ruled:
        """Answer a path the platform does not have."""
        return _invalid(404, "No such path", "NOT_FOUND")

    def failed(self, status: int, at: str) -> Ruled:
        """Answer as the platform does when it fails with this status."""
        if status < 300:
            return Ruled(status=status, body={}, code=f"http {status}")
        return _invalid(status, "The request could not be served", f"HTTP_{status}")

    def throttled(self) -> Ruled:
        """Answer as the platform does when it is asked too often; it never says for how long."""
        return _invalid(429, "Too many requests", "RATE_LIMITED")

    def expired(self, at: str) -> Ruled:
        """Answer as the platform does when the token's life is over."""
        return _invalid(401, "The access token has expired", "UNAUTHORIZED")

    def refused(self) -> Ruled:
        """Refuse a whole batch without naming the event that spoilt it."""
        return _invalid(200, "The events are not valid", "INVALID_EVENT")

    def errors(self) -> tuple[str, ...]:
        """Name the rows of the error table."""
        return tuple(_ERRORS)

    def error(self, code: str, row: int | None) -> Ruled:
        """Answer with one row of the table; room is for one event's number."""
        status, why, word = _ERRORS[code]
        return _invalid(status, why, word, row if status in (200, 400) else None)

    def partial(self, ruled: Ruled) -> Ruled | None:
        """Tell that there is none: a batch is VALID or INVALID."""
        return None

    def _at_the_gate(self, asked: Asked) -> Ruled | None:
        """Ask for the token, and whether it is the pixel's."""
        token = asked.query.get("access_token") or asked.bearer()
        if token not in self._terms.snap_tokens:
            return self.error("401", None)
        pixel, known = asked.parts["pixel"], self._terms.snap_pixels
        return self.error("403", None) if known and pixel not in known else None

    def _stats(self, asked: Asked) -> Ruled:
        """Tell how many events came in the last hour; the sandbox counts none, for a question leaves no trace."""
        nothing = {"latest_event_ts": 0, "event_count_past_hour": 0}
        body: Object = {"status": "SUCCESS", "reason": "", "stats": {"test": nothing, "live": nothing}}
        return self._at_the_gate(asked) or Ruled(status=200, body=body, code="SUCCESS")

    def _validate(self, asked: Asked) -> Ruled:
        ruled = self.judge(asked)
        told = [{"event": one.row, "status": "INVALID", "errors": [one.why]} for one in ruled.findings if one.refuses]
        body = {"status": "INVALID" if told else "VALID", "test_event": True, "event_logs": told}
        return replace(ruled, body=body, accepted=()) if ruled.status == 200 else ruled


def _judge_event(value: object, row: int, now_s: float, notes: Findings) -> None:
    event = as_object(value)
    if event is None:
        notes.refuse(row, "data", "an object is expected", _MISSING)
        return
    for key in ("event_name", "event_time", "action_source", "user_data"):
        if key not in event:
            notes.refuse(row, key, "required", _MISSING)
    for key in sorted(event.keys() - _EVENT):
        notes.refuse(row, key, "unknown parameter")
    if "event_name" in event and not checks.is_one_of(event["event_name"], _NAMES):
        notes.refuse(row, "event_name", "not an event of this platform")
    if "event_id" in event and not checks.is_text(event["event_id"]):
        notes.refuse(row, "event_id", "text is expected")
    _judge_time(event.get("event_time", now_s), row, now_s, notes)
    _judge_source(event, row, notes)
    user = as_object(event.get("user_data", {}))
    if user is None:
        notes.refuse(row, "user_data", "an object is expected")
    elif "user_data" in event:
        _judge_user(user, row, notes)
    _judge_sender(event, row, notes)
    options = event.get("data_processing_options", [])
    # The documents write LMU, the SDK writes LDU.
    if options not in ([], ["LMU"], ["LDU"]):
        notes.refuse(row, "data_processing_options", '[], ["LMU"] or ["LDU"] is expected')
    if "opt_out" in event and not isinstance(event["opt_out"], bool):
        notes.refuse(row, "opt_out", "true or false is expected")
    custom = as_object(event.get("custom_data", {}))
    if custom is None:
        notes.refuse(row, "custom_data", "an object is expected")
    else:
        _judge_custom(custom, event.get("event_name") == "PURCHASE", row, notes)


def _judge_sender(event: Object, row: int, notes: Findings) -> None:
    """Judge what says who sends: the partner, and the app with its device."""
    if "integration" in event and not checks.is_text(event["integration"]):
        notes.refuse(row, "integration", "text is expected")
    told = as_object(event.get("app_data", {}))
    if told is None or told.keys() - {"app_id", "advertiser_tracking_enabled", "extinfo"}:
        notes.refuse(row, "app_data", "app_id, advertiser_tracking_enabled and extinfo are expected")
        return
    if "app_id" in told and not checks.is_text(told["app_id"]):
        notes.refuse(row, "app_data.app_id", "text is expected")
    if told.get("advertiser_tracking_enabled", 0) not in (0, 1):
        notes.refuse(row, "app_data.advertiser_tracking_enabled", "0 or 1 is expected")
    parts = as_list(told.get("extinfo", [""] * _EXTINFO_PARTS))
    if parts is None or len(parts) != _EXTINFO_PARTS or not all(isinstance(part, str) for part in parts):
        notes.refuse(row, "app_data.extinfo", f"{_EXTINFO_PARTS} texts are expected")


def _judge_time(value: object, row: int, now_s: float, notes: Findings) -> None:
    if not isinstance(value, (int, float)) or not checks.is_number(value) or value != int(value):
        notes.refuse(row, "event_time", "whole Unix seconds are expected")
        return
    at_s = float(value)
    if value > checks.MAX_SECONDS:
        # Snap's own tag sends milliseconds and is understood; the documents say seconds.
        notes.warn(row, "event_time", "milliseconds; seconds are documented")
        at_s = value / 1000
    if now_s - at_s > _AGE_S:
        notes.refuse(row, "event_time", "older than 37 days")


def _judge_source(event: Object, row: int, notes: Findings) -> None:
    source = event.get("action_source")
    if source is not None and not checks.is_one_of(source, _SOURCES):
        if str(source).upper() not in _SOURCES | {"WEBSITE", "APP"}:
            notes.refuse(row, "action_source", "WEB, MOBILE_APP or OFFLINE is expected")
        else:
            notes.warn(row, "action_source", "another spelling than the documented one")
    page = event.get("event_source_url")
    if (source == "WEB" or page is not None) and not checks.is_page(page):
        notes.refuse(row, "event_source_url", "an http address is required on the web")


def _judge_user(user: Object, row: int, notes: Findings) -> None:
    for key, value in user.items():
        where = f"user_data.{key}"
        if key in _HASHED:
            values = as_list(value)
            for one in [value] if values is None else values or [None]:
                seen = checks.digest(one)
                if seen is not Digest.GOOD:
                    notes.violate(row, where, seen.value)
        elif key not in _CLEAR:
            notes.refuse(row, where, "unknown parameter")
        elif not checks.is_text(value):
            notes.refuse(row, where, "text is expected")
        elif checks.is_digest(value):
            notes.violate(row, where, "a digest where clear text belongs")
    if "client_ip_address" in user and not checks.is_address(user["client_ip_address"]):
        notes.refuse(row, "user_data.client_ip_address", "one IPv4 or IPv6 address is expected")
    has_browser = "client_ip_address" in user and "client_user_agent" in user
    if not has_browser and not user.keys() & {"em", "ph", "madid", "mobile_ad_id"}:
        notes.refuse(row, "user_data", "em, ph, madid or address with agent is required", _MISSING)


def _judge_custom(custom: Object, is_purchase: bool, row: int, notes: Findings) -> None:
    for key in ("currency", "value"):
        if is_purchase and key not in custom:
            notes.refuse(row, f"custom_data.{key}", "required for PURCHASE", _MISSING)
    if "currency" in custom and not checks.is_currency(custom["currency"]):
        notes.refuse(row, "custom_data.currency", "an ISO 4217 code is expected")
    for key in ("value", "predicted_ltv"):
        if key in custom and not _is_amount(custom[key]):
            notes.refuse(row, f"custom_data.{key}", "a number is expected")
    if "order_id" in custom and not checks.is_text(custom["order_id"]):
        notes.refuse(row, "custom_data.order_id", "text is expected")
    ids = as_list(custom.get("content_ids", []))
    if ids is None or not all(checks.is_text(one) for one in ids):
        notes.refuse(row, "custom_data.content_ids", "a list of texts is expected")
    items = as_list(custom.get("contents", []))
    for place, one in enumerate([None] if items is None else items):
        item = as_object(one)
        if item is None:
            notes.refuse(row, f"custom_data.contents[{place}]", "an object is expected")
            continue
        for key in ("quantity", "item_price"):
            if key in item and not _is_amount(item[key]):
                notes.refuse(row, f"custom_data.contents[{place}].{key}", "a number is expected")


def _is_amount(value: object) -> bool:
    if not isinstance(value, str):
        return checks.is_number(value)
    try:
        return checks.is_number(float(value))
    except ValueError:
        return False


def _accepted(pixel: str, event: Object, is_test: bool) -> Accepted:
    event_id, name = event.get("event_id"), str(event["event_name"])
    order_id = (as_object(event.get("custom_data")) or {}).get("order_id")
    keys: list[tuple[str, float]] = []
    if event_id is not None:
        keys.append((f"{pixel}\n{name}\nid\n{event_id}", DEDUP_S))
    if name == "PURCHASE" and order_id is not None:
        keys.append((f"{pixel}\n{name}\norder\n{order_id}", ORDER_DEDUP_S))
    return Accepted(
        account=pixel,
        name=name,
        event_id=None if event_id is None else str(event_id),
        payload=event,
        is_test=is_test,
        keys=tuple(keys),
        on_repeat=OnRepeat.UNION,
    )


def _refusal(notes: Findings, count: int) -> Ruled:
    first = notes.refusals()[0]
    status = 400 if first.code == _MISSING else 200
    ruled = _invalid(status, f"{first.field}: {first.why}", "INVALID_EVENT", None if status == 400 else first.row)
    return replace(ruled, count=count, findings=tuple(notes.found))


def _invalid(status: int, why: str, code: str, event: int | None = None) -> Ruled:
    body: Object = {"status": "INVALID", "errors": {"codes": [code], "error_msgs": [why]}}
    if event is not None:
        body["event"] = event
    return Ruled(status=status, body=body, code=code)
