"""The README's example is an adapter, and its table tells the truth."""

from __future__ import annotations

import pytest

from gateway.core.adapter import Response, Ruling
from tests.adapters.all import ALL, README, REGISTERED, Entry

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


def test_the_example_rules_on_every_row_by_itself() -> None:
    acme = next(entry for entry in ALL if entry.name == "acme").adapter
    answer = Response(status=200, headers={}, body=b'{"rows":["ok","too_old",{"text":"joe@example.com"}]}')

    verdicts = acme.verdicts(answer, 3)

    assert [(verdict.ruling, verdict.reason) for verdict in verdicts] == [
        (Ruling.ACCEPTED, ""),
        (Ruling.REJECTED, "too_old"),
        (Ruling.REJECTED, "refused"),
    ]
