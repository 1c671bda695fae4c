"""LinkedIn's Conversions API: one event, or a batch that stands or falls together.

Source: learn.microsoft.com, LinkedIn Conversions API (streaming conversion events, deduplication, versioning), read
2026-11-22. A refused batch is a 422 that names the place inside its message alone. What a batch is answered with when
all is well follows the Rest.li protocol: 200 with a status for each element.
Never enters: an HTTP handler.
"""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import Final

from gateway.sandbox import checks
from gateway.sandbox.call import Accepted, Asked, Findings, Object, Route, Ruled, as_list, as_object
from gateway.sandbox.checks import Digest
from gateway.sandbox.terms import Terms

MAX_EVENTS: Final = 5_000
AGE_S: Final = 90 * 86_400
# No window is published: as long as an event may be told at all.
DEDUP_S: Final = AGE_S
# A version is closed about a year after its month.
_MAX_VERSION_MONTHS: Final = 12
_RULE: Final = re.compile(r"urn:lla:llaPartnerConversion:([0-9]+)")
_VERSION: Final = re.compile(r"(20[0-9]{2})(0[1-9]|1[0-2])")
_EVENT: Final = checks.words("conversion conversionHappenedAt conversionValue eventId user")
_ID_TYPES: Final = checks.words(
    """SHA256_EMAIL LINKEDIN_FIRST_PARTY_ADS_TRACKING_UUID ACXIOM_ID ORACLE_MOAT_ID PLAINTEXT_IP_ADDRESS GOOGLE_AID"""
)
_INFO: Final = checks.words("firstName lastName title companyName countryCode")
_ERRORS: Final = {
    "ILLEGAL_ARGUMENT": (400, "A parameter is not valid"),
    "VERSION_MISSING": (400, "A version must be present. Please specify a version"),
    "EMPTY_ACCESS_TOKEN": (401, "Empty oauth2 access token"),
    "INVALID_ACCESS_TOKEN": (401, "Invalid access token"),
    "EXPIRED_ACCESS_TOKEN": (401, "The token used in the request has expired"),
    "REVOKED_ACCESS_TOKEN": (401, "The token used in the request has been revoked by the user"),
    "ACCESS_DENIED": (403, "Not enough permissions to access this resource"),
    "RESOURCE_NOT_FOUND": (404, "No virtual resource found"),
    "UNPROCESSABLE_ENTITY": (422, "The request was refused"),
    "NONEXISTENT_VERSION": (426, "Requested version is not active"),
    "TOO_MANY_REQUESTS": (429, "Resource level throttle limit for calls to this resource is reached"),
    "INTERNAL_SERVER_ERROR": (500, "Internal server error"),
    "GATEWAY_TIMEOUT": (504, "The request took too long"),
}
_AMOUNT: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,6})?")


