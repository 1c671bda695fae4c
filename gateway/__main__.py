"""The command `tagway`: names the commands. What each does stands in `commands/`."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_command

# In the order in which they are shown; each is a function of the module of its name.
COMMANDS: Final = (
    *("serve", "check", "quality", "schema", "sandbox", "send", "tail", "explain", "dead", "audit"),
    "new-adapter",
)
_ELSEWHERE: Final = {"schema": "check"}


class _OnDemand(TyperGroup):
    """Imports a command when it is called or described: `serve` runs for months and needs nothing of the others."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:  # what it resembles is suggested from these
            self.commands = {name: self.get_command(ctx, name) for name in COMMANDS}
            return None
        name = cmd_name.replace("-", "_")
        alone = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
        alone.command(cmd_name)(getattr(import_module(f"gateway.commands.{_ELSEWHERE.get(name, name)}"), name))
        return get_command(alone)


# Without the library's pretty tracebacks: they show local variables, and one of those may be a token.
app = typer.Typer(
    name="tagway", cls=_OnDemand, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False
)


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
