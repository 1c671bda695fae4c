"""X's web conversions: signed as OAuth 1.0a asks for, or by the pixel's own token.

Source: docs of the X Ads API, version 12 (measurement/web conversions, authentication, error codes), read
2026-11-22. Signatures are checked as RFC 5849 writes them. An address and an agent name nobody by themselves. For how
long a repeat is recognised, and how old a conversion may be, is not published.
Never enters: an HTTP handler.
"""

from __future__ import annotations

import base64
import hmac
import re
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final
from urllib.parse import quote, unquote

from gateway.sandbox import checks
from gateway.sandbox.call import Accepted, Asked, Findings, Object, Route, Ruled, as_list, as_object
from gateway.sandbox.checks import Digest
from gateway.sandbox.terms import Terms

MAX_EVENTS: Final = 500
# Not published; the shortest that a platform of this kind names.
DEDUP_S: Final = 48 * 3600
_OLD_S: Final = 90 * 86_400
_SKEW_S: Final = 300
_EVENT_ID: Final = re.compile(r"tw-[a-z0-9]{1,16}-[a-z0-9]{1,16}|[a-z0-9]{1,16}")
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")
_AMOUNT: Final = re.compile(r"[0-9]{1,15}(\.[0-9]{1,6})?")
_EVENT: Final = checks.words(
    """conversion_time conversion_timestamp event_id identifiers conversion_id value price_currency number_items
    description search_string contents event_source_url"""
)
_CONTENT: Final = checks.words("content_id content_name content_type content_price num_items content_group_id")
_HASHED: Final = frozenset({"hashed_email", "hashed_phone_number"})
_CLEAR: Final = frozenset({"twclid", "ip_address", "user_agent"})
# The rows of the Ads API's table that a request for conversions can end in.
_ERRORS: Final = {
    **dict.fromkeys(("INVALID_PARAMETER", "MISSING_PARAMETER", "ILLEGAL_CHARACTERS", "REQUEST_TOO_COMPLEX"), 400),
    "UNAUTHORIZED_ACCESS": 401,
    **dict.fromkeys(("UNAUTHORIZED_CLIENT_APPLICATION", "READONLY_CLIENT_APPLICATION", "ACTION_NOT_ALLOWED"), 403),
    **dict.fromkeys(("ACCOUNT_NOT_FOUND", "ACCOUNT_LOCKED_OUT", "USER_NOT_FOUND", "CURRENT_USER_SUSPENDED"), 403),
    **dict.fromkeys(("NOT_FOUND", "ROUTE_NOT_FOUND", "WEB_EVENT_TAG_NOT_FOUND"), 404),
    "METHOD_NOT_ALLOWED": 405,
    "CANCELLED_REQUEST": 408,
    "LOCK_ACQUISITION_TIMEOUT": 423,
    "TOO_MANY_REQUESTS": 429,
    "INTERNAL_ERROR": 500,
    **dict.fromkeys(("SERVICE_UNAVAILABLE", "OVER_CAPACITY"), 503),
}
_PAIR: Final = re.compile(r'\s*([a-z_]+)="([^"]*)"\s*')
_OAUTH: Final = checks.words(
    "oauth_consumer_key oauth_token oauth_signature_method oauth_signature oauth_timestamp oauth_nonce"
)


