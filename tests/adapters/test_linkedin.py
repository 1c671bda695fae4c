"""What LinkedIn's answers mean, and which configuration is refused."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from adapters.linkedin import RULES, LinkedIn
from gateway.core.adapter import Header, Payload, Response, Secret
from gateway.core.event import Event, Person, Purpose, Wire

LINKEDIN = LinkedIn(access_token=Secret("tok"), conversions={"purchase": "104012"})
EVENT = Event(
    site="shop",
    name="purchase",
    event_id="e-1",
    wires=(Wire.SERVER,),
    at_ms=1_795_305_600_250,
    received_ms=1_795_305_601_000,
    person=Person(digests={"email": {"plain": "a" * 64}}),
)


def _rulings(status: int, body: Any, count: int = 2, **headers: str) -> list[str]:
    response = Response(status=status, headers=headers, body=json.dumps(body).encode())
    return [f"{verdict.ruling} {verdict.reason}" for verdict in LINKEDIN.verdicts(response, count)]


# --- answers ---------------------------------------------------------------------------------------

# Source: LinkedIn's pages on errors and the answers in integrators' fixtures, read 2026-11-22.
ERRORS = [
    (401, "EXPIRED_ACCESS_TOKEN", "halt EXPIRED_ACCESS_TOKEN"),
    (401, "REVOKED_ACCESS_TOKEN", "halt REVOKED_ACCESS_TOKEN"),
    (401, None, "halt http_401"),
    (403, "ACCESS_DENIED", "halt ACCESS_DENIED"),
    (404, "RESOURCE_NOT_FOUND", "halt RESOURCE_NOT_FOUND"),
    (426, "NONEXISTENT_VERSION", "halt NONEXISTENT_VERSION"),
    (400, "ILLEGAL_ARGUMENT", "split ILLEGAL_ARGUMENT"),
    (422, None, "split http_422"),
    (422, "joe@example.com", "split http_422"),
    (413, None, "split http_413"),
    (429, "TOO_MANY_REQUESTS", "throttled http_429"),
    (500, "INTERNAL_SERVER_ERROR", "retry http_500"),
    (503, None, "retry http_503"),
]


@pytest.mark.parametrize(("status", "code", "expected"), ERRORS)
def test_a_refusal_is_ruled_by_status_and_code(status: int, code: str | None, expected: str) -> None:
    assert [expected] * 2 == _rulings(status, {"status": status, "serviceErrorCode": 65601, "code": code})


def test_a_named_row_is_rejected_and_the_others_are_free_to_go_at_once() -> None:
    message = (
        "Index: 1, ERROR :: /conversionValue/amount :: field is required but not found and has no default value\n"
        "ERROR :: /user/userInfo/firstName :: field is required but not found and has no default value\n"
    )

    assert _rulings(422, {"status": 422, "message": message}, 3) == [
        "split http_422",
        "rejected http_422",
        "split http_422",
    ]


def test_a_row_may_be_named_by_its_path() -> None:
    assert _rulings(422, {"message": "ERROR :: /elements/0/user/userIds :: is wrong"}) == [
        "rejected http_422",
        "split http_422",
    ]


@pytest.mark.parametrize("message", ["Index: 9, ERROR :: /eventId", "1 of 2 was wrong", None, ["Index: 1"], 7])
def test_a_row_that_is_not_there_rejects_nobody(message: Any) -> None:
    lost = ["rejected http_422"] if message == ["Index: 1"] else ["split http_422"]

    assert _rulings(422, {"message": message})[1:] == lost


def test_every_element_has_its_own_fate() -> None:
    elements = [{"status": status} for status in (201, 200, 422, 401, 429, 500)] + [{"status": "201"}, None, {}]

    assert _rulings(200, {"elements": elements}, 9) == [
        "accepted ",
        "accepted ",
        "rejected http_422",
        "halt http_401",
        "throttled http_429",
        "retry http_500",
        "retry http_200",
        "retry http_200",
        "retry http_200",
    ]


@pytest.mark.parametrize("body", [{}, {"elements": []}, {"elements": [{"status": 201}]}, {"elements": {}}, [], "ok"])
def test_a_success_that_does_not_count_every_event_is_none(body: Any) -> None:
    assert ["retry http_200"] * 2 == _rulings(200, body)


# --- packing ---------------------------------------------------------------------------------------


def test_a_request_names_its_version_and_the_token_travels_in_a_header() -> None:
    said = LINKEDIN.payload(EVENT, "purchase")
    assert isinstance(said, Payload)

    request = LINKEDIN.request([said, said])

    assert (request.path, request.query) == ("/rest/conversionEvents", {})
    assert request.json == {"elements": [said.body, said.body]}
    assert request.headers == {
        "LinkedIn-Version": "202604",
        "X-Restli-Protocol-Version": "2.0.0",
        "X-RestLi-Method": "BATCH_CREATE",
    }
    assert LINKEDIN.auth == Header(name="Authorization", secret=Secret("tok"), prefix="Bearer ")
    assert frozenset({Purpose.AD_STORAGE, Purpose.AD_USER_DATA}) == LINKEDIN.purposes


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        (49.9, "49.9"),
        (50, "50"),
        (1e14, "100000000000000.0"),
        (1e15, None),
        (-0.0, "0.0"),
        (1e-5, "0.0"),
        (0.1 + 0.2, "0.3"),
        (-1, None),
        (None, None),
    ],
)
def test_money_is_a_text_without_an_exponent(value: float | None, amount: str | None) -> None:
    said = LINKEDIN.payload(msgspec.structs.replace(EVENT, value=value, currency="EUR"), "purchase")
    assert isinstance(said, Payload)

    assert said.body.get("conversionValue", {}).get("amount") == amount


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ({"api_version": "2026-04"}, "api_version"),
        ({"conversions": {}}, "conversions"),
        ({"conversions": {"refund": "1"}}, "conversions.refund"),
        ({"conversions": {"purchase": "urn:li:conversion:1"}}, "conversions.purchase"),
        ({"conversions": {"purchase": "LEAD"}}, "conversions.purchase"),
    ],
)
def test_a_wrong_option_is_named(more: dict[str, Any], key: str) -> None:
    with pytest.raises(ValueError, match=rf"^{key}: "):
        LinkedIn(**{"access_token": Secret("tok"), "conversions": {"purchase": "1"}, **more})


def test_nothing_has_a_rule_that_takes_money_back() -> None:
    assert "refund" not in RULES


@pytest.mark.parametrize(
    ("version", "is_told"), [("202604", False), ("202603", False), ("202602", True), ("202511", True)]
)
def test_a_version_that_may_end_soon_is_told(version: str, is_told: bool) -> None:
    linkedin = LinkedIn(access_token=Secret("tok"), conversions={"purchase": "7"}, api_version=version)

    told = linkedin.advice(1_795_305_600_250)  # November 2026

    assert [option for option, _, _ in told] == (["api_version"] if is_told else [])


def test_a_version_is_a_month_there_is() -> None:
    with pytest.raises(ValueError, match="api_version"):
        LinkedIn(access_token=Secret("tok"), conversions={"purchase": "7"}, api_version="202613")


def test_an_account_is_digits_or_its_urn() -> None:
    for account in ("508900001", "urn:li:sponsoredAccount:508900001"):
        LinkedIn(access_token=Secret("tok"), conversions={"purchase": "7"}, ad_account=account)
    with pytest.raises(ValueError, match="ad_account"):
        LinkedIn(access_token=Secret("tok"), conversions={"purchase": "7"}, ad_account="act_5")
