"""The scripts of `lua/`: each one's header tells its keys, arguments and answer."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Final

_INCLUDE: Final = re.compile(r"^--include (\w+)\n", re.MULTILINE)


@cache
def source(name: str) -> str:
    """Return a script as Redis gets it: what it includes stands in its place, without a line of its own."""
    text = (files("gateway.store") / "lua" / f"{name}.lua").read_text()
    return _INCLUDE.sub(lambda found: source(found[1]), text)
