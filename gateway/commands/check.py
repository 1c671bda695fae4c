"""`tagway check` and `tagway schema`: the configuration before it is served."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated

import orjson
import typer

from gateway.commands.configuration import ConfigPath, settings_of, tell
from gateway.commands.running import run
from gateway.commands.words import counted
from gateway.core.adapter import Probing
from gateway.core.site import Destination
from gateway.settings import Settings, warnings
from gateway.settings import schema as schema_of


def check(
    config: ConfigPath,
    online: Annotated[
        bool, typer.Option("--online", help="Ask the platforms whether the credentials are good; sends no event.")
    ] = False,
) -> None:
    """Say everything that is wrong with a configuration, and what is probably not meant."""
    found = settings_of(config, code=1)
    tell(warnings(found), kind="warning: ")
    sites, destinations = counted(len(found.sites), "site"), counted(len(found.destinations), "destination")
    typer.echo(f"{config}: good; {sites}, {destinations}")
    if online and not run(_ask_all(found)):
        raise typer.Exit(1)


def schema() -> None:
    """Print the JSON Schema of the configuration, for editors."""
    typer.echo(orjson.dumps(schema_of(), option=orjson.OPT_INDENT_2))


async def _ask_all(settings: Settings) -> bool:
    """Ask every destination's platform at once and print what each says; returns whether nothing was wrong."""
    places = list(settings.destinations.values())
    answers = await asyncio.gather(*(_ask(place) for place in places))
    for place, wrong in zip(places, answers, strict=True):
        typer.echo(f"{place.name}: {_words(place, wrong)}")
    return not any(answers)


def _words(place: Destination, wrong: str | None) -> str:
    if not isinstance(place.adapter, Probing):
        return "no online check"
    return f"bad: {wrong}" if wrong else f"good: {place.base_url} takes the credentials"


async def _ask(place: Destination) -> str | None:
    """Return what is wrong with a destination's credentials, as far as it can be asked."""
    from gateway.delivery.sender import NoAnswer, NoToken, Sender

    if not isinstance(place.adapter, Probing):
        return None
    async with Sender(place, now_ms=_now_ms) as sender:
        answer = await sender.send(place.adapter.probe(_now_ms()))
    match answer:
        case NoToken(reason=reason, refused=True):
            return f"no access token for these credentials ({reason})"
        case NoToken(reason=reason):
            return f"the token endpoint could not be asked ({reason}); try again"
        case NoAnswer(reason=reason):
            return f"{place.base_url} could not be asked ({reason}); try again"
        case _:
            return place.adapter.probed(answer)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
