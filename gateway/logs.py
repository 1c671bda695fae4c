"""Log lines: JSON on stdout, one object a line, names that are facts (`delivery.settled`), values that are safe."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from typing import IO, Final

import orjson
import structlog


def configure(*, debug: bool = False) -> None:
    """Send every line, ours and the libraries' warnings, to stdout as JSON."""
    level = logging.DEBUG if debug else logging.INFO
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _traceback_without_values,
            structlog.processors.JSONRenderer(serializer=orjson.dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: _Lines(sys.stdout.buffer),
        cache_logger_on_first_use=True,
    )
    # Libraries speak through the standard log; their texts may quote a URL, so only the kind of a warning comes out.
    logging.basicConfig(level=logging.WARNING, handlers=[_Kinds()], force=True)


class _Lines:
    """Writes lines, and goes on without those that cannot be written.

    A log on a full disk, or a reader who has gone, is no reason to stop delivering. How many lines are missing is told
    as soon as one can be written again.
    """

    def __init__(self, out: IO[bytes]) -> None:
        self._out: Final = out
        self._lost = 0

    def msg(self, line: bytes) -> None:
        told = orjson.dumps({"event": "log.lost", "level": "error", "lines": self._lost}) + b"\n" if self._lost else b""
        try:
            self._out.write(told + line + b"\n")
        except (OSError, ValueError):  # ValueError: it was closed
            self._lost += 1
            return
        self._lost = 0
        with suppress(OSError):  # what could not be passed on yet waits in the buffer
            self._out.flush()

    debug = info = warning = error = critical = msg


class _Kinds(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[0] if record.exc_info else None
        structlog.get_logger().warning(
            "library.warned", library=record.name, error=None if error is None else error.__name__
        )


def _traceback_without_values(
    _: structlog.typing.WrappedLogger, __: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Replace an exception by its kind and the places it passed: its text may quote what a visitor sent."""
    raised = event.pop("exc_info", None)
    if raised is True:
        raised = sys.exc_info()[1]
    if isinstance(raised, BaseException):
        event["error"] = type(raised).__name__
        event["where"] = _places(raised)
    return event


def _places(raised: BaseException) -> list[str]:
    places, frame = [], raised.__traceback__
    while frame is not None:
        code = frame.tb_frame.f_code
        places.append(f"{code.co_filename.rpartition('/')[2]}:{frame.tb_lineno} {code.co_name}")
        frame = frame.tb_next
    return places[-8:]
