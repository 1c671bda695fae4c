from __future__ import annotations

from typing import Any

import pytest

from gateway.sandbox.call import Object, Ruled
from gateway.sandbox.snap import MAX_EVENTS, Snap
from gateway.sandbox.state import Book
from gateway.sandbox.terms import Terms
from tests.sandbox.words import MISSING, NOW_S, asked, changed

# person@example.com, 448444124653, john, raphaël of Snap's own documents.
EM = "542d240129883c019e106e3b1b2d3f3cb3537c43c425364de8e951d5a3083345"
PH = "dc008fda46e2e64002cf2f82a4906236282d431c4f75e5b60bfe79fc48546383"
FN = "96d9632f363564cc3032521409cf22a852f2032eec099ed5967c0d000cec607a"
LN = "e74bb89e718fe1e19c422a48382870399f8bf7ca8dfa008739e75b0be76627b7"
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

SMALL: Object = {
    "event_name": "PAGE_VIEW",
    "event_time": int(NOW_S) - 5,
    "action_source": "WEB",
    "event_source_url": "https://shop.example/",
    "user_data": {"client_ip_address": "203.0.113.7", "client_user_agent": "Mozilla/5.0"},
}
RICH: Object = {
    "event_name": "PURCHASE",
    "event_time": int(NOW_S) - 5,
    "action_source": "WEB",
    "event_source_url": "https://shop.example/thanks",
    "event_id": "ord-1001",
    "user_data": {
        "em": [EM], "ph": PH, "fn": FN, "ln": LN, "external_id": [EM], "sc_click_id": "a-b", "sc_cookie1": "c-d",
    },
    "custom_data": {
        "currency": "EUR", "value": 49.9, "order_id": "1001", "content_ids": ["SKU1"],
        "contents": [{"id": "SKU1", "quantity": "2", "item_price": "24.95"}],
    },
    "data_processing_options": ["LMU"],
}  # fmt: skip


def judge(data: object, *, query: dict[str, str] | None = None, pixel: str = "p-1", **headers: str) -> Ruled:
    told = {"access_token": "sandbox-snap-token"} if query is None else query
    return Snap(Terms(snap_pixels=frozenset({"p-1"}))).judge(
        asked({"data": data}, query=told, headers=headers, pixel=pixel)
    )


def body_of(ruled: Ruled) -> dict[str, Any]:
    assert isinstance(ruled.body, dict)
    return ruled.body


@pytest.mark.parametrize("event", [SMALL, RICH], ids=["small", "rich"])
def test_good_event_is_valid(event: Object) -> None:
    ruled = judge([event])

    assert (ruled.status, body_of(ruled)["status"]) == (200, "VALID")
    assert [one.payload for one in ruled.accepted] == [event]
    assert ruled.findings == ()


# where, what, status, violates
BREACHES: list[tuple[str, object, int, bool]] = [
    ("integration", 7, 200, False),
    ("app_data", "x", 200, False),
    ("app_data.app_id", 7, 200, False),
    ("app_data.advertiser_tracking_enabled", 2, 200, False),
    ("app_data.extinfo", ["i2"] * 15, 200, False),
    ("app_data.name", "Shop", 200, False),
    ("event_name", MISSING, 400, False),
    ("event_name", "Purchase", 200, False),
    ("event_time", MISSING, 400, False),
    ("event_time", "now", 200, False),
    ("event_time", int(NOW_S) - 38 * 86_400, 200, False),
    ("action_source", MISSING, 400, False),
    ("action_source", "email", 200, False),
    ("event_source_url", MISSING, 200, False),
    ("event_id", 1, 200, False),
    ("surprise", 1, 200, False),
    ("user_data", MISSING, 400, False),
    ("user_data", {"fn": FN}, 400, False),
    ("user_data", {"client_ip_address": "203.0.113.7"}, 400, False),
    ("user_data.em", ["person@example.com"], 200, True),
    ("user_data.em", EMPTY, 200, True),
    ("user_data.ph", "448444124653", 200, True),
    ("user_data.external_id", "customer-7", 200, True),
    ("user_data.sc_click_id", EM, 200, True),
    ("user_data.email", EM, 200, False),
    ("user_data.client_ip_address", "localhost", 200, False),
    ("custom_data.value", MISSING, 400, False),
    ("custom_data.currency", MISSING, 400, False),
    ("custom_data.currency", "EURO", 200, False),
    ("custom_data.value", "much", 200, False),
    ("custom_data.order_id", 1001, 200, False),
    ("custom_data.contents", {}, 200, False),
    ("custom_data.contents.0.quantity", "two", 200, False),
    ("data_processing_options", ["XXX"], 200, False),
    ("opt_out", 1, 200, False),
]


