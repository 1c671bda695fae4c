"""Promises of gateway/core/device.py."""

from typing import Any

import pytest

from gateway.core.device import App, Device, app, device, system
from gateway.core.event import Browser, Event, Wire

ID = "6d92078a-8246-4ba4-ae5b-76104861e7dc"


def event(*, agent: str | None = None, **properties: Any) -> Event:
    return Event(
        site="shop",
        name="app_open",
        event_id="e-1",
        wires=(Wire.SERVER,),
        at_ms=1,
        received_ms=1,
        browser=Browser(user_agent=agent),
        properties=properties,
    )


def test_ids_are_spelled_in_lower_case_with_their_dashes() -> None:
    told = device(event(idfa=f" {ID.upper()} ", idfv=ID, gaid=ID, att_status="AUTHORIZED"))

    assert told == Device(idfa=ID, idfv=ID, gaid=ID, att_status="AUTHORIZED")


@pytest.mark.parametrize(
    "told", ["00000000-0000-0000-0000-000000000000", ID[1:], ID.replace("-", ""), "", 7, None, [ID]]
)
def test_an_id_that_is_nobodys_is_none(told: Any) -> None:
    assert device(event(idfa=told, idfv=told, gaid=told)) == Device(None, None, None, None)


@pytest.mark.parametrize("told", ["authorized", "3", 3, None])
def test_a_word_on_tracking_that_is_not_apples_is_none(told: Any) -> None:
    assert device(event(att_status=told)).att_status is None


def test_apples_id_stands_before_googles() -> None:
    other = ID.replace("6", "7")

    assert device(event(idfa=ID, gaid=other)).advertising_id == ID
    assert device(event(gaid=other)).advertising_id == other
    assert device(event(idfv=ID)).advertising_id is None


def test_an_apps_number_is_its_text() -> None:
    assert app(event(app_id=1234567, app_name=" Shop ", app_version="2.1")) == App("1234567", "Shop", "2.1")
    assert app(event(app_id=True, app_name="", app_version=2.1)) == App(None, None, None)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"idfa": ID}, "ios"),
        ({"idfv": ID}, "ios"),
        ({"gaid": ID}, "android"),
        ({"gaid": ID, "agent": "Shop/2 CFNetwork Darwin/24"}, "ios"),
        ({"agent": "Dalvik/2.1.0 (Linux; U; Android 15)"}, "android"),
        ({"agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5)"}, "ios"),
        ({"agent": "okhttp/4"}, None),
        ({}, None),
    ],
)
def test_the_system_is_told_by_ids_or_by_the_agent(told: dict[str, Any], expected: str | None) -> None:
    assert system(event(**told)) == expected
