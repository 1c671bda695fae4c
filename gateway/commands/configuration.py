"""The configuration file as a command reads it: Settings, or every mistake on stderr."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from gateway import settings
from gateway.commands.words import counted, fail
from gateway.settings import ConfigError, Problem, Settings

ConfigPath: TypeAlias = Annotated[
    Path,
    typer.Argument(metavar="CONFIG", exists=True, dir_okay=False, readable=True, help="The YAML file."),
]
"""An argument that is a file and can be read: all else is wrong use (2) before a command begins."""


def settings_of(path: Path, *, code: int = 2) -> Settings:
    """Read the file; print what is wrong with it and end with `code` when it cannot be used."""
    try:
        return settings.load(path, env=os.environ)
    except ConfigError as err:
        tell(err.problems)
        fail(f"{counted(len(err.problems), 'problem')} in {path}", code)


def tell(problems: Iterable[Problem], *, kind: str = "") -> None:
    """Print problems on stderr, one a line, so that editors find the place."""
    for problem in problems:
        what = f"{problem.key}: {problem.message}" if problem.key else problem.message
        hint = f"; {problem.suggestion}" if problem.suggestion else ""
        typer.echo(f"{problem.file}:{problem.line}:{problem.column}: {kind}{what}{hint}", err=True)
