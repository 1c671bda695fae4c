"""Microsoft's UET Conversions API: bad events are named, and the good ones taken when the call says so.

Source: learn.microsoft.com/advertising/guides/uet-conversion-api-integration, read 2026-11-22. The oldest event and
the window of the deduplication are not written there: age is warned of after a week, an id is known for two days.
Never enters: an HTTP handler.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import replace
from typing import Final

from gateway.sandbox import checks
from gateway.sandbox.call import Accepted, Asked, Findings, Object, Route, Ruled, as_list, as_object
from gateway.sandbox.checks import Digest
from gateway.sandbox.terms import Terms

MAX_EVENTS: Final = 1_000
DEDUP_S: Final = 48 * 3600
_WEEK_S: Final = 7 * 86_400
_TOP: Final = frozenset({"data", "dataProvider", "continueOnValidationError"})
_EVENT: Final = checks.words(
    """eventType eventId eventName eventTime eventSourceUrl pageLoadId referrerUrl pageTitle keywords adStorageConsent
    userData customData"""
)
_TEXTS: Final = ("eventId", "eventName", "pageTitle", "keywords")
_HASHED: Final = frozenset({"em", "ph"})
_CLEAR: Final = checks.words("anonymousId externalId clientUserAgent clientIpAddress msclkid gaid idfa")
_CUSTOM_TEXTS: Final = checks.words("eventCategory eventLabel searchTerm transactionId currency pageType ecommCategory")
_NUMBERS: Final = checks.words("eventValue value ecommTotalValue")
_CUSTOM: Final = _CUSTOM_TEXTS | _NUMBERS | checks.words("itemIds items hotelData")
_PAGE_TYPES: Final = frozenset({"home", "product", "category", "searchresults", "cart", "purchase", "other"})
_ERRORS: Final = {
    "ValidationError": 400,
    "Unauthorized": 401,
    "Forbidden": 403,
    "NotFound": 404,
    "TooManyRequests": 429,
    "InternalError": 500,
    "ServiceUnavailable": 503,
}
_UUID: Final = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.IGNORECASE)


class Microsoft:
    """Answer as capi.uet.microsoft.com answers events of one tag."""

    name = "microsoft"

    def __init__(self, terms: Terms) -> None:
        self._terms = terms

    def routes(self) -> tuple[Route, ...]:
        """Name the paths, below the platform's own prefix."""
        return (Route(method="POST", path="/v1/{tag}/events", at="events", judge=self.judge),)

    def judge(self, asked: Asked) -> Ruled:
        """Rule on one POST of events."""
        if asked.bearer() not in self._terms.microsoft_tokens:
            return _error(401, "Unauthorized")
        tag, known = asked.parts["tag"], self._terms.microsoft_tags
        if known and tag not in known:
            return _error(403, "Forbidden")
        notes, body = Findings(), as_object(asked.body)
        rows = as_list((body or {}).get("data")) or []
        if asked.unreadable is not None or body is None:
            notes.refuse(None, "body", asked.unreadable or "a JSON object is expected")
            return _answer(tag, [], notes, goes_on=False)
        for key in sorted(body.keys() - _TOP):
            notes.refuse(None, key, "unknown property")
        if not 1 <= len(rows) <= MAX_EVENTS:
            notes.refuse(None, "data", f"1 to {MAX_EVENTS} events are expected")
        if "dataProvider" in body and not checks.is_text(body["dataProvider"]):
            notes.refuse(None, "dataProvider", "text is expected")
        goes_on = body.get("continueOnValidationError", False)
        if not isinstance(goes_on, bool):
            notes.refuse(None, "continueOnValidationError", "true or false is expected")
        for row, event in enumerate(rows):
            _judge_event(event, row, asked.at_s, notes)
            for where in checks.readable_emails(event):
                notes.violate(row, where, "a readable e-mail address", refuses=False)
        return _answer(tag, rows, notes, goes_on=goes_on is True)

    def lost(self, asked: Asked) -> Ruled:
        """Answer a path the platform does not have."""
        return _error(404, "NotFound")

    def failed(self, status: int, at: str) -> Ruled:
        """Answer as the platform does when it fails with this status."""
        if status < 300:
            return Ruled(status=status, body={}, code=f"http {status}")
        return _error(status, "InternalError" if status >= 500 else "BadRequest")

    def throttled(self) -> Ruled:
        """Answer as the platform does when it is asked too often."""
        return _error(429, "TooManyRequests")

    def expired(self, at: str) -> Ruled:
        """Answer as the platform does when the token's life is over."""
        return _error(401, "Unauthorized")

    def refused(self) -> Ruled:
        """Refuse a whole batch without naming the event that spoilt it."""
        return _error(400, "ValidationError")

    def errors(self) -> tuple[str, ...]:
        """Name the rows of the error table."""
        return tuple(_ERRORS)

    def error(self, code: str, row: int | None) -> Ruled:
        """Answer with one row of the table; a validation's names its event."""
        status = _ERRORS[code]
        detail: Object = {"index": row, "propertyName": "eventName", "attemptedValue": "", "errorMessage": "Not valid"}
        return _error(status, code, [detail] if row is not None and status == 400 else None)

    def partial(self, ruled: Ruled) -> Ruled | None:
        """Turn a success into the platform's partial one: the last event is left out, and named."""
        last = len(ruled.accepted) - 1
        detail = {"index": last, "propertyName": "eventName", "attemptedValue": "", "errorMessage": "Not accepted"}
        told = _error(200, "ValidationError", [detail], received=last)
        return replace(ruled, body=told.body, code=told.code, accepted=ruled.accepted[:-1])