class X:
    """Answer as ads-api.x.com answers web conversions."""

    name = "x"

    def __init__(self, terms: Terms) -> None:
        self._terms = terms

    def routes(self) -> tuple[Route, ...]:
        """Name the paths, below the platform's own prefix."""
        path = "/12/measurement/conversions/{pixel}"
        return (
            Route(method="POST", path=path, at="events", judge=self.judge),
            Route(method="GET", path="/12/accounts", at="accounts", judge=self._accounts),
        )

    def judge(self, asked: Asked) -> Ruled:
        """Rule on one POST of conversions."""
        notes = Findings()
        for key in asked.query:
            if "token" in key.lower() or "signature" in key.lower():
                notes.violate(None, key, "a secret in a URL; a header takes it", refuses=False)
        if not self._is_known(asked):
            return replace(_unauthorized(), findings=tuple(notes.found))
        pixel, known = asked.parts["pixel"], self._terms.x_pixels
        if known and pixel not in known:
            return replace(_error(404, "NOT_FOUND", "The pixel was not found"), findings=tuple(notes.found))
        body = as_object(asked.body)
        if asked.unreadable is not None or body is None:
            notes.refuse(None, "body", asked.unreadable or "a JSON object is expected", "INVALID_PARAMETER")
            return _refusal(notes, 0)
        for key in sorted(body.keys() - {"conversions"}):
            notes.refuse(None, key, "unknown parameter", "INVALID_PARAMETER")
        rows = as_list(body.get("conversions")) or []
        if not 1 <= len(rows) <= MAX_EVENTS:
            notes.refuse(None, "conversions", f"1 to {MAX_EVENTS} are expected", "INVALID_PARAMETER")
        for row, event in enumerate(rows):
            _judge_event(event, row, asked.at_s, notes)
        for where in checks.readable_emails(rows, "conversions"):
            notes.violate(None, where, "a readable e-mail address", refuses=False)
        if notes.refusals():
            return _refusal(notes, len(rows))
        events = [event for row in rows if (event := as_object(row)) is not None]
        return Ruled(
            status=200,
            body=_processed(len(events)),
            code="OK",
            count=len(events),
            accepted=tuple(_accepted(pixel, event) for event in events),
            findings=tuple(notes.found),
        )

    def lost(self, asked: Asked) -> Ruled:
        """Answer a path the platform does not have."""
        return _error(404, "ROUTE_NOT_FOUND", "The requested resource was not found")

    def failed(self, status: int, at: str) -> Ruled:
        """Answer as the platform does when it fails with this status."""
        if status < 300:
            return Ruled(status=status, body={}, code=f"http {status}")
        code = "SERVICE_UNAVAILABLE" if status == 503 else "INTERNAL_ERROR" if status >= 500 else "INVALID"
        return _error(status, code, "The request could not be served")

    def throttled(self) -> Ruled:
        """Answer as the platform does when it is asked too often."""
        return _error(429, "TOO_MANY_REQUESTS", "Too many requests for this account")

    def expired(self, at: str) -> Ruled:
        """Answer as the platform does when the token's life is over."""
        return _unauthorized()

    def refused(self) -> Ruled:
        """Refuse a whole batch without naming the event that spoilt it."""
        return _error(400, "INVALID_PARAMETER", "A conversion is not valid")

    def errors(self) -> tuple[str, ...]:
        """Name the rows of the error table."""
        return tuple(_ERRORS)

    def error(self, code: str, row: int | None) -> Ruled:
        """Answer with one row of the table; a parameter's names its event."""
        told: Object = {"code": code, "message": "The request could not be served"}
        if row is not None and _ERRORS[code] == 400:
            told["parameter"] = f"conversions[{row}].event_id"
        return Ruled(status=_ERRORS[code], body={"errors": [told], "request": {"params": {}}}, code=code)

    def partial(self, ruled: Ruled) -> Ruled | None:
        """Turn a success into the platform's partial one: fewer processed than sent, and none is named."""
        kept = ruled.accepted[:-1]
        return replace(ruled, body=_processed(len(kept)), accepted=kept)

    def _accounts(self, asked: Asked) -> Ruled:
        """List the accounts that the signer may manage: the sandbox's one."""
        if asked.headers.get("X-Pixel-Token") is not None or not self._is_known(asked):
            return _unauthorized()
        body: Object = {"request": {"params": {}}, "data": [{"id": "18ce54d4x5t", "approval_status": "ACCEPTED"}]}
        return Ruled(status=200, body=body, code="OK")

    def _is_known(self, asked: Asked) -> bool:
        """Say whether the pixel's token is good, or the request is signed by whom the account knows."""
        token = asked.headers.get("X-Pixel-Token")
        if token is not None:
            return token in self._terms.x_pixel_tokens
        told = _oauth(asked.headers.get("Authorization", ""))
        if told is None or not _is_recent(told["oauth_timestamp"], asked.at_s):
            return False
        key, token = told["oauth_consumer_key"], told["oauth_token"]
        secrets = self._terms.x_signers.get(key), self._terms.x_signers.get(token)
        if secrets[0] is None or secrets[1] is None or told["oauth_signature_method"] != "HMAC-SHA1":
            return False
        good = _signature(asked, told, secrets[0], secrets[1])
        return hmac.compare_digest(good.encode(), told["oauth_signature"].encode())


