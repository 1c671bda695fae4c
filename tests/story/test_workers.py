"""Several ingest processes on one machine: one address, one store, one life."""

from __future__ import annotations

import json
import os
import signal

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from tests.fixtures.gateway import RunningGateway, page_view, wait_until


def started(gateway: RunningGateway) -> list[int]:
    """The process ids of the further workers, in the order they were started."""
    lines = [json.loads(line) for line in gateway.log().splitlines() if line.startswith("{")]
    return [line["pid"] for line in lines if line.get("event") == "worker.started"]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123 - /proc
        return stat.read().rpartition(")")[2].split()[0] != "Z"


async def test_two_processes_share_the_address_and_the_work(gateway: RunningGateway) -> None:
    gateway.config["server"]["workers"] = 2
    await gateway.start()
    assert await wait_until(lambda: gateway.log().count("gateway.started") == 2)
    views = [f"view-{number}" for number in range(40)]

    for view in views:
        # a connection each, so that the kernel spreads them
        async with aiohttp.ClientSession() as visitor:
            gateway.http, ours = visitor, gateway.http
            answer = await gateway.beacon(page_view(view), **{"User-Agent": "Mozilla/5.0 Chrome/156"})
            gateway.http = ours
            assert answer.headers["X-Tagway"] == "accepted"

    assert await wait_until(lambda: len(gateway.sandbox.events("meta")) == len(views))
    assert [event["repeats"] for event in gateway.sandbox.events("meta")] == [0] * len(views)


async def test_the_metrics_tell_of_every_process(gateway: RunningGateway) -> None:
    gateway.config["server"]["workers"] = 2
    await gateway.start()
    assert await wait_until(lambda: gateway.log().count("gateway.started") == 2)
    for number in range(40):
        async with aiohttp.ClientSession() as visitor:
            gateway.http, ours = visitor, gateway.http
            await gateway.beacon(page_view(f"view-{number}"), **{"User-Agent": "Mozilla/5.0 Chrome/156"})
            gateway.http = ours

    told = await metrics(gateway)

    hits = {labels["worker"]: value for name, labels, value in told if name == "tagway_hits_total"}
    assert sum(hits.values()) == 40
    assert hits.keys() == {"0", "1"}, "the kernel gave one process nothing of 40 connections"
    assert {labels["worker"]: value for name, labels, value in told if name == "tagway_worker_up"} == {"0": 1, "1": 1}


async def test_a_worker_that_hangs_is_told_as_down_and_stops_no_scrape(gateway: RunningGateway) -> None:
    gateway.config["server"]["workers"] = 2
    await gateway.start()
    assert await wait_until(lambda: gateway.log().count("gateway.started") == 2)
    (worker,) = started(gateway)
    os.kill(worker, signal.SIGSTOP)
    try:
        told = await metrics(gateway)
    finally:
        os.kill(worker, signal.SIGCONT)

    assert {labels["worker"]: value for name, labels, value in told if name == "tagway_worker_up"} == {"0": 1, "1": 0}
    assert {labels["worker"] for name, labels, _ in told if name == "tagway_spool_copies"} == {"0"}


async def metrics(gateway: RunningGateway) -> list[tuple[str, dict[str, str], float]]:
    async with gateway.http.get(gateway.admin("/metrics")) as answer:
        text = await answer.text()
    return [
        (sample.name, sample.labels, sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    ]


async def test_a_worker_that_died_is_started_again_and_all_end_together(gateway: RunningGateway) -> None:
    gateway.config["server"]["workers"] = 2
    await gateway.start()
    assert await wait_until(lambda: started(gateway))
    os.kill(started(gateway)[0], signal.SIGKILL)
    assert await wait_until(lambda: len(started(gateway)) == 2)

    assert await gateway.stop() == 0

    assert [pid for pid in started(gateway) if is_alive(pid)] == []


async def test_a_worker_does_not_outlive_a_killed_gateway(gateway: RunningGateway) -> None:
    gateway.config["server"]["workers"] = 2
    await gateway.start()
    assert await wait_until(lambda: gateway.log().count("gateway.started") == 2)
    (worker,) = started(gateway)

    gateway.kill()

    assert await wait_until(lambda: not is_alive(worker))
    gateway.kill_store()
