from __future__ import annotations

import base64
from typing import Any

import pytest

from gateway.sandbox.call import Object, Ruled
from gateway.sandbox.google import MAX_EVENTS, Google
from gateway.sandbox.google_status import KEPT_S, Statuses
from gateway.sandbox.state import Book
from gateway.sandbox.terms import Terms
from tests.sandbox.words import MISSING, NOW_S, asked, changed

# alexz@example.com, +18005550100, givenname, familyname of Google's own formatter tests.
MAIL = "509e933019bb285a134a9334b8bb679dff79d0ce023d529af4bd744d47b4fd8a"
MAIL_64 = "UJ6TMBm7KFoTSpM0uLtnnf950M4CPVKa9L10TUe0/Yo="
PHONE = "fb4f73a6ec5fdb7077d564cdd22c3554b43ce49168550c3b12c547b78c517b30"
GIVEN = "128a07bfe2df877c52076e60d7774cf5baaa046c5a6c48daf30ff43ecca2f814"
FAMILY = "77762c287e61ce065bee5c15464012c6fbe088398b8057627d5577249430d574"
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

ADS: Object = {"accountType": "GOOGLE_ADS", "accountId": "1234567890"}
SMALL: Object = {
    "transactionId": "lead-77",
    "eventTimestamp": "2026-11-22T00:00:00Z",
    "eventSource": "WEB",
    "userData": {"userIdentifiers": [{"emailAddress": MAIL}]},
}
RICH: Object = {
    "destinationReferences": ["purchase"],
    "transactionId": "ORD-1001",
    "eventTimestamp": "2026-11-22T00:59:30.123456789+01:00",
    "eventSource": "WEB",
    "currency": "EUR",
    "conversionValue": 0.0,
    "userData": {
        "userIdentifiers": [
            {"emailAddress": MAIL.upper()},
            {"phoneNumber": PHONE},
            {"address": {"givenName": GIVEN, "familyName": FAMILY, "regionCode": "DE", "postalCode": "10115"}},
        ]
    },
    "consent": {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_DENIED"},
    "adIdentifiers": {"gclid": "Cj0KCQ_a-b"},
    "eventDeviceInfo": {"userAgent": "Mozilla/5.0", "ipAddress": "203.0.113.7"},
    "cartData": {
        "merchantId": "111", "merchantFeedLabel": "DE", "merchantFeedLanguageCode": "de",
        "items": [{"merchantProductId": "SKU1", "quantity": "2", "unitPrice": 72.485}],
    },
    "userProperties": {"customerType": "NEW"},
    "customVariables": [{"variable": "5", "value": "blue"}],
    "experimentalFields": [{"field": "gad_source", "value": "1"}],
}  # fmt: skip


def google(**terms: Any) -> tuple[Google, dict[str, str]]:
    made = Google(Terms(**terms))
    (route,) = [one for one in made.routes() if one.at == "token"]
    form = {"grant_type": "refresh_token", "client_id": "a", "client_secret": "b"}
    ruled = route.judge(
        asked(
            {**form, "refresh_token": "sandbox-refresh-token"},
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
    )
    assert ruled.after is not None
    ruled.after()
    return made, {"Authorization": f"Bearer {body_of(ruled)['access_token']}"}


def body_of(ruled: Ruled) -> dict[str, Any]:
    assert isinstance(ruled.body, dict)
    return ruled.body


def request(events: object, **more: object) -> Object:
    place = {"reference": "purchase", "operatingAccount": ADS, "productDestinationId": "987"}
    told = {"destinations": [place], "events": events, "encoding": "HEX", **more}
    return {key: value for key, value in told.items() if value is not MISSING}


def judge(events: object, *, terms: dict[str, Any] | None = None, **more: object) -> Ruled:
    made, headers = google(**(terms or {}))
    return made.judge(asked(request(events, **more), headers=headers))


def violations_of(ruled: Ruled) -> list[dict[str, Any]]:
    (found,) = [one for one in body_of(ruled)["error"]["details"] if one["@type"].endswith("BadRequest")]
    return list(found["fieldViolations"])


@pytest.mark.parametrize("event", [SMALL, RICH], ids=["small", "rich"])
def test_good_event_gets_a_request_id(event: Object) -> None:
    ruled = judge([event])

    assert (ruled.status, set(body_of(ruled))) == (200, {"requestId"})
    assert [one.payload for one in ruled.accepted] == [event]
    assert ruled.findings == ()


# where, what, the reason, the field the service names, violates
BREACHES: list[tuple[str, object, str, str, bool]] = [
    ("eventTimestamp", MISSING, "REQUIRED_FIELD_MISSING", "event_timestamp", False),
    ("eventTimestamp", "2027-11-22T00:00:00Z", "EVENT_TIME_INVALID", "event_timestamp", False),
    ("currency", MISSING, "REQUIRED_FIELD_MISSING", "currency", False),
    ("currency", "eur", "INVALID_CURRENCY_CODE", "currency", False),
    ("currency", "XXY", "INVALID_CURRENCY_CODE", "currency", False),
    ("destinationReferences", ["other"], "INVALID_DESTINATION", "destination_references", False),
    ("adIdentifiers.gclid", "a b", "INVALID_FORMAT", "ad_identifiers.gclid", False),
    ("eventDeviceInfo.ipAddress", "nowhere", "INVALID_FORMAT", "event_device_info.ip_address", False),
    ("cartData.items.0.quantity", "0", "INVALID_NUMBER_FORMAT", "cart_data.items[0].quantity", False),
    ("customVariables.0.variable", "five", "CUSTOM_VARIABLE_NOT_FOUND", "custom_variables[0].variable", False),
    ("customVariables.0.value", "a@b.example", "CUSTOM_VARIABLE_VALUE_CONTAINS_PII", "custom_variables[0].value", True),
    ("userData.userIdentifiers", [], "REQUIRED_FIELD_MISSING", "user_data.user_identifiers", False),
    (
        "userData.userIdentifiers", [{"phoneNumber": PHONE}] * 11, "TOO_MANY_USER_IDENTIFIERS",
        "user_data.user_identifiers", False,
    ),
    (
        "userData.userIdentifiers.0.emailAddress", "alexz@example.com", "INVALID_SHA256_FORMAT",
        "user_data.user_identifiers[0].email_address", True,
    ),
    (
        "userData.userIdentifiers.0.emailAddress", EMPTY, "INVALID_SHA256_FORMAT",
        "user_data.user_identifiers[0].email_address", True,
    ),
    (
        "userData.userIdentifiers.0.emailAddress", MAIL_64, "INVALID_SHA256_FORMAT",
        "user_data.user_identifiers[0].email_address", True,
    ),
    (
        "userData.userIdentifiers.1.phoneNumber", "+18005550100", "INVALID_SHA256_FORMAT",
        "user_data.user_identifiers[1].phone_number", True,
    ),
    (
        "userData.userIdentifiers.2.address.givenName", "givenname", "INVALID_SHA256_FORMAT",
        "user_data.user_identifiers[2].address.given_name", True,
    ),
    (
        "userData.userIdentifiers.2.address.familyName", MISSING, "REQUIRED_FIELD_MISSING",
        "user_data.user_identifiers[2].address.family_name", False,
    ),
    (
        "userData.userIdentifiers.2.address.regionCode", "Germany", "INVALID_COUNTRY_CODE",
        "user_data.user_identifiers[2].address.region_code", False,
    ),
    (
        "userData.userIdentifiers.2.address.postalCode", GIVEN, "INVALID_POSTAL_CODE",
        "user_data.user_identifiers[2].address.postal_code", True,
    ),
    (
        "userData.userIdentifiers.2.address.city", "berlin", "INVALID_ARGUMENT",
        "user_data.user_identifiers[2].address.city", False,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("where", "what", "reason", "field", "violates"), BREACHES)
def test_breach_names_row_field_and_reason(where: str, what: object, reason: str, field: str, violates: bool) -> None:
    ruled = judge([SMALL, changed(RICH, where, what)])

    (found,) = violations_of(ruled)
    assert (ruled.status, body_of(ruled)["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert (found["field"], found["reason"]) == (f"events.events[1].{field}", reason)
    assert ruled.accepted == ()
    assert any(one.violates for one in ruled.findings) is violates


# What proto JSON itself refuses: unknown names, wrong types, unknown words of a list, two of a one-of.
UNREADABLE: list[tuple[str, object]] = [
    ("surprise", 1),
    ("event_name_", "x"),
    ("transaction_id", "twice"),
    ("transactionId", 1001),
    ("eventTimestamp", "2026-11-22 10:15:30"),
    ("eventTimestamp", 1_795_305_600),
    ("eventSource", "WEBSITE"),
    ("conversionValue", "much"),
    ("conversionValue", True),
    ("consent.adUserData", "GRANTED"),
    ("consent.ad_personalisation", "CONSENT_GRANTED"),
    ("userData.userIdentifiers", {"emailAddress": MAIL}),
    ("userData.userIdentifiers.0", {"emailAddress": MAIL, "phoneNumber": PHONE}),
    ("adIdentifiers.fbclid", "x"),
    ("cartData.items.0.quantity", 1.5),
    ("cartData.items.0.price", 2),
    ("eventDeviceInfo.screenHeight", "900"),
]


@pytest.mark.parametrize(("where", "what"), UNREADABLE)
def test_json_that_does_not_fit_the_messages_is_400(where: str, what: object) -> None:
    ruled = judge([changed(RICH, where, what)])

    assert (ruled.status, ruled.code) == (400, "JSON")
    assert violations_of(ruled)[0]["field"].startswith("events[0]")


def test_snake_case_null_and_numbers_for_whole_numbers_are_read() -> None:
    event = changed(changed(SMALL, "ad_identifiers", {"gclid": "abc", "gbraid": None}), "conversion_count", 1)
    event = changed(event, "cart_data", {"items": [{"quantity": 2, "unit_price": 1}]})

    (taken,) = judge([event]).accepted

    assert taken.payload["adIdentifiers"] == {"gclid": "abc"}


def test_base64_is_the_other_encoding() -> None:
    event = changed(SMALL, "userData.userIdentifiers.0.emailAddress", MAIL_64)
    unpadded = changed(SMALL, "userData.userIdentifiers.0.emailAddress", MAIL_64[:-1])

    assert base64.b64decode(MAIL_64).hex() == MAIL
    assert judge([event], encoding="BASE64").status == 200
    assert judge([unpadded], encoding="BASE64").status == 400
    assert judge([SMALL], encoding="BASE64").status == 400


def test_encoding_is_required_beside_user_data_only() -> None:
    clicked = changed(changed(SMALL, "userData", MISSING), "adIdentifiers", {"gclid": "abc"})

    assert judge([SMALL], encoding=MISSING).code == "REQUIRED_FIELD_MISSING"
    assert judge([clicked], encoding=MISSING).status == 200


def test_address_alone_identifies_nobody() -> None:
    event = changed(changed(SMALL, "userData", MISSING), "eventDeviceInfo", {"ipAddress": "203.0.113.7"})

    assert judge([event]).code == "NO_IDENTIFIERS_PROVIDED"


@pytest.mark.parametrize(
    ("mode", "transaction", "source", "code"),
    [
        ("google_online", "T1", None, "ok"),
        ("google_online", "T1", "WEB", "ok"),
        ("google_online", None, "WEB", "REQUIRED_FIELD_MISSING"),
        ("google_online", "T1", "PHONE", "INVALID_CONVERSION_ACTION_TYPE"),
        ("google_offline", "T1", "PHONE", "ok"),
        ("google_offline", None, "WEB", "ok"),
        ("google_offline", "T1", None, "REQUIRED_FIELD_MISSING"),
        (None, None, None, "REQUIRED_FIELD_MISSING"),
        (None, "T1", None, "ok"),
    ],
)
def test_action_decides_what_is_required(
    mode: str | None, transaction: str | None, source: str | None, code: str
) -> None:
    event = changed(changed(SMALL, "transactionId", transaction), "eventSource", source)

    assert judge([event], terms={mode: frozenset({"987"})} if mode else {}).code == code


@pytest.mark.parametrize(
    ("destination", "code"),
    [
        ({"productDestinationId": "987"}, "REQUIRED_FIELD_MISSING"),
        ({"operatingAccount": ADS, "productDestinationId": "AW-1/x"}, "INVALID_CONVERSION_ACTION_ID"),
        ({"operatingAccount": ADS}, "INVALID_CONVERSION_ACTION_ID"),
        ({"operatingAccount": {**ADS, "accountId": "123-456"}, "productDestinationId": "9"}, "INVALID_NUMBER_FORMAT"),
        ({"operatingAccount": {**ADS, "accountType": "ADS"}, "productDestinationId": "9"}, "JSON"),
    ],
)
def test_destination_is_checked(destination: Object, code: str) -> None:
    assert judge([SMALL], destinations=[destination]).code == code


def test_destinations_are_1_to_10_with_names_of_their_own() -> None:
    one = {"reference": "a", "operatingAccount": ADS, "productDestinationId": "1"}

    assert judge([SMALL], destinations=[]).code == "REQUIRED_FIELD_MISSING"
    assert judge([SMALL], destinations=[one, one]).code == "DUPLICATE_DESTINATION_REFERENCE"
    many = [{**one, "reference": str(number)} for number in range(11)]
    assert judge([SMALL], destinations=many).code == "TOO_MANY_DESTINATIONS"


def test_event_without_references_goes_to_every_destination() -> None:
    places = [{"reference": str(one), "operatingAccount": ADS, "productDestinationId": str(one)} for one in (1, 2)]

    assert [one.account for one in judge([SMALL], destinations=places).accepted] == ["1", "2"]


def test_analytics_has_rules_of_its_own() -> None:
    place = {
        "operatingAccount": {"accountType": "GOOGLE_ANALYTICS_PROPERTY", "accountId": "1"},
        "productDestinationId": "G-ABC123",
    }
    event: Object = {"eventTimestamp": "2026-11-22T00:00:00Z", "eventName": "purchase", "clientId": "1.2"}

    assert judge([event], destinations=[place]).code == "ok"
    assert judge([changed(event, "eventName", MISSING)], destinations=[place]).status == 400
    assert judge([changed(event, "clientId", MISSING)], destinations=[place]).code == "NO_IDENTIFIERS_PROVIDED"


@pytest.mark.parametrize(
    ("count", "code"), [(0, "REQUIRED_FIELD_MISSING"), (MAX_EVENTS, "ok"), (MAX_EVENTS + 1, "TOO_MANY_EVENTS")]
)
def test_batch_holds_1_to_2000(count: int, code: str) -> None:
    assert judge([SMALL] * count).code == code


def test_validating_stores_nothing() -> None:
    ruled = judge([SMALL], validateOnly=True)

    assert (ruled.status, ruled.code, ruled.accepted, ruled.after) == (200, "validated", (), None)


def test_braid_with_a_cart_is_warned_of() -> None:
    ruled = judge([changed(RICH, "adIdentifiers", {"wbraid": "abc"})])

    (warning,) = body_of(ruled)["fieldWarnings"]
    assert warning["reason"] == "WARNING_REASON_CART_DATA_NOT_SUPPORTED_WITH_GBRAID_OR_WBRAID"


def test_status_tells_later_what_was_not_taken() -> None:
    made, headers = google()
    (route,) = [one for one in made.routes() if one.at == "status"]
    denied = changed(SMALL, "consent", {"adUserData": "CONSENT_DENIED"})
    old = changed(SMALL, "eventTimestamp", "2026-08-01T00:00:00Z")
    ruled = made.judge(asked(request([SMALL, denied, old]), headers=headers))
    assert ruled.after is not None
    ruled.after()

    told = route.judge(asked(headers=headers, query={"requestId": body_of(ruled)["requestId"]}))

    (place,) = body_of(told)["requestStatusPerDestination"]
    assert len(ruled.accepted) == 1
    assert (place["requestStatus"], place["eventsIngestionStatus"]) == ("PARTIAL_SUCCESS", {"recordCount": "3"})
    assert {one["reason"] for one in place["errorInfo"]["errorCounts"]} == {
        "PROCESSING_ERROR_REASON_DENIED_CONSENT",
        "PROCESSING_ERROR_REASON_EVENT_TOO_OLD",
    }
    assert route.judge(asked(headers=headers, query={"requestId": "none"})).code == "INVALID_REQUEST_ID"


def status_of(made: Google, ruled: Ruled, headers: dict[str, str], after_s: float = 0) -> Ruled:
    """Take a request in, and ask what became of it."""
    assert ruled.after is not None
    ruled.after()
    (route,) = [one for one in made.routes() if one.at == "status"]
    query = {"requestId": body_of(ruled)["requestId"]}
    return route.judge(asked(headers=headers, query=query, at_s=NOW_S + after_s))


def clicked(click: str) -> Object:
    return changed(SMALL, "adIdentifiers", {"gclid": click})


def test_status_says_nothing_while_the_request_is_worked_on() -> None:
    made, headers = google(google_processing_s=1_800)
    ruled = made.judge(asked(request([changed(SMALL, "consent", {"adUserData": "CONSENT_DENIED"})]), headers=headers))

    (early,), (late,) = (
        body_of(status_of(made, ruled, headers, after_s))["requestStatusPerDestination"] for after_s in (1_799, 1_800)
    )

    assert early == {"destination": early["destination"], "requestStatus": "PROCESSING"}
    assert late["requestStatus"] == "FAILED"


def test_status_names_the_records_by_their_place() -> None:
    made, headers = google()
    denied = changed(SMALL, "consent", {"adUserData": "CONSENT_DENIED"})
    ruled = made.judge(asked(request([denied, SMALL, denied]), headers=headers))

    (place,) = body_of(status_of(made, ruled, headers))["requestStatusPerDestination"]

    assert place["errorInfo"]["errorCounts"] == [
        {"recordCount": "2", "reason": "PROCESSING_ERROR_REASON_DENIED_CONSENT", "recordIndices": [0, 2]}
    ]


def test_status_is_kept_fifty_days() -> None:
    statuses = Statuses(processing_s=0)
    statuses.keep("r", (), NOW_S)

    assert statuses.told("r", NOW_S + KEPT_S) == {"requestStatusPerDestination": []}
    assert statuses.told("r", NOW_S + KEPT_S + 1) == "REQUEST_TOO_OLD"


@pytest.mark.parametrize(
    ("ago_s", "mode", "reason"),
    [
        (60, "google_offline", "PROCESSING_ERROR_REASON_TOO_RECENT_CLICK"),
        (21_599, "google_offline", "PROCESSING_ERROR_REASON_TOO_RECENT_CLICK"),
        (21_600, "google_offline", None),
        (60, "google_online", None),
        (-60, "google_offline", "PROCESSING_ERROR_REASON_CONVERSION_PRECEDES_CLICK"),
    ],
)
def test_click_can_be_found_after_six_hours(ago_s: float, mode: str, reason: str | None) -> None:
    made, headers = google(**{mode: frozenset({"987"})}, google_clicks={"fresh": NOW_S - ago_s})
    ruled = made.judge(asked(request([clicked("fresh"), clicked("other")]), headers=headers))

    (place,) = body_of(status_of(made, ruled, headers))["requestStatusPerDestination"]

    found = [one["reason"] for one in place.get("errorInfo", {"errorCounts": []})["errorCounts"]]
    assert found == ([] if reason is None else [reason])
    assert len(ruled.accepted) == (2 if reason is None else 1)


def test_a_project_has_300_requests_a_minute() -> None:
    made, headers = google()

    def codes(count: int, at_s: float) -> list[str]:
        return [made.judge(asked(request([SMALL]), headers=headers, at_s=at_s)).code for _ in range(count)]

    assert codes(301, NOW_S) == ["ok"] * 300 + ["RATE_LIMIT_EXCEEDED"]
    assert codes(1, NOW_S + 59) == ["RATE_LIMIT_EXCEEDED"]
    assert codes(1, NOW_S + 60) == ["ok"]


SESSION = base64.urlsafe_b64encode(b'{"gad_source":"1","session_start_time_usec":"1795305600000000"}').decode()


@pytest.mark.parametrize(
    ("session", "code"),
    [
        (SESSION, "ok"),
        (SESSION.rstrip("="), "ok"),
        ("not base64!", "INVALID_FORMAT"),
        (base64.b64encode(b"[]").decode(), "INVALID_FORMAT"),
        (base64.b64encode(b'{"email":"x"}').decode(), "INVALID_FORMAT"),
    ],
)
def test_a_landing_identifies_a_click(session: str, code: str) -> None:
    event = changed(changed(SMALL, "userData", MISSING), "adIdentifiers", {"sessionAttributes": session})

    assert judge([event]).code == code


def test_every_reason_that_can_be_asked_for_is_answered_with() -> None:
    made, _ = google()

    for code in made.errors():
        ruled = made.error(code, 3)
        told = body_of(ruled)["error"]
        reasons = [one.get("reason") for one in told["details"]]
        fields = [one["field"] for detail in told["details"] for one in detail.get("fieldViolations", [])]
        places = [one["reason"] for detail in told["details"] for one in detail.get("fieldViolations", [])]
        assert code in (*reasons, *places)
        assert ruled.status == told["code"] >= 400
        assert not fields or fields[0].startswith(("events.events[3].", "destinations[0]."))
    assert body_of(made.error("EVENT_TIME_INVALID", None))["error"]["details"][0]["reason"] == "INVALID_ARGUMENT"


def test_repeat_restates_value_and_currency() -> None:
    book = Book()
    again = changed(changed(RICH, "conversionValue", 12.5), "adIdentifiers.gclid", "other")

    repeats = [book.take(judge([event]).accepted, NOW_S) for event in (RICH, again)]

    (entry,) = book.events()
    payload = entry["payload"]
    assert isinstance(payload, dict)
    assert (repeats, payload["conversionValue"], payload["adIdentifiers"]["gclid"]) == ([0, 1], 12.5, "Cj0KCQ_a-b")


def test_token_is_needed_lives_an_hour_and_has_a_scope() -> None:
    made, headers = google()

    assert made.judge(asked(request([SMALL]))).code == "CREDENTIALS_MISSING"
    wrong = made.judge(asked(request([SMALL]), headers={"Authorization": "Bearer x"}))
    late = made.judge(asked(request([SMALL]), headers=headers, at_s=NOW_S + 3_600))
    assert [(one.status, body_of(one)["error"]["status"]) for one in (wrong, late)] == [(401, "UNAUTHENTICATED")] * 2


def test_expiring_ends_the_tokens_handed_out() -> None:
    made, headers = google()

    made.expired("events")

    assert made.judge(asked(request([SMALL]), headers=headers)).status == 401
