from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from gateway.core.adapter import Auth, Header, OAuth, OAuth1, Request, Secret, Signature
from gateway.core.manifest import Manifest
from gateway.core.warrant import warrant
from tests.fixtures.shop import Parrot

OWN, OTHER = Secret("own"), Secret("another")
REQUEST = Request(path="/", json=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    token: Secret | None = None
    file: str | None = None


@dataclass(frozen=True, kw_only=True)
class Keeper(Parrot):
    """A parrot with options to keep safe."""

    login: Login = Login(token=OWN, file="/run/secrets/key.json")
    url: str | None = "https://hooks.shop.example/in?x=1"
    spare: Secret = OTHER

    manifest: ClassVar[Manifest] = Manifest(
        hosts=("a.example",), urls=("url",), secrets=("login.token", "login.file", "login.absent")
    )


def test_it_lists_hosts_addresses_of_options_and_the_endpoint_of_the_operator() -> None:
    assert warrant(Keeper(), "http://127.0.0.1:9").bases == (
        "https://a.example",
        "https://hooks.shop.example/in?x=1",
        "http://127.0.0.1:9",
    )
    assert warrant(Keeper(url=None)).bases == ("https://a.example",)


@pytest.mark.parametrize(
    ("auth", "query", "may"),
    [
        (None, {}, True),
        (Header(name="A", secret=OWN), {}, True),
        (Header(name="A", secret=OTHER), {}, False),
        (Signature(name="A", secret=OTHER), {}, False),
        (None, {"token": OWN, "v": "1"}, True),
        (None, {"token": OTHER}, False),
        (OAuth1(consumer_key="k", consumer_secret=OWN, token="t", token_secret=OWN), {}, True),
        (OAuth1(consumer_key="k", consumer_secret=OWN, token="t", token_secret=OTHER), {}, False),
        (OAuth(kind="service_account", scopes=(), file="/run/secrets/key.json"), {}, True),
        (OAuth(kind="service_account", scopes=(), file="/etc/another.json"), {}, False),
        (OAuth(kind="refresh_token", scopes=(), client_secret=OWN, refresh_token=OTHER), {}, False),
    ],
)
def test_it_opens_what_the_manifest_names_and_nothing_else(
    auth: Auth | None, query: Mapping[str, Any], may: bool
) -> None:
    request = Request(path="/", json=None, query=query)

    assert warrant(Keeper()).opens(auth, request) is may


def test_an_option_that_is_not_set_opens_nothing() -> None:
    empty = Keeper(login=Login())

    assert warrant(empty).secrets == frozenset()
    assert not warrant(empty).opens(Header(name="A", secret=OWN), REQUEST)
