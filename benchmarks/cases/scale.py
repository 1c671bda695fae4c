"""What happens to the cost of a hit when there is more of something: ingest processes, masters of a cluster."""

from __future__ import annotations

from typing import Final

from benchmarks import contenders, machine
from benchmarks.cases import hits
from benchmarks.contenders import Setup, free_port
from benchmarks.contenders.store import cluster, store
from benchmarks.requests import Mix, pixel
from benchmarks.ring import Ring

MASTERS: Final = 3
# So many that masters get about the same: the slots of twelve numbers fall 4, 5 and 3 on thirds of the slots.
SHARDS: Final = 12


def of_processes(ring: Ring) -> None:
    """Compare two ingest processes that share a port with one, all on the server's core.

    One core shows whether two processes cost more a hit than one does, and whether the kernel gives both work. It
    cannot show twice the throughput: with two cores the load has the other one.
    """
    mix = Mix(templates=(pixel(),))
    with contenders.tagway("two", ring.everysec, ring.folder, Setup(workers=2)) as two:
        case = hits.run(
            "processes", mix, [ring.gateway, two], ring.load, rounds=ring.pace.few, seconds=ring.pace.seconds
        )
        each_s = [machine.own_cpu_s(pid) for pid in machine.tree(two.pid)]
        ring.report.footprint["memory_two_processes_mb"] = round(machine.memory_mb(two.pid), 1)
    ring.report.cases.append(case)
    ring.report.ratios["processes/two_to_one"] = case.ratio("two", "tagway")
    ring.report.ratios["processes/least_share"] = round(min(each_s) / sum(each_s), 3)


def of_cluster(ring: Ring) -> None:
    """Compare three masters with one Redis of as many shards: what is left to the busiest master, a hit."""
    mix = Mix(templates=(pixel(),))
    ports = [(free_port(), free_port()) for _ in range(MASTERS)]
    with store(ring.server, ring.folder, "everysec", "shards") as one, cluster(ring.server, ring.folder, ports) as many:
        setup = Setup(shards=SHARDS)
        with (
            contenders.tagway("one_redis", one, ring.folder, setup) as lone,
            contenders.tagway("three_masters", many, ring.folder, setup) as spread,
        ):
            case = hits.run("cluster", mix, [lone, spread], ring.load, rounds=ring.pace.few, seconds=ring.pace.seconds)
    ring.report.cases.append(case)
    ring.report.ratios["cluster/gateway_us"] = case.ratio("three_masters", "one_redis")
    ring.report.ratios["cluster/busiest_master_us"] = case.ratio("three_masters", "one_redis", "busiest_us")
    ring.report.ratios["cluster/all_masters_us"] = case.ratio("three_masters", "one_redis", "store_us")
