"""`tagway serve`: the gateway itself."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from enum import StrEnum
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from gateway.commands.configuration import ConfigPath, tell
from gateway.commands.words import counted, fail
from gateway.settings import ConfigError


class Role(StrEnum):
    """What one process does; several of them share a store."""

    ALL = "all"
    INGEST = "ingest"
    DELIVER = "deliver"
    CONSOLE = "console"


def serve(
    config: ConfigPath,
    role: Annotated[Role, typer.Option(help="What this process does of it.")] = Role.ALL,
) -> None:
    """Run the gateway until it is told to stop (Ctrl-C, SIGTERM)."""
    _spare_rich()
    from gateway.store.embedded import EmbeddedError

    try:
        code = _run(config, role)
    except ConfigError as err:
        tell(err.problems)
        fail(f"{counted(len(err.problems), 'problem')} in {config}; nothing was started")
    except EmbeddedError as err:
        fail(str(err))
    except OSError as err:
        fail(_why(err))
    except BaseExceptionGroup as group:
        sockets, others = group.split(OSError)
        if sockets is None or others is not None:
            raise
        fail("\n".join(_why(err) for err in _leaves(sockets)))
    raise typer.Exit(code)


def _run(config: Path, role: Role) -> int:
    from gateway import app

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(app.serve(config, role.value))


def _spare_rich() -> None:
    """Import structlog without rich, which it takes along where it can, for tracebacks that we do not print.

    That would be 4 MB in each process, for as long as it runs.
    """
    if "rich" in sys.modules:
        return
    sys.modules["rich"] = None  # type: ignore[assignment]  # Python's own way to say that there is none
    try:
        import_module("structlog")
    finally:
        del sys.modules["rich"]


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Take uvloop where it is installed."""
    if find_spec("uvloop") is None:
        return None
    import uvloop

    return uvloop.new_event_loop


def _leaves(group: BaseExceptionGroup[OSError]) -> list[OSError]:
    return [
        leaf for err in group.exceptions for leaf in (_leaves(err) if isinstance(err, BaseExceptionGroup) else [err])
    ]


def _why(err: OSError) -> str:
    """A socket's error names its address; most often another gateway has it."""
    return f"the gateway cannot start: {err.strerror or type(err).__name__}"