@pytest.mark.parametrize(("where", "what", "status", "violates"), BREACHES)
def test_breach_is_invalid(where: str, what: object, status: int, violates: bool) -> None:
    ruled = judge([SMALL, changed(RICH, where, what)])

    assert (ruled.status, body_of(ruled)["status"]) == (status, "INVALID")
    assert body_of(ruled).get("event") == (1 if status == 200 else None)
    assert ruled.accepted == ()
    assert any(one.violates for one in ruled.findings) is violates


@pytest.mark.parametrize(
    ("query", "headers", "pixel", "status"),
    [
        ({"access_token": "sandbox-snap-token"}, {}, "p-1", 200),
        ({}, {"Authorization": "Bearer sandbox-snap-token"}, "p-1", 200),
        ({}, {}, "p-1", 401),
        ({"access_token": "wrong"}, {}, "p-1", 401),
        ({"access_token": "sandbox-snap-token"}, {}, "p-2", 403),
    ],
)
def test_token_comes_in_the_url_or_the_header(
    query: dict[str, str], headers: dict[str, str], pixel: str, status: int
) -> None:
    ruled = judge([SMALL], query=query, pixel=pixel, **headers)

    assert (ruled.status, [one for one in ruled.findings if one.violates]) == (status, [])


@pytest.mark.parametrize(("count", "status"), [(0, 400), (MAX_EVENTS, 200), (MAX_EVENTS + 1, 400)])
def test_batch_holds_1_to_2000(count: int, status: int) -> None:
    assert judge([SMALL] * count).status == status


def test_tolerated_spellings_are_warned_of() -> None:
    odd = changed(changed(SMALL, "event_time", int(NOW_S) * 1000), "action_source", "website")

    ruled = judge([odd])

    assert (ruled.code, [one.field for one in ruled.findings]) == ("VALID", ["event_time", "action_source"])


def test_second_copy_gives_what_the_first_lacked() -> None:
    book = Book()
    first = changed(changed(RICH, "user_data.ph", MISSING), "event_id", "a")
    second = changed(changed(RICH, "user_data.em", MISSING), "event_id", "b")

    repeats = [book.take(judge([event]).accepted, NOW_S) for event in (first, second)]

    (entry,) = book.events()
    payload = entry["payload"]
    assert isinstance(payload, dict)
    assert (repeats, entry["repeats"], entry["event_id"]) == ([0, 1], 1, "a")
    assert {"em", "ph"} <= payload["user_data"].keys()


def test_validating_records_nothing() -> None:
    (route,) = [one for one in Snap(Terms()).routes() if one.at == "validate"]
    query = {"access_token": "sandbox-snap-token"}

    good = route.judge(asked({"data": [RICH]}, query=query, pixel="p"))
    bad = route.judge(asked({"data": [changed(RICH, "event_name", "X")]}, query=query, pixel="p"))

    assert (body_of(good)["status"], good.accepted) == ("VALID", ())
    assert (body_of(bad)["status"], body_of(bad)["event_logs"][0]["event"]) == ("INVALID", 0)


@pytest.mark.parametrize(
    ("token", "pixel", "status"),
    [("sandbox-snap-token", "p-1", 200), ("wrong", "p-1", 401), ("sandbox-snap-token", "p-2", 403)],
)
def test_statistics_are_told_to_the_pixels_token(token: str, pixel: str, status: int) -> None:
    (*_, route) = Snap(Terms(snap_pixels=frozenset({"p-1"}))).routes()

    ruled = route.judge(asked(query={"access_token": token}, pixel=pixel))

    assert (ruled.status, ruled.accepted) == (status, ())
    assert body_of(ruled)["status"] == ("SUCCESS" if status == 200 else "INVALID")
