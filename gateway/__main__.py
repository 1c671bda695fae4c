"""The command `tagway`: names the commands. What each does stands in `commands/`."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from gateway.commands.audit import audit
from gateway.commands.check import check, schema
from gateway.commands.dead import dead
from gateway.commands.explain import explain
from gateway.commands.new_adapter import new_adapter
from gateway.commands.quality import quality
from gateway.commands.sandbox import sandbox
from gateway.commands.send import send
from gateway.commands.serve import serve
from gateway.commands.tail import tail

# Without the library's pretty tracebacks: they show local variables, and one of those may be a token.
app = typer.Typer(name="tagway", no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
for command in (serve, check, quality, schema, sandbox, send, tail, explain, dead, audit):
    app.command()(command)
app.command("new-adapter")(new_adapter)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tagway {version('tagway')}")
        raise typer.Exit


@app.callback()
def _top(
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Server-side tagging gateway: loses nothing, sends each act once, and can prove what it did."""


def main() -> None:
    app()


if __name__ == "__main__":
    main()
