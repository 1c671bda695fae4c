from __future__ import annotations

import time
from typing import Any

import aiohttp
import pytest

from gateway.sandbox import Sandbox
from gateway.sandbox.call import Object, Ruled
from gateway.sandbox.linkedin import MAX_EVENTS, LinkedIn
from gateway.sandbox.state import Book
from gateway.sandbox.terms import Terms
from tests.sandbox.words import MISSING, NOW_S, asked, changed

EM = "542d240129883c019e106e3b1b2d3f3cb3537c43c425364de8e951d5a3083345"
HEADERS = {
    "Authorization": "Bearer sandbox-linkedin-token",
    "LinkedIn-Version": "202604",
    "X-Restli-Protocol-Version": "2.0.0",
}
BATCH = {**HEADERS, "X-RestLi-Method": "BATCH_CREATE"}

SMALL: Object = {
    "conversion": "urn:lla:llaPartnerConversion:104012",
    "conversionHappenedAt": int((NOW_S - 5) * 1000),
    "user": {"userIds": [{"idType": "SHA256_EMAIL", "idValue": EM}]},
}
RICH: Object = {
    "conversion": "urn:lla:llaPartnerConversion:104012",
    "conversionHappenedAt": int((NOW_S - 5) * 1000),
    "conversionValue": {"currencyCode": "EUR", "amount": "49.90"},
    "eventId": "ord-1001",
    "user": {
        "userIds": [
            {"idType": "SHA256_EMAIL", "idValue": EM},
            {"idType": "LINKEDIN_FIRST_PARTY_ADS_TRACKING_UUID", "idValue": "df5gf5-gh6t7-ph4j7h-fgf6n1"},
            {"idType": "PLAINTEXT_IP_ADDRESS", "idValue": "203.0.113.7"},
        ],
        "userInfo": {"firstName": "Jo", "lastName": "Doe", "companyName": "Shop", "countryCode": "DE"},
        "externalIds": ["customer-7"],
    },
}


def call(body: object, headers: dict[str, str] | None = None) -> Ruled:
    platform = LinkedIn(Terms(linkedin_rules=frozenset({"104012"})))
    return platform.judge(asked(body, headers=BATCH if headers is None else headers))


def judge(events: object) -> Ruled:
    return call({"elements": events})


def told(ruled: Ruled) -> dict[str, Any]:
    assert isinstance(ruled.body, dict)
    return ruled.body


def test_a_good_batch_is_created_row_by_row() -> None:
    ruled = judge([SMALL, RICH])

    assert (ruled.status, told(ruled)["elements"]) == (200, [{"status": 201}, {"status": 201}])
    assert [one.payload for one in ruled.accepted] == [SMALL, RICH]
    assert ruled.findings == ()


def test_one_event_alone_is_a_201_without_a_word() -> None:
    ruled = call(RICH, HEADERS)

    assert (ruled.status, ruled.body, [one.event_id for one in ruled.accepted]) == (201, None, ["ord-1001"])


# where, what, violates
BREACHES: list[tuple[str, object, bool]] = [
    ("conversion", MISSING, False),
    ("conversion", "104012", False),
    ("conversion", "urn:lla:llaPartnerConversion:1", False),
    ("conversionHappenedAt", MISSING, False),
    ("conversionHappenedAt", int(NOW_S), False),
    ("conversionHappenedAt", str(int(NOW_S * 1000)), False),
    ("conversionHappenedAt", int((NOW_S - 91 * 86_400) * 1000), False),
    ("conversionValue.amount", 49.9, False),
    ("conversionValue.amount", "much", False),
    ("conversionValue.currencyCode", "EURO", False),
    ("conversionValue.currencyCode", MISSING, False),
    ("eventId", 7, False),
    ("surprise", 1, False),
    ("user", MISSING, False),
    ("user", {"userInfo": {"firstName": "Jo"}}, False),
    ("user", {"userInfo": {"title": "Dr"}}, False),
    ("user.userIds", {}, False),
    ("user.userIds.0.idType", "EMAIL", False),
    ("user.userIds.0.idValue", "person@example.com", True),
    ("user.userIds.0.idValue", EM.upper(), True),
    ("user.userIds.1.idValue", EM, True),
    ("user.userIds.2.idValue", "localhost", False),
    ("user.userInfo.firstName", EM, True),
    ("user.userInfo.lastName", MISSING, False),
    ("user.userInfo.email", "x", False),
    ("user.externalIds", ["a", "b"], False),
]


