"""Exactness when Redis' connections are killed in the middle of a shot: by either lane, a fifth of the ids repeated."""

from __future__ import annotations

from threading import Timer
from typing import Final

from benchmarks import contenders, machine
from benchmarks.cases import hits
from benchmarks.contenders import Contender, Setup
from benchmarks.contenders.store import Store, store
from benchmarks.exact import Inexact, account
from benchmarks.load import Load
from benchmarks.requests import Mix, beacon
from benchmarks.ring import Ring

# When, as shares of the shot: the second cut comes while the gateway may still be busy with the first.
_CUTS: Final = (0.3, 0.4, 0.7)
_REPLAYED_S: Final = 60
# So that hits come by Redis again between the last two cuts.
_LONGER_S: Final = 2


def run(ring: Ring) -> None:
    """Demand that every answered hit is stored, once, and nothing else is; raises Inexact."""
    with store(ring.server, ring.folder, "everysec", "killed") as own:
        for lane, is_front in (("front", True), ("ordinary", False)):
            with contenders.tagway(f"killed-{lane}", own, ring.folder, Setup(front_lane=is_front)) as gateway:
                ring.report.exact.append(_shoot(lane, gateway, own, ring.load, ring.pace.seconds + _LONGER_S))


def _shoot(lane: str, gateway: Contender, own: Store, load: Load, seconds: int) -> str:
    """Fire, cut the connections meanwhile, wait for what went to the spool, and count; returns what to tell of it."""
    own.empty()
    cut: list[int] = []
    timers = [Timer(share * seconds, lambda: cut.append(own.cut())) for share in _CUTS]
    for timer in timers:
        timer.start()
    roll = load.roll(Mix(templates=(beacon(),), repeat_every=5), gateway.port, seconds=seconds)
    for timer in timers:
        timer.join()
    if len(cut) != len(_CUTS) or not all(cut):
        raise Inexact(f"killed, {lane}: connections cut {cut}, so nothing was tried")
    if roll.errors:
        raise Inexact(f"killed, {lane}: {roll.errors} answers were errors")
    hits.come_to_rest(gateway)
    machine.wait_for(lambda: contenders.spooled(gateway)[0] == 0, _REPLAYED_S, "the spool's last copy")
    hits.come_to_rest(gateway)
    ids = [int(event_id.rpartition("-")[2]) for event_id in own.event_ids()]
    counted = own.counted()
    who = f"killed, {lane}"
    account(who, answered=roll.answered, asked=roll.asked, stored=ids, claimed=counted["accepted"])
    replayed = contenders.spooled(gateway)[1]
    return (
        f"{who}: {len(roll.answered):,} ids answered, {len(ids):,} stored, {counted['accepted']:,} claimed; "
        f"{sum(cut)} connections killed in {len(cut)} cuts, {replayed:,} copies came back from the spool"
    )
