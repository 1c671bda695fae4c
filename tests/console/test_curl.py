from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from gateway.console.curl import as_curl
from gateway.core.adapter import Auth, Header, OAuth, Payload, Request, Secret, Signature
from gateway.core.site import Destination
from tests.fixtures.console import a_console_plan
from tests.fixtures.shop import Parrot


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyed(Parrot):
    """A parrot that authenticates."""

    key: Auth | None = None

    @property
    def auth(self) -> Auth | None:
        return self.key

    def request(self, payloads: Sequence[Payload]) -> Request:
        body = {"lane": payloads[0].lane, "events": [dict(payload.body) for payload in payloads]}
        return Request(path="/parrot", json=body, query={"v": "1", "key": Secret("s3cret")}, headers={"X-Kind": "bird"})


def _said(key: Auth | None) -> list[str]:
    told = as_curl(Destination(name="parrot", adapter=Keyed(key=key)), {"id": "it's", "em": "ab" * 32}, "test")
    assert told is not None
    assert "s3cret" not in told
    return shlex.split(told.replace("\\\n", ""))


def test_it_is_one_command_with_the_masked_body() -> None:
    words = _said(None)

    assert words[:4] == ["curl", "--request", "POST", "http://127.0.0.1:9/parrot?v=1&key=<secret>"]
    assert words[4:8] == ["--header", "Content-Type: application/json", "--header", "X-Kind: bird"]
    assert json.loads(words[-1]) == {"lane": "test", "events": [{"id": "it's", "em": "abababab…"}]}


@pytest.mark.parametrize(
    ("key", "header"),
    [
        (Header(name="Access-Token", secret=Secret("s3cret")), "Access-Token: <secret>"),
        (Header(name="Authorization", secret=Secret("s3cret"), prefix="Bearer "), "Authorization: Bearer <secret>"),
        (OAuth(kind="service_account", scopes=("x",)), "Authorization: Bearer <token>"),
        (Signature(name="X-Signature", secret=Secret("s3cret")), "X-Signature: <signature>"),
    ],
)
def test_a_placeholder_stands_where_the_secret_goes(key: Auth, header: str) -> None:
    assert header in _said(key)


@pytest.mark.parametrize("body", [None, "text", {"not": "its own"}])
def test_what_the_adapter_cannot_pack_again_has_no_command(body: object) -> None:
    assert as_curl(a_console_plan().destinations["google"], body) is None
