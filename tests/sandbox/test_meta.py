from __future__ import annotations

from typing import Any

import pytest

from gateway.sandbox.call import Asked, Object, Ruled
from gateway.sandbox.meta import MAX_EVENTS, Meta
from gateway.sandbox.terms import Terms
from tests.sandbox.words import MISSING, NOW_S, asked, changed

# Golden digests of Meta's own documents: john_smith@gmail.com, 16505551212, mary, us, 19970216, 정.
EM = "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"
PH = "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176"
FN = "6915771be1c5aa0c886870b6951b03d7eafc121fea0e80a5ea83beb7c449f4ec"
US = "79adb2a2fce5c6ba215fe5f27f532d4e7edbac4b6a5e09e1ef3a08084a904621"
DB = "01acdbf6ec7b4f478a225f1a246e5d6767eeab1a7ffa17f025265b5b94f40f0c"
LN = "8fa8cd9c440be61d0151429310034083132b35975c4bea67fdd74158eb51db14"
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

SMALL: Object = {
    "event_name": "PageView",
    "event_time": int(NOW_S) - 5,
    "action_source": "website",
    "event_source_url": "https://shop.example/",
    "user_data": {"client_user_agent": "Mozilla/5.0", "client_ip_address": "203.0.113.7"},
}
RICH: Object = {
    "event_name": "Purchase",
    "event_time": int(NOW_S) - 5,
    "event_id": "ord-1001",
    "action_source": "website",
    "event_source_url": "https://shop.example/thanks?a=1",
    "referrer_url": "https://shop.example/cart",
    "user_data": {
        "em": [EM, EM], "ph": PH, "fn": FN, "ln": LN, "db": DB, "country": US, "external_id": EM,
        "client_user_agent": "Mozilla/5.0", "client_ip_address": "2001:db8::1",
        "fbc": "fb.1.1795305000000.IwAR0AbC-d_9.AQQCAQMC", "fbp": "fb.1.1778869247376.52390506499288804",
    },
    "custom_data": {
        "value": 0, "currency": "eur", "order_id": "1001", "num_items": 2, "content_type": "product",
        "content_ids": ["SKU1"], "contents": [{"id": "SKU1", "quantity": 2, "item_price": 24.95}], "mine": "else",
    },
    "data_processing_options": ["LDU"], "data_processing_options_country": 0, "data_processing_options_state": 0,
    "customer_segmentation": "new_customer_to_business",
}  # fmt: skip


def call(data: object, *, version: str = "v26.0", dataset: str = "123", **more: Any) -> Asked:
    headers = {"Authorization": "Bearer sandbox-meta-token", "Accept-Language": more.pop("language", "en")}
    body = {"data": data, "partner_agent": "tagway_0_1", **more}
    return asked(body, headers=headers, version=version, dataset=dataset)


def judge(data: object, **more: Any) -> Ruled:
    return Meta(Terms()).judge(call(data, **more))


def body_of(ruled: Ruled) -> dict[str, Any]:
    assert isinstance(ruled.body, dict)
    return ruled.body


@pytest.mark.parametrize("event", [SMALL, RICH], ids=["small", "rich"])
def test_good_event_is_received(event: Object) -> None:
    ruled = judge([event])

    assert (ruled.status, body_of(ruled)["events_received"], body_of(ruled)["messages"]) == (200, 1, [])
    assert [one.payload for one in ruled.accepted] == [event]
    assert [one for one in ruled.findings if one.violates] == []


