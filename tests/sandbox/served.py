"""Good batches for every platform, sent over real sockets, for this room's tests."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import aiohttp

from gateway.sandbox import Sandbox
from gateway.sandbox.call import Object
from tests.sandbox import test_google, test_meta, test_snap, test_tiktok
from tests.sandbox.words import changed

EVENTS: dict[str, str] = {
    "meta": "/v26.0/123/events",
    "google": "/v1/events:ingest",
    "tiktok": "/open_api/v1.3/event/track/",
    "snap": "/v3/p-1/events",
}
PLATFORMS = tuple(EVENTS)


def event(platform: str, event_id: str = "id-1") -> Object:
    """Build a good event of now, under the id given."""
    now_s = int(time.time()) - 5
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now_s))
    good = {"meta": test_meta.RICH, "google": test_google.SMALL, "tiktok": test_tiktok.RICH, "snap": test_snap.RICH}
    told = changed(good[platform], "eventTimestamp" if platform == "google" else "event_time",
                   stamp if platform == "google" else now_s)  # fmt: skip
    if platform == "snap":
        told = changed(told, "custom_data.order_id", f"order of {event_id}")
    return changed(told, "transactionId" if platform == "google" else "event_id", event_id)


def batch(platform: str, *ids: str) -> Object:
    events = [event(platform, one) for one in ids or ("id-1",)]
    match platform:
        case "google":
            return test_google.request(events)
        case "tiktok":
            return {"event_source": "web", "event_source_id": "C123", "data": events}
        case _:
            return {"data": events}


async def google_token(sandbox: Sandbox, client: aiohttp.ClientSession) -> str:
    form = {"grant_type": "refresh_token", "client_id": "a", "client_secret": "b"}
    async with client.post(
        sandbox.endpoint("google") + "/token", data={**form, "refresh_token": "sandbox-refresh-token"}
    ) as got:
        return str((await got.json())["access_token"])


async def send(
    sandbox: Sandbox, client: aiohttp.ClientSession, platform: str, body: object = None
) -> tuple[int, Any, Any]:
    headers = {
        "meta": {"Authorization": "Bearer sandbox-meta-token"},
        "tiktok": {"Access-Token": "sandbox-tiktok-token"},
        "snap": {"Authorization": "Bearer sandbox-snap-token"},
    }
    if platform == "google":
        told = {"Authorization": f"Bearer {await google_token(sandbox, client)}"}
    else:
        told = headers[platform]
    url = sandbox.endpoint(platform) + EVENTS[platform]
    sent = batch(platform) if body is None else body
    async with client.post(url, json=sent, headers=told, allow_redirects=False) as got:
        is_json = got.content_type == "application/json"
        return got.status, await (got.json() if is_json else got.text()), got.headers


def success(platform: str) -> Callable[[Any], bool]:
    return {
        "meta": lambda body: bool(body.get("events_received") == 1),
        "google": lambda body: "requestId" in body,
        "tiktok": lambda body: bool(body.get("code") == 0),
        "snap": lambda body: bool(body.get("status") == "VALID"),
    }[platform]
