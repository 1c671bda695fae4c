"""The faults over real sockets: what a client gets, and what the platform keeps."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from gateway.sandbox import Sandbox
from gateway.sandbox.call import Object
from gateway.sandbox.microsoft import Microsoft
from gateway.sandbox.pinterest import Pinterest
from gateway.sandbox.reddit import Reddit
from gateway.sandbox.snap import Snap
from gateway.sandbox.tiktok import TikTok
from tests.sandbox.served import EVENTS, PLATFORMS, batch, send, success


def code_of(platform: str, body: Any) -> object:
    """Read the platform's own word for what went wrong."""
    match platform:
        case "tiktok" | "pinterest":
            return body["code"]
        case "snap":
            return body["errors"]["codes"]
        case "reddit":
            return body["error"]["reason"]
        case _:
            return body["error"]["code"]


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_status_comes_as_often_as_scripted_then_all_is_well(
    sandbox: Sandbox, client: aiohttp.ClientSession, platform: str
) -> None:
    sandbox.script(platform, {"status": 503, "times": 2, "retry_after_s": 7})

    first, second, third = [await send(sandbox, client, platform) for _ in range(3)]

    assert [first[0], second[0], third[0]] == [503, 503, 200]
    assert first[2]["Retry-After"] == "7"
    assert [one["repeats"] for one in sandbox.events(platform)] == [0]


TABLES = ("tiktok", "snap", "pinterest", "microsoft", "reddit")


@pytest.mark.parametrize("platform", TABLES)
async def test_each_row_of_the_error_table_can_be_scripted_and_keeps_nothing(
    sandbox: Sandbox, client: aiohttp.ClientSession, platform: str
) -> None:
    emulator: Any = {"tiktok": TikTok, "snap": Snap, "pinterest": Pinterest, "microsoft": Microsoft, "reddit": Reddit}[
        platform
    ](sandbox.terms)
    for code in emulator.errors():
        async with client.put(f"{sandbox.url}/_sandbox/{platform}/faults", json={"error": code, "row": 0}) as got:
            assert await got.json() == [{"error": code, "row": 0, "times": 1}]

        status, body, _ = await send(sandbox, client, platform)

        expected = emulator.error(code, 0)
        assert status == expected.status
        assert code_of(platform, body) == code_of(platform, expected.body)
    assert sandbox.events(platform) == []


async def test_an_error_that_the_platform_does_not_have_is_refused(
    sandbox: Sandbox, client: aiohttp.ClientSession
) -> None:
    async with client.put(f"{sandbox.url}/_sandbox/tiktok/faults", json={"error": "40106"}) as got:
        assert got.status == 422
        assert "did you mean" in (await got.json())["error"]


@pytest.mark.parametrize(
    ("platform", "status", "code"),
    [
        ("meta", 400, 4),
        ("google", 429, 429),
        ("tiktok", 200, 40100),
        ("snap", 429, ["RATE_LIMITED"]),
        ("pinterest", 429, 8),
        ("reddit", 429, "TOO_MANY_REQUESTS"),
        ("microsoft", 429, "TooManyRequests"),
    ],
)
async def test_throttling_is_told_in_the_platforms_way(
    sandbox: Sandbox, client: aiohttp.ClientSession, platform: str, status: int, code: object
) -> None:
    sandbox.script(platform, {"throttle": True})

    got, body, headers = await send(sandbox, client, platform)

    assert (got, code_of(platform, body)) == (status, code)
    assert "Retry-After" not in headers


@pytest.mark.parametrize(
    ("platform", "status", "code"),
    [
        ("meta", 401, 190),
        ("google", 401, 401),
        ("tiktok", 200, 40105),
        ("snap", 401, ["UNAUTHORIZED"]),
        ("pinterest", 401, 2),
        ("reddit", 401, "UNAUTHORIZED"),
        ("microsoft", 401, "Unauthorized"),
    ],
)
async def test_expired_token_is_told_in_the_platforms_way(
    sandbox: Sandbox, client: aiohttp.ClientSession, platform: str, status: int, code: object
) -> None:
    sandbox.script(platform, {"token": "expired"})

    got, body, _ = await send(sandbox, client, platform)

    assert (got, code_of(platform, body)) == (status, code)
    assert sandbox.events(platform) == []


