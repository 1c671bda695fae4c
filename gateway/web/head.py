"""Reads one complete and ordinary hit; whatever is anything else is left to aiohttp's parser.

Most of a head is what a kind of browser says of itself behind one proxy, the same for thousands of visitors. So the
lines that are a visitor's own are taken out of it, and what is left is read once for all who send it.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar, Final

import msgspec
import orjson

# What arrives in one read: the loop's own limit is 256 KiB. A larger hit is no hurry.
_MOST_BYTES: Final = 32 * 1024
# An event is an object. A body of more than these waits for its turns in the ordinary lane.
_MOST_OBJECTS: Final = 64

_END: Final = b"\r\n\r\n"
_VERSION: Final = " HTTP/1.1"
_NAME: Final = re.compile(r"[A-Za-z0-9!$%&'*+.^_`|~-]+")
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f]")
# With any of these a message is framed, or a connection used, in another way.
_ELSEWHERE: Final = frozenset(
    {
        "transfer-encoding",
        "expect",
        "upgrade",
        "content-encoding",
        "te",
        "trailer",
        "proxy-connection",
        "http2-settings",
    }
)
# The lines of one visitor or of one request, as browsers and proxies spell them.
_OWN: Final = (
    "Cookie",
    "Content-Length",
    "Referer",
    "X-Forwarded-For",
    "X-Real-IP",
    "X-Request-ID",
    "X-Amzn-Trace-Id",
    "CF-Connecting-IP",
    "CF-Ray",
    "traceparent",
)
_OWN_NAMES: Final = {spelled: name.lower() for name in _OWN for spelled in (name, name.lower())}
_OWN_LINE: Final = re.compile(rf"\r\n({'|'.join(_OWN_NAMES)}): ([^\r]*)")


class HeadLines(dict[str, str]):
    """The header lines of one request: one a name, the names lower case."""

    def getall(self, name: str, default: Any = None) -> Any:
        found = self.get(name)
        return default if found is None else (found,)


# What the kinds of clients say, without their own lines. A stranger's texts push out others, and stay no longer.
_KINDS: Final[dict[str, HeadLines]] = {}
_MOST_KINDS: Final = 1_000
_MOST_CHARS: Final = 2_000


class Hit(msgspec.Struct):
    """The head of a complete request, as `hits.py` reads it, and its body.

    `is_plain`: the head is ASCII without control characters.
    """

    method: str
    raw_path: str
    path: str
    query: str
    headers: HeadLines
    body: bytes
    remote: str | None
    is_plain: bool

    secure: ClassVar[bool] = False  # TLS ends before us


def read(data: bytes, remote: str | None) -> Hit | None:
    """Read exactly one complete and ordinary GET or POST; None for everything else, whatever is wrong with it.

    What is refused here is not wrong: aiohttp reads it then.
    """
    if len(data) > _MOST_BYTES:
        return None
    if data.startswith(b"GET "):
        method, head, end, body = "GET", data[:-4], data[-4:], b""
    elif data.startswith(b"POST "):
        method = "POST"
        head, end, body = data.partition(_END)
    else:
        return None
    text = head.decode("utf-8", "surrogateescape")
    begun, _, rest = text.partition(_VERSION)
    target = begun[len(method) + 1 :]
    if end != _END or not target.startswith("/") or not target.isascii() or " " in target or "#" in target:
        return None
    lines = _lines(rest, target)
    if lines is None or lines.get("content-length") != (str(len(body)) if method == "POST" else None):
        return None
    if body.count(b"{") > _MOST_OBJECTS:
        return None
    path, _, query = target.partition("?")
    return Hit(method, target, path, query, lines, body, remote, text.isascii())


def _lines(rest: str, target: str) -> HeadLines | None:
    """Read what stands behind the version; None where it, or the target, is not an ordinary hit's."""
    pieces = _OWN_LINE.split(rest)
    # What was taken out ends before a carriage return: nothing that was apart can make a line end here.
    kind = "".join(pieces[::3])
    known = _KINDS.get(kind)
    if known is None:
        known = _kind(kind)
        if known is None:
            return None
    lines = HeadLines(known)
    for at in range(1, len(pieces), 3):
        lines[_OWN_NAMES[pieces[at]]] = pieces[at + 1].strip(" ")
    if len(lines) != len(known) + len(pieces) // 3 or _has_controls(target + "".join(pieces[2::3])):
        return None
    return lines


def _kind(text: str) -> HeadLines | None:
    """Read lines, each behind a line end, and remember them; None where they are not an ordinary hit's."""
    begun, *rest = text.split("\r\n")
    lines = HeadLines()
    for line in rest:
        name, colon, value = line.partition(":")
        if not colon or not _NAME.fullmatch(name):  # a folded line begins with a blank
            return None
        lines[name.lower()] = value.strip(" ")
    if begun or len(lines) != len(rest) or "host" not in lines or not _ELSEWHERE.isdisjoint(lines):
        return None
    if lines.get("connection", "keep-alive").lower() != "keep-alive" or _has_controls("".join(rest)):
        return None
    if len(text) <= _MOST_CHARS and lines.keys().isdisjoint(_OWN_NAMES):
        if len(_KINDS) >= _MOST_KINDS:
            _KINDS.clear()
        _KINDS[text] = lines
    return lines


def _has_controls(text: str) -> bool:
    """Say whether a control character is in a text that has no place for one.

    A line feed or a carriage return of its own ends a line for some readers and not for others.
    """
    # JSON escapes them all but DEL: an ASCII text that it spells as it is has none. A tenth of what a search takes.
    if text.isascii() and "\x7f" not in text and len(orjson.dumps(text)) == len(text) + 2:
        return False
    return _CONTROLS.search(text) is not None
