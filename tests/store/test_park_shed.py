"""The last of the room is for what is worth most, and nobody is refused in silence."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import pytest

from gateway.core.event import Event
from gateway.core.outcome import Door
from gateway.store import vault
from gateway.store.database import Database
from gateway.store.durability import Safety
from gateway.store.errors import Unavailable
from gateway.store.keeper import Keeper
from gateway.store.spool.writer import Spool
from tests.fixtures.shop import NOW_MS, a_plan, an_event

ROOM = 20_000


def an_id() -> str:
    return secrets.token_hex(16)


@pytest.fixture
async def safety(tmp_path: Path) -> Any:
    """A gateway whose Redis is nowhere, with a small disk."""
    spool = Spool(tmp_path / "spool", max_bytes=ROOM, floor_bytes=0)
    made = Safety(Database(f"unix://{tmp_path}/none"), tmp_path, "redis", spool=spool)
    yield made
    await made.close()


def a_keeper(safety: Safety) -> Keeper:
    told: dict[str, Any] = {"now_ms": lambda: NOW_MS, "nudge": lambda: None, "counted_as": lambda _, event: event}
    return Keeper(Database("unix:///nowhere"), a_plan, copy_id=an_id, safety=safety, **told)


async def until_refused(keeper: Keeper, event: Event) -> int:
    """Keep copies until one is refused; returns how many were taken."""
    for taken in range(1_000):
        try:
            assert await keeper.keep([event]) == [Door.ACCEPTED]
        except Unavailable:
            return taken
    raise AssertionError("never refused")


async def test_page_views_are_refused_before_leads_and_leads_before_orders(safety: Safety) -> None:
    keeper = a_keeper(safety)
    bytes_at: list[float] = []
    for name in ("page_view", "generate_lead", "purchase"):
        assert await until_refused(keeper, an_event(name, f"{name}-1", properties={"filler": "abc" * 100})) > 0
        bytes_at.append(safety.spool.bytes / ROOM)

    assert bytes_at[0] == pytest.approx(0.8, abs=0.06)
    assert bytes_at[1] == pytest.approx(0.9, abs=0.06)
    assert bytes_at[2] == pytest.approx(1.0, abs=0.06)
    assert bytes_at == sorted(bytes_at)


async def test_each_that_is_refused_for_its_worth_is_counted(safety: Safety) -> None:
    keeper = a_keeper(safety)
    told: list[int] = []
    safety.spool.shed = told.append
    view = an_event(properties={"filler": "abc" * 100})
    await until_refused(keeper, view)

    for _ in range(3):
        with pytest.raises(Unavailable, match="shed"):
            await keeper.keep([view])

    assert told == [0, 0, 0, 0]


async def test_readiness_says_so_and_stays_ready(safety: Safety) -> None:
    assert (await safety.readiness())[1]["degraded"] == "spooling"
    await until_refused(a_keeper(safety), an_event(properties={"filler": "abc" * 100}))

    ready, told = await safety.readiness()

    assert ready
    assert told["degraded"] == "shedding"


async def test_little_free_space_sheds_as_well(tmp_path: Path) -> None:
    spool = Spool(tmp_path, floor_bytes=0)
    await spool.append(an_id(), vault.seal(an_event()), worth=0)
    spool._floor_bytes = int(spool._free_bytes / 1.7)

    with pytest.raises(Unavailable, match="shed"):
        await spool.append(an_id(), vault.seal(an_event()), worth=0)
    await spool.append(an_id(), vault.seal(an_event()), worth=1)

    await spool.close(None)
