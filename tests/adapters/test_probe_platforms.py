"""What the answers to the other platforms' probes mean; the questions are asked in tests/commands."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from adapters.linkedin import LinkedIn
from adapters.reddit import Reddit
from adapters.snapchat import Snapchat
from adapters.tiktok import TikTok
from adapters.x import Credentials, X
from gateway.core.adapter import Response, Secret

NOW_MS = 1_795_305_600_250
TOKEN = Secret("t0ken-that-nobody-prints")
TIKTOK = TikTok(pixel_code="C123", access_token=TOKEN)
SNAP = Snapchat(pixel_id="p-1", access_token=TOKEN)
RULES = {"purchase": "7", "generate_lead": "urn:lla:llaPartnerConversion:8"}
LINKEDIN = LinkedIn(access_token=TOKEN, conversions=RULES, ad_account="123")
KEYS = Credentials(consumer_key="a", consumer_secret=TOKEN, access_token="b", access_token_secret=TOKEN)


def answer(body: Any, status: int = 200) -> Response:
    return Response(status=status, headers={}, body=orjson.dumps(body))


@pytest.mark.parametrize(
    ("code", "message", "why"),
    [
        (40002, "data: Length must be between 1 and 1000.", None),
        (0, "OK", None),
        (40002, "event_source_id: Not valid", "TikTok does not know this event source (40002)"),
        (40001, "No permission", "the token is good, but not for this event source (40001)"),
        (40104, "Access token is empty", "refused (40104)"),
        (40100, "Too often", "no answer about the token (40100)"),
        (50000, "Internal", "no answer about the token (50000)"),
        (None, "", "no answer about the token (http_200)"),
    ],
)
def test_tiktok_looks_at_the_token_before_the_events(code: int | None, message: str, why: str | None) -> None:
    assert TIKTOK.probed(answer({"code": code, "message": message})) == why


def test_tiktok_is_sent_no_event() -> None:
    assert TIKTOK.probe(NOW_MS).json["data"] == []


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [
        ({"status": "SUCCESS", "stats": {}}, 200, None),
        ({"status": "FAILURE", "reason": "…"}, 200, "the token is not good for this pixel (http_200)"),
        ({}, 403, "the token is not good for this pixel (http_403)"),
        ({"status": "SUCCESS"}, 500, "no answer about the token (http_500)"),
        ("<html>", 200, "no answer about the token (http_200)"),
    ],
)
def test_snap_tells_the_statistics_of_a_pixel_to_its_own_token(body: Any, status: int, why: str | None) -> None:
    assert SNAP.probed(answer(body, status)) == why


def test_snaps_token_is_not_shown_by_the_question() -> None:
    assert "t0ken" not in repr(SNAP.probe(NOW_MS))


@pytest.mark.parametrize(
    ("rules", "why"),
    [
        ([{"id": 7}, {"id": 8}], None),
        ([{"id": 7}], "conversions.generate_lead: ad_account has no such rule"),
        ([{"id": 7, "enabled": False}, {"id": 8}], "conversions.purchase: the rule is switched off"),
        (
            [{"id": 7}, {"id": 8, "conversionMethod": "INSIGHT_TAG_URL_MATCH_RULES"}],
            "conversions.generate_lead: the rule's source is not the Conversions API",
        ),
    ],
)
def test_linkedins_rules_are_looked_at_one_by_one(rules: list[dict[str, Any]], why: str | None) -> None:
    told = [{"conversionMethod": "CONVERSIONS_API", "enabled": True, **rule} for rule in rules]

    assert LINKEDIN.probed(answer({"elements": told})) == why


def test_without_an_account_linkedin_is_only_asked_about_the_token() -> None:
    alone = LinkedIn(access_token=TOKEN, conversions=RULES)

    assert alone.probe(NOW_MS).json == {"elements": []}
    assert alone.probed(answer({"elements": []})) is None
    assert alone.probed(answer({"code": "UNPROCESSABLE_ENTITY"}, 422)) is None
    assert alone.probed(answer({"code": "EXPIRED_ACCESS_TOKEN"}, 401)) == "refused (EXPIRED_ACCESS_TOKEN)"
    assert LINKEDIN.probed(answer({}, 400)) == "no answer about the token (http_400)"


def test_linkedin_names_the_account_in_full() -> None:
    asked = LINKEDIN.probe(NOW_MS)

    assert (asked.method, asked.path, asked.query["account"]) == (
        "GET",
        "/rest/conversions",
        "urn:li:sponsoredAccount:123",
    )


def test_xs_keys_have_to_manage_an_account() -> None:
    keys = X(pixel_id="o1", conversions={"purchase": "o2"}, credentials=KEYS)

    assert keys.probed(answer({"data": [{"id": "18ce"}]})) is None
    assert keys.probed(answer({"data": []})) == "the keys are good, but may manage no ad account"
    assert keys.probed(answer({"errors": [{"code": "MISSING_PARAMETER"}]}, 400)) is not None


def test_xs_pixel_token_is_tried_on_no_conversion() -> None:
    pixel = X(pixel_id="o1", conversions={"purchase": "o2"}, pixel_token=TOKEN)

    assert pixel.probe(NOW_MS).json == {"conversions": []}
    assert pixel.probed(answer({"errors": [{"code": "MISSING_PARAMETER"}]}, 400)) is None
    assert pixel.probed(answer({"errors": [{"code": "NOT_FOUND"}]}, 404)) == "refused (NOT_FOUND)"
    assert pixel.probed(answer({}, 200)) == "no answer about the credentials (http_200)"


def test_reddit_tells_of_a_pixel_to_its_own_token() -> None:
    reddit = Reddit(pixel_id="a2_abc", access_token=TOKEN)

    assert reddit.probed(answer({"data": {"purchase": None}})) is None
    assert reddit.probed(answer({"error": {}}, 403)) == "the token is not good for this pixel (http_403)"
    assert reddit.probed(answer({"data": {}}, 502)) == "no answer about the token (http_502)"
