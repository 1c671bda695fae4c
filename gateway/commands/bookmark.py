"""How far a file was sent: written beside it after every acknowledged batch, gone when all of it was."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

_VERSION: Final = 1
_PLAIN: Final = ("site", "target", "rows", "digest", "refused_bytes")
_COUNTS: Final = ("counts", "reasons", "warnings")


class BookmarkError(Exception):
    """A bookmark cannot be used, or not be kept; the text says what to do."""


@dataclass(slots=True, kw_only=True)
class Bookmark:
    """`digest` is of the file as far as it was read for these rows; `counts` and `warnings` are for the summary.

    `refused_bytes`: how much of the list of refused rows belongs to them.
    """

    path: Path | None
    site: str
    target: str
    rows: int = 0
    digest: str = ""
    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    refused_bytes: int = 0

    def restore(self) -> None:
        """Take over what was written before, if anything; raises BookmarkError when it is of another errand."""
        if self.path is None or not self.path.exists():
            return
        again = f"run it with --restart to send from the beginning, or remove {self.path}"
        try:
            said = orjson.loads(self.path.read_bytes())
        except (OSError, orjson.JSONDecodeError):
            raise BookmarkError(f"{self.path} cannot be read; {again}") from None
        if not isinstance(said, dict) or said.get("version") != _VERSION:
            raise BookmarkError(f"{self.path} is no bookmark of this version; {again}")
        if (said["site"], said["target"]) != (self.site, self.target):
            raise BookmarkError(f"a part of this file was sent to site {said['site']} at {said['target']}; {again}")
        self.rows, self.digest, self.refused_bytes = said["rows"], said["digest"], said["refused_bytes"]
        for name in _COUNTS:
            setattr(self, name, Counter(said[name]))

    def write(self) -> None:
        """Keep it, whatever happens to the machine next; raises BookmarkError when the folder does not take it."""
        if self.path is None:
            return
        said: dict[str, Any] = {name: getattr(self, name) for name in (*_PLAIN, *_COUNTS)}
        fresh = self.path.with_name(f"{self.path.name}.new")
        try:
            with fresh.open("wb") as file:
                file.write(orjson.dumps({"version": _VERSION, **said}))
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self.path)
        except OSError as err:
            hint = "copy the file to a folder of your own, or pipe it: tagway send CONFIG - < FILE"
            raise BookmarkError(f"{self.path} cannot be written: {err.strerror}; {hint}") from err

    def remove(self) -> None:
        if self.path is not None:
            self.path.unlink(missing_ok=True)
