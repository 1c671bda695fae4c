"""Who is calling, as far as the connection and trusted proxies can be believed; and whether he may speak."""

from __future__ import annotations

import re
from typing import Any, Final, Protocol

import msgspec

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
        """`get(name, default)` and `getall(name, default)`, the names in any case; lower case is found first."""
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
        address = client.address(peer, headers.getall("x-forwarded-for", ()), proxies)
        forwarded = headers.getall("x-forwarded-host", ())
        host = client.forwarded_host(peer, forwarded, proxies) if forwarded else None
        authority = forwarded[0] if host is not None else _asked(request)
        protocols = headers.getall("x-forwarded-proto", ())
        proto = client.forwarded_proto(peer, protocols, proxies) if protocols else None
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
            user_agent=_text(headers.get("user-agent"), client.MAX_AGENT_CHARS),
            language=_language(headers.get("accept-language")),
            referer=_text(headers.get("referer"), MAX_URL_BYTES),
            country=self.country,
            host=self.host,
            secure=self.secure,
            gpc=headers.get("sec-gpc", "").strip() == "1",
            cookies=from_headers([scrub(line) for line in headers.getall("cookie", ())], names),
        )


def may_speak(request: Head, place: Place, connection: Connection) -> bool:
    """Say whether a browser hit comes from the site itself.

    With an Origin that has to be one of the site's or the gateway's own; without one the browser must not say that
    another site asked, or that the hit is a page of its own (a link somebody was made to follow).
    """
    origins = request.headers.getall("origin", ())
    if origins:
        return len(origins) == 1 and (origins[0] in place.origins or _is_own(origins[0], connection))
    site, destination = _fetched(request, "sec-fetch-site"), _fetched(request, "sec-fetch-dest")
    return site != "cross-site" and destination != "document"


def cors_origin(request: Head, place: Place) -> str | None:
    """Return the Origin that may read the answer, credentials and all: the site's own and nobody else's."""
    origins = request.headers.getall("origin", ())
    return origins[0] if len(origins) == 1 and origins[0] in place.origins else None


def _asked(request: Head) -> str:
    """Return the authority that was asked: a target that names one stands before the Host line (RFC 9112, 3.2.2)."""
    target = request.raw_path
    if target.startswith("/"):
        named: str = request.headers.get("host", "")
        return named
    absolute = _ABSOLUTE.match(target)
    return absolute[1] if absolute else ""


def _is_own(origin: str, connection: Connection) -> bool:
    # Behind a proxy that does not say https we may look like plain http to ourselves: https is believed always.
    schemes = ("https",) if connection.secure else ("https", "http")
    return origin in {domain.origin(f"{scheme}://{connection.authority}") for scheme in schemes}


def _fetched(request: Head, header: str) -> str:
    said: str = request.headers.get(header, "")
    return said.strip().lower()


def _country(request: Head, directory: Directory) -> str | None:
    said: str = request.headers.get(directory.country_header, "") if directory.country_header else ""
    said = said.strip().upper()
    return said if _COUNTRY.fullmatch(said) else None


def _language(said: str | None) -> str | None:
    first = (said or "").partition(",")[0].partition(";")[0].strip()
    return first if _LANGUAGE.fullmatch(first) else None


def _text(said: str | None, max_chars: int) -> str | None:
    return scrub(said)[:max_chars].strip() or None if said else None
