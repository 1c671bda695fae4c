from __future__ import annotations

from typing import Any

import pytest

from gateway.sandbox.call import Object, Ruled
from gateway.sandbox.reddit import MAX_EVENTS, Reddit
from gateway.sandbox.state import Book
from gateway.sandbox.terms import Terms
from tests.sandbox.words import MISSING, NOW_S, asked, changed

# person@example.com, +15555555555.
EM = "542d240129883c019e106e3b1b2d3f3cb3537c43c425364de8e951d5a3083345"
PH = "910a625c4ba147b544e6bd2f267e130ae14c591b6ba9c25cb8573322dedbebd0"
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
NOW_MS = int(NOW_S) * 1000

SMALL: Object = {
    "event_at": NOW_MS - 5_000,
    "action_source": "WEBSITE",
    "click_id": "c-1",
    "type": {"tracking_type": "PAGE_VISIT"},
}
RICH: Object = {
    "event_at": NOW_MS - 5_000,
    "action_source": "WEBSITE",
    "event_source_url": "https://shop.example/thanks",
    "click_id": "c-1",
    "type": {"tracking_type": "PURCHASE"},
    "user": {
        "email": EM, "phone_number": PH, "external_id": EM, "ip_address": "203.0.113.7", "user_agent": "Mozilla/5.0",
        "uuid": "f9ee4ae5-9b1c-4a3f-8a9e-0d3c1a2b4c5d", "screen_dimensions": {"width": 1, "height": 2},
        "data_processing_options": {"modes": ["LDU"], "country": "US", "region": "US-CA"},
    },
    "metadata": {
        "conversion_id": "ord-1001", "currency": "EUR", "value": 49.9, "item_count": 2,
        "products": [{"id": "SKU1", "name": "Shirt", "category": "Tops", "item_price": 24.95, "quantity": 2}],
    },
}  # fmt: skip


def judge(
    events: object, *, token: str | None = "sandbox-reddit-token", pixel: str = "a2_abc", **more: object
) -> Ruled:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return Reddit(Terms(reddit_pixels=frozenset({"a2_abc"}))).judge(
        asked({"data": {"events": events, **more}}, headers=headers, pixel=pixel)
    )


def body_of(ruled: Ruled) -> dict[str, Any]:
    assert isinstance(ruled.body, dict)
    return ruled.body


@pytest.mark.parametrize("event", [SMALL, RICH], ids=["small", "rich"])
def test_good_event_is_processed(event: Object) -> None:
    ruled = judge([event])

    assert (ruled.status, ruled.body) == (200, {"data": {"message": "Successfully processed 1 conversion events."}})
    assert [one.payload for one in ruled.accepted] == [event]
    assert ruled.findings == ()


BREACHES: list[tuple[str, object, bool]] = [
    ("event_at", MISSING, False),
    ("event_at", int(NOW_S), False),
    ("event_at", "2026-11-22T00:00:00Z", False),
    ("event_at", NOW_MS - 168 * 3_600_000, False),
    ("event_at", NOW_MS + 6 * 60_000, False),
    ("action_source", MISSING, False),
    ("action_source", "web", False),
    ("event_source_url", "thanks", False),
    ("event_id", "e-1", False),
    ("click_id", 1, False),
    ("click_id", EM, True),
    ("type", MISSING, False),
    ("type.tracking_type", "Purchase", False),
    ("type.tracking_type", "CUSTOM", False),
    ("type.custom_event_name", "quiz", False),
    ("user", [], False),
    ("user.email", "person@example.com", True),
    ("user.email", EMPTY, True),
    ("user.phone_number", "+15555555555", True),
    ("user.external_id", "customer-7", True),
    ("user.em", EM, False),
    ("user.ip_address", "localhost", False),
    ("user.uuid", "", False),
    ("user.screen_dimensions", {"width": "1"}, False),
    ("user.data_processing_options.modes", ["LMU"], False),
    ("metadata", [], False),
    ("metadata.conversion_id", 1001, False),
    ("metadata.currency", "EURO", False),
    ("metadata.value", "49.9", False),
    ("metadata.value_decimal", 49.9, False),
    ("metadata.item_count", 1.5, False),
    ("metadata.products.0.item_price", "24.95", False),
    ("metadata.products.0.quantity", "2", False),
    ("metadata.products.0.id", 7, False),
]


@pytest.mark.parametrize(("where", "what", "violates"), BREACHES)
def test_breach_refuses_all_and_is_named(where: str, what: object, violates: bool) -> None:
    ruled = judge([SMALL, changed(RICH, where, what)])

    assert (ruled.status, ruled.accepted) == (400, ())
    assert {one["index"] for one in body_of(ruled)["invalid_events"]} == {1}
    assert any(one.violates for one in ruled.findings) is violates


def test_somebody_has_to_be_named() -> None:
    nobody = changed(SMALL, "click_id", MISSING)

    assert judge([nobody]).status == 400
    assert judge([changed(nobody, "user", {"ip_address": EM})]).status == 200


@pytest.mark.parametrize(
    ("token", "pixel", "status"),
    [(None, "a2_abc", 401), ("wrong", "a2_abc", 401), ("sandbox-reddit-token", "a2_xyz", 403)],
)
def test_token_and_pixel_are_asked_for(token: str | None, pixel: str, status: int) -> None:
    ruled = judge([SMALL], token=token, pixel=pixel)

    assert (ruled.status, ruled.accepted) == (status, ())


@pytest.mark.parametrize(("count", "status"), [(0, 400), (MAX_EVENTS, 200), (MAX_EVENTS + 1, 400)])
def test_batch_holds_1_to_1000(count: int, status: int) -> None:
    assert judge([SMALL] * count).status == status


@pytest.mark.parametrize(("more", "status"), [({"test_id": "t2_x"}, 200), ({"test_mode": True}, 400)])
def test_envelope_is_checked(more: dict[str, Any], status: int) -> None:
    ruled = judge([SMALL], **more)

    assert ruled.status == status
    assert all(one.is_test for one in ruled.accepted)


def test_repeat_of_a_conversion_is_known_by_its_id_and_type() -> None:
    book = Book()
    other = changed(RICH, "type.tracking_type", "LEAD")

    assert [book.take(judge([one]).accepted, NOW_S) for one in (RICH, RICH, other)] == [0, 1, 0]


def test_of_two_copies_the_one_that_says_more_stays() -> None:
    poorer = changed(RICH, "metadata.value", MISSING)
    for copies in ((poorer, RICH), (RICH, poorer)):
        book = Book()

        for one in copies:
            book.take(judge([one]).accepted, NOW_S)

        assert [one["payload"] for one in book.events()] == [RICH]


@pytest.mark.parametrize(
    ("token", "pixel", "status"),
    [("sandbox-reddit-token", "a2_abc", 200), ("wrong", "a2_abc", 401), ("sandbox-reddit-token", "a2_xyz", 403)],
)
def test_when_events_were_last_seen_is_told_to_the_pixels_token(token: str, pixel: str, status: int) -> None:
    reddit = Reddit(Terms(reddit_pixels=frozenset({"a2_abc"})))
    (_, route) = reddit.routes()

    ruled = route.judge(asked(headers={"Authorization": f"Bearer {token}"}, pixel=pixel))

    assert (ruled.status, ruled.accepted) == (status, ())
    assert ("data" in body_of(ruled)) == (status == 200)
