"""What the Data Manager API's answers mean for each event of a request.

| answer                                              | ruling                                                       |
|-----------------------------------------------------|--------------------------------------------------------------|
| 200 with a `requestId`                              | ACCEPTED, all                                                |
| 401                                                 | RETRY: the sender drops its token and fetches another        |
| 401, 403 for the account, its rights or the scope   | HALT                                                         |
| 429, RESOURCE_EXHAUSTED                             | THROTTLED                                                    |
| 5xx, ABORTED, INTERNAL, UNAVAILABLE, …              | RETRY                                                        |
| 400 that names events                               | REJECTED for those, SPLIT for the others                     |
| 400 that names the configuration, or no event       | HALT: no event of this request is to blame                   |
| 400 without any violation                           | SPLIT                                                        |
| CONVERSION_ACTION_TOO_RECENTLY_CREATED              | RETRY in 6 hours, all                                        |
| TOO_RECENT_CLICK of an event (told later, as a rule)| RETRY in 6 hours for those, SPLIT for the others             |

The API takes all events of a request or none. So SPLIT beside REJECTED means: known not to be applied, blameless, to be
sent again at once without the rejected ones.

Source: developers.google.com/data-manager/api (concepts/errors, reference/rpc ErrorReason of v1.9), AIP-193 for the
shape of `error`; read 2026-11-22. The list of reasons is open: an unknown one is ruled by where it points.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from adapters.google_data_manager.later import TOO_RECENT, TOO_RECENT_S
from gateway.core.adapter import Response, Ruling, Verdict, by_status

# `events.events[3].user_data…`; the JSON parser in front of the service writes `events[3].userData…`.
_ROW: Final = re.compile(r"(?:events\.)?events\[(\d{1,6})\]")
_CODE: Final = re.compile(r"[A-Z][A-Z0-9_]{1,79}")
_DELAY: Final = re.compile(r"(\d{1,6})(?:\.\d+)?s")

# A person has to change something at Google or in the configuration; no event is to blame.
_CONFIGURATION: Final = frozenset(
    {
        "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
        "ACCOUNT_STATE_INVALID",
        "CONSUMER_INVALID",
        "CONSUMER_SUSPENDED",
        "BILLING_DISABLED",
        "PERMISSION_DENIED",
        "SERVICE_DISABLED",
        "USER_PROJECT_DENIED",
        "DESTINATION_ACCOUNT_DATA_POLICY_PROHIBITS_ENHANCED_CONVERSIONS",
        "DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED",
        "DESTINATION_ACCOUNT_NOT_ENABLED_ENHANCED_CONVERSIONS_FOR_LEADS",
        "DESTINATION_ACCOUNT_TYPE_MISMATCH",
        "DUPLICATE_DESTINATION_REFERENCE",
        "EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED",
        "EVENT_SOURCE_AND_DESTINATION_MISMATCH",
        "INVALID_CONVERSION_ACTION_ID",
        "INVALID_CONVERSION_ACTION_TYPE",
        "INVALID_DESTINATION",
        "INVALID_MERCHANT_FEED_LANGUAGE_CODE",
        "INVALID_MERCHANT_ID",
        "LINKED_ACCOUNT_ONLY_ALLOWED_WITH_DATA_PARTNER_LOGIN_ACCOUNT",
        "MISMATCHED_ACCOUNT_TYPE",
        "NOT_ALLOWLISTED",
        "OPERATING_ACCOUNT_LOGIN_ACCOUNT_MISMATCH",
        "TERMS_AND_CONDITIONS_NOT_SIGNED",
        "UNSUPPORTED_LINKED_ACCOUNT_FOR_DATA_PARTNER",
        "UNSUPPORTED_OPERATING_ACCOUNT_FOR_DATA_PARTNER",
    }
)
# Fewer at once will do.
_TOO_MUCH: Final = frozenset({"TOO_MANY_EVENTS", "TOO_MANY_ELEMENTS"})
_TRANSIENT: Final = frozenset({"ABORTED", "CANCELLED", "DEADLINE_EXCEEDED", "INTERNAL", "UNAVAILABLE", "UNKNOWN"})
_HALTED: Final = frozenset({"FAILED_PRECONDITION", "NOT_FOUND", "PERMISSION_DENIED", "UNIMPLEMENTED"})
_TOO_YOUNG: Final = "CONVERSION_ACTION_TOO_RECENTLY_CREATED"
_TOO_YOUNG_S: Final = 6 * 3600
# A daily quota is back at midnight in California; until then ask once an hour.
_DAILY_QUOTA_S: Final = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class _Violation:
    row: int | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Error:
    """An `error` object as far as it can be believed: its own codes, never its texts."""

    http: int
    status: str
    reasons: tuple[str, ...]
    violations: tuple[_Violation, ...]
    retry_after_s: int | None

    @property
    def reason(self) -> str:
        """The most telling code: the service's reason, else the status of the protocol, else that of HTTP."""
        return next((code for code in (*self.reasons, self.status) if code), f"http_{self.http}")