def _judge_event(value: object, row: int, now_s: float, notes: Findings) -> None:
    event = as_object(value)
    if event is None:
        notes.refuse(row, "data", "an object is expected")
        return
    for key in sorted(event.keys() - _EVENT):
        notes.refuse(row, key, "unknown property")
    kind = event.get("eventType")
    if kind not in ("pageLoad", "custom"):
        notes.refuse(row, "eventType", "pageLoad or custom is expected")
    for key in _TEXTS:
        if key in event and not checks.is_text(event[key]):
            notes.refuse(row, key, "text is expected")
    if kind == "custom" and "eventName" not in event:
        notes.refuse(row, "eventName", "required for custom")
    _judge_page(event, row, now_s, notes)
    if "adStorageConsent" in event and event["adStorageConsent"] not in ("G", "D"):
        notes.refuse(row, "adStorageConsent", "G or D is expected")
    _judge_user(as_object(event.get("userData")), row, notes)
    _judge_custom(as_object(event.get("customData", {})), row, notes)


def _judge_page(event: Object, row: int, now_s: float, notes: Findings) -> None:
    at_s = event.get("eventTime")
    if not isinstance(at_s, int) or not checks.is_int(at_s) or not 0 <= at_s <= checks.MAX_SECONDS:
        notes.refuse(row, "eventTime", "whole Unix seconds are expected")
    elif now_s - at_s > _WEEK_S:
        notes.warn(row, "eventTime", "older than seven days")
    for key in ("eventSourceUrl", "referrerUrl"):
        if key in event and not checks.is_page(event[key]):
            notes.refuse(row, key, "an http address is expected")
    if event.get("eventType") == "pageLoad" and "eventSourceUrl" not in event:
        notes.refuse(row, "eventSourceUrl", "required for pageLoad")
    page = event.get("pageLoadId")
    if "pageLoadId" in event and not (isinstance(page, str) and _UUID.fullmatch(page)):
        notes.refuse(row, "pageLoadId", "a UUID is expected")


def _judge_user(user: Object | None, row: int, notes: Findings) -> None:
    if user is None:
        notes.refuse(row, "userData", "an object is required")
        return
    for key, value in user.items():
        where = f"userData.{key}"
        if key in _HASHED:
            seen = checks.digest(value)
            if seen is not Digest.GOOD:
                notes.violate(row, where, seen.value)
        elif key not in _CLEAR:
            notes.refuse(row, where, "unknown property")
        elif not checks.is_text(value):
            notes.refuse(row, where, "text is expected")
    for key in ("clientUserAgent", "clientIpAddress", "msclkid"):
        if checks.is_digest(user.get(key)):
            notes.violate(row, f"userData.{key}", "a digest where clear text belongs")
    if "clientIpAddress" in user and not checks.is_address(user["clientIpAddress"]):
        notes.refuse(row, "userData.clientIpAddress", "one IPv4 or IPv6 address is expected")
    click = user.get("msclkid")
    if "msclkid" in user and not (isinstance(click, str) and _UUID.fullmatch(click)):
        notes.refuse(row, "userData.msclkid", "32 hex digits are expected")
    strong = (_HASHED | _CLEAR) - {"clientUserAgent", "clientIpAddress"}
    if not user.keys() & strong and not {"clientUserAgent", "clientIpAddress"} <= user.keys():
        notes.refuse(row, "userData", "at least one identifier is required")


