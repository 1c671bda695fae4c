from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.sandbox import Sandbox
from tests.commands.parts import KEY, PASSWORD, config_text, rewrite, tagway

META = "{{adapter: meta, endpoint: '{meta}', dataset_id: '{dataset}', access_token: {token}}}"
GOOGLE = """
  google:
    adapter: google_data_manager
    endpoint: {google}
    operating_account: "123"
    credentials:
      {{kind: refresh_token, client_id: c, client_secret: s, refresh_token: {token}, token_uri: "{google}/token"}}
    conversions:
      purchase: {{action_id: "987", mode: online}}
      generate_lead: {{action_id: "988", mode: offline}}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "tagway.yaml"
    path.write_text(config_text(8080, 8081))
    return path


async def test_a_good_file_is_good_and_its_warnings_stand_beside(config: Path) -> None:
    done = await tagway("check", config)

    assert (done.exit_code, done.stdout) == (0, f"{config}: good; 1 site, 2 destinations\n")
    assert f"{config}:7:16: warning: sites.shop.api_keys[0]: a secret stands in the file; write" in done.stderr
    assert not any(secret in done.output for secret in (KEY, PASSWORD))


async def test_every_problem_is_told_with_its_place_and_the_nearest_word(config: Path) -> None:
    rewrite(config, lambda text: text.replace("origins:", "orgins:").replace("adapter: echo", "adapter: ecko"))

    done = await tagway("check", config)

    assert done.exit_code == 1
    assert f"{config}:6:5: sites.shop.orgins: unknown option; did you mean origins?" in done.stderr
    assert "destinations.echo.adapter: no adapter of this name is installed; did you mean echo?" in done.stderr
    assert done.stderr.endswith(f"problems in {config}\n")


async def test_a_file_that_is_not_there_is_wrong_use(tmp_path: Path) -> None:
    assert (await tagway("check", tmp_path / "none.yaml")).exit_code == 2


async def test_online_good_credentials_are_good_and_no_event_is_sent(config: Path, sandbox: Sandbox) -> None:
    meta = META.format(meta=sandbox.endpoint("meta"), dataset=1, token="sandbox-meta-token")
    google = GOOGLE.format(google=sandbox.endpoint("google"), token="sandbox-refresh-token")
    rewrite(config, lambda text: text + f"  meta: {meta}{google}")

    done = await tagway("check", "--online", config)

    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[1:] == [
        "echo: no online check",
        "hook: no online check",
        f"meta: good: {sandbox.endpoint('meta')} takes the credentials",
        f"google: good: {sandbox.endpoint('google')} takes the credentials",
    ]
    assert [sandbox.events(name) for name in ("meta", "google")] == [[], []]


async def test_online_bad_credentials_are_bad_and_never_printed(config: Path, sandbox: Sandbox) -> None:
    meta = META.format(meta=sandbox.endpoint("meta"), dataset=1, token="withdrawn-token-of-meta")
    google = GOOGLE.format(google=sandbox.endpoint("google"), token="withdrawn-token-of-google")
    rewrite(config, lambda text: text + f"  meta: {meta}{google}")

    done = await tagway("check", "--online", config)

    assert done.exit_code == 1
    assert "meta: bad: refused (190)" in done.stdout
    assert "google: bad: no access token for these credentials (invalid_grant)" in done.stdout
    assert "withdrawn-token" not in done.output


async def test_online_a_platform_that_is_away_is_not_called_good(config: Path, unused_tcp_port: int) -> None:
    away = f"http://127.0.0.1:{unused_tcp_port}"
    rewrite(config, lambda text: text + "  meta: " + META.format(meta=away, dataset=1, token="t0ken"))

    done = await tagway("check", "--online", config)

    assert done.exit_code == 1
    assert done.stdout.splitlines()[-1] == f"meta: not checked: {away} could not be asked (connect); try again"


async def test_online_a_token_endpoint_that_is_away_says_nothing_of_the_credentials(
    config: Path, unused_tcp_port: int
) -> None:
    google = GOOGLE.format(google=f"http://127.0.0.1:{unused_tcp_port}", token="a-token-not-printed")
    rewrite(config, lambda text: text + google)

    done = await tagway("check", "--online", config)

    assert done.exit_code == 1
    assert done.stdout.splitlines()[-1] == (
        "google: not checked: the token endpoint could not be asked (connection); try again"
    )


ACCOUNT = """
  google:
    adapter: google_data_manager
    operating_account: "123"
    credentials: {{kind: service_account, file: "{file}"}}
    conversions: {{purchase: {{action_id: "987", mode: online}}}}
    enabled: {enabled}
"""


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (None, "there is no such key file"),
        (b"not-to-be-shown", "the key file is not JSON"),
        (b'{"type": "authorized_user"}', "the key file is not that of a service account"),
        (b'{"type": "service_account"}', "the key file has no client_email or no private_key"),
        (
            b'{"type": "service_account", "client_email": "a@b", "private_key": "not-to-be-shown"}',
            "the private key in the key file cannot be read",
        ),
        (b"x" * 65_537, "the key file is too large to be one"),
    ],
)
async def test_a_key_file_that_gives_no_token_is_warned_of(config: Path, content: bytes | None, what: str) -> None:
    file = config.with_name("key.json")
    if content is not None:
        file.write_bytes(content)
    rewrite(config, lambda text: text + ACCOUNT.format(file=file, enabled="true"))

    done = await tagway("check", config)

    assert done.exit_code == 0
    (line,) = [line for line in done.stderr.splitlines() if "key file" in line]
    assert line.startswith(f"{config}:")
    assert f"warning: destinations.google.credentials.file: {what}; " in line
    assert "not-to-be-shown" not in done.output


async def test_a_folder_is_no_key_file_and_what_is_switched_off_needs_none(config: Path) -> None:
    rewrite(config, lambda text: text + ACCOUNT.format(file=config.parent, enabled="true"))
    folder = await tagway("check", config)
    rewrite(config, lambda text: text.replace("enabled: true", "enabled: false"))
    off = await tagway("check", config)

    assert "credentials.file: the key file cannot be read" in folder.stderr
    assert "key file" not in off.stderr


async def test_a_good_key_file_is_not_mentioned(config: Path, sandbox: Sandbox) -> None:
    file = config.with_name("key.json")
    file.write_text(json.dumps(sandbox.google_key()))
    rewrite(config, lambda text: text + ACCOUNT.format(file=file, enabled="true"))

    assert "key file" not in (await tagway("check", config)).stderr


async def test_the_schema_is_json_with_every_adapter() -> None:
    done = await tagway("schema")

    told = json.loads(done.stdout)
    assert done.exit_code == 0
    assert "sites" in told["properties"]


async def test_the_version_is_told() -> None:
    done = await tagway("--version")

    assert (done.exit_code, done.stdout.split()[0]) == (0, "tagway")


async def test_a_command_that_is_not_there_is_wrong_use() -> None:
    assert (await tagway("doctor")).exit_code == 2


async def test_online_a_validation_server_proves_no_more_than_it_says(config: Path, sandbox: Sandbox) -> None:
    options = f"adapter: ga4, endpoint: '{sandbox.endpoint('ga4')}', measurement_id: G-ABC123, api_secret: wrong"
    rewrite(config, lambda text: text + f"  ga4: {{{options}}}\n")

    done = await tagway("check", "--online", config)

    said = f"ga4: good: {sandbox.endpoint('ga4')} takes what we send; it looks at neither stream nor secret"
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, said)
    assert sandbox.events("ga4") == []
