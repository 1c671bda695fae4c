"""Who is calling: the visitor's address behind trusted proxies, and whether a machine is at the other end.

Whatever a header claims about the connection is believed from a trusted proxy only. `Forwarded` and `X-Real-IP`
are not read: two ways to say one thing are one way to lie.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Self, TypeAlias

from crawlerdetect import CrawlerDetect  # type: ignore[import-untyped]

from gateway.core.domain import host_name

# A longer agent says nothing new, and the patterns cost time per character.
MAX_AGENT_CHARS = 1024
_REMEMBERED_CHARS = 64
_REMEMBERED_PEERS = 4_096
CRAWLER = "crawler"
NO_AGENT = "no_agent"

# An address as nearly every visitor's is spelled is told by its four parts, at a tenth of what `ipaddress` takes.
_OCTETS: Final = frozenset(map(str, range(256)))
# First parts below which IANA's registry of special addresses names nothing, nor is any of them multicast: all public.
# https://www.iana.org/assignments/iana-ipv4-special-registry/, read 2026-11-22
_ORDINARY: Final = frozenset(map(str, range(1, 224))) - {"10", "100", "127", "169", "172", "192", "198", "203"}

_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_CRAWLERS = CrawlerDetect()


@dataclass(frozen=True, slots=True)
class Proxies:
    """The networks whose word about the connection is believed (`server.trusted_proxies`)."""

    networks: tuple[_Network, ...] = ()
    _known: dict[str | None, bool] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def parse(cls, cidrs: Iterable[str]) -> Self:
        """Read networks or single addresses; host bits may be set.

        Errors:  ValueError names the text that is no network.
        """
        return cls(tuple(ipaddress.ip_network(cidr.strip(), strict=False) for cidr in cidrs))

    def trusts(self, address: str | None) -> bool:
        """Say whether this peer is one of the trusted proxies."""
        known = self._known.get(address)
        if known is None:
            found = _parse(address)
            known = found is not None and self._holds(found)
            if len(self._known) >= _REMEMBERED_PEERS:
                self._known.clear()
            self._known[address] = known
        return known

    def _holds(self, address: _Address) -> bool:
        for network in self.networks:  # noqa: SIM110 - a generator costs more than the few networks
            if address in network:
                return True
        return False


def address(peer: str | None, forwarded_for: Sequence[str], proxies: Proxies) -> str | None:
    """Return the visitor's address, walking `X-Forwarded-For` from the right for as long as we trust who wrote it.

    Shape:   canonical text, IPv4 where it was mapped into IPv6, no zone and no port. Private addresses stay: they
             serve limits; `public()` says what platforms may be told.
    Errors:  an unreadable element ends the walk at the proxy that wrote it.
    """
    plain = peer
    if forwarded_for and proxies.trusts(peer):
        plain = forwarded_for[0] if len(forwarded_for) == 1 else None
    if plain is not None and _first_octet(plain) is not None:
        return plain
    first = current = _parse(peer)
    if current is None:
        return None
    for line in reversed(forwarded_for):
        for element in reversed(line.split(",")):
            if not element.strip():
                continue  # RFC 9110, 5.6.1.2: empty elements are no elements
            if not (proxies.trusts(peer) if current is first else proxies._holds(current)):
                return str(current)
            claimed = _parse(element, port_allowed=True)
            if claimed is None:
                return str(current)
            current = claimed
    return str(current)


def is_plain(text: str) -> bool:
    """Say whether this is an IPv4 address as `address()` spells it, so that nothing is left to be read."""
    return _first_octet(text) is not None


def public(address: str | None) -> str | None:
    """Return the address if it can be a visitor's on the internet: what platforms may be told."""
    if address is not None and _first_octet(address) in _ORDINARY:
        return address
    return _public(address)


@lru_cache(maxsize=4096)
def _public(address: str | None) -> str | None:
    found = _parse(address)
    return str(found) if found is not None and found.is_global and not found.is_multicast else None


def address_block(address: str) -> str:
    """Return what counts as one sender: an IPv4 address itself, the /64 of an IPv6 address."""
    found = _parse(address)
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((found, 64), strict=False))
    return address if found is None else str(found)


def forwarded_host(peer: str | None, values: Sequence[str], proxies: Proxies) -> str | None:
    """Return the host of `X-Forwarded-Host` where a trusted proxy sent exactly one.

    A second value was put there by somebody else, and which of the two is whose cannot be told.
    """
    return host_name(_single(peer, values, proxies))


def forwarded_proto(peer: str | None, values: Sequence[str], proxies: Proxies) -> str | None:
    """Return `https` or `http` where a trusted proxy sent exactly one `X-Forwarded-Proto`."""
    said = (_single(peer, values, proxies) or "").lower()
    return said if said in ("https", "http") else None


def bot(user_agent: str | None) -> str | None:
    """Return why this agent is taken for a machine (`crawler`, `no_agent`), or None for a person's browser.

    The images of an opened e-mail are fetched by proxies that look like crawlers: classify opens before asking.
    """
    agent = (user_agent or "").strip()[:MAX_AGENT_CHARS]
    if not agent:
        return NO_AGENT
    return CRAWLER if _is_crawler(agent) else None


@lru_cache(maxsize=4096)
def _is_crawler(agent: str) -> bool:
    return bool(_CRAWLERS.is_crawler(agent))


def _single(peer: str | None, values: Sequence[str], proxies: Proxies) -> str | None:
    if len(values) != 1 or "," in values[0] or not proxies.trusts(peer):
        return None
    return values[0].strip() or None


def _first_octet(text: str) -> str | None:
    """Return the first of four plain octets; None for what `ipaddress` would not read, or would spell otherwise."""
    octets = text.split(".", 4)
    return octets[0] if len(octets) == 4 and _OCTETS.issuperset(octets) else None


def _parse(text: str | None, *, port_allowed: bool = False) -> _Address | None:
    """Read an address as peers and proxies write it: brackets, a port, a zone, IPv4 inside IPv6."""
    # What is longer is read anew each time: a stranger's text must not fill a cache.
    if text is not None and len(text) > _REMEMBERED_CHARS:
        return _read(text, port_allowed)
    return _known(text, port_allowed)


def _read(text: str | None, port_allowed: bool) -> _Address | None:
    host = (text or "").strip()
    if port_allowed:
        host = _without_port(host)
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv4Address):
        return found
    # By way of the number: a zone names an interface of somebody else's machine.
    return found.ipv4_mapped or ipaddress.IPv6Address(int(found))


_known = lru_cache(maxsize=8192)(_read)


def _without_port(text: str) -> str:
    """Return the address without brackets and port; text that is neither stays, and will not parse."""
    if text.startswith("["):
        inside, bracket, rest = text[1:].partition("]")
        return inside if bracket and ":" in inside and (rest == "" or _is_port(rest[1:], rest[0])) else text
    host, colon, port = text.partition(":")
    return host if colon and "." in host and _is_port(port, colon) else text


def _is_port(digits: str, colon: str) -> bool:
    return colon == ":" and digits.isascii() and digits.isdigit() and len(digits) <= 5 and int(digits) <= 65_535