def _oauth(header: str) -> Mapping[str, str] | None:
    """Read an OAuth 1.0a header; None where it is none or lacks a part."""
    kind, _, rest = header.partition(" ")
    pairs = [_PAIR.fullmatch(part) for part in rest.split(",")]
    if kind != "OAuth" or not all(pairs):
        return None
    told = {unquote(pair[1]): unquote(pair[2]) for pair in pairs if pair}
    return told if told.keys() >= _OAUTH and all(told[key] for key in _OAUTH) else None


def _is_recent(text: str, now_s: float) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 12 and abs(int(text) - now_s) <= _SKEW_S


def _signature(asked: Asked, told: Mapping[str, str], consumer_secret: str, token_secret: str) -> str:
    """Sign as RFC 5849, 3.4: method, address and sorted parameters; a JSON body is not among them."""
    signed = {**asked.query, **{key: value for key, value in told.items() if key != "oauth_signature"}}
    pairs = sorted((_enc(key), _enc(value)) for key, value in signed.items() if key != "realm")
    base = "&".join(_enc(part) for part in (asked.method, asked.url, "&".join(f"{key}={one}" for key, one in pairs)))
    key = f"{_enc(consumer_secret)}&{_enc(token_secret)}"
    return base64.b64encode(hmac.new(key.encode(), base.encode(), "sha1").digest()).decode()


def _enc(text: str) -> str:
    return quote(text, safe="~")


def _judge_event(value: object, row: int, now_s: float, notes: Findings) -> None:
    event = as_object(value)
    if event is None:
        notes.refuse(row, "conversion", "an object is expected", "INVALID_PARAMETER")
        return
    for key in sorted(event.keys() - _EVENT):
        notes.refuse(row, key, "unknown parameter", "INVALID_PARAMETER")
    told = event.get("event_id")
    if not isinstance(told, str) or not _EVENT_ID.fullmatch(told):
        notes.refuse(row, "event_id", "the id of a configured event is expected", _kind(told))
    _judge_time(event, row, now_s, notes)
    _judge_identifiers(event.get("identifiers"), row, notes)
    for key in ("conversion_id", "description", "search_string"):
        if key in event and not checks.is_text(event[key]):
            notes.refuse(row, key, "text is expected", "INVALID_PARAMETER")
    amount = event.get("value", "0")
    if not isinstance(amount, str) or not _AMOUNT.fullmatch(amount):
        notes.refuse(row, "value", "a decimal number as text is expected", "INVALID_PARAMETER")
    if "price_currency" in event and not checks.is_currency(event["price_currency"]):
        notes.refuse(row, "price_currency", "an ISO 4217 code is expected", "INVALID_PARAMETER")
    if "number_items" in event and not checks.is_int(event["number_items"]):
        notes.refuse(row, "number_items", "a whole number is expected", "INVALID_PARAMETER")
    if "event_source_url" in event and not checks.is_page(event["event_source_url"]):
        notes.refuse(row, "event_source_url", "an http address is expected", "INVALID_PARAMETER")
    _judge_contents(event.get("contents", []), row, notes)


def _kind(told: object) -> str:
    return "MISSING_PARAMETER" if told is None else "INVALID_PARAMETER"


def _judge_time(event: Object, row: int, now_s: float, notes: Findings) -> None:
    text, at_ms = event.get("conversion_time"), event.get("conversion_timestamp")
    at_s: float | None = None
    if isinstance(text, str) and _TIME.fullmatch(text):
        try:
            at_s = datetime.fromisoformat(text).timestamp()
        except ValueError:
            at_s = None
    elif text is None and isinstance(at_ms, int) and not isinstance(at_ms, bool) and at_ms > checks.MAX_SECONDS:
        at_s = at_ms / 1000
    if at_s is None:
        told = at_ms if text is None else text
        notes.refuse(row, "conversion_time", "ISO 8601 in UTC with milliseconds is expected", _kind(told))
    elif now_s - at_s > _OLD_S:
        notes.warn(row, "conversion_time", "older than 90 days")


