"""GA4's Measurement Protocol: it answers 204 to everything, and only the validation server says what it thought.

Hits of GA4's own tag come by another path and are judged in `ga4_hit.py`.

Source: developers.google.com/analytics, Measurement Protocol for GA4 (reference, sending and validating events,
limits), read 2026-11-22. What is wrong is dropped without a word: here it is listed beside the call, with the code
the validation server would have given. The keys of `user_data`, `device` and `user_location` are those of public
senders.
Never enters: an HTTP handler.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from gateway.sandbox import checks, ga4_hit
from gateway.sandbox.call import Accepted, Asked, Findings, Object, Route, Ruled, as_list, as_object
from gateway.sandbox.checks import Digest
from gateway.sandbox.terms import Terms

MAX_EVENTS: Final = 25
MAX_PARAMS: Final = 25
MAX_BODY_BYTES: Final = 130_000
DEDUP_S: Final = ga4_hit.DEDUP_S
_MAX_ITEMS: Final = 200
_BACK_S: Final = 72 * 3600

_INVALID, _REQUIRED, _BOUNDS = "VALUE_INVALID", "VALUE_REQUIRED", "VALUE_OUT_OF_BOUNDS"
_NAME_INVALID, _NAME_RESERVED, _EXCEEDED = "NAME_INVALID", "NAME_RESERVED", "EXCEEDED_MAX_ENTITIES"
_TOP: Final = checks.words(
    """client_id app_instance_id user_id timestamp_micros consent user_properties user_location device user_agent
    ip_override user_data non_personalized_ads validation_behavior events"""
)
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
_PROPERTY: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,23}")
_PREFIXES: Final = ("_", "ga_", "google_", "firebase_")
_RESERVED: Final = checks.words(
    """session_start first_visit first_open user_engagement in_app_purchase app_remove app_update app_exception
    app_clear_data os_update error"""
)
_MEASUREMENT: Final = re.compile(r"G-[A-Z0-9]{1,20}")
# Characters a parameter may have; the three of a page have more room than others.
_LONGEST: Final = {"page_location": 1_000, "page_referrer": 420, "page_title": 300}
_MAX_VALUE_CHARS: Final = 100
_MAX_PROPERTY_CHARS: Final = 36
_GRANTS: Final = frozenset({"GRANTED", "DENIED"})
_HASHED: Final = checks.words(
    "sha256_email_address sha256_phone_number sha256_first_name sha256_last_name sha256_street"
)
_ADDRESS: Final = checks.words("sha256_first_name sha256_last_name sha256_street city region postal_code country")


class GA4:
    """Answer as www.google-analytics.com answers the Measurement Protocol."""

    name = "ga4"

    def __init__(self, terms: Terms) -> None:
        self._terms = terms

    def routes(self) -> tuple[Route, ...]:
        """Name the paths, below the platform's own prefix."""
        return (
            Route(method="POST", path="/mp/collect", at="events", judge=self.judge),
            Route(method="POST", path="/debug/mp/collect", at="debug", judge=self._validate),
            Route(method="POST", path="/g/collect", at="hits", judge=self._relayed),
        )

    def judge(self, asked: Asked) -> Ruled:
        """Take in what is right of one hit and say nothing of the rest."""
        notes = Findings()
        account = self._account(asked, notes)
        if asked.query.get("api_secret") not in self._terms.ga4_secrets:
            notes.refuse(None, "api_secret", "not a secret of this property", _INVALID)
        rows = _judge_hit(asked, notes)
        lost = {one.row for one in notes.refusals()}
        hit = as_object(asked.body) or {}
        shared = {key: value for key, value in hit.items() if key != "events"}
        taken = [
            _accepted(account, {**shared, **event})
            for row, value in enumerate(rows)
            if (event := as_object(value)) is not None and row not in lost and None not in lost
        ]
        return replace(_silence(), count=len(rows), accepted=tuple(taken), findings=tuple(notes.found))

    def _relayed(self, asked: Asked) -> Ruled:
        """Take in hits of the tag and say nothing."""
        notes = Findings()
        count, taken = ga4_hit.judge(asked, self._terms.ga4_measurements, notes)
        return replace(_silence(), count=count, accepted=taken, findings=tuple(notes.found))

    def lost(self, asked: Asked) -> Ruled:
        """Answer a path the platform does not have."""
        return Ruled(status=404, body=None, code="404")

    def failed(self, status: int, at: str) -> Ruled:
        """Answer as the platform does when it fails with this status: without a body."""
        return Ruled(status=status, body=None, code=f"http {status}")

    def throttled(self) -> Ruled:
        """Answer as the platform does when it is asked too often."""
        return Ruled(status=429, body=None, code="429")

    def expired(self, at: str) -> Ruled:
        """Answer as the platform does when the secret's life is over: as if nothing were wrong."""
        return _silence()

    def refused(self) -> Ruled:
        """Drop a whole hit, as if nothing were wrong."""
        return _silence()

    def partial(self, ruled: Ruled) -> Ruled | None:
        """Drop the last event, as if nothing were wrong."""
        return replace(ruled, accepted=ruled.accepted[:-1])

    def _account(self, asked: Asked, notes: Findings) -> str:
        account = asked.query.get("measurement_id", "")
        if asked.query.get("firebase_app_id"):
            return asked.query["firebase_app_id"]
        if not _MEASUREMENT.fullmatch(account):
            notes.refuse(None, "measurement_id", "G- and capitals are expected", _REQUIRED)
        elif self._terms.ga4_measurements and account not in self._terms.ga4_measurements:
            notes.refuse(None, "measurement_id", "no such data stream", _INVALID)
        return account

    def _validate(self, asked: Asked) -> Ruled:
        """Say what is wrong with one hit; the validation server records nothing and asks for no secret."""
        notes = Findings()
        self._account(asked, notes)
        rows = _judge_hit(asked, notes)
        told = [
            {
                "fieldPath": one.field if one.row is None else f"events[{one.row}].{one.field}",
                "description": one.why,
                "validationCode": one.code or _INVALID,
            }
            for one in notes.refusals()
        ]
        body: Object = {"validationMessages": told}
        return Ruled(status=200, body=body, code="200", count=len(rows), findings=tuple(notes.found))


