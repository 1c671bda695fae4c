"""What a late copy adds to an act that has left: a second leg to the platforms that take restatements."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from gateway.core.event import Copy, Event, Wire
from gateway.core.merge import sealed
from gateway.core.outcome import Pending
from gateway.core.plan import Plan
from gateway.core.route import may_leave
from gateway.store import keys, outcomes, vault
from gateway.store.database import Database
from gateway.store.errors import Corrupt

_pack = msgspec.msgpack.Encoder().encode


async def restate(database: Database, plan: Plan, copy: Copy, act: str, *, hour: int, counted: str) -> bool:
    """Queue a late copy's restatement where the platform restates and the first leg was not skipped; says whether.

    A late status is no acknowledgement: a crash here loses the supplement, never an event.
    Errors: Unavailable.
    """
    site = plan.sites[copy.site]
    if not isinstance(copy, Event):
        return False
    restating = [place for place in plan.bound_for(site) if place.adapter.takes_late and place.enabled]
    if not restating:
        return False
    shard = keys.shard_of(act, database.shards)
    pipeline = database.pipeline()
    pipeline.hvals(keys.copies(shard, act))
    pipeline.get(keys.content(shard, act))
    pipeline.hmget(keys.act(shard, act), [f"d:{place.name}" for place in restating])
    stored, first, fates = await database.answer(pipeline.execute())
    try:
        known = [vault.unseal(body) for body in (*stored, *([first] if first else []))]
    except Corrupt:
        return False
    settled = sealed(_one_a_wire([*known, copy]), site.consent)
    if not known or not isinstance(settled, Event):
        return False
    going = [
        place.name
        for place, stored_fate in zip(restating, fates, strict=True)
        if not _was_skipped(stored_fate) and may_leave(settled, place)
    ]
    if not going:
        return False
    leg = keys.late_leg(act)
    owed = [outcomes.owed_counter(copy.site, counted, keys.delivery(name, leg)) for name in going]
    told = (act, going, hour, keys.COUNTERS_MS, owed)
    await database.script("restate", [keys.base(shard)], [_pack(told), vault.seal(settled)])
    return True


def _one_a_wire(copies: Sequence[Copy]) -> list[Copy]:
    """Keep one copy a wire: a sealed content may repeat what the copies say."""
    by_wire: dict[Wire, Copy] = {}
    for copy in copies:
        if len(copy.wires) == 1:
            by_wire.setdefault(copy.wires[0], copy)
    return list(by_wire.values())


def _was_skipped(stored: bytes | None) -> bool:
    fate = outcomes.read(stored)
    return fate is not None and not (fate.outcome == "delivered" or fate.outcome in set(Pending))
