"""benchmarks/contenders: how a gateway is set up, what its spool says, and a store that is emptied between shots."""

import os
import urllib.request
from pathlib import Path

import orjson
import pytest
from redis import Redis

from benchmarks.contenders import Setup, arrived, configuration, read_spooled, sink
from benchmarks.contenders.store import Store
from gateway.core.event import Consent, Event, Wire
from gateway.settings import load
from gateway.store import keys, vault

METRICS = """# HELP tagway_spool_copies Copies on disk that Redis is not known to have.
tagway_spool_copies 3.0
tagway_replayed_total{status="accepted"} 40.0
tagway_replayed_total{status="duplicate"} 2.0
"""


@pytest.fixture
def store(valkey_url: str) -> Store:
    redis = Redis.from_url(valkey_url)
    redis.flushall()
    return Store(valkey_url, [(os.getpid(), redis)])


@pytest.mark.parametrize(
    "setup",
    [
        Setup(),
        Setup(front_lane=False, workers=2, shards=12),
        Setup(bound_for=(), keep={"outcomes_d": 2 / 86_400, "dead_d": 2 / 86_400}),
    ],
)
def test_every_setup_is_a_configuration_that_the_gateway_takes(tmp_path: Path, setup: Setup) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_bytes(orjson.dumps(configuration(8080, 8081, "redis://127.0.0.1/0", tmp_path, setup)))

    settings = load(file, env={})

    assert (setup.front_lane, setup.workers) == (settings.server.front_lane, settings.server.workers)
    assert setup.shards == settings.store.shards
    assert setup.bound_for == tuple(settings.destinations)


def test_the_spool_is_read_from_the_gateways_metrics() -> None:
    assert (3, 42) == read_spooled(METRICS)


def test_metrics_without_a_spool_are_no_empty_spool() -> None:
    with pytest.raises(ValueError, match="nothing of its spool"):
        read_spooled("tagway_replayed_total 1.0\n")


def test_what_has_arrived_is_what_the_sink_of_that_platform_had(tmp_path: Path) -> None:
    with sink(tmp_path) as port:
        before = arrived(port)
        for path, body in (("meta/events", b'{"data":[{},{}]}'), ("tiktok/events", b'{"data":[{}]}')):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", body, timeout=5).close()

        assert (0, 2) == (before, arrived(port))


def test_emptying_keeps_what_the_gateway_has_agreed_on(store: Store) -> None:
    store.redis.hset(keys.meta(), mapping={"shards": 4, "epoch": "e"})
    store.redis.hset(keys.epoch(2), mapping={"epoch": "f"})
    store.redis.set(keys.content(2, "a"), b"x")

    store.empty()

    assert {b"shards": b"4", b"epoch": b"e"} == store.redis.hgetall(keys.meta())
    assert {b"epoch": b"f"} == store.redis.hgetall(keys.epoch(2))
    assert 2 == store.redis.dbsize()


def test_counters_of_all_shards_are_added_up_by_status(store: Store) -> None:
    store.redis.hset(keys.counters(0, 7), mapping={"door|shop|page_view|browser|accepted": 3, "owed|shop|x": 9})
    store.redis.hset(keys.counters(1, 7), mapping={"door|shop|sign_up|server|accepted": 2})

    assert {"accepted": 5} == store.counted()


def test_event_ids_are_read_from_what_was_frozen(store: Store) -> None:
    event = Event(
        site="shop", name="page_view", event_id="e-00000007", at_ms=1, received_ms=1, wires=(Wire.BROWSER,),
        consent=Consent(),
    )  # fmt: skip
    store.redis.set(keys.content(3, "a"), vault.seal(event))

    assert ["e-00000007"] == store.event_ids()
