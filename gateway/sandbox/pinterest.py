"""Pinterest's conversions (API v5): every event has its own line in the answer.

Source: pinterest/api-description v5.23.0 (events/create, ConversionEvents), read 2026-11-22. The window of the
deduplication is not written there; a day is what integrators tell.
Never enters: an HTTP handler.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from gateway.sandbox import checks
from gateway.sandbox.call import Accepted, Asked, Findings, Object, Route, Ruled, as_list, as_object
from gateway.sandbox.checks import Digest
from gateway.sandbox.terms import Terms

MAX_EVENTS: Final = 1_000
DEDUP_S: Final = 24 * 3600
_NAMES: Final = checks.words(
    """page_visit view_content view_category search add_to_cart add_to_wishlist initiate_checkout add_payment_info
    checkout lead signup subscribe app_install app_open watch_video custom contact customize_product find_location
    schedule start_trial submit_application"""
)
_SOURCES: Final = frozenset({"web", "app_android", "app_ios", "offline"})
_REQUIRED: Final = ("event_name", "action_source", "event_time", "event_id", "user_data")
_EVENT: Final = checks.words(
    """event_name action_source event_time event_id event_source_url opt_out partner_name user_data custom_data app_id
    app_name app_version device_brand device_carrier device_model device_type os_version wifi language"""
)
_HASHED: Final = checks.words("em ph fn ln ge db ct st zp country external_id hashed_maids")
_CLEAR: Final = checks.words("client_ip_address client_user_agent click_id partner_id")
_TEXTS: Final = checks.words(
    "order_id search_string opt_out_type np content_name content_category content_brand predicted_ltv"
)
_CUSTOM: Final = _TEXTS | checks.words("currency value content_ids contents num_items")
_CONTENT_TEXTS: Final = ("id", "item_name", "item_category", "item_brand", "item_price")
_ERRORS: Final = {
    "4196": (400, "The request is not valid."),
    "2": (401, "Authentication failed."),
    "29": (403, "You are not permitted to access that resource."),
    "8": (429, "This request exceeded a rate limit."),
    "4197": (503, "The service is not available."),
}
_AMOUNT: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")


class Pinterest:
    """Answer as api.pinterest.com answers conversions of one ad account."""

    name = "pinterest"

    def __init__(self, terms: Terms) -> None:
        self._terms = terms

    def routes(self) -> tuple[Route, ...]:
        """Name the paths, below the platform's own prefix."""
        return (Route(method="POST", path="/v5/ad_accounts/{account}/events", at="events", judge=self.judge),)

    def judge(self, asked: Asked) -> Ruled:
        """Rule on one POST of events: those that are good are in, whatever the others are."""
        if asked.bearer() not in self._terms.pinterest_tokens:
            return _error(401, 2, "Authentication failed.")
        account, known = asked.parts["account"], self._terms.pinterest_accounts
        if known and account not in known:
            return _error(403, 29, "You are not permitted to access that resource.")
        notes, body = Findings(), as_object(asked.body)
        rows = as_list((body or {}).get("data"))
        if asked.unreadable is not None or body is None:
            notes.refuse(None, "body", asked.unreadable or "a JSON object is expected")
        elif rows is None or not 1 <= len(rows) <= MAX_EVENTS:
            notes.refuse(None, "data", f"1 to {MAX_EVENTS} events are expected")
        if rows is None or notes.refusals():
            first = notes.refusals()[0]
            return replace(_error(400, 4196, f"{first.field}: {first.why}"), findings=tuple(notes.found))
        for row, event in enumerate(rows):
            _judge_event(event, row, notes)
        for row, value in enumerate(rows):
            for where in checks.readable_emails(value):
                notes.violate(row, where, "a readable e-mail address", refuses=False)
        is_test = asked.query.get("test", "").lower() == "true"
        return _answer(account, rows, notes, is_test=is_test)

    def lost(self, asked: Asked) -> Ruled:
        """Answer a path the platform does not have."""
        return _error(404, 3, "The path does not exist.")

    def failed(self, status: int, at: str) -> Ruled:
        """Answer as the platform does when it fails with this status."""
        if status < 300:
            return Ruled(status=status, body={}, code=f"http {status}")
        return _error(status, 4197 if status == 503 else 1, "The request could not be served.")

    def throttled(self) -> Ruled:
        """Answer as the platform does when it is asked too often."""
        return _error(429, 8, "This request exceeded a rate limit.")

    def expired(self, at: str) -> Ruled:
        """Answer as the platform does when the token's life is over."""
        return _error(401, 2, "Authentication failed.")

    def refused(self) -> Ruled:
        """Refuse a whole batch without naming the event that spoilt it."""
        return _error(400, 4196, "The request is not valid.")

    def errors(self) -> tuple[str, ...]:
        """Name the rows of the error table; failed rows (422) are the fault `partial`."""
        return tuple(_ERRORS)

    def error(self, code: str, row: int | None) -> Ruled:
        """Answer with one row of the table; none of them names an event."""
        status, message = _ERRORS[code]
        return _error(status, int(code), message)

    def partial(self, ruled: Ruled) -> Ruled | None:
        """Turn a success into the platform's partial one: the last event has failed, and says so."""
        taken = len(ruled.accepted) - 1
        lines: list[Object] = [_line() for _ in range(taken)]
        body: Object = {
            "num_events_received": ruled.count,
            "num_events_processed": taken,
            "events": [*lines, _line("failed", "Not accepted")],
        }
        return replace(ruled, status=422, body=body, code="422", accepted=ruled.accepted[:-1])


