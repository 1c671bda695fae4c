"""`tagway dead`: deliveries that were given up, and what to do with them."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any, Final, assert_never

import orjson
import typer
from rich.table import Table

from gateway.commands.configuration import ConfigPath, settings_of
from gateway.commands.running import Admin, admin, run
from gateway.commands.words import clock, console, counted, fail, outcome, shown
from gateway.settings import Settings
from gateway.settings.problems import nearest

_WORDS: Final = {
    "revived": "will be sent again",
    "dropped": "dropped",
    "gone": "not there any more",
    "lost": "cannot be sent again, its content is no longer kept",
    "unconfigured": "cannot be sent again before its destination is back in the configuration",
}
# What `GET /admin/api/dead` gives at once, if nothing else is asked for, and at most.
_PAGE: Final = 200
_MOST: Final = 1_000


class Action(StrEnum):
    """`list` and `show` read; `replay` sends again; `drop` gives up for good."""

    LIST = "list"
    SHOW = "show"
    REPLAY = "replay"
    DROP = "drop"


def dead(
    config: ConfigPath,
    action: Annotated[Action, typer.Argument(help="What to do.")],
    ids: Annotated[list[str] | None, typer.Argument(metavar="[IDS]...", help="As listed, or event ids.")] = None,
    destination: Annotated[str | None, typer.Option(help="Of this destination only.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All of them (of the destination).")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As the admin API tells it.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=_MOST, help="List so many.")] = _PAGE,
    before: Annotated[str | None, typer.Option(help="List those before this place, as the last list named it.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before many are replayed or any is dropped.")] = False,
) -> None:
    """List the dead letters, look at one, send them again, or drop them."""
    settings = settings_of(config)
    if destination is not None and destination not in settings.destinations:
        run(_know(settings, destination))
    wanted = [one for one in ids or [] if one]
    match action:
        case Action.LIST:
            run(_list(settings, destination, limit, before, as_json=as_json))
        case Action.SHOW:
            if not wanted:
                fail("say which: tagway dead CONFIG show ID (tagway dead CONFIG list knows them)")
            run(_show(settings, wanted, destination, as_json=as_json))
        case Action.REPLAY | Action.DROP:
            if every == bool(wanted):
                fail(f"say which: tagway dead CONFIG {action.value} ID..., or --all")
            is_good = run(_settle(settings, action, wanted, destination, as_json=as_json, yes=yes))
            raise typer.Exit(0 if is_good else 1)
        case _:
            assert_never(action)


async def _know(settings: Settings, destination: str) -> None:
    """End the command unless the gateway knows a destination: one that left the configuration may have letters."""
    async with admin(settings) as gateway:
        if destination in await _counts(gateway, destination):
            return
    meant = nearest(destination, settings.destinations)
    fail(f"there is no destination {shown(destination)}" + (f"; did you mean {meant}?" if meant else ""))


async def _list(settings: Settings, destination: str | None, limit: int, before: str | None, *, as_json: bool) -> None:
    async with admin(settings) as gateway:
        told = {"destination": destination, "limit": str(limit), "before": before}
        letters: list[dict[str, Any]] = await gateway.get("/admin/api/dead", **told) or []
        last = "/".join(shown(letters[-1][key]) for key in ("at", "destination", "id")) if letters else None
        older = letters and await gateway.get("/admin/api/dead", **{**told, "limit": "1", "before": last})
        total = sum((await _counts(gateway, destination)).values())
    if as_json:
        typer.echo(orjson.dumps(letters, option=orjson.OPT_INDENT_2))
        return
    if not letters:
        typer.echo(f"no dead letters before {shown(before)}" if before else "no dead letters")
        return
    table = Table(
        "id", "destination", "event", "event id", "outcome", "reason", "tries", "died", box=None, pad_edge=False
    )
    for one in letters:
        texts = [shown(one.get(key) or "-") for key in ("id", "destination", "event", "event_id")]
        table.add_row(
            *texts,
            outcome(str(one.get("outcome"))),
            shown(one.get("reason") or "-"),
            shown(one.get("attempts", "-")),
            clock(one.get("at")),
        )
    console().print(table)
    if older:
        typer.echo(f"{len(letters):,} of {total:,}; the next ones: --before {last}")


async def _show(settings: Settings, ids: Sequence[str], destination: str | None, *, as_json: bool) -> None:
    async with admin(settings) as gateway:
        letters, strangers = await _found(gateway, ids, destination)
    for letter in letters:
        typer.echo(orjson.dumps(letter, option=orjson.OPT_INDENT_2) if as_json else _told(letter))
    if strangers:
        fail(_unknown(strangers, destination), 1)


async def _settle(
    settings: Settings, action: Action, ids: Sequence[str], destination: str | None, *, as_json: bool, yes: bool
) -> bool:
    """Replay or drop; returns whether everything that was asked for was done."""
    async with admin(settings) as gateway:
        bodies, strangers = await _wishes(gateway, ids, destination)
        if not bodies and not strangers:
            typer.echo("no dead letters")
            return True
        if bodies and not yes and (action is Action.DROP or not ids):
            _ask(action, bodies, await _counts(gateway, destination))
        results = [row for body in bodies for row in await _done(gateway, action, body)]
    counts = Counter(str(row.get("result")) for row in results)
    if as_json:
        typer.echo(orjson.dumps(results, option=orjson.OPT_INDENT_2))
    else:
        for result, often in counts.most_common():
            typer.echo(f"{counted(often, 'dead letter')}: {_WORDS.get(result, shown(result))}")
    if strangers:
        typer.echo(_unknown(strangers, destination), err=True)
    return not strangers and counts.keys() <= {"revived", "dropped"}


async def _wishes(
    gateway: Admin, ids: Sequence[str], destination: str | None
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return what to ask of each destination, and the ids that nobody knows."""
    if not ids:
        return [
            {"destination": name, "all": True} for name, dead in (await _counts(gateway, destination)).items() if dead
        ], []
    letters, strangers = await _found(gateway, ids, destination)
    by_place: dict[str, list[str]] = {}
    for letter in letters:
        by_place.setdefault(letter["destination"], []).append(letter["id"])
    return [{"destination": name, "ids": found} for name, found in by_place.items()], strangers


