"""`tagway tail`: what happens, while it happens."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final

import orjson
import typer
from rich.console import Console
from rich.text import Text

from gateway.commands.configuration import ConfigPath, settings_of
from gateway.commands.running import AwayError, admin, run
from gateway.commands.words import clock, console, fail, outcome, shown
from gateway.settings import Settings

# As many as the gateway tells somebody who comes late.
_MOST: Final = 200
_AGAIN_S: Final = (1.0, 2.0, 5.0, 10.0)


def tail(
    config: ConfigPath,
    history: Annotated[int, typer.Option(min=0, max=_MOST, help="Begin with so many that were.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, as the gateway tells it.")] = False,
) -> None:
    """Show events and what becomes of them, live, until Ctrl-C."""
    try:
        run(_follow(settings_of(config), history, as_json=as_json))
    except KeyboardInterrupt:
        raise typer.Exit from None


async def _follow(settings: Settings, history: int, *, as_json: bool) -> None:
    """Stay with the stream over breaks of the connection, and go on behind the last entry that was shown."""
    screen, tries, is_first = console(), 0, True
    where = {"history": str(history)}
    async with admin(settings) as gateway:
        while True:
            try:
                async for data in gateway.stream("/admin/api/live", **where):
                    tries, entry = 0, orjson.loads(data)
                    where = {"after": str(entry["id"])}
                    _show(screen, data if as_json else _line(entry))
            except AwayError as err:
                if is_first and not err.was_there:
                    fail(str(err))
                is_first = False
                wait_s = _AGAIN_S[min(tries, len(_AGAIN_S) - 1)]
                tries += 1
                typer.echo(f"{err}; trying again in {wait_s:.0f} s", err=True)
                await asyncio.sleep(wait_s)


def _show(screen: Console, line: bytes | Text) -> None:
    if isinstance(line, bytes):
        typer.echo(line)
    else:
        screen.print(line)


def _line(entry: dict[str, Any]) -> Text:
    at = entry.get("at_ms")
    line = Text()
    line.append(f"{clock(at / 1000, date=False) if isinstance(at, int) else '?':<13}", style="dim")
    if entry.get("kind") == "omitted":
        return line.append(f"{entry.get('count', '?')} more at once than can be shown", style="dim")
    line.append(f"{shown(entry.get('site', '-')):<10} ")
    line.append(f"{shown(entry.get('event', '-')):<18} {shown(entry.get('event_id') or '-'):<38} ")
    if entry.get("kind") == "delivery":
        line.append(f"-> {shown(entry.get('destination', '-')):<10} ")
        line.append(outcome(str(entry.get("outcome", ""))))
        reason, attempts = entry.get("reason"), entry.get("attempts", 0)
        line.append(f" ({shown(reason)})" if reason else "")
        return line.append(f", try {attempts}" if attempts and attempts != 1 else "", style="dim")
    line.append(f"<- {shown(entry.get('wire', '-')):<10} ")
    return line.append(outcome(str(entry.get("status", ""))))
