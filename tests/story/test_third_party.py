"""An adapter of somebody else's: installed, named in YAML, delivering; and held to its manifest when it wants more."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from gateway.core.quality import STRENGTHS
from tests.fixtures.gateway import RunningGateway, page_view, purchase, wait_until
from tests.fixtures.packages import EXAMPLE, install

KEY = "k3y-of-lighthouse"
USER = {"email": "jo@shop.example", "external_id": "C-77", "country": "DE", "phone": "+4930901820"}


class Lighthouse:
    """The platform on loopback: takes every row, remembers what it was told and by whom."""

    def __init__(self) -> None:
        self.url = ""
        self.calls: list[tuple[str, str, list[dict[str, Any]]]] = []

    async def take(self, request: web.Request) -> web.Response:
        rows = (await request.json())["conversions"]
        self.calls.append((request.path, request.headers.get("X-Lighthouse-Key", ""), rows))
        return web.json_response({"results": [{"state": "stored"}] * len(rows)})

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [row for _, _, rows in self.calls for row in rows]


@pytest.fixture
async def lighthouse() -> AsyncIterator[Lighthouse]:
    served = Lighthouse()
    app = web.Application()
    app.router.add_post("/{path:.*}", served.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    served.url = site.name
    yield served
    await runner.cleanup()


def name_it(gateway: RunningGateway, lighthouse: Lighthouse) -> None:
    place = {"adapter": "lighthouse", "endpoint": lighthouse.url, "account": "L-7", "key": KEY}
    gateway.config["destinations"]["lighthouse"] = {**place, "batch": {"max_wait_ms": 0}}
    gateway.site["destinations"] = ["lighthouse"]


def changed(folder: Path, before: str, after: str) -> Path:
    """Copy the example and change one text of its adapter."""
    project = shutil.copytree(EXAMPLE, folder / "project", ignore=shutil.ignore_patterns("__pycache__", ".*"))
    module = project / "tagway_lighthouse" / "__init__.py"
    text = module.read_text(encoding="utf-8")
    assert text.count(before) == 1
    module.write_text(text.replace(before, after), encoding="utf-8")
    return project


def test_the_example_passes_its_own_tests_where_it_is_installed(tmp_path: Path) -> None:
    install(EXAMPLE, tmp_path / "site")

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=EXAMPLE,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site"), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout + done.stderr


async def test_an_installed_adapter_delivers_what_it_declared_and_nothing_else(
    gateway: RunningGateway, lighthouse: Lighthouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(EXAMPLE, tmp_path / "site")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    name_it(gateway, lighthouse)
    await gateway.start()

    await gateway.server(purchase("ord-1", user=USER), page_view("pv-1"))

    assert await wait_until(lambda: len(lighthouse.calls) == 1)
    ((path, key, rows),) = lighthouse.calls
    assert (path, key) == ("/v2/accounts/L-7/conversions", KEY)
    (row,) = rows
    assert {"kind", "ref", "amount", "country"} < row.keys()
    assert (row["ref"], row["amount"], row["who"].keys()) == ("ord-1", 49.9, {"mail", "customer"})
    told = await _settled(gateway, "ord-1")
    missed = (1 - STRENGTHS["email"]) * (1 - STRENGTHS["external_id"]) * (1 - STRENGTHS["country"])
    assert (told["outcome"], told["match_quality"]) == ("delivered", round(10 * (1 - missed), 1))
    assert await gateway.outcomes("pv-1") == {"lighthouse": "skipped:unmapped"}
    await _is_averaged(gateway, told["match_quality"])


async def test_an_identifier_that_its_manifest_forgot_is_not_in_the_event_it_gets(
    gateway: RunningGateway, lighthouse: Lighthouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(changed(tmp_path, '"external_id.trimmed", "country"', '"country"'), tmp_path / "site")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    name_it(gateway, lighthouse)
    await gateway.start()

    await gateway.server(purchase("ord-2", user=USER))

    assert await wait_until(lambda: len(lighthouse.rows) == 1)
    assert lighthouse.rows[0]["who"].keys() == {"mail"}


async def test_one_that_calls_a_host_of_its_own_choice_is_stopped_and_its_queue_kept(
    gateway: RunningGateway, lighthouse: Lighthouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = lighthouse.url.removeprefix("http://")
    away = changed(tmp_path, 'path=f"/v2/', f'path=f"@{elsewhere}/v2/')
    install(away, tmp_path / "site")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    name_it(gateway, lighthouse)
    gateway.config["destinations"]["lighthouse"]["endpoint"] = "http://127.0.0.1:9"
    await gateway.start()

    await gateway.server(purchase("ord-3", user=USER))

    assert await wait_until(lambda: _is_paused(gateway))
    assert lighthouse.calls == []
    assert await gateway.outcomes("ord-3") == {"lighthouse": "waiting"}
    assert "adapter.overstepped" in gateway.log()
    assert KEY not in gateway.log()


async def _settled(gateway: RunningGateway, event_id: str) -> dict[str, Any]:
    async def ended() -> bool:
        return set((await gateway.outcomes(event_id)).values()) == {"delivered"}

    assert await wait_until(ended)
    told = await gateway.ask(f"/admin/api/explain/{event_id}")
    (row,) = told["deliveries"]
    return dict(row)


async def _is_averaged(gateway: RunningGateway, quality: float) -> None:
    wanted = {"average": quality, "deliveries": 1}

    async def told() -> bool:
        row = await _destination(gateway)
        return bool(row["match_quality"] == {**wanted, "events": [{"event": "purchase", **wanted}]})

    assert await wait_until(told)
    metrics = await gateway.ask("/metrics")
    assert f'tagway_match_quality_sum{{destination="lighthouse",event="purchase"}} {quality}' in metrics


async def _destination(gateway: RunningGateway) -> dict[str, Any]:
    rows = await gateway.ask("/admin/api/destinations")
    return next(dict(row) for row in rows if row["destination"] == "lighthouse")


async def _is_paused(gateway: RunningGateway) -> bool:
    row = await _destination(gateway)
    return bool((row["state"], row["reason"]) == ("paused", "undeclared_host"))
