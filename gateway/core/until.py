"""When a test code is over: an option of several platforms, with one meaning.

A code that stays in a configuration goes on marking events as tests, and on most platforms they count like all others.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

EXAMPLE: Final = "2026-12-01T18:00:00Z"


def until_ms(text: str | None) -> int | None:
    """Read the option `test_event_until`: ISO 8601 with its zone; None: the code stands for ever.

    Errors:  ValueError with the option's name and the next step.
    """
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as err:
        raise ValueError(f"test_event_until: write a moment as {EXAMPLE}") from err
    if moment.tzinfo is None:
        raise ValueError(f"test_event_until: name its zone, as in {EXAMPLE} or …+01:00")
    return int(moment.timestamp() * 1000)


def is_over(text: str | None, now_ms: int) -> bool:
    """Say whether the code's moment has come; of an event, by the gateway's clock at the door."""
    end_ms = until_ms(text)
    return end_ms is not None and now_ms >= end_ms


def advice(code: str | None, text: str | None, now_ms: int) -> tuple[tuple[str, str, str], ...]:
    """Say what `check` should say of the code and its end: the option, what is wrong with it, what to do."""
    if code is not None and text is None:
        hint = "write test_event_until: the code is not sent after it"
        return (("test_event_code", "stands for ever", hint),)
    if is_over(text, now_ms):
        return (
            ("test_event_until", "is over: the code is not sent any more", "write a later moment, or take it away"),
        )
    return ()
