"""`tagway new-adapter`: a third-party adapter as a package of its own, which works and is tested from the start."""

from __future__ import annotations

import keyword
import re
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Annotated, Final

import typer

from gateway.commands.words import fail
from gateway.settings.adapters import installed

# What is written, below the new folder, and of which template.
_FILES: Final = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "tagway_${name}/__init__.py": "adapter.py",
    "tests/test_contract.py": "test_contract.py",
    "tests/cases/purchase.json": "cases/purchase.json",
    "tests/cases/nobody.json": "cases/nobody.json",
}
# Long enough for every platform, short enough for every line that the name stands in.
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{1,23}(?<!_)")


def new_adapter(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="As destinations will write it: small letters, digits, _.")
    ],
    into: Annotated[
        Path, typer.Option("--into", file_okay=False, help="The folder to put the package's folder into.")
    ] = Path(),
) -> None:
    """Write a new adapter, its cases and its test, as a package that the gateway finds once it is installed."""
    if not _NAME.fullmatch(name) or "__" in name or keyword.iskeyword(name):
        fail(
            f"{name!r} cannot be an adapter's name: write 2 to 24 small letters, digits and single _, a letter first", 2
        )
    if name in installed():
        fail(f"an adapter called {name} is installed already; take another name", 2)
    words = {
        "name": name,
        "dashed": name.replace("_", "-"),
        "host": name.replace("_", "-"),
        # Never the name of something that its file imports: a platform may be called Event.
        "Class": "".join(part.capitalize() for part in name.split("_")) + "Adapter",
        "CAPITALS": name.upper(),
    }
    home = into / f"tagway-{words['dashed']}"
    try:
        _write(home, words)
    except FileExistsError:
        fail(f"{home} is there already; nothing was written", 1)
    except OSError as err:
        fail(f"{home} cannot be written: {err.strerror}")
    typer.echo(f"{home}: written; next: pip install -e '{home}[dev]' && pytest {home}")


def _write(home: Path, words: dict[str, str]) -> None:
    home.parent.mkdir(parents=True, exist_ok=True)
    home.mkdir()
    for path, template in _FILES.items():
        target = home / Template(path).substitute(words)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_template(template).substitute(words), encoding="utf-8")
    (home / f"tagway_{words['name']}" / "py.typed").touch()


def _template(name: str) -> Template:
    return Template((files("gateway.commands") / "skeleton" / f"{name}.tmpl").read_text(encoding="utf-8"))
