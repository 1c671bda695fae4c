"""Reddit's Conversions API v3: all events of a call, or none.

Source: Reddit's own web tag (reddit/reddit-gtm-template) and those who send to the API, read 2026-11-22; Reddit's
reference could not be read, so the bodies of refusals are of integrators' making, and the window of the
deduplication is nobody's.
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

MAX_EVENTS: Final = 1_000
DEDUP_S: Final = 48 * 3600
_OLDEST_MS: Final = 168 * 3_600_000
_AHEAD_MS: Final = 5 * 60_000
_TYPES: Final = checks.words("PAGE_VISIT VIEW_CONTENT SEARCH ADD_TO_CART ADD_TO_WISHLIST PURCHASE LEAD SIGN_UP CUSTOM")
_SOURCES: Final = frozenset({"WEBSITE", "APP", "PHYSICAL_STORE", "OTHER"})
_TOP: Final = frozenset({"events", "test_id", "partner"})
_EVENT: Final = checks.words("event_at action_source event_source_url click_id type user metadata")
_HASHED: Final = checks.words("email phone_number external_id idfa aaid")
_USER: Final = _HASHED | checks.words("ip_address user_agent uuid screen_dimensions data_processing_options")
_METADATA: Final = checks.words("conversion_id currency value item_count products")
_ERRORS: Final = {
    "BAD_REQUEST": 400,
    "UNAUTHORIZED": 401,
    "FORBIDDEN": 403,
    "NOT_FOUND": 404,
    "TOO_MANY_REQUESTS": 429,
    "SERVER_ERROR": 500,
    "SERVICE_UNAVAILABLE": 503,
}
_PRODUCT: Final = checks.words("id name category item_price quantity")


class Reddit:
    """Answer as ads-api.reddit.com answers conversion events of one pixel."""

    name = "reddit"

    def __init__(self, terms: Terms) -> None:
        self._terms = terms

    def routes(self) -> tuple[Route, ...]:
        """Name the paths, below the platform's own prefix."""
        pixel = "/api/v3/pixels/{pixel}"
        return (
            Route(method="POST", path=f"{pixel}/conversion_events", at="events", judge=self.judge),
            Route(method="GET", path=f"{pixel}/last_fired_at", at="last_fired_at", judge=self._last_fired),
        )

    def judge(self, asked: Asked) -> Ruled:
        """Rule on one POST of events."""
        refused = self._at_the_gate(asked)
        if refused is not None:
            return refused
        pixel = asked.parts["pixel"]
        notes, body = Findings(), as_object(asked.body)
        data = as_object((body or {}).get("data"))
        rows = as_list((data or {}).get("events")) or []
        if asked.unreadable is not None or data is None:
            notes.refuse(None, "data", asked.unreadable or "an object with events is expected")
            return _refusal(notes, 0)
        for key in sorted(data.keys() - _TOP):
            notes.refuse(None, f"data.{key}", "unknown field")
        for key in ("test_id", "partner"):
            if key in data and not checks.is_text(data[key]):
                notes.refuse(None, f"data.{key}", "text is expected")
        if not 1 <= len(rows) <= MAX_EVENTS:
            notes.refuse(None, "data.events", f"1 to {MAX_EVENTS} events are expected")
        for row, event in enumerate(rows):
            _judge_event(event, row, asked.at_s, notes)
        for where in checks.readable_emails(rows, "events"):
            notes.violate(None, where, "a readable e-mail address", refuses=False)
        if notes.refusals():
            return _refusal(notes, len(rows))
        events = [event for row in rows if (event := as_object(row)) is not None]
        message = f"Successfully processed {len(events)} conversion events."
        return Ruled(
            status=200,
            body={"data": {"message": message}},
            code="200",
            count=len(events),
            accepted=tuple(_accepted(pixel, event, "test_id" in data) for event in events),
            findings=tuple(notes.found),
        )

    def lost(self, asked: Asked) -> Ruled:
        """Answer a path the platform does not have."""
        return _error(404, "NOT_FOUND")

    def failed(self, status: int, at: str) -> Ruled:
        """Answer as the platform does when it fails with this status."""
        if status < 300:
            return Ruled(status=status, body={}, code=f"http {status}")
        return _error(status, "SERVER_ERROR" if status >= 500 else "BAD_REQUEST")

    def throttled(self) -> Ruled:
        """Answer as the platform does when it is asked too often."""
        return _error(429, "TOO_MANY_REQUESTS")

    def expired(self, at: str) -> Ruled:
        """Answer as the platform does when the token's life is over."""
        return _error(401, "UNAUTHORIZED")

    def refused(self) -> Ruled:
        """Refuse a whole batch without naming the event that spoilt it."""
        return _error(400, "BAD_REQUEST")

    def errors(self) -> tuple[str, ...]:
        """Name the rows of the error table."""
        return tuple(_ERRORS)

    def error(self, code: str, row: int | None) -> Ruled:
        """Answer with one row of the table; a bad request's names its event."""
        ruled = _error(_ERRORS[code], code)
        if row is None or code != "BAD_REQUEST":
            return ruled
        named = [{"index": row, "error_message": "type.tracking_type: not valid"}]
        return replace(ruled, body={**(as_object(ruled.body) or {}), "invalid_events": named})

    def partial(self, ruled: Ruled) -> Ruled | None:
        """Tell that there is none: a call is taken as a whole."""
        return None

    def _at_the_gate(self, asked: Asked) -> Ruled | None:
        """Ask for the token, and whether it is the pixel's."""
        if asked.bearer() not in self._terms.reddit_tokens:
            return _error(401, "UNAUTHORIZED")
        pixel, known = asked.parts["pixel"], self._terms.reddit_pixels
        return _error(403, "FORBIDDEN") if known and pixel not in known else None

    def _last_fired(self, asked: Asked) -> Ruled:
        """Tell when each kind of event was last seen; the sandbox has no clock for that and names none."""
        body: Object = {"data": {kind.lower(): None for kind in sorted(_TYPES - {"CUSTOM"})} | {"custom_events": []}}
        return self._at_the_gate(asked) or Ruled(status=200, body=body, code="200")


