"""The `ids` of an event: click ids and the vendors' cookies that a page or a server passed on."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple

from gateway.core.clickid import NAMES, acceptable
from gateway.core.vendor_cookies import (
    google_browser,
    meta_cookie,
    microsoft_browser,
    reddit_browser,
    snap_browser,
    tiktok_browser,
)
from gateway.core.wires.reading import Reading, kind

_GA_CLIENT: Final = re.compile(r"[A-Za-z0-9._-]{1,100}", re.ASCII)
_GA_SESSION: Final = re.compile(r"[0-9]{1,15}", re.ASCII)


class Ids(NamedTuple):
    """`clicks`: click ids by the contract's names. `cookies`: the vendors' cookies, by theirs."""

    clicks: dict[str, str]
    cookies: dict[str, str]


def read_ids(reading: Reading) -> Ids:
    """Return the identifiers an event names; a malformed or unknown one is left out with a warning."""
    ids, said = Ids({}, {}), reading.mapping("ids")
    if not said:
        return ids
    reading.strangers(_KNOWN, within="ids.", of=[said])
    for key, value in said.items():
        if value is None or value == "":
            continue
        if key in NAMES:
            _put(ids.clicks, key, value, partial(acceptable, key), reading)
        elif key in _COOKIES:
            # GA's own scripts hand the session out as a number.
            value = str(value) if key == "ga_session_id" and type(value) is int and 0 < value < 10**15 else value
            _put(ids.cookies, key, value, _COOKIES[key], reading)
    return ids


def _put(found: dict[str, str], key: str, value: Any, well_formed: Callable[[str], bool], reading: Reading) -> None:
    if not isinstance(value, str):
        reading.warn(f"ids.{key}: text expected, not {kind(value)}; left out")
    elif not well_formed(value):
        reading.warn(f"ids.{key}: malformed; left out")
    else:
        found[key] = value


def _meta(text: str) -> bool:
    # An encoded value would be decoded on its way in: only what Meta takes as it stands.
    cookie = meta_cookie(text)
    return cookie is not None and cookie.text == text


_COOKIES: Final[dict[str, Callable[[str], bool]]] = {
    "fbp": _meta,
    "fbc": _meta,
    "ttp": lambda text: tiktok_browser(text) == text,
    "sc_cookie1": lambda text: snap_browser(text) == text,
    "rdt_uuid": lambda text: reddit_browser(text) == text,
    "uetvid": lambda text: microsoft_browser(text) == text,
    "gcl_au": lambda text: google_browser({"_gcl_au": text}) is not None,
    "ga_client_id": lambda text: _GA_CLIENT.fullmatch(text) is not None,
    "ga_session_id": lambda text: _GA_SESSION.fullmatch(text) is not None,
}
_KNOWN: Final = frozenset({*NAMES, *_COOKIES})
