"""`tagway check` and `tagway schema`: the configuration before it is served."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Annotated, Final

import orjson
import typer

from gateway.commands import manifest as manifests
from gateway.commands.configuration import ConfigPath, settings_of, tell
from gateway.commands.running import run
from gateway.commands.words import console, counted
from gateway.core.adapter import RETRIED_STATUSES, Advising, OAuth, Probing, Response
from gateway.core.site import Destination
from gateway.core.warrant import option
from gateway.settings import Problem, Settings, warnings
from gateway.settings import schema as schema_of
from gateway.settings.problems import problem_at

# By the codes of `delivery/tokens.py`.
_KEY_FAULTS: Final = {
    "key_file_missing": "there is no such key file",
    "key_file_unreadable": "the key file cannot be read",
    "key_file_too_large": "the key file is too large to be one",
    "key_file_not_json": "the key file is not JSON",
    "key_file_of_another_kind": "the key file is not that of a service account",
    "key_file_incomplete": "the key file has no client_email or no private_key",
    "key_unreadable": "the private key in the key file cannot be read",
    "key_not_rsa": "the private key in the key file is no RSA key",
}


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
    tell((*warnings(found), *_advice(found), *_about_key_files(found)), kind="warning: ")
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
        for key, what, hint in place.adapter.advice(_now_ms()) if isinstance(place.adapter, Advising) else ():
            yield problem_at(str(settings.path), settings.marks, ("destinations", place.name, key), what, hint)


def _about_key_files(settings: Settings) -> Iterator[Problem]:
    """Read key files as the delivery will. No error: one that is not on this machine may be where the gateway runs."""
    for place in settings.destinations.values():
        auth = place.adapter.auth
        if not place.enabled or not isinstance(auth, OAuth) or auth.file is None:
            continue
        from gateway.delivery.tokens import key_fault

        fault = key_fault(auth.file)
        if fault is not None:
            # The manifest names the option that names the file.
            named = (name for name in place.adapter.manifest.secrets if option(place.adapter, name) == auth.file)
            key = ("destinations", place.name, *next(named, "").split("."))
            what = _KEY_FAULTS.get(fault, f"the key file cannot be used ({fault})")
            yield problem_at(str(settings.path), settings.marks, key, what, "without it no event can leave")


async def _ask_all(settings: Settings) -> bool:
    """Ask every destination's platform at once and print what each says; returns whether nothing was left open."""
    places = list(settings.destinations.values())
    answers = await asyncio.gather(*(_ask(place) for place in places))
    for place, (_, words) in zip(places, answers, strict=True):
        typer.echo(f"{place.name}: {words}")
    return all(is_done for is_done, _ in answers)


async def _ask(place: Destination) -> tuple[bool, str]:
    """Return whether nothing is left to do about a destination's credentials, and what to say of them.

    Where nobody answers nothing is known: neither good nor bad is said of them.
    """
    from gateway.delivery.sender import NoAnswer, NoToken, Sender

    if not isinstance(place.adapter, Probing):
        why = getattr(place.adapter, "unasked", "")
        return True, f"no online check: {why}" if why else "no online check"
    async with Sender(place, now_ms=_now_ms) as sender:
        answer = await sender.send(place.adapter.probe(_now_ms()))
    match answer:
        case NoToken(reason=reason, refused=True):
            return False, f"bad: no access token for these credentials ({reason})"
        case NoToken(reason=reason):
            return False, f"not checked: the token endpoint could not be asked ({reason}); try again"
        case NoAnswer(reason=reason):
            return False, f"not checked: {place.base_url} could not be asked ({reason}); try again"
        case Response(status=status):
            wrong = place.adapter.probed(answer)
            if wrong is None:
                # A platform may have no answer about credentials and say something less.
                return True, f"good: {place.base_url} takes {getattr(place.adapter, 'probes', 'the credentials')}"
            is_away = status >= 500 or status in RETRIED_STATUSES
            return False, f"{'not checked' if is_away else 'bad'}: {wrong}"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