def _judge_identifiers(value: object, row: int, notes: Findings) -> None:
    told = as_list(value)
    if not told:
        notes.refuse(row, "identifiers", "a list of identifiers is expected", _kind(value))
        return
    seen: set[str] = set()
    for place, one in enumerate(told):
        where, identifier = f"identifiers[{place}]", as_object(one)
        if not identifier or identifier.keys() - _HASHED - _CLEAR:
            notes.refuse(row, where, "a known identifier is expected", "INVALID_PARAMETER")
            continue
        seen |= identifier.keys()
        for key, text in identifier.items():
            _judge_identifier(key, text, row, f"{where}.{key}", notes)
    if not seen & (_HASHED | {"twclid"}):
        notes.refuse(row, "identifiers", "an address and an agent need another identifier beside them", _kind(None))


def _judge_identifier(key: str, text: object, row: int, where: str, notes: Findings) -> None:
    if key in _HASHED:
        seen = checks.digest(text)
        if seen is not Digest.GOOD:
            notes.violate(row, where, seen.value, "INVALID_PARAMETER")
    elif not checks.is_text(text) or (key == "ip_address" and not checks.is_address(text)):
        notes.refuse(row, where, "clear text that fits its name is expected", "INVALID_PARAMETER")
    elif checks.is_digest(text):
        notes.violate(row, where, "a digest where clear text belongs", "INVALID_PARAMETER")


def _judge_contents(value: object, row: int, notes: Findings) -> None:
    contents = as_list(value)
    for place, one in enumerate([None] if contents is None else contents):
        where, content = f"contents[{place}]", as_object(one)
        if content is None or content.keys() - _CONTENT:
            notes.refuse(row, where, "an object of known parameters is expected", "INVALID_PARAMETER")
            continue
        for key in ("content_id", "content_name", "content_type", "content_group_id"):
            if key in content and not checks.is_text(content[key]):
                notes.refuse(row, f"{where}.{key}", "text is expected", "INVALID_PARAMETER")
        price = content.get("content_price", 0)
        if not checks.is_number(price) and not (isinstance(price, str) and _AMOUNT.fullmatch(price)):
            notes.refuse(row, f"{where}.content_price", "a number is expected", "INVALID_PARAMETER")
        if "num_items" in content and not checks.is_int(content["num_items"]):
            notes.refuse(row, f"{where}.num_items", "a whole number is expected", "INVALID_PARAMETER")


def _accepted(pixel: str, event: Object) -> Accepted:
    name, conversion_id = str(event["event_id"]), event.get("conversion_id")
    return Accepted(
        account=pixel,
        name=name,
        event_id=None if conversion_id is None else str(conversion_id),
        payload=event,
        keys=((f"{pixel}\n{name}\n{conversion_id}", DEDUP_S),) if conversion_id is not None else (),
    )


def _processed(count: int) -> Object:
    return {"request": {"params": {}}, "data": {"conversions_processed": count, "debug_id": uuid.uuid4().hex}}


def _refusal(notes: Findings, count: int) -> Ruled:
    """Refuse the whole call, with a line for each thing that is wrong."""
    told = [
        {
            "code": one.code or "INVALID_PARAMETER",
            "message": one.why,
            "parameter": one.field if one.row is None else f"conversions[{one.row}].{one.field}",
        }
        for one in notes.refusals()
    ]
    first = notes.refusals()[0].code or "INVALID_PARAMETER"
    body: Object = {"errors": told, "request": {"params": {}}}
    return Ruled(status=400, body=body, code=first, count=count, findings=tuple(notes.found))


def _unauthorized() -> Ruled:
    return _error(401, "UNAUTHORIZED_ACCESS", "This request is not properly authenticated")


def _error(status: int, code: str, message: str) -> Ruled:
    body: Object = {"errors": [{"code": code, "message": message}], "request": {"params": {}}}
    return Ruled(status=status, body=body, code=code)
