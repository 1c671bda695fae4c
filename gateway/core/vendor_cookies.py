"""The vendors' first-party cookies, in the vendors' own formats: read tolerantly, written exactly.

Their browser scripts write and read the same cookies, so that the page's pixel and the gateway name one browser
and one click alike. Nothing of ours is in here; which cookie is set, and when, is decided in `cookies.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from gateway.core.clickid import acceptable
from gateway.core.event import Click
from gateway.core.percent import unquote

FBP: Final = "_fbp"
FBC: Final = "_fbc"
TTP: Final = "_ttp"
SCID: Final = "_scid"
RDT_UUID: Final = "_rdt_uuid"
UETVID: Final = "_uetvid"
GCL_AW: Final = "_gcl_aw"
GCL_AU: Final = "_gcl_au"
FPAU: Final = "FPAU"
GA: Final = "_ga"

# Google's click cookies: gtag's, then the ones a server container writes. Source: gtag.js, read 2026-11-22.
_GOOGLE: Final = {
    "_gcl_aw": "gclid",
    "FPGCLAW": "gclid",
    "_gcl_ag": "gbraid",
    "FPGCLAG": "gbraid",
    "_gcl_gb": "wbraid",
    "FPGCLGB": "wbraid",
    "_gcl_dc": "dclid",
    "FPGCLDC": "dclid",
}
# Old Analytics, one cookie a property; the longer prefix first.
_GAC: Final = (("_gac_gb_", "wbraid"), ("_gac_", "gclid"))
_GAC_ANY: Final = "_gac_"
# The bare id and nothing else; a prefix that the vendor's script puts in front is cut off.
_BARE: Final = (
    ("ttclid", "ttclid", ""),
    ("_scclid", "scid", ""),
    ("_uetmsclkid", "msclkid", "_uet"),
    ("li_fat_id", "li_fat_id", ""),
    ("_epik", "epik", ""),
    ("twclid", "twclid", ""),
    ("_rdt_cid", "rdt_cid", ""),
)
_TWCLID: Final = "_twclid"
# Old Analytics' cookies are of these, too.
RARE: Final = frozenset({*_GOOGLE, _TWCLID, *(cookie for cookie, _, _ in _BARE), SCID, RDT_UUID, UETVID, FPAU})
"""Cookies that few browsers hold."""

# Possessive (`+` behind a count): no part begins with what the one before may hold, so nothing is ever given back.
# A fifth part names the library that wrote the value (2 or 8 characters); it is passed on and never compared.
META_SHAPE: Final = re.compile(
    r"fb\.[0-9]{1,2}+\.([0-9]{1,15}+)\.([A-Za-z0-9_~-]{1,500}+)(?:\.(?:[A-Za-z0-9_-]{2}|[A-Za-z0-9_-]{8}))?"
)
# Some shop plugins write seconds there. As milliseconds this is 1973, as seconds the year 5138.
_FIRST_MS: Final = 10**11
_GCL = re.compile(r"(?:GCL|1)\.([0-9]{1,12})\.([A-Za-z0-9_-]+)(?:\..*)?")
_DIGITS = re.compile(r"[0-9]{1,12}")
GCL_AU_SHAPE: Final = re.compile(r"1\.[0-9]{1,2}+\.[0-9]{1,20}+\.[0-9]{1,12}+[0-9A-Za-z._-]{0,200}+")
# KSUID-like, 27 base62; newer pixels add .tt.<n>
TTP_SHAPE: Final = re.compile(r"[A-Za-z0-9_-]{20,64}+(?:\.tt\.[0-9]{1,3}+)?")
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_SCID = re.compile(_UUID)
# The moment it was made, then the id; a shop's own server may well have cut the first off.
_RDT_UUID = re.compile(rf"(?:[0-9]{{13}}\.)?{_UUID}")
_UETVID = re.compile(r"[0-9a-f]{32}")
GA_SHAPE: Final = re.compile(r"GA1\.[0-9-]{1,5}+\.([0-9]{1,20}+\.[0-9]{1,12}+)")
_GS1 = re.compile(r"GS1\.[0-9-]{1,5}\.([0-9]{1,12})\.[0-9]+\.[0-9]+\.([0-9]{1,12})(?:\..*)?")
# The second generation as Google's tag writes it; any other order of its fields is read by `_fields`.
_GS2 = re.compile(r"GS2\.[0-9-]{1,5}\.s([0-9]{1,12})(?:\$(?!t)[^.$]*)*\$t([0-9]{1,12})(?:\$[^.]*)?")
_FIELDS = re.compile(r"(?:2|GS2)\.[0-9-]{1,5}\.([^.]+)")


class Recalled(msgspec.Struct, frozen=True):
    """Click ids found in vendors' cookies: `stamped` by the vendor, `bare` without any time."""

    stamped: Mapping[str, Click]
    bare: Mapping[str, str]


