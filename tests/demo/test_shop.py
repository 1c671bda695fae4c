"""The demo shop's own server: whose requests it answers, and what it believes of them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientSession, DummyCookieJar, web

from gateway.core.adapter import Secret
from gateway.core.site import Site
from gateway.demo import Shop, orders
from gateway.demo.catalogue import PRODUCTS
from gateway.web.public import create_public_app, runner_options
from tests.web import parts
from tests.web.parts import Gate

GRANTED = parts.GRANTED


def site(**more: Any) -> Site:
    return parts.site(currency="EUR", api_keys=(Secret("api-key"),), **more)


@pytest.fixture
async def gate() -> AsyncIterator[Gate]:
    """The public listener with the shop in front of it."""
    front = parts.front(site())
    shop = Shop(site(), console="http://console.example", sandbox=None, now_ms=lambda: parts.NOW_MS)
    runner = web.AppRunner(create_public_app(front, mount=shop.mount), **runner_options())
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with ClientSession(cookie_jar=DummyCookieJar()) as http:
            yield Gate(front, runner.addresses[0][1], http)
    finally:
        await runner.cleanup()


async def order(gate: Gate, cart: Any, **headers: str) -> tuple[int, str]:
    form = {"cart": json.dumps(cart), "consent": json.dumps(GRANTED), "email": "a@b.example", "city": "Berlin"}
    status, answered, _ = await gate.ask("POST", "/demo/orders", data=form, headers=headers)
    return status, answered.get("Location", "")


async def test_the_gateway_still_answers_what_is_not_the_shops(gate: Gate) -> None:
    assert (await gate.pixel({"event": "page_view"}))[0] == 200
    assert (await gate.ask("GET", "/t.js"))[0] == 200
    assert (await gate.ask("GET", "/nowhere"))[0] == 404
    assert (await gate.ask("GET", "/healthz"))[0] == 200


@pytest.mark.parametrize("path", ["/", "/shop", "/product/oak-tray", "/cart", "/checkout"])
async def test_a_page_runs_no_script_but_its_own(gate: Gate, path: str) -> None:
    status, headers, body = await gate.ask("GET", path)
    _, other, _ = await gate.ask("GET", path)

    assert status == 200
    policy = headers["Content-Security-Policy"]
    assert policy != other["Content-Security-Policy"], "a nonce is good for one answer"
    nonce = policy.partition("'nonce-")[2].partition("'")[0]
    text = body.decode()
    inline = [tag for tag in text.split("<script")[1:] if " src=" not in tag.partition(">")[0] and "json" not in tag]
    assert all(f'nonce="{nonce}"' in tag for tag in inline)
    assert "http://" not in text.replace("http://console.example", ""), "nothing is fetched from elsewhere"


async def test_the_shop_answers_its_own_names_only(gate: Gate) -> None:
    assert (await gate.ask("GET", "/shop", headers={"Host": "evil.example"}))[0] == 404
    assert (await order(gate, {"oak-tray": 1}, Origin="https://evil.example"))[0] == 403
    assert (await gate.ask("GET", "/product/nothing"))[0] == 404
    assert (await gate.ask("GET", "/thanks?order=nobody"))[0] == 303


async def test_the_prices_are_the_shops_whatever_the_page_says(gate: Gate) -> None:
    status, place = await order(gate, {"oak-tray": 2, "gold": 1, "reading-lamp": -1, "linen-cloth": "9"})
    body = (await gate.ask("GET", place))[2].decode()

    assert (status, place.startswith("/thanks?order=ML-")) == (303, True)
    assert "€80.90" in body
    assert "Reading lamp" not in body.partition("What you bought")[2]
    assert (await order(gate, {"gold": 1})) == (303, "/cart")
    assert (await order(gate, "[")) == (303, "/cart")


async def test_the_server_confirms_an_order_over_the_public_api(gate: Gate) -> None:
    _, place = await order(
        gate, {"oak-tray": 1}, Cookie="_fbp=fb.0.1795305600000.1234567890; _gcl_aw=GCL.1795305600.Cj0"
    )
    number = place.partition("=")[2]

    told = await gate.ask("POST", f"/demo/orders/{number}/confirm", json={})
    again = await gate.ask("POST", f"/demo/orders/{number}/confirm", json={})

    assert [json.loads(answer[2])["status"] for answer in (told, again)] == ["accepted", "duplicate"]
    copy: Any = gate.shelf.copies[0]
    assert (copy.event_id, copy.transaction_id, copy.value, copy.at_ms) == (
        f"order-{number}",
        number,
        42.9,
        parts.NOW_MS,
    )
    assert copy.browser.cookies == {"fbp": "fb.0.1795305600000.1234567890"}
    assert copy.clicks["gclid"].id == "Cj0"
    assert copy.consent.ad_storage.value == "granted"
    assert (await gate.ask("POST", f"/demo/orders/{number}/confirm", data="x"))[0] == 404
    assert (await gate.ask("POST", "/demo/orders/nobody/confirm", json={}))[0] == 404


async def test_an_unreachable_gateway_is_told_and_breaks_nothing() -> None:
    placed = orders.Order(
        number="1", currency="EUR", lines=(orders.Line(product=PRODUCTS["oak-tray"], quantity=1),), user={}, consent={},
        ids={}, page="http://127.0.0.1/thanks", user_agent="", placed_ms=0,
    )  # fmt: skip

    assert await orders.confirm(placed, "http://127.0.0.1:9/api/events", "key") == {"error": "ClientConnectorError"}


def test_who_says_nothing_about_consent_says_no() -> None:
    assert orders.consent("") == parts.DENIED
    assert orders.consent("[1]") == parts.DENIED
    assert orders.consent('{"ad_storage":"granted","ad_user_data":1}') == {**parts.DENIED, "ad_storage": "granted"}
