"""What Google's answers mean, how conversions travel together, and what an operator may write."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from adapters.google_data_manager import SCOPE, Conversion, Credentials, GoogleDataManager
from gateway.core.adapter import OAuth, Payload, Response, Ruling, Secret, Verdict
from gateway.core.event import Click, Event, Person, Purpose, Wire

ROBOT = Credentials(kind="service_account", file="/run/secrets/google.json")
USER = Credentials(
    kind="refresh_token", client_id="42", client_secret=Secret("cs"), refresh_token=Secret("rt"), quota_project="shop-1"
)
CONVERSIONS = {
    "purchase": Conversion(action_id="987", mode="online"),
    "sign_up": Conversion(action_id="987", mode="online"),
    "generate_lead": Conversion(action_id="988", mode="offline"),
}
GOOGLE = GoogleDataManager(operating_account="123-456-7890", credentials=ROBOT, conversions=CONVERSIONS)
EVENT = Event(
    site="shop",
    name="purchase",
    event_id="e-1",
    wires=(Wire.SERVER,),
    at_ms=1_795_305_600_250,
    received_ms=1_795_305_600_900,
    value=49.9,
    currency="EUR",
    person=Person(digests={"phone": {"e164": "1ef970831d7963307784fa8688e8fce101a15685d62aa765fed23f3a2c576a4e"}}),
)


def _error(
    http: int,
    status: str,
    reason: str = "",
    *violations: tuple[str, str],
    metadata: dict[str, str] | None = None,
    more: tuple[dict[str, Any], ...] = (),
    retry_after: str = "",
) -> Response:
    """An answer as the service writes it (AIP-193)."""
    details: list[dict[str, Any]] = []
    if reason:
        info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com"}
        details.append({**info, "metadata": metadata or {}})
    if violations:
        found = [{"field": field, "description": "jo@shop.example", "reason": code} for field, code in violations]
        details.append({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": found})
    error = {"code": http, "status": status, "message": "jo@shop.example", "details": [*details, *more]}
    headers = {"retry-after": retry_after} if retry_after else {}
    return Response(status=http, headers=headers, body=json.dumps({"error": error}).encode())


def _rulings(response: Response, count: int = 3) -> list[str]:
    return [f"{verdict.ruling} {verdict.reason}" for verdict in GOOGLE.verdicts(response, count)]


def _said(google: GoogleDataManager = GOOGLE, name: str = "purchase", **more: Any) -> Payload:
    said = google.payload(msgspec.structs.replace(EVENT, **more), name)
    assert isinstance(said, Payload), said
    return said


# --- a request refused as a whole ------------------------------------------------------------------

# (HTTP, status, reason of ErrorInfo) -> ruling, reason. Source: concepts/errors and ErrorReason, read 2026-11-22.
WHOLE = [
    (429, "RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED", "throttled RATE_LIMIT_EXCEEDED"),
    (429, "", "", "throttled http_429"),
    (403, "RESOURCE_EXHAUSTED", "", "throttled RESOURCE_EXHAUSTED"),
    (401, "UNAUTHENTICATED", "ACCESS_TOKEN_EXPIRED", "retry ACCESS_TOKEN_EXPIRED"),
    (401, "UNAUTHENTICATED", "", "retry UNAUTHENTICATED"),
    (401, "UNAUTHENTICATED", "ACCOUNT_STATE_INVALID", "halt ACCOUNT_STATE_INVALID"),
    (403, "PERMISSION_DENIED", "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "halt ACCESS_TOKEN_SCOPE_INSUFFICIENT"),
    (403, "PERMISSION_DENIED", "SERVICE_DISABLED", "halt SERVICE_DISABLED"),
    (403, "PERMISSION_DENIED", "", "halt PERMISSION_DENIED"),
    (403, "PERMISSION_DENIED", "NEVER_HEARD_OF", "halt NEVER_HEARD_OF"),
    (404, "NOT_FOUND", "", "halt NOT_FOUND"),
    (400, "FAILED_PRECONDITION", "", "halt FAILED_PRECONDITION"),
    (400, "INVALID_ARGUMENT", "NOT_ALLOWLISTED", "halt NOT_ALLOWLISTED"),
    (
        400,
        "INVALID_ARGUMENT",
        "OPERATING_ACCOUNT_LOGIN_ACCOUNT_MISMATCH",
        "halt OPERATING_ACCOUNT_LOGIN_ACCOUNT_MISMATCH",
    ),
    (400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", "split INVALID_ARGUMENT"),
    (400, "INVALID_ARGUMENT", "NEVER_HEARD_OF", "split NEVER_HEARD_OF"),
    (409, "ABORTED", "", "retry ABORTED"),
    (500, "INTERNAL", "INTERNAL_ERROR", "retry INTERNAL_ERROR"),
    (503, "UNAVAILABLE", "", "retry UNAVAILABLE"),
    (504, "DEADLINE_EXCEEDED", "", "retry DEADLINE_EXCEEDED"),
]


@pytest.mark.parametrize(("http", "status", "reason", "expected"), WHOLE)
def test_a_refusal_of_the_whole_is_ruled_by_its_codes(http: int, status: str, reason: str, expected: str) -> None:
    assert [expected] * 3 == _rulings(_error(http, status, reason))


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (401, "retry http_401"),
        (403, "halt http_403"),
        (404, "halt http_404"),
        (413, "split http_413"),
        (502, "retry http_502"),
    ],
)
def test_an_answer_of_somebody_in_between_is_ruled_by_its_status(status: int, expected: str) -> None:
    assert [expected] * 2 == _rulings(Response(status=status, headers={}, body=b"<html>proxy</html>"), 2)


def test_an_expired_token_is_no_reason_to_stop() -> None:
    """The sender forgets a token at 401: the next attempt carries a fresh one."""
    assert Ruling.RETRY is GOOGLE.verdicts(_error(401, "UNAUTHENTICATED", "ACCESS_TOKEN_EXPIRED"), 1)[0].ruling


def test_a_wait_is_taken_from_the_header_or_the_details() -> None:
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "12.5s"}
    daily = {"quota_limit": "IngestionRequestsPerDayPerProject"}

    def wait(response: Response) -> int | None:
        return GOOGLE.verdicts(response, 1)[0].retry_after_s

    assert wait(_error(429, "RESOURCE_EXHAUSTED", retry_after="9")) == 9
    assert wait(_error(429, "RESOURCE_EXHAUSTED", more=(info,))) == 13
    assert wait(_error(429, "RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED", metadata=daily)) == 3600
    assert wait(_error(429, "RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED")) is None


# --- a request refused for some of its events ------------------------------------------------------


def test_named_events_are_rejected_and_the_others_are_free_to_go_at_once() -> None:
    response = _error(
        400,
        "INVALID_ARGUMENT",
        "INVALID_ARGUMENT",
        ("events.events[1].user_data.user_identifiers[0].email_address", "INVALID_SHA256_FORMAT"),
        ("events.events[1].currency", "INVALID_CURRENCY_CODE"),
        ("events[3].event_timestamp", "EVENT_TIME_INVALID"),
    )

    assert _rulings(response, 4) == [
        "split INVALID_ARGUMENT",
        "rejected INVALID_SHA256_FORMAT",
        "split INVALID_ARGUMENT",
        "rejected EVENT_TIME_INVALID",
    ]


def test_a_violation_without_a_reason_still_rejects_its_event() -> None:
    response = _error(400, "INVALID_ARGUMENT", "", ("events.events[0].cart_data", ""))

    assert _rulings(response, 2) == ["rejected INVALID_ARGUMENT", "split INVALID_ARGUMENT"]


def test_events_that_are_not_there_reject_nobody() -> None:
    response = _error(400, "INVALID_ARGUMENT", "", ("events.events[7].currency", "INVALID_CURRENCY_CODE"))

    assert ["split INVALID_ARGUMENT"] * 2 == _rulings(response, 2)


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ("events.events[0].destination_references", "INVALID_DESTINATION"),
        ("events.events[0].event_source", "INVALID_CONVERSION_ACTION_TYPE"),
        ("destinations[0].product_destination_id", "INVALID_CONVERSION_ACTION_ID"),
        ("destinations[0].operating_account", "NEVER_HEARD_OF"),
        ("encoding", "REQUIRED_FIELD_MISSING"),
    ],
)
def test_a_wrong_configuration_costs_no_event(field: str, reason: str) -> None:
    response = _error(
        400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", (field, reason), ("events.events[1].currency", "INVALID_FORMAT")
    )

    assert [f"halt {reason}"] * 3 == _rulings(response)


def test_too_many_events_are_halved() -> None:
    response = _error(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", ("events.events", "TOO_MANY_EVENTS"))

    assert ["split INVALID_ARGUMENT"] * 3 == _rulings(response)


def test_a_new_conversion_action_gets_its_six_hours() -> None:
    young = "CONVERSION_ACTION_TOO_RECENTLY_CREATED"

    verdicts = GOOGLE.verdicts(_error(400, "INVALID_ARGUMENT", "", ("events.events[0]", young)), 2)

    assert [Verdict(ruling=Ruling.RETRY, reason=young, retry_after_s=21_600)] * 2 == verdicts


# --- success ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body", [b"{}", b'{"requestId":""}', b'{"requestId":17}', b'{"error":{},"requestId":"r"}', b"ok"]
)
def test_without_a_request_id_nothing_is_known(body: bytes) -> None:
    assert Ruling.ACCEPTED not in {
        one.ruling for one in GOOGLE.verdicts(Response(status=200, headers={}, body=body), 2)
    }


def test_warnings_are_a_success() -> None:
    body = (
        b'{"requestId":"r","fieldWarnings":[{"field":"events.events[0].cart_data","reason":"WARNING_REASON_GENERIC"}]}'
    )

    assert ["accepted "] * 2 == _rulings(Response(status=200, headers={}, body=body), 2)


def test_a_mere_check_needs_no_request_id() -> None:
    checking = GoogleDataManager(operating_account="1", credentials=ROBOT, conversions=CONVERSIONS, validate_only=True)
    empty = Response(status=200, headers={}, body=b"{}")

    assert [Ruling.ACCEPTED] == [one.ruling for one in checking.verdicts(empty, 1)]
    assert [Ruling.RETRY] == [one.ruling for one in checking.verdicts(Response(status=200, headers={}, body=b""), 1)]


# --- packing ---------------------------------------------------------------------------------------


def test_conversions_of_several_actions_share_a_request() -> None:
    request = GOOGLE.request([_said(), _said(name="generate_lead"), _said(name="sign_up")])

    account = {"accountType": "GOOGLE_ADS", "accountId": "1234567890"}
    assert request.path == "/v1/events:ingest"
    assert request.headers == {}
    assert request.json["encoding"] == "HEX"
    assert "validateOnly" not in request.json
    assert request.json["destinations"] == [
        {"reference": "987", "operatingAccount": account, "productDestinationId": "987"},
        {"reference": "988", "operatingAccount": account, "productDestinationId": "988"},
    ]
    assert [event["destinationReferences"] for event in request.json["events"]] == [["987"], ["988"], ["987"]]


def test_no_request_has_more_than_ten_destinations() -> None:
    many = {f"event_{number}": Conversion(action_id=str(100 + number), mode="online") for number in range(25)}
    google = GoogleDataManager(operating_account="1", credentials=ROBOT, conversions=many)
    lanes: dict[str, set[str]] = {}

    for name in many:
        said = _said(google, name)
        lanes.setdefault(said.lane, set()).update(said.body["destinationReferences"])

    assert sorted(map(len, lanes.values())) == [5, 10, 10]


def test_the_manager_and_the_partner_are_named_in_the_body() -> None:
    def destination(**more: Any) -> dict[str, Any]:
        google = GoogleDataManager(operating_account="1", credentials=ROBOT, conversions=CONVERSIONS, **more)
        (told,) = google.request([_said(google)]).json["destinations"]
        return {key: (one["accountType"], one["accountId"]) for key, one in told.items() if isinstance(one, dict)}

    assert destination(login_account="987-654-3210") == {
        "operatingAccount": ("GOOGLE_ADS", "1"),
        "loginAccount": ("GOOGLE_ADS", "9876543210"),
    }
    assert destination(login_account="7", linked_account="8") == {
        "operatingAccount": ("GOOGLE_ADS", "1"),
        "loginAccount": ("DATA_PARTNER", "7"),
        "linkedAccount": ("GOOGLE_ADS", "8"),
    }


def test_a_user_names_the_project_that_is_counted() -> None:
    google = GoogleDataManager(operating_account="1", credentials=USER, conversions=CONVERSIONS)

    assert google.request([_said(google)]).headers == {"x-goog-user-project": "shop-1"}


def test_a_restated_act_keeps_its_transaction() -> None:
    first, late = _said(), _said(value=52.0, clicks={"gclid": Click(id="Cj0", seen_ms=1)})

    assert first.body["transactionId"] == late.body["transactionId"] == "e-1"
    assert late.body["conversionValue"] == 52.0
    assert GOOGLE.takes_late


# --- options ---------------------------------------------------------------------------------------


def test_credentials_are_described_and_not_used() -> None:
    assert GOOGLE.auth == OAuth(kind="service_account", scopes=(SCOPE,), file="/run/secrets/google.json")
    user = GoogleDataManager(operating_account="1", credentials=USER, conversions=CONVERSIONS)
    assert user.auth == OAuth(
        kind="refresh_token", scopes=(SCOPE,), client_id="42", client_secret=Secret("cs"), refresh_token=Secret("rt")
    )
    assert frozenset({Purpose.AD_STORAGE, Purpose.AD_USER_DATA}) == GOOGLE.purposes


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"operating_account": "AW-123"}, "operating_account"),
        ({"login_account": ""}, "login_account"),
        ({"linked_account": "8"}, "linked_account"),
        ({"merchant_id": "shop"}, "merchant_id"),
        ({"conversions": {}}, "conversions"),
        ({"conversions": {"refund": Conversion(action_id="1", mode="online")}}, "conversions.refund"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, Any], named: str) -> None:
    right: dict[str, Any] = {"operating_account": "1", "credentials": ROBOT, "conversions": CONVERSIONS}

    with pytest.raises(ValueError, match=f"^{named}: "):
        GoogleDataManager(**{**right, **options})


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"kind": "service_account"}, "file"),
        ({"kind": "service_account", "file": "k", "refresh_token": Secret("r")}, "refresh_token"),
        ({"kind": "refresh_token", "client_id": "c", "refresh_token": Secret("r")}, "client_secret"),
        ({"kind": "service_account", "file": "k", "token_uri": "oauth2.googleapis.com"}, "token_uri"),
        ({"kind": "service_account", "file": "k", "quota_project": "p"}, "quota_project"),
    ],
)
def test_incomplete_credentials_are_named(options: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=f"^{named}: "):
        Credentials(**options)


def test_a_label_is_no_conversion_action() -> None:
    with pytest.raises(ValueError, match=r"^action_id: .*ctId"):
        Conversion(action_id="AW-123/AbC", mode="online")
