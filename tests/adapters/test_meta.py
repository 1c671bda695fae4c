"""What Meta's answers mean, and how a click and a browser are spelled for it."""

from __future__ import annotations

import json
import tomllib
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.meta import NAMES, PARTNER_AGENT, Meta
from gateway.core.adapter import Header, Payload, Response, Ruling, Secret
from gateway.core.event import Browser, Click, Consent, Event, Grant, Item, Page, Purpose, Wire
from gateway.core.outcome import Skip

META = Meta(dataset_id="123", access_token=Secret("tok"), test_event_code="TEST1")
EVENT = Event(
    site="shop",
    name="page_view",
    event_id="e-1",
    wires=(Wire.BROWSER,),
    at_ms=1_795_305_600_250,
    received_ms=1_795_305_600_900,
    page=Page(location="https://shop.example/"),
    browser=Browser(ip="203.0.113.7", user_agent="Mozilla/5.0"),
)

# (HTTP status, code, subcode, is_transient) -> ruling. Source: Meta's error reference and answers seen, 2026-11-22.
ERRORS = [
    (400, 100, 2804003, None, Ruling.SPLIT),  # an event is older than 7 days
    (400, 100, 2804001, None, Ruling.SPLIT),  # fbc malformed
    (400, 100, 2804009, None, Ruling.SPLIT),  # Purchase without value
    (400, 100, 2804010, None, Ruling.SPLIT),  # Purchase without currency
    (400, 100, 2804016, None, Ruling.SPLIT),  # not hashed
    (400, 100, 2804050, None, Ruling.SPLIT),  # not enough about the person
    (400, 100, 2804043, None, Ruling.SPLIT),
    (400, 100, None, None, Ruling.SPLIT),
    (500, 100, None, None, Ruling.SPLIT),
    (400, 100, 33, None, Ruling.HALT),  # no such dataset, or not for this token
    (401, 190, None, None, Ruling.HALT),
    (400, 190, 463, None, Ruling.HALT),
    (500, 190, 460, None, Ruling.HALT),
    (403, 200, None, None, Ruling.HALT),
    (400, 10, None, None, Ruling.HALT),
    (400, 3, None, None, Ruling.HALT),
    (400, 102, None, None, Ruling.HALT),
    (400, 104, None, None, Ruling.HALT),
    (400, 294, None, None, Ruling.HALT),
    (400, 2500, None, None, Ruling.HALT),  # unknown path
    (400, 2635, None, None, Ruling.HALT),  # the version has ended
    (400, 4, 1504022, True, Ruling.THROTTLED),
    (403, 17, 2446079, None, Ruling.THROTTLED),
    (400, 32, None, None, Ruling.THROTTLED),
    (400, 613, 1487742, None, Ruling.THROTTLED),
    (400, 80000, None, None, Ruling.THROTTLED),
    (400, 80003, None, None, Ruling.THROTTLED),
    (400, 80004, None, None, Ruling.THROTTLED),
    (400, 80014, None, None, Ruling.THROTTLED),
    (500, 1, None, None, Ruling.RETRY),
    (500, 2, None, True, Ruling.RETRY),
    (400, 341, None, None, Ruling.RETRY),
    (400, 368, None, None, Ruling.RETRY),
    (500, 5000, None, None, Ruling.RETRY),
    (400, -1, None, None, Ruling.RETRY),
    (400, 21009, None, None, Ruling.RETRY),  # the dataset is not ready yet
    (400, 99999, None, True, Ruling.RETRY),
    (400, 99999, None, None, Ruling.SPLIT),
    (503, 99999, None, None, Ruling.RETRY),
    (401, 99999, None, None, Ruling.HALT),
]


def _response(status: int, body: Any, **headers: str) -> Response:
    return Response(status=status, headers=headers, body=json.dumps(body).encode())


def _user(**more: Any) -> dict[str, Any]:
    said = META.payload(msgspec.structs.replace(EVENT, **more), "PageView")
    assert isinstance(said, Payload), said
    user: dict[str, Any] = said.body["user_data"]
    return user


