from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from adapters.meta import Meta
from adapters.meta.quality import of_quality
from gateway.core.adapter import Payload, Response, Secret
from gateway.core.event import Browser, Event, Page, Wire
from gateway.core.person import seal
from gateway.core.rating import Rating, Shared
from gateway.core.site import Destination
from gateway.delivery.sender import Sender
from gateway.sandbox import Sandbox
from tests.commands.parts import config_text, rewrite, tagway

META = "{{adapter: meta, endpoint: '{meta}', dataset_id: '1', access_token: {token}, test_event_code: T}}"
# Meta's documented example answers, put together.
TOLD = {
    "web": [
        {
            "event_name": "Purchase",
            "event_match_quality": {
                "composite_score": 6.2,
                "match_key_feedback": [
                    {"identifier": "user_agent", "coverage": {"percentage": 100}},
                    {"identifier": "email", "coverage": {"percentage": 58.96}},
                    {"identifier": "phone"},
                ],
                "diagnostics": [
                    {"name": "Server sending mismatched IP addresses", "percentage": 61.5, "affected_event_count": 1},
                    {"description": "nameless"},
                ],
            },
            "event_coverage": {"percentage": 34.1, "goal_percentage": 75, "description": "…"},
            "dedupe_key_feedback": [
                {
                    "dedupe_key": "event_id",
                    "browser_events_with_dedupe_key": {"percentage": 100},
                    "server_events_with_dedupe_key": {"percentage": 99.5},
                    "overall_browser_coverage_from_dedupe_key": {"percentage": 14.8},
                }
            ],
            "data_freshness": {"upload_frequency": "real_time"},
        },
        {"event_name": "Lead"},
        {"event_match_quality": {}},
        7,
    ]
}


def answer(body: object, status: int = 200) -> Response:
    return Response(status=status, headers={}, body=json.dumps(body).encode())


@pytest.fixture
def config(tmp_path: Path, sandbox: Sandbox) -> Path:
    path = tmp_path / "tagway.yaml"
    path.write_text(config_text(8080, 8081))
    meta = META.format(meta=sandbox.endpoint("meta"), token="sandbox-meta-token")
    rewrite(path, lambda text: text + f"  meta: {meta}\n")
    return path


async def send(sandbox: Sandbox, email: str | None) -> None:
    meta = Meta(dataset_id="1", access_token=Secret("sandbox-meta-token"))
    event = Event(
        site="shop", name="purchase", event_id="e-1" if email else "e-2", wires=(Wire.SERVER,),
        at_ms=time.time_ns() // 1_000_000, received_ms=0, page=Page(location="https://shop.example/"),
        value=1.0, currency="EUR",
        person=seal({"email": email}, phone_country=None).person, browser=Browser(ip="2001:4860::1", user_agent="M"),
    )  # fmt: skip
    said = meta.payload(event, "Purchase")
    assert isinstance(said, Payload)
    place = Destination(name="meta", adapter=meta, endpoint=sandbox.endpoint("meta"))
    async with Sender(place, now_ms=lambda: 0) as sender:
        sent = await sender.send(meta.request([said]))
    assert isinstance(sent, Response)
    assert sent.status == 200, sent.body


def test_metas_documented_answer_is_read_whole() -> None:
    told = of_quality(answer(TOLD))

    assert not isinstance(told, str)
    purchase, lead = told
    assert purchase == Rating(
        event="Purchase", score=6.2, coverage=34.1, goal=75.0, freshness="real_time",
        keys={"user_agent": 100.0, "email": 58.96}, dedup={"event_id": Shared(100.0, 99.5, 14.8)},
        advice=("Server sending mismatched IP addresses (61.5 % of the events)",),
    )  # fmt: skip
    assert lead == Rating(event="Lead")


@pytest.mark.parametrize(
    ("told", "status", "said"),
    [
        ({}, 200, ()),
        ({"web": None}, 200, ()),
        ({"error": {"code": 190, "error_subcode": 463}}, 401, "Meta does not tell (190/463)"),
        ({"error": {"code": 100}}, 400, "Meta does not tell (100)"),
        ([], 200, "Meta does not tell (http_200)"),
        ({}, 502, "Meta does not tell (http_502)"),
    ],
)
def test_an_answer_without_figures_says_why(told: object, status: int, said: object) -> None:
    assert of_quality(answer(told, status)) == said


async def test_the_platforms_figures_are_printed_by_event(config: Path, sandbox: Sandbox) -> None:
    await send(sandbox, "jo@x.de")
    await send(sandbox, None)

    done = await tagway("quality", config)

    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0].startswith("meta: Purchase: ")
    assert lines[0].endswith("of 10, covers 0 % of the browser's (goal 75 %), real_time")
    assert lines[1] == "meta: Purchase: carries ip_address 100 %, user_agent 100 %, email 50 %"
    assert "meta: Purchase: told apart by event_id: browser 0 %, server 100 %, paired 0 %" in lines


async def test_the_same_comes_as_json(config: Path, sandbox: Sandbox) -> None:
    await send(sandbox, "jo@x.de")

    done = await tagway("quality", config, "--json")

    (rating,) = json.loads(done.stdout)["meta"]
    assert (rating["event"], rating["keys"]["email"]) == ("Purchase", 100.0)


async def test_a_dataset_without_events_says_so_and_a_refusal_ends_with_1(config: Path) -> None:
    empty = await tagway("quality", config)
    rewrite(config, lambda text: text.replace("sandbox-meta-token", "withdrawn-token-of-meta"))
    refused = await tagway("quality", config)

    assert (empty.exit_code, empty.stdout) == (0, "meta: nothing to say yet: the platform has too few events\n")
    assert (refused.exit_code, refused.stdout) == (1, "meta: Meta does not tell (190)\n")


async def test_check_says_what_time_alone_makes_wrong(config: Path) -> None:
    rewrite(config, lambda text: text.replace("test_event_code: T", "test_event_code: T, api_version: v24.0"))

    done = await tagway("check", config)

    assert done.exit_code == 0
    assert "warning: destinations.meta.api_version: Meta ended v24.0 on 2026-10-06; write v26.0" in done.stderr
    assert "warning: destinations.meta.test_event_code: stands for ever" in done.stderr
