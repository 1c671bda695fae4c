"""What the vendors' cookies of one browser tell, all of them read together.

How each is spelled stands in `vendor_cookies.py`. Nearly every browser holds the same few of them in the same
spelling: those are read by one pattern, and where anything is out of the ordinary, each is read for itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from gateway.core import vendor_cookies
from gateway.core.event import Click
from gateway.core.percent import unquote
from gateway.core.vendor_cookies import FBC, FBP, GA, GCL_AU, NOTHING_RECALLED, TTP, Recalled

# A session of Analytics as Google's tag writes it today.
_SESSION: Final = r"GS2\.[0-9-]{1,5}+\.s([0-9]{1,12}+)\$o[0-9]++\$g[0-9]\$t[0-9]{1,12}+\$[a-z0-9$]*+"
# A line for each cookie, in the order of `_read_ordinary`; empty where the browser has no such cookie.
_ORDINARY = re.compile(
    "\n".join(
        f"(?:{line}|)"
        for line in (
            vendor_cookies.META_SHAPE.pattern,
            vendor_cookies.META_SHAPE.pattern,
            vendor_cookies.TTP_SHAPE.pattern,
            vendor_cookies.GCL_AU_SHAPE.pattern,
            vendor_cookies.GA_SHAPE.pattern,
            _SESSION,
        )
    )
)


class Told(msgspec.Struct, frozen=True):
    """The clicks that a browser remembers by way of the vendors, and the names that they gave it.

    `fbc` is the whole cookie of the `fbclid` in `recalled`. `others`: Snapchat's, Reddit's and Microsoft's names, by
    the contract's words.
    """

    recalled: Recalled = NOTHING_RECALLED
    fbp: str | None = None
    fbc: str | None = None
    ttp: str | None = None
    gcl_au: str | None = None
    ga_client_id: str | None = None
    ga_session_id: str | None = None
    others: Mapping[str, str] = {}


NOTHING: Final = Told()


def read(cookies: Mapping[str, str]) -> Told:
    """Read what the vendors' cookies tell; a malformed one is not there."""
    told = _read_ordinary(cookies)
    return _read_any(cookies) if told is None else told


def _read_ordinary(cookies: Mapping[str, str]) -> Told | None:
    """Read the cookies that nearly every browser holds; None where there is another, or one is spelled otherwise."""
    if not vendor_cookies.RARE.isdisjoint(cookies):
        return None
    sessions = [name for name in cookies if "_ga" in name and name != GA]
    if len(sessions) > 1 or (sessions and not sessions[0].startswith("_ga_")):
        return None
    get = cookies.get
    fbp, fbc, ttp, gcl_au = get(FBP, ""), get(FBC, ""), get(TTP, ""), get(GCL_AU, "")
    session = cookies[sessions[0]] if sessions else ""
    found = _ORDINARY.fullmatch(f"{fbp}\n{fbc}\n{ttp}\n{gcl_au}\n{get(GA, '')}\n{session}")
    if found is None:
        return None
    _, _, created, click_id, client_id, session_id = found.groups()
    recalled = NOTHING_RECALLED
    if fbc:
        click = Click(id=click_id, seen_ms=vendor_cookies.meta_moment_ms(created))
        recalled = Recalled({"fbclid": click}, {})
    return Told(recalled, fbp or None, fbc or None, ttp or None, gcl_au or None, client_id, session_id)


def _read_any(cookies: Mapping[str, str]) -> Told:
    held = vendor_cookies.held(cookies)
    recalled = vendor_cookies.recall(cookies, is_rare=held.is_rare)
    google = vendor_cookies.analytics(cookies, held.sessions)
    return Told(
        recalled,
        vendor_cookies.meta_browser(cookies[FBP]) if FBP in cookies else None,
        # No other cookie than Meta's dates one.
        unquote(cookies[FBC]) if "fbclid" in recalled.stamped else None,
        vendor_cookies.tiktok_browser(cookies.get(TTP)),
        vendor_cookies.google_browser(cookies),
        google.get("ga_client_id"),
        google.get("ga_session_id"),
        vendor_cookies.visitors(cookies) if held.is_rare else {},
    )
