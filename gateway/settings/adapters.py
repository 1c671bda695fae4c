"""Which adapters are installed: the entry-point group `tagway.adapters`, ours and strangers' by the same door."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final, TypeAlias

from gateway.core.adapter import Adapter
from gateway.core.manifest import Manifest

GROUP: Final = "tagway.adapters"

Loader: TypeAlias = Callable[[], Any]
Adapters: TypeAlias = Mapping[str, Loader]
"""The adapters by their names in YAML; a class is fetched when a destination asks for it, not before."""

# What the Protocol demands. A property may stand for a class variable (a webhook's endpoint is an option).
_PARTS: Final = tuple(sorted({*Adapter.__annotations__, *(part for part in vars(Adapter) if not part.startswith("_"))}))


class BrokenAdapterError(Exception):
    """An installed adapter cannot be used; the text says why, for whoever installed it."""


@cache
def installed() -> Adapters:
    found: dict[str, EntryPoint] = {}
    doubles: dict[str, Loader] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, entry.value)):
        first = found.setdefault(entry.name, entry)
        if first.value != entry.value:
            doubles[entry.name] = _double(entry.name, first, entry)
    return {**{name: entry.load for name, entry in found.items()}, **doubles}


def _double(name: str, first: EntryPoint, second: EntryPoint) -> Loader:
    def refuse() -> Any:
        raise BrokenAdapterError(f"two installed packages call an adapter {name}: {_owner(first)} and {_owner(second)}")

    return refuse


def _owner(entry: EntryPoint) -> str:
    return f"{entry.dist.name} ({entry.value})" if entry.dist else entry.value


def fetch(name: str, adapters: Adapters) -> type:
    """Return the adapter's class; raises BrokenAdapterError when it cannot be imported or is none."""
    try:
        cls = adapters[name]()
    except BrokenAdapterError:
        raise
    except Exception as err:
        raise BrokenAdapterError(f"the adapter {name} cannot be imported: {type(err).__name__}: {err}") from err
    if not isinstance(cls, type) or not is_dataclass(cls):
        raise BrokenAdapterError(f"the adapter {name} is no dataclass, so it has no options to read")
    if lacking := [part for part in _PARTS if not hasattr(cls, part)]:
        raise BrokenAdapterError(f"the adapter {name} lacks {', '.join(lacking)}")
    manifest: Any = getattr(cls, "manifest", None)
    if not isinstance(manifest, Manifest):
        raise BrokenAdapterError(f"the adapter {name} declares nothing: its manifest must be a Manifest, on the class")
    return cls
