"""What Google's answers mean, how conversions travel together, and what an operator may write."""

from __future__ import annotations

import base64
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.google_data_manager import SCOPE, Conversion, Credentials, GoogleDataManager
from gateway.core.adapter import Followed, Following, OAuth, Payload, Response, Ruling, Secret, Verdict
from gateway.core.event import Click, Event, Person, Purpose, Wire
from gateway.sandbox import google_errors
from gateway.sandbox.google import Google
from gateway.sandbox.terms import Terms

ROBOT = Credentials(kind="service_account", file="/run/secrets/google.json")
USER = Credentials(
    kind="refresh_token", client_id="42", client_secret=Secret("cs"), refresh_token=Secret("rt"), quota_project="shop-1"
)
MACHINE = Credentials(kind="metadata")
CONVERSIONS = {
    "purchase": Conversion(action_id="987", mode="online"),
    "sign_up": Conversion(action_id="987", mode="online"),
    "generate_lead": Conversion(action_id="988", mode="offline"),
}
GOOGLE = GoogleDataManager(operating_account="123-456-7890", credentials=ROBOT, conversions=CONVERSIONS)
_ACCOUNT_MISMATCH = "OPERATING_ACCOUNT_MISMATCH_FOR_AD_IDENTIFIER"
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


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    words = ("requestStatus", "errorInfo", "errorCounts", "reason", "recordCount", "recordIndices", "SUCCESS")
    return st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(words), inner, max_size=4)


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


def test_a_click_that_is_too_fresh_waits_alone() -> None:
    response = _error(400, "INVALID_ARGUMENT", "", ("events.events[1].ad_identifiers.gclid", "TOO_RECENT_CLICK"))

    assert GOOGLE.verdicts(response, 2) == [
        Verdict(ruling=Ruling.SPLIT, reason="INVALID_ARGUMENT"),
        Verdict(ruling=Ruling.RETRY, reason="TOO_RECENT_CLICK", retry_after_s=21_600),
    ]


@pytest.mark.parametrize("code", google_errors.CODES)
def test_the_emulators_errors_are_ruled_by_what_they_point_at(code: str) -> None:
    answer = Google(Terms()).error(code, 1)
    response = Response(status=answer.status, headers={}, body=json.dumps(answer.body).encode())

    rulings = {one.ruling for one in GOOGLE.verdicts(response, 3)}

    if code in google_errors.EVENT:
        assert _rulings(response) == ["split INVALID_ARGUMENT", f"rejected {code}", "split INVALID_ARGUMENT"]
    elif code in google_errors.DESTINATION:
        assert rulings == {Ruling.RETRY if code.startswith("CONVERSION_ACTION_TOO_RECENT") else Ruling.HALT}
    elif code not in ("INVALID_REQUEST_ID", "REQUEST_TOO_OLD"):
        assert rulings == {{403: Ruling.HALT, 429: Ruling.THROTTLED}.get(answer.status, Ruling.RETRY)}
    else:
        assert GOOGLE.followed(response) == Followed(is_final=True, status=code)


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
        ({"kind": "metadata", "file": "k"}, "file"),
        ({"kind": "metadata", "token_uri": "http://10.0.0.1/token"}, "token_uri"),
        ({"kind": "metadata", "quota_project": "p"}, "quota_project"),
    ],
)
def test_incomplete_credentials_are_named(options: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=f"^{named}: "):
        Credentials(**options)


def test_the_machines_own_account_needs_nothing_else() -> None:
    google = GoogleDataManager(operating_account="1", credentials=MACHINE, conversions=CONVERSIONS)

    assert google.auth == OAuth(kind="metadata", scopes=(SCOPE,))


