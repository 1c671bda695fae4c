from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from tests.commands.parts import Admin, Api, Gateway, config_text


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway's two listeners on free ports, and the configuration that a command finds them by."""
    api, admin = Api(), Admin()
    runners = [web.AppRunner(app, shutdown_timeout=0.1) for app in (api.app(), admin.app())]
    ports = []
    for runner in runners:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        ports.append(runner.addresses[0][1])
    config = tmp_path / "tagway.yaml"
    config.write_text(config_text(*ports), encoding="utf-8")
    yield Gateway(config=config, folder=tmp_path, api=api, admin=admin, ports=(ports[0], ports[1]))
    for runner in runners:
        await runner.cleanup()
