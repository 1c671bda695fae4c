from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.store.database import Database
from gateway.store.keys import queue
from tests.commands.parts import PASSWORD, Gateway, config_text, tagway
from tests.fixtures.console import Shop, a_console_plan, a_visit, an_order, served


@pytest.fixture
def shop(database: Database) -> Shop:
    return Shop(database, a_console_plan())


@pytest.fixture
async def url(shop: Shop) -> AsyncIterator[str]:
    """A real admin listener, and what `--url` is told of it."""
    async with served(shop.desk()) as address:
        yield address


def some_books(**more: Any) -> dict[str, Any]:
    hour = {"at": 1_795_305_600, "unbalanced": 2}
    copies = {"copies": 9, "accepted": 5, "merged": 2, "duplicate": 1, "late": 1, "refused": {"rate": 3}, "sealed": 4}
    standing = {"balanced": True, "missing": 0, "surplus": 0, "before": 0}
    row = {"destination": "echo\x1b[2J", "owed": 4, "delivered": 1, "skipped": {"consent": 1}, "dead": {}, "waiting": 0}
    return {
        "balanced": False,
        "since": 1_795_305_600,
        "door": {**standing, **copies, "held": 1, "hours": []},
        "destinations": [{**row, **standing, "balanced": False, "missing": 2, "hours": [hour]}],
        **more,
    }


async def test_balanced_books_end_with_0(shop: Shop, url: str) -> None:
    await shop.keep(a_visit("page_view", "pv-1"), *an_order(), *an_order())

    done = await tagway("audit", "--url", url)

    assert done.exit_code == 0, done.output
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert lines[1:3] == [
        "copies 5 = accepted 2 + merged 1 + duplicate 2 + late 0; refused 0",
        "acts: 0 held before + accepted 2 = sealed 1 + held now 1: ok",
    ]
    assert "meta 0 1 0 0 0 1 ok" in lines
    assert lines[-1] == "balanced"


async def test_a_loss_ends_with_1_and_names_the_hour(shop: Shop, url: str, database: Database) -> None:
    await shop.keep(a_visit("page_view", "pv-1"))
    for shard in range(database.shards):
        await database.redis.delete(queue(shard, "meta").due)

    done = await tagway("audit", "--url", url)

    assert done.exit_code == 1
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "meta 0 1 0 0 0 0 1 missing" in lines
    assert any(line.startswith("meta: off by 1 in the hour from 20") for line in lines)
    assert lines[-1] == "NOT BALANCED"


async def test_the_same_comes_as_json(shop: Shop, url: str) -> None:
    await shop.keep(a_visit("page_view", "pv-1"))

    done = await tagway("audit", "--url", url, "--json", "--since", "7d")

    books = json.loads(done.stdout)
    assert books == {**await shop.ledger.audit.read(), "since": books["since"]}
    assert abs(books["since"] - time.time() + 7 * 86_400) <= 3_700


async def test_the_running_gateway_is_found_by_its_configuration(gateway: Gateway) -> None:
    gateway.admin.books = some_books()

    done = await tagway("audit", gateway.config, "--since", "90m")

    assert done.exit_code == 1
    assert "\x1b[2J" not in done.stdout
    assert "echo\N{REPLACEMENT CHARACTER}[2J: off by 2 in the hour from 2026-11-22 00:00:00.000 UTC" in done.stdout
    assert "1 (consent 1)" in done.stdout
    assert abs(int(gateway.admin.asked[-1]["since"]) - time.time() + 5_400) < 60


async def test_a_moment_is_handed_on_as_it_is(gateway: Gateway) -> None:
    gateway.admin.books = some_books(balanced=True)

    done = await tagway("audit", gateway.config, "--since", "2026-11-20T00:00:00Z")

    assert done.exit_code == 0
    assert gateway.admin.asked[-1] == {"since": "2026-11-20T00:00:00Z"}


async def test_an_address_takes_the_password_of_the_environment(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway.admin.books = some_books(balanced=True)
    address = f"http://localhost:{gateway.ports[1]}"
    refused = await tagway("audit", "--url", address)
    monkeypatch.setenv("TAGWAY_ADMIN_PASSWORD", PASSWORD)

    done = await tagway("audit", "--url", address)

    assert (refused.exit_code, done.exit_code) == (2, 0)
    assert PASSWORD not in done.output + refused.output


async def test_writing_off_asks_first(gateway: Gateway) -> None:
    gateway.admin.books = some_books()

    unasked = await tagway("audit", gateway.config, "--write-off")
    done = await tagway("audit", gateway.config, "--write-off", "--yes")

    assert (unasked.exit_code, done.exit_code) == (2, 0)
    assert "Say --yes" in unasked.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "say whom to ask"),
        (("--url", "ftp://127.0.0.1"), "write an address"),
        (("--url", "http://admin:x@127.0.0.1:1"), "write an address"),
        (("--url", "http://127.0.0.1:9"), "nothing answers on 127.0.0.1:9"),
    ],
)
async def test_who_cannot_be_asked_ends_with_2(arguments: tuple[str, ...], said: str) -> None:
    done = await tagway("audit", *arguments)

    assert done.exit_code == 2
    assert said in done.stderr


async def test_a_gateway_that_is_away_or_too_old_ends_with_2(gateway: Gateway, tmp_path: Path) -> None:
    away = tmp_path / "away.yaml"
    away.write_text(config_text(1, 9))

    codes = [(await tagway("audit", config)).exit_code for config in (gateway.config, away)]

    assert codes == [2, 2]
