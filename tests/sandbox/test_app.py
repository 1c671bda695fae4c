"""The sandbox over real sockets: its paths and its doors."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest

from gateway.sandbox import Sandbox, Terms, running, sandbox_app
from gateway.sandbox.app import NAMES
from tests.sandbox.served import EVENTS, HEADERS, PLATFORMS, TIMES, batch, event, google_token, send, success
from tests.sandbox.words import changed


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_accepted_event_is_listed_once_with_its_repeats(
    sandbox: Sandbox, client: aiohttp.ClientSession, platform: str
) -> None:
    for _ in range(3):
        status, body, _ = await send(sandbox, client, platform)
        assert (status, success(platform)(body)) == (200, True)

    async with client.get(f"{sandbox.url}/_sandbox/{platform}/events") as got:
        (entry,) = await got.json()
    assert (entry["event_id"], entry["repeats"], entry["test"]) == ("id-1", 2, False)
    assert entry["payload"] == event(platform) | {
        key: entry["payload"][key]
        for key in ("event_time", *(where for where, _ in TIMES.values()))
        if key in entry["payload"]
    }


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_call_is_listed_with_its_verdict_and_no_token(
    sandbox: Sandbox, client: aiohttp.ClientSession, platform: str
) -> None:
    await send(sandbox, client, platform)

    async with client.get(f"{sandbox.url}/_sandbox/{platform}/requests") as got:
        text = await got.text()
        calls = [one for one in await got.json() if one["place"] == "events"]
    (call,) = calls
    assert (call["status"], call["count"], call["accepted"], call["reasons"]) == (200, 1, 1, [])
    assert call["body"]
    assert "sandbox-" not in text.replace("tagway-sandbox", "")
    assert "ya29" not in text


@pytest.mark.parametrize("what", ["events", "requests"])
async def test_deleting_forgets(sandbox: Sandbox, client: aiohttp.ClientSession, what: str) -> None:
    await send(sandbox, client, "meta")

    async with client.delete(f"{sandbox.url}/_sandbox/meta/{what}") as got:
        assert got.status == 204

    told = {"events": sandbox.events("meta"), "requests": sandbox.requests("meta")}
    assert {key: len(value) for key, value in told.items()} == {"events": 1, "requests": 1} | {what: 0}


@pytest.mark.violations_expected
@pytest.mark.parametrize(
    ("platform", "where"),
    [
        ("meta", "data.0.user_data.em"),
        ("google", "events.0.userData.userIdentifiers.0.emailAddress"),
        ("tiktok", "data.0.user.email"),
        ("snap", "data.0.user_data.em"),
        ("pinterest", "data.0.user_data.em.0"),
        ("reddit", "data.events.0.user.email"),
        ("microsoft", "data.0.userData.em"),
    ],
)
async def test_readable_mail_fails_the_call_and_is_listed(
    sandbox: Sandbox, client: aiohttp.ClientSession, platform: str, where: str
) -> None:
    _, body, _ = await send(sandbox, client, platform, changed(batch(platform), where, "mary@example.com"))

    async with client.get(f"{sandbox.url}/_sandbox/violations") as got:
        listed = await got.json()
    assert not success(platform)(body)
    assert sandbox.events(platform) == []
    assert {(one["platform"], one["row"]) for one in listed} >= {(platform, 0)}
    assert "mary" not in str(listed)
    async with client.delete(f"{sandbox.url}/_sandbox/violations") as got:
        assert (got.status, sandbox.violations()) == (204, [])


async def test_faults_are_put_shown_and_deleted(sandbox: Sandbox, client: aiohttp.ClientSession) -> None:
    url = f"{sandbox.url}/_sandbox/meta/faults"

    async with client.put(url, json=[{"status": 503, "times": 3}, {"delay_s": 5}]) as got:
        put = await got.json()
    await send(sandbox, client, "meta")
    async with client.get(url) as got:
        left = await got.json()
    async with client.delete(url) as got:
        gone = got.status

    assert put == [{"status": 503, "times": 3}, {"delay_s": 5.0, "times": 1}]
    assert left == [{"status": 503, "times": 2}, {"delay_s": 5.0, "times": 1}]
    assert (gone, sandbox.faults("meta")) == (204, [])


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("meta/faults", b'{"statsu": 503}', 422, "did you mean status?"),
        ("meta/faults", b"{", 422, "JSON"),
        ("mata/faults", b"{}", 404, "did you mean meta?"),
        ("google/online", b'{"onlin": ["1"]}', 422, "online"),
    ],
)
async def test_wrong_word_is_told_the_right_one(
    sandbox: Sandbox, client: aiohttp.ClientSession, path: str, body: bytes, status: int, said: str
) -> None:
    headers = {"Content-Type": "application/json"}

    async with client.put(f"{sandbox.url}/_sandbox/{path}", data=body, headers=headers) as got:
        assert (got.status, said in (await got.json())["error"]) == (status, True)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/meta/123/events", 400),
        ("/meta/v24.0/123/events", 400),
        ("/google/v1/events", 404),
        ("/tiktok/open_api/v1.3/event/track", 404),
        ("/snap/v2/conversion", 404),
        ("/pinterest/v3/ad_accounts/549/events", 404),
        ("/reddit/api/v2.0/conversions/events/a2_abc", 404),
        ("/microsoft/v2/97/events", 404),
    ],
)
async def test_path_that_a_platform_lacks_is_refused_and_listed(
    sandbox: Sandbox, client: aiohttp.ClientSession, path: str, status: int
) -> None:
    async with client.post(sandbox.url + path, json={}) as got:
        assert got.status == status

    (call,) = sandbox.requests(path.split("/")[1])
    assert (call["path"], call["status"]) == (path, status)


async def test_key_handed_out_opens_the_token_endpoint(sandbox: Sandbox, client: aiohttp.ClientSession) -> None:
    async with client.get(sandbox.endpoint("google") + "/_demo_key") as got:
        key = await got.json()
    now_s = int(time.time())
    claims = {
        "iss": key["client_email"], "scope": "https://www.googleapis.com/auth/datamanager", "aud": key["token_uri"],
        "iat": now_s - 10, "exp": now_s + 3_000,
    }  # fmt: skip
    said = jwt.encode(claims, key["private_key"], "RS256", {"kid": key["private_key_id"]})
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": said}

    async with client.post(key["token_uri"], data=form) as got:
        assert (got.status, (await got.json())["token_type"]) == (200, "Bearer")
    assert key == sandbox.google_key()
    assert said not in str(sandbox.requests("google"))


async def test_actions_can_be_told_online_or_offline(sandbox: Sandbox, client: aiohttp.ClientSession) -> None:
    async with client.put(f"{sandbox.url}/_sandbox/google/online", json={"offline": ["987"]}) as got:
        assert await got.json() == {"modes": {"987": "offline"}}

    body = changed(batch("google"), "events.0.eventSource", None)
    refused = await send(sandbox, client, "google", body)
    sandbox.google_modes(online=["987"])
    taken = await send(sandbox, client, "google", body)

    assert [refused[0], taken[0]] == [400, 200]


async def test_index_names_the_paths(sandbox: Sandbox, client: aiohttp.ClientSession) -> None:
    async with client.get(sandbox.url) as got:
        assert set((await got.json())["platforms"]) == set(NAMES)


async def test_body_that_is_no_json_is_refused_by_everyone(sandbox: Sandbox, client: aiohttp.ClientSession) -> None:
    headers = {**HEADERS, "google": {"Authorization": f"Bearer {await google_token(sandbox, client)}"}}
    for platform, path in EVENTS.items():
        told = headers[platform]
        for kind in ("application/json", "text/plain"):
            url = sandbox.endpoint(platform) + path
            async with client.post(url, data=b"{", headers={**told, "Content-Type": kind}) as got:
                body = await got.json()
            assert body.get("code") == 40002 or got.status == 400


async def test_clock_and_terms_are_the_callers(client: aiohttp.ClientSession) -> None:
    now_s = time.time()
    clock = [now_s]
    terms = Terms(meta_tokens=frozenset({"mine"}), meta_datasets=frozenset({"123"}))

    async with running(terms=terms, clock=lambda: clock[0]) as sandbox:
        told = []
        for at_s, dataset in ((now_s, "123"), (now_s + 47 * 3600, "123"), (now_s + 49 * 3600, "123"), (now_s, "9")):
            clock[0] = at_s
            url = f"{sandbox.endpoint('meta')}/v26.0/{dataset}/events"
            async with client.post(url, json=batch("meta"), headers={"Authorization": "Bearer mine"}) as got:
                told.append(got.status)
        repeats = [one["repeats"] for one in sandbox.events("meta")]

    assert (told, repeats) == ([200, 200, 200, 400], [1, 0])


async def test_forgetting_all_leaves_tokens_good(sandbox: Sandbox, client: aiohttp.ClientSession) -> None:
    await send(sandbox, client, "meta")
    sandbox.script("meta", {"reset": True})

    sandbox.forget()

    assert (sandbox.events("meta"), sandbox.requests("meta"), sandbox.faults("meta")) == ([], [], [])
    assert (await send(sandbox, client, "meta"))[0] == 200


async def test_script_in_process_says_what_is_wrong(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="did you mean reset"):
        sandbox.script("meta", {"rest": True})


async def test_application_can_be_served_by_others(aiohttp_client: Any) -> None:
    served = await aiohttp_client(sandbox_app())

    assert (await served.get("/_sandbox/violations")).status == 200


def test_fixture_fails_the_test_that_broke_privacy(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import aiohttp, pytest\n"
        "async def _spill(sandbox):\n"
        "    async with aiohttp.ClientSession() as session:\n"
        "        await session.post(f'{sandbox.url}/_sandbox/trap/meta')\n"
        "async def test_bad(sandbox):\n"
        "    await _spill(sandbox)\n"
        "@pytest.mark.violations_expected\n"
        "async def test_meant(sandbox):\n"
        "    await _spill(sandbox)\n"
    )
    root = Path(__file__).parents[2]

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.fixtures.sandbox", "-p", "no:cacheprovider", "-p", "no:randomly",
         "-c", str(root / "pyproject.toml"), "--rootdir", str(root), "-q", str(tmp_path)],
        cwd=root, capture_output=True, text=True, timeout=60,
    )  # fmt: skip

    assert "2 passed, 1 error" in done.stdout
    assert "a redirect was followed" in done.stdout