def _custom(**more: Any) -> dict[str, Any]:
    said = META.payload(msgspec.structs.replace(EVENT, **more), "AddToCart")
    assert isinstance(said, Payload), said
    return dict(said.body.get("custom_data", {}))


# --- answers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "code", "subcode", "transient", "ruling"), ERRORS)
def test_an_error_is_ruled_by_its_codes(
    status: int, code: int, subcode: int | None, transient: bool | None, ruling: Ruling
) -> None:
    # The text is of another error, in another language, with the type that Meta gives throttles too.
    error = {"message": "Jeton expiré", "type": "OAuthException", "code": code}
    error |= {key: told for key, told in (("error_subcode", subcode), ("is_transient", transient)) if told is not None}

    verdicts = META.verdicts(_response(status, {"error": error}), 2)

    reason = str(code) if subcode is None else f"{code}/{subcode}"
    assert [(verdict.ruling, verdict.reason) for verdict in verdicts] == [(ruling, reason)] * 2


def test_an_error_wins_over_a_success_beside_it() -> None:
    verdicts = META.verdicts(_response(200, {"events_received": 1, "error": {"code": 190}}), 1)

    assert verdicts[0].ruling is Ruling.HALT


def test_a_throttle_says_how_long() -> None:
    response = _response(400, {"error": {"code": 4}}, **{"retry-after": "40"})

    assert META.verdicts(response, 1)[0].retry_after_s == 40


def test_fewer_received_than_sent_sends_halves_under_the_same_ids() -> None:
    verdicts = META.verdicts(_response(200, {"events_received": 2, "messages": []}), 3)

    assert {(verdict.ruling, verdict.reason) for verdict in verdicts} == {(Ruling.SPLIT, "received_2_of_3")}


@pytest.mark.parametrize("received", [4, -1, "3", 3.0, True, None])
def test_a_count_that_cannot_be_ours_confirms_nothing(received: Any) -> None:
    verdicts = META.verdicts(_response(200, {"events_received": received}), 3)

    assert {verdict.ruling for verdict in verdicts} == {Ruling.RETRY}


@pytest.mark.parametrize(
    ("status", "ruling"),
    [(200, Ruling.RETRY), (502, Ruling.RETRY), (429, Ruling.THROTTLED), (400, Ruling.SPLIT), (403, Ruling.HALT)],
)
def test_a_page_instead_of_an_answer_is_ruled_by_its_status(status: int, ruling: Ruling) -> None:
    response = Response(status=status, headers={}, body=b"<html>Sorry</html>")

    assert META.verdicts(response, 1)[0].ruling is ruling


# --- requests --------------------------------------------------------------------------------------


def test_the_token_travels_in_a_header_and_the_version_in_the_path() -> None:
    said = META.payload(EVENT, "PageView")
    assert isinstance(said, Payload)

    request = META.request([said])

    assert META.auth == Header(name="Authorization", secret=Secret("tok"), prefix="Bearer ")
    assert request.path == "/v26.0/123/events"
    assert request.json == {"data": [said.body], "partner_agent": PARTNER_AGENT}


def test_only_test_events_carry_the_test_code() -> None:
    tried = META.payload(msgspec.structs.replace(EVENT, test=True), "PageView")
    real = META.payload(EVENT, "PageView")
    assert isinstance(tried, Payload)
    assert isinstance(real, Payload)

    assert tried.lane != real.lane
    assert META.request([tried]).json["test_event_code"] == "TEST1"
    assert "test_event_code" not in META.request([real]).json


def test_the_partner_agent_names_this_version() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    major, minor, _ = project["version"].split(".")

    assert f"{project['name']}_{major}_{minor}" == PARTNER_AGENT
    assert len(PARTNER_AGENT) < 23


@pytest.mark.parametrize(
    "options", [{"dataset_id": "12/3"}, {"dataset_id": ""}, {"dataset_id": "1", "api_version": "26"}]
)
def test_options_that_would_bend_the_path_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"dataset_id|api_version"):
        Meta(access_token=Secret("tok"), **options)


