"""How soon what was answered stands at the platform when little happens: nothing fills a batch, nothing else pushes."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median, quantiles
from typing import Final

import orjson

from benchmarks import machine
from benchmarks.contenders import Setup, tagway
from benchmarks.contenders.store import Store
from benchmarks.exact import Inexact
from benchmarks.requests import DIGITS, VISITORS, Mix, pixel

A_SECOND: Final = 10
_ARRIVED_S: Final = 30


def run(store: Store, folder: Path, *, seconds: int) -> dict[str, float]:
    """Return the median and p99 in ms from a page view's answer to its arrival at Meta's door.

    One gateway does everything (role `all`), set up as it is by default; each of its answers is waited for. Raises
    Inexact where one of them does not arrive, or arrives twice.
    """
    store.empty()
    number = A_SECOND * seconds
    with (
        _platform() as (port, arrived),
        tagway("fresh", store, folder, Setup(role="all", sink_port=port, bound_for=("meta",))) as gateway,
    ):
        answered = _visit(gateway.port, number)
        machine.wait_for(lambda: len(arrived) >= number, _ARRIVED_S, "the last event's arrival")
    if sorted(name for name, _ in arrived) != sorted(answered):
        raise Inexact(f"freshness: {number} events answered, {len(arrived)} arrived, not the same once each")
    took_ms = [(at - answered[name]) * 1_000 for name, at in arrived]
    return {"p50_ms": median(took_ms), "p99_ms": quantiles(took_ms, n=100, method="inclusive")[-1]}


def _visit(port: int, number: int) -> dict[str, float]:
    """Fire page views at an even pace; returns when each was answered, by its event id."""
    sent_by = Mix(templates=(pixel(),)).parts()[0]
    answered: dict[str, float] = {}
    began = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
        for one in range(number):
            time.sleep(max(0.0, began + one / A_SECOND - time.perf_counter()))  # noqa: TID251 - a pace is slept for
            digits = f"{one:0{DIGITS}}"
            line.sendall(digits.join(sent_by[one % VISITORS]).encode())
            answer = http.client.HTTPResponse(line)
            answer.begin()
            answer.read()
            answered[f"e-{digits}"] = time.perf_counter()
    return answered


@contextmanager
def _platform() -> Iterator[tuple[int, list[tuple[str, float]]]]:
    """Run a Meta that confirms everything; gives its port, and what came when, by event id."""
    arrived: list[tuple[str, float]] = []

    class Meta(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            at = time.perf_counter()
            told = orjson.loads(self.rfile.read(int(self.headers["Content-Length"])))["data"]
            arrived.extend((event["event_id"], at) for event in told)
            body = orjson.dumps({"events_received": len(told)})
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Meta)
    server.daemon_threads = True
    listening = threading.Thread(target=server.serve_forever)
    listening.start()
    try:
        yield server.server_port, arrived
    finally:
        server.shutdown()
        listening.join()
        server.server_close()
