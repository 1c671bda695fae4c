"""Receipts of requests that platforms judge later, in a real store."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.core.plan import Plan
from gateway.core.site import Destination
from gateway.store import keys, outcomes, vault
from gateway.store.database import Database, text
from gateway.store.outcomes import Fate
from gateway.store.receipts import Receipt, Receipts
from tests.fixtures.shop import Parrot, a_plan, an_event

NOW_MS = 1_795_305_600_000
ACT, OTHER = "a" * 32, "b" * 32
DELIVERED = Fate(outcome="delivered", at_ms=NOW_MS, attempts=1)


@pytest.fixture
def plan() -> Plan:
    return a_plan(Destination(name="parrot", adapter=Parrot()))


@pytest.fixture
def receipts(database: Database, plan: Plan) -> Receipts:
    return Receipts(database, lambda: plan, now_ms=lambda: NOW_MS)


async def settled(database: Database, act: str = ACT, fields: dict[str, Any] | None = None) -> str:
    """Put an act there whose only leg was delivered; returns its key."""
    shard = keys.shard_of(act, database.shards)
    key = keys.act(shard, act)
    told: dict[Any, Any] = {"st": "done", "left": 0, "d:parrot": outcomes.write(DELIVERED), **(fields or {})}
    await database.redis.hset(key, mapping=told)
    await database.redis.pexpire(key, 60_000)
    await database.redis.set(keys.content(shard, act), vault.seal(an_event()), px=60_000)
    return key


async def lent(receipts: Receipts) -> Receipt:
    found = await receipts.look("parrot")
    assert isinstance(found, Receipt)
    return found


async def test_a_receipt_is_due_when_its_time_has_come(receipts: Receipts) -> None:
    assert await receipts.look("parrot") is None
    await receipts.keep("parrot", "r-1", [ACT], 60_000)

    wait_ms = await receipts.look("parrot")

    assert isinstance(wait_ms, int)
    assert 55_000 < wait_ms <= 60_000


async def test_a_receipt_is_lent_to_one_at_a_time(receipts: Receipts) -> None:
    await receipts.keep("parrot", "r-1", [ACT, OTHER], 0)

    first, second = await receipts.look("parrot"), await receipts.look("parrot")

    assert isinstance(first, Receipt)
    assert (first.name, first.legs, first.sent_ms, first.asked) == ("r-1", (ACT, OTHER), NOW_MS, 0)
    assert isinstance(second, int)


async def test_who_lost_the_loan_writes_nothing(database: Database, receipts: Receipts) -> None:
    await receipts.keep("parrot", "r-1", [ACT], 0)
    late = await lent(receipts)
    await database.redis.zadd(keys.receipts("parrot"), {"r-1": 1})
    holder = await lent(receipts)

    assert not await receipts.tell(late, wait_ms=None, status="SUCCESS", counts={"SUCCESS": 1})
    assert await receipts.tell(holder, wait_ms=None, status="SUCCESS", counts={"SUCCESS": 1})
    assert not await receipts.tell(holder, wait_ms=None, status="SUCCESS", counts={"SUCCESS": 1})
    day = keys.told("parrot", NOW_MS // 86_400_000)
    assert await database.redis.hgetall(day) == {b"SUCCESS": b"1"}


async def test_everything_of_a_receipt_has_a_lifetime(database: Database, receipts: Receipts) -> None:
    await settled(database)
    await receipts.keep("parrot", "r-1", [ACT], 0)
    await receipts.tell(await lent(receipts), wait_ms=0, status="PROCESSING")
    await receipts.keep("parrot", "r-2", [ACT], 0)
    await receipts.tell(await lent(receipts), wait_ms=None, status="SUCCESS", counts={"SUCCESS": 1})

    found = [key async for key in database.redis.scan_iter("tw:{follow:*")]

    assert len(found) == 4
    assert all([await database.redis.pttl(key) > 0 for key in found])


async def test_an_asked_receipt_is_asked_again_later_and_never_after_its_last_word(receipts: Receipts) -> None:
    await receipts.keep("parrot", "r-1", [ACT], 0)
    await receipts.tell(await lent(receipts), wait_ms=0, status="PROCESSING")
    again = await lent(receipts)
    assert again.asked == 1

    await receipts.tell(again, wait_ms=None, status="SUCCESS", counts={"SUCCESS": 1})

    assert await receipts.look("parrot") is None


def test_what_one_script_touches_lies_in_one_slot() -> None:
    made = (keys.receipts("google"), keys.receipt("google", "r-1"), keys.told("google", 1))

    assert {key[key.index("{") : key.index("}")] for key in made} == {"{follow:google"}


async def test_a_receipt_that_ran_out_is_not_made_anew(database: Database, receipts: Receipts) -> None:
    await receipts.keep("parrot", "r-1", [ACT], 0)
    loan = await lent(receipts)
    await database.redis.delete(keys.receipt("parrot", "r-1"))

    assert await receipts.tell(loan, wait_ms=None, status="SUCCESS", counts={"SUCCESS": 1})
    assert not await database.redis.exists(keys.receipt("parrot", "r-1"))


async def test_a_delivery_tells_what_was_said_later_of_its_own_row(database: Database, receipts: Receipts) -> None:
    first, second = await settled(database), await settled(database, OTHER)
    await receipts.keep("parrot", "r-1", [ACT, OTHER], 0)
    marks = [text(await database.redis.hget(key, "r:parrot")) for key in (first, second)]
    await receipts.tell(
        await lent(receipts),
        wait_ms=None,
        status="PARTIAL_SUCCESS",
        counts={"SUCCESS": 1, "INVALID_GCLID": 1},
        rows={1: "INVALID_GCLID"},
    )
    rows: list[dict[str, Any]] = [{"destination": "parrot", "followed": mark} for mark in marks]

    await receipts.fill(rows)

    told = [row["followed"] for row in rows]
    assert [one["reason"] for one in told] == [None, "INVALID_GCLID"]
    assert {one["status"] for one in told} == {"PARTIAL_SUCCESS"}
    assert told[0]["counts"] == {"SUCCESS": 1, "INVALID_GCLID": 1}
    assert told[0]["at"] == NOW_MS / 1000


async def test_an_act_that_is_gone_is_not_invented(database: Database, receipts: Receipts) -> None:
    await receipts.keep("parrot", "r-1", [ACT], 0)

    assert not await database.redis.exists(keys.act(keys.shard_of(ACT, database.shards), ACT))


# --- sent again --------------------------------------------------------------------------------------


async def again(receipts: Receipts, loan: Receipt, **told: Any) -> str:
    event = await receipts.event(loan.legs[0])
    return await receipts.again(
        loan, 0, event or an_event(), **{"reason": "TOO_RECENT", "wait_ms": 60_000, "at_most": 2, **told}
    )


async def test_a_delivered_leg_goes_back_into_its_queue(database: Database, receipts: Receipts) -> None:
    act = await settled(database)
    await receipts.keep("parrot", "r-1", [ACT], 0)

    said = await again(receipts, await lent(receipts))

    shard = keys.shard_of(ACT, database.shards)
    queue = keys.queue(shard, "parrot").due
    assert said == "again"
    assert await database.redis.zscore(queue, ACT) is not None
    assert await database.redis.hget(act, "st") == b"out"
    fate = outcomes.read(text(await database.redis.hget(act, "d:parrot")).encode())
    assert fate is not None
    assert (fate.outcome, fate.reason, fate.attempts) == ("retrying", "TOO_RECENT", 1)
    # Work that waits has no lifetime.
    assert await database.redis.pttl(act) == await database.redis.pttl(keys.content(shard, ACT)) == -1


async def test_what_waits_already_is_not_sent_twice(database: Database, receipts: Receipts) -> None:
    await settled(database)
    await receipts.keep("parrot", "r-1", [ACT], 0)
    loan = await lent(receipts)

    assert [await again(receipts, loan), await again(receipts, loan)] == ["again", "waiting"]


async def test_the_newest_request_has_the_word(database: Database, receipts: Receipts) -> None:
    await settled(database)
    await receipts.keep("parrot", "r-1", [ACT], 0)
    loan = await lent(receipts)
    await receipts.keep("parrot", "r-2", [ACT], 0)

    assert await again(receipts, loan) == "newer"


async def test_a_restatement_is_not_taken_back(database: Database, receipts: Receipts) -> None:
    await settled(database, fields={"d:parrot:late": outcomes.write(DELIVERED)})
    await receipts.keep("parrot", "r-1", [ACT], 0)

    assert await again(receipts, await lent(receipts)) == "newer"


async def test_a_leg_is_sent_again_so_often_and_not_more(database: Database, receipts: Receipts) -> None:
    act = await settled(database)
    shard = keys.shard_of(ACT, database.shards)
    said = []
    for name in ("r-1", "r-2", "r-3"):
        await receipts.keep("parrot", name, [ACT], 0)
        said.append(await again(receipts, await lent(receipts)))
        await database.redis.zrem(keys.queue(shard, "parrot").due, ACT)
    await database.redis.hset(act, "st", "done")
    await database.redis.pexpire(act, 60_000)
    await database.redis.pexpire(keys.content(shard, ACT), 60_000)

    assert said == ["again", "again", "enough"]


async def test_an_act_without_a_record_is_left_alone(database: Database, receipts: Receipts) -> None:
    await receipts.keep("parrot", "r-1", [ACT], 0)

    assert await again(receipts, await lent(receipts)) == "gone"


async def test_content_that_was_let_go_is_told_by_its_copies(database: Database, receipts: Receipts) -> None:
    await settled(database)
    shard = keys.shard_of(ACT, database.shards)
    await database.redis.delete(keys.content(shard, ACT))
    await database.redis.hset(keys.copies(shard, ACT), "browser", vault.seal(an_event(event_id="from-copies")))
    await database.redis.pexpire(keys.copies(shard, ACT), 60_000)

    event = await receipts.event(ACT)

    assert event is not None
    assert event.event_id == "from-copies"
    await receipts.keep("parrot", "r-1", [ACT], 0)
    assert await again(receipts, await lent(receipts)) == "again"
    kept: Any = await database.redis.get(keys.content(shard, ACT))
    assert vault.unseal(kept) == event
