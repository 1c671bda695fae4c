"""TikTok's Events API 2.0: the answer is the code in the body, the HTTP status says next to nothing.

Source: business-api.tiktok.com portal (event/track, response codes) as told by TikTok's own server-side tag
(tiktok/gtm-template-eapi) and ads.tiktok.com/help on event deduplication and standard events, read 2026-11-22.
Never enters: an HTTP handler.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Final

from gateway.sandbox import checks
from gateway.sandbox.call import (
    Accepted,
    Asked,
    Findings,
    Object,
    Route,
    Ruled,
    as_list,
    as_object,
)
from gateway.sandbox.checks import Digest
from gateway.sandbox.terms import Terms

MAX_EVENTS: Final = 1_000
DEDUP_S: Final = 48 * 3600
_SOURCES: Final = frozenset({"web", "app", "offline", "crm"})
_TOP: Final = frozenset({"event_source", "event_source_id", "data", "test_event_code", "partner_name"})
_ITEM: Final = checks.words("event event_time event_id user page properties limited_data_use app ad lead device")
_HASHED: Final = frozenset({"email", "phone", "external_id", "first_name", "last_name", "zip_code"})
_HASHED_LISTS: Final = frozenset({"email", "phone", "external_id"})
_CLEAR: Final = checks.words("city state country ttclid ttp ip user_agent locale idfa idfv gaid att_status")
_DELIVERY: Final = frozenset({"in_store", "curbside", "home_delivery"})
_ATT: Final = frozenset({"AUTHORIZED", "DENIED", "NOT_DETERMINED", "RESTRICTED", "NOT_APPLICABLE"})
_APP: Final = frozenset({"app_id", "app_name", "app_version"})
_AD_TEXTS: Final = checks.words("callback campaign_id ad_id creative_id attribution_type attribution_provider")
_AD_FLAGS: Final = frozenset({"is_retargeting", "attributed"})
_LEAD: Final = frozenset({"lead_id", "lead_event_source"})
# Code (behind a slash the HTTP status where it is not 200) -> what TikTok says with it.
_ERRORS: Final = {
    "40001": "No permission for this event source",
    "40002": "A parameter is not valid",
    "40007": "The object does not exist",
    "40100": "Too many requests",
    "40100/401": "Too many requests",
    "40101": "The app id or its secret is not valid",
    "40104": "Access token is empty",
    "40105": "Access token is invalid or expired",
    "40110": "The authorization code is not valid",
    "50000": "Internal error",
    "50002": "The service timed out",
    "51010": "The service is not available",
}
_WEEK_S: Final = 7 * 86_400


class TikTok:
    """Answer as business-api.tiktok.com answers event/track."""

    name = "tiktok"

    def __init__(self, terms: Terms) -> None:
        self._terms = terms

    def routes(self) -> tuple[Route, ...]:
        """Name the paths, below the platform's own prefix."""
        return (Route(method="POST", path="/open_api/v1.3/event/track/", at="events", judge=self.judge),)

    def judge(self, asked: Asked) -> Ruled:
        """Rule on one POST of events."""
        notes = Findings()
        for key in asked.query:
            if "token" in key.lower():
                notes.violate(None, key, "a token in a URL; the header takes it", refuses=False)
        token = asked.headers.get("Access-Token")
        if token not in self._terms.tiktok_tokens:
            code, why = (40105, "Access token is invalid") if token else (40104, "Access token is empty")
            return replace(_answer(code, why), findings=tuple(notes.found))
        body = as_object(asked.body)
        if asked.unreadable is not None or body is None:
            notes.refuse(None, "body", asked.unreadable or "a JSON object is expected")
            return _refusal(notes, 0)
        rows = as_list(body.get("data")) or []
        _judge_top(body, rows, notes)
        source = str(body.get("event_source"))
        for row, event in enumerate(rows):
            _judge_item(event, row, source, asked.at_s, notes)
        for where in checks.readable_emails(rows, "data"):
            notes.violate(None, where, "a readable e-mail address", refuses=False)
        if notes.refusals():
            return _refusal(notes, len(rows))
        account = str(body["event_source_id"])
        if self._terms.tiktok_sources and account not in self._terms.tiktok_sources:
            return replace(_answer(40001, "No permission for this event source"), findings=tuple(notes.found))
        events = [event for row in rows if (event := as_object(row)) is not None]
        return replace(
            _answer(0, "OK"),
            count=len(events),
            accepted=tuple(_accepted(account, event, "test_event_code" in body) for event in events),
            findings=tuple(notes.found),
        )

    def lost(self, asked: Asked) -> Ruled:
        """Answer a path the platform does not have."""
        return replace(_answer(40007, "The path does not exist"), status=404)

    def failed(self, status: int, at: str) -> Ruled:
        """Answer as the platform does when it fails with this status."""
        if status < 300:
            return Ruled(status=status, body={}, code=f"http {status}")
        return replace(_answer(50000 if status >= 500 else 40000, "The request could not be served"), status=status)

    def throttled(self) -> Ruled:
        """Answer as the platform does when it is asked too often: a code inside 200."""
        return _answer(40100, "Too many requests")

    def expired(self, at: str) -> Ruled:
        """Answer as the platform does when the token's life is over."""
        return _answer(40105, "Access token is invalid or expired")

    def refused(self) -> Ruled:
        """Refuse a whole batch without naming the event that spoilt it."""
        return _answer(40002, "A parameter is not valid")

    def errors(self) -> tuple[str, ...]:
        """Name the rows of the error table; what is taken in part (20001) is the fault `partial`."""
        return tuple(_ERRORS)

    def error(self, code: str, row: int | None) -> Ruled:
        """Answer with one row of the table; a parameter's names its event."""
        number, _, status = code.partition("/")
        place = f"Batch.{row}.properties: " if row is not None and number == "40002" else ""
        return replace(_answer(int(number), place + _ERRORS[code]), status=int(status or 200))

    def partial(self, ruled: Ruled) -> Ruled | None:
        """Turn a success into the platform's partial one: the last event is left out, and named."""
        last = len(ruled.accepted) - 1
        told = _answer(20001, f"Batch.{last}.properties: Not accepted")
        return replace(ruled, body=told.body, code=told.code, accepted=ruled.accepted[:-1])


