"""`serve` and `sandbox` as processes: what they print, and how they end."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
from pathlib import Path

import aiohttp
import pytest

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
def test_a_port_that_is_taken_is_said_without_a_traceback(tmp_path: Path, unused_tcp_port: int) -> None:
    config = tmp_path / "c.yaml"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        text = config_text(taken.getsockname()[1], unused_tcp_port).replace("0.0.0.0", "127.0.0.1")
        config.write_text(f"{text}\nstore: {{data_dir: {tmp_path / 'data'}}}\n")
        done = subprocess.run([*COMMAND, "serve", str(config)], capture_output=True, text=True, timeout=60)

    assert done.returncode == 2
    assert done.stderr.startswith("the gateway cannot start: ")
    assert "address already in use" in done.stderr
    assert "Traceback" not in done.stderr
