"""`serve` and `sandbox` as processes: what they print, and how they end."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest

from gateway.__main__ import COMMANDS
from tests.commands.parts import COMMAND, config_text, tagway


async def test_the_sandbox_says_where_it_is_and_stops_on_ctrl_c() -> None:
    process = await asyncio.create_subprocess_exec(
        *COMMAND, "sandbox", "--listen", "127.0.0.1:0", stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    async with asyncio.timeout(30):
        assert process.stdout is not None
        first = (await process.stdout.readline()).decode()
        url = first.split()[4].rstrip(",")
        async with aiohttp.ClientSession() as session, session.get(f"{url}/_sandbox/violations") as answer:
            violations = await answer.json()
        process.send_signal(signal.SIGINT)
        rest, errors = await process.communicate()

    assert violations == []
    assert f"endpoint: {url}/meta\n    POST /meta/v26.0/{{dataset}}/events" in rest.decode()
    assert (process.returncode, errors) == (0, b"")


async def test_the_sandbox_refuses_an_address_that_is_none() -> None:
    done = await tagway("sandbox", "--listen", "8082")

    assert (done.exit_code, done.stderr[:22]) == (2, "--listen: write host:p")


async def test_a_configuration_that_cannot_be_used_starts_nothing(tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text(config_text(8080, 8081).replace("hosts:", "hots:"))

    done = await tagway("serve", config)

    assert done.exit_code == 2
    assert f"{config}:5:5: sites.shop.hots: unknown option; did you mean hosts?" in done.stderr
    assert "nothing was started" in done.stderr


async def test_a_role_that_is_none_is_wrong_use(tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text(config_text(8080, 8081))

    assert (await tagway("serve", config, "--role", "worker")).exit_code == 2


@pytest.mark.slow
@pytest.mark.parametrize("key", ["server.listen", "server.admin", "sandbox.listen"])
def test_a_port_that_is_taken_is_said_with_its_key_and_without_a_traceback(
    tmp_path: Path, unused_tcp_port_factory: Callable[[], int], key: str
) -> None:
    config = tmp_path / "c.yaml"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = {name: unused_tcp_port_factory() for name in ("server.listen", "server.admin", "sandbox.listen")}
        ports[key] = taken.getsockname()[1]
        text = config_text(ports["server.listen"], ports["server.admin"]).replace("0.0.0.0", "127.0.0.1")
        more = f"store: {{data_dir: {tmp_path / 'data'}}}\nsandbox: {{listen: 127.0.0.1:{ports['sandbox.listen']}}}\n"
        config.write_text(f"{text}\n{more}")
        done = subprocess.run([*COMMAND, "serve", str(config)], capture_output=True, text=True, timeout=60)

    why = f"{key}: 127.0.0.1:{ports[key]} cannot be opened: address already in use"
    assert (done.returncode, done.stderr) == (2, f"the gateway cannot start: {why}\n")


# What an ingest process does without: each takes memory in every worker, for as long as it lives.
NOT_OF_INGEST = (
    *("rich.console", "pygments", "gateway.delivery", "gateway.sandbox", "gateway.demo"),
    *("gateway.commands.send", "gateway.commands.audit", "gateway.commands.check", "gateway.core.quality"),
    *("adapters.meta", "adapters.tiktok"),
)


async def test_an_ingest_process_imports_nothing_of_other_roles_and_commands(
    tmp_path: Path, unused_tcp_port_factory: Callable[[], int]
) -> None:
    config, told = tmp_path / "c.yaml", tmp_path / "imports"
    text = config_text(unused_tcp_port_factory(), unused_tcp_port_factory()).replace("0.0.0.0", "127.0.0.1")
    config.write_text(f"{text}\nstore: {{data_dir: {tmp_path / 'data'}}}\n")
    command = [sys.executable, "-v", "-m", "gateway", "serve", str(config), "--role", "ingest"]

    with told.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=errors)
        assert process.stdout is not None
        async with asyncio.timeout(60):
            async for line in process.stdout:
                if b"gateway.started" in line:
                    break
            process.send_signal(signal.SIGINT)
            await process.communicate()

    imported = set(re.findall(r"^import '([\w.]+)'", told.read_text(), re.MULTILINE))
    assert {"gateway.web.lane", "gateway.store.embedded", "gateway.console.admin", "adapters.webhook"} <= imported
    assert process.returncode == 0
    assert [name for name in NOT_OF_INGEST if name in imported] == []


async def test_every_command_is_listed_and_can_be_described() -> None:
    listed = await tagway("--help")

    for name in COMMANDS:
        assert f" {name} " in listed.stdout
        described = await tagway(name, "--help")
        assert (described.exit_code, f"Usage: tagway {name}" in described.stdout) == (0, True)


async def test_a_command_that_is_none_is_answered_with_the_one_it_resembles() -> None:
    done = await tagway("serv")

    assert done.exit_code == 2
    assert "No such command 'serv'" in done.stderr
    assert "'serve'" in done.stderr