class LinkedIn:
    """Answer as api.linkedin.com answers conversion events."""

    name = "linkedin"

    def __init__(self, terms: Terms) -> None:
        self._terms = terms

    def routes(self) -> tuple[Route, ...]:
        """Name the paths, below the platform's own prefix."""
        return (
            Route(method="POST", path="/rest/conversionEvents", at="events", judge=self.judge),
            Route(method="GET", path="/rest/conversions", at="rules", judge=self._rules),
        )

    def judge(self, asked: Asked) -> Ruled:
        """Rule on one event, or on one batch of them."""
        notes = Findings()
        for key in asked.query:
            if "token" in key.lower():
                notes.violate(None, key, "a token in a URL; the header takes it", refuses=False)
        refused = self._at_the_gate(asked)
        if refused is not None:
            return replace(refused, findings=tuple(notes.found))
        body = as_object(asked.body)
        if asked.unreadable is not None or body is None:
            notes.refuse(None, "body", asked.unreadable or "a JSON object is expected")
            return replace(_error(400, "ILLEGAL_ARGUMENT", "Unreadable body"), findings=tuple(notes.found))
        is_batch = asked.headers.get("X-RestLi-Method", "").upper() == "BATCH_CREATE"
        rows = (as_list(body.get("elements")) or []) if is_batch else [body]
        if is_batch and (not 1 <= len(rows) <= MAX_EVENTS or body.keys() != {"elements"}):
            notes.refuse(None, "elements", f"1 to {MAX_EVENTS} events, and nothing beside them, are expected")
        for row, event in enumerate(rows):
            _judge_event(event, row, asked.at_s, self._terms.linkedin_rules, notes)
        for where in checks.readable_emails(rows, "elements"):
            notes.violate(None, where, "a readable e-mail address", refuses=False)
        if notes.refusals():
            return _refusal(notes, len(rows))
        answer: Object | None = {"elements": [{"status": 201}] * len(rows)} if is_batch else None
        return Ruled(
            status=200 if is_batch else 201,
            body=answer,
            code="CREATED",
            count=len(rows),
            accepted=tuple(_accepted(event) for row in rows if (event := as_object(row)) is not None),
            findings=tuple(notes.found),
        )

    def lost(self, asked: Asked) -> Ruled:
        """Answer a path the platform does not have."""
        return _error(404, "RESOURCE_NOT_FOUND", "No virtual resource found")

    def failed(self, status: int, at: str) -> Ruled:
        """Answer as the platform does when it fails with this status."""
        if status < 300:
            return Ruled(status=status, body={}, code=f"http {status}")
        return _error(status, "INTERNAL_SERVER_ERROR" if status >= 500 else "BAD_REQUEST", "Not served")

    def throttled(self) -> Ruled:
        """Answer as the platform does when it is asked too often."""
        return _error(429, "TOO_MANY_REQUESTS", "Resource level throttle limit for calls to this resource is reached")

    def expired(self, at: str) -> Ruled:
        """Answer as the platform does when the token's life is over."""
        return _error(401, "EXPIRED_ACCESS_TOKEN", "The token used in the request has expired")

    def refused(self) -> Ruled:
        """Refuse a whole batch without naming the event that spoilt it."""
        return _error(422, "UNPROCESSABLE_ENTITY", "The request was refused")

    def errors(self) -> tuple[str, ...]:
        """Name the rows of the error table."""
        return tuple(_ERRORS)

    def error(self, code: str, row: int | None) -> Ruled:
        """Answer with one row of the table; a refused event's place stands in the message and nowhere else."""
        status, message = _ERRORS[code]
        place = f"ERROR :: /elements/{row}/conversionValue :: " if row is not None and status in (400, 422) else ""
        return _error(status, code, place + message)

    def partial(self, ruled: Ruled) -> Ruled | None:
        """Tell that there is none: a batch stands or falls together."""
        return None

    def _rules(self, asked: Asked) -> Ruled:
        """List the rules of an account, as far as the sandbox was told of any."""
        refused = self._at_the_gate(asked)
        if refused is not None:
            return refused
        if asked.query.get("q") != "account" or not asked.query.get("account", "").startswith(
            "urn:li:sponsoredAccount:"
        ):
            return _error(400, "ILLEGAL_ARGUMENT", "q and account are expected")
        told: list[Object] = [
            {"id": int(rule), "conversionMethod": "CONVERSIONS_API", "enabled": True, "type": "LEAD"}
            for rule in sorted(self._terms.linkedin_rules)
        ]
        return Ruled(status=200, body={"elements": told, "paging": {"start": 0, "count": len(told)}}, code="OK")

    def _at_the_gate(self, asked: Asked) -> Ruled | None:
        """Ask for the token and the two versions, in that order."""
        token = asked.bearer()
        if token not in self._terms.linkedin_tokens:
            code = "REVOKED_ACCESS_TOKEN" if token else "EMPTY_ACCESS_TOKEN"
            return _error(401, code, "The token used in the request is not good")
        if asked.headers.get("X-Restli-Protocol-Version") != "2.0.0":
            return _error(400, "ILLEGAL_ARGUMENT", "X-Restli-Protocol-Version 2.0.0 is expected")
        told = asked.headers.get("LinkedIn-Version", "")
        version = _VERSION.fullmatch(told)
        if not told:
            return _error(400, "VERSION_MISSING", "A version must be present. Please specify a version")
        now = time.gmtime(asked.at_s)
        months = (now.tm_year - int(version[1])) * 12 + now.tm_mon - int(version[2]) if version else -1
        if not 0 <= months <= _MAX_VERSION_MONTHS:
            return _error(426, "NONEXISTENT_VERSION", "Requested version is not active")
        return None


