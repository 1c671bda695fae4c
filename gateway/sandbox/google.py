"""Google's Data Manager API and its token endpoint: one bad event refuses the request, the rest is told later.

Source: developers.google.com/data-manager/api/reference/rest/v1 (events.ingest, requestStatus.retrieve) and
…/devguides/concepts/errors, read 2026-11-22.
Never enters: an HTTP handler.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Final

from gateway.sandbox import checks, google_errors
from gateway.sandbox.call import (
    Accepted,
    Asked,
    Finding,
    Findings,
    Object,
    OnRepeat,
    Route,
    Ruled,
    as_list,
    as_object,
)
from gateway.sandbox.google_event import Aim, judge_event, late_reason, warnings
from gateway.sandbox.google_fields import parse
from gateway.sandbox.google_status import Late, Quota, Statuses
from gateway.sandbox.google_token import SCOPE, DemoKey, Tokens, judge_token
from gateway.sandbox.terms import Terms

MAX_EVENTS: Final = 2_000
_MAX_DESTINATIONS: Final = 10
_FOREVER_S: Final = float("inf")
_MEASUREMENT = re.compile(r"G-[A-Z0-9]+")
_STATUS_WORDS: Final = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 409: "ABORTED",
    429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED",
}  # fmt: skip


class Google:
    """Answer as datamanager.googleapis.com and oauth2.googleapis.com answer."""

    name = "google"

    def __init__(self, terms: Terms) -> None:
        self.key = DemoKey()
        self._terms = terms
        self._tokens = Tokens()
        self._statuses = Statuses(terms.google_processing_s)
        self._writes, self._reads = Quota(), Quota()
        self._modes: dict[str, str] = {
            **dict.fromkeys(terms.google_online, "online"), **dict.fromkeys(terms.google_offline, "offline"),
        }  # fmt: skip

    def routes(self) -> tuple[Route, ...]:
        """Name the paths, below the platform's own prefix."""
        return (
            Route(method="POST", path="/token", at="token", judge=self._token),
            Route(method="POST", path="/v1/events:ingest", at="events", judge=self.judge),
            Route(method="GET", path="/v1/requestStatus:retrieve", at="status", judge=self._status),
        )

    def set_modes(self, modes: Mapping[str, str]) -> None:
        """Say which conversion actions are website actions (online) and which are imported (offline)."""
        self._modes = dict(modes)

    def judge(self, asked: Asked) -> Ruled:
        """Rule on one POST of events."""
        early = self._authorised(asked) or self._spent(self._writes, asked)
        if early is not None:
            return early
        told, notes = as_object(asked.body), Findings()
        if asked.unreadable is not None or told is None:
            notes.refuse(None, "", asked.unreadable or "a JSON object is expected", "JSON")
            return _refusal(notes, 0)
        body = parse(told, notes)
        events = [as_object(one) or {} for one in as_list(body.get("events")) or []]
        if notes.refusals():
            return _refusal(notes, len(events))
        aims = self._aims(body, notes)
        self._judge_all(body, events, aims, asked.at_s, notes)
        for where in checks.readable_emails(events, "events.events"):
            notes.violate(None, where, "a readable e-mail address", refuses=False)
        if notes.refusals():
            return _refusal(notes, len(events))
        return self._taken(body, events, aims, asked.at_s, notes)

    def lost(self, asked: Asked) -> Ruled:
        """Answer a path the platform does not have."""
        return _error(404, "The address is not known", "NOT_FOUND")

    def failed(self, status: int, at: str) -> Ruled:
        """Answer as the platform does when it fails with this status."""
        if at == "token":
            word = "internal_failure" if status >= 500 else "invalid_request"
            return Ruled(status=status, body={"error": word}, code=word)
        if status < 300:
            return Ruled(status=status, body={}, code=f"http {status}")
        return _error(status, "The request could not be served", _STATUS_WORDS.get(status, "UNKNOWN"))

    def throttled(self) -> Ruled:
        """Answer as the platform does when it is asked too often."""
        limit = {"service": "datamanager.googleapis.com", "quota_limit": "IngestionRequestsPerMinutePerProject"}
        return _error(429, "Quota exceeded", "RATE_LIMIT_EXCEEDED", metadata=limit)

    def expired(self, at: str) -> Ruled:
        """Answer as the platform does when the token's life is over, and end every token that was handed out."""
        if at == "token":
            why = {"error": "invalid_grant", "error_description": "the grant has expired or was revoked"}
            return Ruled(status=400, body=why, code="invalid_grant")
        self._tokens.revoke()
        return _error(401, "The access token has expired", "ACCESS_TOKEN_EXPIRED")

    def refused(self) -> Ruled:
        """Refuse a whole batch without naming the event that spoilt it."""
        return _error(400, "There was a problem with the request", "INVALID_ARGUMENT")

    def errors(self) -> tuple[str, ...]:
        """Name the reasons that can be asked for."""
        return google_errors.CODES

    def error(self, code: str, row: int | None) -> Ruled:
        """Answer with one reason, pointing where the platform points."""
        if code in google_errors.WHOLE:
            return _error(google_errors.WHOLE[code], "The request could not be served", code)
        notes = Findings()
        if code in google_errors.DESTINATION:
            notes.refuse(None, f"destinations[0].{google_errors.DESTINATION[code]}", "as scripted", code)
        elif row is not None:
            notes.refuse(row, google_errors.EVENT[code], "as scripted", code)
        else:
            return _error(400, "There was a problem with the request", "INVALID_ARGUMENT")
        return _refusal(notes, 0)

    def partial(self, ruled: Ruled) -> Ruled | None:
        """Tell that there is none: what fails singly is told by the request's status."""
        return None

    def _token(self, asked: Asked) -> Ruled:
        return judge_token(asked, self._terms, self.key, self._tokens)

    def _authorised(self, asked: Asked) -> Ruled | None:
        scope = self._tokens.scope(asked.bearer(), asked.at_s)
        if scope is None:
            reason = "ACCESS_TOKEN_EXPIRED" if asked.bearer() else "CREDENTIALS_MISSING"
            return _error(401, "A valid access token is required", reason)
        if SCOPE not in scope.split():
            return _error(403, "The token was not made for this service", "ACCESS_TOKEN_SCOPE_INSUFFICIENT")
        return None

    def _aims(self, body: Object, notes: Findings) -> dict[str, tuple[Aim, Object]]:
        places = [as_object(one) or {} for one in as_list(body.get("destinations")) or []]
        if not places:
            notes.refuse(None, "destinations", "required", "REQUIRED_FIELD_MISSING")
        if len(places) > _MAX_DESTINATIONS:
            notes.refuse(None, "destinations", f"at most {_MAX_DESTINATIONS}", "TOO_MANY_DESTINATIONS")
        aims: dict[str, tuple[Aim, Object]] = {}
        for number, place in enumerate(places):
            where, reference = f"destinations[{number}]", str(place.get("reference", f"#{number}"))
            account, action = as_object(place.get("operatingAccount")), place.get("productDestinationId")
            if account is None or "accountType" not in account:
                notes.refuse(None, f"{where}.operating_account", "required", "REQUIRED_FIELD_MISSING")
                continue
            for key in ("operatingAccount", "loginAccount", "linkedAccount"):
                told = as_object(place.get(key))
                if told is not None and not _is_number(told.get("accountId")):
                    notes.refuse(None, f"{where}.{key}.account_id", "digits are expected", "INVALID_NUMBER_FORMAT")
            kind = str(account["accountType"])
            is_analytics = kind == "GOOGLE_ANALYTICS_PROPERTY"
            fits = _MEASUREMENT.fullmatch(str(action)) is not None if is_analytics else _is_number(action)
            if not fits:
                code = "INVALID_DESTINATION" if is_analytics else "INVALID_CONVERSION_ACTION_ID"
                notes.refuse(None, f"{where}.product_destination_id", "the action's number is expected", code)
            if reference in aims:
                notes.refuse(None, f"{where}.reference", "said twice", "DUPLICATE_DESTINATION_REFERENCE")
            aims[reference] = (Aim(action=str(action), account_type=kind, mode=self._modes.get(str(action))), place)
        return aims

    def _judge_all(
        self, body: Object, events: list[Object], aims: dict[str, tuple[Aim, Object]], now_s: float, notes: Findings
    ) -> None:
        if not 1 <= len(events) <= MAX_EVENTS:
            code = "TOO_MANY_EVENTS" if events else "REQUIRED_FIELD_MISSING"
            notes.refuse(None, "events", f"1 to {MAX_EVENTS} events are expected", code)
        encoding = body.get("encoding")
        if encoding is None and any("userData" in event for event in events):
            notes.refuse(None, "encoding", "required beside user data", "REQUIRED_FIELD_MISSING")
        for row, event in enumerate(events):
            for name in as_list(event.get("destinationReferences")) or []:
                if name not in aims:
                    notes.refuse(row, "destination_references", "no such destination", "INVALID_DESTINATION")
            chosen = tuple(aim for aim, _ in _aimed(event, aims))
            if sum(aim.is_analytics for aim in chosen) > 1:
                code = "MULTIPLE_DESTINATIONS_FOR_GOOGLE_ANALYTICS_EVENT"
                notes.refuse(row, "destination_references", "one property at most", code)
            judge_event(event, row, chosen, str(encoding) if encoding else None, now_s, notes)

    def _taken(
        self, body: Object, events: list[Object], aims: dict[str, tuple[Aim, Object]], now_s: float, notes: Findings
    ) -> Ruled:
        request_id = str(uuid.uuid4())
        told: Object = {"requestId": request_id}
        warned = [one for row, event in enumerate(events) for one in warnings(event, row)]
        if warned:
            told["fieldWarnings"] = warned
        ruled = Ruled(status=200, body=told, code="ok", count=len(events), findings=tuple(notes.found))
        if body.get("validateOnly") is True:
            return replace(ruled, code="validated")
        accepted: list[Accepted] = []
        late: list[Late] = []
        for row, event in enumerate(events):
            consent = {**(as_object(body.get("consent")) or {}), **(as_object(event.get("consent")) or {})}
            for aim, place in _aimed(event, aims):
                reason = late_reason(event, aim, now_s, consent, self._terms.google_clicks)
                late.append(Late(place, row, reason))
                if reason is None:
                    accepted.append(_accepted(event, aim))
        keep = partial(self._statuses.keep, request_id, tuple(late), now_s)
        return replace(ruled, accepted=tuple(accepted), after=keep)

    def _status(self, asked: Asked) -> Ruled:
        early = self._authorised(asked) or self._spent(self._reads, asked)
        if early is not None:
            return early
        told = self._statuses.told(asked.query.get("requestId", ""), asked.at_s)
        if isinstance(told, str):
            return _error(400, "The request cannot be told of", told)
        return Ruled(status=200, body=told, code="ok")

    def _spent(self, quota: Quota, asked: Asked) -> Ruled | None:
        return self.throttled() if quota.spent(asked.at_s) else None


