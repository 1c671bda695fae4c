"""The sample files and the page about them: they load, and no key is missing in either."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from adapters.echo import Echo
from adapters.ga4 import GA4
from adapters.ga4_relay import GA4Relay
from adapters.google_data_manager import GoogleDataManager
from adapters.linkedin import LinkedIn
from adapters.meta import Meta
from adapters.microsoft import Microsoft
from adapters.pinterest import Pinterest
from adapters.reddit import Reddit
from adapters.snapchat import Snapchat
from adapters.tiktok import TikTok
from adapters.webhook import Webhook
from adapters.x import X
from gateway.settings import Settings, document, load, schema, warnings

ROOT = Path(__file__).parents[2]
ADAPTERS = {
    "echo": lambda: Echo,
    "ga4": lambda: GA4,
    "ga4_relay": lambda: GA4Relay,
    "google_data_manager": lambda: GoogleDataManager,
    "linkedin": lambda: LinkedIn,
    "meta": lambda: Meta,
    "microsoft": lambda: Microsoft,
    "pinterest": lambda: Pinterest,
    "reddit": lambda: Reddit,
    "snapchat": lambda: Snapchat,
    "tiktok": lambda: TikTok,
    "webhook": lambda: Webhook,
    "x": lambda: X,
}
VARIABLE = re.compile(r"\$\{([A-Z_]+)\}")


@pytest.fixture
def env(tmp_path: Path) -> Mapping[str, str]:
    """A value for every variable that the samples want."""
    text = "".join(path.read_text() for path in (ROOT / "config").glob("*.yaml"))
    (tmp_path / "google_refresh_token").write_text("refresh-token-of-a-test\n")
    return {**{name: f"value-of-{name}" for name in VARIABLE.findall(text)}, "SECRETS_DIR": str(tmp_path)}


def sample(name: str, env: Mapping[str, str]) -> Settings:
    return load(ROOT / "config" / name, env=env, adapters=ADAPTERS)


def parts(one: Any, defs: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what a part of the schema may be: its alternatives, and what it refers to."""
    if "$ref" in one:
        one = defs[one["$ref"].rpartition("/")[2]]
    yield one
    for other in (*one.get("anyOf", ()), *one.get("oneOf", ())):
        yield from parts(other, defs)


def keys(one: Any, defs: Mapping[str, Any], place: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield every place of the schema where a key may stand; `*` is a name or a list's entry."""
    for part in parts(one, defs):
        for name, inner in part.get("properties", {}).items():
            yield (*place, name)
            yield from keys(inner, defs, (*place, name))
        for inner in (part.get("additionalProperties"), part.get("items")):
            if isinstance(inner, dict):
                yield from keys(inner, defs, (*place, "*"))


def written(value: Any, place: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield every place of a file, each also with its names read as `*`."""
    yield place
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from written(inner, (*place, name))
            yield from written(inner, (*place, "*"))
    elif isinstance(value, list):
        for inner in value:
            yield from written(inner, (*place, "*"))


def all_keys() -> set[tuple[str, ...]]:
    whole = schema(ADAPTERS)
    return set(keys(whole, whole["$defs"]))


def test_every_sample_loads(env: Mapping[str, str]) -> None:
    names = sorted(path.name for path in (ROOT / "config").glob("*.yaml"))

    assert {"demo.yaml", "full.yaml", "minimal.yaml"} <= set(names)
    for name in names:
        assert sample(name, env).sites


def test_the_minimal_sample_needs_nothing_but_a_token(env: Mapping[str, str]) -> None:
    settings = load(ROOT / "config/minimal.yaml", env={"META_TOKEN": "t"}, adapters=ADAPTERS)

    assert warnings(settings) == ()
    assert isinstance(settings.destinations["meta"].adapter, Meta)


def test_the_full_sample_has_every_key_there_is(env: Mapping[str, str]) -> None:
    data = document.read(ROOT / "config/full.yaml", env).data

    assert all_keys() - set(written(data)) == set()


def test_the_full_sample_is_no_bad_example(env: Mapping[str, str]) -> None:
    assert warnings(sample("full.yaml", env)) == ()


def test_the_page_about_the_configuration_names_every_key() -> None:
    page = (ROOT / "docs/configuration.md").read_text()

    missing = {
        ".".join(place)
        for place in all_keys()
        if not re.search(rf"[`.\]]{re.escape(place[-1])}`|## {place[-1]}\b", page)
    }
    assert missing == set()


def test_the_page_names_no_key_that_is_gone() -> None:
    page = (ROOT / "docs/configuration.md").read_text()
    rows = re.findall(r"^\| `([a-z_.*\[\]]+)` \|", page, flags=re.MULTILINE)

    known = {place[-1] for place in all_keys()}
    assert len(rows) > 60
    assert {row for row in rows if row.rpartition(".")[2] not in known} == set()


def test_the_demo_speaks_to_the_sandbox_alone(env: Mapping[str, str]) -> None:
    settings = sample("demo.yaml", {})

    assert settings.sandbox is not None
    base = f"http://{settings.sandbox.listen}/"
    assert {name: one.base_url for name, one in settings.destinations.items()} == {
        name: f"{base}{name}" for name in ("meta", "google", "tiktok")
    }
    google = settings.destinations["google"].adapter
    assert isinstance(google, GoogleDataManager)
    assert google.credentials.token_uri == f"{base}google/token"
    assert settings.server.listen.is_loopback
    assert settings.server.admin.is_loopback
