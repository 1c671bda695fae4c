"""Was everything kept, once? A figure is worth nothing where the answer is no."""

from __future__ import annotations

from collections.abc import Set


class Inexact(AssertionError):
    """What was kept is not what was sent: no figure of such a run is worth anything."""


def distinct(requests: int, *, kinds: int, repeat_every: int) -> int:
    """Return how many ids the first `requests` of a shot speak of, as `load/fire.lua` numbers them."""
    repeats = requests // repeat_every if repeat_every and kinds == 1 else 0
    return -(-requests // kinds) - repeats


def balance(who: str, *, stored: int, claimed: int, expected: int, slack: int) -> None:
    """Demand stored = distinct = claimed; raises Inexact.

    `slack`: requests in flight when the load stopped. Which of them were read, and whose repeat, only they know.
    """
    if stored != claimed:
        raise Inexact(f"{who}: {stored} stored, {claimed} claimed")
    if abs(stored - expected) > slack:
        raise Inexact(f"{who}: {stored} stored, {expected} distinct ids sent (give or take {slack})")


def account(who: str, *, answered: Set[int], asked: Set[int], stored: list[int], claimed: int) -> None:
    """Demand that each answered id is stored, no other than asked ones is, and each once; raises Inexact."""
    kept = set(stored)
    if len(kept) != len(stored):
        raise Inexact(f"{who}: {len(stored) - len(kept)} ids stored twice")
    if lost := answered - kept:
        raise Inexact(f"{who}: {len(lost)} of {len(answered)} answered ids are not stored")
    if strange := kept - asked:
        raise Inexact(f"{who}: {len(strange)} ids stored that nobody sent")
    if claimed != len(kept):
        raise Inexact(f"{who}: {len(kept)} stored, {claimed} claimed")
