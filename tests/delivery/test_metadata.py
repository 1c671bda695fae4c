"""Tokens of the account of the machine we run on, against a metadata server on the loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import rsa

from gateway.core.adapter import OAuth
from gateway.delivery.tokens import METADATA_VARIABLE, TokenRefused, Tokens, TokenUnavailable
from tests.delivery.token_endpoint import SCOPE, Endpoint

MACHINE = OAuth(kind="metadata", scopes=(SCOPE,))
PATH = "/computeMetadata/v1/instance/service-accounts/default/token"


@pytest.fixture
async def machine(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Endpoint]:
    """A metadata server, where Google's own variable says that it is."""
    made = Endpoint(public_key=rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key())
    made.open.set()
    app = web.Application()
    app.router.add_get(PATH, made.answer_of_machine)
    async with TestServer(app) as server:
        monkeypatch.setenv(METADATA_VARIABLE, f"127.0.0.1:{server.port}")
        yield made
    assert made.wrong == []


@pytest.fixture
async def tokens(machine: Endpoint) -> AsyncIterator[Tokens]:
    async with aiohttp.ClientSession() as session:
        yield Tokens(session, clock=lambda: machine.clock_s)


async def test_the_machine_is_asked_for_the_scope(tokens: Tokens, machine: Endpoint) -> None:
    assert (await tokens.bearer(MACHINE)).reveal() == "machine-1"
    assert machine.forms == [{"scopes": SCOPE}]


async def test_callers_share_one_question(tokens: Tokens, machine: Endpoint) -> None:
    machine.open.clear()
    async with asyncio.TaskGroup() as group:
        asking = [group.create_task(tokens.bearer(MACHINE)) for _ in range(20)]
        async with asyncio.timeout(5):
            while not machine.forms:  # noqa: ASYNC110 - what it waits for is changed by a handler
                await asyncio.sleep(0)
        machine.open.set()

    assert {task.result().reveal() for task in asking} == {"machine-1"}


@pytest.mark.parametrize(("life_s", "renewed_after_s"), [(3599, 3299), (301, 151)])
async def test_a_token_is_renewed_before_it_ends(
    tokens: Tokens, machine: Endpoint, life_s: int, renewed_after_s: int
) -> None:
    """The server hands out one token until its last minutes: how much is left of it, it says."""
    machine.life_s = life_s
    await tokens.bearer(MACHINE)
    machine.clock_s += renewed_after_s - 1
    assert (await tokens.bearer(MACHINE)).reveal() == "machine-1"
    machine.clock_s += 1

    assert (await tokens.bearer(MACHINE)).reveal() == "machine-2"


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (404, b"", (TokenRefused, "machine_has_no_account")),
        (403, b"", (TokenRefused, "http_403")),
        (503, b"", (TokenUnavailable, "http_503")),
        (200, b"<html>", (TokenUnavailable, "answer_unreadable")),
        (302, b"", (TokenRefused, "http_302")),
    ],
)
async def test_an_answer_says_who_has_to_act(
    tokens: Tokens, machine: Endpoint, status: int, body: bytes, expected: tuple[type[Exception], str]
) -> None:
    machine.status, machine.body = status, body

    with pytest.raises(expected[0]) as caught:
        await tokens.bearer(MACHINE)

    assert str(caught.value) == expected[1]


async def test_a_proxy_does_not_pass_for_the_machine(tokens: Tokens, machine: Endpoint) -> None:
    machine.headers = {"Metadata-Flavor": "Portal"}

    with pytest.raises(TokenUnavailable, match="not_a_metadata_server"):
        await tokens.bearer(MACHINE)


async def test_elsewhere_than_on_google_cloud_there_is_no_token(
    tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(METADATA_VARIABLE, "127.0.0.1:1")

    with pytest.raises(TokenUnavailable, match="connection"):
        await tokens.bearer(MACHINE)
