"""The container, its composition and the unit, read as their tools read them: there need not be any engine here."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from packaging.requirements import Requirement
from ruamel.yaml import YAML

from gateway.settings import load, warnings
from tests.fixtures.gateway import RunningGateway

ROOT = Path(__file__).parent.parent.parent
DEPLOY = ROOT / "deploy"
SECRETS = {
    "admin_password": "an-admin-password-of-the-test",
    "shop_api_key": "an-api-key-of-the-test",
    "meta_token": "a-token-of-the-test",
}


class Step(NamedTuple):
    """One instruction of a Dockerfile, its continued lines joined."""

    word: str
    rest: str

    @property
    def exec_form(self) -> list[str]:
        parts: list[str] = json.loads(self.rest[self.rest.index("[") :])
        return parts


def stages() -> list[list[Step]]:
    """Read the Dockerfile: what stands before the first FROM, then a list for each stage."""
    lines = [line for line in (DEPLOY / "Dockerfile").read_text().splitlines() if not line.lstrip().startswith("#")]
    text = "\n".join(lines).replace("\\\n", " ")
    found: list[list[Step]] = [[]]
    for line in filter(str.strip, text.splitlines()):
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            found.append([])
        found[-1].append(Step(word, rest.strip()))
    return found


def final(word: str) -> list[Step]:
    return [step for step in stages()[-1] if step.word == word]


def compose() -> dict[str, Any]:
    read: dict[str, Any] = YAML(typ="safe").load((DEPLOY / "compose.yaml").read_text())
    return read


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    folder = tmp_path / "secrets"
    folder.mkdir()
    for name, value in SECRETS.items():
        (folder / name).write_text(f"{value}\n")
    return folder


# --- the image ---------------------------------------------------------------------------------------


def test_every_stage_starts_from_one_pinned_base() -> None:
    bases = [step.rest.split()[0] for stage in stages()[1:] for step in stage if step.word == "FROM"]

    assert bases == ["${PYTHON}", "${PYTHON}"]
    assert stages()[0] == [Step("ARG", "PYTHON=python:3.13-slim-bookworm")]


def test_image_runs_as_a_number_that_is_not_root() -> None:
    assert [step.rest for step in final("USER")] == ["65532:65532"]


def test_nothing_is_built_after_the_user_changed() -> None:
    words = [step.word for step in stages()[-1]]

    assert not {"RUN", "COPY", "ADD"} & set(words[words.index("USER") :])


def test_programs_are_started_without_a_shell() -> None:
    assert final("ENTRYPOINT")[0].exec_form == ["/opt/tagway/bin/tagway"]
    assert final("CMD")[0].exec_form == ["serve", "/etc/tagway/gateway.yaml"]
    assert final("HEALTHCHECK")[0].exec_form[0] == "/opt/tagway/bin/python"
    assert [step.rest for step in final("STOPSIGNAL")] == ["SIGTERM"]


def test_every_copied_source_exists_and_is_let_into_the_build() -> None:
    copied = [step.rest.split()[:-1] for stage in stages() for step in stage if step.word == "COPY"]
    sources = [source for parts in copied for source in parts if not parts[0].startswith("--from")]
    let_in = {line[1:].rstrip("/") for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"}

    assert [source for source in sources if not (ROOT / source).exists()] == []
    assert set(sources) == let_in


def test_packages_are_installed_by_their_hashes_and_nothing_is_compiled() -> None:
    installs = re.findall(r"pip (?:install|wheel) [^&]*", "\n".join(step.rest for step in stages()[1]))

    assert installs
    assert [
        line for line in installs if "--require-hashes --only-binary :all:" not in line and "--no-index" not in line
    ] == []


def test_only_what_runs_stays_in_the_image() -> None:
    removed = set(re.search(r"pip uninstall -y ((?!pip\b)[^&]+)", stages()[1][-1].rest)[1].split())  # type: ignore[index]
    locked = {
        re.split(r"==", line)[0] for line in (ROOT / "requirements.lock").read_text().splitlines() if "==" in line
    }

    assert removed == {name for name in locked - needed("tagway") if is_installed(name)}
    assert "pip uninstall -y" in final("RUN")[0].rest


def needed(name: str) -> set[str]:
    """Name everything that a package runs with here, itself included."""
    found, open_ends = set[str](), [Requirement(name)]
    while open_ends:
        wanted = open_ends.pop()
        spelled = re.sub(r"[-_.]+", "-", wanted.name).lower()
        if spelled in found:
            continue
        found.add(spelled)
        extras = [{"extra": extra} for extra in wanted.extras] or [{"extra": ""}]
        for line in distribution(wanted.name).requires or []:
            requirement = Requirement(line)
            if requirement.marker is None or any(requirement.marker.evaluate(extra) for extra in extras):
                open_ends.append(requirement)
    return found


def is_installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


def test_no_secret_is_in_the_image_or_the_composition() -> None:
    text = (DEPLOY / "Dockerfile").read_text() + (DEPLOY / "compose.yaml").read_text()

    assert re.findall(r"(?i)(?:token|password|secret|key)[A-Z_]*\s*[=:]\s*[\"']?[A-Za-z0-9+/]{8,}", text) == []
    assert not any("secrets" in step.rest for stage in stages() for step in stage if step.word in ("COPY", "ADD"))


async def test_health_check_tells_a_living_gateway_from_a_dead_one(gateway: RunningGateway) -> None:
    await gateway.start()

    assert health(gateway.port) == 0
    await gateway.stop()
    assert health(gateway.port) != 0


def health(port: int) -> int:
    program = [sys.executable, *final("HEALTHCHECK")[0].exec_form[1:]]
    return subprocess.run(
        program, env=os.environ | {"TAGWAY_HEALTH": f"127.0.0.1:{port}"}, capture_output=True
    ).returncode


# --- what it is configured with ----------------------------------------------------------------------


def test_sample_configuration_loads_with_the_files_that_compose_mounts(secrets: Path) -> None:
    settings = load(DEPLOY / "gateway.yaml", env={"SECRETS_DIR": str(secrets), "REDIS_URL": "redis://store:6379/0"})

    assert warnings(settings) == ()
    assert settings.sites["shop"].api_keys[0].reveal() == SECRETS["shop_api_key"]
    assert str(settings.store.data_dir) == "/data"


def test_every_secret_of_the_sample_is_mounted() -> None:
    told = compose()
    read = set(re.findall(r"file:\$\{SECRETS_DIR:-/run/secrets\}/(\w+)", (DEPLOY / "gateway.yaml").read_text()))

    assert read == set(SECRETS) == set(told["services"]["gateway"]["secrets"])
    assert told["secrets"] == {name: {"file": f"./secrets/{name}"} for name in SECRETS}


def test_ports_of_image_composition_and_sample_are_the_same(secrets: Path) -> None:
    server = load(DEPLOY / "gateway.yaml", env={"SECRETS_DIR": str(secrets)}).server
    ports = [server.listen.port, server.admin.port]

    assert final("EXPOSE")[0].rest.split() == [str(port) for port in ports]
    assert compose()["services"]["gateway"]["ports"] == [f"127.0.0.1:{port}:{port}" for port in ports]
    assert f"TAGWAY_HEALTH=127.0.0.1:{server.listen.port}" in final("ENV")[0].rest


def test_sample_trusts_the_network_that_compose_makes(secrets: Path) -> None:
    networks = load(DEPLOY / "gateway.yaml", env={"SECRETS_DIR": str(secrets)}).server.trusted_proxies

    assert compose()["networks"]["edge"]["ipam"]["config"][0]["subnet"] in [str(network) for network in networks]


# --- the composition ---------------------------------------------------------------------------------

# The keys of the Compose specification that are used here; a misspelt one is refused by compose at the first start.
SERVICE_KEYS = frozenset(
    {
        "image", "build", "environment", "ports", "volumes", "secrets", "networks", "depends_on", "user", "read_only",
        "cap_drop", "security_opt", "pids_limit", "restart", "stop_signal", "stop_grace_period", "logging", "command",
        "healthcheck",
    }
)  # fmt: skip


def test_composition_uses_known_keys_and_declares_what_it_names() -> None:
    told = compose()
    services = told["services"]

    assert set(told) == {"name", "services", "networks", "volumes", "secrets"}
    assert set().union(*services.values()) - SERVICE_KEYS == set()
    assert {name for service in services.values() for name in service["networks"]} == set(told["networks"])
    mounted = {volume.split(":")[0] for service in services.values() for volume in service["volumes"]}
    assert {name for name in mounted if not name.startswith(".")} == set(told["volumes"])
    build = services["gateway"]["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).samefile(DEPLOY / "Dockerfile")


@pytest.mark.parametrize("name", ["gateway", "store"])
def test_every_service_is_locked_down(name: str) -> None:
    service = compose()["services"][name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service["user"].startswith("0")


def test_gateway_has_longer_to_stop_than_it_takes() -> None:
    from gateway.app import STOP_S

    service = compose()["services"]["gateway"]

    assert float(service["stop_grace_period"].removesuffix("s")) > STOP_S


def test_store_keeps_what_was_acknowledged_and_nobody_else_reaches_it() -> None:
    told = compose()
    command = shlex.join(told["services"]["store"]["command"])

    assert "--appendonly yes --appendfsync always" in command
    assert "--maxmemory-policy noeviction" in command
    assert "ports" not in told["services"]["store"]
    assert told["networks"]["inside"] == {"internal": True}
    assert told["services"]["store"]["networks"] == ["inside"]


# --- without containers ------------------------------------------------------------------------------


def test_unit_hands_over_the_secrets_and_stops_the_gateway_alone() -> None:
    unit = (DEPLOY / "systemd/tagway.service").read_text()

    assert set(re.findall(r"^LoadCredential=(\w+):", unit, re.MULTILINE)) == set(SECRETS)
    assert "KillMode=mixed" in unit
    assert "SECRETS_DIR=%d" in unit


def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze: the unit is not verified")
    unit = tmp_path / "tagway.service"
    unit.write_text((DEPLOY / "systemd/tagway.service").read_text().replace("/opt/tagway/bin/tagway", "/bin/true"))

    result = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True)

    assert (result.returncode, result.stderr) == (0, "")
