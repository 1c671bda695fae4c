"""Which acts have an id? An act's name is made of its site, its event's name and the id: every pair seen is tried."""

from __future__ import annotations

from typing import Any

from gateway.core.act import named_by_event, named_by_order
from gateway.core.event import ORDER_EVENTS
from gateway.store import keys
from gateway.store.database import PATIENT_S, Database, text


async def acts_named(database: Database, id_digest: str) -> tuple[list[tuple[str, int]], list[str]]:
    """Find the acts whose event id or transaction id this is.

    Shape: those that are there, each with the second it is of; and the other names it would have.
    """
    pairs: set[tuple[str, str]] = set()
    for shard in range(database.shards):
        for pair in await _answer(database, database.redis.zrange(keys.event_names(shard), 0, -1)):
            site, _, event = text(pair).partition("|")
            pairs.add((site, event))
    by_event = [named_by_event(site, event, id_digest) for site, event in pairs]
    orders = [(site, event) for site, event in pairs if event in ORDER_EVENTS]
    by_order = [named_by_order(site, event, id_digest) for site, event in orders]
    pipeline = database.pipeline()
    # Of a purchase the event id names an act that has another name.
    for site, event in orders:
        pipeline.get(keys.name(named_by_event(site, event, id_digest)))
    known = [text(act) for act in await _answer(database, pipeline.execute()) if act] if orders else []
    acts = list(dict.fromkeys([*by_event, *by_order, *known]))
    pipeline = database.pipeline()
    for act in acts:
        pipeline.hmget(keys.act(keys.shard_of(act, database.shards), act), ["st", "at"])
    told = list(zip(acts, await _answer(database, pipeline.execute()) if acts else [], strict=True))
    return [(act, int(at or 0)) for act, (status, at) in told if status], [act for act, (st, _) in told if not st]


async def _answer(database: Database, call: Any) -> Any:
    return await database.answer(call, within_s=PATIENT_S)
