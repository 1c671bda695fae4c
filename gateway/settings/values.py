"""The forms a text may have: an address, an origin, a rate. Each is read once here and trusted afterwards.

Errors:  every reader raises ValueError; its text says what the form looks like and never repeats the value.
"""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import SplitResult, urlsplit

from gateway.core.adapter import Secret
from gateway.core.domain import is_address
from gateway.core.goods import CURRENCIES

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

# RFC 1123 labels, and the underscore that some internal names have.
_HOST: Final = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*"
)
_EVENT: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
# RFC 6265: a token. The prefixes demand attributes that ours do not have.
_COOKIE: Final = re.compile(r"(?!__Host-|__Secure-)[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
_HEADER: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
_PATH: Final = re.compile(r"(/[A-Za-z0-9._~!$&'()*+,;=:@-]+)+/?")
_RATE: Final = re.compile(r"([1-9][0-9]{0,8})/(s|m|h)")
# What neither a header nor a line of a log can hold.
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
# A last label of digits makes the whole an IPv4 address, and nothing else.
_NUMBERS: Final = re.compile(r"(?:.*\.)?[0-9]+")
_REGION: Final = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")
_NOT_ASCII: Final = "write the name as browsers send it, in plain letters: bücher.example is xn--bcher-kva.example"
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}
_PORTS: Final = {"http": 80, "https": 443}


def secret(text: str) -> Secret:
    """Read a secret that can travel in a header."""
    if _CONTROL.search(text):
        raise ValueError("holds a line break or another control character; write it anew, on one line")
    return Secret(text)


def plain(text: str) -> str:
    """Take any text but one that the system would cut or refuse."""
    if "\0" in text:
        raise ValueError("holds a NUL character; write it without")
    return text


def folder(text: str) -> Path:
    return Path(plain(text))


def host_port(text: str) -> tuple[str, int]:
    """Read `127.0.0.1:8080`, `[::1]:8080` or `:8080` (every IPv4 address)."""
    host, colon, port = text.strip().rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65_535 or (":" in bare and bare == host):
        raise ValueError("write host:port, as in 127.0.0.1:8080 or [::1]:8080")
    name = host_name(bare) if bare else "0.0.0.0"
    if _NUMBERS.fullmatch(name) and not is_address(name):
        raise ValueError("is no address: an IPv4 address has four numbers up to 255, as in 127.0.0.1:8080")
    return name, int(port)


def host_name(text: str) -> str:
    """Read a host without scheme, port and path; names in lower case, addresses as they are normally written."""
    bare = text.strip().lower().rstrip(".")
    try:
        return str(ipaddress.ip_address(bare.strip("[]")))
    except ValueError:
        pass
    if not bare.isascii():
        raise ValueError(_NOT_ASCII)
    if not _HOST.fullmatch(bare):
        raise ValueError("write the host alone, as in t.shop.example: no scheme, port, path or *")
    return bare


def origin(text: str) -> str:
    """Read an origin as a browser sends it: scheme and host in lower case, no default port, nothing behind."""
    example = "write scheme and host alone, as in https://shop.example: no path, no *"
    split = _split(text, example)
    if split.scheme not in _PORTS or split.path not in ("", "/") or split.query or split.fragment:
        raise ValueError(example)
    name = split.hostname or ""
    if not name.isascii():
        raise ValueError(_NOT_ASCII)
    try:
        host = host_name(name)
    except ValueError:
        raise ValueError(example) from None
    port = "" if split.port in (None, _PORTS[split.scheme]) else f":{split.port}"
    return f"{split.scheme}://[{host}]{port}" if ":" in host else f"{split.scheme}://{host}{port}"


def base_url(text: str) -> str:
    """Read what stands for a platform's scheme and host; a path in it goes before the adapter's own."""
    example = "write scheme and host, as in https://graph.facebook.com: no query, user or password"
    split = _split(text, example)
    if split.scheme not in _PORTS or split.query or split.fragment or split.username is not None:
        raise ValueError(example)
    return text.strip().rstrip("/")


