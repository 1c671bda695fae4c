"""`tagway explain`: one event's whole story."""

from __future__ import annotations

from typing import Annotated, Any, Final
from urllib.parse import quote

import orjson
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway.commands.configuration import ConfigPath, settings_of
from gateway.commands.running import admin, run
from gateway.commands.words import clock, console, counted, fail, outcome, shown
from gateway.console.later import later
from gateway.settings import Settings

# Told at the top of the story, or in a part of its own.
_TOLD: Final = frozenset({"event", "event_id", "site", "wires", "wire", "received_at", "consent", "consent_by", "veto"})
_SIGNALS: Final = {
    "event": "the event said so",
    "gpc": "Global Privacy Control",
    "default": "the site's default for the region",
    "server_silent": "consent.server_silent of the site",
    "veto": "denied by a copy that came later",
}
_WIDEST: Final = 60
_LONGEST: Final = 400


def explain(
    config: ConfigPath,
    event_id: Annotated[str, typer.Argument(metavar="EVENT_ID", help="As it was sent, or as the gateway answered.")],
    site: Annotated[str | None, typer.Option(help="Of this site only.")] = None,
    event: Annotated[str | None, typer.Option(help="Of this event name only.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As the admin API tells it.")] = False,
) -> None:
    """Tell everything that happened to one event."""
    settings = settings_of(config)
    if not event_id:
        fail("EVENT_ID is empty; write the event's id, as it was sent or as the gateway answered")
    story = run(_ask(settings, event_id, site, event))
    if story is None:
        keep_d = settings.store.keep.outcomes_d
        fail(f"no event {shown(event_id)} is known here; outcomes are kept for {keep_d:g} days", 1)
    if as_json:
        typer.echo(orjson.dumps(story, option=orjson.OPT_INDENT_2))
    else:
        _tell(console(), story)


async def _ask(settings: Settings, event_id: str, site: str | None, event: str | None) -> Any:
    async with admin(settings) as gateway:
        return await gateway.get(f"/admin/api/explain/{quote(event_id, safe='')}", site=site, event=event)


def _tell(screen: Console, story: dict[str, Any]) -> None:
    screen.print(
        f"{shown(story['event'])} {shown(story['event_id'])} of site {shown(story['site'])}: {story['status']}"
    )
    copies = [copy for copy in story.get("copies", []) if isinstance(copy, dict)]
    for copy in copies:
        veto = "; denied everywhere, so only this is kept of it" if copy.get("veto") else ""
        screen.print(f"  received from the {shown(copy.get('wire'))}: {clock(copy.get('received_at'))}{veto}")
    if story.get("duplicates"):
        screen.print(f"  and {counted(story['duplicates'], 'duplicate')}, not counted again")
    _tell_copies(screen, copies, story.get("merged") or {})
    _tell_consent(screen, story.get("consent") or {})
    _tell_deliveries(screen, story.get("deliveries") or [])
    for other in story.get("others") or []:
        what = f"{shown(other.get('event'))} of site {shown(other.get('site'))}, {clock(other.get('at'))}"
        screen.print(f"the same id is known of: {what}  (--site, --event)")


def _tell_copies(screen: Console, copies: list[dict[str, Any]], merged: dict[str, Any]) -> None:
    """Lay the copies and what was made of them side by side."""
    columns = {shown(copy.get("wire")): _flat(copy) for copy in copies}
    if len(columns) > 1:
        columns["merged"] = _flat(merged)
    keys = list(dict.fromkeys(key for said in columns.values() for key in said))
    if not keys:
        return
    table = Table("", *columns, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for key in keys:
        table.add_row(key, *(_cut(said.get(key, ""), _WIDEST) for said in columns.values()))
    screen.print()
    screen.print(table)


def _tell_consent(screen: Console, consent: dict[str, Any]) -> None:
    by = consent.get("by") or {}
    table = Table("consent", "", "because", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for purpose, answer in consent.items():
        if purpose != "by":
            signal = by.get(purpose)
            why = "nothing spoke of it" if signal is None else _SIGNALS.get(signal, shown(signal))
            table.add_row(shown(purpose), shown(answer), why)
    screen.print()
    screen.print(table)


def _tell_deliveries(screen: Console, deliveries: list[dict[str, Any]]) -> None:
    screen.print()
    if not deliveries:
        screen.print("deliveries: none; the site names no destination")
    for one in deliveries:
        late = " (restated by a late copy)" if one.get("late") else ""
        line = Text().append(outcome(str(one.get("outcome", "?"))))
        reason, attempts = one.get("reason"), one.get("attempts") or 0
        line.append(f" ({shown(reason)})" if reason else "")
        tries = f", {attempts} {'try' if attempts == 1 else 'tries'}" if attempts else ""
        screen.print(f"{shown(one.get('destination'))}{late}:", line.append(f"{tries}, {clock(one.get('at'))}", "dim"))
        if one.get("match_quality") is not None:
            screen.print(f"    match quality: about {one['match_quality']} of 10, estimated")
        if one.get("valued"):
            screen.print(f"    value by rule: {shown(one['valued'])}")
        if one.get("followed"):
            screen.print(f"    {shown(later(one['followed']))}")
        for key, title in (("request", "sent"), ("response", "answer")):
            if one.get(key) is not None:
                screen.print(f"    {title}: {_cut(orjson.dumps(one[key]).decode(), _LONGEST)}")


def _flat(said: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Return what a copy says by dotted keys, without what is told elsewhere."""
    flat: dict[str, str] = {}
    for key, value in said.items():
        if value is None or (not prefix and key in _TOLD):
            continue
        name = f"{prefix}{shown(key)}"
        if isinstance(value, dict):
            flat |= _flat(value, f"{name}.")
        elif key == "timestamp" and not prefix:
            flat[name] = clock(value)
        else:
            flat[name] = shown(value if isinstance(value, str) else orjson.dumps(value).decode())
    return flat


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
