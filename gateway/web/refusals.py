"""One log line a refusal, and not a disk full of them: of each reason only so many a second, the rest counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import structlog

from gateway.core.event import Wire
from gateway.core.outcome import Refused

log = structlog.get_logger()

_MAX_LINES_A_SECOND: Final = 5


@dataclass(slots=True)
class _Second:
    number: int = -1
    lines: int = 0
    unlogged: int = 0


class RefusalLog:
    """Remembers one second per reason, so it cannot grow."""

    def __init__(self) -> None:
        self._seconds = {reason: _Second() for reason in Refused}

    def note(self, reason: Refused, site: str, wire: Wire, now_ms: int) -> None:
        """Log that a hit was refused; a line says how many of its reason were left out before it."""
        second = self._seconds[reason]
        if second.number != now_ms // 1000:
            second.number, second.lines = now_ms // 1000, 0
        if second.lines >= _MAX_LINES_A_SECOND:
            second.unlogged += 1
            return
        unlogged, second.unlogged = second.unlogged, 0
        second.lines += 1
        log.info("hit.refused", reason=reason.value, site=site, wire=wire.value, unlogged=unlogged)
