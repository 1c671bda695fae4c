"""What an adapter may read, call and use is shown before it is let at anything."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from adapters.meta import Meta
from tests.commands.parts import KEY, PASSWORD, config_text, tagway

META = "  meta: {adapter: meta, endpoint: 'http://127.0.0.1:9/meta', dataset_id: '1', access_token: t0ken-of-meta}"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "tagway.yaml"
    path.write_text(
        config_text(8080, 8081, META).replace("hooks.shop.example/x", "hooks.shop.example/x?t=t0ken-of-url")
    )
    return path


async def test_a_table_shows_each_destinations_manifest(config: Path) -> None:
    done = await tagway("check", "--manifest", config)

    head, *rows = done.stdout.splitlines()[1:]
    told = {line.split()[0]: line for line in rows if line[:1].strip()}
    assert head.split() == ["destination", "calls", "reads", "secrets"]
    assert told["meta"].split()[1] == "https://graph.facebook.com"
    assert "access_token" in told["meta"]
    assert "http://127.0.0.1:9" in done.stdout
    assert told["hook"].split()[1] == "https://hooks.shop.example"
    assert told["echo"].split()[-1] == "none"


async def test_a_program_reads_the_same_as_json(config: Path) -> None:
    done = await tagway("check", "--json", config)

    told = json.loads(done.stdout)
    assert (told["good"], told["sites"], list(told["destinations"])) == (True, ["shop"], ["echo", "hook", "meta"])
    meta = told["destinations"]["meta"]
    assert meta["calls"] == ["https://graph.facebook.com", "http://127.0.0.1:9"]
    assert meta["reads"] == list(Meta.manifest.reads)
    assert meta["secrets"] == {name: name == "access_token" for name in Meta.manifest.secrets}
    assert meta["needs"] == ["ad_storage", "ad_user_data"]
    assert told["destinations"]["hook"]["secrets"] == {"secret": True}


@pytest.mark.parametrize("option", ["--manifest", "--json"])
async def test_no_secret_and_no_query_of_an_address_is_shown(config: Path, option: str) -> None:
    done = await tagway("check", option, config)

    assert done.exit_code == 0
    assert [told for told in (KEY, PASSWORD, "t0ken-of-meta", "t0ken-of-url") if told in done.output] == []


async def test_the_schema_carries_every_adapters_manifest() -> None:
    told = json.loads((await tagway("schema")).stdout)

    places = told["properties"]["destinations"]["additionalProperties"]["oneOf"]
    manifests = {place["properties"]["adapter"]["const"]: place["x-tagway-manifest"] for place in places}
    assert manifests["meta"]["hosts"] == ["graph.facebook.com"]
    assert "access_token" in manifests["meta"]["secrets"]
    assert manifests["webhook"]["urls"] == ["url"]
