"""redis-py's spelling of commands and its reading of answers, over connections of ours.

Its own connections are not used: they repeat commands, know no order between callers, and speak to one kind of server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from redis.asyncio import Redis

from gateway.store.errors import Unavailable
from gateway.store.link.ask import Ask, Lane, pack

# Commands whose second word is no key; in a cluster they go to one master.
_KEYLESS: Final = frozenset(
    {
        "ACL",
        "CLIENT",
        "CLUSTER",
        "CONFIG",
        "DBSIZE",
        "DEBUG",
        "FLUSHALL",
        "FLUSHDB",
        "INFO",
        "KEYS",
        "PING",
        "REPLICAOF",
    }
    | {"ROLE", "SCAN", "SCRIPT", "SHUTDOWN", "TIME", "WAIT"}
)
# Reads that are asked together may rely on their order. Where a slot moved meanwhile one of them took a longer way and
# they have lost it: they are asked again, at most so often.
_READS: Final = frozenset({"GET", "HGET", "HGETALL", "HMGET", "HVALS", "ZCARD", "ZRANGE"})
_TOGETHER: Final = 20


class Link(Protocol):
    """What takes commands to where they belong."""

    def send(self, *asks: Ask) -> None: ...
    def spread(self, asks: Sequence[Ask]) -> None: ...


class Commands(Redis):
    """Every command of redis-py, each sent once.

    Errors: Unavailable, with what the server refused; a caller that gives up is not answered any more.
    """

    def __init__(self, link: Link) -> None:
        super().__init__(protocol=2)
        self._link = link

    def __repr__(self) -> str:
        return "<commands>"

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        ask = _ask(args)
        self._link.send(ask)
        try:
            return _read(self.response_callbacks, args[0], await ask.answer, options)
        except asyncio.CancelledError:
            ask.abandon()
            raise

    def pipeline(self, transaction: bool = False, shard_hint: str | None = None) -> Any:
        """Gather commands for one trip."""
        if transaction or shard_hint:
            raise NotImplementedError("one trip, no transaction: what belongs together is a script")
        return Pipeline(self._link, self.response_callbacks)


class Pipeline(Redis):
    """Commands that are asked together; in a cluster each goes to its own master."""

    def __init__(self, link: Link, callbacks: Any) -> None:
        # Not the parent's: it would make a pool of connections for every trip.
        self.connection = None
        self.response_callbacks = callbacks
        self._link = link
        self._commands: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def __repr__(self) -> str:
        return f"<{len(self._commands)} commands>"

    def execute_command(self, *args: Any, **options: Any) -> Any:
        self._commands.append((args, options))
        return self

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        """Send what was gathered; returns the answers in its order.

        Errors: the first one, after all have answered; or each in its place.
        """
        commands, self._commands = self._commands, []
        is_reading = all(args[0] in _READS for args, _ in commands)
        for _ in range(_TOGETHER):
            asks = [_ask(args) for args, _ in commands]
            answers = await self._all(asks, commands)
            if not is_reading or not any(ask.tries for ask in asks):
                break
        else:
            raise Unavailable("a slot is moving")
        failed = next((answer for answer in answers if isinstance(answer, Unavailable)), None)
        if failed is not None and raise_on_error:
            raise failed
        return answers

    async def _all(self, asks: list[Ask], commands: Sequence[tuple[tuple[Any, ...], dict[str, Any]]]) -> list[Any]:
        self._link.spread(asks)
        answers: list[Any] = []
        try:
            for ask, (args, options) in zip(asks, commands, strict=True):
                try:
                    answers.append(_read(self.response_callbacks, args[0], await ask.answer, options))
                except Unavailable as err:
                    answers.append(err)
        except asyncio.CancelledError:
            for ask in asks:
                ask.abandon()
            raise
        return answers


def _ask(args: tuple[Any, ...]) -> Ask:
    words = args[0].split()
    key = args[1] if len(args) > 1 and words[0].upper() not in _KEYLESS else None
    return Ask(pack(*words, *args[1:]), key, Lane.COMMANDS)


def _read(callbacks: Mapping[Any, Any], name: str, answer: Any, options: dict[str, Any]) -> Any:
    callback = callbacks.get(name)
    if callback is None:
        return answer
    return callback(answer, **{name: option for name, option in options.items() if name != "keys"})
