"""What `new-adapter` writes works: installed and tested by itself, clean, and found by the gateway."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.parts import COMMAND, config_text, tagway
from tests.fixtures.packages import install

RUFF = str(Path(sys.executable).with_name("ruff"))
# As its lines get longest, and one whose plain class name would be taken by what the file imports.
NAMES = ["acme", "event", "as_long_as_a_name_may_be"]


def run(*command: str, cwd: Path, site: Path) -> str:
    # Whoever writes an adapter has pytest, and not our plug-ins.
    environment = {**os.environ, "PYTHONPATH": str(site), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def written(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@pytest.mark.parametrize("name", NAMES)
async def test_the_skeleton_is_installed_and_passes_its_own_tests_and_its_own_linter(tmp_path: Path, name: str) -> None:
    done = await tagway("new-adapter", name, "--into", tmp_path)

    assert done.exit_code == 0, done.output
    home, site = tmp_path / f"tagway-{name.replace('_', '-')}", tmp_path / "site"
    assert f"{home}: written" in done.stdout
    install(home, site)
    told = run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=home, site=site)
    assert "passed" in told
    run(RUFF, "check", "--no-cache", ".", cwd=home, site=site)
    run(RUFF, "format", "--no-cache", "--check", ".", cwd=home, site=site)


async def test_the_gateway_finds_it_by_its_name_and_shows_what_it_declared(tmp_path: Path) -> None:
    await tagway("new-adapter", "acme_ads", "--into", tmp_path)
    install(tmp_path / "tagway-acme-ads", tmp_path / "site")
    config = tmp_path / "tagway.yaml"
    config.write_text(config_text(8080, 8081, "  acme: {adapter: acme_ads, account: '7', token: a-token-not-printed}"))

    told = run(*COMMAND, "check", "--manifest", str(config), cwd=tmp_path, site=tmp_path / "site")

    (row,) = [line for line in told.splitlines() if line.startswith("acme ")]
    assert row.split() == ["acme", "https://api.acme-ads.example", "email,", "ip,", "phone,", "user_agent", "token"]
    assert "a-token-not-printed" not in told


@pytest.mark.parametrize("name", ["Acme", "a", "acme-ads", "1st", "class", "acme_", "a__b", "a" * 25, "../x"])
async def test_a_name_that_cannot_be_one_writes_nothing(tmp_path: Path, name: str) -> None:
    done = await tagway("new-adapter", name, "--into", tmp_path)

    assert done.exit_code == 2
    assert written(tmp_path) == []


async def test_a_name_that_is_taken_is_refused(tmp_path: Path) -> None:
    done = await tagway("new-adapter", "meta", "--into", tmp_path)

    assert (done.exit_code, written(tmp_path)) == (2, [])
    assert "installed already" in done.stderr


async def test_what_is_there_is_never_written_over(tmp_path: Path) -> None:
    await tagway("new-adapter", "acme", "--into", tmp_path)
    mine = tmp_path / "tagway-acme" / "tagway_acme" / "__init__.py"
    mine.write_text("# mine\n")

    done = await tagway("new-adapter", "acme", "--into", tmp_path)

    assert (done.exit_code, mine.read_text()) == (1, "# mine\n")


@pytest.mark.parametrize("below", ["file/x", "b" * 300])
async def test_a_folder_that_cannot_be_made_is_said_in_one_line(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").touch()

    done = await tagway("new-adapter", "acme", "--into", tmp_path / below)

    assert (done.exit_code, written(tmp_path)) == (2, ["file"])
    assert f"{tmp_path / below}/tagway-acme cannot be written: " in done.stderr
    assert done.stderr.count("\n") == 1
