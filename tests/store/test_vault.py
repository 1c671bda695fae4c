"""What is remembered of contents that were read: little, briefly, and as often as it is wanted."""

from __future__ import annotations

import pytest

from gateway.store import vault
from gateway.store.vault import Opened
from tests.fixtures.shop import an_event

NOW_MS = 1_790_000_000_000
EVENT = an_event()
SEALED = vault.seal(EVENT)


def an_opened(uses: int = 2) -> Opened:
    opened = Opened()
    opened.grow_old(NOW_MS)
    opened.keep(b"a", SEALED, EVENT, uses)
    return opened


def test_an_event_is_forgotten_with_its_last_use() -> None:
    opened = an_opened(uses=2)

    assert [opened.find(b"a", SEALED) for _ in range(3)] == [EVENT, EVENT, None]


def test_only_the_same_leg_with_the_same_bytes_is_found() -> None:
    opened = an_opened()

    assert opened.find(b"b", SEALED) is None
    assert opened.find(b"a", SEALED + b"x") is None
    assert opened.find(b"a", vault.press(SEALED)) is None


@pytest.mark.parametrize("backwards", [False, True])
def test_nothing_is_remembered_for_long(backwards: bool) -> None:
    opened = an_opened()

    step_ms = -1 if backwards else 60_000
    opened.grow_old(NOW_MS + step_ms)
    opened.grow_old(NOW_MS + 2 * step_ms)

    assert opened.find(b"a", SEALED) is None


def test_of_many_the_oldest_are_forgotten() -> None:
    opened = an_opened()

    for number in range(5_000):
        opened.keep(b"%d" % number, SEALED, EVENT, 1)

    found = [number for number in range(5_000) if opened.find(b"%d" % number, SEALED)]
    assert found == list(range(5_000 - len(found), 5_000))
    assert 0 < len(found) <= 2_000
    assert opened.find(b"a", SEALED) is None