def test_accounts_that_are_fed_from_one_project_share_its_budget() -> None:
    def budget(credentials: Credentials) -> str:
        return GoogleDataManager(operating_account="1", credentials=credentials, conversions=CONVERSIONS).budget

    assert GoogleDataManager(operating_account="2", credentials=ROBOT, conversions=CONVERSIONS).budget == budget(ROBOT)
    assert len({budget(ROBOT), budget(USER), budget(MACHINE)}) == 3
    assert "secrets" not in budget(ROBOT)


def test_a_label_is_no_conversion_action() -> None:
    with pytest.raises(ValueError, match=r"^action_id: .*ctId"):
        Conversion(action_id="AW-123/AbC", mode="online")


def test_a_page_that_somebody_made_up_stays_here() -> None:
    """Our own door wrote where the click landed; a caller may pass on what he likes."""
    for page in (
        "https://shop.example/?u=jo@shop.example",
        "https://shop.example/jo%40shop.example",
        "javascript:x",
        "\x00",
    ):
        told = base64.urlsafe_b64encode(page.encode()).rstrip(b"=").decode()
        said = _said(clicks={"gad": Click(id=f"1.2.{told}", seen_ms=1_795_305_000_000)})
        session = said.body["adIdentifiers"]["sessionAttributes"]

        assert json.loads(base64.urlsafe_b64decode(session + "=" * (-len(session) % 4))) == {
            "gad_source": "1",
            "gad_campaignid": "2",
            "session_start_time_usec": "1795305000000000",
        }


# --- what is told later ------------------------------------------------------------------------------


def _status(*places: dict[str, Any]) -> Response:
    return Response(status=200, headers={}, body=json.dumps({"requestStatusPerDestination": places}).encode())


def _place(word: str, taken: int, *errors: tuple[str, int, list[int] | None]) -> dict[str, Any]:
    told = [
        {"reason": reason, "recordCount": str(often), **({} if rows is None else {"recordIndices": rows})}
        for reason, often, rows in errors
    ]
    return {
        "destination": {"reference": "987"},
        "requestStatus": word,
        "eventsIngestionStatus": {"recordCount": str(taken)},
        **({"errorInfo": {"errorCounts": told}} if told else {}),
    }


def test_google_follows_what_it_took() -> None:
    taken = Response(status=200, headers={}, body=b'{"requestId":"a1-b2"}')
    question = GOOGLE.follow("a1-b2")

    assert isinstance(GOOGLE, Following)
    assert GOOGLE.receipt(taken) == "a1-b2"
    assert (question.method, question.path, question.query) == (
        "GET",
        "/v1/requestStatus:retrieve",
        {"requestId": "a1-b2"},
    )
    assert question.json is None


@pytest.mark.parametrize("body", [b"{}", b"ok", b'{"requestId":""}', b'{"requestId":"a b"}', b'{"requestId":7}'])
def test_without_an_id_there_is_nothing_to_follow(body: bytes) -> None:
    assert GOOGLE.receipt(Response(status=200, headers={}, body=body)) is None


def test_what_was_only_checked_is_not_followed() -> None:
    checking = GoogleDataManager(operating_account="1", credentials=ROBOT, conversions=CONVERSIONS, validate_only=True)

    assert checking.receipt(Response(status=200, headers={}, body=b'{"requestId":"r"}')) is None


def test_a_user_names_the_project_when_asking_too() -> None:
    google = GoogleDataManager(operating_account="1", credentials=USER, conversions=CONVERSIONS)

    assert google.follow("r").headers == {"x-goog-user-project": "shop-1"}


def test_one_destination_at_work_keeps_the_request_open() -> None:
    told = GOOGLE.followed(_status(_place("SUCCESS", 2), {"requestStatus": "PROCESSING"}))

    assert told == Followed(is_final=False, status="PROCESSING")


@pytest.mark.parametrize("places", [(), ({"requestStatus": "REQUEST_STATUS_UNKNOWN"},), ({},)])
def test_a_word_that_ends_nothing_is_waited_on(places: tuple[dict[str, Any], ...]) -> None:
    told = GOOGLE.followed(_status(*places))

    assert told is not None
    assert not told.is_final


