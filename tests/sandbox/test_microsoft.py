from __future__ import annotations

from typing import Any

import pytest

from gateway.sandbox.call import Object, Ruled
from gateway.sandbox.microsoft import MAX_EVENTS, Microsoft
from gateway.sandbox.state import Book
from gateway.sandbox.terms import Terms
from tests.sandbox.words import MISSING, NOW_S, asked, changed

# person@example.com, 448444124653.
EM = "542d240129883c019e106e3b1b2d3f3cb3537c43c425364de8e951d5a3083345"
PH = "dc008fda46e2e64002cf2f82a4906236282d431c4f75e5b60bfe79fc48546383"
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

SMALL: Object = {
    "eventType": "pageLoad",
    "eventId": "e-1",
    "eventTime": int(NOW_S) - 5,
    "eventSourceUrl": "https://shop.example/",
    "userData": {"clientIpAddress": "203.0.113.7", "clientUserAgent": "Mozilla/5.0"},
}
RICH: Object = {
    "eventType": "custom",
    "eventId": "ord-1001",
    "eventName": "purchase",
    "eventTime": int(NOW_S) - 5,
    "eventSourceUrl": "https://shop.example/thanks",
    "referrerUrl": "https://shop.example/cart",
    "pageTitle": "Thanks",
    "pageLoadId": "f9ee4ae5-9b1c-4a3f-8a9e-0d3c1a2b4c5d",
    "adStorageConsent": "G",
    "userData": {
        "em": EM, "ph": PH, "externalId": "7", "anonymousId": "a", "clientIpAddress": "2001:db8::1",
        "clientUserAgent": "Mozilla/5.0", "msclkid": "cdd4afcccb1c9a4cad9544dd7e5006d5",
    },
    "customData": {
        "value": 49.9, "currency": "EUR", "transactionId": "1001", "searchTerm": "shirt", "pageType": "purchase",
        "itemIds": ["SKU1"], "items": [{"id": "SKU1", "name": "Shirt", "price": 24.95, "quantity": 2}],
    },
}  # fmt: skip


def judge(
    data: object, *, token: str | None = "sandbox-microsoft-token", tag: str = "97", goes_on: object = True, **more: Any
) -> Ruled:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    body = {"data": data, "dataProvider": "tagway", "continueOnValidationError": goes_on, **more}
    return Microsoft(Terms(microsoft_tags=frozenset({"97"}))).judge(asked(body, headers=headers, tag=tag))


def body_of(ruled: Ruled) -> dict[str, Any]:
    assert isinstance(ruled.body, dict)
    return ruled.body


@pytest.mark.parametrize("event", [SMALL, RICH], ids=["small", "rich"])
def test_good_event_is_received(event: Object) -> None:
    ruled = judge([event])

    assert (ruled.status, body_of(ruled)["eventsReceived"]) == (200, 1)
    assert set(body_of(ruled)) == {"eventsReceived", "traceId"}
    assert [one.payload for one in ruled.accepted] == [event]
    assert ruled.findings == ()


BREACHES: list[tuple[str, object, bool]] = [
    ("eventType", MISSING, False),
    ("eventType", "purchase", False),
    ("eventName", MISSING, False),
    ("eventId", 7, False),
    ("eventTime", MISSING, False),
    ("eventTime", int(NOW_S) * 1000, False),
    ("eventTime", "now", False),
    ("eventSourceUrl", "/thanks", False),
    ("referrerUrl", "app", False),
    ("pageLoadId", "p-1", False),
    ("pageTitle", "", False),
    ("adStorageConsent", "granted", False),
    ("surprise", 1, False),
    ("userData", MISSING, False),
    ("userData", {}, False),
    ("userData", {"clientIpAddress": "203.0.113.7"}, False),
    ("userData.em", "person@example.com", True),
    ("userData.em", [EM], True),
    ("userData.em", EMPTY, True),
    ("userData.ph", "448444124653", True),
    ("userData.clientUserAgent", EM, True),
    ("userData.clientIpAddress", "localhost", False),
    ("userData.msclkid", "abc", False),
    ("userData.email", EM, False),
    ("customData", [], False),
    ("customData.value", "49.9", False),
    ("customData.currency", "EURO", False),
    ("customData.transactionId", 1001, False),
    ("customData.pageType", "checkout", False),
    ("customData.itemIds", [1], False),
    ("customData.items.0.price", "24.95", False),
    ("customData.items.0.quantity", 1.5, False),
    ("customData.items.0.brand", "Acme", False),
    ("customData.coupon", "X", False),
]


@pytest.mark.parametrize(("where", "what", "violates"), BREACHES)
def test_bad_row_is_named_and_the_others_are_in(where: str, what: object, violates: bool) -> None:
    ruled = judge([SMALL, changed(RICH, where, what)])

    told = body_of(ruled)
    assert (ruled.status, told["eventsReceived"]) == (200, 1)
    assert {one["index"] for one in told["error"]["details"]} == {1}
    assert {"propertyName", "attemptedValue", "errorMessage"} <= told["error"]["details"][0].keys()
    assert [one.payload for one in ruled.accepted] == [SMALL]
    assert any(one.violates for one in ruled.findings) is violates


@pytest.mark.parametrize("goes_on", [False, "yes"])
def test_bad_row_spoils_all_where_the_call_does_not_go_on(goes_on: object) -> None:
    ruled = judge([SMALL, changed(RICH, "eventType", "x")], goes_on=goes_on)

    assert (ruled.status, body_of(ruled)["eventsReceived"], ruled.accepted) == (400, 0, ())


@pytest.mark.parametrize(
    ("token", "tag", "status"), [(None, "97", 401), ("wrong", "97", 401), ("sandbox-microsoft-token", "98", 403)]
)
def test_token_and_tag_are_asked_for(token: str | None, tag: str, status: int) -> None:
    ruled = judge([SMALL], token=token, tag=tag)

    assert (ruled.status, ruled.accepted) == (status, ())


@pytest.mark.parametrize(("count", "status"), [(0, 400), (MAX_EVENTS, 200), (MAX_EVENTS + 1, 400)])
def test_batch_holds_1_to_1000(count: int, status: int) -> None:
    assert judge([SMALL] * count).status == status


@pytest.mark.parametrize("more", [{"dataProvider": 1}, {"surprise": 1}])
def test_envelope_is_checked(more: dict[str, Any]) -> None:
    assert judge([SMALL], **more).status == 400


def test_what_only_asks_for_better_is_a_warning() -> None:
    old = changed(changed(RICH, "eventTime", int(NOW_S) - 8 * 86_400), "customData.currency", MISSING)

    ruled = judge([old])

    assert (ruled.status, [one.field for one in ruled.findings]) == (200, ["eventTime", "customData.currency"])


def test_repeat_of_an_event_is_known_by_its_id() -> None:
    book = Book()

    assert [book.take(judge([one]).accepted, NOW_S) for one in (RICH, RICH, SMALL)] == [0, 1, 0]


def test_partial_leaves_the_last_event_out_and_names_it() -> None:
    ruled = Microsoft(Terms()).partial(judge([SMALL, RICH]))

    assert ruled is not None
    assert (body_of(ruled)["eventsReceived"], body_of(ruled)["error"]["details"][0]["index"]) == (1, 1)
    assert [one.payload for one in ruled.accepted] == [SMALL]