def _judge_event(value: object, row: int, now_s: float, rules: frozenset[str], notes: Findings) -> None:
    event = as_object(value)
    if event is None:
        notes.refuse(row, "event", "an object is expected")
        return
    for key in sorted(event.keys() - _EVENT):
        notes.refuse(row, key, "unrecognized field")
    told = event.get("conversion")
    rule = _RULE.fullmatch(told) if isinstance(told, str) else None
    if rule is None or (rules and rule[1] not in rules):
        notes.refuse(row, "conversion", "the URN of a conversion rule is expected")
    at_ms = event.get("conversionHappenedAt")
    if not isinstance(at_ms, int) or isinstance(at_ms, bool) or at_ms < checks.MAX_SECONDS:
        notes.refuse(row, "conversionHappenedAt", "whole Unix milliseconds are expected")
    elif now_s - at_ms / 1000 > AGE_S:
        notes.refuse(row, "conversionHappenedAt", "older than 90 days")
    if "eventId" in event and not checks.is_text(event["eventId"]):
        notes.refuse(row, "eventId", "text is expected")
    if "conversionValue" in event:
        _judge_value(event["conversionValue"], row, notes)
    user = as_object(event.get("user"))
    if user is None or user.keys() - {"userIds", "userInfo", "externalIds"}:
        notes.refuse(row, "user", "userIds, userInfo and externalIds are expected")
    else:
        _judge_user(user, row, notes)


def _judge_value(value: object, row: int, notes: Findings) -> None:
    told = as_object(value)
    if told is None or told.keys() != {"currencyCode", "amount"}:
        notes.refuse(row, "conversionValue", "currencyCode and amount are expected")
        return
    if not checks.is_currency(told["currencyCode"]):
        notes.refuse(row, "conversionValue/currencyCode", "an ISO 4217 code is expected")
    amount = told["amount"]
    if not isinstance(amount, str) or not _AMOUNT.fullmatch(amount):
        notes.refuse(row, "conversionValue/amount", "a decimal number as text is expected")


def _judge_user(user: Object, row: int, notes: Findings) -> None:
    ids = as_list(user.get("userIds", []))
    for place, one in enumerate([None] if ids is None else ids):
        _judge_id(one, row, f"user/userIds/{place}", notes)
    info = as_object(user.get("userInfo", {}))
    if info is None or info.keys() - _INFO or not all(checks.is_text(told) for told in info.values()):
        notes.refuse(row, "user/userInfo", "texts under known names are expected")
        return
    for key, told in info.items():
        if checks.is_digest(told):
            notes.violate(row, f"user/userInfo/{key}", "a digest where clear text belongs")
    named = {"firstName", "lastName"} & info.keys()
    if len(named) == 1:
        notes.refuse(row, "user/userInfo", "firstName and lastName come together")
    if not ids and len(named) < 2:
        notes.refuse(row, "user", "one userId, or firstName with lastName, is required")
    external = as_list(user.get("externalIds", []))
    if external is None or len(external) > 1 or not all(checks.is_text(one) for one in external):
        notes.refuse(row, "user/externalIds", "a list of one text is expected")


def _judge_id(value: object, row: int, where: str, notes: Findings) -> None:
    told = as_object(value)
    if told is None or told.keys() != {"idType", "idValue"} or not checks.is_one_of(told["idType"], _ID_TYPES):
        notes.refuse(row, where, "a known idType and its idValue are expected")
        return
    kind, text = told["idType"], told["idValue"]
    if kind == "SHA256_EMAIL":
        seen = checks.digest(text)
        if seen is not Digest.GOOD:
            notes.violate(row, f"{where}/idValue", seen.value)
    elif kind == "PLAINTEXT_IP_ADDRESS":
        if not checks.is_address(text):
            notes.refuse(row, f"{where}/idValue", "one IPv4 or IPv6 address is expected")
    elif not checks.is_text(text):
        notes.refuse(row, f"{where}/idValue", "text is expected")
    elif checks.is_digest(text):
        notes.violate(row, f"{where}/idValue", "a digest where clear text belongs")


def _accepted(event: Object) -> Accepted:
    """Keep an event under its rule: there is no other name, and no test."""
    rule, event_id = str(event["conversion"]), event.get("eventId")
    return Accepted(
        account=rule.rpartition(":")[2],
        name=rule,
        event_id=None if event_id is None else str(event_id),
        payload=event,
        keys=((f"{rule}\n{event_id}", DEDUP_S),) if event_id is not None else (),
    )


def _refusal(notes: Findings, count: int) -> Ruled:
    """Refuse the whole call; the place stands in the message and nowhere else."""
    first = notes.refusals()[0]
    where = f"/{first.field}" if first.row is None else f"/elements/{first.row}/{first.field}"
    ruled = _error(422, "UNPROCESSABLE_ENTITY", f"ERROR :: {where} :: {first.why}")
    return replace(ruled, count=count, findings=tuple(notes.found))


def _error(status: int, code: str, message: str) -> Ruled:
    return Ruled(status=status, body={"status": status, "code": code, "message": message}, code=code)