async def _done(gateway: Admin, action: Action, body: dict[str, Any]) -> list[dict[str, Any]]:
    """Ask for it as often as it takes: of all letters so many are done at once, from the newest on."""
    results: list[dict[str, Any]] = []
    while True:
        answer = await gateway.post(f"/admin/api/dead/{action.value}", body) or {}
        results += answer.get("results", [])
        if "next" not in answer:
            return results
        body = {**body, "before": answer["next"]}


def _ask(action: Action, bodies: list[dict[str, Any]], counts: dict[str, int]) -> None:
    many = sum(len(body["ids"]) if "ids" in body else counts.get(body["destination"], 0) for body in bodies)
    what = f"{action.value} {counted(many, 'dead letter')} of {', '.join(body['destination'] for body in bodies)}"
    if not sys.stdin.isatty():
        fail(f"{what}? Say --yes: nobody is there to be asked")
    if not typer.confirm(f"{what}?"):
        fail("nothing was done", 1)


async def _counts(gateway: Admin, destination: str | None) -> dict[str, int]:
    rows = await gateway.get("/admin/api/destinations") or []
    return {row["destination"]: row["dead"] for row in rows if destination in (None, row["destination"])}


async def _found(gateway: Admin, ids: Sequence[str], destination: str | None) -> tuple[list[dict[str, Any]], list[str]]:
    """Find letters by their own id or by their event's; return also the ids that match none."""
    letters: dict[tuple[str, str], dict[str, Any]] = {}
    strangers = []
    for one in dict.fromkeys(ids):
        found = await gateway.get("/admin/api/dead", event_id=one, destination=destination)
        letters |= {(letter["destination"], letter["id"]): letter for letter in found or []}
        if not found:
            strangers.append(one)
    return list(letters.values()), strangers


def _unknown(strangers: Sequence[str], destination: str | None) -> str:
    return f"no dead letter{f' of {destination}' if destination else ''}: {', '.join(map(shown, strangers))}"


def _told(letter: dict[str, Any]) -> str:
    lines = [f"{key}: {shown(letter.get(key))}" for key in ("id", "destination", "site", "event", "event_id")]
    lines.append(f"outcome: {shown(letter.get('outcome'))} ({shown(letter.get('reason') or 'no reason given')})")
    lines.append(f"tries: {shown(letter.get('attempts'))}, the last {clock(letter.get('at'))}")
    for key, title in (("request", "sent"), ("response", "answer")):
        body = letter.get(key)
        lines.append(
            f"{title}: {'no longer kept' if body is None else orjson.dumps(body, option=orjson.OPT_INDENT_2).decode()}"
        )
    return "\n".join(lines) + "\n"
