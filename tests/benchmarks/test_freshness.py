"""benchmarks/cases/freshness.py: every answered page view is seen to arrive, once."""

import os
from pathlib import Path

import pytest
from redis import Redis

from benchmarks.cases import freshness
from benchmarks.contenders.store import Store
from benchmarks.exact import Inexact


@pytest.fixture
def store(valkey_url: str) -> Store:
    return Store(valkey_url, [(os.getpid(), Redis.from_url(valkey_url))])


def test_the_time_from_each_answer_to_its_arrival_is_told(store: Store, tmp_path: Path) -> None:
    told = freshness.run(store, tmp_path, seconds=1)

    assert 0 < told["p50_ms"] <= told["p99_ms"]


def test_an_event_that_was_never_answered_is_not_taken_for_one_that_was(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = freshness._visit
    monkeypatch.setattr(
        freshness, "_visit", lambda *said: {f"e-{at}": when for at, when in enumerate(visit(*said).values())}
    )

    with pytest.raises(Inexact, match="not the same once each"):
        freshness.run(store, tmp_path, seconds=1)
