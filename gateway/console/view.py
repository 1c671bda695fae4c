"""The Live page's view: which entries it shows. All of it stands in the address, so that a view can be passed on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import urlencode

# Longer than any id we take; whatever a longer one looks for cannot be found.
_LONGEST = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Filters by the names of the query; an empty one lets everything through.

    `wire` speaks of hits and `destination` of deliveries: choosing one leaves the other kind out. `id` is any part of
    an event id. `paused` is not a filter: new entries wait until the reader wants them.
    """

    site: str = ""
    event: str = ""
    destination: str = ""
    outcome: str = ""
    wire: str = ""
    id: str = ""
    paused: str = ""

    @classmethod
    def read(cls, query: Mapping[str, str]) -> View:
        told = {field.name: query.get(field.name, "").strip()[:_LONGEST] for field in fields(cls)}
        return cls(**{**told, "paused": "1" if told["paused"] else ""})

    @property
    def is_narrow(self) -> bool:
        return any(getattr(self, field.name) for field in fields(self) if field.name != "paused")

    @property
    def query(self) -> str:
        """The filters as they stand in the address, without the empty ones."""
        return urlencode({field.name: value for field in fields(self) if (value := getattr(self, field.name))})

    def wants(self, entry: Mapping[str, Any]) -> bool:
        """Say whether an entry of the live stream is shown."""
        if entry.get("kind") == "omitted":
            return not self.is_narrow
        fate = entry.get("status") or entry.get("outcome") or ""
        return (
            self.site in ("", entry.get("site"))
            and self.event in ("", entry.get("event"))
            and self.wire in ("", entry.get("wire"))
            and self.destination in ("", str(entry.get("destination", "")).partition(":")[0])
            and self.outcome in ("", fate, fate.partition(":")[0])
            and self.id.lower() in str(entry.get("event_id", "")).lower()
        )
