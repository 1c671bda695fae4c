"""Opening a listener: on which sockets, and by which key of the configuration to tell of one that cannot be opened."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from aiohttp import web

from gateway.settings import Address

# Connections that the kernel keeps while we are busy.
UNANSWERED: Final = 1_024


async def listen(runner: web.AppRunner, key: str, address: Address, *, is_shared: bool = False) -> None:
    """Listen on an address; OSError names the `key` it was written under."""
    with told_of(key, address):
        for host in address.hosts:
            await web.TCPSite(runner, host, address.port, backlog=UNANSWERED, reuse_port=is_shared or None).start()


@contextmanager
def told_of(key: str, address: Address) -> Iterator[None]:
    """Say which address could not be opened, and which key to change: the system's words may name neither."""
    try:
        yield
    except OSError as err:
        # A name that nobody knows has a number of its own, below zero.
        known = os.strerror(err.errno).lower() if err.errno and err.errno > 0 else err.strerror
        raise OSError(err.errno, f"{key}: {address} cannot be opened: {known or type(err).__name__}") from err
