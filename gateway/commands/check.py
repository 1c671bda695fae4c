"""`tagway check` and `tagway schema`: the configuration before it is served."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Annotated

import orjson
import typer

from gateway.commands import manifest as manifests
from gateway.commands.configuration import ConfigPath, settings_of, tell
from gateway.commands.running import run
from gateway.commands.words import console, counted
from gateway.core.adapter import Advising, Probing
from gateway.core.site import Destination
from gateway.settings import Problem, Settings, warnings
from gateway.settings import schema as schema_of
from gateway.settings.problems import problem_at


def check(
    config: ConfigPath,
    online: Annotated[
        bool, typer.Option("--online", help="Ask the platforms whether the credentials are good; sends no event.")
    ] = False,
    manifest: Annotated[
        bool, typer.Option("--manifest", help="Show what each adapter calls, reads and uses: it gets nothing else.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The manifests as JSON, for programs.")] = False,
) -> None:
    """Say everything that is wrong with a configuration, and what is probably not meant."""
    found = settings_of(config, code=1)
    tell((*warnings(found), *_advice(found)), kind="warning: ")
    sites, destinations = counted(len(found.sites), "site"), counted(len(found.destinations), "destination")
    if as_json:
        typer.echo(orjson.dumps(manifests.as_json(config, found), option=orjson.OPT_INDENT_2))
    else:
        typer.echo(f"{config}: good; {sites}, {destinations}")
    if manifest and not as_json:
        manifests.show(console(), found)
    if online and not run(_ask_all(found)):
        raise typer.Exit(1)


def schema() -> None:
    """Print the JSON Schema of the configuration, for editors."""
    typer.echo(orjson.dumps(schema_of(), option=orjson.OPT_INDENT_2))


def _advice(settings: Settings) -> Iterator[Problem]:
    """Say what time alone makes wrong: a version that ends, a test that is over."""
    for place in settings.destinations.values():
        for option, what, hint in place.adapter.advice(_now_ms()) if isinstance(place.adapter, Advising) else ():
            yield problem_at(str(settings.path), settings.marks, ("destinations", place.name, option), what, hint)


async def _ask_all(settings: Settings) -> bool:
    """Ask every destination's platform at once and print what each says; returns whether nothing was wrong."""
    places = list(settings.destinations.values())
    answers = await asyncio.gather(*(_ask(place) for place in places))
    for place, wrong in zip(places, answers, strict=True):
        typer.echo(f"{place.name}: {_words(place, wrong)}")
    return not any(answers)


def _words(place: Destination, wrong: str | None) -> str:
    if not isinstance(place.adapter, Probing):
        why = getattr(place.adapter, "unasked", "")
        return f"no online check: {why}" if why else "no online check"
    # A platform may have no answer about credentials and say something less.
    proof = getattr(place.adapter, "probes", "the credentials")
    return f"bad: {wrong}" if wrong else f"good: {place.base_url} takes {proof}"


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