def _judge_event(value: object, row: int, now_s: float, notes: Findings) -> None:
    event = as_object(value)
    if event is None:
        notes.refuse(row, "event", "an object is expected")
        return
    for key in sorted(event.keys() - _EVENT):
        notes.refuse(row, key, "unknown field")
    at_ms = event.get("event_at")
    if not isinstance(at_ms, int) or not checks.is_int(at_ms) or at_ms <= checks.MAX_SECONDS:
        notes.refuse(row, "event_at", "whole Unix milliseconds are expected")
    elif now_s * 1000 - at_ms >= _OLDEST_MS:
        notes.refuse(row, "event_at", "older than 168 hours")
    elif at_ms - now_s * 1000 > _AHEAD_MS:
        notes.refuse(row, "event_at", "more than 5 minutes ahead")
    if not checks.is_one_of(event.get("action_source"), _SOURCES):
        notes.refuse(row, "action_source", "WEBSITE, APP, PHYSICAL_STORE or OTHER is expected")
    if "event_source_url" in event and not checks.is_page(event["event_source_url"]):
        notes.refuse(row, "event_source_url", "an http address is expected")
    if "click_id" in event and not checks.is_text(event["click_id"]):
        notes.refuse(row, "click_id", "text is expected")
    elif checks.is_digest(event.get("click_id")):
        notes.violate(row, "click_id", "a digest where clear text belongs")
    _judge_type(as_object(event.get("type")), row, notes)
    user = as_object(event.get("user", {}))
    if user is None:
        notes.refuse(row, "user", "an object is expected")
    else:
        _judge_user(user, row, notes)
        if "click_id" not in event and not user.keys() & (_HASHED | {"uuid", "ip_address", "user_agent"}):
            notes.refuse(row, "user", "at least one identifier is required")
    _judge_metadata(as_object(event.get("metadata", {})), row, notes)


def _judge_type(told: Object | None, row: int, notes: Findings) -> None:
    kind = (told or {}).get("tracking_type")
    if told is None or not checks.is_one_of(kind, _TYPES):
        notes.refuse(row, "type.tracking_type", "not a type of this platform")
        return
    for key in sorted(told.keys() - {"tracking_type", "custom_event_name"}):
        notes.refuse(row, f"type.{key}", "unknown field")
    if kind == "CUSTOM" and not checks.is_text(told.get("custom_event_name")):
        notes.refuse(row, "type.custom_event_name", "required for CUSTOM")
    if kind != "CUSTOM" and "custom_event_name" in told:
        notes.refuse(row, "type.custom_event_name", "only for CUSTOM")