NOTHING_RECALLED: Final = Recalled({}, {})


class Held(msgspec.Struct, frozen=True):
    """Which cookies a browser holds: `is_rare` where some are of those that few hold; Analytics' sessions by name."""

    is_rare: bool
    sessions: Sequence[str]


class MetaCookie(msgspec.Struct, frozen=True):
    """A readable `_fbp` or `_fbc`: the bytes as they came, and two of its parts."""

    text: str
    created_ms: int
    payload: str


def meta_cookie(value: str | None) -> MetaCookie | None:
    """Read `fb.<index>.<ms>.<payload>` with or without its fifth part; None for what Meta would refuse.

    One malformed value fails Meta's whole batch (error 100/2804001), so nothing doubtful passes.
    """
    if not value:
        return None
    text = unquote(value) if "%" in value else value
    found = META_SHAPE.fullmatch(text)
    if found is None:
        return None
    return MetaCookie(text, meta_moment_ms(found[1]), found[2])


def meta_moment_ms(created: str) -> int:
    """Return when a `_fbp` or `_fbc` says it was made."""
    moment = int(created)
    return moment if moment >= _FIRST_MS else moment * 1000


def meta_browser(value: str) -> str | None:
    """Return a `_fbp` as it came, if it is one."""
    text = unquote(value) if "%" in value else value
    return text if META_SHAPE.fullmatch(text) else None


def meta_text(index: int, created_ms: int, payload: str) -> str:
    """Spell a `_fbp` or `_fbc`; `index` is the number of labels of the cookie's domain, less one."""
    return f"fb.{index}.{created_ms}.{payload}"


def gcl_text(seen_ms: int, gclid: str) -> str:
    """Spell a `_gcl_aw`."""
    return f"GCL.{seen_ms // 1000}.{gclid}"


def gcl_click(value: str | None, name: str) -> Click | None:
    """Read a Google click cookie in either spelling: `GCL.<s>.<id>[.<label>…]` or `2.1.k<id>$i<s>[$…]`."""
    if not value:
        return None
    text = unquote(value)
    old, fields = _GCL.fullmatch(text), _fields(text)
    seen_s, click_id = (old[1], old[2]) if old else (fields.get("i", ""), fields.get("k", ""))
    if not (_DIGITS.fullmatch(seen_s) and acceptable(name, click_id)):
        return None
    return Click(id=click_id, seen_ms=int(seen_s) * 1000)


def tiktok_browser(value: str | None) -> str | None:
    """Return a `_ttp` as it came, if it is one."""
    if not value:
        return None
    text = unquote(value) if "%" in value else value
    return text if TTP_SHAPE.fullmatch(text) else None


def snap_browser(value: str | None) -> str | None:
    """Return a `_scid` as it came, if it is one. Source: scevent 1.6.0, read 2026-11-22."""
    return _fitting(_SCID, value)


def reddit_browser(value: str | None) -> str | None:
    """Return a `_rdt_uuid` as it came, if it is one. Source: reddit/reddit-gtm-template, read 2026-11-22."""
    return _fitting(_RDT_UUID, value)


def microsoft_browser(value: str | None) -> str | None:
    """Return a `_uetvid` as it came, if it is one."""
    return _fitting(_UETVID, value)


def held(cookies: Mapping[str, str]) -> Held:
    """Look once over all names: asking for each of the thirty that there are takes three times as long."""
    is_rare = False
    sessions: list[str] = []
    for cookie in cookies:
        if cookie in RARE:
            is_rare = True
        elif "_ga" in cookie:
            if cookie.startswith("_ga_"):
                sessions.append(cookie)
            elif _GAC_ANY in cookie:
                is_rare = True
    return Held(is_rare, sessions)


def visitors(cookies: Mapping[str, str]) -> Mapping[str, str]:
    """Return the names that Snapchat, Reddit and Microsoft gave this browser, by the contract's words for them."""
    found: dict[str, str] = {}
    for cookie, name, read in _VISITORS:
        value = read(cookies[cookie]) if cookie in cookies else None
        if value is not None:
            found[name] = value
    return found