def _judge_custom(custom: Object | None, row: int, notes: Findings) -> None:
    if custom is None:
        notes.refuse(row, "customData", "an object is expected")
        return
    for key in sorted(custom.keys() - _CUSTOM):
        notes.refuse(row, f"customData.{key}", "unknown property")
    for key in sorted(custom.keys() & _CUSTOM_TEXTS):
        if not isinstance(custom[key], str):
            notes.refuse(row, f"customData.{key}", "text is expected")
    for key in sorted(custom.keys() & _NUMBERS):
        if not checks.is_number(custom[key]):
            notes.refuse(row, f"customData.{key}", "a number is expected")
    if "currency" in custom and not checks.is_currency(custom["currency"]):
        notes.refuse(row, "customData.currency", "an ISO 4217 code is expected")
    if "value" in custom and "currency" not in custom:
        notes.warn(row, "customData.currency", "asked for with a value")
    if "pageType" in custom and not checks.is_one_of(custom["pageType"], _PAGE_TYPES):
        notes.refuse(row, "customData.pageType", "not a type of page")
    ids = as_list(custom.get("itemIds", []))
    if ids is None or not all(checks.is_text(one) for one in ids):
        notes.refuse(row, "customData.itemIds", "a list of texts is expected")
    items = as_list(custom.get("items", []))
    for place, one in enumerate([None] if items is None else items):
        _judge_item(as_object(one), f"customData.items[{place}]", row, notes)


def _judge_item(item: Object | None, where: str, row: int, notes: Findings) -> None:
    if item is None:
        notes.refuse(row, where, "an object is expected")
        return
    for key in sorted(item.keys() - {"id", "name", "price", "quantity"}):
        notes.refuse(row, f"{where}.{key}", "unknown property")
    for key in ("id", "name"):
        if key in item and not isinstance(item[key], str):
            notes.refuse(row, f"{where}.{key}", "text is expected")
    if "price" in item and not checks.is_number(item["price"]):
        notes.refuse(row, f"{where}.price", "a number is expected")
    if "quantity" in item and not checks.is_int(item["quantity"]):
        notes.refuse(row, f"{where}.quantity", "a whole number is expected")


def _answer(tag: str, rows: list[object], notes: Findings, *, goes_on: bool) -> Ruled:
    refusals = notes.refusals()
    bad = {one.row for one in refusals}
    whole = None in bad or (bool(bad) and not goes_on)
    good = [event for row, value in enumerate(rows) if row not in bad and (event := as_object(value)) is not None]
    taken = [] if whole else good
    body: Object = {"eventsReceived": len(taken), "traceId": uuid.uuid4().hex}
    if refusals:
        details = [_detail(one.row, one.field, one.why, rows) for one in refusals]
        told = _error(400 if whole or not taken else 200, "ValidationError", details, received=len(taken))
    else:
        told = Ruled(status=200, body=body, code="200")
    return replace(
        told, count=len(rows), accepted=tuple(_accepted(tag, event) for event in taken), findings=tuple(notes.found)
    )


def _detail(row: int | None, where: str, why: str, rows: list[object]) -> Object:
    """Name one fault as Microsoft does, which repeats the value that was sent."""
    value: object = None if row is None else rows[row]
    for step in where.split("."):
        value = (as_object(value) or {}).get(step)
    told: Object = {"propertyName": where, "attemptedValue": str(value), "errorMessage": why}
    return told if row is None else {"index": row, **told}


def _accepted(tag: str, event: Object) -> Accepted:
    event_id = event.get("eventId")
    known = isinstance(event_id, str)
    return Accepted(
        account=tag,
        name=str(event.get("eventName") or event["eventType"]),
        event_id=str(event_id) if known else None,
        payload=event,
        keys=((f"{tag}\n{event_id}", DEDUP_S),) if known else (),
    )


def _error(status: int, code: str, details: list[Object] | None = None, *, received: int = 0) -> Ruled:
    error: Object = {"code": code, "message": "The request could not be served.", "details": details or []}
    body: Object = {"eventsReceived": received, "error": error, "traceId": uuid.uuid4().hex}
    return Ruled(status=status, body=body, code=code)