def test_it_asks_consent_for_ads_and_for_the_persons_data() -> None:
    assert Meta.purposes == {Purpose.AD_STORAGE, Purpose.AD_USER_DATA}


@pytest.mark.parametrize(("grant", "told"), [(Grant.GRANTED, None), (Grant.DENIED, True), (Grant.UNKNOWN, True)])
def test_personalization_that_is_not_granted_is_opted_out(grant: Grant, told: bool | None) -> None:
    said = META.payload(msgspec.structs.replace(EVENT, consent=Consent(ad_personalization=grant)), "PageView")

    assert isinstance(said, Payload)
    assert said.body.get("opt_out") is told


# --- names -----------------------------------------------------------------------------------------


def test_all_eighteen_standard_events_have_a_name_of_ours() -> None:
    assert len({name for name in NAMES.values() if name is not None}) == 18


@pytest.mark.parametrize(("length", "taken"), [(50, True), (51, False)])
def test_a_custom_name_is_unchanged_up_to_its_length(length: int, taken: bool) -> None:
    assert META.name("a" * length) == ("a" * length if taken else None)


# --- clicks and browsers ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fbc",
    [
        "fb.1.1795305400000.IwAR0AbC_x-Y~z",
        "fb.2.1795305400000.IwAR0AbC.AQYCAQMA",
        "fb.0.1795305400000.IwAR0AbC.Ag",
    ],
)
def test_a_good_fbc_goes_byte_for_byte(fbc: str) -> None:
    assert _user(browser=Browser(cookies={"fbc": fbc}))["fbc"] == fbc


@pytest.mark.parametrize(
    "fbc",
    [
        "",
        "IwAR0AbC",
        "fb.1.IwAR0AbC",
        "fb.1.abc.IwAR0AbC",
        "fb.1.1795305400.IwAR0AbC",  # seconds
        "fb.1.1795305400000.",
        "fb.1.1795305400000..AQYCAQMA",
        "fb.1.1795305400000.A.ABC",
        "fb.1.1795305400000.A.AQYCAQMA.B",
        "fb.1.1795305400000.a b",
        "fb.1.1795305400000.a;b",
        "fb.1.1795305400000.IwAR0AbC\n",
        "xb.1.1795305400000.IwAR0AbC",
        "fb.1.1795305400000." + "a" * 501,
    ],
)
def test_a_malformed_fbc_is_dropped_and_the_event_is_not(fbc: str) -> None:
    browser = Browser(ip="203.0.113.7", user_agent="Mozilla/5.0", cookies={"fbc": fbc})

    assert "fbc" not in _user(browser=browser)


def test_a_click_is_spelled_when_there_is_no_cookie_its_case_and_dots_kept() -> None:
    clicks = {"fbclid": Click(id="IwAR0.AbC", seen_ms=1_795_305_450_000)}

    assert _user(clicks=clicks)["fbc"] == "fb.1.1795305450000.IwAR0.AbC"


@pytest.mark.parametrize(
    ("click", "seen_ms"), [("a;b", 1_795_305_450_000), ("", 1_795_305_450_000), ("Abc", 1_795_305)]
)
def test_a_click_that_meta_would_refuse_is_dropped(click: str, seen_ms: int) -> None:
    assert "fbc" not in _user(clicks={"fbclid": Click(id=click, seen_ms=seen_ms)})


def test_the_same_click_keeps_the_time_of_its_cookie() -> None:
    browser = Browser(cookies={"fbc": "fb.1.1795305400000.Abc.AQYCAQMA"})
    clicks = {"fbclid": Click(id="Abc", seen_ms=1_795_305_450_000)}

    assert _user(browser=browser, clicks=clicks)["fbc"] == "fb.1.1795305400000.Abc.AQYCAQMA"


