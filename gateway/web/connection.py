"""Who is calling, as far as the connection and trusted proxies can be believed; and whether he may speak."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, Protocol

import msgspec

from gateway.core import client, domain
from gateway.core.cookies import from_headers
from gateway.core.hit import Visitor
from gateway.core.site import CookieNames
from gateway.core.wires.text import scrub
from gateway.core.wires.vocabulary import MAX_URL_BYTES
from gateway.web.directory import Directory, Place

_COUNTRY: Final = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")
_SCHEMES: Final = frozenset({"http", "https"})
_ABSOLUTE: Final = re.compile(r"https?://([^/?#]*)", re.IGNORECASE)
_LANGUAGE: Final = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8}){0,8}")
# What is longer is read anew each time: a stranger's text must not fill a cache.
_REMEMBERED_CHARS: Final = 64


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
        """`get(name, default)`, `getall(name, default)` and `in`; the names in lower case."""
        ...


class Connection(msgspec.Struct, frozen=True):
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
    def ordinary(cls, peer: str | None, lines: Mapping[str, str], directory: Directory) -> Connection | None:
        """Read what nearly every connection says, in a head that has each name once, a Host, and a path as target.

        None where it takes `of`, which says the same.
        """
        address, scheme, country = peer, "http", None
        if directory.proxies.trusts(peer):
            if "x-forwarded-host" in lines:
                return None
            address = lines.get("x-forwarded-for", peer)
            scheme = lines.get("x-forwarded-proto", scheme)
            country = _country(lines, directory.country_header) if directory.country_header else None
        if address is None or scheme not in _SCHEMES or not client.is_plain(address):
            return None
        authority = lines["host"]
        host = domain.host_name(authority) or ""
        return cls(address, host, authority.strip(), scheme == "https", address.startswith("127."), country)

    @classmethod
    def of(cls, request: Head, directory: Directory) -> Connection:
        """Read the connection's headers; each is believed from a trusted proxy only."""
        peer, headers, proxies = request.remote, request.headers, directory.proxies
        is_trusted = proxies.trusts(peer)
        through = headers.getall("x-forwarded-for") if "x-forwarded-for" in headers else ()
        address = client.address(peer, through, proxies)
        target = request.raw_path
        authority: str = headers.get("host", "") if target.startswith("/") else _named_in(target)
        if is_trusted and "x-forwarded-host" in headers:
            forwarded = headers.getall("x-forwarded-host")
            if client.forwarded_host(peer, forwarded, proxies) is not None:
                authority = forwarded[0]
        secure = request.secure
        if is_trusted and "x-forwarded-proto" in headers:
            proto = client.forwarded_proto(peer, headers.getall("x-forwarded-proto"), proxies)
            secure = secure if proto is None else proto == "https"
        return cls(
            address=address,
            host=domain.host_name(authority) or "",
            authority=authority.strip(),
            secure=secure,
            is_loopback=address is not None and _is_loopback(address),
            country=_country(headers, directory.country_header) if is_trusted and directory.country_header else None,
        )

    def find(self, path: str, directory: Directory) -> tuple[Place, str] | None:
        """Return the site that answers this host and path, and the path below its mount."""
        for place in directory.hosts.get(self.host, ()):
            below = place.below(path)
            if below is not None:
                return place, below
        return None

    def visitor(self, request: Head, names: CookieNames, *, is_plain: bool = False) -> Visitor:
        """Return the browser at the other end, every text scrubbed.

        `is_plain`: the head is known to be ASCII without control characters, so that nothing can be scrubbed from it,
        and to have each name once.
        """
        headers = request.headers
        agent, referer, language = headers.get("user-agent"), headers.get("referer"), headers.get("accept-language")
        if is_plain:
            lines = [headers.get("cookie", "")]
        else:
            lines = [scrub(line) for line in headers.getall("cookie", ())]
            agent, referer = agent and scrub(agent), referer and scrub(referer)
        return Visitor(
            ip=self.address,
            user_agent=agent[: client.MAX_AGENT_CHARS].strip() or None if agent else None,
            language=_language(language) if language else None,
            referer=referer[:MAX_URL_BYTES].strip() or None if referer else None,
            country=self.country,
            host=self.host,
            secure=self.secure,
            gpc="sec-gpc" in headers and _opts_out(headers.getall("sec-gpc")),
            cookies=from_headers(lines, names, is_plain=is_plain),
        )


def may_speak(request: Head, place: Place, connection: Connection) -> bool:
    """Say whether a browser hit comes from the site itself.

    With an Origin that has to be one of the site's or the gateway's own; without one the browser must not say that
    another site asked, or that the hit is a page of its own (a link somebody was made to follow).
    """
    headers = request.headers
    if "origin" in headers:
        origins = headers.getall("origin")
        return len(origins) == 1 and (origins[0] in place.origins or _is_own(origins[0], connection))
    site: str = headers.get("sec-fetch-site", "")
    destination: str = headers.get("sec-fetch-dest", "")
    return site.strip().lower() != "cross-site" and destination.strip().lower() != "document"


def cors_origin(request: Head, place: Place) -> str | None:
    """Return the Origin that may read the answer, credentials and all: the site's own and nobody else's."""
    if "origin" not in request.headers:
        return None
    origins = request.headers.getall("origin")
    return origins[0] if len(origins) == 1 and origins[0] in place.origins else None


def _opts_out(lines: Iterable[str]) -> bool:
    """Read Global Privacy Control; what a proxy made of several says no where one of them does."""
    return any(item.strip() == "1" for line in lines for item in line.split(","))


def _is_loopback(address: str) -> bool:
    return domain.is_loopback(address) if ":" in address else address.startswith("127.")


def _named_in(target: str) -> str:
    """Return the authority that a target names: it stands before the Host line (RFC 9112, 3.2.2)."""
    absolute = _ABSOLUTE.match(target)
    return absolute[1] if absolute else ""


def _is_own(origin: str, connection: Connection) -> bool:
    # Behind a proxy that does not say https we may look like plain http to ourselves: https is believed always.
    schemes = ("https",) if connection.secure else ("https", "http")
    return origin in {domain.origin(f"{scheme}://{connection.authority}") for scheme in schemes}


def _country(headers: Mapping[str, str], header: str) -> str | None:
    said = headers.get(header, "").strip().upper()
    return said if _COUNTRY.fullmatch(said) else None


def _language(said: str) -> str | None:
    return _known_language(said) if len(said) <= _REMEMBERED_CHARS else _first_language(said)


def _first_language(said: str) -> str | None:
    first = said.partition(",")[0].partition(";")[0].strip()
    return first if _LANGUAGE.fullmatch(first) else None


_known_language = lru_cache(maxsize=1024)(_first_language)
