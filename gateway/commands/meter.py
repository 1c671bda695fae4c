"""Progress for people: a bar where somebody watches, a line every few seconds where it goes to a log."""

from __future__ import annotations

import sys
import time
from typing import Final, Self

import typer
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from gateway.commands.words import console, counted

_EVERY_S: Final = 5.0


class Meter:
    """Tells on stderr how far it is. Use as a context manager."""

    def __init__(self) -> None:
        self._bar = _bar() if sys.stderr.isatty() else None
        self._task = TaskID(0)
        self._told_s = time.monotonic()

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
            self._task = self._bar.add_task("", total=None)
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def moved(self, rows: int, share: float | None) -> None:
        """Say how many rows are done; `share` of the whole (0 to 1) where that is known."""
        if self._bar is not None:
            total = None if share is None else 1.0
            self._bar.update(self._task, completed=share or 0, total=total, description=counted(rows, "row"))
        elif time.monotonic() - self._told_s >= _EVERY_S:
            self._told_s = time.monotonic()
            typer.echo(counted(rows, "row") + ("" if share is None else f", {share:.0%}"), err=True)

    def said(self, text: str) -> None:
        """Say why nothing moves."""
        if self._bar is not None:
            self._bar.console.print(text)
        else:
            typer.echo(text, err=True)


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %", markup=False),
        TimeRemainingColumn(),
        console=console(sys.stderr),
    )