def upstream(text: str) -> str:
    """Read the one address that a proxy route asks: https, or http on this machine."""
    example = "write an https address with a path, as in https://www.googletagmanager.com/gtag/js: no query"
    split = _split(text, example)
    plain = split.scheme == "http" and split.hostname in ("127.0.0.1", "::1", "localhost")
    if (split.scheme != "https" and not plain) or split.username is not None or {"?", "#", "\\"} & set(text):
        raise ValueError(example)
    if not split.path:
        raise ValueError(example)
    return text.strip()


def _split(text: str, example: str) -> SplitResult:
    try:
        split = urlsplit(text.strip())
        _ = split.port  # a bad port raises only when it is asked for
    except ValueError:
        raise ValueError(example) from None  # urllib's own words repeat the value
    if not split.hostname or any(char.isspace() for char in text.strip()):
        raise ValueError(example)
    return split


def network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text.strip())
    except ValueError:
        pass
    try:
        meant = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        raise ValueError("write an address or a network, as in 10.0.0.0/8 or 2001:db8::/32") from None
    raise ValueError(f"has bits set behind its mask; write {meant}")


def path(text: str) -> str:
    """Read a path below a site: begins with `/`, plain characters, no trailing slash unless it is `/` itself."""
    if text == "/":
        return text
    if not _PATH.fullmatch(text) or "/../" in f"{text}/" or "/./" in f"{text}/":
        raise ValueError("write a path that begins with /, as in /m: no query, no spaces, no ..")
    return text.rstrip("/")


def rate_per_s(text: str) -> float:
    """Read `50/s`, `600/m` or `1000/h` into a number per second."""
    found = _RATE.fullmatch(text.strip())
    if not found:
        raise ValueError("write a whole number and a unit, as in 50/s, 600/m or 1000/h")
    return int(found[1]) / _SECONDS[found[2]]


def rate(text: str) -> str:
    """Check a rate and leave it as it is written, for people to see."""
    rate_per_s(text)
    return text.strip()


def name(text: str) -> str:
    """Check the name of a site or destination: it is part of addresses, metrics and commands."""
    if not _NAME.fullmatch(text):
        raise ValueError("a name is 1 to 64 letters, digits, - and _, and begins with a letter or digit")
    return text


def event_name(text: str) -> str:
    if not _EVENT.fullmatch(text):
        raise ValueError(
            "an event's name begins with a letter and goes on with letters, digits, _, . and - (64 at most)"
        )
    return text


def cookie_name(text: str) -> str:
    if not _COOKIE.fullmatch(text):
        raise ValueError("a cookie's name has no spaces, quotes or separators, and no __Host- or __Secure- prefix")
    return text


def header_name(text: str) -> str:
    if not _HEADER.fullmatch(text):
        raise ValueError("write the name of a header, as in CF-IPCountry")
    return text


def cookie_domain(text: str) -> str:
    return text if text == "auto" else host_name(text.removeprefix("."))


def country(text: str) -> str:
    code = text.strip().upper()
    if code == "UK":
        raise ValueError("the United Kingdom's code is GB")
    if len(code) != 2 or not code.isascii() or not code.isalpha():
        raise ValueError("write the two letters of ISO 3166, as in DE")
    # Only a site with such a country reads numbers by it; a process that never does is smaller without.
    from phonenumbers import SUPPORTED_REGIONS

    if code not in SUPPORTED_REGIONS:
        raise ValueError("no country with telephone numbers has this code; write that of ISO 3166, as in DE")
    return code


def region(text: str) -> str:
    code = text.strip().upper()
    if code[:2] == "UK":
        raise ValueError("the United Kingdom's code is GB")
    if not _REGION.fullmatch(code):
        raise ValueError("write a country of ISO 3166, as in DE, or a region of one, as in US-CA")
    return code


def currency(text: str) -> str:
    code = text.strip().upper()
    if len(code) != 3 or not code.isascii() or not code.isalpha():
        raise ValueError("write the three letters of ISO 4217, as in EUR")
    if code not in CURRENCIES:
        raise ValueError("no currency has this code; write that of ISO 4217, as in EUR")
    return code