@pytest.mark.parametrize(
    ("fbp", "kept"),
    [
        ("fb.1.1795305500000.52390506499288804", True),
        ("fb.1.1795305500000.52390506499288804.AQYCAQMA", True),
        ("fb.1.1795305500000.", False),
        ("fb.1.x.5", False),
        ("GA1.1.5.5", False),
    ],
)
def test_an_fbp_passes_only_in_its_own_shape(fbp: str, kept: bool) -> None:
    browser = Browser(ip="203.0.113.7", user_agent="Mozilla/5.0", cookies={"fbp": fbp})

    assert ("fbp" in _user(browser=browser)) is kept


@pytest.mark.parametrize(
    ("browser", "weak"),
    [
        (Browser(), True),
        (Browser(user_agent="Mozilla/5.0"), True),
        (Browser(ip="203.0.113.7"), False),
        (Browser(user_agent="Mozilla/5.0", cookies={"fbp": "fb.1.1795305500000.5"}), False),
    ],
)
def test_an_event_of_nobody_is_skipped_before_it_fails_its_request(browser: Browser, weak: bool) -> None:
    said = META.payload(msgspec.structs.replace(EVENT, browser=browser), "PageView")

    assert (said is Skip.NO_IDENTIFIER) is weak


def test_an_unknown_action_source_is_other() -> None:
    said = META.payload(msgspec.structs.replace(EVENT, action_source="carrier_pigeon"), "PageView")

    assert isinstance(said, Payload)
    assert said.body["action_source"] == "other"


# --- goods -----------------------------------------------------------------------------------------


def test_a_property_never_stands_in_for_what_we_say_ourselves() -> None:
    told = _custom(
        value=5.0, currency="EUR", properties={"value": "9", "currency": "USD", "contents": "x", "order_id": "7"}
    )

    assert told == {"value": 5.0, "currency": "EUR"}


def test_items_win_over_content_ids_and_part_quantities_stay_out_of_whole_numbers() -> None:
    told = _custom(
        items=(Item(item_id="A", quantity=1.5),), properties={"content_ids": ["B"], "content_type": "destination"}
    )

    assert told == {
        "content_ids": ["A"],
        "contents": [{"id": "A", "quantity": 1.5}],
        "content_type": "destination",
    }


# --- what the site says in Meta's own words ----------------------------------------------------------

APP: dict[str, Any] = {
    "extinfo": [
        "a2",
        "com.shop",
        "1",
        "1.0",
        "14",
        "Pixel",
        "de_DE",
        "CET",
        "",
        1080,
        2400,
        2,
        8,
        128,
        64,
        "Europe/Berlin",
    ],
    "advertiser_tracking_enabled": True,
    "application_tracking_enabled": 0,
    "install_referrer": "utm_source=x",
}


def _said(name: str = "Purchase", meta: Meta = META, **more: Any) -> dict[str, Any]:
    said = meta.payload(msgspec.structs.replace(EVENT, value=5.0, currency="EUR", **more), name)
    assert isinstance(said, Payload), said
    return dict(said.body)


def test_ids_of_metas_own_go_clear_into_user_data_and_other_shapes_stay_behind() -> None:
    words = {"lead_id": 1234567890123456, "fb_login_id": "77", "madid": "38400000-8cf0-11bd-b23e-10b96e40000d"}

    body = _said(properties={"meta": {**words, "page_id": ["1"], "ctwa_clid": "a\nb", "em": "x", "unknown": "1"}})

    user = body["user_data"]
    assert {key: user[key] for key in words} == {**words, "lead_id": "1234567890123456"}
    assert not {"page_id", "ctwa_clid", "em", "unknown"} & user.keys()
    assert "meta" not in body.get("custom_data", {})


def test_a_lead_id_alone_is_somebody() -> None:
    said = META.payload(
        msgspec.structs.replace(EVENT, browser=Browser(), properties={"meta": {"lead_id": "1"}}), "Lead"
    )

    assert isinstance(said, Payload)


