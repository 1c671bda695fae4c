"""What a platform said later, in words and on the pages."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.console.later import later
from gateway.store.receipts import Receipt
from tests.console.conftest import Reader
from tests.fixtures.console import Shop, an_order

WAITING: dict[str, Any] = {"receipt": "r", "status": "waiting", "reason": None, "counts": {}, "asked": 0, "at": None}


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (None, ""),
        ({}, "Taken; what became of it is told later"),
        ({"status": "PROCESSING", "asked": 3}, "Taken; what became of it is told later, asked 3 times so far"),
        ({"status": "SUCCESS", "counts": {"SUCCESS": 9}}, "Told later: it was used"),
        ({"status": "FAILED", "reason": "INVALID_GCLID"}, "Told later of this event: INVALID_GCLID"),
        (
            {"status": "PARTIAL_SUCCESS", "counts": {"SUCCESS": 9, "CLICK_NOT_FOUND": 1}},
            "Told later of its request: PARTIAL_SUCCESS (9 SUCCESS, 1 CLICK_NOT_FOUND)",
        ),
        ({"status": "no longer kept"}, "Told later of its request: no longer kept"),
    ],
)
def test_it_is_a_sentence(told: dict[str, Any] | None, expected: str) -> None:
    assert later(None if told is None else {**WAITING, **told}) == expected


async def test_the_trace_and_the_destination_show_it(shop: Shop, reader: Reader) -> None:
    await shop.keep(*an_order("1001"))
    await shop.release()
    legs = await shop.deliver("google")
    receipts = shop.ledger.receipts
    await receipts.keep("google", "r-1", legs, 0)
    assert "Taken; what became of it is told later." in await reader.page("/event/p-1001")
    loan = await receipts.look("google")
    assert isinstance(loan, Receipt)

    await receipts.tell(loan, wait_ms=None, status="FAILED", counts={"INVALID_GCLID": 1}, rows={0: "INVALID_GCLID"})

    assert "Told later of this event: INVALID_GCLID." in await reader.page("/event/p-1001")
    places = await reader.page("/destinations")
    assert "Told later, 7 days" in places
    assert "1 INVALID_GCLID" in places
    assert "Told later, 7 days" not in await reader.page("/destinations/meta")
