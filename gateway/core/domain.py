"""Names of hosts: which domain a cookie may have, and which origin a URL belongs to.

The one place that asks the public suffix list. It knows no site and no cookie, so that nobody guesses a domain by
counting dots.
"""

from __future__ import annotations

import ipaddress
import re
from functools import cache, lru_cache
from urllib.parse import urlsplit

from publicsuffixlist import PublicSuffixList

DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_HOST_CHARS = 253  # RFC 1035, 2.3.4: 255 octets on the wire

# Where a URL begins like this, nothing behind it has a say in its origin: one answer serves a whole site.
_PLAIN_ORIGIN = re.compile(r"https?://[A-Za-z0-9._:-]{1,260}(?=[/?#]|\Z)")
# What is longer is read anew each time: a stranger's text must not fill a cache.
_REMEMBERED_CHARS = 64
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")


# The address of a page: a scheme of the web and a host.
_PAGE = re.compile(r"[hH][tT][tT][pP][sS]?://\w[\w.-]*(?::[0-9]{0,5})?(?:[/?#]|\Z)")


# As nearly all are spelled, and quicker.
_is_plain_page = re.compile(r"https?://[a-z0-9][a-z0-9.-]*/").match


def page_address(url: str | None) -> str | None:
    """Return the address of a page on the web; None for an app's, a file's, or a mere part of one."""
    return url if url is not None and (_is_plain_page(url) or _PAGE.match(url)) else None


def host_name(text: str | None) -> str | None:
    """Return the host of a `Host` header's value: lower case, without port and trailing dot.

    Shape:   a name, an IPv4 address, or an IPv6 address without its brackets; None for anything else.
    """
    return _known_name(text or "") if len(text or "") <= _REMEMBERED_CHARS else _name(text or "")


def _name(text: str) -> str | None:
    host = text.strip().lower()
    if host.startswith("["):
        inside, bracket, port = host[1:].partition("]")
        return _ip(inside) if bracket and _is_port_suffix(port) else None
    name, colon, port = host.partition(":")
    if not _is_port_suffix(colon + port):
        return None
    name = name.removesuffix(".")
    return name if len(name) <= MAX_HOST_CHARS and all(_LABEL.fullmatch(x) for x in name.split(".")) else None


_known_name = lru_cache(maxsize=4096)(_name)


def is_address(host: str) -> bool:
    """Say whether this host is an IP address and no name."""
    return _ip(host) is not None


@lru_cache(maxsize=4096)
def is_loopback(host: str) -> bool:
    """Say whether this host can only be the machine itself: `localhost`, a name below it, a loopback address."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    return is_address(host) and ipaddress.ip_address(host).is_loopback


@lru_cache(maxsize=1024)
def registrable_domain(host: str) -> str | None:
    """Return the registrable domain of a host, or None where a cookie has to be host-only.

    None for addresses, single labels, public suffixes themselves, and everything below a private suffix
    (`github.io`, `myshopify.com`): strangers live next door there.
    Source:  the public suffix list, as packaged by publicsuffixlist.
    """
    name = host_name(host)
    if name is None or "." not in name or is_address(name):
        return None
    every_section, icann = _suffixes()
    domain: str | None = every_section.privatesuffix(name)
    return domain if domain is not None and domain == icann.privatesuffix(name) else None


def cookie_domain(wanted: str, host: str, registrable: str | None) -> str | None:
    """Return the domain for a cookie set by `host`, or None for a host-only one.

    `wanted` is the site's `cookie_domain`: `auto`, or a domain that is used where a browser would take it, that is
    where it is the host or a parent of it, and not above the host's registrable domain.
    """
    if wanted == "auto" or registrable is None:
        return registrable
    domain = wanted.lower().strip(".")
    return domain if _is_within(host, domain) and _is_within(domain, registrable) else None


def origin(url: str | None) -> str | None:
    """Return the origin of an absolute http(s) URL as browsers spell it, or None.

    Shape:   `scheme://host[:port]`, lower case, without the scheme's own port.
    """
    plain = _PLAIN_ORIGIN.match(url or "")
    return _known_origin(plain[0]) if plain else _origin(url or "")


@lru_cache(maxsize=1024)
def beginnings(origins: tuple[str, ...]) -> tuple[str, ...]:
    """Return what a URL of these origins begins with where it is spelled as browsers do; any other is for `origin`."""
    plain = [each for each in origins if _PLAIN_ORIGIN.fullmatch(each) and origin(each) == each]
    return tuple(each + mark for each in plain for mark in "/?#")


def _origin(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    name = host_name(f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname)
    if parts.scheme not in DEFAULT_PORTS or name is None:
        return None
    spelled = f"[{name}]" if ":" in name else name
    return f"{parts.scheme}://{spelled}" + ("" if port in (None, DEFAULT_PORTS[parts.scheme]) else f":{port}")


_known_origin = lru_cache(maxsize=1024)(_origin)


@cache
def _suffixes() -> tuple[PublicSuffixList, PublicSuffixList]:
    """Load the list twice, with and without its private section (35 ms each, at first use)."""
    return PublicSuffixList(), PublicSuffixList(only_icann=True)


def _is_within(host: str, domain: str) -> bool:
    return host == domain or host.endswith("." + domain)


def _is_port_suffix(text: str) -> bool:
    """Accept `` and `:443`; a bare colon is legal too (RFC 3986, 3.2.3)."""
    return text == "" or (text[0] == ":" and (text[1:] == "" or (text[1:].isascii() and text[1:].isdigit())))


def _ip(text: str) -> str | None:
    return _known_ip(text) if len(text) <= _REMEMBERED_CHARS else _read_ip(text)


def _read_ip(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None


_known_ip = lru_cache(maxsize=4096)(_read_ip)