_VISITORS: Final = (
    (SCID, "sc_cookie1", snap_browser),
    (RDT_UUID, "rdt_uuid", reddit_browser),
    (UETVID, "uetvid", microsoft_browser),
)


def recall(cookies: Mapping[str, str], *, is_rare: bool) -> Recalled:
    """Find the click ids that the vendors' scripts and servers remembered in this browser (`is_rare`: see `Held`)."""
    stamped: dict[str, Click] = {}
    fbc = meta_cookie(cookies[FBC]) if FBC in cookies else None
    if fbc is not None:
        # What may stand in a `_fbc` may stand in a click id: nothing is left to ask.
        stamped["fbclid"] = Click(id=fbc.payload, seen_ms=fbc.created_ms)
    if not is_rare:
        return Recalled(stamped, {})
    for cookie in cookies:
        if cookie in _GOOGLE or _GAC_ANY in cookie:
            _put_newer(stamped, *_google_click(cookie, cookies[cookie]))
    if _TWCLID in cookies:
        _put_newer(stamped, "twclid", _x_click(cookies[_TWCLID]))
    bare: dict[str, str] = {}
    for cookie, name, prefix in _BARE:
        value = unquote(cookies.get(cookie, "")).removeprefix(prefix)
        if acceptable(name, value):
            bare[name] = value
    return Recalled(stamped, bare)


def analytics(cookies: Mapping[str, str], sessions: Sequence[str]) -> Mapping[str, str]:
    """Return `ga_client_id` and `ga_session_id`, where Google Analytics left them.

    Of several streams' `sessions` the one that was touched last counts.
    """
    found: dict[str, str] = {}
    client = GA_SHAPE.fullmatch(cookies[GA]) if GA in cookies else None
    if client is not None:
        found["ga_client_id"] = client[1]
    latest: tuple[int, str] | None = None
    for name in sessions:
        session = _session(cookies[name])
        if session is not None and (latest is None or session > latest):
            latest = session
    if latest is not None:
        found["ga_session_id"] = latest[1]
    return found


def google_browser(cookies: Mapping[str, str]) -> str | None:
    """Return the conversion linker's id: `_gcl_au`, or its twin written by a server container."""
    for name in (GCL_AU, FPAU):
        if name in cookies and GCL_AU_SHAPE.fullmatch(cookies[name]):
            return cookies[name]
    return None


def _fitting(pattern: re.Pattern[str], value: str | None) -> str | None:
    text = unquote(value or "")
    return text if pattern.fullmatch(text.lower()) else None


def _put_newer(stamped: dict[str, Click], name: str, click: Click | None) -> None:
    if click is not None and (name not in stamped or click.seen_ms > stamped[name].seen_ms):
        stamped[name] = click


def _google_click(cookie: str, value: str) -> tuple[str, Click | None]:
    """Return the name of the click id that a cookie of Google's holds, and the click where there is one."""
    name = _GOOGLE.get(cookie) or next((name for prefix, name in _GAC if cookie.startswith(prefix)), "")
    return name, gcl_click(value, name)


def _x_click(value: str) -> Click | None:
    """Read X's `_twclid`, a JSON object with the id and the milliseconds it was stored."""
    try:
        held = msgspec.json.decode(unquote(value))
    except (msgspec.DecodeError, UnicodeEncodeError):
        return None
    if not isinstance(held, dict):
        return None
    click_id, stored_ms = held.get("twclid"), held.get("timestamp")
    # JSON's true is an int to Python, and no moment.
    if type(stored_ms) is not int or stored_ms < 0 or not isinstance(click_id, str):
        return None
    if not acceptable("twclid", click_id):
        return None
    return Click(id=click_id, seen_ms=stored_ms)


def _session(value: str) -> tuple[int, str] | None:
    """Return (second of the last hit, session id) of a `_ga_<stream>` cookie, first or second generation."""
    found = _GS2.fullmatch(value) or _GS1.fullmatch(value)
    if found:
        return int(found[2]), found[1]
    fields = _fields(value)
    touched_s, session = fields.get("t", "0"), fields.get("s", "")
    return (int(touched_s), session) if _DIGITS.fullmatch(touched_s) and _DIGITS.fullmatch(session) else None


def _fields(text: str) -> Mapping[str, str]:
    """Read Google's newer spelling, `<version>.<levels>.` and `$`-separated fields, each named by its first letter."""
    found = _FIELDS.fullmatch(text)
    return {part[:1]: part[1:] for part in reversed(found[1].split("$"))} if found else {}
