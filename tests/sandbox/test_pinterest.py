from __future__ import annotations

from typing import Any

import pytest

from gateway.sandbox.call import Object, Ruled
from gateway.sandbox.pinterest import DEDUP_S, MAX_EVENTS, Pinterest
from gateway.sandbox.state import Book
from gateway.sandbox.terms import Terms
from tests.sandbox.words import MISSING, NOW_S, asked, changed

# person@example.com, 448444124653.
EM = "542d240129883c019e106e3b1b2d3f3cb3537c43c425364de8e951d5a3083345"
PH = "dc008fda46e2e64002cf2f82a4906236282d431c4f75e5b60bfe79fc48546383"
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

SMALL: Object = {
    "event_name": "page_visit",
    "action_source": "web",
    "event_time": int(NOW_S) - 5,
    "event_id": "e-1",
    "user_data": {"client_ip_address": "203.0.113.7", "client_user_agent": "Mozilla/5.0"},
}
RICH: Object = {
    "event_name": "checkout",
    "action_source": "web",
    "event_time": int(NOW_S) - 5,
    "event_id": "ord-1001",
    "event_source_url": "https://shop.example/thanks",
    "opt_out": False,
    "partner_name": "ss-tagway",
    "language": "de",
    "user_data": {
        "em": [EM], "ph": [PH], "external_id": [EM], "click_id": "dj0yabc", "client_ip_address": "203.0.113.7",
        "client_user_agent": "Mozilla/5.0",
    },
    "custom_data": {
        "currency": "EUR", "value": "49.9", "content_ids": ["SKU1"], "num_items": 2, "order_id": "1001",
        "contents": [{"id": "SKU1", "item_name": "Shirt", "item_price": "24.95", "quantity": 2}],
    },
}  # fmt: skip


def judge(data: object, *, token: str | None = "sandbox-pinterest-token", account: str = "549", **query: str) -> Ruled:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return Pinterest(Terms(pinterest_accounts=frozenset({"549"}))).judge(
        asked({"data": data}, headers=headers, query=query, account=account)
    )


def body_of(ruled: Ruled) -> dict[str, Any]:
    assert isinstance(ruled.body, dict)
    return ruled.body


@pytest.mark.parametrize("event", [SMALL, RICH], ids=["small", "rich"])
def test_good_event_is_processed(event: Object) -> None:
    ruled = judge([event])

    assert (ruled.status, body_of(ruled)["num_events_processed"]) == (200, 1)
    assert body_of(ruled)["events"] == [{"status": "processed", "error_message": None, "warning_message": None}]
    assert [one.payload for one in ruled.accepted] == [event]
    assert ruled.findings == ()


# where, what, violates
BREACHES: list[tuple[str, object, bool]] = [
    ("event_name", MISSING, False),
    ("event_name", "Purchase", False),
    ("action_source", MISSING, False),
    ("action_source", "website", False),
    ("event_time", MISSING, False),
    ("event_time", int(NOW_S) * 1000, False),
    ("event_time", "now", False),
    ("event_id", MISSING, False),
    ("event_id", 7, False),
    ("event_source_url", "/thanks", False),
    ("opt_out", "no", False),
    ("surprise", 1, False),
    ("user_data", MISSING, False),
    ("user_data", {"click_id": "dj0y"}, False),
    ("user_data", {"client_ip_address": "203.0.113.7"}, False),
    ("user_data.em", EM, False),
    ("user_data.em", [], False),
    ("user_data.em", ["person@example.com"], True),
    ("user_data.em", [EMPTY], True),
    ("user_data.ph", [PH.upper()], True),
    ("user_data.external_id", ["customer-7"], True),
    ("user_data.click_id", EM, True),
    ("user_data.email", [EM], False),
    ("user_data.client_ip_address", "localhost", False),
    ("custom_data", [], False),
    ("custom_data.value", 49.9, False),
    ("custom_data.value", "1.234,56", False),
    ("custom_data.currency", "EURO", False),
    ("custom_data.num_items", "2", False),
    ("custom_data.order_id", 1001, False),
    ("custom_data.content_ids", [1], False),
    ("custom_data.contents", {}, False),
    ("custom_data.contents.0.item_price", 24.95, False),
    ("custom_data.contents.0.quantity", "2", False),
]


@pytest.mark.parametrize(("where", "what", "violates"), BREACHES)
def test_bad_row_fails_alone_and_the_others_are_in(where: str, what: object, violates: bool) -> None:
    ruled = judge([SMALL, changed(RICH, where, what)])

    told = body_of(ruled)
    assert (ruled.status, told["num_events_received"], told["num_events_processed"]) == (422, 2, 1)
    assert [one["status"] for one in told["events"]] == ["processed", "failed"]
    assert told["events"][1]["error_message"]
    assert [one.payload for one in ruled.accepted] == [SMALL]
    assert any(one.violates for one in ruled.findings) is violates


@pytest.mark.parametrize(
    ("token", "account", "status", "code"),
    [(None, "549", 401, 2), ("wrong", "549", 401, 2), ("sandbox-pinterest-token", "550", 403, 29)],
)
def test_token_and_account_are_asked_for(token: str | None, account: str, status: int, code: int) -> None:
    ruled = judge([SMALL], token=token, account=account)

    assert (ruled.status, body_of(ruled)["code"], ruled.accepted) == (status, code, ())


@pytest.mark.parametrize(("count", "status"), [(0, 400), (MAX_EVENTS, 200), (MAX_EVENTS + 1, 400)])
def test_batch_holds_1_to_1000(count: int, status: int) -> None:
    assert judge([SMALL] * count).status == status


def test_a_test_is_checked_and_recorded_nowhere() -> None:
    good, bad = judge([SMALL], test="true"), judge([changed(SMALL, "event_name", "X")], test="true")

    assert (good.status, bad.status, good.accepted, bad.accepted) == (200, 422, (), ())


@pytest.mark.parametrize(("later_s", "repeats"), [(DEDUP_S - 1, 1), (DEDUP_S + 1, 0)])
def test_repeat_is_known_for_a_day(later_s: float, repeats: int) -> None:
    book = Book()

    book.take(judge([RICH]).accepted, NOW_S)

    assert book.take(judge([RICH]).accepted, NOW_S + later_s) == repeats


def test_partial_leaves_the_last_event_out_and_says_so() -> None:
    ruled = Pinterest(Terms()).partial(judge([SMALL, RICH]))

    assert ruled is not None
    assert [one["status"] for one in body_of(ruled)["events"]] == ["processed", "failed"]
    assert [one.payload for one in ruled.accepted] == [SMALL]


def test_an_act_of_a_store_is_never_recognised() -> None:
    book, act = Book(), changed(RICH, "action_source", "offline")

    assert [book.take(judge([act]).accepted, NOW_S) for _ in range(2)] == [0, 0]
