"""The vectors of RFC 5849 and of X's own page on signatures, and a call that a server can verify."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from adapters.x import Credentials, X
from gateway.core.adapter import OAuth1, Payload, Response, Secret
from gateway.core.site import Destination
from gateway.delivery.oauth1 import authorization, base_string, signature
from gateway.delivery.sender import Sender

AUTH = OAuth1(
    consumer_key="dpf43f3p2l4k3l03",
    consumer_secret=Secret("kd94hf93k423kf44"),
    token="nnch734d00sl2jdk",
    token_secret=Secret("pfkkdhi9sl3r4s00"),
)


def test_the_rfcs_base_string() -> None:
    """RFC 5849, 3.4.1.1: names that come twice, empty values, encoded octets, a blank in a form."""
    parameters = [
        ("b5", "=%3D"),
        ("a3", "a"),
        ("c@", ""),
        ("a2", "r b"),
        ("oauth_consumer_key", "9djdj82h48djs9d2"),
        ("oauth_token", "kkk9d7dh3k39sjv7"),
        ("oauth_signature_method", "HMAC-SHA1"),
        ("oauth_timestamp", "137131201"),
        ("oauth_nonce", "7d8f3e4a"),
        ("c2", ""),
        ("a3", "2 q"),
    ]

    assert base_string("post", "http://EXAMPLE.com:80/request", parameters) == (
        "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q"
        "%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26c2%3D%26oauth_consumer_"
        "key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_m"
        "ethod%3DHMAC-SHA1%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk"
        "9d7dh3k39sjv7"
    )


def test_the_rfcs_signature() -> None:
    """RFC 5849, 1.2: the photographs."""
    parameters = [
        ("file", "vacation.jpg"),
        ("size", "original"),
        ("oauth_consumer_key", AUTH.consumer_key),
        ("oauth_token", AUTH.token),
        ("oauth_signature_method", "HMAC-SHA1"),
        ("oauth_timestamp", "137131202"),
        ("oauth_nonce", "chapoH"),
    ]

    text = base_string("GET", "http://photos.example.net/photos", parameters)

    assert signature(text, "kd94hf93k423kf44", "pfkkdhi9sl3r4s00") == "MdpQcU8iPSUjWoN/UDMsK2sui9I="


def test_xs_own_vector_with_its_version() -> None:
    """X's page "Creating a signature": a post with signs that have to be encoded twice."""
    auth = OAuth1(
        consumer_key="xvz1evFS4wEEPTGEFPHBog",
        consumer_secret=Secret("kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw"),
        token="370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb",
        token_secret=Secret("LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE"),
    )
    told = {"status": "Hello Ladies + Gentlemen, a signed OAuth request!", "include_entities": "true"}

    header = authorization(
        auth,
        "POST",
        "https://api.twitter.com/1.1/statuses/update.json",
        told,
        at_s=1318622958,
        nonce="kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg",
    )

    assert header.startswith("OAuth oauth_consumer_key=")
    assert 'oauth_version="1.0"' in header
    assert 'oauth_signature="hCtSmYh%2BiHYCEqBWrE7C7hYmtUk%3D"' in header


@pytest.mark.parametrize(
    ("url", "signed"),
    [
        ("HTTPS://Ads-API.x.com/12/a", "https://ads-api.x.com/12/a"),
        ("https://ads-api.x.com:443/12/a", "https://ads-api.x.com/12/a"),
        ("http://127.0.0.1:8082/x/12/a", "http://127.0.0.1:8082/x/12/a"),
        ("http://[::1]:8082/x", "http://[::1]:8082/x"),
        ("https://ads-api.x.com", "https://ads-api.x.com/"),
    ],
)
def test_the_address_is_signed_as_the_server_sees_it(url: str, signed: str) -> None:
    assert unquote(base_string("POST", url, []).split("&")[1]) == signed


async def test_a_call_of_the_sender_can_be_verified() -> None:
    seen: list[web.Request] = []

    async def take(request: web.Request) -> web.Response:
        seen.append(request)
        return web.json_response({})

    app = web.Application()
    app.router.add_post("/12/measurement/conversions/o1", take)
    credentials = Credentials(
        consumer_key="key",
        consumer_secret=Secret("s3cret-a"),
        access_token="tok",
        access_token_secret=Secret("s3cret-b"),
    )
    async with TestServer(app) as server:
        adapter = X(pixel_id="o1", conversions={"purchase": "tw-o1-a"}, credentials=credentials)
        place = Destination(name="x", adapter=adapter, endpoint=str(server.make_url("")))
        async with Sender(place, now_ms=lambda: 1_795_305_600_999) as sender:
            answers = [await sender.send(adapter.request([Payload(body={"event_id": "a"})])) for _ in range(2)]

    told = [dict(re.findall(r'(oauth_\w+)="([^"]*)"', one.headers["Authorization"])) for one in seen]
    assert all(isinstance(answer, Response) and answer.status == 200 for answer in answers)
    assert told[0]["oauth_nonce"] != told[1]["oauth_nonce"]
    for one, request in zip(told, seen, strict=True):
        assert one["oauth_timestamp"] == "1795305600"
        signed = unquote(one.pop("oauth_signature"))
        text = base_string("POST", str(request.url), list(one.items()))
        assert signature(text, "s3cret-a", "s3cret-b") == signed
        assert "s3cret" not in request.headers["Authorization"]
