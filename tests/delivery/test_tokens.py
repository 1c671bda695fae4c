"""Tokens against an endpoint on the loopback that checks what it is asked as Google does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from gateway.core.adapter import OAuth, Secret
from gateway.delivery.tokens import TokenRefused, Tokens, TokenUnavailable
from tests.delivery.token_endpoint import NOW_S, SCOPE, Endpoint, key_file_text, pem

KeyFile: TypeAlias = Callable[..., OAuth]


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
async def endpoint(key: rsa.RSAPrivateKey) -> Endpoint:
    made = Endpoint(public_key=key.public_key())
    made.open.set()
    return made


@pytest.fixture
async def uri(endpoint: Endpoint) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/token", endpoint.answer)
    async with TestServer(app) as server:
        yield str(server.make_url("/token"))


@pytest.fixture
async def tokens(endpoint: Endpoint) -> AsyncIterator[Tokens]:
    async with aiohttp.ClientSession() as session:
        yield Tokens(session, clock=lambda: endpoint.clock_s)


@pytest.fixture
def key_file(tmp_path: Path, key: rsa.RSAPrivateKey, uri: str) -> KeyFile:
    """Write a key file, with some of it replaced, and describe it."""

    def write(**more: Any) -> OAuth:
        path = tmp_path / "key.json"
        path.write_text(key_file_text(key, **{"token_uri": uri, **more}))
        return OAuth(kind="service_account", scopes=(SCOPE,), file=str(path))

    return write


@pytest.fixture
def user(uri: str) -> OAuth:
    return OAuth(
        kind="refresh_token",
        scopes=(SCOPE,),
        client_id="42",
        client_secret=Secret("client-s3cret"),
        refresh_token=Secret("user-s3cret"),
        token_uri=uri,
    )


async def _until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not is_so():  # noqa: ASYNC110 - what it waits for is a number, changed by a handler
            await asyncio.sleep(0)


# --- the two grants --------------------------------------------------------------------------------


async def test_a_service_account_signs_what_google_asks_for(
    tokens: Tokens, endpoint: Endpoint, key_file: KeyFile
) -> None:
    token = await tokens.bearer(key_file())

    assert token == Secret("token-1")
    assert endpoint.wrong == []
    assert [form["grant_type"] for form in endpoint.forms] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]


async def test_the_endpoint_would_notice_a_foreign_key(tokens: Tokens, endpoint: Endpoint, key_file: KeyFile) -> None:
    foreign = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    await tokens.bearer(key_file(private_key=pem(foreign)))

    assert endpoint.wrong == ["InvalidSignatureError('Signature verification failed')"]


async def test_the_key_file_says_where_its_tokens_are(tokens: Tokens, endpoint: Endpoint, key_file: KeyFile) -> None:
    await tokens.bearer(replace(key_file(), token_uri="http://127.0.0.1:1/token"))

    assert (len(endpoint.forms), endpoint.wrong) == (1, [])


async def test_a_key_file_that_names_no_address_leaves_it_to_the_options(
    tokens: Tokens, endpoint: Endpoint, key_file: KeyFile, uri: str
) -> None:
    await tokens.bearer(replace(key_file(token_uri=None), token_uri=uri))

    assert (len(endpoint.forms), endpoint.wrong) == (1, [])


async def test_a_refresh_token_is_exchanged(tokens: Tokens, endpoint: Endpoint, user: OAuth) -> None:
    assert await tokens.bearer(user) == Secret("token-1")
    assert endpoint.forms == [
        {
            "grant_type": "refresh_token",
            "client_id": "42",
            "client_secret": "client-s3cret",
            "refresh_token": "user-s3cret",
        }
    ]


# --- asked once ------------------------------------------------------------------------------------


async def test_a_hundred_callers_share_one_fetch(tokens: Tokens, endpoint: Endpoint, key_file: KeyFile) -> None:
    oauth = key_file()
    endpoint.open.clear()

    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(tokens.bearer(oauth)) for _ in range(100)]
        await _until(lambda: len(endpoint.forms) == 1)
        endpoint.open.set()

    assert {task.result() for task in asked} == {Secret("token-1")}
    assert len(endpoint.forms) == 1


async def test_two_credentials_have_two_tokens(tokens: Tokens, endpoint: Endpoint, user: OAuth) -> None:
    other = replace(user, refresh_token=Secret("another"))

    got = {await tokens.bearer(user), await tokens.bearer(other), await tokens.bearer(user)}

    assert got == {Secret("token-1"), Secret("token-2")}


async def test_a_hundred_callers_share_one_failure(tokens: Tokens, endpoint: Endpoint, user: OAuth) -> None:
    endpoint.status, endpoint.body = 503, b""
    endpoint.open.clear()

    async def reason() -> str:
        with pytest.raises(TokenUnavailable) as failed:
            await tokens.bearer(user)
        return failed.value.reason

    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(reason()) for _ in range(100)]
        await _until(lambda: len(endpoint.forms) == 1)
        endpoint.open.set()

    assert {task.result() for task in asked} == {"http_503"}
    assert len(endpoint.forms) == 1


async def test_the_others_go_on_when_the_one_who_asks_is_cancelled(
    tokens: Tokens, endpoint: Endpoint, user: OAuth
) -> None:
    endpoint.open.clear()

    async with asyncio.TaskGroup() as group:
        first = group.create_task(tokens.bearer(user))
        await _until(lambda: len(endpoint.forms) == 1)
        second, third = (group.create_task(tokens.bearer(user)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        await _until(lambda: len(endpoint.forms) == 2)
        endpoint.open.set()

    assert first.cancelled()
    assert second.result() == third.result() == Secret("token-2")


async def test_one_who_stops_waiting_takes_nothing_from_the_others(
    tokens: Tokens, endpoint: Endpoint, user: OAuth
) -> None:
    endpoint.open.clear()

    async with asyncio.TaskGroup() as group:
        first = group.create_task(tokens.bearer(user))
        await _until(lambda: len(endpoint.forms) == 1)
        second, third = (group.create_task(tokens.bearer(user)) for _ in range(2))
        await asyncio.sleep(0)
        second.cancel()
        endpoint.open.set()

    assert second.cancelled()
    assert first.result() == third.result() == Secret("token-1")


# --- renewal ---------------------------------------------------------------------------------------


async def test_a_token_is_renewed_five_minutes_before_it_ends(tokens: Tokens, endpoint: Endpoint, user: OAuth) -> None:
    await tokens.bearer(user)

    endpoint.clock_s = NOW_S + 3599 - 301
    assert await tokens.bearer(user) == Secret("token-1")
    endpoint.clock_s = NOW_S + 3599 - 299
    assert await tokens.bearer(user) == Secret("token-2")


async def test_a_short_lived_token_serves_half_its_life(tokens: Tokens, endpoint: Endpoint, user: OAuth) -> None:
    endpoint.life_s = 60
    await tokens.bearer(user)

    endpoint.clock_s = NOW_S + 29
    assert await tokens.bearer(user) == Secret("token-1")
    endpoint.clock_s = NOW_S + 31
    assert await tokens.bearer(user) == Secret("token-2")


async def test_nobody_waits_while_the_old_token_is_good(tokens: Tokens, endpoint: Endpoint, user: OAuth) -> None:
    await tokens.bearer(user)
    endpoint.clock_s = NOW_S + 3500
    endpoint.open.clear()

    async with asyncio.TaskGroup() as group:
        renewing = group.create_task(tokens.bearer(user))
        await _until(lambda: len(endpoint.forms) == 2)
        assert await tokens.bearer(user) == Secret("token-1")
        endpoint.open.set()

    assert renewing.result() == Secret("token-2")


async def test_a_good_token_outlives_an_outage_of_the_endpoint(tokens: Tokens, endpoint: Endpoint, user: OAuth) -> None:
    await tokens.bearer(user)
    endpoint.clock_s, endpoint.status, endpoint.body = NOW_S + 3400, 503, b""

    for _ in range(3):
        assert await tokens.bearer(user) == Secret("token-1")
    assert len(endpoint.forms) == 2, "and the endpoint is not asked with every request"

    endpoint.clock_s = NOW_S + 3400 + 31
    assert await tokens.bearer(user) == Secret("token-1")
    assert len(endpoint.forms) == 3

    endpoint.clock_s = NOW_S + 3600
    with pytest.raises(TokenUnavailable):
        await tokens.bearer(user)


async def test_a_dropped_token_is_fetched_anew(tokens: Tokens, endpoint: Endpoint, user: OAuth) -> None:
    refused = await tokens.bearer(user)

    tokens.drop(user, refused)
    fresh = await tokens.bearer(user)
    tokens.drop(user, refused)  # a second request was under way with the old one

    assert fresh == Secret("token-2")
    assert await tokens.bearer(user) == fresh
    tokens.drop(user)
    assert await tokens.bearer(user) == Secret("token-3")


async def test_the_key_is_read_once(tokens: Tokens, endpoint: Endpoint, key_file: KeyFile, tmp_path: Path) -> None:
    oauth = key_file()
    first = await tokens.bearer(oauth)
    (tmp_path / "key.json").unlink()

    tokens.drop(oauth, first)

    assert await tokens.bearer(oauth) == Secret("token-2")


async def test_after_a_refusal_the_key_is_read_again(tokens: Tokens, endpoint: Endpoint, key_file: KeyFile) -> None:
    oauth = key_file()
    endpoint.status, endpoint.body = 400, b'{"error":"invalid_grant"}'
    with pytest.raises(TokenRefused):
        await tokens.bearer(oauth)

    key_file(client_email="robot-2@shop.example")
    endpoint.status, endpoint.body = 200, None
    await tokens.bearer(oauth)

    assert ["robot-2@shop.example" in wrong for wrong in endpoint.wrong] == [True]


# --- what can go wrong -----------------------------------------------------------------------------

ANSWERS = [
    (400, b'{"error":"invalid_grant","error_description":"jo@shop.example"}', TokenRefused, "invalid_grant"),
    (401, b'{"error":"invalid_client"}', TokenRefused, "invalid_client"),
    (403, b'{"error":"access_denied"}', TokenRefused, "access_denied"),
    (400, b'{"error":"jo@shop.example"}', TokenRefused, "http_400"),
    (404, b"<html>", TokenRefused, "http_404"),
    (302, b"", TokenRefused, "http_302"),
    (400, b'{"error":"temporarily_unavailable"}', TokenUnavailable, "temporarily_unavailable"),
    (429, b'{"error":"rate_limit_exceeded"}', TokenUnavailable, "rate_limit_exceeded"),
    (500, b'{"error":"internal_failure"}', TokenUnavailable, "internal_failure"),
    (503, b"", TokenUnavailable, "http_503"),
    (204, b"", TokenUnavailable, "http_204"),
    (200, b"<html>", TokenUnavailable, "answer_unreadable"),
    (200, b"{}", TokenUnavailable, "answer_unreadable"),
    (200, b'{"access_token":"t"}', TokenUnavailable, "answer_unreadable"),
    (200, b'{"access_token":"t","expires_in":0}', TokenUnavailable, "answer_unreadable"),
    (200, b'{"access_token":"a\\r\\nX-Evil: 1","expires_in":9}', TokenUnavailable, "answer_unreadable"),
    (200, b'{"access_token":"' + b"t" * 70_000 + b'","expires_in":9}', TokenUnavailable, "answer_too_large"),
]


@pytest.mark.parametrize(("status", "body", "kind", "reason"), ANSWERS)
async def test_an_answer_says_who_has_to_act(
    tokens: Tokens,
    endpoint: Endpoint,
    user: OAuth,
    status: int,
    body: bytes,
    kind: type[TokenRefused | TokenUnavailable],
    reason: str,
) -> None:
    endpoint.status, endpoint.body = status, body
    if status == 302:
        endpoint.headers = {"Location": user.token_uri or ""}

    with pytest.raises(kind) as failed:
        await tokens.bearer(user)

    assert vars(failed.value) == {"reason": reason}
    assert str(failed.value) == reason
    assert len(endpoint.forms) == 1, "no redirect is followed"


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"type": "authorized_user"}, "key_file_of_another_kind"),
        ({"private_key": None}, "key_file_incomplete"),
        ({"client_email": None}, "key_file_incomplete"),
        ({"private_key": "-----BEGIN PRIVATE KEY-----\nbm90IGE=\n-----END PRIVATE KEY-----\n"}, "key_unreadable"),
        ({"private_key": pem(ec.generate_private_key(ec.SECP256R1()))}, "key_not_rsa"),
        ({"private_key": "x" * 70_000}, "key_file_too_large"),
        ({"token_uri": "oauth2.googleapis.com/token"}, "token_uri_invalid"),
    ],
)
async def test_a_bad_key_file_needs_a_person(
    tokens: Tokens, key_file: KeyFile, more: dict[str, Any], reason: str
) -> None:
    with pytest.raises(TokenRefused, match=f"^{reason}$"):
        await tokens.bearer(key_file(**more))


async def test_a_key_file_that_is_none_needs_a_person(tokens: Tokens, tmp_path: Path) -> None:
    garbage = tmp_path / "garbage.json"
    garbage.write_text("private_key: s3cret")

    for file, reason in (
        (None, "credentials_incomplete"),
        (str(tmp_path / "absent.json"), "key_file_missing"),
        (str(tmp_path), "key_file_unreadable"),
        (str(garbage), "key_file_not_json"),
    ):
        with pytest.raises(TokenRefused, match=f"^{reason}$") as failed:
            await tokens.bearer(OAuth(kind="service_account", scopes=(SCOPE,), file=file))
        assert "s3cret" not in repr(failed.value.__cause__) + repr(vars(failed.value))


async def test_an_endpoint_that_is_not_there_is_asked_again(tokens: Tokens, user: OAuth) -> None:
    with pytest.raises(TokenUnavailable, match=r"^connection$"):
        await tokens.bearer(replace(user, token_uri="http://127.0.0.1:1/token"))


async def test_an_endpoint_that_says_nothing_is_asked_again(endpoint: Endpoint, user: OAuth) -> None:
    endpoint.open.clear()

    async with aiohttp.ClientSession() as session:
        with pytest.raises(TokenUnavailable, match=r"^timeout$"):
            await Tokens(session, timeout_s=0.05).bearer(user)
    endpoint.open.set()


async def test_an_incomplete_credential_is_not_tried(tokens: Tokens, endpoint: Endpoint, user: OAuth) -> None:
    with pytest.raises(TokenRefused, match=r"^credentials_incomplete$"):
        await tokens.bearer(replace(user, client_secret=None))

    assert endpoint.forms == []


async def test_no_secret_shows(tokens: Tokens, user: OAuth, key_file: KeyFile) -> None:
    shown = ""
    for oauth in (user, key_file()):
        shown += repr(oauth) + repr(await tokens.bearer(oauth))
    shown += repr(vars(tokens)["_slots"])

    for secret in ("client-s3cret", "user-s3cret", "token-1", "token-2", "PRIVATE"):
        assert secret not in shown
