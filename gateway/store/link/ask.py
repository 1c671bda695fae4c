"""One command on its way, and what a server said when it would not do it."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from hashlib import sha1
from typing import TYPE_CHECKING, Any, Final

from hiredis import pack_command

from gateway.store.errors import Broken, Unavailable

if TYPE_CHECKING:
    from gateway.store.link.pipe import Pipe

# A refused command is sent again at most so often: after a script was loaded, and where a slot has moved to.
MOST_TRIES: Final = 5
ASKING: Final = pack_command(("ASKING",))

# What was refused is named, never what was in it: some answers repeat the arguments.
_DENIED: Final = re.compile(r"run the '([\w|-]{1,40})' command")


class Lane(Enum):
    """Calls of different lanes never wait behind each other's answers. `most`: connections that each may have."""

    VISITOR = ("visitor", 1)
    WORK = ("work", 1)
    # A page reads thousands of counters in one go, and WAIT holds its connection until a replica has spoken.
    COMMANDS = ("commands", 4)
    REPLICATED = ("replicated", 4)

    def __init__(self, word: str, most: int) -> None:
        self.word = word
        self.most = most


class Refusal(Exception):
    """An error that a server answered. Its text may hold arguments: see `unavailable`."""


@dataclass(frozen=True)
class Script:
    """A script's text, and the name that the server knows it by once it has seen it."""

    text: str

    @cached_property
    def sha(self) -> bytes:
        return sha1(self.text.encode(), usedforsecurity=False).hexdigest().encode()

    @cached_property
    def load(self) -> bytes:
        return pack("SCRIPT", "LOAD", self.text)


class Ask:
    """One command: its bytes, who waits for the answer, and what it takes to send it to another server.

    Whoever no longer wants the answer cancels `answer`; what comes for it then is dropped in its turn.
    """

    __slots__ = ("answer", "is_lead", "key", "lane", "packed", "pipe", "script", "sent_s", "tries")

    def __init__(self, packed: bytes, key: str | bytes | None, lane: Lane, script: Script | None = None) -> None:
        self.answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.packed = packed
        self.key = key
        self.lane = lane
        self.script = script
        self.pipe: Pipe | None = None
        self.sent_s = 0.0
        self.tries = 0
        self.is_lead = False

    @classmethod
    def unheard(cls, packed: bytes, lane: Lane) -> Ask:
        """Make a command that leads another, and whose own answer nobody wants."""
        ask = cls(packed, None, lane)
        ask.is_lead = True
        ask.answer.cancel()
        return ask

    def fail(self, err: Unavailable) -> None:
        if not self.answer.done():
            self.answer.set_exception(err)

    def expire(self) -> None:
        """Give up waiting: the answer is late, and so will be what is asked on the same connection."""
        self.fail(Unavailable("no answer in time"))
        self.abandon()

    def forget(self) -> None:
        """Want no answer any more."""
        if not self.answer.cancel() and not self.answer.cancelled():
            self.answer.exception()  # told to somebody, or to nobody on purpose

    def abandon(self) -> None:
        """Give up, and leave the connection that owes the answer to whoever still waits on it."""
        self.forget()
        if self.pipe is not None:
            self.pipe.retire()


def unavailable(refusal: Refusal) -> Unavailable:
    """Say what a server refused, without what it was about."""
    said = str(refusal)
    if "WRONGTYPE" in said:
        return Broken("wrong type")
    code = said.partition(" ")[0][:40]
    if code == "ERR":
        return Unavailable(re.split(r"['\"`]", said)[0].strip()[:80])
    denied = _DENIED.search(said)
    return Unavailable(f"{code} {denied[1]}" if denied else code)


def load_again(pipe: Pipe, ask: Ask, script: Script) -> None:
    """Teach the server a script that it does not know, and ask again: it has run nothing yet."""
    ask.tries += 1
    pipe.send(Ask.unheard(script.load, ask.lane), ask)


def pack(*args: Any) -> bytes:
    """Spell a command; its arguments are text, bytes or numbers."""
    packed: bytes = pack_command(args)
    return packed
