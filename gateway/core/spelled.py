"""A payload's body that is bytes already, and a mapping for whoever looks into it.

A batch is joined of the pieces instead of being spelled again; few adapters ever read what they wrote.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson


class Spelled(Mapping[str, Any]):
    """JSON text of an object, read when it is asked for.

    The first member of `body`, of which the text was made, is at hand without reading: an adapter that needs a word of
    every body to pack them says that word first (reading 500 texts for it cost as much as saying them).
    """

    __slots__ = ("_first", "_read", "text")

    def __init__(self, text: bytes, body: Mapping[str, Any] | None = None) -> None:
        self.text = text
        self._first = next(iter(body.items()), None) if body else None
        self._read: dict[str, Any] | None = None

    def __getitem__(self, key: str) -> Any:
        first = self._first
        return first[1] if first is not None and first[0] == key else self._tree()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tree())

    def __len__(self) -> int:
        return len(self._tree())

    def _tree(self) -> dict[str, Any]:
        if self._read is None:
            self._read = orjson.loads(self.text)
        return self._read


def spell(value: Any) -> bytes:
    """Return JSON text, with bodies that are spelled already put in as they stand."""
    return orjson.dumps(value, default=_as_it_stands)


def _as_it_stands(value: Any) -> orjson.Fragment:
    if isinstance(value, Spelled):
        return orjson.Fragment(value.text)
    raise TypeError
