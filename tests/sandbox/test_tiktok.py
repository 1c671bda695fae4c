from __future__ import annotations

from typing import Any

import pytest

from gateway.sandbox.call import Object, Ruled
from gateway.sandbox.terms import Terms
from gateway.sandbox.tiktok import MAX_EVENTS, TikTok
from tests.sandbox.words import MISSING, NOW_S, asked, changed

# test@test.com, +15555555555, UserABC as TikTok's own tag and Segment digest them.
EMAIL = "f660ab912ec121d1b1e928a0bb4bc61b15f5ad44d5efdc4e1c92a25e99b8e44a"
PHONE = "910a625c4ba147b544e6bd2f267e130ae14c591b6ba9c25cb8573322dedbebd0"
USER = "cf1c946b7e2c680eae1b76b911030ab8fa12f296c19b906e1896d7f88351c46e"
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

SMALL: Object = {"event": "Pageview", "event_time": int(NOW_S) - 5, "user": {"ttclid": "E.C.P.abc"}}
RICH: Object = {
    "event": "Purchase",
    "event_time": int(NOW_S) - 5,
    "event_id": "ord-1001",
    "user": {
        "email": [EMAIL], "phone": PHONE, "external_id": USER, "first_name": USER, "zip_code": USER, "city": "berlin",
        "country": "de", "ttclid": "E.C.P.abc", "ttp": "2dJ4x0aBcDeFgHiJkLmNoPqRsTu.tt.1", "ip": "203.0.113.7",
        "user_agent": "Mozilla/5.0", "locale": "de-DE",
    },
    "page": {"url": "https://shop.example/thanks", "referrer": "https://shop.example/cart"},
    "properties": {
        "currency": "EUR", "value": 46.0, "content_type": "product", "order_id": "1001", "num_items": 2,
        "contents": [{"content_id": "1077218", "content_name": "Thing", "quantity": 2, "price": 8.0}],
    },
    "limited_data_use": False,
}  # fmt: skip


def judge(data: object, *, token: str | None = "sandbox-tiktok-token", **more: Any) -> Ruled:
    body = {"event_source": "web", "event_source_id": "C123", "data": data, **more}
    return TikTok(Terms(tiktok_sources=frozenset({"C123"}))).judge(
        asked({key: value for key, value in body.items() if value is not MISSING},
              headers={"Access-Token": token} if token is not None else {})
    )  # fmt: skip


def body_of(ruled: Ruled) -> dict[str, Any]:
    assert isinstance(ruled.body, dict)
    return ruled.body


@pytest.mark.parametrize("event", [SMALL, RICH], ids=["small", "rich"])
def test_good_event_gets_code_0(event: Object) -> None:
    ruled = judge([event])

    assert (ruled.status, body_of(ruled)["code"]) == (200, 0)
    assert set(body_of(ruled)) == {"code", "message", "request_id", "data"}
    assert [one.payload for one in ruled.accepted] == [event]
    assert [one for one in ruled.findings if one.violates] == []


BREACHES: list[tuple[str, object, str, bool]] = [
    ("app", "x", "app", False),
    ("app.app_id", 7, "app.app_id", False),
    ("app.platform", "ios", "app.platform", False),
    ("ad.callback", "", "ad.callback", False),
    ("ad.is_retargeting", "no", "ad.is_retargeting", False),
    ("lead.lead_id", 7, "lead.lead_id", False),
    ("user.att_status", "authorized", "user.att_status", False),
    ("event", MISSING, "event", False),
    ("event_time", MISSING, "event_time", False),
    ("event_time", "2026-11-22T10:00:00Z", "event_time", False),
    ("event_time", int(NOW_S) * 1000, "event_time", False),
    ("event_time", 1.5, "event_time", False),
    ("event_id", 1001, "event_id", False),
    ("timestamp", 1, "timestamp", False),
    ("user", MISSING, "user", False),
    ("user.email", "test@test.com", "user.email", True),
    ("user.email", [EMAIL, "x"], "user.email", True),
    ("user.email", EMPTY, "user.email", True),
    ("user.phone", "+15555555555", "user.phone", True),
    ("user.phone", PHONE.upper(), "user.phone", True),
    ("user.external_id", "UserABC", "user.external_id", True),
    ("user.first_name", [USER], "user.first_name", False),
    ("user.zip_code", "us1234", "user.zip_code", True),
    ("user.city", EMAIL, "user.city", True),
    ("user.ttclid", "", "user.ttclid", False),
    ("user.phone_number", PHONE, "user.phone_number", False),
    ("user.ip", "10.0.0", "user.ip", False),
    ("page.url", "thanks", "page.url", False),
    ("properties", [], "properties", False),
    ("properties.value", "46.0", "properties.value", False),
    ("properties.currency", MISSING, "properties.currency", False),
    ("properties.content_type", "thing", "properties.content_type", False),
    ("properties.contents.0.content_id", 1077218, "properties.contents.0.content_id", False),
    ("properties.contents.0.price", "8", "properties.contents.0.price", False),
    ("properties.contents.0.quantity", 1.5, "properties.contents.0.quantity", False),
    ("properties.order_id", 1001, "properties.order_id", False),
    ("limited_data_use", 0, "limited_data_use", False),
]


@pytest.mark.parametrize(("where", "what", "named", "violates"), BREACHES)
def test_breach_is_40002_naming_the_row(where: str, what: object, named: str, violates: bool) -> None:
    ruled = judge([SMALL, SMALL, changed(RICH, where, what)])

    assert (ruled.status, body_of(ruled)["code"]) == (200, 40002)
    assert body_of(ruled)["message"].startswith(f"Batch.2.{named}: ")
    assert ruled.accepted == ()
    assert any(one.violates for one in ruled.findings) is violates


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"event_source": "site"}, 40002),
        ({"event_source": MISSING}, 40002),
        ({"event_source_id": ""}, 40002),
        ({"event_source_id": "C999"}, 40001),
        ({"pixel_code": "C123"}, 40002),
        ({"token": "wrong"}, 40105),
        ({"token": None}, 40104),
    ],
)
def test_envelope_is_checked(more: dict[str, Any], code: int) -> None:
    ruled = judge([SMALL], **more)

    assert (ruled.status, body_of(ruled)["code"], ruled.accepted) == (200, code, ())


@pytest.mark.parametrize(("count", "code"), [(0, 40002), (MAX_EVENTS, 0), (MAX_EVENTS + 1, 40002)])
def test_batch_holds_1_to_1000(count: int, code: int) -> None:
    assert body_of(judge([SMALL] * count))["code"] == code


def test_what_spoils_only_the_value_is_a_warning() -> None:
    ruled = judge([changed(RICH, "properties.currency", "XXY"), changed(SMALL, "event_time", 1_600_000_000)])

    assert body_of(ruled)["code"] == 0
    assert {one.field for one in ruled.findings} == {"properties.currency", "event_time", "page.url"}


def test_partial_leaves_the_last_event_out_and_names_it() -> None:
    ruled = TikTok(Terms()).partial(judge([SMALL, RICH]))

    assert ruled is not None
    assert (body_of(ruled)["code"], body_of(ruled)["message"][:8]) == (20001, "Batch.1.")
    assert [one.payload for one in ruled.accepted] == [SMALL]


def test_token_in_the_url_is_a_violation() -> None:
    ruled = TikTok(Terms()).judge(asked({}, query={"access_token": "sandbox-tiktok-token"}))

    assert [one.field for one in ruled.findings if one.violates] == ["access_token"]