def _judge_top(body: Object, rows: list[object], notes: Findings) -> None:
    for key in sorted(body.keys() - _TOP):
        notes.refuse(None, key, "Unknown field.")
    if not checks.is_one_of(body.get("event_source"), _SOURCES):
        notes.refuse(None, "event_source", "Must be one of web, app, offline, crm.")
    if not checks.is_text(body.get("event_source_id")):
        notes.refuse(None, "event_source_id", "Missing data for required field.")
    if not 1 <= len(rows) <= MAX_EVENTS:
        notes.refuse(None, "data", f"Length must be between 1 and {MAX_EVENTS}.")
    if "test_event_code" in body and not checks.is_text(body["test_event_code"]):
        notes.refuse(None, "test_event_code", "Not a valid string.")


def _judge_item(value: object, row: int, source: str, now_s: float, notes: Findings) -> None:
    event = as_object(value)
    if event is None:
        notes.refuse(row, "event", "Not a valid object.")
        return
    for key in sorted(event.keys() - _ITEM):
        notes.refuse(row, key, "Unknown field.")
    if not checks.is_text(event.get("event")):
        notes.refuse(row, "event", "Missing data for required field.")
    at_s = event.get("event_time")
    if not isinstance(at_s, int) or isinstance(at_s, bool) or at_s > checks.MAX_SECONDS:
        notes.refuse(row, "event_time", "Not a valid integer of seconds.")
    elif now_s - at_s > _WEEK_S:
        # No document gives a limit; integrators keep to a week.
        notes.warn(row, "event_time", "older than seven days")
    if "event_id" in event and not checks.is_text(event["event_id"]):
        notes.refuse(row, "event_id", "Not a valid string.")
    if "limited_data_use" in event and not isinstance(event["limited_data_use"], bool):
        notes.refuse(row, "limited_data_use", "Not a valid boolean.")
    user = as_object(event.get("user"))
    if user is None:
        notes.refuse(row, "user", "Missing data for required field.")
    else:
        _judge_user(user, row, notes)
    page = as_object(event.get("page", {}))
    if page is None or any(not checks.is_page(page[key]) for key in ("url",) if key in page):
        notes.refuse(row, "page.url", "Not a valid URL.")
    elif source == "web" and "url" not in page:
        notes.warn(row, "page.url", "asked for on the web")
    _judge_objects(event, row, notes)
    properties = as_object(event.get("properties", {}))
    if properties is None:
        notes.refuse(row, "properties", "Not a valid object.")
    else:
        _judge_properties(properties, event.get("event"), row, notes)


def _judge_objects(event: Object, row: int, notes: Findings) -> None:
    """Judge what apps and CRMs tell beside the person: the app, its ad, the lead."""
    for name, texts, flags in (
        ("app", _APP, frozenset[str]()),
        ("ad", _AD_TEXTS, _AD_FLAGS),
        ("lead", _LEAD, frozenset[str]()),
    ):
        told = as_object(event.get(name, {}))
        if told is None:
            notes.refuse(row, name, "Not a valid object.")
            continue
        for key, value in told.items():
            if key not in texts | flags:
                notes.refuse(row, f"{name}.{key}", "Unknown field.")
            elif key in texts and not checks.is_text(value):
                notes.refuse(row, f"{name}.{key}", "Not a valid string.")
            elif key in flags and not isinstance(value, bool):
                notes.refuse(row, f"{name}.{key}", "Not a valid boolean.")


