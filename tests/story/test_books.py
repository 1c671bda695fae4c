"""The books of a running gateway: they balance through crashes, and what is off reaches command, metric and log."""

from __future__ import annotations

import json
import re
import time
from typing import Any

from redis.asyncio import Redis

from gateway.store import keys
from tests.commands.parts import tagway
from tests.fixtures.gateway import RunningGateway, page_view, purchase, wait_until


def _logged(gateway: RunningGateway, name: str) -> list[dict[str, Any]]:
    told = [json.loads(line) for line in gateway.log().splitlines() if line.startswith("{")]
    return [line for line in told if line["event"] == name]


async def _settled(gateway: RunningGateway) -> bool:
    books = await gateway.ask("/admin/api/audit")
    return not any((books["door"]["held"], *(row["waiting"] for row in books["destinations"])))


async def test_the_books_balance_through_a_crash_and_what_is_off_is_told_everywhere(gateway: RunningGateway) -> None:
    await gateway.start()
    assert await wait_until(lambda: _logged(gateway, "books.opened"))
    for number in range(10):
        await gateway.beacon(page_view(f"pv-{number}"), page_view(f"pv-{number}"), purchase(f"o-{number}"))
        await gateway.server(purchase(f"o-{number}"))
        if number == 5:
            gateway.kill()
            gateway.kill_store()
            await gateway.start()
    assert await wait_until(lambda: _settled(gateway))
    config = gateway.folder / "gateway.yaml"

    balanced = await tagway("audit", config, "--json")

    books = json.loads(balanced.stdout)
    door = books["door"]
    assert (balanced.exit_code, books["balanced"]) == (0, True), balanced.output
    assert (door["copies"], door["accepted"], door["duplicate"], door["held"]) == (40, 20, 10, 0)
    assert door["merged"] + door["late"] == 10
    told = {row["destination"]: (row["owed"], row["delivered"]) for row in books["destinations"]}
    assert (told["meta"], told["tiktok"][0]) == ((20, 20), 20)

    # An entry that nobody counted, and that is not due for an hour.
    redis = Redis.from_url(f"unix://{gateway.folder}/data/redis/redis.sock")
    await redis.zadd(keys.queue(0, "meta").due, {"f" * 32: (time.time() + 3_600) * 1_000})
    await redis.aclose()

    lost = await tagway("audit", config)
    assert (lost.exit_code, "1 surplus" in lost.stdout) == (1, True), lost.output
    assert re.search(r'tagway_unbalanced\{destination="meta"\} 1\.0', await gateway.ask("/metrics"))
    assert await gateway.stop() == 0
    await gateway.start()
    assert await wait_until(lambda: _logged(gateway, "books.unbalanced"))
    (line,) = _logged(gateway, "books.unbalanced")
    assert (line["destination"], line["missing"], line["surplus"]) == ("meta", 0, 1)
