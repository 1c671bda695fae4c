from __future__ import annotations

import base64
import hmac
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest

from gateway.sandbox import Sandbox
from gateway.sandbox.call import Object, Ruled
from gateway.sandbox.state import Book
from gateway.sandbox.terms import Terms
from gateway.sandbox.x import MAX_EVENTS, X
from tests.sandbox.words import MISSING, NOW_S, asked, changed

EM = "542d240129883c019e106e3b1b2d3f3cb3537c43c425364de8e951d5a3083345"
TOKEN = {"X-Pixel-Token": "sandbox-x-token"}
AT = "2026-11-21T10:00:00.250Z"

SMALL: Object = {
    "conversion_time": AT,
    "event_id": "tw-o8z6j-o8z7k",
    "identifiers": [{"twclid": "26l6412g5p4iyj65a2oic2ayg2"}],
}
RICH: Object = {
    "conversion_time": AT,
    "event_id": "tw-o8z6j-o8z7k",
    "identifiers": [
        {"hashed_email": EM}, {"hashed_phone_number": EM}, {"twclid": "26l6412g5p4iyj65a2oic2ayg2"},
        {"ip_address": "203.0.113.7", "user_agent": "Mozilla/5.0"},
    ],
    "conversion_id": "ord-1001",
    "value": "49.90",
    "price_currency": "EUR",
    "number_items": 2,
    "description": "cups",
    "event_source_url": "https://shop.example/thanks",
    "contents": [{"content_id": "SKU1", "content_name": "Cup", "content_price": 24.95, "num_items": 2}],
}  # fmt: skip


def call(body: object, headers: dict[str, str] | None = None, *, pixel: str = "o8z6j", at_s: float = NOW_S) -> Ruled:
    platform = X(Terms(x_pixels=frozenset({"o8z6j"})))
    return platform.judge(asked(body, headers=TOKEN if headers is None else headers, pixel=pixel, at_s=at_s))


def judge(events: object) -> Ruled:
    return call({"conversions": events})


def told(ruled: Ruled) -> dict[str, Any]:
    assert isinstance(ruled.body, dict)
    return ruled.body


def signed(url: str, at_s: float, *, secret: str = "sandbox-x-consumer-secret", method: str = "POST") -> dict[str, str]:
    """Sign as the example of X's page on authentication does, written here anew."""
    oauth = {
        "oauth_consumer_key": "sandbox-x-consumer",
        "oauth_nonce": "kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg",
        "oauth_signature_method": "HMAC-SHA1",
        "oauth_timestamp": str(int(at_s)),
        "oauth_token": "sandbox-x-access",
        "oauth_version": "1.0",
    }
    listed = "&".join(f"{key}={quote(value, safe='')}" for key, value in sorted(oauth.items()))
    base = f"{method}&{quote(url, safe='')}&{quote(listed, safe='')}"
    digest = hmac.new(f"{secret}&sandbox-x-access-secret".encode(), base.encode(), "sha1").digest()
    oauth["oauth_signature"] = base64.b64encode(digest).decode()
    return {"Authorization": "OAuth " + ", ".join(f'{key}="{quote(text, safe="")}"' for key, text in oauth.items())}


@pytest.mark.parametrize("event", [SMALL, RICH, changed(changed(SMALL, "conversion_time", MISSING),
                                                       "conversion_timestamp", int(NOW_S * 1000))])  # fmt: skip
def test_a_good_conversion_is_processed(event: Object) -> None:
    ruled = judge([event])

    assert (ruled.status, told(ruled)["data"]["conversions_processed"], ruled.findings) == (200, 1, ())
    assert [one.payload for one in ruled.accepted] == [event]


# where, what, code, violates
BREACHES: list[tuple[str, object, str, bool]] = [
    ("event_id", MISSING, "MISSING_PARAMETER", False),
    ("event_id", "Purchase!", "INVALID_PARAMETER", False),
    ("conversion_time", MISSING, "MISSING_PARAMETER", False),
    ("conversion_time", "2026-11-21 10:00", "INVALID_PARAMETER", False),
    ("conversion_time", "2026-13-41T10:00:00.000Z", "INVALID_PARAMETER", False),
    ("conversion_time", int(NOW_S), "INVALID_PARAMETER", False),
    ("identifiers", MISSING, "MISSING_PARAMETER", False),
    ("identifiers", [], "INVALID_PARAMETER", False),
    ("identifiers", [{"ip_address": "203.0.113.7", "user_agent": "Mozilla/5.0"}], "MISSING_PARAMETER", False),
    ("identifiers.0", {"email": EM}, "INVALID_PARAMETER", False),
    ("identifiers.0.hashed_email", "person@example.com", "INVALID_PARAMETER", True),
    ("identifiers.1.hashed_phone_number", "+491701234567", "INVALID_PARAMETER", True),
    ("identifiers.2.twclid", EM, "INVALID_PARAMETER", True),
    ("identifiers.3.ip_address", "localhost", "INVALID_PARAMETER", False),
    ("conversion_id", 7, "INVALID_PARAMETER", False),
    ("value", 49.9, "INVALID_PARAMETER", False),
    ("value", "much", "INVALID_PARAMETER", False),
    ("price_currency", "EURO", "INVALID_PARAMETER", False),
    ("number_items", 2.5, "INVALID_PARAMETER", False),
    ("event_source_url", "/thanks", "INVALID_PARAMETER", False),
    ("contents", {}, "INVALID_PARAMETER", False),
    ("contents.0.content_id", 7, "INVALID_PARAMETER", False),
    ("contents.0.content_price", "much", "INVALID_PARAMETER", False),
    ("contents.0.brand", "Ton", "INVALID_PARAMETER", False),
    ("surprise", 1, "INVALID_PARAMETER", False),
]


