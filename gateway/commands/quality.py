"""`tagway quality`: how well the platforms can use what they were sent, in their own figures."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
import orjson
import typer

from gateway.commands.configuration import ConfigPath, settings_of
from gateway.commands.running import run
from gateway.core.rating import Rated, Rating
from gateway.core.site import Destination
from gateway.settings import Settings


def quality(
    config: ConfigPath,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of lines.")] = False,
) -> None:
    """Ask the platforms that tell it how well their events match, and what would improve it. Sends no event."""
    found = settings_of(config)
    told = run(_ask_all(found))
    if as_json:
        typer.echo(orjson.dumps(msgspec.to_builtins(told), option=orjson.OPT_INDENT_2))
    else:
        for name, ratings in told.items():
            for line in _lines(ratings):
                typer.echo(f"{name}: {line}")
    if not told:
        typer.echo("no destination's platform tells the quality of its events", err=True)
    if any(isinstance(ratings, str) for ratings in told.values()):
        raise typer.Exit(1)


async def _ask_all(settings: Settings) -> dict[str, tuple[Rating, ...] | str]:
    """Ask every platform that can be asked at once."""
    places = [place for place in settings.destinations.values() if isinstance(place.adapter, Rated)]
    answers = await asyncio.gather(*(_ask(place) for place in places))
    return {place.name: answer for place, answer in zip(places, answers, strict=True)}


async def _ask(place: Destination) -> tuple[Rating, ...] | str:
    from gateway.delivery.sender import NoAnswer, NoToken, Sender

    assert isinstance(place.adapter, Rated)
    async with Sender(place, now_ms=lambda: time.time_ns() // 1_000_000) as sender:
        answer = await sender.send(place.adapter.ask_quality())
    if isinstance(answer, NoAnswer | NoToken):
        return f"could not be asked ({answer.reason}); try again"
    return place.adapter.quality(answer)


def _lines(ratings: tuple[Rating, ...] | str) -> Iterator[str]:
    if isinstance(ratings, str):
        yield ratings
    elif not ratings:
        yield "nothing to say yet: the platform has too few events"
    else:
        for rating in ratings:
            yield from _of_event(rating)


def _of_event(rating: Rating) -> Iterator[str]:
    """Say one event: first what counts, then what carries it, then what the platform would change."""
    score = "no score yet" if rating.score is None else f"{rating.score:g} of 10"
    goal = "" if rating.goal is None else f" (goal {rating.goal:g} %)"
    covered = "" if rating.coverage is None else f", covers {rating.coverage:g} % of the browser's{goal}"
    yield f"{rating.event}: {score}{covered}" + (f", {rating.freshness}" if rating.freshness else "")
    if rating.keys:
        shares = sorted(rating.keys.items(), key=lambda told: -told[1])
        yield f"{rating.event}: carries " + ", ".join(f"{name} {share:g} %" for name, share in shares)
    for name, shared in rating.dedup.items():
        sides: dict[str, Any] = {"browser": shared.browser, "server": shared.server, "paired": shared.paired}
        said = ", ".join(f"{side} {share:g} %" for side, share in sides.items() if share is not None)
        yield f"{rating.event}: told apart by {name}: {said}"
    for advice in rating.advice:
        yield f"{rating.event}: advice: {advice}"