def _judge_user(user: Object, row: int, notes: Findings) -> None:
    for key in sorted(user.keys() - _USER):
        notes.refuse(row, f"user.{key}", "unknown field")
    for key in sorted(user.keys() & _HASHED):
        seen = checks.digest(user[key])
        if seen is not Digest.GOOD:
            notes.violate(row, f"user.{key}", seen.value)
    for key in ("uuid", "user_agent"):
        if key in user and not checks.is_text(user[key]):
            notes.refuse(row, f"user.{key}", "text is expected")
    if "ip_address" in user and not checks.is_address(user["ip_address"]) and not checks.is_digest(user["ip_address"]):
        notes.refuse(row, "user.ip_address", "one address or its digest is expected")
    screen = as_object(user.get("screen_dimensions", {"width": 1, "height": 1}))
    if screen is None or not all(checks.is_int(screen.get(key)) for key in ("width", "height")):
        notes.refuse(row, "user.screen_dimensions", "width and height in whole numbers are expected")
    options = as_object(user.get("data_processing_options", {"modes": ["LDU"]}))
    if options is None or options.get("modes") != ["LDU"] or options.keys() - {"modes", "country", "region"}:
        notes.refuse(row, "user.data_processing_options", 'modes ["LDU"], country and region are expected')


def _judge_metadata(told: Object | None, row: int, notes: Findings) -> None:
    if told is None:
        notes.refuse(row, "metadata", "an object is expected")
        return
    for key in sorted(told.keys() - _METADATA):
        notes.refuse(row, f"metadata.{key}", "unknown field")
    if "conversion_id" in told and not checks.is_text(told["conversion_id"]):
        notes.refuse(row, "metadata.conversion_id", "text is expected")
    if "currency" in told and not checks.is_currency(told["currency"]):
        notes.refuse(row, "metadata.currency", "an ISO 4217 code is expected")
    if "value" in told and not checks.is_number(told["value"]):
        notes.refuse(row, "metadata.value", "a number is expected")
    if "value" in told and "currency" not in told:
        notes.warn(row, "metadata.currency", "asked for with a value")
    if "item_count" in told and not checks.is_int(told["item_count"]):
        notes.refuse(row, "metadata.item_count", "a whole number is expected")
    products = as_list(told.get("products", []))
    for place, one in enumerate([None] if products is None else products):
        _judge_product(as_object(one), f"metadata.products[{place}]", row, notes)


def _judge_product(product: Object | None, where: str, row: int, notes: Findings) -> None:
    if product is None:
        notes.refuse(row, where, "an object is expected")
        return
    for key in sorted(product.keys() - _PRODUCT):
        notes.refuse(row, f"{where}.{key}", "unknown field")
    for key in ("id", "name", "category"):
        if key in product and not isinstance(product[key], str):
            notes.refuse(row, f"{where}.{key}", "text is expected")
    if "item_price" in product and not checks.is_number(product["item_price"]):
        notes.refuse(row, f"{where}.item_price", "a number is expected")
    if "quantity" in product and not checks.is_int(product["quantity"]):
        notes.refuse(row, f"{where}.quantity", "a whole number is expected")


def _accepted(pixel: str, event: Object, is_test: bool) -> Accepted:
    kind = as_object(event["type"]) or {}
    name = str(kind.get("custom_event_name") or kind["tracking_type"])
    conversion_id = (as_object(event.get("metadata")) or {}).get("conversion_id")
    known = isinstance(conversion_id, str)
    return Accepted(
        account=pixel,
        name=name,
        event_id=str(conversion_id) if known else None,
        payload=event,
        is_test=is_test,
        keys=((f"{pixel}\n{name}\n{conversion_id}", DEDUP_S),) if known else (),
        # "The event with more event metadata and match keys will be prioritized."
        on_repeat=OnRepeat.KEEP_RICHER,
    )


def _refusal(notes: Findings, count: int) -> Ruled:
    refusals = notes.refusals()
    named = [{"index": one.row, "error_message": f"{one.field}: {one.why}"} for one in refusals if one.row is not None]
    first = f"{refusals[0].field}: {refusals[0].why}"
    body: Object = {"error": {"reason": "BAD_REQUEST", "message": first}, "invalid_events": named}
    return replace(_error(400, "BAD_REQUEST"), body=body, count=count, findings=tuple(notes.found))


def _error(status: int, reason: str) -> Ruled:
    body: Object = {"error": {"reason": reason, "message": "The request could not be served."}}
    return Ruled(status=status, body=body, code=reason)