# where, what, subcode, listed as a violation
BREACHES: list[tuple[str, object, int | None, bool]] = [
    ("event_name", MISSING, None, False),
    ("event_name", 7, None, False),
    ("event_time", MISSING, None, False),
    ("event_time", "1795305600", None, False),
    ("event_time", True, None, False),
    ("event_time", int(NOW_S) * 1000, None, False),
    ("event_time", int(NOW_S) + 600, None, False),
    ("event_time", int(NOW_S) - 7 * 86_400 - 1, 2804003, False),
    ("action_source", MISSING, None, False),
    ("action_source", "web", None, False),
    ("event_source_url", MISSING, None, False),
    ("event_source_url", "shop.example", None, False),
    ("event_id", 12, None, False),
    ("surprise", 1, None, False),
    ("user_data", MISSING, None, False),
    ("user_data", {"client_user_agent": "Mozilla/5.0"}, 2804050, False),
    ("user_data", {}, 2804050, False),
    ("user_data", {"fn": FN, "ge": FN}, 2804050, False),
    ("user_data.em", "john_smith@gmail.com", 2804016, True),
    ("user_data.em", [EM, "john_smith"], 2804016, True),
    ("user_data.em", EM.upper(), 2804016, True),
    ("user_data.em", EMPTY, 2804016, True),
    ("user_data.em", [], None, False),
    ("user_data.ph", "+16505551212", 2804016, True),
    ("user_data.country", "us", 2804016, True),
    ("user_data.external_id", EMPTY, 2804016, True),
    ("user_data.external_id", 77, None, False),
    ("user_data.email", EM, None, False),
    ("user_data.client_ip_address", "8.8.8.8.AQQAAQMC", None, False),
    ("user_data.client_user_agent", EM, None, True),
    ("user_data.fbc", "fb.1.1795305000.IwAR0", 2804001, False),
    ("user_data.fbc", "IwAR0AbC", 2804001, False),
    ("user_data.fbc", "fb.1.1795305000000.", 2804001, False),
    ("user_data.fbp", "fb.1.2.3", None, False),
    ("custom_data.value", MISSING, 2804009, False),
    ("custom_data.value", "49.90", None, False),
    ("custom_data.value", True, None, False),
    ("custom_data.currency", MISSING, 2804010, False),
    ("custom_data.currency", "EURO", None, False),
    ("custom_data.content_ids", [1], None, False),
    ("custom_data.contents", [{"quantity": 1}], None, False),
    ("custom_data.contents.0.item_price", "24.95", None, False),
    ("custom_data.content_type", "thing", None, False),
    ("custom_data.num_items", 1.5, None, False),
    ("custom_data.order_id", 1001, None, False),
    ("data_processing_options", ["LMU"], None, False),
    ("data_processing_options", MISSING, None, False),
    ("opt_out", "no", None, False),
    ("customer_segmentation", "new", None, False),
]


@pytest.mark.parametrize(("where", "what", "subcode", "violates"), BREACHES)
def test_breach_refuses_the_whole_request(where: str, what: object, subcode: int | None, violates: bool) -> None:
    ruled = judge([SMALL, changed(RICH, where, what)])

    error = body_of(ruled)["error"]
    assert (ruled.status, error["code"], error.get("error_subcode")) == (400, 100, subcode)
    assert ruled.accepted == ()
    assert any(one.violates for one in ruled.findings) is violates
    assert {one.row for one in ruled.findings if one.refuses} == {1}


def test_no_error_names_a_row_or_a_value() -> None:
    ruled = judge([SMALL, changed(RICH, "user_data.em", "john_smith@gmail.com")])

    assert "john" not in repr(ruled.body) + repr(ruled.findings)
    assert "[1]" not in repr(ruled.body)


def test_shop_events_may_be_62_days_old() -> None:
    old = changed(changed(RICH, "action_source", "physical_store"), "event_time", int(NOW_S) - 61 * 86_400)

    assert judge([old]).status == 200
    assert judge([changed(old, "event_time", int(NOW_S) - 63 * 86_400)]).code == "100/2804003"


def test_apps_and_messages_need_their_own_fields() -> None:
    app = changed(RICH, "action_source", "app")

    assert judge([app]).code == "100/2804043"
    whole = {"extinfo": ["a2", *[""] * 15], "advertiser_tracking_enabled": 1, "application_tracking_enabled": 0}
    assert judge([changed(app, "app_data", whole)]).status == 200
    assert judge([changed(app, "app_data", {**whole, "extinfo": ["w1", *[""] * 15]})]).code == "100/2804043"
    assert judge([changed(app, "app_data", {**whole, "advertiser_tracking_enabled": "yes"})]).code == "100"
    assert judge([changed(RICH, "action_source", "business_messaging")]).code == "100/2804063"


