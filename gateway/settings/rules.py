"""How the rules of a destination are read: event names with `*`, parameters, tables out of CSV files.

A table's path is taken from the folder of the configuration, and the file is read with it: a reload takes both or none.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from gateway.core.redact import has_email
from gateway.core.rules import target
from gateway.core.site import EVERY
from gateway.settings import values

# Half a million rows of an id and a number.
MAX_TABLE_BYTES: Final = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Table:
    """Read a path's CSV by a function of its text and its name."""

    read: Callable[[str, str], Any]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_after_validator_function(self._table, core_schema.str_schema(min_length=1))

    def _table(self, path: str, info: core_schema.ValidationInfo[Any]) -> Any:
        folder: Path = (info.context or {}).get("folder", Path())
        try:
            with (folder / path).open("rb") as file:
                raw = file.read(MAX_TABLE_BYTES + 1)
        except OSError as err:
            raise ValueError(f"the table {path} cannot be read: {err.strerror}") from None
        if len(raw) > MAX_TABLE_BYTES:
            raise ValueError(f"the table {path} is larger than {MAX_TABLE_BYTES >> 20} MiB")
        try:
            text = raw.decode()
        except UnicodeDecodeError as err:
            row = raw.count(b"\n", 0, err.start) + 1
            raise ValueError(f"{path}:{row}: not UTF-8 text") from None
        return self.read(text, path)


def event_or_every(text: str) -> str:
    """Read an event's name, or `*` for all that have no rule of their own."""
    return text if text == EVERY else values.event_name(text)


def static(told: Any) -> Any:
    """Check a static parameter: nobody's address belongs into every event."""
    if isinstance(told, float) and not math.isfinite(told):
        raise ValueError("a finite number is expected")
    if isinstance(told, str) and has_email(told):
        raise ValueError("holds an e-mail address, which no platform may be told")
    return told


def renames(events: dict[str, str | None]) -> dict[str, str | None]:
    """Check `events`: all the others can be denied together, and not be called the same."""
    if events.get(EVERY) is not None:
        raise ValueError("* stands for all other events: write null to deny them, or name each")
    return events


def moved(params: dict[str, str | None]) -> dict[str, str | None]:
    """Check `params`: what lies inside something can only be left out, and no two become one."""
    targets = [to for to in params.values() if to is not None]
    if len(set(targets)) < len(targets):
        raise ValueError("two parameters would get one name")
    for name, to in params.items():
        if to is not None:
            try:
                target(name)
            except ValueError:
                raise ValueError(f"{name} can only be left out: write null") from None
    return params
