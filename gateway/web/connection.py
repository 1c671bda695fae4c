"""Who is calling, as far as the connection and trusted proxies can be believed; and whether he may speak."""

from __future__ import annotations

import re
from typing import Any, Final, Protocol

import msgspec
from aiohttp import hdrs

from gateway.core import client, domain
from gateway.core.cookies import from_headers
from gateway.core.hit import Visitor
from gateway.core.site import CookieNames
from gateway.core.wires.fields import MAX_URL_BYTES
from gateway.core.wires.text import scrub
from gateway.web.directory import Directory, Place

_COUNTRY: Final = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")
_ABSOLUTE: Final = re.compile(r"https?://([^/?#]*)", re.IGNORECASE)
_LANGUAGE: Final = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8}){0,8}")


class Head(Protocol):
    """What a request says before its body, whichever lane it came by; aiohttp's own request is one."""

    @property
    def method(self) -> str: ...

    @property
    def path(self) -> str: ...

    @property
    def raw_path(self) -> str: ...

    @property
    def remote(self) -> str | None: ...

    @property
    def secure(self) -> bool: ...

    @property
    def headers(self) -> Any:
        """`get(name, default)` and `getall(name, default)`, the names in any case."""
        ...


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """`address`: the visitor's. `host`: the name that was asked, lower case, without port; empty where unreadable.

    `authority` keeps the port, for telling whether an `Origin` is the gateway's own. `secure`: https outside.
    """

    address: str | None
    host: str
    authority: str
    secure: bool
    is_loopback: bool
    country: str | None

    @classmethod
    def of(cls, request: Head, directory: Directory) -> Connection:
        """Read the connection's headers; each is believed from a trusted proxy only."""
        peer, headers, proxies = request.remote, request.headers, directory.proxies
        address = client.address(peer, headers.getall("X-Forwarded-For", []), proxies)
        forwarded = headers.getall("X-Forwarded-Host", [])
        host = client.forwarded_host(peer, forwarded, proxies)
        authority = forwarded[0] if host is not None else _asked(request)
        proto = client.forwarded_proto(peer, headers.getall("X-Forwarded-Proto", []), proxies)
        return cls(
            address=address,
            host=domain.host_name(authority) or "",
            authority=authority.strip(),
            secure=request.secure if proto is None else proto == "https",
            is_loopback=address is not None and domain.is_loopback(address),
            country=_country(request, directory) if proxies.trusts(peer) else None,
        )

    def find(self, path: str, directory: Directory) -> tuple[Place, str] | None:
        """Return the site that answers this host and path, and the path below its mount."""
        for place in directory.hosts.get(self.host, ()):
            below = place.below(path)
            if below is not None:
                return place, below
        return None

    def visitor(self, request: Head, names: CookieNames) -> Visitor:
        """Return the browser at the other end, every text scrubbed."""
        headers = request.headers
        return Visitor(
            ip=self.address,
            user_agent=_text(request, hdrs.USER_AGENT, client.MAX_AGENT_CHARS),
            language=_language(request),
            referer=_text(request, hdrs.REFERER, MAX_URL_BYTES),
            country=self.country,
            host=self.host,
            secure=self.secure,
            gpc=headers.get("Sec-GPC", "").strip() == "1",
            cookies=from_headers([scrub(line) for line in headers.getall(hdrs.COOKIE, [])], names),
        )


def may_speak(request: Head, place: Place, connection: Connection) -> bool:
    """Say whether a browser hit comes from the site itself.

    With an Origin that has to be one of the site's or the gateway's own; without one the browser must not say that
    another site asked, or that the hit is a page of its own (a link somebody was made to follow).
    """
    origins = request.headers.getall(hdrs.ORIGIN, [])
    if origins:
        return len(origins) == 1 and (origins[0] in place.origins or _is_own(origins[0], connection))
    site, destination = _fetched(request, "Site"), _fetched(request, "Dest")
    return site != "cross-site" and destination != "document"


def cors_origin(request: Head, place: Place) -> str | None:
    """Return the Origin that may read the answer, credentials and all: the site's own and nobody else's."""
    origins = request.headers.getall(hdrs.ORIGIN, [])
    return origins[0] if len(origins) == 1 and origins[0] in place.origins else None


def _asked(request: Head) -> str:
    """Return the authority that was asked: a target that names one stands before the Host line (RFC 9112, 3.2.2)."""
    target = request.raw_path
    if target.startswith("/"):
        named: str = request.headers.get(hdrs.HOST, "")
        return named
    absolute = _ABSOLUTE.match(target)
    return absolute[1] if absolute else ""


def _is_own(origin: str, connection: Connection) -> bool:
    # Behind a proxy that does not say https we may look like plain http to ourselves: https is believed always.
    schemes = ("https",) if connection.secure else ("https", "http")
    return origin in {domain.origin(f"{scheme}://{connection.authority}") for scheme in schemes}


def _fetched(request: Head, what: str) -> str:
    said: str = request.headers.get(f"Sec-Fetch-{what}", "")
    return said.strip().lower()


def _country(request: Head, directory: Directory) -> str | None:
    said: str = request.headers.get(directory.country_header, "") if directory.country_header else ""
    said = said.strip().upper()
    return said if _COUNTRY.fullmatch(said) else None


def _language(request: Head) -> str | None:
    first = request.headers.get(hdrs.ACCEPT_LANGUAGE, "").partition(",")[0].partition(";")[0].strip()
    return first if _LANGUAGE.fullmatch(first) else None


def _text(request: Head, header: str, max_chars: int) -> str | None:
    return scrub(request.headers.get(header, ""))[:max_chars].strip() or None
