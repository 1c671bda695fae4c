from __future__ import annotations

import json
from typing import Any

import pytest

from tests.commands.parts import Gateway, tagway

STORY: dict[str, Any] = {
    "event_id": "ord-1001",
    "site": "shop",
    "event": "purchase",
    "status": "settled",
    "duplicates": 2,
    "copies": [
        {
            "wire": "browser",
            "received_at": 1_795_305_600.25,
            "event": "purchase",
            "page_location": "https://shop.example/x",
        },
        {
            "wire": "server",
            "received_at": 1_795_305_601.5,
            "value": 49.9,
            "user": {"email": ["62a14e44…"]},
            "bot": None,
        },
    ],
    "merged": {"value": 49.9, "page_location": "https://shop.example/x", "user": {"email": ["62a14e44…"]}},
    "consent": {
        "ad_storage": "granted",
        "ad_user_data": "denied",
        "by": {"ad_storage": "event", "ad_user_data": "gpc"},
    },
    "deliveries": [
        {
            "destination": "meta",
            "outcome": "dead:rejected",
            "reason": "100",
            "attempts": 3,
            "request": {"event_name": "Purchase"},
            "response": {"status": 400},
            "at": 1_795_305_610.0,
        },
        {
            "destination": "google",
            "outcome": "delivered",
            "reason": "",
            "attempts": 1,
            "at": 1_795_305_611.0,
            "late": True,
        },
    ],
    "others": [{"site": "blog", "event": "lead", "at": 1_795_305_000.0}],
}


async def test_the_story_is_told_from_the_copies_to_each_delivery(gateway: Gateway) -> None:
    gateway.admin.stories["ord-1001"] = STORY

    done = await tagway("explain", gateway.config, "ord-1001")

    assert done.exit_code == 0, done.output
    told = [" ".join(line.split()) for line in done.stdout.splitlines()]
    for line in (
        "purchase ord-1001 of site shop: settled",
        "received from the browser: 2026-11-22 00:00:00.250 UTC",
        "received from the server: 2026-11-22 00:00:01.500 UTC",
        "and 2 duplicates, not counted again",
        "browser server merged",
        "page_location https://shop.example/x https://shop.example/x",
        'user.email ["62a14e44…"] ["62a14e44…"]',
        "ad_storage granted the event said so",
        "ad_user_data denied Global Privacy Control",
        "meta: dead:rejected (100), 3 tries, 2026-11-22 00:00:10.000 UTC",
        'sent: {"event_name":"Purchase"}',
        'answer: {"status":400}',
        "google (restated by a late copy): delivered, 1 try, 2026-11-22 00:00:11.000 UTC",
        "the same id is known of: lead of site blog, 2026-11-21 23:50:00.000 UTC (--site, --event)",
    ):
        assert line in told


async def test_a_veto_alone_is_told_as_one(gateway: Gateway) -> None:
    veto = {"wire": "browser", "received_at": 1.0, "event": "lead", "event_id": "v", "consent": {}, "veto": True}
    gateway.admin.stories["v"] = {**STORY, "copies": [veto], "merged": veto, "deliveries": [], "others": []}

    done = await tagway("explain", gateway.config, "v")

    assert "denied everywhere, so only this is kept of it" in done.stdout


@pytest.mark.parametrize("event_id", ["ord/1", "..", ".", "a b", "50%25?x=1#y", "ü", "a//b"])
async def test_an_id_of_any_characters_arrives_as_it_is(gateway: Gateway, event_id: str) -> None:
    done = await tagway("explain", gateway.config, event_id, "--site", "shop", "--event", "a+b")

    assert gateway.admin.asked == [{"event_id": event_id, "site": "shop", "event": "a+b"}]
    assert (done.exit_code, done.stderr.partition(" is known")[0]) == (1, f"no event {event_id}")


async def test_json_is_what_the_gateway_told(gateway: Gateway) -> None:
    gateway.admin.stories["ord-1001"] = STORY

    done = await tagway("explain", gateway.config, "ord-1001", "--json")

    assert json.loads(done.stdout) == STORY


async def test_a_hostile_value_does_not_paint_on_the_terminal(gateway: Gateway) -> None:
    copy = {"wire": "browser", "received_at": 1.0, "page_title": "\x1b]0;x\x07[red]no[/red]\u202e"}
    gateway.admin.stories["x"] = {**STORY, "copies": [copy]}

    done = await tagway("explain", gateway.config, "x")

    assert "[red]no[/red]" in done.stdout
    assert not {"\x1b", "\x07", "\u202e"}.intersection(done.stdout)


async def test_match_quality_is_told_as_an_estimate_of_what_was_delivered(gateway: Gateway) -> None:
    rejected, delivered = STORY["deliveries"]
    gateway.admin.stories["ord-1001"] = {**STORY, "deliveries": [rejected, {**delivered, "match_quality": 7.3}]}

    done = await tagway("explain", gateway.config, "ord-1001")

    assert done.stdout.count("match quality") == 1
    assert "match quality: about 7.3 of 10, estimated" in done.stdout


async def test_an_empty_id_is_wrong_use_and_asks_nobody(gateway: Gateway) -> None:
    done = await tagway("explain", gateway.config, "")

    assert (done.exit_code, gateway.admin.asked) == (2, [])
    assert done.stderr.startswith("EVENT_ID is empty; write the event's id")
    assert done.stderr.count("\n") == 1