@pytest.mark.parametrize(("where", "what", "code", "violates"), BREACHES)
def test_a_breach_refuses_the_whole_call(where: str, what: object, code: str, violates: bool) -> None:
    ruled = judge([SMALL, changed(RICH, where, what)])

    assert (ruled.status, ruled.accepted) == (400, ())
    assert code in [one["code"] for one in told(ruled)["errors"]]
    assert told(ruled)["errors"][0]["parameter"].startswith("conversions[1].")
    assert any(one.violates for one in ruled.findings) is violates


@pytest.mark.parametrize(
    ("headers", "pixel", "at_s", "status"),
    [
        (TOKEN, "o8z6j", NOW_S, 200),
        (TOKEN, "other", NOW_S, 404),
        ({"X-Pixel-Token": "wrong"}, "o8z6j", NOW_S, 401),
        ({}, "o8z6j", NOW_S, 401),
        ({"Authorization": "OAuth nonsense"}, "o8z6j", NOW_S, 401),
        (signed("http://127.0.0.1:1/google/token", NOW_S), "o8z6j", NOW_S, 200),
        (signed("http://127.0.0.1:1/google/token", NOW_S), "o8z6j", NOW_S + 400, 401),
        (signed("http://127.0.0.1:1/google/token", NOW_S, secret="wrong"), "o8z6j", NOW_S, 401),
        (signed("http://127.0.0.1:1/other", NOW_S), "o8z6j", NOW_S, 401),
        (signed("http://127.0.0.1:1/google/token", NOW_S, method="GET"), "o8z6j", NOW_S, 401),
    ],
)
def test_a_pixels_token_or_a_signature_opens(headers: dict[str, str], pixel: str, at_s: float, status: int) -> None:
    assert call({"conversions": [RICH]}, headers, pixel=pixel, at_s=at_s).status == status


@pytest.mark.parametrize(("count", "status"), [(0, 400), (MAX_EVENTS, 200), (MAX_EVENTS + 1, 400)])
def test_a_call_holds_1_to_500(count: int, status: int) -> None:
    assert judge([SMALL] * count).status == status


def test_an_old_conversion_is_only_warned_of() -> None:
    ruled = judge([changed(SMALL, "conversion_time", "2026-08-01T10:00:00.000Z")])

    assert (ruled.status, [one.field for one in ruled.findings]) == (200, ["conversion_time"])


def test_the_same_conversion_id_is_one_conversion() -> None:
    book = Book()

    assert [book.take(judge([RICH]).accepted, NOW_S) for _ in range(2)] == [0, 1]


@pytest.mark.parametrize(
    ("fault", "status", "kept"),
    [
        ({"status": 503}, 503, 0),
        ({"throttle": True}, 429, 0),
        ({"token": "expired"}, 401, 0),
        ({"refuse_id": "ord-1001"}, 400, 0),
        ({"partial": True}, 200, 0),
        ({"pass": True}, 200, 1),
    ],
)
@pytest.mark.parametrize("signs", [False, True])
async def test_over_the_wire(
    sandbox: Sandbox, client: aiohttp.ClientSession, fault: Object, status: int, kept: int, signs: bool
) -> None:
    sandbox.script("x", fault)
    url = sandbox.endpoint("x") + "/12/measurement/conversions/o8z6j"
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    body = {"conversions": [changed(RICH, "conversion_time", now)]}

    async with client.post(url, json=body, headers=signed(url, time.time()) if signs else TOKEN) as got:
        answer = await got.json()

    assert (got.status, len(sandbox.events("x"))) == (status, kept)
    assert answer.get("data", {}).get("conversions_processed", 0) == kept
    assert "sandbox-x-token" not in str(sandbox.requests("x"))


async def test_a_path_it_lacks_is_told(sandbox: Sandbox, client: aiohttp.ClientSession) -> None:
    async with client.post(sandbox.endpoint("x") + "/11/measurement/conversions/o8z6j", json={}) as got:
        assert (got.status, (await got.json())["errors"][0]["code"]) == (404, "ROUTE_NOT_FOUND")


def test_accounts_are_told_to_a_signer_and_to_no_pixels_token() -> None:
    (*_, route) = X(Terms()).routes()

    by_keys = route.judge(
        replace(asked(headers=signed("http://127.0.0.1:1/google/token", NOW_S, method="GET")), method="GET")
    )
    by_token = route.judge(asked(headers={"X-Pixel-Token": "sandbox-x-token"}))

    assert (by_keys.status, by_token.status) == (200, 401)
