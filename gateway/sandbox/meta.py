"""Meta's Conversions API as its documents describe it: one breach refuses the whole request.

Source: developers.facebook.com/documentation/ads-commerce/conversions-api (server event, customer information,
custom data, fbc and fbp, deduplication) and the Graph API's error handling page, read 2026-11-22.
Never enters: an HTTP handler.
"""

from __future__ import annotations

import hmac
import math
import re
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import orjson

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
from gateway.sandbox.meta_errors import ERRORS
from gateway.sandbox.meta_event import judge_event
from gateway.sandbox.meta_quality import Taken, Wrong
from gateway.sandbox.terms import Terms

MAX_EVENTS: Final = 1_000
DEDUP_S: Final = 48 * 3600
# v24.0 ended on 2026-10-06, v26.0 is the newest (versions page, 2026-11).
_ALIVE: Final = frozenset({"v25.0", "v26.0"})
_NEWEST: Final = "v26.0"

_TOP: Final = checks.words(
    """data test_event_code partner_agent namespace_id upload_id upload_tag upload_source platforms progress trace
    access_token appsecret_proof appsecret_time"""
)
# Graph translates titles by Accept-Language, so nobody may classify by text.
_TITLES: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "2804001": "Click id malformed", "2804003": "Event too old", "2804009": "Purchase without a value",
        "2804010": "Purchase without a currency", "2804016": "Customer information not hashed",
        "2804050": "Not enough customer information", "": "Parameter not valid",
    },
    "fr": {
        "2804001": "Identifiant de clic mal formé", "2804003": "Événement trop ancien",
        "2804009": "Achat sans valeur", "2804010": "Achat sans devise",
        "2804016": "Information client non hachée", "2804050": "Information client insuffisante",
        "": "Paramètre non valide",
    },
}  # fmt: skip


