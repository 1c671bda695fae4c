"""The verdict over a run: what was acknowledged arrived, nothing else did, and nobody was sent what he may not have.

The invariants by their numbers in docs/reliability.md: conservation (I1), no invention (I2), effectively once (I3),
consent (I4), liveness (I5), isolation (I6, a run of its own) and no fault of the server's (I7). Pure: it reads the
ledger and what the gateway explains, and touches nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from faults.acts import NEEDS, Act, Kind, Wire, known
from faults.ledger import Arrived, Ledger, Told, Window

# A leg that a worker had read when the denial came may still leave; it has its consent asked anew at its next lease.
_ON_ITS_WAY_S: Final = 2.0
# What takes the store away from the gateways, so that copies lie in a spool.
OUTAGES: Final = frozenset(
    {
        "redis_kill",
        "redis_hang",
        "line_holds",
        "line_swallows_answers",
        "line_cut",
        "line_refuses",
        "memory_full",
        "line_slow",
    }
)


@dataclass(slots=True, kw_only=True)
class Findings:
    """What is wrong, by invariant, and what was seen besides. Empty lists are a good run."""

    lost: list[str] = field(default_factory=list)
    invented: list[str] = field(default_factory=list)
    corrupt: list[str] = field(default_factory=list)
    leaks: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    bad_answers: list[str] = field(default_factory=list)
    # Not sent, and there with a reason: outcome -> how many.
    accounted: Counter[str] = field(default_factory=Counter)
    late_denials: list[str] = field(default_factory=list)
    wanted: int = 0
    repeats: int = 0

    def breaches(self) -> dict[str, list[str]]:
        named = ("lost", "invented", "corrupt", "leaks", "changed", "bad_answers")
        return {name: found for name in named if (found := getattr(self, name))}


def wanted(act: Act, told: Sequence[Told], destination: str) -> bool:
    """Say whether an act must reach a destination: somebody was told so, and nobody who may be there denies it.

    A copy that nobody answered for may be there or not: its denial frees us, its grant binds us to nothing.
    """
    needed = NEEDS[destination]
    there = {one.wire for one in told if one.may_be_there}
    sure = {one.wire for one in told if one.is_acknowledged}
    if any((copy := act.copy(wire)) is not None and copy.denies(needed) for wire in there):
        return False
    return any((copy := act.copy(wire)) is not None and copy.allows(needed) for wire in sure)


def missing(ledger: Ledger) -> list[tuple[str, str]]:
    """Name what must have arrived and has neither been applied nor refused by its platform: (act, destination)."""
    found = []
    for act_id, told in ledger.told.items():
        act = known(act_id)
        assert act is not None, "the oracle sent what it did not mint"
        for destination in NEEDS:
            if wanted(act, told, destination):
                arrived = ledger.arrived.get((act_id, destination), ())
                if not any(one.applied or one.refused for one in arrived):
                    found.append((act_id, destination))
    return found


def outages(windows: Iterable[Window], drained_s: Sequence[float]) -> list[tuple[float, float]]:
    """Return when copies may have lain in a spool: from each outage until it was seen empty afterwards."""
    spans = []
    for window in windows:
        if window.what in OUTAGES or window.where in ("a", "b"):
            later = [at_s for at_s in drained_s if at_s > window.ended_s]
            spans.append((window.begun_s, min(later) if later else float("inf")))
    return spans


def judge(
    ledger: Ledger, explained: Mapping[tuple[str, str], str], *, drained_s: Sequence[float], strict: bool
) -> Findings:
    """Hold everything against everything. `explained`: what the gateway says of what is `missing`.

    `strict`: one act, one content, always. Not with a journal whose Redis forgot: then an act may be merged anew.
    """
    found = Findings(bad_answers=list(ledger.bad_answers), invented=list(ledger.invented))
    away = outages(ledger.windows, drained_s)
    for act_id, told in ledger.told.items():
        act = known(act_id)
        assert act is not None
        found.wanted += sum(wanted(act, told, destination) for destination in NEEDS)
    for act_id, destination in missing(ledger):
        outcome = explained.get((act_id, destination), "unknown")
        act = known(act_id)
        assert act is not None
        if _is_reason(outcome, act, ledger.told[act_id], away):
            found.accounted[outcome] += 1
        else:
            found.lost.append(f"{act_id} to {destination}: {outcome}")
    for (act_id, destination), arrived in ledger.arrived.items():
        act = known(act_id)
        assert act is not None
        _judge_arrived(found, act, destination, arrived, ledger.told.get(act_id, []), away, strict=strict)
    return found


def _is_reason(outcome: str, act: Act, told: Sequence[Told], away: Collection[tuple[float, float]]) -> bool:
    """Say whether an outcome accounts for an act that its platform never took.

    A dead letter has its reason. A skip for consent counts only where the granting copy came in an outage, when
    everything is answered `accepted`: it may have come too late for its twin.
    """
    if outcome.startswith("dead:"):
        return True
    if outcome == "skipped:consent" and act.kind is Kind.SILENT:
        granted = [one for one in told if one.wire is Wire.BROWSER and one.is_acknowledged]
        return any(_within(one.ended_s, away) for one in granted)
    return False


def _judge_arrived(
    found: Findings,
    act: Act,
    destination: str,
    arrived: Sequence[Arrived],
    told: Sequence[Told],
    away: Collection[tuple[float, float]],
    *,
    strict: bool,
) -> None:
    name = f"{act.id} to {destination}"
    sent = [one for one in arrived if one.digest]
    found.repeats += len(sent) - 1 if sent else 0
    if not told:
        found.invented.append(name)
        return
    first_s = min(one.begun_s for one in told)
    if any(one.at_s < first_s for one in sent):
        found.invented.append(f"{name}: before anybody told us")
    found.corrupt += sorted({f"{name}: {one.flaw}" for one in sent if one.flaw})
    if strict and len({one.digest for one in sent}) > 1:
        found.changed.append(name)
    for one in sent:
        leak = _leak(act, destination, one.at_s, told)
        if leak is None:
            continue
        if leak is not _ALWAYS and _within(leak, away):
            found.late_denials.append(name)
        else:
            found.leaks.append(f"{name} at {one.at_s:.3f}")
        return


_ALWAYS: Final = 0.0


def _leak(act: Act, destination: str, at_s: float, told: Sequence[Told]) -> float | None:
    """Return when the denial that was broken had been acknowledged, `_ALWAYS` where nobody ever granted; else None."""
    needed = NEEDS[destination]
    spoken = {one.wire for one in told if one.begun_s < at_s}
    if not any((copy := act.copy(wire)) is not None and copy.allows(needed) for wire in spoken):
        return _ALWAYS
    denied = [
        one.ended_s
        for one in told
        if (one.is_acknowledged or one.status == "late")
        and (copy := act.copy(one.wire)) is not None
        and copy.denies(needed)
        and one.ended_s + _ON_ITS_WAY_S < at_s
    ]
    return min(denied) if denied else None


def _within(at_s: float, spans: Iterable[tuple[float, float]]) -> bool:
    # A copy is answered up to its deadline after the outage began, and may be told before we noticed that it had.
    return any(begun - 1.5 <= at_s <= ended + 1.5 for begun, ended in spans)
