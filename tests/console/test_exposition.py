"""Metrics of several processes in one text."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from gateway.console.exposition import exposition


def a_process(hits: int, seconds: float) -> CollectorRegistry:
    registry = CollectorRegistry()
    Counter("tagway_hits", "Hits.", ("site",), registry=registry).labels('sh"op\\').inc(hits)
    Histogram("tagway_request_seconds", "Time.", registry=registry).observe(seconds)
    Gauge("tagway_spool_copies", "On disk.", registry=registry).set(hits)
    return registry


def series(text: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    found = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in found
            found[key] = sample.value
    return found


def test_one_process_alone_is_told_as_it_is() -> None:
    registry = a_process(3, 0.2)

    assert exposition(registry, {}) == generate_latest(registry)


def test_each_process_has_series_of_its_own() -> None:
    told = series(exposition(a_process(3, 0.2), {1: generate_latest(a_process(5, 7)), 2: None}))

    site = ("site", 'sh"op\\')
    assert told["tagway_hits_total", (site, ("worker", "0"))] == 3
    assert told["tagway_hits_total", (site, ("worker", "1"))] == 5
    assert told["tagway_spool_copies", (("worker", "1"),)] == 5
    assert told["tagway_request_seconds_bucket", (("le", "0.25"), ("worker", "0"))] == 1
    assert told["tagway_request_seconds_bucket", (("le", "0.25"), ("worker", "1"))] == 0
    assert {key: value for key, value in told.items() if key[0] == "tagway_worker_up"} == {
        ("tagway_worker_up", (("worker", "0"),)): 1,
        ("tagway_worker_up", (("worker", "1"),)): 1,
        ("tagway_worker_up", (("worker", "2"),)): 0,
    }


def test_a_metric_is_introduced_once_and_its_series_stand_together() -> None:
    # Prometheus refuses a text in which a metric's lines are not one group.
    text = exposition(a_process(3, 0.2), {1: generate_latest(a_process(5, 7))}).decode()

    assert text.count("# TYPE tagway_hits_total counter") == 1
    names = [line.partition("{")[0] for line in text.splitlines() if line.startswith("tagway_hits_total")]
    assert len(names) == 2
    assert text.count("# TYPE tagway_request_seconds histogram") == 1