class Meta:
    """Answer as graph.facebook.com answers calls about a dataset's events."""

    name = "meta"

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._taken = Taken()
        self._hour, self._calls = 0, 0

    def routes(self) -> tuple[Route, ...]:
        """Name the paths, below the platform's own prefix."""
        return (
            Route(method="GET", path="/{version}/debug_token", at="token", judge=self._debug_token),
            Route(method="GET", path="/{version}/dataset_quality", at="quality", judge=self._quality),
            Route(method="POST", path="/{version}/{dataset}/events", at="events", judge=self.judge),
        )

    def judge(self, asked: Asked) -> Ruled:
        """Rule on one POST of events."""
        used = self._used(asked)
        early = _error(400, 80004, "Too many calls", subcode=2446079, is_transient=True) if used > 100 else None
        ruled = early or self._judged(asked)
        return replace(ruled, headers={**ruled.headers, **_warned(asked), **self._usage(asked, used)})

    def _judged(self, asked: Asked) -> Ruled:
        notes = Findings()
        early = _version(asked) or self._token(asked, notes) or self._dataset(asked)
        if early is not None:
            return replace(early, findings=tuple(notes.found))
        body = _body(asked, notes)
        rows = as_list(body.get("data")) if body is not None else None
        if body is None or rows is None:
            notes.refuse(None, "data", "an array of events is expected")
            return _refusal(asked, notes, 0)
        _judge_top(body, rows, notes)
        for row, event in enumerate(rows):
            judge_event(event, row, asked.at_s, notes)
        for where in checks.readable_emails(rows, "data"):
            notes.violate(None, where, "a readable e-mail address", refuses=False)
        if notes.refusals():
            return _refusal(asked, notes, len(rows))
        is_test = bool(body.get("test_event_code"))
        events = tuple(event for row in rows if (event := as_object(row)) is not None)
        accepted = tuple(_accepted(asked.parts["dataset"], event, is_test) for event in events)
        agent = body.get("partner_agent")
        return Ruled(
            status=200,
            body={"events_received": len(events), "messages": [], "fbtrace_id": _trace()},
            code="ok",
            count=len(events),
            accepted=accepted,
            findings=tuple(notes.found),
            after=lambda: self._taken.note(accepted, agent if isinstance(agent, str) else None, asked.at_s),
        )

    def errors(self) -> tuple[str, ...]:
        """Name the rows of Graph's error table."""
        return tuple(ERRORS)

    def error(self, code: str, row: int | None) -> Ruled:
        """Answer with one row of it; Graph names no event."""
        told, (number, _, subcode) = ERRORS[code], code.partition("/")
        return _error(
            told.status,
            int(number),
            told.message,
            subcode=int(subcode) if subcode else None,
            is_transient=told.is_transient,
        )

    def lost(self, asked: Asked) -> Ruled:
        """Answer a path the platform does not have."""
        return _error(400, 2500, "Unknown path components")

    def failed(self, status: int, at: str) -> Ruled:
        """Answer as the platform does when it fails with this status."""
        if status < 300:
            return Ruled(status=status, body={}, code=f"http {status}")
        code = 2 if status >= 500 else 100
        return _error(status, code, "The request could not be served", is_transient=status >= 500)

    def throttled(self) -> Ruled:
        """Answer as the platform does when it is asked too often."""
        # Throttling carries the type OAuthException as well, so the type proves nothing about the token.
        return _error(400, 4, "Request limit reached", subcode=1504022, is_transient=True)

    def expired(self, at: str) -> Ruled:
        """Answer as the platform does when the token's life is over."""
        return _error(401, 190, "The session of this access token has expired", subcode=463)

    def refused(self) -> Ruled:
        """Refuse a whole batch without naming the event that spoilt it."""
        return _error(400, 100, "A parameter is not valid", kind="GraphMethodException")

    def partial(self, ruled: Ruled) -> Ruled | None:
        """Turn a success into the platform's partial one: fewer received than sent, no word which."""
        kept = ruled.accepted[:-1]
        return replace(
            ruled,
            body={"events_received": len(kept), "messages": ["An event was left out."], "fbtrace_id": _trace()},
            code="partial",
            accepted=kept,
        )

    def _token(self, asked: Asked, notes: Findings) -> Ruled | None:
        body = as_object(asked.body) or {}
        if "access_token" in asked.query:
            notes.violate(None, "access_token", "a token in a URL; the header takes it", refuses=False)
        token = asked.bearer() or asked.query.get("access_token") or body.get("access_token")
        if checks.is_one_of(token, self._terms.meta_tokens):
            return self._proof(asked, body, str(token))
        why = "The access token cannot be parsed" if token else "An access token is required"
        return _error(401, 190, why)

    def _proof(self, asked: Asked, body: Object, token: str) -> Ruled | None:
        """Hold the call to the app's secret, where the app demands it and wherever it comes without being asked."""
        told, secret = asked.query.get("appsecret_proof") or body.get("appsecret_proof"), self._terms.meta_app_secret
        if secret is None:
            return None
        # Graph says both with code 100 and no subcode; only its text tells them apart.
        if told is None:
            return _error(400, 100, "API calls from the server require an appsecret_proof argument")
        wanted = hmac.new(secret.encode(), token.encode(), "sha256").hexdigest()
        return None if told == wanted else _error(400, 100, "Invalid appsecret_proof provided in the API argument")

    def _used(self, asked: Asked) -> float:
        """Count a call and say how much of the hour's allowance is used, in per cent; 0 without a limit."""
        if self._terms.meta_hourly_calls is None:
            return 0
        hour = int(asked.at_s // 3_600)
        self._calls = self._calls + 1 if hour == self._hour else 1
        self._hour = hour
        return 100 * self._calls / self._terms.meta_hourly_calls

    def _usage(self, asked: Asked, used: float) -> dict[str, str]:
        """Tell the allowance as Graph does: whole per cent, and minutes until the next hour once it is gone."""
        if self._terms.meta_hourly_calls is None:
            return {}
        minutes = math.ceil((3_600 - asked.at_s % 3_600) / 60) if used >= 100 else 0
        told = {
            "type": "ads_management", "call_count": int(used), "total_cputime": 0, "total_time": 0,
            "estimated_time_to_regain_access": minutes, "ads_api_access_tier": "standard_access",
        }  # fmt: skip
        return {"X-Business-Use-Case-Usage": orjson.dumps({asked.parts["dataset"]: [told]}).decode()}

    def _quality(self, asked: Asked) -> Ruled:
        """Tell the quality of a dataset; the dataset stands in the query, and its path has no such edge."""
        notes = Findings()
        dataset, fields = asked.query.get("dataset_id", ""), asked.query.get("fields", "")
        early = _version(asked) or self._token(asked, notes)
        if early is not None:
            return replace(early, findings=tuple(notes.found))
        if not dataset or not fields:
            return _error(400, 100, "The parameters dataset_id and fields are required")
        if (missing := self._dataset(replace(asked, parts={**asked.parts, "dataset": dataset}))) is not None:
            return missing
        try:
            told = self._taken.told(dataset, asked.query.get("agent_name"), fields)
        except Wrong as wrong:
            return replace(_error(400, 100, f"(#100) {wrong}"), findings=tuple(notes.found))
        return Ruled(status=200, body=told, code="ok", headers=_warned(asked), findings=tuple(notes.found))

    def _dataset(self, asked: Asked) -> Ruled | None:
        dataset, known = asked.parts["dataset"], self._terms.meta_datasets
        if dataset.isdecimal() and dataset.isascii() and (not known or dataset in known):
            return None
        return _error(400, 100, "The object does not exist or this token may not use it", subcode=33)

    def _debug_token(self, asked: Asked) -> Ruled:
        early = _version(asked)
        if early is not None:
            return early
        bearer = asked.bearer() or asked.query.get("access_token")
        if bearer is None or bearer not in self._terms.meta_tokens:
            return _error(401, 190, "The access token cannot be parsed")
        if (unproved := self._proof(asked, {}, bearer)) is not None:
            return unproved
        told = asked.query.get("input_token")
        if not told:
            return _error(400, 100, "The parameter input_token is required")
        if told not in self._terms.meta_tokens:
            wrong = {"code": 190, "message": "The access token cannot be parsed"}
            return Ruled(status=200, body={"data": {"error": wrong, "is_valid": False, "scopes": []}}, code="invalid")
        scope: Object = {"scope": "read_ads_dataset_quality"}
        if self._terms.meta_datasets:
            scope["target_ids"] = sorted(self._terms.meta_datasets)
        data = {
            "type": "SYSTEM_USER", "is_valid": True, "expires_at": 0,
            "scopes": ["read_ads_dataset_quality"], "granular_scopes": [scope],
        }  # fmt: skip
        return Ruled(status=200, body={"data": data}, code="ok", headers=_warned(asked))


def _warned(asked: Asked) -> dict[str, str]:
    """Warn, as Graph does since 2026-07-29, where a newer version answers in place of the one that was asked."""
    version = asked.parts["version"]
    if version not in _ALIVE or version == _NEWEST:
        return {}
    warning = f"The call has been auto-upgraded to {_NEWEST} as {version} will be deprecated."
    return {"X-Ad-Api-Version-Warning": warning}


def _version(asked: Asked) -> Ruled | None:
    version = asked.parts["version"]
    if version in _ALIVE:
        return None
    match = re.fullmatch(r"v(\d{1,3})\.\d", version)
    if match is None or int(match[1]) > int(_NEWEST[1:3]):
        return _error(400, 2500, "Unknown path components")
    return _error(400, 2635, f"This version of the API has ended; the newest is {_NEWEST}")


def _body(asked: Asked, notes: Findings) -> Object | None:
    body = as_object(asked.body)
    if asked.unreadable is not None or body is None:
        notes.refuse(None, "body", asked.unreadable or "a JSON object is expected")
        return None
    data = body.get("data")
    if isinstance(data, str):
        # A form carries the events as JSON text, and Meta's own client encodes each of them once more.
        try:
            rows = as_list(orjson.loads(data)) or []
            events = [orjson.loads(row) if isinstance(row, str) else row for row in rows]
        except orjson.JSONDecodeError:
            notes.refuse(None, "data", "JSON text is expected in a form")
            return None
        return {**body, "data": events}
    return body


def _judge_top(body: Object, rows: list[object], notes: Findings) -> None:
    if not 1 <= len(rows) <= MAX_EVENTS:
        notes.refuse(None, "data", f"1 to {MAX_EVENTS} events are expected")
    for key in body.keys() - _TOP:
        notes.refuse(None, key, "unknown parameter")
    agent = body.get("partner_agent")
    if agent is not None and not (isinstance(agent, str) and len(agent) < 23 and sum(map(str.isalpha, agent)) >= 2):
        notes.refuse(None, "partner_agent", "under 23 characters, two letters at least, are expected")
    if "test_event_code" in body and not checks.is_text(body["test_event_code"]):
        notes.refuse(None, "test_event_code", "text is expected")
    proof = body.get("appsecret_proof")
    if proof is not None and not checks.is_digest(proof):
        notes.refuse(None, "appsecret_proof", "an HMAC in hex is expected")


def _accepted(dataset: str, event: Object, is_test: bool) -> Accepted:
    event_id = event.get("event_id")
    name = str(event.get("event_name"))
    known = isinstance(event_id, str) and event_id != ""
    return Accepted(
        account=dataset,
        name=name,
        event_id=str(event_id) if known else None,
        payload=event,
        is_test=is_test,
        keys=((f"{dataset}\n{name}\n{event_id}", DEDUP_S),) if known else (),
    )


def _refusal(asked: Asked, notes: Findings, count: int) -> Ruled:
    first = notes.refusals()[0]
    language = "fr" if asked.headers.get("Accept-Language", "").lower().startswith("fr") else "en"
    titles = _TITLES[language]
    ruled = _error(
        400,
        100,
        "Invalid parameter",
        subcode=int(first.code) if first.code else None,
        title=titles.get(first.code, titles[""]),
    )
    return replace(ruled, count=count, findings=tuple(notes.found))


def _error(
    status: int,
    code: int,
    message: str,
    *,
    subcode: int | None = None,
    is_transient: bool = False,
    kind: str = "OAuthException",
    title: str | None = None,
) -> Ruled:
    error: Object = {"message": message, "type": kind, "code": code}
    if subcode is not None:
        error["error_subcode"] = subcode
    error["is_transient"] = is_transient
    if title is not None:
        error |= {"error_user_title": title, "error_user_msg": title}
    error["fbtrace_id"] = _trace()
    label = str(code) if subcode is None else f"{code}/{subcode}"
    return Ruled(status=status, body={"error": error}, code=label)


def _trace() -> str:
    return "A" + secrets.token_urlsafe(16)