def test_counts_are_summed_and_rows_named() -> None:
    too_recent, bad = "PROCESSING_ERROR_REASON_TOO_RECENT_CLICK", "PROCESSING_ERROR_REASON_INVALID_GCLID"
    other = "PROCESSING_ERROR_OPERATING_ACCOUNT_MISMATCH_FOR_AD_IDENTIFIER"

    told = GOOGLE.followed(
        _status(
            _place("PARTIAL_SUCCESS", 5, (too_recent, 2, [0, 4]), (bad, 1, None)),
            _place("FAILED", 1, (other, 1, [5])),
        )
    )

    assert told == Followed(
        is_final=True,
        status="PARTIAL_SUCCESS",
        counts={"TOO_RECENT_CLICK": 2, "INVALID_GCLID": 1, "SUCCESS": 2, _ACCOUNT_MISMATCH: 1},
        rows={0: "TOO_RECENT_CLICK", 4: "TOO_RECENT_CLICK", 5: _ACCOUNT_MISMATCH},
        again={"TOO_RECENT_CLICK": 21_600},
    )


@pytest.mark.parametrize(
    ("words", "expected"),
    [(("SUCCESS", "SUCCESS"), "SUCCESS"), (("FAILED",), "FAILED"), (("SUCCESS", "FAILED"), "PARTIAL_SUCCESS")],
)
def test_destinations_have_one_word_together(words: tuple[str, ...], expected: str) -> None:
    told = GOOGLE.followed(_status(*(_place(word, 1) for word in words)))

    assert told is not None
    assert (told.is_final, told.status) == (True, expected)


@pytest.mark.parametrize("reason", ["INVALID_REQUEST_ID", "REQUEST_TOO_OLD"])
def test_a_request_that_google_does_not_know_is_asked_about_no_more(reason: str) -> None:
    assert GOOGLE.followed(_error(400, "INVALID_ARGUMENT", reason)) == Followed(is_final=True, status=reason)


@pytest.mark.parametrize(
    "response",
    [
        _error(401, "UNAUTHENTICATED", "ACCESS_TOKEN_EXPIRED"),
        _error(429, "RESOURCE_EXHAUSTED"),
        _error(503, "UNAVAILABLE"),
        Response(status=200, headers={}, body=b"<html>"),
        Response(status=200, headers={}, body=b"[]"),
    ],
)
def test_an_answer_about_something_else_is_no_answer(response: Response) -> None:
    assert GOOGLE.followed(response) is None


@given(body=st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=9), _nested, max_leaves=9))
def test_no_status_raises(body: Any) -> None:
    for told in (body, {"requestStatusPerDestination": body}, {"requestStatusPerDestination": [{"errorInfo": body}]}):
        GOOGLE.followed(Response(status=200, headers={}, body=json.dumps(told).encode()))


@pytest.mark.parametrize(
    ("clicks", "code", "expected"),
    [
        ({"gclid": Click(id="C", seen_ms=1)}, "TOO_RECENT_CLICK", False),
        ({"gclid": Click(id="C", seen_ms=EVENT.at_ms - 60_000)}, "TOO_RECENT_CLICK", True),
        ({"gad": Click(id="1.2", seen_ms=EVENT.at_ms - 60_000)}, "TOO_RECENT_CLICK", True),
        ({"fbclid": Click(id="C", seen_ms=EVENT.at_ms - 60_000)}, "TOO_RECENT_CLICK", False),
        ({}, "TOO_RECENT_CLICK", False),
        ({}, "INTERNAL_ERROR", True),
    ],
)
def test_without_rows_a_code_is_taken_for_those_it_may_mean(
    clicks: dict[str, Click], code: str, expected: bool
) -> None:
    event = msgspec.structs.replace(EVENT, clicks=clicks)

    assert GOOGLE.concerns(event, code, EVENT.at_ms) is expected