def _judge_user(user: Object, row: int, notes: Findings) -> None:
    for key, value in user.items():
        where = f"user.{key}"
        if key in _HASHED:
            _judge_hashed(value, key, row, notes)
        elif key not in _CLEAR:
            # Others send phone_number and are silently ignored; here the misspelling is heard.
            notes.refuse(row, where, "Unknown field.")
        elif not checks.is_text(value):
            notes.refuse(row, where, "Not a valid string.")
        elif checks.is_digest(value):
            notes.violate(row, where, "a digest where clear text belongs")
    if not checks.is_one_of(user.get("att_status", "DENIED"), _ATT):
        notes.refuse(row, "user.att_status", f"Must be one of {', '.join(sorted(_ATT))}.")
    if "ip" in user and not checks.is_address(user["ip"]):
        notes.refuse(row, "user.ip", "Not a valid address.")


def _judge_hashed(value: object, key: str, row: int, notes: Findings) -> None:
    values = as_list(value)
    if values is not None and (key not in _HASHED_LISTS or not values):
        notes.refuse(row, f"user.{key}", "Not a valid string.")
        return
    for one in [value] if values is None else values:
        seen = checks.digest(one)
        if seen is not Digest.GOOD:
            notes.violate(row, f"user.{key}", seen.value)


def _judge_properties(told: Object, name: object, row: int, notes: Findings) -> None:
    _judge_money(told, name, row, notes)
    if told.get("content_type", "product") not in ("product", "product_group"):
        notes.refuse(row, "properties.content_type", "Must be one of product, product_group.")
    if not checks.is_one_of(told.get("delivery_category", "in_store"), _DELIVERY):
        notes.refuse(row, "properties.delivery_category", "Must be one of in_store, curbside, home_delivery.")
    for key in ("query", "search_string", "description", "status", "order_id", "shop_id"):
        if key in told and not isinstance(told[key], str):
            notes.refuse(row, f"properties.{key}", "Not a valid string.")
    if "num_items" in told and not checks.is_int(told["num_items"]):
        notes.refuse(row, "properties.num_items", "Not a valid integer.")
    ids = as_list(told.get("content_ids", []))
    if ids is None or not all(isinstance(one, str) for one in ids):
        notes.refuse(row, "properties.content_ids", "Not a valid list of strings.")
    _judge_contents(told.get("contents", []), row, notes)


def _judge_money(told: Object, name: object, row: int, notes: Findings) -> None:
    for key in ("value", "predicted_ltv"):
        if key in told and not checks.is_number(told[key]):
            notes.refuse(row, f"properties.{key}", "Not a valid number.")
    currency = told.get("currency")
    if currency is not None and not isinstance(currency, str):
        notes.refuse(row, "properties.currency", "Not a valid string.")
    elif currency is not None and not (checks.is_currency(currency) and str(currency).isupper()):
        # An unknown currency spoils the value, not the call.
        notes.warn(row, "properties.currency", "not a code of ISO 4217 in capitals")
    if "value" in told and currency is None:
        notes.refuse(row, "properties.currency", "Missing data for required field.")
    if name == "Purchase" and "value" not in told:
        notes.warn(row, "properties.value", "asked for with a purchase")


def _judge_contents(value: object, row: int, notes: Findings) -> None:
    items = as_list(value)
    if items is None:
        notes.refuse(row, "properties.contents", "Not a valid list.")
        return
    for place, one in enumerate(items):
        where, item = f"properties.contents.{place}", as_object(one)
        if item is None:
            notes.refuse(row, where, "Not a valid object.")
            continue
        for key in ("content_id", "content_name", "content_category", "brand", "content_type"):
            if key in item and not isinstance(item[key], str):
                notes.refuse(row, f"{where}.{key}", "Not a valid string")
        if "price" in item and not checks.is_number(item["price"]):
            notes.refuse(row, f"{where}.price", "Not a valid number.")
        if "quantity" in item and not checks.is_int(item["quantity"]):
            notes.refuse(row, f"{where}.quantity", "Not a valid integer.")


def _accepted(account: str, event: Object, is_test: bool) -> Accepted:
    event_id = event.get("event_id")
    name = str(event["event"])
    known = isinstance(event_id, str)
    return Accepted(
        account=account,
        name=name,
        event_id=str(event_id) if known else None,
        payload=event,
        is_test=is_test,
        keys=((f"{account}\n{name}\n{event_id}", DEDUP_S),) if known else (),
    )


def _refusal(notes: Findings, count: int) -> Ruled:
    first = notes.refusals()[0]
    where = first.field if first.row is None else f"Batch.{first.row}.{first.field}"
    return replace(_answer(40002, f"{where}: {first.why}"), count=count, findings=tuple(notes.found))


def _answer(code: int, message: str) -> Ruled:
    body = {"code": code, "message": message, "request_id": uuid.uuid4().hex, "data": {}}
    return Ruled(status=200, body=body, code=str(code))
