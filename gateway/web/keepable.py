"""What a browser says of an answer that it may keep: whether it has it already, and whether it can unpack it."""

from __future__ import annotations

import re
from typing import Final

from aiohttp import hdrs, web

_NONE_OF_IT: Final = re.compile(r";\s*q\s*=\s*0(\.0*)?\s*$")


def has(request: web.Request, etag: str) -> bool:
    """Say whether the browser has the answer of this tag."""
    bare = etag.removeprefix("W/")
    said = ",".join(request.headers.getall(hdrs.IF_NONE_MATCH, []))
    return any(each.strip().removeprefix("W/") == bare or each.strip() == "*" for each in said.split(","))


def takes_gzip(request: web.Request) -> bool:
    """Say whether the browser can unpack gzip."""
    said = ",".join(request.headers.getall(hdrs.ACCEPT_ENCODING, [])).lower().split(",")
    return any(each.partition(";")[0].strip() == "gzip" and not _NONE_OF_IT.search(each) for each in said)
