"""Good batches for every platform, sent over real sockets, for this room's tests."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import aiohttp

from gateway.sandbox import Sandbox
from gateway.sandbox.call import Object
from tests.sandbox import (
    test_google,
    test_meta,
    test_microsoft,
    test_pinterest,
    test_reddit,
    test_snap,
    test_tiktok,
)
from tests.sandbox.words import changed

EVENTS: dict[str, str] = {
    "meta": "/v26.0/123/events",
    "google": "/v1/events:ingest",
    "tiktok": "/open_api/v1.3/event/track/",
    "snap": "/v3/p-1/events",
    "pinterest": "/v5/ad_accounts/549/events",
    "reddit": "/api/v3/pixels/a2_abc/conversion_events",
    "microsoft": "/v1/97/events",
}
PLATFORMS = tuple(EVENTS)
# Google's token has to be fetched first.
HEADERS: dict[str, dict[str, str]] = {
    "meta": {"Authorization": "Bearer sandbox-meta-token"},
    "tiktok": {"Access-Token": "sandbox-tiktok-token"},
    "snap": {"Authorization": "Bearer sandbox-snap-token"},
    "pinterest": {"Authorization": "Bearer sandbox-pinterest-token"},
    "reddit": {"Authorization": "Bearer sandbox-reddit-token"},
    "microsoft": {"Authorization": "Bearer sandbox-microsoft-token"},
}
GOOD: dict[str, Object] = {
    "meta": test_meta.RICH,
    "google": test_google.SMALL,
    "tiktok": test_tiktok.RICH,
    "snap": test_snap.RICH,
    "pinterest": test_pinterest.RICH,
    "reddit": test_reddit.RICH,
    "microsoft": test_microsoft.RICH,
}
# Where an event's time stands, and how it is written; elsewhere seconds in `event_time`.
TIMES: dict[str, tuple[str, Callable[[int], object]]] = {
    "google": ("eventTimestamp", lambda now_s: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now_s))),
    "reddit": ("event_at", lambda now_s: now_s * 1000),
    "microsoft": ("eventTime", int),
}
# Where an event's id stands; elsewhere in `event_id`.
IDS: dict[str, str] = {"google": "transactionId", "reddit": "metadata.conversion_id", "microsoft": "eventId"}


def event(platform: str, event_id: str = "id-1") -> Object:
    """Build a good event of now, under the id given."""
    where, spelled = TIMES.get(platform, ("event_time", int))
    told = changed(GOOD[platform], where, spelled(int(time.time()) - 5))
    if platform == "snap":
        told = changed(told, "custom_data.order_id", f"order of {event_id}")
    return changed(told, IDS.get(platform, "event_id"), event_id)


def batch(platform: str, *ids: str) -> Object:
    events = [event(platform, one) for one in ids or ("id-1",)]
    match platform:
        case "google":
            return test_google.request(events)
        case "tiktok":
            return {"event_source": "web", "event_source_id": "C123", "data": events}
        case "reddit":
            return {"data": {"events": events}}
        case "microsoft":
            return {"data": events, "continueOnValidationError": True}
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
    if platform == "google":
        told = {"Authorization": f"Bearer {await google_token(sandbox, client)}"}
    else:
        told = HEADERS[platform]
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
        "pinterest": lambda body: bool(body.get("num_events_processed") == 1),
        "reddit": lambda body: "data" in body,
        "microsoft": lambda body: bool(body.get("eventsReceived") == 1),
    }[platform]
