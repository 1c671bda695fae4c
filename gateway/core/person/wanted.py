"""Which digests a platform takes, under its own keys and in its own order.

Who somebody is differs from event to event; which fields of a person a shop tells is the same for nearly all of its
events, so what there is to pick is worked out once a combination of fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

_Picks: TypeAlias = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]

# Combinations of fields of which the picks are remembered; a table that is full begins anew.
_KINDS: Final = 1_024
_get: Final[Any] = dict.get


class Wanted:
    """Picks digests for one platform. `wanted`: its key, our field, the spelling, in the platform's order."""

    __slots__ = ("_picks", "_wanted")

    def __init__(self, *wanted: tuple[str, str, str]) -> None:
        self._wanted = wanted
        self._picks: dict[tuple[str, ...], _Picks] = {}

    def of(self, digests: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
        """Return what there is of it, for the caller to keep. `digests`: a person's, by field and spelling."""
        fields = tuple(digests)
        keys, present, spellings = self._picks.get(fields) or self._learn(fields)
        found = map(_get, map(digests.__getitem__, present), spellings)
        told = dict(zip(keys, found, strict=True))
        return told if all(told.values()) else {key: digest for key, digest in told.items() if digest}

    def _learn(self, fields: tuple[str, ...]) -> _Picks:
        if len(self._picks) >= _KINDS:
            self._picks.clear()
        there = [one for one in self._wanted if one[1] in fields]
        keys, present, spellings = (tuple(one[part] for one in there) for part in range(3))
        self._picks[fields] = keys, present, spellings
        return keys, present, spellings
