"""Two ids of an order that name two acts: the transaction's act wins, the other id does not leave, and it counts."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from gateway.core.event import Copy, Event, Wire
from gateway.core.outcome import Door
from gateway.store.database import Database
from gateway.store.keeper import Keeper
from tests.fixtures.shop import NOW_MS, a_plan, an_event
from tests.store.test_keeper import Store


class Counted(Store):
    """One whose conflicts are noted."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, a_plan())
        told: dict[str, Any] = {"now_ms": lambda: NOW_MS, "nudge": lambda: None, "counted_as": lambda _, event: event}
        self.conflicts: list[Copy] = []
        self.keeper = Keeper(
            database, a_plan, copy_id=lambda: secrets.token_hex(16), conflict=self.conflicts.append, **told
        )


@pytest.fixture
def store(database: Database) -> Counted:
    return Counted(database)


def bought(event_id: str, order: str | None, wire: Wire = Wire.SERVER, **more: Any) -> Event:
    return an_event("purchase", event_id, wire, transaction_id=order, value=1.0, currency="EUR", **more)


async def left(store: Counted) -> dict[str | None, str]:
    await store.release()
    return {event.transaction_id: event.event_id for event in await store.leaving()}


async def test_the_transactions_act_wins_and_the_orders_leave_under_ids_of_their_own(store: Counted) -> None:
    torn = bought("a", "t2", Wire.BROWSER)

    await store.keep(bought("a", "t1"))
    await store.keep(bought("b", "t2"))
    assert await store.keep(bought("a", "t1", Wire.BROWSER)) == [Door.MERGED]
    assert await store.keep(torn) == [Door.MERGED]

    assert await left(store) == {"t1": "a", "t2": "b"}
    assert store.conflicts == [torn]


async def test_where_the_server_named_no_event_the_order_leaves_under_its_transaction_id(store: Counted) -> None:
    await store.keep(bought("a", "t1"), bought("made", "t2", id_made=True))
    await store.keep(bought("a", "t1", Wire.BROWSER))
    await store.keep(bought("a", "t2", Wire.BROWSER))

    assert await left(store) == {"t1": "a", "t2": "t2"}


async def test_two_orders_of_a_server_that_uses_one_event_id_for_both_leave_apart(store: Counted) -> None:
    for order in ("t1", "t2"):
        await store.keep(bought("a", order))
        await store.keep(bought("p-" + order, order, Wire.BROWSER, id_made=True))

    assert await left(store) == {"t1": "a", "t2": "t2"}
    assert [copy.transaction_id for copy in store.conflicts] == ["t2"]


@pytest.mark.parametrize(
    "pair",
    [
        (bought("a", "t1"), bought("a", "t1", Wire.BROWSER)),
        (bought("a", None), bought("a", "t1", Wire.BROWSER)),
        (bought("a", "t1"), bought("b", "t1", Wire.BROWSER)),
        (bought("a", "t1"), bought("a", "t2", Wire.BROWSER)),  # t2 names no act yet: it is another name of this one
        (bought("a", "t1", Wire.BROWSER), bought("b", "t1")),
    ],
)
async def test_ids_that_name_one_act_are_no_conflict(store: Counted, pair: tuple[Event, Event]) -> None:
    assert [await store.keep(copy) for copy in pair] == [[Door.ACCEPTED], [Door.MERGED]]

    assert store.conflicts == []
    assert len(await left(store)) == 1
