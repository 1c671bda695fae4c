"""A day in a second: an event loop whose clock jumps to the next moment at which anything happens, and a world on it.

The worker is the real one. Store, platform and connection are in memory, so that nothing depends on the machine: the
same seed brings the same run, to the last call.
"""

from __future__ import annotations

import asyncio
import random
import selectors
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import orjson
import structlog

from gateway.core.adapter import Request, Response
from gateway.core.event import Event
from gateway.core.plan import Plan
from gateway.core.site import Destination
from gateway.delivery.sender import NoAnswer
from gateway.delivery.worker import Worker
from gateway.store.errors import Unavailable
from gateway.store.outcomes import Fate
from gateway.store.queues import LEASE_MS, Kind, Leg, Loan, Settlement
from tests.fixtures.shop import NOW_MS, Parrot, a_plan, an_event

T = TypeVar("T")
Answer = Response | NoAnswer
Platform = Callable[[list[dict[str, Any]]], Awaitable[Answer]]
HOUR_S: Final = 3_600
# How long a sender waits for a platform that says nothing.
TIMEOUT_S: Final = 10.0


class _Jumping(selectors.SelectSelector):
    """Nobody waits: what would be slept is added to the clock."""

    now_s = 0.0

    def select(self, timeout: float | None = None) -> Any:
        assert timeout is not None, "everybody waits for something that never comes"
        self.now_s += max(0.0, timeout)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop that begins at 0 and reaches any hour at once."""

    def __init__(self) -> None:
        self._clock = _Jumping()
        super().__init__(self._clock)

    def time(self) -> float:
        return self._clock.now_s


def run(call: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in virtual time; what a worker swallowed as a bug of ours is raised."""
    with structlog.testing.capture_logs() as logs, asyncio.Runner(loop_factory=VirtualLoop) as runner:
        ended = runner.run(call)
    assert [line for line in logs if line["event"] in ("delivery.failed", "lease.failed")] == []
    return ended


@dataclass
class Held:
    """One leg in the queue."""

    event: Event
    due_ms: int
    token: str = ""
    claims: int = 0
    fate: Fate | None = None
    outcome: str = ""


@dataclass
class World:
    """One destination's queue and platform. `trouble`: asked before and after each call to the store; may raise."""

    destination: Destination = field(default_factory=lambda: Destination(name="parrot", adapter=Parrot()))
    legs: dict[str, Held] = field(default_factory=dict)
    # (when, which events, what they carried)
    calls: list[tuple[float, tuple[str, ...], bytes]] = field(default_factory=list)
    applied: list[str] = field(default_factory=list)
    sent_after_end: list[str] = field(default_factory=list)
    stale: int = 0
    dice: random.Random = field(default_factory=lambda: random.Random(0))
    jitter: Callable[[], float] | None = None
    trouble: Callable[[str], None] = lambda _: None
    platform: Platform | None = None

    def now_ms(self) -> int:
        return NOW_MS + int(asyncio.get_running_loop().time() * 1_000)

    @property
    def now_s(self) -> float:
        return asyncio.get_running_loop().time()

    def add(self, *event_ids: str, **fields: Any) -> None:
        for event_id in event_ids:
            event = an_event(event_id=event_id, **{"at_ms": self.now_ms(), "received_ms": self.now_ms(), **fields})
            self.legs[event_id] = Held(event, self.now_ms())

    def outcomes(self) -> set[str]:
        return {held.outcome for held in self.legs.values()}

    def worker(self) -> Worker:
        world: Any = self
        tally: Any = _Tally()
        plan = a_plan(self.destination)

        def told() -> Plan:
            return plan

        dice = self.jitter or self.dice.random
        return Worker(self.destination, world, world, world, tally, told, now_ms=self.now_ms, dice=dice)

    async def until(self, holds: Callable[[], bool], within_s: float) -> None:
        """Wait in virtual time, looking some thousand times."""
        step_s = max(0.5, within_s / 5_000)
        async with asyncio.timeout(within_s):
            while not holds():  # noqa: ASYNC110 - time alone brings it
                await asyncio.sleep(step_s)

    # ---- as the store

    async def lease(self, destination: str, most: int, **_: Any) -> Loan:
        assert destination == self.destination.name
        self.trouble("lease")
        now_ms, token = self.now_ms(), f"{self.dice.getrandbits(64):016x}"
        due = [(leg_id, held) for leg_id, held in self.legs.items() if not held.outcome and held.due_ms <= now_ms][
            :most
        ]
        for _leg_id, held in due:
            held.due_ms, held.token, held.claims = now_ms + LEASE_MS, token, held.claims + 1
        self.trouble("leased")
        waiting = [held.due_ms - now_ms for held in self.legs.values() if not held.outcome]
        return Loan(tuple(self._leg(*each) for each in due), max(0, min(waiting)) if waiting else None)

    def _leg(self, leg_id: str, held: Held) -> Leg:
        return Leg(
            id=leg_id,
            destination=self.destination.name,
            shard=0,
            token=held.token,
            claims=held.claims,
            event=held.event,
            denied=frozenset(),
            fate=held.fate,
        )

    async def renew(self, legs: Sequence[Leg]) -> None:
        self.trouble("renew")
        for leg in legs:
            if self.legs[leg.id].token == leg.token and not self.legs[leg.id].outcome:
                self.legs[leg.id].due_ms = self.now_ms() + LEASE_MS

    async def settle(self, settlements: Sequence[Settlement]) -> None:
        self.trouble("settle")
        for settlement in settlements:
            held = self.legs[settlement.leg.id]
            if held.token != settlement.leg.token or held.outcome:
                self.stale += 1
                continue
            held.token = ""
            held.due_ms = self.now_ms() + settlement.wait_ms
            match settlement.kind:
                case Kind.BACK:
                    held.claims -= 1
                case Kind.RETRY:
                    held.fate, held.claims = settlement.fate, 0
                case _:
                    assert settlement.fate is not None
                    held.fate, held.outcome = settlement.fate, settlement.fate.outcome
        self.trouble("settled")

    # ---- as the ledger

    async def keep_samples(self, _: Any) -> None:
        return

    async def say(self, _: str, **fields: Any) -> None:
        return

    # ---- as the connection

    async def __aenter__(self) -> World:
        return self

    async def __aexit__(self, *_: object) -> None:
        return

    async def send(self, request: Request) -> Answer:
        events = request.json["events"]
        ids = tuple(event["id"] for event in events)
        self.calls.append((self.now_s, ids, orjson.dumps(events)))
        self.sent_after_end += [event_id for event_id in ids if self.legs[event_id].outcome]
        await asyncio.sleep(0.01)
        assert self.platform is not None
        return await self.platform(events)

    def apply(self, events: Sequence[dict[str, Any]]) -> Response:
        """Take events and say so, as the parrot's platform does."""
        self.applied += [event["id"] for event in events]
        return response(200, b'{"ok": true}')


def response(status: int, body: bytes = b"", **headers: str) -> Response:
    return Response(
        status=status, headers={name.replace("_", "-"): value for name, value in headers.items()}, body=body
    )


def raising(dice: random.Random, share: float) -> Callable[[str], None]:
    """Let the store fail in a share of its calls, before it did anything or after it did everything."""

    def trouble(_: str) -> None:
        if dice.random() < share:
            raise Unavailable("TimeoutError")

    return trouble


class _Tally:
    """Counts nothing."""

    def __getattr__(self, _: str) -> Any:
        return self

    def __call__(self, *_: Any, **__: Any) -> Any:
        return self