def _judge_event(value: object, row: int, notes: Findings) -> None:
    event = as_object(value)
    if event is None:
        notes.refuse(row, "data", "an object is expected")
        return
    for key in _REQUIRED:
        if key not in event:
            notes.refuse(row, key, "required")
    for key in sorted(event.keys() - _EVENT):
        notes.refuse(row, key, "unknown parameter")
    if "event_name" in event and not checks.is_one_of(event["event_name"], _NAMES):
        notes.refuse(row, "event_name", "not an event of this platform")
    if "action_source" in event and not checks.is_one_of(event["action_source"], _SOURCES):
        notes.refuse(row, "action_source", "web, app_android, app_ios or offline is expected")
    at_s = event.get("event_time", 0)
    if not isinstance(at_s, int) or not checks.is_int(at_s) or not 0 <= at_s <= checks.MAX_SECONDS:
        notes.refuse(row, "event_time", "whole Unix seconds are expected")
    if "event_id" in event and not checks.is_text(event["event_id"]):
        notes.refuse(row, "event_id", "text is expected")
    _judge_optional(event, row, notes)
    if "user_data" in event:
        _judge_user(as_object(event["user_data"]), row, notes)
    custom = as_object(event.get("custom_data", {}))
    if custom is None:
        notes.refuse(row, "custom_data", "an object is expected")
    else:
        _judge_custom(custom, row, notes)


def _judge_optional(event: Object, row: int, notes: Findings) -> None:
    if "event_source_url" in event and not checks.is_page(event["event_source_url"]):
        notes.refuse(row, "event_source_url", "an http address is expected")
    if "opt_out" in event and not isinstance(event["opt_out"], bool):
        notes.refuse(row, "opt_out", "true or false is expected")
    partner = event.get("partner_name", "ss-")
    if not isinstance(partner, str) or not partner.startswith("ss-") or partner != partner.lower():
        notes.warn(row, "partner_name", "ss- and a name in small letters is asked for")


def _judge_user(user: Object | None, row: int, notes: Findings) -> None:
    if user is None:
        notes.refuse(row, "user_data", "an object is expected")
        return
    for key, value in user.items():
        where = f"user_data.{key}"
        if key in _HASHED:
            _judge_digests(value, where, row, notes)
        elif key not in _CLEAR:
            notes.refuse(row, where, "unknown parameter")
        elif not checks.is_text(value):
            notes.refuse(row, where, "text is expected")
        elif checks.is_digest(value):
            notes.violate(row, where, "a digest where clear text belongs")
    if "client_ip_address" in user and not checks.is_address(user["client_ip_address"]):
        notes.refuse(row, "user_data.client_ip_address", "one IPv4 or IPv6 address is expected")
    if not user.keys() & {"em", "hashed_maids"} and not {"client_ip_address", "client_user_agent"} <= user.keys():
        notes.refuse(row, "user_data", "em, hashed_maids or address with agent is required")