def _silence() -> Ruled:
    return Ruled(status=204, body=None, code="204")


def _judge_hit(asked: Asked, notes: Findings) -> list[object]:
    """Judge one body and give its events."""
    hit = as_object(asked.body)
    if asked.unreadable is not None or hit is None:
        notes.refuse(None, "body", asked.unreadable or "a JSON object is expected", _INVALID)
        return []
    if len(asked.raw) > MAX_BODY_BYTES:
        notes.refuse(None, "body", "larger than 130 kB", _BOUNDS)
    for key in sorted(hit.keys() - _TOP):
        notes.refuse(None, key, "unknown field", _NAME_INVALID)
    client = "app_instance_id" if asked.query.get("firebase_app_id") else "client_id"
    if not checks.is_text(hit.get(client)):
        notes.refuse(None, client, "required", _REQUIRED)
    if "user_id" in hit and not checks.is_text(hit["user_id"]):
        notes.refuse(None, "user_id", "text is expected", _INVALID)
    if "ip_override" in hit and not checks.is_address(hit["ip_override"]):
        notes.refuse(None, "ip_override", "one IPv4 or IPv6 address is expected", _INVALID)
    _judge_time(hit, asked.at_s, notes)
    _judge_consent(hit.get("consent", {}), notes)
    _judge_user(hit.get("user_data", {}), notes)
    _judge_properties(hit.get("user_properties", {}), notes)
    rows = as_list(hit.get("events")) or []
    if not rows:
        notes.refuse(None, "events", "required", _REQUIRED)
    elif len(rows) > MAX_EVENTS:
        notes.refuse(None, "events", f"more than {MAX_EVENTS}", _EXCEEDED)
    for row, event in enumerate(rows):
        _judge_event(event, row, notes)
    for where in checks.readable_emails(hit):
        notes.violate(None, where, "a readable e-mail address", refuses=False)
    return rows


