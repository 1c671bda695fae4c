"""`check --online` asks every platform that has an answer, and leaves nothing behind at any of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.sandbox import Sandbox
from tests.commands.parts import config_text, rewrite, tagway

PLATFORMS = {
    "tiktok": "{{adapter: tiktok, endpoint: '{at}', pixel_code: C123, access_token: {token}}}",
    "snap": "{{adapter: snapchat, endpoint: '{at}', pixel_id: p-1, access_token: {token}}}",
    "pinterest": "{{adapter: pinterest, endpoint: '{at}', ad_account_id: '549', access_token: {token}}}",
    "reddit": "{{adapter: reddit, endpoint: '{at}', pixel_id: a2_abc, access_token: {token}}}",
    "linkedin": "{{adapter: linkedin, endpoint: '{at}', conversions: {{purchase: '7'}}, access_token: {token},"
    " api_version: '202604'}}",
    "x": "{{adapter: x, endpoint: '{at}', pixel_id: o1, conversions: {{purchase: o2}}, pixel_token: {token}}}",
    "microsoft": "{{adapter: microsoft, endpoint: '{at}', tag_id: '97', access_token: {token}}}",
}
KEYS = """
  keys:
    adapter: x
    endpoint: "{at}"
    pixel_id: o1
    conversions: {{purchase: o2}}
    credentials:
      {{consumer_key: sandbox-x-consumer, consumer_secret: {secret}, access_token: sandbox-x-access,
       access_token_secret: sandbox-x-access-secret}}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "tagway.yaml"
    path.write_text(config_text(8080, 8081))
    return path


def write(config: Path, sandbox: Sandbox, *, good: bool) -> None:
    lines = [
        f"  {name}: {told.format(at=sandbox.endpoint(name), token=f'sandbox-{name}-token' if good else 'withdrawn')}\n"
        for name, told in PLATFORMS.items()
    ]
    keys = KEYS.format(at=sandbox.endpoint("x"), secret="sandbox-x-consumer-secret" if good else "withdrawn")
    rewrite(config, lambda text: text + "".join(lines) + keys)


async def test_good_credentials_are_good_and_nothing_is_left_behind(config: Path, sandbox: Sandbox) -> None:
    write(config, sandbox, good=True)

    done = await tagway("check", "--online", config)

    assert done.exit_code == 0, done.output
    said = dict(line.split(": ", 1) for line in done.stdout.splitlines()[1:])
    asked = [name for name in (*PLATFORMS, "keys") if name != "microsoft"]
    assert {name: said[name].split(":")[0] for name in asked} == dict.fromkeys(asked, "good")
    assert said["microsoft"] == "no online check: Microsoft offers no question that leaves nothing behind"
    assert [sandbox.events(name) for name in PLATFORMS] == [[]] * len(PLATFORMS)
    assert sandbox.violations() == []


async def test_bad_credentials_are_bad_and_never_printed(config: Path, sandbox: Sandbox) -> None:
    write(config, sandbox, good=False)

    done = await tagway("check", "--online", config)

    assert done.exit_code == 1
    said = dict(line.split(": ", 1) for line in done.stdout.splitlines()[1:])
    assert {name: said[name] for name in said if name not in ("echo", "hook", "microsoft")} == {
        "tiktok": "bad: refused (40105)",
        "snap": "bad: the token is not good for this pixel (http_401)",
        "pinterest": "bad: the token is not good for this ad account (2)",
        "reddit": "bad: the token is not good for this pixel (http_401)",
        "linkedin": "bad: refused (REVOKED_ACCESS_TOKEN)",
        "x": "bad: refused (UNAUTHORIZED_ACCESS)",
        "keys": "bad: refused (UNAUTHORIZED_ACCESS)",
    }
    assert "withdrawn" not in done.output


@pytest.mark.parametrize("name", ["tiktok", "snap", "pinterest", "reddit", "linkedin", "x"])
async def test_trouble_of_the_platforms_own_says_nothing_about_the_token(
    config: Path, sandbox: Sandbox, name: str
) -> None:
    places = {"snap": "stats", "reddit": "last_fired_at"}
    line = f"  it: {PLATFORMS[name].format(at=sandbox.endpoint(name), token=f'sandbox-{name}-token')}\n"
    rewrite(config, lambda text: text + line)
    sandbox.script(name, {"status": 503, "at": places.get(name, "events")})

    done = await tagway("check", "--online", config)

    assert done.exit_code == 1
    assert "it: not checked: no answer about the" in done.stdout
