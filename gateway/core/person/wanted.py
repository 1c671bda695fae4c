"""Which digests a platform takes, under its own keys and in its own order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Wanted:
    """Picks digests for one platform. `wanted`: its key, our field, the spelling, in the platform's order."""

    __slots__ = ("_wanted",)

    def __init__(self, *wanted: tuple[str, str, str]) -> None:
        self._wanted = wanted

    def of(self, digests: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
        """Return what there is of it, for the caller to keep. `digests`: a person's, by field and spelling."""
        told = {}
        for key, field, spelling in self._wanted:
            if field in digests and (digest := digests[field].get(spelling)):
                told[key] = digest
        return told