def _judge_digests(value: object, where: str, row: int, notes: Findings) -> None:
    values = as_list(value)
    if values is None or not values:
        notes.refuse(row, where, "a list of digests is expected")
    for one in [value] if values is None else values:
        seen = checks.digest(one)
        if seen is not Digest.GOOD:
            notes.violate(row, where, seen.value)


def _judge_custom(custom: Object, row: int, notes: Findings) -> None:
    for key in sorted(custom.keys() - _CUSTOM):
        notes.warn(row, f"custom_data.{key}", "not a standard parameter")
    for key in sorted(custom.keys() & _TEXTS):
        if not isinstance(custom[key], str):
            notes.refuse(row, f"custom_data.{key}", "text is expected")
    if "currency" in custom and not checks.is_currency(custom["currency"]):
        notes.refuse(row, "custom_data.currency", "an ISO 4217 code is expected")
    value = custom.get("value", "0")
    if not isinstance(value, str) or not _AMOUNT.fullmatch(value):
        notes.refuse(row, "custom_data.value", "a number as text is expected")
    if "num_items" in custom and not checks.is_int(custom["num_items"]):
        notes.refuse(row, "custom_data.num_items", "a whole number is expected")
    ids = as_list(custom.get("content_ids", []))
    if ids is None or not all(checks.is_text(one) for one in ids):
        notes.refuse(row, "custom_data.content_ids", "a list of texts is expected")
    _judge_contents(as_list(custom.get("contents", [])), row, notes)


def _judge_contents(items: list[object] | None, row: int, notes: Findings) -> None:
    for place, one in enumerate([None] if items is None else items):
        item, where = as_object(one), f"custom_data.contents[{place}]"
        if item is None:
            notes.refuse(row, where, "an object is expected")
            continue
        for key in _CONTENT_TEXTS:
            if key in item and not isinstance(item[key], str):
                notes.refuse(row, f"{where}.{key}", "text is expected")
        if "quantity" in item and not checks.is_int(item["quantity"]):
            notes.refuse(row, f"{where}.quantity", "a whole number is expected")


def _answer(account: str, rows: list[object], notes: Findings, *, is_test: bool) -> Ruled:
    why: dict[int, str] = {}
    for one in notes.refusals():
        why.setdefault(one.row or 0, f"{one.field}: {one.why}")
    warned = {one.row: one.field for one in notes.found if not one.refuses and not one.violates}
    lines = [_line("failed", why[row]) if row in why else _line(warning=warned.get(row)) for row in range(len(rows))]
    good = [event for row, value in enumerate(rows) if row not in why and (event := as_object(value)) is not None]
    body: Object = {"num_events_received": len(rows), "num_events_processed": len(good), "events": lines}
    return Ruled(
        status=422 if why else 200,
        body=body,
        code="422" if why else "200",
        count=len(rows),
        # A test is checked and recorded nowhere.
        accepted=() if is_test else tuple(_accepted(account, event) for event in good),
        findings=tuple(notes.found),
    )


def _line(status: str = "processed", error: str | None = None, warning: str | None = None) -> Object:
    return {"status": status, "error_message": error, "warning_message": warning}


def _accepted(account: str, event: Object) -> Accepted:
    event_id, name = str(event["event_id"]), str(event["event_name"])
    return Accepted(
        account=account,
        name=name,
        event_id=event_id,
        payload=event,
        # Acts of a store are never recognised again.
        keys=() if event["action_source"] == "offline" else ((f"{account}\n{name}\n{event_id}", DEDUP_S),),
    )


def _error(status: int, code: int, message: str) -> Ruled:
    return Ruled(status=status, body={"code": code, "message": message}, code=str(code))
