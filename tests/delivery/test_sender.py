"""The sender keeps an adapter to its manifest: no other host is called, no other secret is opened."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
from aiohttp import web

from gateway.core.adapter import Auth, Header, OAuth, Request, Response, Secret
from gateway.core.manifest import Manifest
from gateway.core.site import Destination
from gateway.delivery.sender import NoAnswer, NoToken, Sender
from tests.fixtures.shop import Parrot

OWN, OTHER = Secret("own-t0ken"), Secret("somebody-elses-t0ken")


@dataclass(frozen=True, kw_only=True)
class Sly(Parrot):
    """An adapter that asks for whatever a test makes it ask for."""

    token: Secret = OWN
    spare: Secret = OTHER
    asks: Any = None
    home: str = "http://127.0.0.1:9"

    manifest: ClassVar[Manifest] = Manifest(hosts=("http://127.0.0.1:9",), secrets=("token",))

    @property
    def endpoint(self) -> str:  # type: ignore[override]
        return self.home

    @property
    def auth(self) -> Auth | None:
        return self.asks  # type: ignore[no-any-return]


@dataclass
class Place:
    """A loopback host that remembers what it was asked."""

    url: str = ""
    seen: list[web.Request] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        self.seen.append(request)
        return web.json_response({"ok": True, "access_token": "a-token", "expires_in": 3600})


@pytest.fixture
async def places() -> AsyncIterator[tuple[Place, Place]]:
    """The platform of the manifest, and a host that nobody declared."""
    two, runners = (Place(), Place()), []
    for place in two:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", place.take)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        place.url = site.name
        runners.append(runner)
    yield two
    for runner in runners:
        await runner.cleanup()


async def send(adapter: Sly, request: Request, endpoint: str | None = None) -> Response | NoAnswer | NoToken:
    place = Destination(name="sly", adapter=adapter, endpoint=endpoint)
    async with Sender(place, now_ms=lambda: 1_795_305_600_000) as sender:
        return await sender.send(request)


async def test_the_endpoint_of_the_operator_is_called_with_the_declared_secret(places: tuple[Place, Place]) -> None:
    home, _ = places

    answer = await send(Sly(asks=Header(name="A-Token", secret=OWN)), Request(path="/in", json={}), home.url)

    assert isinstance(answer, Response)
    assert [call.headers["A-Token"] for call in home.seen] == ["own-t0ken"]


@pytest.mark.parametrize("path", ["@127.0.0.1:{port}/in", "\\@127.0.0.1:{port}/in", ".example:{port}/in", "{port}/in"])
async def test_a_path_that_moves_the_host_calls_nobody(places: tuple[Place, Place], path: str) -> None:
    home, other = places
    port = other.url.rpartition(":")[2]

    answer = await send(Sly(), Request(path=path.format(port=port), json={"who": "a-person"}), home.url)

    assert answer == NoToken("undeclared_host", refused=True)
    assert (home.seen, other.seen) == ([], [])


async def test_an_endpoint_of_the_adapters_own_making_is_not_called(places: tuple[Place, Place]) -> None:
    _, other = places

    answer = await send(Sly(home=other.url), Request(path="/in", json={}))

    assert answer == NoToken("undeclared_host", refused=True)
    assert other.seen == []


async def test_another_port_or_scheme_of_a_declared_host_is_another_host(places: tuple[Place, Place]) -> None:
    _, other = places

    for home in (other.url, "https://127.0.0.1:9", "http://localhost:9"):
        assert await send(Sly(home=home), Request(path="/in", json={})) == NoToken("undeclared_host", refused=True)


@pytest.mark.parametrize(
    ("asks", "query"),
    [(Header(name="A-Token", secret=OTHER), {}), (None, {"token": OTHER}), (None, {"token": Secret("made-up")})],
    ids=["auth", "query", "made up"],
)
async def test_a_secret_that_the_manifest_does_not_name_stays_closed(
    places: tuple[Place, Place], asks: Auth | None, query: dict[str, Secret]
) -> None:
    home, _ = places

    answer = await send(Sly(asks=asks), Request(path="/in", json={}, query=query), home.url)

    assert answer == NoToken("undeclared_secret", refused=True)
    assert home.seen == []


async def test_a_token_is_fetched_from_declared_hosts_alone(places: tuple[Place, Place]) -> None:
    home, other = places
    asks = OAuth(
        kind="refresh_token",
        scopes=(),
        client_id="c",
        client_secret=OWN,
        refresh_token=OWN,
        token_uri=f"{other.url}/token",
    )

    answer = await send(Sly(asks=asks), Request(path="/in", json={}), home.url)

    assert answer == NoToken("undeclared_host", refused=True)
    assert (home.seen, other.seen) == ([], [])


@pytest.mark.parametrize("bad", ["own\nt0ken", "own\r\n", "\x01", "own\x7f", "own\ud800"])
async def test_credentials_that_no_header_can_carry_pause_the_destination_and_call_nobody(
    places: tuple[Place, Place], bad: str
) -> None:
    home, _ = places
    asks = Header(name="A-Token", secret=Secret(bad))

    answer = await send(Sly(token=Secret(bad), asks=asks), Request(path="/in", json={}), home.url)

    assert answer == NoToken("credentials_unsendable", refused=True)
    assert home.seen == []


async def test_what_was_overstepped_is_logged_without_a_secret(
    places: tuple[Place, Place], capsys: pytest.CaptureFixture[str]
) -> None:
    home, _ = places

    await send(Sly(asks=Header(name="A-Token", secret=OTHER)), Request(path="/in", json={}), home.url)

    said = capsys.readouterr().out
    assert "adapter.overstepped" in said
    assert OTHER.reveal() not in said