async def test_token_endpoint_can_be_aimed_at_alone(sandbox: Sandbox, client: aiohttp.ClientSession) -> None:
    sandbox.script("google", {"status": 500, "at": "token"}, {"token": "expired", "at": "token"})
    url = sandbox.endpoint("google") + "/token"
    form = {"grant_type": "refresh_token", "client_id": "a", "client_secret": "b"}

    told = []
    for _ in range(3):
        async with client.post(url, data={**form, "refresh_token": "sandbox-refresh-token"}) as got:
            told.append((got.status, (await got.json()).get("error")))

    assert told == [(500, "internal_failure"), (400, "invalid_grant"), (200, None)]


@pytest.mark.parametrize(("fault", "kept"), [({"reset": True}, 0), ({"applied_then_reset": True}, 1)])
async def test_cut_connection_keeps_the_event_only_when_told(
    sandbox: Sandbox, client: aiohttp.ClientSession, fault: Object, kept: int
) -> None:
    sandbox.script("meta", fault)

    with pytest.raises(aiohttp.ClientConnectionError):
        await send(sandbox, client, "meta")

    (call,) = sandbox.requests("meta")
    assert (len(sandbox.events("meta")), call["status"], call["fault"]) == (kept, None, fault | {"times": 1})


async def test_garbage_is_a_200_that_is_no_json(sandbox: Sandbox, client: aiohttp.ClientSession) -> None:
    sandbox.script("snap", {"garbage": True})

    status, body, headers = await send(sandbox, client, "snap")

    assert (status, headers["Content-Type"].startswith("text/html")) == (200, True)
    assert "<" in body
    assert sandbox.events("snap") == []


@pytest.mark.violations_expected
async def test_following_a_redirect_is_a_violation(sandbox: Sandbox, client: aiohttp.ClientSession) -> None:
    sandbox.script("meta", {"redirect": True})

    status, _, headers = await send(sandbox, client, "meta")
    assert (status, sandbox.violations()) == (307, [])
    async with client.post(sandbox.url + headers["Location"], json={}):
        pass

    assert [one["field"] for one in sandbox.violations()] == ["Location"]


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_refused_id_spoils_every_batch_that_holds_it(
    sandbox: Sandbox, client: aiohttp.ClientSession, platform: str
) -> None:
    sandbox.script(platform, {"refuse_id": "bad"})

    both = await send(sandbox, client, platform, batch(platform, "good", "bad"))
    alone = await send(sandbox, client, platform, batch(platform, "bad"))
    good = await send(sandbox, client, platform, batch(platform, "good"))

    assert [success(platform)(one[1]) for one in (both, alone, good)] == [False, False, True]
    assert [one["event_id"] for one in sandbox.events(platform)] == ["good"]
    assert len(sandbox.faults(platform)) == 1


@pytest.mark.parametrize("platform", ["meta", "tiktok", "pinterest", "microsoft"])
async def test_partial_success_leaves_one_out(sandbox: Sandbox, client: aiohttp.ClientSession, platform: str) -> None:
    sandbox.script(platform, {"partial": True})

    _, body, _ = await send(sandbox, client, platform, batch(platform, "a", "b"))

    taken = [body.get(key) for key in ("events_received", "num_events_processed", "eventsReceived", "code")]
    assert 1 in taken or 20001 in taken
    assert [one["event_id"] for one in sandbox.events(platform)] == ["a"]


async def test_endless_answer_drips_until_the_client_has_enough(
    sandbox: Sandbox, client: aiohttp.ClientSession
) -> None:
    sandbox.script("meta", {"endless": True})

    url = sandbox.endpoint("meta") + EVENTS["meta"]
    headers = {"Authorization": "Bearer sandbox-meta-token"}
    async with client.post(url, json=batch("meta"), headers=headers) as got:
        drops = [await got.content.readexactly(1) for _ in range(2)]

    assert (got.status, drops, sandbox.events("meta")) == (200, [b" ", b" "], [])


async def test_delayed_call_counts_although_the_client_hung_up(sandbox: Sandbox, client: aiohttp.ClientSession) -> None:
    sandbox.script("meta", {"delay_s": 0.3})

    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=0.1)) as hasty:
        with pytest.raises(TimeoutError):
            await send(sandbox, hasty, "meta")
    async with asyncio.timeout(5):
        while not sandbox.events("meta"):
            await (await client.get(sandbox.url)).read()

    assert sandbox.events("meta")[0]["repeats"] == 0


async def test_passes_stand_between_faults(sandbox: Sandbox, client: aiohttp.ClientSession) -> None:
    sandbox.script("meta", {"pass": True}, {"status": 500}, {"pass": True})

    assert [(await send(sandbox, client, "meta"))[0] for _ in range(3)] == [200, 500, 200]
