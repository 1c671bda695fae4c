"""What a late copy means for an act that has left: a second leg to the platforms that take restatements, or an end."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from gateway.core.consent import stricter
from gateway.core.event import Copy, Event, Purpose, Veto, Wire
from gateway.core.merge import sealed
from gateway.core.outcome import Pending
from gateway.core.plan import Plan
from gateway.core.remains import remains, veto
from gateway.core.route import may_leave
from gateway.store import keys, outcomes, vault
from gateway.store.database import Database
from gateway.store.errors import Corrupt

_pack = msgspec.msgpack.Encoder().encode


async def restate(database: Database, plan: Plan, copy: Copy, act: str, *, hour: int, counted: str) -> bool:
    """Queue a late copy's restatement where the platform restates and the first leg was not skipped; says whether.

    What the copy denies is taken from what has not left; denied everywhere together, only vetoes stay of both.
    A late status is no acknowledgement: a crash here loses the supplement, never an event; a denial was noted before.
    Errors: Unavailable.
    """
    site = plan.sites[copy.site]
    restating = [place for place in plan.bound_for(site) if place.adapter.takes_late and place.enabled]
    if not restating and copy.consent.allows(frozenset(Purpose)):
        return False
    shard = keys.shard_of(act, database.shards)
    pipeline = database.pipeline()
    pipeline.hvals(keys.copies(shard, act))
    pipeline.get(keys.content(shard, act))
    pipeline.hmget(keys.act(shard, act), [f"d:{place.name}" for place in restating] or ["st"])
    stored, first, fates = await database.answer(pipeline.execute())
    try:
        known = [vault.unseal(body) for body in (*stored, *([first] if first else []))]
    except Corrupt:
        return False
    # The door settled the copy as if nobody had come before it: its own words stand first.
    copies = _one_a_wire([copy, *known])
    if len(copies) < 2:
        return False
    settled = sealed(copies, site.consent)
    if isinstance(settled, Veto):
        await _amend(database, shard, act, [veto(each) for each in copies], settled, [act, keys.late_leg(act)])
        return False
    left = _left(known[-1], copy) if first else None
    if left is not None or copy not in known:
        await _amend(database, shard, act, [copy], left or settled, [act] if left else [])
    going = [
        place.name
        for place, stored_fate in zip(restating, fates, strict=False)
        if not _was_skipped(stored_fate) and may_leave(settled, place)
    ]
    if not going:
        return False
    leg = keys.late_leg(act)
    owed = [outcomes.owed_counter(copy.site, counted, keys.delivery(name, leg)) for name in going]
    told = (act, going, hour, keys.COUNTERS_MS, owed)
    await database.script("restate", [keys.base(shard)], [_pack(told), vault.seal(settled)])
    return True


def _left(content: Copy, late: Copy) -> Copy | None:
    """Return what is left of a content after what a late copy denied; None where it denied nothing new."""
    consent = stricter(content.consent, late.consent)
    if not isinstance(content, Event) or all(consent.of(purpose) is content.consent.of(purpose) for purpose in Purpose):
        return None
    return remains(msgspec.structs.replace(content, consent=consent))


async def _amend(
    database: Database, shard: int, act: str, copies: Sequence[Copy], content: Copy, legs: Sequence[str]
) -> None:
    """Write these over the stored copies of their wires, and the content over that of the legs."""
    told = _pack((act, [copy.wires[0].value for copy in copies], legs))
    await database.script("amend", [keys.base(shard)], [told, vault.seal(content), *map(vault.seal, copies)])


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