def _aimed(event: Object, aims: dict[str, tuple[Aim, Object]]) -> list[tuple[Aim, Object]]:
    names = as_list(event.get("destinationReferences"))
    return list(aims.values()) if not names else [aims[str(name)] for name in names if name in aims]


def _accepted(event: Object, aim: Aim) -> Accepted:
    transaction = event.get("transactionId")
    known = isinstance(transaction, str) and transaction != ""
    name = str(event.get("eventName", ""))
    return Accepted(
        account=aim.action,
        name=name,
        event_id=str(transaction) if known else None,
        payload=event,
        keys=((f"{aim.action}\n{name}\n{transaction}", _FOREVER_S),) if known else (),
        on_repeat=OnRepeat.RESTATE,
    )


def _refusal(notes: Findings, count: int) -> Ruled:
    found = notes.refusals()
    request_id = str(uuid.uuid4())
    if found[0].code == "JSON":
        breaches: list[object] = [{"field": one.field, "description": one.why} for one in found if one.code == "JSON"]
        message, details = f"Invalid JSON payload received: {found[0].line()}", []
    else:
        breaches = [{"field": _path(one), "description": one.why, "reason": one.code} for one in found]
        message, details = (
            "There was a problem with the request.",
            [_info("INVALID_ARGUMENT", {"requestId": request_id})],
        )
    details.append({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": breaches})
    details.append({"@type": "type.googleapis.com/google.rpc.RequestInfo", "requestId": request_id})
    error = {"code": 400, "message": message, "status": "INVALID_ARGUMENT", "details": details}
    code = ",".join(sorted({one.code for one in found}))
    return Ruled(status=400, body={"error": error}, code=code, count=count, findings=tuple(notes.found))


def _path(one: Finding) -> str:
    return one.field if one.row is None else f"events.events[{one.row}].{one.field}"


def _error(status: int, message: str, reason: str, *, metadata: Mapping[str, str] | None = None) -> Ruled:
    error: Object = {
        "code": status, "message": message, "status": _STATUS_WORDS.get(status, "UNKNOWN"),
        "details": [_info(reason, metadata or {})],
    }  # fmt: skip
    return Ruled(status=status, body={"error": error}, code=reason)


def _info(reason: str, metadata: Mapping[str, str]) -> Object:
    return {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason,
        "domain": "datamanager.googleapis.com", "metadata": dict(metadata),
    }  # fmt: skip


def _is_number(value: object) -> bool:
    return isinstance(value, str) and value.isdecimal() and value.isascii()
