"""Whether a destination may be knocked at now: ok, resting, token refused, or broken.

A pure state machine over (what happened, now): the worker asks it before it leases, so nothing is borrowed that
cannot be sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateway.core import retry


class State(StrEnum):
    """What `GET /admin/api/destinations` says (contract section 8)."""

    OK = "ok"
    RETRYING = "retrying"
    PAUSED = "paused"
    OPEN = "open"


@dataclass(slots=True)
class Gate:
    """Mutable on purpose: one per worker, touched by that worker alone. Times in ms."""

    state: State = State.OK
    reason: str = ""
    shut_until_ms: int = 0
    failures: int = 0
    throttled: int = 0

    def most(self, now_ms: int, wanted: int) -> int:
        """Return how many legs may be leased now: all, one as a probe, or none."""
        if now_ms < self.shut_until_ms:
            return 0
        return 1 if self.state in (State.PAUSED, State.OPEN) else wanted

    def worked(self) -> None:
        """The platform took or judged something: whatever was wrong is over."""
        self.state, self.reason = State.OK, ""
        self.failures = self.throttled = self.shut_until_ms = 0

    def failed(self, reason: str, now_ms: int) -> None:
        """A request brought no answer that counts; enough of them in a row open the breaker."""
        self.failures += 1
        self.reason = reason
        if self.failures >= retry.OPEN_AFTER:
            self.state, self.shut_until_ms = State.OPEN, now_ms + retry.OPEN_PROBE_MS
        elif self.state is not State.PAUSED:
            self.state = State.RETRYING

    def rest(self, reason: str, now_ms: int, dice: float, retry_after_s: int | None) -> None:
        """The platform asked for fewer requests: nothing was taken, everything waits."""
        self.throttled += 1
        self.state, self.reason = State.RETRYING, reason
        self.shut_until_ms = now_ms + retry.pause_ms(self.throttled, dice, retry_after_s)

    def eased(self, reason: str, now_ms: int, rest_s: int) -> None:
        """The platform took it and asked us to slow down."""
        self.worked()
        self.rest(reason, now_ms, 0, rest_s)

    def halt(self, reason: str, now_ms: int) -> None:
        """The token or the account is refused: keep the queue, probe with one event."""
        self.state, self.reason = State.PAUSED, reason
        self.shut_until_ms = now_ms + retry.HALT_PROBE_MS
