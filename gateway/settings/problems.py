"""What is wrong with a configuration, said so that the reader can repair it without asking anybody."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

Place: TypeAlias = tuple[str | int, ...]
"""Where a value stands in the file: keys and list positions, outermost first."""

Misfit: TypeAlias = tuple[Place, str, str | None]
"""Where, what, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Where a value is written, counted from 1. `literal`: its text stands in the file itself."""

    line: int
    column: int
    literal: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing to repair. Neither `message` nor `suggestion` ever repeats a value of the file."""

    file: str
    line: int
    column: int
    key: str
    message: str
    suggestion: str | None = None

    def __str__(self) -> str:
        what = f"{self.key}: {self.message}" if self.key else self.message
        hint = f"; {self.suggestion}" if self.suggestion else ""
        return f"{self.file}:{self.line}:{self.column}  {what}{hint}"


class ConfigError(Exception):
    """The configuration cannot be used; `problems` says why, in the order of its lines, never empty."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.line, problem.column, problem.key)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


def problem_at(
    file: str, marks: Mapping[Place, Mark], place: Place, message: str, suggestion: str | None = None
) -> Problem:
    """Say something about a place; one that is not written is shown where its parent is."""
    written = place
    while written and written not in marks:
        written = written[:-1]
    mark = marks.get(written) or Mark(line=1, column=1)
    return Problem(
        file=file,
        line=mark.line,
        column=mark.column,
        key=spelled(place),
        message=message,
        suggestion=suggestion,
    )


def spelled(place: Place) -> str:
    """Write a place as people do: `sites.shop.hosts[0]`."""
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that was probably meant, or None when none is close."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[close[0]] if close else None
