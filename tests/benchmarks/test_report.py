"""benchmarks/report.py: the result's shape, and what is said of what was not run."""

from pathlib import Path

import orjson

from benchmarks.figures import Case, Sample
from benchmarks.report import Report, table


def report() -> Report:
    case = Case("pixel", notes=["pixel, nginx: the load was the limit (50% of the core used)"])
    case.add("tagway", Sample(hits=10, us=50.0, per_s=20_000, busy=1.0))
    case.add("nginx", Sample(hits=10, us=10.0, per_s=50_000, busy=0.5))
    made = Report("wrk", quick=True, skipped=["fastify: no node, no npm or no registry"])
    made.add(case)
    made.footprint["start_s"] = 0.8
    return made


def test_result_holds_ratios_cases_and_what_was_skipped(tmp_path: Path) -> None:
    report().write(tmp_path / "latest.json")

    told = orjson.loads((tmp_path / "latest.json").read_bytes())

    assert {"pixel/nginx": 5.0} == told["ratios"]
    assert 50.0 == told["cases"]["pixel"]["tagway"]["us"]
    assert ["fastify: no node, no npm or no registry"] == told["skipped"]
    assert {
        "at", "quick", "machine", "ratios", "targets", "cases", "notes", "footprint", "exact", "took_s", "skipped",
        "failed",
    } == told.keys()  # fmt: skip


def test_table_says_aloud_what_was_skipped_and_where_the_load_was_the_limit() -> None:
    text = report().text()

    assert "skipped: fastify" in text
    assert "pixel, nginx: the load was the limit" in text


def test_targets_stand_beside_what_was_measured() -> None:
    made = report()
    made.footprint["memory_loaded_mb"] = 70.0

    lines = [line.split() for line in made.text().splitlines()]

    assert ["pixel/nginx", "5", "at", "most", "3", "MISSED"] in lines
    assert ["memory_loaded_mb", "70", "at", "most", "80", "reached"] in lines
    assert ["start_s", "0.8"] in lines


def test_what_the_check_after_a_fault_found_is_told() -> None:
    made = report()
    made.exact.append("killed, front: 9 ids answered, 9 stored, 9 claimed")

    assert "exact: killed, front: 9 ids answered" in made.text()


def test_columns_stand_under_each_other() -> None:
    assert "who  us\na     1\nbcd  22" == table(("who", "us"), [("a", "1"), ("bcd", "22")])


def test_table_without_rows_is_nothing() -> None:
    assert "" == table(("who", "us"), [])