def _judge_time(hit: Object, now_s: float, notes: Findings) -> None:
    told = hit.get("timestamp_micros")
    if told is None:
        return
    if not (checks.is_int(told) or (isinstance(told, str) and told.isascii() and told.isdigit())):
        notes.refuse(None, "timestamp_micros", "whole microseconds are expected", _INVALID)
        return
    at_s = int(str(told)) / 1_000_000
    if at_s < checks.MAX_SECONDS / 1_000:
        notes.refuse(None, "timestamp_micros", "microseconds are expected; these are seconds or milliseconds", _INVALID)
    elif now_s - at_s > _BACK_S:
        # Dated 72 hours back by default; refused only by who asks for it.
        enforced = hit.get("validation_behavior") == "ENFORCE_RECOMMENDATIONS"
        if enforced:
            notes.refuse(None, "timestamp_micros", "more than 72 hours ago", _BOUNDS)
        else:
            notes.warn(None, "timestamp_micros", "more than 72 hours ago: dated 72 hours back")


def _judge_consent(value: object, notes: Findings) -> None:
    consent = as_object(value)
    if consent is None or consent.keys() - {"ad_user_data", "ad_personalization"}:
        notes.refuse(None, "consent", "ad_user_data and ad_personalization are expected", _INVALID)
        return
    for key, told in consent.items():
        if not checks.is_one_of(told, _GRANTS):
            notes.refuse(None, f"consent.{key}", "GRANTED or DENIED is expected", _INVALID)


def _judge_user(value: object, notes: Findings) -> None:
    user = as_object(value)
    if user is None or user.keys() - {"sha256_email_address", "sha256_phone_number", "address"}:
        notes.refuse(None, "user_data", "sha256_email_address, sha256_phone_number, address are expected", _INVALID)
        return
    for where, key, told in _parts(user):
        if key in _HASHED:
            seen = checks.digest(told)
            if seen is not Digest.GOOD:
                notes.violate(None, where, seen.value, _INVALID)
        elif key not in _ADDRESS or not checks.is_text(told):
            notes.refuse(None, where, "text under a known name is expected", _INVALID)
        elif checks.is_digest(told):
            notes.violate(None, where, "a digest where clear text belongs", _INVALID)


def _parts(user: Object) -> Iterator[tuple[str, str, object]]:
    """Walk every single value of `user_data`, lists and addresses taken apart."""
    for key, value in user.items():
        many = as_list(value)
        for one in [value] if many is None else many or [None]:
            address = as_object(one) if key == "address" else None
            if address is None:
                yield f"user_data.{key}", key, one
            else:
                for part, told in address.items():
                    yield f"user_data.address.{part}", part, told


def _judge_properties(value: object, notes: Findings) -> None:
    properties = as_object(value)
    if properties is None:
        notes.refuse(None, "user_properties", "an object is expected", _INVALID)
        return
    if len(properties) > MAX_PARAMS:
        notes.refuse(None, "user_properties", f"more than {MAX_PARAMS}", _EXCEEDED)
    for key, held in properties.items():
        where, told = f"user_properties.{key}", (as_object(held) or {}).get("value")
        _judge_name(key, _PROPERTY, None, where, notes)
        if not isinstance(told, str | int | float) or len(str(told)) > _MAX_PROPERTY_CHARS:
            notes.refuse(None, where, f"a value of at most {_MAX_PROPERTY_CHARS} characters is expected", _INVALID)


