"""The page about installing: every command on it does what it says."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.fixtures.gateway import RunningGateway

PAGE = (Path(__file__).parents[2] / "docs/install.md").read_text()


@pytest.fixture
async def shop(gateway: RunningGateway) -> RunningGateway:
    gateway.site["hosts"] = ["127.0.0.1"]
    gateway.site["path"] = "/m"
    gateway.site["request_keys"] = ["shop-request-key"]
    await gateway.start()
    return gateway


def blocks(kind: str) -> list[str]:
    found = re.findall(rf"^( *)```{kind}\n(.*?)^ *```$", PAGE, re.MULTILINE | re.DOTALL)
    return [body for _, body in found]


async def run(shop: RunningGateway, *command: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *command,
        env=os.environ | {"SHOP_API_KEY": "shop-api-key", "SHOP_REQUEST_KEY": "shop-request-key"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out = (await process.communicate())[0].decode()
    assert process.returncode == 0, out
    return out


def here(text: str, shop: RunningGateway) -> str:
    """Let a command speak to this gateway, and leave the shop's own addresses in what it says."""
    return text.replace("https://shop.example/m/", shop.url("/m/"))


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
async def test_the_commands_of_the_page_get_the_answers_of_the_page(shop: RunningGateway) -> None:
    server, signed, image, check = (here(text, shop) for text in blocks("sh"))
    (answer,) = (json.loads(text) for text in blocks("json"))

    assert json.loads(await run(shop, "sh", "-c", server)) == answer
    if shutil.which("openssl") is not None:
        (result,) = json.loads(await run(shop, "sh", "-c", signed))["results"]
        assert (result["event_id"], result["status"]) == ("order-1003", "accepted")
    assert "X-Tagway: accepted" in await run(shop, "sh", "-c", image)
    told = (await run(shop, "sh", "-c", check)).splitlines()
    assert told == ["200 text/javascript; charset=utf-8", "X-Tagway: accepted"]
    assert " and ".join(f"`{line}`" for line in told) in PAGE


async def test_the_python_of_the_page_is_heard(shop: RunningGateway) -> None:
    code, signing = blocks("python")
    body = '{"event":"purchase","event_id":"order-1004"}'

    await run(shop, sys.executable, "-c", here(code, shop))
    header = await run(shop, sys.executable, "-c", f"{signing}\nprint(signature({body!r}.encode()))")
    signed = {"X-Tagway-Signature": header.strip()}
    async with shop.http.post(shop.url("/m/api/events"), data=body, headers=signed) as answer:
        assert answer.status == 200, await answer.text()

    told = await shop.ask("/admin/api/explain/order-1002")
    assert [copy["wire"] for copy in told["copies"]] == ["server"]


def test_the_page_passes_on_what_the_tag_passes_on() -> None:
    source = (Path(__file__).parents[2] / "gateway/tag/layer.ts").read_text()
    passed = re.search(r"const PASSED = '([^']*)'", source)
    assert passed is not None

    assert [name for name in passed[1].split() if not re.search(rf"\b{name}\b", PAGE)] == []
    snippet = "window.tagway=window.tagway||function(){(tagway.q=tagway.q||[]).push(arguments)}"
    assert snippet in PAGE
