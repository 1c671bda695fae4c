"""What Meta's answers mean, and how a click and a browser are spelled for it."""

from __future__ import annotations

import json
import tomllib
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


def test_items_win_over_content_ids_and_part_quantities_stay() -> None:
    told = _custom(
        items=(Item(item_id="A", quantity=1.5),), properties={"content_ids": ["B"], "content_type": "destination"}
    )

    assert told == {
        "content_ids": ["A"],
        "contents": [{"id": "A", "quantity": 1.5}],
        "content_type": "destination",
        "num_items": 1.5,
    }