def rule(response: Response, count: int, *, validate_only: bool) -> list[Verdict]:
    """Rule on each event of a request.

    Shape:   len(result) == count, whatever came back.
    Errors:  never raises; what cannot be read is ruled by its status.
    """
    told = response.json()
    if response.status == 200 and isinstance(told, dict) and "error" not in told:
        request_id = told.get("requestId")
        # A validated request is not stored, so no id of it is promised.
        if (isinstance(request_id, str) and request_id) or (validate_only and not told):
            return [Verdict(ruling=Ruling.ACCEPTED)] * count
    if not isinstance(told, dict) or not isinstance(told.get("error"), dict) or 200 <= response.status < 400:
        return _bare(response, count)
    error = _read(told["error"], response)
    if error.http == 400:
        return _refused(error, count)
    whole = _whole(error)
    return [whole] * count if whole else _bare(response, count)


def _whole(error: _Error) -> Verdict | None:
    """Rule on what concerns the request as a whole; None where its HTTP status says it better."""
    if error.http == 429 or error.status == "RESOURCE_EXHAUSTED":
        return Verdict(ruling=Ruling.THROTTLED, reason=error.reason, retry_after_s=error.retry_after_s)
    if any(code in _CONFIGURATION for code in error.reasons):
        return Verdict(ruling=Ruling.HALT, reason=error.reason)
    if error.http == 401:
        return Verdict(ruling=Ruling.RETRY, reason=error.reason)
    if error.status in _TRANSIENT:
        return Verdict(ruling=Ruling.RETRY, reason=error.reason, retry_after_s=error.retry_after_s)
    if error.status in _HALTED:
        return Verdict(ruling=Ruling.HALT, reason=error.reason)
    return None


def _bare(response: Response, count: int) -> list[Verdict]:
    """Rule by the HTTP status, save two that mean something else here: an expired token and a wrong address."""
    if response.status == 401:
        return [Verdict(ruling=Ruling.RETRY, reason="http_401")] * count
    if response.status == 404:
        return [Verdict(ruling=Ruling.HALT, reason="http_404")] * count
    return by_status(response, count)


def _refused(error: _Error, count: int) -> list[Verdict]:
    """Rule on a 400: by the events it names, else by what it says of the request."""
    named = {one.row: one.reason for one in reversed(error.violations) if one.row is not None and one.row < count}
    reasons = (*error.reasons, *(one.reason for one in error.violations))
    guilty = next((code for code in reasons if code in _CONFIGURATION), None)
    if guilty:
        return [Verdict(ruling=Ruling.HALT, reason=guilty)] * count
    if _TOO_YOUNG in reasons:
        return [Verdict(ruling=Ruling.RETRY, reason=_TOO_YOUNG, retry_after_s=_TOO_YOUNG_S)] * count
    whole = _whole(error)
    if whole:
        return [whole] * count
    unplaced = [one.reason for one in error.violations if one.row is None]
    if unplaced and not _TOO_MUCH.intersection(unplaced):
        return [Verdict(ruling=Ruling.HALT, reason=unplaced[0] or error.reason)] * count
    if named:
        return [_of_row(named.get(row), error) for row in range(count)]
    return [Verdict(ruling=Ruling.SPLIT, reason=error.reason)] * count


def _of_row(reason: str | None, error: _Error) -> Verdict:
    if reason is None:
        return Verdict(ruling=Ruling.SPLIT, reason=error.reason)
    if reason.endswith(TOO_RECENT):
        return Verdict(ruling=Ruling.RETRY, reason=TOO_RECENT, retry_after_s=TOO_RECENT_S)
    return Verdict(ruling=Ruling.REJECTED, reason=reason or error.reason)


def _read(error: Mapping[str, Any], response: Response) -> _Error:
    details = [one for one in _list(error.get("details")) if isinstance(one, dict)]
    infos = [one for one in details if "ErrorInfo" in str(one.get("@type"))]
    return _Error(
        http=response.status,
        status=_code(error.get("status")),
        reasons=tuple(code for one in infos if (code := _code(one.get("reason")))),
        violations=tuple(_violations(details)),
        retry_after_s=_retry_after_s(details, infos, response),
    )


def _violations(details: list[dict[str, Any]]) -> Iterator[_Violation]:
    for detail in details:
        for one in _list(detail.get("fieldViolations")):
            if isinstance(one, dict):
                found = _ROW.match(str(one.get("field")))
                yield _Violation(row=int(found[1]) if found else None, reason=_code(one.get("reason")))


def _retry_after_s(details: list[dict[str, Any]], infos: list[dict[str, Any]], response: Response) -> int | None:
    """Return how long Google asks us to wait: by the header, by RetryInfo, or by the quota that ran out."""
    if response.retry_after_s is not None:
        return response.retry_after_s
    for detail in details:
        if found := _DELAY.fullmatch(str(detail.get("retryDelay"))):
            return int(found[1]) + 1
    limits = [one["metadata"].get("quota_limit") for one in infos if isinstance(one.get("metadata"), dict)]
    return _DAILY_QUOTA_S if any("perday" in str(limit).lower() for limit in limits) else None


def _code(told: Any) -> str:
    return told if isinstance(told, str) and _CODE.fullmatch(told) else ""


def _list(told: Any) -> list[Any]:
    return told if isinstance(told, list) else []
