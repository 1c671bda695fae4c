"""The README's example is an adapter, and its table tells the truth."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from gateway.core.adapter import Response, Ruling
from gateway.core.manifest import DEVICE, EVERYTHING, RAW
from tagway import conformance
from tagway.conformance import check
from tests.adapters.all import ALL, README, REGISTERED, Entry
from tests.commands.parts import tagway

TEXT = README.read_text(encoding="utf-8")

ROWS = {
    cells[0].strip("`"): cells[1:]
    for line in README.read_text(encoding="utf-8").split("## Windows and limits")[1].splitlines()
    if line.startswith("| `") and (cells := [cell.strip() for cell in line.strip("|").split("|")])
}
REAL = [entry for entry in ALL if entry.name != "acme"]


def _days(seconds: int) -> str:
    return f"{seconds / 86_400:g} d"


@pytest.mark.parametrize("entry", REAL, ids=lambda entry: entry.name)
def test_the_table_of_windows_says_what_the_adapter_says(entry: Entry) -> None:
    adapter = entry.adapter

    assert ROWS[entry.name] == [
        str(adapter.max_batch),
        f"{adapter.max_wait_ms} ms",
        _days(adapter.max_age_s),
        "never" if adapter.dedup_s is None else _days(adapter.dedup_s),
        "yes" if adapter.takes_late else "no",
        ", ".join(f"`{purpose.value}`" for purpose in sorted(adapter.purposes)) or "none",
    ]


def test_the_table_names_nothing_that_is_not_there() -> None:
    assert ROWS.keys() == set(REGISTERED)


def test_the_example_passes_the_whole_contract() -> None:
    check(next(entry for entry in ALL if entry.name == "acme").subject)


def test_the_manifest_that_is_explained_is_the_examples_own() -> None:
    whole = re.sub(r"\s+|#[^\n]*|,(?=\s*\))", "", TEXT.split("```python\n")[1].split("```")[0])
    explained = re.sub(r"\s*#[^\n]*", "", TEXT.split("## The manifest")[1].split("```python\n")[1].split("```")[0])

    assert re.sub(r"\s+|,(?=\s*\))", "", explained) in whole


def test_every_name_of_the_suite_that_is_told_is_there() -> None:
    told = set(re.findall(r"^- `(\w+)", TEXT.split("## The contract as tests")[1].split("\n## ")[0], re.MULTILINE))

    assert told == {"RULES", "golden", "check"}
    assert told <= set(conformance.__all__)


async def test_the_first_command_of_the_hour_writes_the_folder_of_the_second(tmp_path: Path) -> None:
    block = TEXT.split("## The hour")[1].split("```sh\n")[1].split("```")[0]
    write, enter, *rest = [shlex.split(line) for line in block.strip().splitlines()]

    assert (write[0], enter[0]) == ("tagway", "cd")
    done = await tagway(*write[1:-1], tmp_path)

    assert done.exit_code == 0, done.output
    assert (tmp_path / enter[1] / "pyproject.toml").is_file()
    assert rest == [["pip", "install", "-e", ".[dev]"], ["pytest"]]


def test_files_that_are_named_are_there() -> None:
    places = (README.parents[1], README.parents[1] / "examples" / "third_party_adapter")
    named = set(re.findall(r"`((?:gateway|docs|examples|tests|adapters)/[\w./]+)`", TEXT))

    assert named
    assert [path for path in sorted(named) if not any((root / path).exists() for root in places)] == []


def test_every_identifier_is_named() -> None:
    assert [name for name in (*EVERYTHING, *DEVICE, RAW) if f"`{name}`" not in TEXT] == []


def test_the_example_rules_on_every_row_by_itself() -> None:
    acme = next(entry for entry in ALL if entry.name == "acme").adapter
    answer = Response(status=200, headers={}, body=b'{"rows":["ok","too_old",{"text":"joe@example.com"}]}')

    verdicts = acme.verdicts(answer, 3)

    assert [(verdict.ruling, verdict.reason) for verdict in verdicts] == [
        (Ruling.ACCEPTED, ""),
        (Ruling.REJECTED, "too_old"),
        (Ruling.REJECTED, "refused"),
    ]
