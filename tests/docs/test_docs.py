"""What the documents say of names, windows and keys is what the code says."""

from __future__ import annotations

import ast
import inspect
import re
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from gateway.console.exposition import UP
from gateway.core.outcome import Dead, Skip
from gateway.core.plan import Keep
from gateway.core.site import DAY_S, DedupPolicy
from gateway.delivery.gate import State
from gateway.store import keys
from gateway.store.database import Database
from gateway.store.tally import Tally
from tests.fixtures.shop import NOW_MS, a_plan

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
LEVELS = frozenset({"debug", "info", "warning", "error", "exception", "level"})


def read(name: str) -> str:
    return (DOCS / name).read_text()


def rows(text: str, heading: str) -> list[list[str]]:
    """Read the first table below a heading, without its head."""
    below = text[text.index(heading) :]
    table = re.search(r"(?:^\|.*\n)+", below, re.MULTILINE)
    assert table is not None
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[0].splitlines()[2:]]


def quoted(text: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", text))


# --- delivery ----------------------------------------------------------------------------------------


def adapters() -> dict[str, Any]:
    named = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["tagway.adapters"]
    found = {}
    for name, target in named.items():
        module, _, cls = target.partition(":")
        found[name] = getattr(import_module(module), cls)
    return found


def days(seconds: int | None) -> str:
    if seconds is None:
        return "never"
    return f"{seconds / DAY_S:g} d" if seconds % (DAY_S // 2) == 0 else f"{seconds / 3600:g} h"


def test_windows_are_those_of_the_adapters() -> None:
    said = {row[0].strip("`"): row[1:] for row in rows(read("delivery.md"), "## Windows")}

    assert said == {
        name: [
            str(cls.max_batch),
            f"{cls.max_wait_ms} ms",
            days(cls.max_age_s),
            days(cls.dedup_s),
            "yes" if cls.takes_late else "no",
        ]
        for name, cls in adapters().items()
    }


@pytest.mark.parametrize(("heading", "words"), [("- `skipped:`", Skip), ("- `dead:`", Dead), ("## States", State)])
def test_every_outcome_and_state_is_explained(heading: str, words: type[Skip]) -> None:
    said = [row[0].strip("`") for row in rows(read("delivery.md"), heading)]

    assert sorted(said) == sorted(word.value for word in words)


# --- operations --------------------------------------------------------------------------------------


def test_metrics_are_those_that_are_served() -> None:
    tally = Tally(Database("unix:///nowhere"), a_plan, now_ms=lambda: NOW_MS)
    tally.watch_spool(lambda: 0, lambda: 0)
    served = {
        f"{metric.name}_total" if metric.type == "counter" else metric.name for metric in tally.registry.collect()
    } | {UP}
    text = read("operations.md")

    assert {row[0].strip("`") for row in rows(text, "## Metrics")} == served
    assert set(re.findall(r"\btagway_[a-z_]+", text)) == served


def test_log_lines_are_those_that_are_written() -> None:
    said = {name for row in rows(read("operations.md"), "## Logs") for name in quoted(row[0])}

    assert said == {*logged(), "log.lost"}  # which the log says of itself


def logged() -> Iterator[str]:
    """Yield the name of every line that a room logs, unless nobody imports the room."""
    files = [path for path in (ROOT / "gateway").rglob("*.py") if not {"sandbox", "commands"} & set(path.parts)]
    sources = {path: path.read_text() for path in files}
    for path, source in sources.items():
        room = ".".join(path.parent.relative_to(ROOT).parts)
        others = "".join(text for other, text in sources.items() if path.parent not in other.parents)
        if room != "gateway" and room not in others:
            continue
        for call in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call) and node.args):
            level = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            told = call.args[0]
            for word in (told.body, told.orelse) if isinstance(told, ast.IfExp) else (told,):
                if level in LEVELS and isinstance(word, ast.Constant) and re.fullmatch(r"\w+\.\w+", str(word.value)):
                    yield str(word.value)


# --- privacy -----------------------------------------------------------------------------------------


def test_every_key_of_the_store_is_told_with_its_lifetime() -> None:
    said = {name for row in rows(read("privacy.md"), "## What is stored where") for name in quoted(row[0])}

    assert said == set(spelled())


NO_KEYS = ("base", "shard_of", "act_of", "delivery", "is_late", "late_leg")


def spelled() -> Iterator[str]:
    """Spell every key with `n` for its shard and an ellipsis for the rest."""
    for name, make in inspect.getmembers(keys, inspect.isfunction):
        parameters = inspect.signature(make).parameters
        if make.__module__ != keys.__name__ or name in NO_KEYS:
            continue
        made: Any = make(*("n" if parameter == "shard" else "…" for parameter in parameters))
        yield made.due if isinstance(made, keys.Queue) else made


def test_lifetimes_are_the_defaults() -> None:
    text = " ".join(read("privacy.md").split())
    keep, dedup = Keep(), DedupPolicy()

    assert f"{keep.outcomes_d:g} days, {keep.dead_d:g} days, {keep.samples:,}" in text
    assert f"{dedup.window_h:g} hours, {dedup.orders_d:g} days" in text
    assert f"| {keys.COUNTERS_MS // 86_400_000} days |" in text
    assert f"the last {keys.LIVE_ENTRIES:,} or so" in text


def test_cookies_live_as_long_as_they_are_set() -> None:
    from gateway.core import cookies

    said = {name: row[2] for row in rows(read("privacy.md"), "## Cookies") for name in quoted(row[0])}
    lives = {
        "_tw_id": cookies.ID_LIFE_S,
        "_tw_click": cookies.CLICK_LIFE_S,
        "_fbp": cookies.FBP_LIFE_S,
        "_fbc": cookies.FBC_LIFE_S,
        "_gcl_aw": cookies.GCL_LIFE_S,
        "_ttp": cookies.TTP_LIFE_S,
    }

    assert {name: re.match(r"\d+ days", life)[0] for name, life in said.items()} == {  # type: ignore[index]
        name: f"{seconds // DAY_S} days" for name, seconds in lives.items()
    }


# --- links -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["docs/delivery.md", "docs/operations.md", "docs/privacy.md", "deploy/README.md"])
def test_documents_name_files_that_exist(name: str) -> None:
    named = re.findall(r"`((?:docs|deploy|gateway|tests|config)/[\w./-]+)`", (ROOT / name).read_text())

    assert [path for path in named if not (ROOT / path).exists()] == []
