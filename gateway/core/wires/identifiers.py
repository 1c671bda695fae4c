"""The `ids` of an event: click ids and the vendors' cookies that a page or a server passed on."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

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


def read_ids(reading: Reading) -> tuple[dict[str, str], dict[str, str]]:
    """Return the click ids an event names, and the vendors' cookies, both by the contract's names.

    A malformed or unknown one is left out with a warning.
    """
    clicks: dict[str, str] = {}
    cookies: dict[str, str] = {}
    said = reading.mapping("ids")
    unknown = [key for key in said if key not in _FITTING]
    if unknown:
        reading.strangers(unknown, _FITTING_NAMES, within="ids.")
    for key, value in said.items():
        if value is None or value == "" or key not in _FITTING:
            continue
        # GA's own scripts hand the session out as a number.
        if key == "ga_session_id" and type(value) is int and 0 < value < 10**15:
            value = str(value)
        if not isinstance(value, str):
            reading.warn(f"ids.{key}: text expected, not {kind(value)}; left out")
        elif not _FITTING[key](value):
            reading.warn(f"ids.{key}: malformed; left out")
        elif key in NAMES:
            clicks[key] = value
        else:
            cookies[key] = value
    return clicks, cookies


def sort_ids(said: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]] | None:
    """Do the same for ids that are all as they should be; None where one is not."""
    clicks: dict[str, str] = {}
    cookies: dict[str, str] = {}
    for key, value in said.items():
        fits = _FITTING.get(key)
        if fits is None or not value or not fits(value):
            return None
        if key in NAMES:
            clicks[key] = value
        else:
            cookies[key] = value
    return clicks, cookies


def _meta(text: str) -> bool:
    # An encoded value would be decoded on its way in: only what Meta takes as it stands.
    cookie = meta_cookie(text)
    return cookie is not None and cookie.text == text


# What tells whether a text may be the identifier of that name: it answers with something or with nothing.
_FITTING: Final[Mapping[str, Callable[[str], object]]] = {
    **{name: partial(acceptable, name) for name in NAMES},
    "fbp": _meta,
    "fbc": _meta,
    "ttp": lambda text: tiktok_browser(text) == text,
    "sc_cookie1": lambda text: snap_browser(text) == text,
    "rdt_uuid": lambda text: reddit_browser(text) == text,
    "uetvid": lambda text: microsoft_browser(text) == text,
    "gcl_au": lambda text: google_browser({"_gcl_au": text}) is not None,
    "ga_client_id": re.compile(r"[A-Za-z0-9._-]{1,100}").fullmatch,
    "ga_session_id": re.compile(r"[0-9]{1,15}").fullmatch,
}
_FITTING_NAMES: Final = frozenset(_FITTING)
