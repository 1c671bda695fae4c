"""How commands speak: to whom, in which width, and never with a character that would move the cursor."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

# What is piped is read by programs and by people with wide windows: a table is not to be cut at 80 columns.
_PIPED_COLUMNS = 200


def fail(message: str, code: int = 2) -> NoReturn:
    """Say on stderr why it is over, and end with this code."""
    typer.echo(message, err=True)
    raise typer.Exit(code)


def console(file: TextIO | None = None) -> Console:
    """Return a console that prints text as it stands: no markup, no guessed colours, no emoji."""
    from rich.console import Console  # `serve` speaks without it, and runs for months

    target = sys.stdout if file is None else file
    width = None if target.isatty() else _PIPED_COLUMNS
    return Console(file=target, highlight=False, markup=False, emoji=False, soft_wrap=True, width=width)


def shown(value: object) -> str:
    """Return a value as one line of visible characters: a hit's author must not paint on somebody's terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in str(value))


def counted(number: int, noun: str) -> str:
    """Return `1 row`, `12,500 rows`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def outcome(word: str) -> Text:
    """Return a status or an outcome in its colour."""
    from rich.text import Text

    return Text(shown(word), style=_style(word))


def clock(at_s: Any, *, date: bool = True) -> str:
    """Return a moment (seconds since 1970) as UTC, or `?` when there is none."""
    if isinstance(at_s, bool) or not isinstance(at_s, int | float) or not 0 <= at_s < 1e11:
        return "?"
    text = datetime.fromtimestamp(at_s, UTC).isoformat(sep=" ", timespec="milliseconds").removesuffix("+00:00")
    return f"{text} UTC" if date else text.partition(" ")[2]


def _style(word: str) -> str:
    match word.partition(":")[0]:
        case "delivered" | "accepted":
            return "green"
        case "merged":
            return "cyan"
        case "waiting" | "held" | "retrying" | "late":
            return "yellow"
        case "refused" | "dead":
            return "red"
        case _:
            return "dim"
