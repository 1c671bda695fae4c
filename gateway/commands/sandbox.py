"""`tagway sandbox`: the platforms' stand-ins alone."""

from __future__ import annotations

import asyncio
import signal
from typing import Annotated

import typer

from gateway.commands.running import run
from gateway.commands.words import fail
from gateway.settings.values import host_port


def sandbox(
    listen: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where to listen.")] = "127.0.0.1:8082",
) -> None:
    """Emulate Meta, Google, TikTok and Snapchat on this machine until Ctrl-C."""
    try:
        host, port = host_port(listen)
    except ValueError as err:
        fail(f"--listen: {err}")
    try:
        run(_serve(host, port))
    except OSError as err:
        fail(f"{listen} cannot be listened on: {err.strerror or type(err).__name__}")


async def _serve(host: str, port: int) -> None:
    from gateway.sandbox.admin import INDEX
    from gateway.sandbox.app import NAMES, running

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with running(host, port) as served:
        typer.echo(f"The sandbox answers on {served.url}, and forgets everything when it ends (Ctrl-C).\n")
        for name in NAMES:
            typer.echo(f"  endpoint: {served.endpoint(name)}")
            for path in INDEX["platforms"][name]:  # type: ignore[index]
                typer.echo(f"    {path}")
        typer.echo("  what it saw, and what shall go wrong:")
        for path in INDEX["sandbox"]:  # type: ignore[attr-defined]
            typer.echo(f"    {path}")
        await stop.wait()