def _judge_name(name: object, pattern: re.Pattern[str], row: int | None, where: str, notes: Findings) -> None:
    if isinstance(name, str) and name.startswith(_PREFIXES):
        notes.refuse(row, where, "begins with a reserved prefix", _NAME_RESERVED)
    elif not isinstance(name, str) or not pattern.fullmatch(name):
        notes.refuse(row, where, "a letter, then letters, digits and underscores are expected", _NAME_INVALID)


def _judge_event(value: object, row: int, notes: Findings) -> None:
    event = as_object(value)
    if event is None:
        notes.refuse(row, "event", "an object is expected", _INVALID)
        return
    for key in sorted(event.keys() - {"name", "params"}):
        notes.refuse(row, key, "unknown field", _NAME_INVALID)
    name = event.get("name")
    _judge_name(name, _NAME, row, "name", notes)
    if checks.is_one_of(name, _RESERVED):
        notes.refuse(row, "name", "a reserved event", _NAME_RESERVED)
    params = as_object(event.get("params", {}))
    if params is None:
        notes.refuse(row, "params", "an object is expected", _INVALID)
        return
    if len(params) > MAX_PARAMS:
        notes.refuse(row, "params", f"more than {MAX_PARAMS}", _EXCEEDED)
    for key in ("session_id", "engagement_time_msec"):
        if key not in params:
            notes.warn(row, f"params.{key}", "without it the event belongs to no session in reports")
    for key, told in params.items():
        if key == "items":
            _judge_items(told, row, notes)
            continue
        _judge_name(key, _NAME, row, f"params.{key}", notes)
        if not isinstance(told, str | int | float):
            notes.refuse(row, f"params.{key}", "text or a number is expected", _INVALID)
        elif isinstance(told, str) and len(told) > _LONGEST.get(key, _MAX_VALUE_CHARS):
            notes.refuse(row, f"params.{key}", "too long", _BOUNDS)
    _judge_money(params, name, row, notes)


def _judge_money(params: Object, name: object, row: int, notes: Findings) -> None:
    if "value" in params and not checks.is_number(params["value"]):
        notes.refuse(row, "params.value", "a number is expected", _INVALID)
    if "currency" in params and not checks.is_currency(params["currency"]):
        notes.refuse(row, "params.currency", "an ISO 4217 code is expected", _INVALID)
    elif "value" in params and "currency" not in params:
        notes.refuse(row, "params.currency", "required beside a value", _REQUIRED)
    if name in ("purchase", "refund") and not checks.is_text(params.get("transaction_id")):
        notes.refuse(row, "params.transaction_id", "required", _REQUIRED)


def _judge_items(value: object, row: int, notes: Findings) -> None:
    items = as_list(value)
    if items is None or len(items) > _MAX_ITEMS:
        notes.refuse(row, "params.items", f"a list of at most {_MAX_ITEMS} is expected", _EXCEEDED)
        return
    for place, one in enumerate(items):
        where, item = f"params.items[{place}]", as_object(one)
        if item is None or not (checks.is_text(item.get("item_id")) or checks.is_text(item.get("item_name"))):
            notes.refuse(row, where, "item_id or item_name is required", _REQUIRED)
            continue
        for key in ("price", "quantity"):
            if key in item and not checks.is_number(item[key]):
                notes.refuse(row, f"{where}.{key}", "a number is expected", _INVALID)


def _accepted(account: str, payload: Object) -> Accepted:
    """Keep an event beside what its hit says for all. Only the purchase is ever recognised again, by its order."""
    name, params = str(payload["name"]), as_object(payload.get("params")) or {}
    order = params.get("transaction_id")
    event_id = params.get("event_id", order)
    return Accepted(
        account=account,
        name=name,
        event_id=None if event_id is None else str(event_id),
        payload=payload,
        is_test="debug_mode" in params,
        keys=((f"{account}\n{name}\n{order}", DEDUP_S),) if name == "purchase" and order is not None else (),
    )
