"""The way out: from a full queue to platforms that confirm at once, and what a destination more costs."""

from __future__ import annotations

import http.client
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import orjson

from benchmarks import machine
from benchmarks.cases.hits import BUSY
from benchmarks.contenders import DESTINATIONS, Contender, Setup, tagway
from benchmarks.contenders.store import Store
from benchmarks.exact import Inexact
from benchmarks.figures import Case, Sample
from benchmarks.requests import API_KEY, HOST, purchase

_A_POST: Final = 500
_DRAINED_S: Final = 120
_STASH: Final = "stash:"


def run(store: Store, folder: Path, sink_port: int, *, events: int, rounds: int) -> list[Case]:
    """Deliver the same number of events to one platform and to three."""
    one, three = Case("delivery/meta"), Case("delivery/three")
    for _ in range(rounds):
        one.add("tagway", _drain(store, folder, sink_port, events, ("meta",)))
        three.add("tagway", _drain(store, folder, sink_port, events, DESTINATIONS))
    for case in (one, three):
        busy = case.rows()["tagway"]["busy"]
        if busy < BUSY:
            case.notes.append(f"{case.name}: waiting, not the gateway's core, was the limit ({busy:.0%} of it used)")
    return [one, three]


def _drain(store: Store, folder: Path, sink_port: int, events: int, bound_for: tuple[str, ...]) -> Sample:
    """Fill the queues, start a gateway that delivers, and give it the queues when it has come to rest."""
    store.empty()
    # Purchases wait for their twin by default; these have none and the queue is what is measured.
    with tagway("filler", store, folder, Setup(sink_port=sink_port, bound_for=bound_for)) as filler:
        fill(filler, events)
    queues = [queue for name in bound_for for queue in store.queues(name) if store.redis.exists(queue)]
    for queue in queues:
        store.redis.rename(queue, _STASH + queue)
    setup = Setup(role="deliver", sink_port=sink_port, bound_for=bound_for)
    with tagway("deliverer", store, folder, setup) as deliverer:
        time.sleep(1)  # noqa: TID251 - what starting costs is measured elsewhere
        began_s, used_s, store_s = time.perf_counter(), machine.cpu_s(deliverer.pid), store.cpu_s()
        for queue in queues:
            store.redis.rename(_STASH + queue, queue)
        machine.wait_for(lambda: not any(map(store.waiting, bound_for)), _DRAINED_S, "an empty queue")
        took_s = time.perf_counter() - began_s
        used_s, store_s = machine.cpu_s(deliverer.pid) - used_s, store.cpu_s() - store_s
    _check(store, events, bound_for)
    return Sample(
        hits=events,
        us=used_s * 1e6 / events,
        per_s=events / took_s,
        busy=min(1.0, used_s / took_s),
        store_us=store_s * 1e6 / events,
    )


def fill(filler: Contender, events: int, first: int = 0) -> None:
    """Tell the gateway of `events` different events as a shop's server would, numbered from `first`."""
    connection = http.client.HTTPConnection("127.0.0.1", filler.port, timeout=60)
    headers = {"Host": HOST, "Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json"}
    for start in range(first, first + events, _A_POST):
        numbers = range(start, min(start + _A_POST, first + events))
        # The event's own name is not one that waits for a twin.
        body = orjson.dumps(
            {"events": [{**purchase(f"{number:08}"), "event": "add_payment_info"} for number in numbers]}
        )
        connection.request("POST", "/api/events", body, headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise Inexact(f"the gateway answered {answer.status} to a batch of {len(numbers)} events")
    connection.close()


def _check(store: Store, events: int, bound_for: Sequence[str]) -> None:
    """Every event has ended as delivered at each destination, once."""
    ended = 0
    for counter, often in store.counters().items():
        if counter.startswith("delivery|"):
            ended += often
            if not counter.endswith("|delivered"):
                raise Inexact(f"ended as {counter}")
    if ended != events * len(bound_for):
        raise Inexact(f"{events} events to {len(bound_for)} destinations, {ended} deliveries ended")
