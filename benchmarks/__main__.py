"""`python -m benchmarks [NAME …] [--quick] [--to FILE]`: run the cases, print ratios, write results/latest.json.

Loopback only; everything it starts ends with it. The store and the load share one core, the server has another.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import Final

from benchmarks import tools
from benchmarks.cases import delivery, door, footprint, freshness, killed, memory, scale
from benchmarks.exact import Inexact
from benchmarks.report import LATEST
from benchmarks.ring import FULL, QUICK, Ring, ring


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Tagway beside others, as ratios.")
    parser.add_argument("names", nargs="*", choices=[*CASES, []], metavar="NAME", help=", ".join(CASES))
    parser.add_argument("--quick", action="store_true", help="about two minutes, and rougher; written only with --to")
    parser.add_argument("--to", type=Path, help="write the result here; a full run goes to results/latest.json")
    asked = parser.parse_args(arguments)
    server = tools.redis_server()
    if server is None:
        print("no redis-server here (Debian: apt-get install redis-server)", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="tw-bench-", ignore_cleanup_errors=True) as folder, ExitStack() as stack:
        running = ring(stack, server, Path(folder), QUICK if asked.quick else FULL, quick=asked.quick)
        for name in asked.names or CASES:
            print(f"{name} …", file=sys.stderr, flush=True)
            _run(name, running)
        report = running.report
        to = asked.to or (None if asked.quick or asked.names else LATEST)
        if to is not None:
            report.write(to)
        print(report.text())
    return 1 if report.failed else 0


def _run(name: str, running: Ring) -> None:
    began_s = time.perf_counter()
    try:
        CASES[name](running)
    except Inexact as wrong:
        running.report.failed.append(f"{name}: {wrong}")
    except Exception as err:  # noqa: BLE001 - a case that breaks must not take what the others measured with it
        running.report.failed.append(f"{name}: broke with {type(err).__name__}: {err}")
    running.report.took_s[name] = round(time.perf_counter() - began_s, 1)


def _delivery(running: Ring) -> None:
    pace, report = running.pace, running.report
    cases = delivery.run(
        running.everysec, running.folder, running.sink_port, events=pace.events, rounds=max(1, pace.rounds // 2)
    )
    for case in cases:
        report.cases.append(case)
        report.ratios[f"{case.name}_per_cpu_s"] = round(1e6 / case.rows()["tagway"]["us"])


def _freshness(running: Ring) -> None:
    told = freshness.run(running.everysec, running.folder, seconds=int(running.pace.idle_s))
    running.report.ratios |= {f"freshness/{name}": round(took_ms) for name, took_ms in told.items()}


def _footprint(running: Ring) -> None:
    running.report.footprint |= footprint.run(
        running.everysec, running.folder, running.sink_port, idle_s=running.pace.idle_s
    )


def _memory(running: Ring) -> None:
    told = memory.run(running.everysec, running.folder, running.sink_port, acts=running.pace.acts)
    running.report.footprint |= told
    running.report.ratios["waiting/json_to_plain"] = round(told["bytes_content_json"] / told["bytes_content_plain"], 2)
    running.report.ratios["waiting/json_to_pressed"] = round(
        told["bytes_content_json"] / told["bytes_content_pressed"], 2
    )


CASES: Final[Mapping[str, Callable[[Ring], None]]] = MappingProxyType(
    {
        "pixel": door.of_pixel,
        "beacon": door.of_beacon,
        "ga4": door.of_ga4,
        "twins": door.of_twins,
        "paced": door.of_paced,
        "always": door.of_always,
        "killed": killed.run,
        "delivery": _delivery,
        "freshness": _freshness,
        "footprint": _footprint,
        "memory": _memory,
        "processes": scale.of_processes,
        "cluster": scale.of_cluster,
    }
)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
