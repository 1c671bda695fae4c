"""Two JSON values side by side: whether one is in the other, and where they differ."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def within(told: Any, kept: Any) -> bool:
    """Say whether everything that was told was kept; more may be there."""
    if isinstance(told, dict):
        return isinstance(kept, dict) and all(key in kept and within(told[key], kept[key]) for key in told)
    if isinstance(told, list):
        return len(told) == len(kept) and all(map(within, told, kept))
    return bool(told == kept)


def apart(said: Any, wanted: Any, path: str) -> Iterator[str]:
    """Tell where two JSON values differ, leaf by leaf."""
    if isinstance(said, dict) and isinstance(wanted, dict):
        for key in sorted(said.keys() | wanted.keys()):
            yield from apart(said.get(key), wanted.get(key), f"{path}.{key}")
    elif isinstance(said, list) and isinstance(wanted, list) and len(said) == len(wanted):
        for place, (one, other) in enumerate(zip(said, wanted, strict=True)):
            yield from apart(one, other, f"{path}[{place}]")
    elif said != wanted:
        yield f"{path}: says {said!r}, not {wanted!r}"
