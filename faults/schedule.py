"""Which fault comes when: a pure function of the seed, in lanes that run side by side.

One lane for Redis, one for the gateways, one for each platform. A lane does one thing at a time and rests in between,
so that every fault is met in trouble and in peace, and alone as well as together with others.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from faults.platforms import ADS, BOOK, SOCIAL, Mood


class Fault(StrEnum):
    KILL = "redis_kill"
    HANG = "redis_hang"
    HOLD = "line_holds"
    ONE_WAY = "line_swallows_answers"
    CUT = "line_cut"
    REFUSE = "line_refuses"
    SLOW = "line_slow"
    FLUSH = "script_flush"
    FULL = "memory_full"
    GATEWAY_KILL = "gateway_kill"
    GATEWAY_TERM = "gateway_term"
    GATEWAY_PAUSE = "gateway_pause"
    RELOAD = "reload"
    RELOAD_BAD = "reload_bad"
    TORN = "spool_torn"
    DISK_FULL = "disk_full"
    MOOD = "platform"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One fault: begins `at_s` after the start and lasts. `what`: a platform's mood, or empty."""

    at_s: float
    lasts_s: float
    fault: Fault
    where: str
    what: str = ""


# Fault -> how long it may last, in seconds; drawn evenly between.
_STORE: Final = {
    Fault.KILL: (0.1, 5.0),
    Fault.HANG: (0.3, 5.0),
    Fault.HOLD: (0.5, 5.0),
    Fault.ONE_WAY: (0.2, 2.0),
    Fault.CUT: (0.0, 0.0),
    Fault.REFUSE: (0.5, 4.0),
    Fault.SLOW: (1.0, 4.0),
    Fault.FLUSH: (0.5, 2.0),
    Fault.FULL: (1.0, 4.0),
}
_GATEWAY: Final = {
    Fault.GATEWAY_KILL: (0.2, 3.0),
    Fault.GATEWAY_TERM: (0.2, 2.0),
    Fault.RELOAD: (0.0, 0.0),
    Fault.RELOAD_BAD: (0.0, 0.0),
    Fault.TORN: (0.2, 1.0),
    Fault.DISK_FULL: (1.0, 5.0),
}
_MOODS: Final = {
    Mood.ERROR: (0.5, 4.0),
    Mood.BUSY: (0.5, 3.0),
    Mood.THROTTLED: (0.5, 3.0),
    Mood.RESET: (0.3, 2.0),
    Mood.LOST: (0.5, 3.0),
    Mood.LATE: (0.5, 1.5),
    Mood.HANGS: (0.5, 1.5),
    Mood.LIES: (0.5, 2.0),
    Mood.PART: (0.3, 1.0),
    Mood.TOKEN: (0.3, 2.0),
}
# Longer than a lease: whoever wakes up finds its work lent to another.
_PAUSE_S: Final = 15.0


def plan(seed: int, seconds: float) -> list[Step]:
    """Return the faults of a seed, in order of time; the same for the same seed and length."""
    dice = random.Random(f"faults/{seed}")
    steps = [*_lane(dice, _STORE, ("redis",), seconds), *_lane(dice, _GATEWAY, ("a", "b"), seconds)]
    for name in (BOOK, SOCIAL, ADS):
        lane = _lane(dice, {Fault.MOOD: (0.0, 0.0)}, (name,), seconds, moods=True)
        steps += lane
    if seconds > _PAUSE_S * 1.5:
        at_s = dice.uniform(1.0, seconds - _PAUSE_S - 2)
        steps = [
            step for step in steps if step.where not in ("a", "b") or not at_s - 4 < step.at_s < at_s + _PAUSE_S + 1
        ]
        steps.append(Step(at_s=at_s, lasts_s=_PAUSE_S, fault=Fault.GATEWAY_PAUSE, where=dice.choice(("a", "b"))))
    return sorted(steps, key=lambda step: step.at_s)


def _lane(
    dice: random.Random, faults: dict[Fault, tuple[float, float]], places: tuple[str, ...], seconds: float, *,
    moods: bool = False,
) -> list[Step]:  # fmt: skip
    steps = []
    at_s = dice.uniform(0.5, 2.0)
    deck: list[tuple[str, tuple[float, float]]] = []
    while at_s < seconds:
        # A shuffled deck and not dice each time: a short run, too, meets different faults.
        if not deck:
            deck = list(_MOODS.items()) if moods else list(faults.items())
            dice.shuffle(deck)
        name, (least_s, most_s) = deck.pop()
        lasts_s = min(dice.uniform(least_s, most_s), max(0.1, seconds - at_s))
        fault = Fault.MOOD if moods else Fault(name)
        what = name if moods else ""
        steps.append(Step(at_s=at_s, lasts_s=lasts_s, fault=fault, where=dice.choice(places), what=what))
        at_s += lasts_s + dice.uniform(0.5, 3.0)
    return steps
