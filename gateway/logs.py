"""Log lines: JSON on stdout, one object a line, names that are facts (`delivery.settled`), values that are safe."""

from __future__ import annotations

import logging
import sys

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
        logger_factory=structlog.BytesLoggerFactory(sys.stdout.buffer),
        cache_logger_on_first_use=True,
    )
    # Libraries speak through the standard log; their texts may quote a URL, so only the kind of a warning comes out.
    logging.basicConfig(level=logging.WARNING, handlers=[_Kinds()], force=True)


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