def test_a_delayed_event_names_the_one_before_it_or_is_skipped() -> None:
    first = {"event_name": "Purchase", "event_time": 1_795_300_000, "order_id": "o-1", "event_id": "e-0"}
    words = {"original_event_data": {**first, "else": 1}, "attribution_data": {"ad_id": "7", "attribution_share": 2}}

    body = _said("AppendValue", properties={"meta": words})

    assert body["original_event_data"] == first
    assert body["attribution_data"] == {"ad_id": "7"}
    assert META.payload(EVENT, "AppendValue") is Skip.INCOMPLETE
    assert META.payload(EVENT, "AppendAttribution") is Skip.INCOMPLETE


@pytest.mark.parametrize(
    "words",
    [
        {},
        {"app_data": APP | {"extinfo": APP["extinfo"][:15]}},
        {"app_data": APP | {"extinfo": ["w1", *APP["extinfo"][1:]]}},
        {"app_data": {"extinfo": APP["extinfo"]}},
        {"app_data": "x"},
    ],
)
def test_an_apps_event_without_its_surroundings_is_skipped_before_it_fails_its_request(words: dict[str, Any]) -> None:
    event = msgspec.structs.replace(EVENT, action_source="app", properties={"meta": words})

    assert META.payload(event, "Purchase") is Skip.NO_VALUE
    assert META.payload(event, "PageView") is Skip.INCOMPLETE


def test_an_apps_surroundings_go_as_texts_and_numbers() -> None:
    body = _said(action_source="app", properties={"meta": {"app_data": {**APP, "list": [1]}}})

    assert body["app_data"]["extinfo"][9:12] == ["1080", "2400", "2"]
    assert (body["app_data"]["advertiser_tracking_enabled"], body["app_data"]["install_referrer"]) == (
        1,
        "utm_source=x",
    )
    assert "list" not in body["app_data"]


def test_a_message_names_its_channel_or_is_skipped() -> None:
    words = {"messaging_channel": "whatsapp", "ctwa_clid": "Aff-n8ZTODiE79d22KtAwQKj9e", "page_id": "12"}

    body = _said("LeadSubmitted", action_source="business_messaging", properties={"meta": words})

    assert (body["messaging_channel"], body["user_data"]["ctwa_clid"]) == ("whatsapp", words["ctwa_clid"])
    smoke = msgspec.structs.replace(
        EVENT, action_source="business_messaging", properties={"meta": {"messaging_channel": "smoke"}}
    )
    assert META.payload(smoke, "LeadSubmitted") is Skip.INCOMPLETE


@pytest.mark.parametrize("word", ["new_customer_to_business_line", "customer_in_loyalty_program"])
def test_a_segment_goes_where_the_site_says_it(word: str) -> None:
    body = _said(properties={"customer_segmentation": word, "meta": {"customer_segmentation": word}})

    assert (body["custom_data"]["customer_segmentation"], body["customer_segmentation"]) == (word, word)


@pytest.mark.parametrize("key", ["customer_segmentation", "delivery_category", "content_type"])
def test_a_word_outside_metas_closed_lists_stays_behind(key: str) -> None:
    assert key not in _said(properties={key: "something else", "meta": {key: "something else"}})["custom_data"]


def test_an_item_says_what_it_is() -> None:
    item = Item(item_id="A", item_name="Shoe", item_brand="Acme", item_category="Shoes", price=5.0, quantity=2)

    custom = _said(items=(item,))["custom_data"]

    assert custom["contents"] == [
        {"id": "A", "quantity": 2, "item_price": 5.0, "title": "Shoe", "brand": "Acme", "category": "Shoes"}
    ]
    assert custom["num_items"] == 2


# --- limited data use --------------------------------------------------------------------------------

LDU = {"data_processing_options": ["LDU"], "data_processing_options_country": 1, "data_processing_options_state": 1000}
LIMITED = Meta(
    dataset_id="1",
    access_token=Secret("t"),
    data_processing_options=("LDU",),
    data_processing_options_country=1,
    data_processing_options_state=1003,
)
OPEN = Meta(dataset_id="1", access_token=Secret("t"), data_processing_options=())