@pytest.mark.parametrize("count", [0, MAX_EVENTS + 1])
def test_batch_holds_1_to_1000(count: int) -> None:
    assert judge([SMALL] * count).code == "100"


def test_full_batch_is_received() -> None:
    assert body_of(judge([SMALL] * MAX_EVENTS))["events_received"] == MAX_EVENTS


@pytest.mark.parametrize("more", [{"surprise": 1}, {"partner_agent": "1234"}, {"partner_agent": "a" * 23}])
def test_top_level_is_checked(more: dict[str, Any]) -> None:
    assert judge([SMALL], **more).status == 400


@pytest.mark.parametrize(
    ("version", "dataset", "status", "code"),
    [
        ("v25.0", "123", 200, "ok"),
        ("v24.0", "123", 400, "2635"),
        ("v27.0", "123", 400, "2500"),
        ("latest", "123", 400, "2500"),
        ("v26.0", "act_1", 400, "100/33"),
        ("v26.0", "999", 400, "100/33"),
    ],
)
def test_path_is_checked(version: str, dataset: str, status: int, code: str) -> None:
    ruled = Meta(Terms(meta_datasets=frozenset({"123"}))).judge(call([SMALL], version=version, dataset=dataset))

    assert (ruled.status, ruled.code) == (status, code)


def test_wrong_token_is_401_with_190() -> None:
    ruled = Meta(Terms()).judge(
        asked({"data": [SMALL]}, headers={"Authorization": "Bearer wrong"}, version="v26.0", dataset="1")
    )

    assert (ruled.status, body_of(ruled)["error"]["code"]) == (401, 190)


def test_token_in_the_url_works_and_is_a_violation() -> None:
    ruled = Meta(Terms()).judge(
        asked({"data": [SMALL]}, query={"access_token": "sandbox-meta-token"}, version="v26.0", dataset="1")
    )

    assert ruled.status == 200
    assert [one.field for one in ruled.findings if one.violates] == ["access_token"]


def test_form_with_doubly_encoded_events_is_read() -> None:
    body = {"access_token": "sandbox-meta-token", "data": '["{\\"event_name\\":1}"]'}

    ruled = Meta(Terms()).judge(asked(body, version="v26.0", dataset="1"))

    assert any(one.row == 0 and one.field == "event_name" for one in ruled.findings)


def test_text_follows_the_language_and_the_code_does_not() -> None:
    old = changed(SMALL, "event_time", 1_600_000_000)

    english, french = (body_of(judge([old], language=language))["error"] for language in ("en-GB", "fr-FR"))

    assert english["error_user_title"] != french["error_user_title"]
    assert english["error_subcode"] == french["error_subcode"] == 2804003


def test_readable_mail_in_an_address_is_listed_though_taken() -> None:
    ruled = judge([changed(SMALL, "event_source_url", "https://shop.example/?m=a%2540b.example")])

    assert ruled.status == 200
    assert [one.field for one in ruled.findings if one.violates] == ["data[0].event_source_url"]


def test_readable_external_id_is_listed_though_taken() -> None:
    ruled = judge([changed(RICH, "user_data.external_id", "customer-7")])

    assert (ruled.status, [one.field for one in ruled.findings if one.violates]) == (200, ["user_data.external_id"])


def test_test_code_marks_the_events_and_they_count() -> None:
    assert [one.is_test for one in judge([SMALL], test_event_code="TEST1").accepted] == [True]


def test_debug_token_says_what_the_token_is_for() -> None:
    meta = Meta(Terms(meta_datasets=frozenset({"123"})))
    (route,) = [one for one in meta.routes() if one.at == "token"]
    query = {"input_token": "sandbox-meta-token", "access_token": "sandbox-meta-token"}

    good = body_of(route.judge(asked(query=query, version="v26.0")))["data"]
    bad = body_of(route.judge(asked(query={**query, "input_token": "x"}, version="v26.0")))["data"]

    assert (good["is_valid"], good["expires_at"], good["granular_scopes"][0]["target_ids"]) == (True, 0, ["123"])
    assert bad["is_valid"] is False
    assert route.judge(asked(query={"input_token": "x"}, version="v26.0")).status == 401
