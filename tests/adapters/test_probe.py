"""What the platforms' answers to a probe mean. The question itself is asked of the sandbox in tests/commands."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from adapters.google_data_manager import Conversion, Credentials, GoogleDataManager
from adapters.meta import Meta
from gateway.core.adapter import Probing, Request, Response, Secret
from tests.adapters.all import ALL

NOW_MS = 1_795_305_600_250
TOKEN = "t0ken-that-nobody-prints"
META = Meta(dataset_id="123", access_token=Secret(TOKEN))


def google(actions: int) -> GoogleDataManager:
    return GoogleDataManager(
        operating_account="1",
        credentials=Credentials(kind="service_account", file="/run/secrets/google.json"),
        conversions={f"event_{number}": Conversion(action_id=str(number), mode="online") for number in range(actions)},
    )


def answer(body: Any, status: int = 200) -> Response:
    return Response(status=status, headers={}, body=orjson.dumps(body))


def of_datasets(*ids: str) -> dict[str, Any]:
    scopes = [{"scope": "ads_management"}, {"scope": "read_ads_dataset_quality", "target_ids": list(ids)}]
    return {"data": {"is_valid": True, "granular_scopes": scopes}}


def test_only_those_who_offer_a_check_are_asked() -> None:
    offering = {entry.name for entry in ALL if isinstance(entry.adapter, Probing)}

    assert offering >= {
        *("meta", "google_data_manager"),
        *("tiktok", "snapchat", "pinterest", "reddit", "linkedin", "x"),
    }
    assert not offering & {"microsoft", "webhook", "echo"}


@pytest.mark.parametrize(
    ("told", "status", "why"),
    [
        (of_datasets("7", "123"), 200, None),
        ({"data": {"is_valid": True, "scopes": ["ads_management"]}}, 200, None),
        (of_datasets("7"), 200, "the token is good, but for another dataset than dataset_id names"),
        ({"data": {"is_valid": False}}, 200, "the token has ended, was withdrawn or is none of Meta's"),
        ({"error": {"code": 190, "error_subcode": 463}}, 401, "refused (190/463)"),
        ({"error": {"code": 4}}, 400, "no answer about the token (4)"),
        ("<html>", 200, "no answer about the token (http_200)"),
        ({"data": {"is_valid": "true"}}, 200, "the token has ended, was withdrawn or is none of Meta's"),
        ({"data": {"is_valid": True}}, 500, "no answer about the token (http_500)"),
    ],
)
def test_meta_says_whether_the_token_is_of_this_dataset(told: Any, status: int, why: str | None) -> None:
    assert META.probed(answer(told, status)) == why


def test_the_question_about_a_token_does_not_show_it() -> None:
    request = META.probe(NOW_MS)

    assert (request.method, request.path, request.json) == ("GET", "/v26.0/debug_token", None)
    assert TOKEN not in repr(request)


def test_google_is_asked_about_each_action_and_told_to_record_nothing() -> None:
    request: Request = google(3).probe(NOW_MS)

    assert request.json["validateOnly"] is True
    assert [place["productDestinationId"] for place in request.json["destinations"]] == ["0", "1", "2"]
    assert {event["eventTimestamp"] for event in request.json["events"]} == {"2026-11-22T00:00:00.250Z"}


def test_google_is_asked_about_ten_actions_at_most() -> None:
    assert len(google(12).probe(NOW_MS).json["destinations"]) == 10


def test_what_google_refuses_is_told_by_its_code() -> None:
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "SERVICE_DISABLED"}
    refused = {"error": {"code": 403, "status": "PERMISSION_DENIED", "message": "secret words", "details": [info]}}

    assert google(1).probed(answer({"requestId": "r"})) is None
    assert google(1).probed(answer(refused, 403)) == "Google answers SERVICE_DISABLED"
