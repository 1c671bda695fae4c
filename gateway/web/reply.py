"""Answers: the image, 204, JSON; cookies as lines; what became of the hit in `X-Tagway`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any, Final

import msgspec
import orjson
from aiohttp import hdrs, web
from multidict import CIMultiDict

from gateway.core.hit import SetCookie
from gateway.core.outcome import Door, Refused

GIF: Final = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00"
    b",\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)
"""One transparent pixel, 43 bytes."""

SAID: Final = "X-Tagway"
RETRY_LATER_S: Final = 5
RETRY_SOON_S: Final = 1
_PREFLIGHT_S: Final = 3600
_REFUSED: Final = "refused"
_ACCEPTED: Final = Door.ACCEPTED.value
_BETWEEN_US: Final = (Door.MERGED.value, Door.LATE.value)


class Reply(msgspec.Struct, frozen=True):
    """The answer to a browser's hit, before any server has spelled it. `said` is what `X-Tagway` tells."""

    status: int
    said: str
    cookies: tuple[SetCookie, ...] = ()
    origin: str | None = None
    is_image: bool = False

    @property
    def body(self) -> bytes:
        return GIF if self.is_image and self.status == 200 else b""

    def common(self) -> tuple[tuple[str, str], ...]:
        """Return the headers that every answer of this status and kind has, but those that frame a message."""
        return _common(self.status, self.is_image)

    def own(self) -> tuple[tuple[str, str], ...]:
        """Return the headers of this answer alone, but its cookies."""
        return _own(self.said, self.origin)

    def response(self) -> web.Response:
        """Spell it for aiohttp."""
        headers = CIMultiDict((*self.common(), *self.own()))
        for cookie in self.cookies:
            headers.add(hdrs.SET_COOKIE, cookie_line(cookie))
        return web.Response(status=self.status, body=self.body or None, headers=headers)


@cache
def _common(status: int, is_image: bool) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = [(hdrs.CACHE_CONTROL, "no-store"), (hdrs.VARY, hdrs.ORIGIN)]
    if is_image:
        # A page that isolates itself (COEP) shows pictures of other origins only when they allow it.
        found.append(("Cross-Origin-Resource-Policy", "cross-origin"))
        if status == 200:
            found.append((hdrs.CONTENT_TYPE, "image/gif"))
    elif status == 503:
        found.append((hdrs.RETRY_AFTER, str(RETRY_LATER_S)))
    elif status == 429:
        found.append((hdrs.RETRY_AFTER, str(RETRY_SOON_S)))
    return tuple(found)


@lru_cache(maxsize=256)
def _own(said: str, origin: str | None) -> tuple[tuple[str, str], ...]:
    return ((SAID, said),) if origin is None else ((SAID, said), *_allowing(origin))


def image(said: str, cookies: tuple[SetCookie, ...] = (), *, origin: str | None = None, bare: bool = False) -> Reply:
    """Answer an image hit, whatever became of it; `bare` is a 204 without the picture."""
    return Reply(204 if bare else 200, said, cookies, origin, is_image=True)


def beacon(status: int, said: str, cookies: tuple[SetCookie, ...] = (), *, origin: str | None = None) -> Reply:
    """Answer a browser's events, without a body."""
    return Reply(status, said, cookies, origin)


def preflight(origin: str | None) -> web.Response:
    """Answer what a browser asks before a JSON post; only the site's own origins may."""
    headers: CIMultiDict[str] = CIMultiDict({hdrs.VARY: hdrs.ORIGIN})
    if origin is None:
        return web.Response(status=403, headers=headers)
    headers.extend(_allowing(origin))
    headers[hdrs.ACCESS_CONTROL_ALLOW_METHODS] = "POST"
    headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = "Content-Type"
    headers[hdrs.ACCESS_CONTROL_MAX_AGE] = str(_PREFLIGHT_S)
    return web.Response(status=204, headers=headers)


def json(status: int, value: Any, headers: dict[str, str] | None = None) -> web.Response:
    """Answer a program."""
    return web.Response(
        status=status,
        body=orjson.dumps(value),
        content_type="application/json",
        headers={hdrs.CACHE_CONTROL: "no-store", **(headers or {})},
    )


def refused(reason: Refused) -> str:
    return f"{_REFUSED}:{reason.value}"


def counted(words: Sequence[str]) -> str:
    """Sum up a batch: `accepted=8,refused=2`, in the order of the contract, without the zeros."""
    counts = Counter(word.partition(":")[0] for word in words)
    order = (*(door.value for door in Door), _REFUSED)
    return ",".join(f"{word}={counts[word]}" for word in order if counts[word]) or f"{Door.ACCEPTED.value}=0"


def masked(word: str) -> str:
    """Tell a stranger no more than that it was taken: whether a server spoke of the act is the shop's business."""
    return _ACCEPTED if word in _BETWEEN_US else word


def cookie_line(cookie: SetCookie) -> str:
    """Spell one `Set-Cookie` line; lines are never joined."""
    attributes = _attributes(cookie.max_age_s, cookie.domain, cookie.secure, cookie.http_only)
    return f"{cookie.name}={cookie.value}{attributes}"


@lru_cache(maxsize=256)
def _attributes(max_age_s: int, domain: str | None, secure: bool, http_only: bool) -> str:
    """Spell what stands behind a cookie's value: the same few texts for every visitor of a site."""
    line = f"; Max-Age={max_age_s}; Path=/; SameSite=Lax"
    if domain is not None:
        line += f"; Domain={domain}"
    if secure:
        line += "; Secure"
    return f"{line}; HttpOnly" if http_only else line


def _allowing(origin: str) -> list[tuple[str, str]]:
    return [
        (hdrs.ACCESS_CONTROL_ALLOW_ORIGIN, origin),
        (hdrs.ACCESS_CONTROL_ALLOW_CREDENTIALS, "true"),
        (hdrs.ACCESS_CONTROL_EXPOSE_HEADERS, SAID),
    ]