@pytest.mark.parametrize(("where", "what", "violates"), BREACHES)
def test_a_breach_refuses_the_whole_batch_and_names_the_row_in_prose(where: str, what: object, violates: bool) -> None:
    ruled = judge([SMALL, changed(RICH, where, what)])

    assert (ruled.status, ruled.accepted) == (422, ())
    assert "/elements/1/" in told(ruled)["message"]
    assert any(one.violates for one in ruled.findings) is violates


@pytest.mark.parametrize(
    ("header", "value", "status", "code"),
    [
        ("Authorization", None, 401, "EMPTY_ACCESS_TOKEN"),
        ("Authorization", "Bearer wrong", 401, "REVOKED_ACCESS_TOKEN"),
        ("X-Restli-Protocol-Version", None, 400, "ILLEGAL_ARGUMENT"),
        ("LinkedIn-Version", None, 400, "VERSION_MISSING"),
        ("LinkedIn-Version", "202510", 426, "NONEXISTENT_VERSION"),
        ("LinkedIn-Version", "202612", 426, "NONEXISTENT_VERSION"),
        ("LinkedIn-Version", "2026-04", 426, "NONEXISTENT_VERSION"),
    ],
)
def test_the_headers_are_asked_for_first(header: str, value: str | None, status: int, code: str) -> None:
    headers = {key: text for key, text in {**BATCH, header: value}.items() if text is not None}

    ruled = call({"elements": [RICH]}, headers)

    assert (ruled.status, told(ruled)["code"], ruled.accepted) == (status, code, ())


@pytest.mark.parametrize(("count", "status"), [(0, 422), (MAX_EVENTS, 200), (MAX_EVENTS + 1, 422)])
def test_a_batch_holds_1_to_5000(count: int, status: int) -> None:
    assert judge([SMALL] * count).status == status


def test_the_same_event_id_of_one_rule_is_one_conversion() -> None:
    book = Book()

    assert [book.take(judge([RICH]).accepted, NOW_S) for _ in range(2)] == [0, 1]


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ({"status": 503}, 503, "INTERNAL_SERVER_ERROR"),
        ({"throttle": True}, 429, "TOO_MANY_REQUESTS"),
        ({"token": "expired"}, 401, "EXPIRED_ACCESS_TOKEN"),
        ({"refuse_id": "ord-1001"}, 422, "UNPROCESSABLE_ENTITY"),
        ({"pass": True}, 200, None),
    ],
)
async def test_over_the_wire(
    sandbox: Sandbox, client: aiohttp.ClientSession, fault: Object, status: int, code: str | None
) -> None:
    sandbox.script("linkedin", fault)
    now = time.gmtime()
    headers = {**BATCH, "LinkedIn-Version": f"{now.tm_year}{now.tm_mon:02}"}
    body = {"elements": [changed(RICH, "conversionHappenedAt", int(time.time() * 1000))]}

    async with client.post(sandbox.endpoint("linkedin") + "/rest/conversionEvents", json=body, headers=headers) as got:
        assert (got.status, (await got.json()).get("code")) == (status, code)

    assert len(sandbox.events("linkedin")) == (status == 200)
    assert "sandbox-linkedin-token" not in str(sandbox.requests("linkedin"))


async def test_a_path_it_lacks_is_told(sandbox: Sandbox, client: aiohttp.ClientSession) -> None:
    async with client.post(sandbox.endpoint("linkedin") + "/v2/conversionEvents", json={}) as got:
        assert (got.status, (await got.json())["code"]) == (404, "RESOURCE_NOT_FOUND")


def test_the_rules_of_an_account_are_listed_to_who_names_it() -> None:
    (*_, route) = LinkedIn(Terms(linkedin_rules=frozenset({"7", "8"}))).routes()
    urn = "urn:li:sponsoredAccount:1"

    listed, lost = (
        route.judge(asked(headers=HEADERS, query=query)) for query in ({"q": "account", "account": urn}, {})
    )

    assert [one["id"] for one in told(listed)["elements"]] == [7, 8]
    assert (listed.status, lost.status, listed.accepted) == (200, 400, ())
