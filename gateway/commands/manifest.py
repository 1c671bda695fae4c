"""What each destination's adapter declared: for people as a table, for programs as JSON. No secret, only its option."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console
from rich.table import Table

from gateway.core.site import Destination
from gateway.core.warrant import option, warrant
from gateway.settings import Settings


def declared(place: Destination) -> dict[str, Any]:
    """Tell a destination's manifest against its options.

    Shape:  `calls`: addresses that may be called, the operator's `endpoint` among them; `secrets`: option -> whether it
            is set.
    """
    manifest = place.adapter.manifest
    return {
        "adapter": type(place.adapter).__name__,
        "calls": list(dict.fromkeys(map(_origin, warrant(place.adapter, place.endpoint).bases))),
        "reads": list(manifest.reads),
        "secrets": {name: option(place.adapter, name) is not None for name in manifest.secrets},
        "matches": manifest.matches,
        "needs": sorted(place.purposes),
    }


def _origin(base: str) -> str:
    """An address of the user's own may have a path and a query that are nobody else's business."""
    split = urlsplit(base)
    return f"{split.scheme}://{split.netloc.rpartition('@')[2]}"


def as_json(path: Path, settings: Settings) -> dict[str, Any]:
    return {
        "file": str(path),
        "good": True,
        "sites": list(settings.sites),
        "destinations": {name: declared(place) for name, place in settings.destinations.items()},
    }


def show(screen: Console, settings: Settings) -> None:
    table = Table("destination", "calls", "reads", "secrets", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name, place in settings.destinations.items():
        told = declared(place)
        secrets = [key if is_set else f"{key} (not set)" for key, is_set in told["secrets"].items()]
        reads = ", ".join(sorted(place.adapter.manifest.fields))
        table.add_row(name, "\n".join(told["calls"]), reads or "no identifier", "\n".join(secrets) or "none")
    screen.print(table)
