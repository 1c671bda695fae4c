"""`tagway audit`: do the books balance? For people, and for a cron job that reads the exit code."""

from __future__ import annotations

import os
import re
import sys
import time
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer
from rich.table import Table
from rich.text import Text
from yarl import URL

from gateway.commands.configuration import settings_of
from gateway.commands.running import Admin, admin, admin_at, run
from gateway.commands.words import clock, console, fail, shown
from gateway.core.adapter import Secret

_PATH: Final = "/admin/api/audit"
_PASSWORD: Final = "TAGWAY_ADMIN_PASSWORD"
_SPAN: Final = re.compile(r"(\d{1,6})(m|h|d)")
_SECONDS: Final = {"m": 60, "h": 3_600, "d": 86_400}


def audit(
    config: Annotated[
        Path | None,
        typer.Argument(metavar="[CONFIG]", exists=True, dir_okay=False, readable=True, help="The YAML file."),
    ] = None,
    url: Annotated[
        str | None, typer.Option(help=f"The admin listener, instead of CONFIG; {_PASSWORD} is used.")
    ] = None,
    since: Annotated[str, typer.Option(help="How far back: 90m, 24h, 7d, or a moment.")] = "24h",
    as_json: Annotated[bool, typer.Option("--json", help="As the admin API tells it.")] = False,
    write_off: Annotated[bool, typer.Option("--write-off", help="Take what lies there as right from now on.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before --write-off.")] = False,
) -> None:
    """Say whether everything that was accepted has an outcome or is still here: 0 balanced, 1 not, 2 could not ask."""
    if (config is None) == (url is None):
        fail("say whom to ask: tagway audit CONFIG, or --url with the admin listener's address")
    gateway = _at(url) if url is not None else admin(settings_of(config or Path()))
    books = run(_ask(gateway, _moment(since), writes_off=write_off and _is_meant(yes=yes)))
    if as_json:
        typer.echo(orjson.dumps(books, option=orjson.OPT_INDENT_2))
    else:
        _tell(books)
    raise typer.Exit(0 if books["balanced"] else 1)


async def _ask(connection: AbstractAsyncContextManager[Admin], since: str, *, writes_off: bool) -> dict[str, Any]:
    async with connection as gateway:
        if writes_off:
            await gateway.post(f"{_PATH}/write-off", {})
        books: dict[str, Any] | None = await gateway.get(_PATH, since=since)
    if books is None:
        fail("this gateway keeps no books; it is older than this command")
    return books


def _at(url: str) -> AbstractAsyncContextManager[Admin]:
    try:
        given = URL(url)
    except ValueError:
        fail("--url: write an address, as in http://127.0.0.1:8081")
    if given.scheme not in ("http", "https") or not given.host or given.user or given.query_string:
        fail("--url: write an address, as in http://127.0.0.1:8081")
    password = os.environ.get(_PASSWORD)
    if password and given.scheme == "http" and given.host not in ("127.0.0.1", "::1", "localhost"):
        typer.echo("warning: --url is http: the password travels unencrypted", err=True)
    return admin_at(given, Secret(password) if password else None)


def _moment(since: str) -> str:
    """Return a span as the moment it began at, in Unix seconds; a moment as it is: the gateway reads it."""
    span = _SPAN.fullmatch(since)
    return str(int(time.time()) - int(span[1]) * _SECONDS[span[2]]) if span else since


def _is_meant(*, yes: bool) -> bool:
    if not yes and not sys.stdin.isatty():
        fail("write off what does not balance? Say --yes: nobody is there to be asked")
    if not yes and not typer.confirm("write off what does not balance?"):
        fail("nothing was done", 1)
    return True


def _tell(books: dict[str, Any]) -> None:
    screen, door = console(), books["door"]
    screen.print(f"since {clock(books['since'])}, by whole hours")
    refused = sum(door["refused"].values())
    screen.print(
        f"copies {door['copies']:,} = accepted {door['accepted']:,} + merged {door['merged']:,} "
        f"+ duplicate {door['duplicate']:,} + late {door['late']:,}; refused {refused:,}"
    )
    screen.print(
        Text(f"acts: {door['before']:,} held before + accepted {door['accepted']:,} = sealed {door['sealed']:,} ")
        + Text(f"+ held now {door['held']:,}: ")
        + _verdict(door)
    )
    columns = ("waiting before", "owed", "delivered", "skipped", "dead", "waiting now", "")
    table = Table("destination", *columns, box=None, pad_edge=False)
    for row in books["destinations"]:
        table.add_row(
            shown(row["destination"]), _n(row["before"]), _n(row["owed"]), _n(row["delivered"]),
            _reasons(row["skipped"]), _reasons(row["dead"]), _n(row["waiting"]), _verdict(row),
        )  # fmt: skip
    screen.print(table)
    for name, row in (("held acts", door), *((shown(row["destination"]), row) for row in books["destinations"])):
        for hour in row["hours"]:
            if hour["unbalanced"]:
                screen.print(f"{name}: off by {hour['unbalanced']:,} in the hour from {clock(hour['at'])}")
    screen.print("balanced" if books["balanced"] else Text("NOT BALANCED", style="red"))


def _verdict(row: dict[str, Any]) -> Text:
    if row["balanced"]:
        return Text("ok", style="green")
    told = [f"{row[word]:,} {word}" for word in ("missing", "surplus") if row[word]]
    return Text(", ".join(told), style="red")


def _reasons(counts: dict[str, int]) -> str:
    told = ", ".join(f"{shown(reason)} {often:,}" for reason, often in counts.items())
    return f"{_n(sum(counts.values()))} ({told})" if told else "0"


def _n(number: int) -> str:
    return f"{number:,}"