@pytest.mark.parametrize(
    ("meta", "told", "said"),
    [
        (META, LDU, LDU),
        (META, {"data_processing_options": []}, {"data_processing_options": []}),
        (META, {"data_processing_options": ["LMU"]}, {}),
        (META, {"data_processing_options_country": 1}, {}),
        (OPEN, LDU, LDU),
        (OPEN, {}, {"data_processing_options": []}),
        (LIMITED, {"data_processing_options": []}, {**LDU, "data_processing_options_state": 1003}),
    ],
)
def test_an_event_can_ask_for_limited_use_and_never_be_let_out_of_it(
    meta: Meta, told: dict[str, Any], said: dict[str, Any]
) -> None:
    body = _said(meta=meta, properties={"meta": told})

    assert {key: value for key, value in body.items() if key.startswith("data_processing")} == said


# --- time --------------------------------------------------------------------------------------------

UNTIL = "2026-11-22T01:00:00+01:00"  # 1,795,305,600 s


def _until(moment: str) -> Meta:
    return Meta(dataset_id="1", access_token=Secret("t"), test_event_code="T", test_event_until=moment)


@pytest.mark.parametrize(("received_ms", "sent"), [(1_795_305_599_999, True), (1_795_305_600_000, False)])
def test_a_test_that_comes_when_the_tests_are_over_is_skipped(received_ms: int, sent: bool) -> None:
    event = msgspec.structs.replace(EVENT, test=True, received_ms=received_ms)

    assert isinstance(_until(UNTIL).payload(event, "PageView"), Payload) is sent
    assert isinstance(_until(UNTIL).payload(EVENT, "PageView"), Payload)


@pytest.mark.parametrize("moment", ["soon", "2026-11-22T01:00:00", "2026-11-22", "01:00"])
def test_the_end_of_the_tests_has_a_zone(moment: str) -> None:
    with pytest.raises(ValueError, match="test_event_until"):
        _until(moment)


def test_a_shops_sale_may_be_older_and_travels_apart() -> None:
    sale = msgspec.structs.replace(EVENT, action_source="physical_store")
    said, tried = META.payload(sale, "Purchase2"), META.payload(msgspec.structs.replace(sale, test=True), "Purchase2")
    assert isinstance(said, Payload)
    assert isinstance(tried, Payload)

    assert (META.max_age_of(EVENT), META.max_age_of(sale)) == (561_600, 5_313_600)
    assert len({said.lane, tried.lane, "", "test"}) == 4
    assert META.request([tried]).json["test_event_code"] == "TEST1"
    assert "test_event_code" not in META.request([said]).json


@pytest.mark.parametrize(
    ("version", "day", "told"),
    [
        ("v26.0", "2026-11-22", None),
        ("v26.0", "2027-03-31", None),
        ("v26.0", "2027-04-01", "by the shortest life so far it is 2027-06-30"),
        ("v25.0", "2026-11-22", "by the shortest life so far it is 2027-01-20"),
        ("v24.0", "2026-11-22", "Meta ended v24.0 on 2026-10-06"),
        ("v24.0", "2026-09-01", "Meta ends v24.0 on 2026-10-06"),
        ("v21.0", "2026-11-22", "Meta answers v21.0 no more"),
        ("v27.0", "2027-11-22", None),
    ],
)
def test_the_end_of_a_version_is_told_ninety_days_before(version: str, day: str, told: str | None) -> None:
    now_ms = int(datetime.fromisoformat(f"{day}T12:00:00+00:00").timestamp() * 1000)

    advice = Meta(dataset_id="1", access_token=Secret("t"), api_version=version).advice(now_ms)

    assert [option for option, _, _ in advice] == ([] if told is None else ["api_version"])
    assert told is None or told in advice[0][1]


