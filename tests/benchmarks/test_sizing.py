"""benchmarks/sizing.py: arithmetic over fixed costs, and a clear word where a result lacks one."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from benchmarks.sizing import Wish, costs, main, plan

RESULT: dict[str, Any] = {
    "cases": {
        "pixel": {"tagway": {"us": 60.0, "store_us": 20.0}},
        "delivery/three": {"tagway": {"us": 120.0, "store_us": 30.0}},
    },
    "footprint": {
        "bytes_remembered_id": 20.0,
        "bytes_waiting_event": 1_500.0,
        "bytes_delivered_act": 400.0,
        "bytes_delivered_content": 1_100.0,
        "bytes_delivered_sample": 90.0,
    },
}
COSTS = costs(RESULT)


def test_records_are_what_a_delivered_act_leaves_without_the_samples_that_are_bounded() -> None:
    assert 1_500.0 == COSTS.record_bytes


def test_cores_are_used_in_part_and_one_machine_is_to_spare() -> None:
    found = plan(COSTS, Wish(cores=4), 10_000)

    # 0.6 and 1.2 cores of work, used to 60 %; half a core of Redis, used to 50 %.
    cores = (found.ingest_cores, found.delivery_cores, found.redis_cores)
    assert [1.0, 2.0, 1.0] == [round(each, 6) for each in cores]
    assert 2 == found.machines


def test_memory_is_ids_for_the_window_and_events_for_the_hours_that_they_wait_and_are_shown() -> None:
    found = plan(COSTS, Wish(window_h=48, outage_h=2, shown_h=1), 1_000)

    # 3.6 million events an hour, times 48 * 20 + 2 * 1,500 + 1,500 bytes, in 60 % of the memory.
    assert 32.76 == pytest.approx(found.redis_gb)


@pytest.mark.parametrize(
    ("redis_gb", "per_s", "masters", "limit"),
    [(512, 1_000, 1, "one"), (512, 100_000, 10, "CPU"), (4, 1_000, 6, "memory")],
)
def test_masters_follow_what_runs_out_first(redis_gb: float, per_s: int, masters: int, limit: str) -> None:
    found = plan(COSTS, Wish(redis_gb=redis_gb), per_s)

    assert (masters, limit, masters * 4) == (found.masters, found.limit, found.shards)


def test_table_has_a_line_for_each_rate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "result.json"
    file.write_bytes(orjson.dumps(RESULT))

    code = main([str(file), "--cores", "4"])

    lines = capsys.readouterr().out.splitlines()
    assert 0 == code
    assert "machines of 4" in lines[0]
    assert ["1,000", "10,000", "100,000"] == [line.split()[0] for line in lines[1:4]]


def test_a_result_without_a_figure_is_refused_by_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "result.json"
    file.write_bytes(orjson.dumps({**RESULT, "footprint": {}}))

    assert 2 == main([str(file)])
    assert "bytes_remembered_id" in capsys.readouterr().err
