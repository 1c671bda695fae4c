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
}


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
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before many are replayed or any is dropped.")] = False,
) -> None:
    """List the dead letters, look at one, send them again, or drop them."""
    settings = settings_of(config)
    if destination is not None and destination not in settings.destinations:
        meant = nearest(destination, settings.destinations)
        fail(f"there is no destination {shown(destination)}" + (f"; did you mean {meant}?" if meant else ""))
    wanted = ids or []
    match action:
        case Action.LIST:
            run(_list(settings, destination, as_json=as_json))
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


async def _list(settings: Settings, destination: str | None, *, as_json: bool) -> None:
    async with admin(settings) as gateway:
        letters = await _letters(gateway, destination)
        counts = await _counts(gateway, destination)
    if as_json:
        typer.echo(orjson.dumps(letters, option=orjson.OPT_INDENT_2))
        return
    total = sum(counts.values())
    if not letters:
        typer.echo("no dead letters")
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
    if total > len(letters):
        typer.echo(f"the newest {len(letters)} of {total:,}; --destination narrows it")


async def _show(settings: Settings, ids: Sequence[str], destination: str | None, *, as_json: bool) -> None:
    async with admin(settings) as gateway:
        letters, strangers = _found(await _letters(gateway, destination), ids)
    for letter in letters:
        typer.echo(orjson.dumps(letter, option=orjson.OPT_INDENT_2) if as_json else _told(letter))
    if strangers:
        fail(f"not among the newest dead letters: {', '.join(map(shown, strangers))}", 1)


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
        answers = [await gateway.post(f"/admin/api/dead/{action.value}", body) for body in bodies]
    results = [row for answer in answers for row in (answer or {}).get("results", [])]
    counts = Counter(str(row.get("result")) for row in results)
    if as_json:
        typer.echo(orjson.dumps(results, option=orjson.OPT_INDENT_2))
    else:
        for result, often in counts.most_common():
            typer.echo(f"{counted(often, 'dead letter')}: {_WORDS.get(result, shown(result))}")
    if strangers:
        hint = "" if destination else "; name their --destination, if they are older than those"
        typer.echo(f"not among the newest dead letters: {', '.join(map(shown, strangers))}{hint}", err=True)
    return not strangers and counts.keys() <= {"revived", "dropped"}


async def _wishes(
    gateway: Admin, ids: Sequence[str], destination: str | None
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return what to ask of each destination, and the ids that nobody knows."""
    if not ids:
        return [
            {"destination": name, "all": True} for name, dead in (await _counts(gateway, destination)).items() if dead
        ], []
    letters, strangers = _found(await _letters(gateway, destination), ids)
    by_place: dict[str, list[str]] = {}
    for letter in letters:
        by_place.setdefault(letter["destination"], []).append(letter["id"])
    if destination is not None:
        # It may be older than what is listed: the gateway knows.
        by_place.setdefault(destination, []).extend(strangers)
        strangers = []
    return [{"destination": name, "ids": found} for name, found in by_place.items() if found], strangers


def _ask(action: Action, bodies: list[dict[str, Any]], counts: dict[str, int]) -> None:
    many = sum(len(body["ids"]) if "ids" in body else counts.get(body["destination"], 0) for body in bodies)
    what = f"{action.value} {counted(many, 'dead letter')} of {', '.join(body['destination'] for body in bodies)}"
    if not sys.stdin.isatty():
        fail(f"{what}? Say --yes: nobody is there to be asked")
    if not typer.confirm(f"{what}?"):
        fail("nothing was done", 1)


async def _letters(gateway: Admin, destination: str | None) -> list[dict[str, Any]]:
    letters: list[dict[str, Any]] = await gateway.get("/admin/api/dead", destination=destination) or []
    return letters


async def _counts(gateway: Admin, destination: str | None) -> dict[str, int]:
    rows = await gateway.get("/admin/api/destinations") or []
    return {row["destination"]: row["dead"] for row in rows if destination in (None, row["destination"])}


def _found(letters: list[dict[str, Any]], ids: Sequence[str]) -> tuple[list[dict[str, Any]], list[str]]:
    """Pick letters by their own id or by their event's; return also the ids that match none."""
    found = [letter for letter in letters if letter["id"] in ids or letter.get("event_id") in ids]
    known = {letter["id"] for letter in found} | {letter.get("event_id") for letter in found}
    return found, [one for one in dict.fromkeys(ids) if one not in known]


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