def test_a_test_code_without_an_end_and_one_that_is_over_are_told() -> None:
    open_end = Meta(dataset_id="1", access_token=Secret("t"), test_event_code="T").advice(EVENT.at_ms)
    over, running = _until(UNTIL).advice(1_795_305_600_000), _until(UNTIL).advice(1_795_305_599_999)

    assert [option for option, _, _ in (*open_end, *over)] == ["test_event_code", "test_event_until"]
    assert running == ()


# --- allowance ---------------------------------------------------------------------------------------


def _case(**told: Any) -> str:
    return json.dumps({"123": [{"type": "ads_management", "call_count": 0, **told}]})


USAGES: list[tuple[dict[str, str], int | None]] = [
    ({}, None),
    ({"x-app-usage": '{"call_count":28,"total_time":25,"total_cputime":25}'}, None),
    ({"x-app-usage": '{"call_count":28,"total_time":85,"total_cputime":25}'}, 5),
    ({"x-app-usage": '{"call_count":96}'}, 60),
    ({"x-ad-account-usage": '{"acc_id_util_pct":9.67,"reset_time_duration":100}'}, None),
    ({"x-ad-account-usage": '{"acc_id_util_pct":100,"reset_time_duration":100}'}, 100),
    ({"x-business-use-case-usage": _case(call_count=79)}, None),
    ({"x-business-use-case-usage": _case(total_cputime=80)}, 5),
    ({"x-business-use-case-usage": _case(call_count=101, estimated_time_to_regain_access=19)}, 1140),
    (
        {"x-business-use-case-usage": _case(type="ads_insights", call_count=100, estimated_time_to_regain_access=9)},
        None,
    ),
    ({"x-app-usage": "{", "x-business-use-case-usage": "[1]", "x-ad-account-usage": "7"}, None),
    ({"x-app-usage": '{"call_count":"99","total_time":-1,"total_cputime":true}'}, None),
    ({"x-business-use-case-usage": '{"1":{"call_count":99},"2":[7]}'}, None),
]


@pytest.mark.parametrize(("headers", "rest_s"), USAGES)
def test_an_allowance_that_runs_out_slows_us_down_before_it_is_gone(
    headers: dict[str, str], rest_s: int | None
) -> None:
    response = Response(status=200, headers=headers, body=b'{"events_received":2}')

    verdicts = META.verdicts(response, 2)

    assert [(verdict.ruling, verdict.retry_after_s) for verdict in verdicts] == [(Ruling.ACCEPTED, rest_s)] * 2
    assert all(verdict.reason.startswith("usage_") for verdict in verdicts) is (rest_s is not None)


def test_a_newer_version_that_answered_is_told_by_the_online_check() -> None:
    headers = {"x-ad-api-version-warning": "The call has been auto-upgraded to v27.0"}
    good = Response(status=200, headers={}, body=b'{"data":{"is_valid":true}}')

    assert META.probed(good) is None
    assert "ending this api_version" in (META.probed(Response(status=200, headers=headers, body=good.body)) or "")


def test_a_throttled_call_waits_as_long_as_meta_estimates() -> None:
    headers = {"x-business-use-case-usage": _case(call_count=100, estimated_time_to_regain_access=3)}
    refused = Response(status=400, headers=headers, body=b'{"error":{"code":80004,"error_subcode":2446079}}')
    told = Response(status=400, headers={**headers, "retry-after": "7"}, body=refused.body)

    assert [META.verdicts(answer, 1)[0].retry_after_s for answer in (refused, told)] == [180, 7]


# --- proof of the app's secret -----------------------------------------------------------------------


def test_the_proof_travels_in_the_query_and_is_never_shown() -> None:
    meta = Meta(dataset_id="1", access_token=Secret("tok"), appsecret_proof=Secret("b13512356d1403d2"))
    said = meta.payload(EVENT, "PageView")
    assert isinstance(said, Payload)

    for request in (meta.request([said]), meta.probe(0), meta.ask_quality()):
        assert request.query["appsecret_proof"] == Secret("b13512356d1403d2")
        assert "b13512356d1403d2" not in repr(request)
    assert "appsecret_proof" not in META.request([said]).query
