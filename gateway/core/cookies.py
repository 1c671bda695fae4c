"""Which cookies one hit sets, and what its event may carry of them: decided here, written by the web room.

Two are ours: `_tw_id` (the visitor) and `_tw_click` (the click ids, see `clickid.py`). The others belong to the
vendors and are written in their formats, when they are absent or lost.

When an expiry is renewed. A browser never tells a cookie's expiry, so the day of the last renewal has to stand in a
cookie. It stands in `_tw_click`, beside the clicks it holds, and never in `_tw_id`, whose value stays the same for as
long as it is valid. On the first hit of a later UTC day `_tw_click` is written again with that day, and `_tw_id` is
renewed with it, unchanged. A visitor without a click id has no such note: that `_tw_id` ends 400 days after it was
first set, which is as long as browsers keep any cookie. Vendors' cookies are renewed by the vendors' own scripts.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from gateway.core import clickid, vendor_cookies
from gateway.core.clickid import NOTHING_KEPT, Landing
from gateway.core.domain import cookie_domain, is_address, is_loopback
from gateway.core.event import Click, Consent, Grant
from gateway.core.hit import SetCookie, Visitor
from gateway.core.percent import unquote
from gateway.core.site import DAY_S, CookieNames, Site
from gateway.core.vendor_cookies import FBC, FBP, GCL_AW, NOTHING_RECALLED, TTP, Recalled

# A member that is asked of its enum costs a call in Python 3.11; these are asked several times a hit.
_GRANTED: Final = Grant.GRANTED
_DENIED: Final = Grant.DENIED

META: Final = "meta"
GOOGLE: Final = "google"
TIKTOK: Final = "tiktok"

ID_LIFE_S: Final = 400 * DAY_S  # the longest that browsers keep a cookie (RFC 6265bis, 5.5)
CLICK_LIFE_S: Final = 90 * DAY_S
FBP_LIFE_S: Final = 90 * DAY_S  # 7,776,000 s in Meta's pixel, and in Google's tag for its own
FBC_LIFE_S: Final = 90 * DAY_S
GCL_LIFE_S: Final = 90 * DAY_S
TTP_LIFE_S: Final = 395 * DAY_S  # TikTok: 13 months

_TTP_CHARS: Final = 27
_BASE62: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# Readers ignore further parts; the alphabet keeps what a stranger put there from breaking out of a header.
_ID = re.compile(r"1\.([A-Za-z0-9_-]{22})\.([0-9]{1,12})(?:\.[A-Za-z0-9._~-]{0,200})?")


class Jar(msgspec.Struct, frozen=True, kw_only=True):
    """What a hit's cookies come to.

    `clicks` and `browser` are what the event may carry: nothing of a purpose that is not granted. `browser` is
    `Browser.cookies`, by its names. `visitor`: the 22 characters of `_tw_id`, or None without `analytics_storage`.
    """

    set_cookies: tuple[SetCookie, ...] = ()
    clicks: Mapping[str, Click] = {}
    browser: Mapping[str, str] = {}
    visitor: str | None = None


class _Visit(msgspec.Struct, frozen=True, kw_only=True):
    """One hit as all its cookies see it: what came, what may be minted, and how a cookie is marked."""

    cookies: Mapping[str, str]
    consent: Consent
    now_ms: int
    day: int
    dice: bytes
    vendors: frozenset[str]
    host: str
    domain: str | None
    secure: bool

    @property
    def index(self) -> int:
        """Meta's index of the cookies' domain: `example.com` 1, `example.co.uk` 2, localhost and addresses 0."""
        domain = self.domain or self.host
        return 0 if is_address(domain) else domain.count(".")

    def cookie(self, name: str, value: str, max_age_s: int, *, http_only: bool) -> SetCookie:
        """Spell one cookie; scripts may read the vendors' own, and none of ours (`http_only`)."""
        return SetCookie(
            name=name,
            value=value,
            max_age_s=max_age_s,
            domain=self.domain,
            secure=self.secure,
            http_only=http_only,
        )

    def deletion(self, name: str) -> tuple[SetCookie, ...]:
        return (self.cookie(name, "", 0, http_only=True),) if name in self.cookies else ()

    def throw(self, purpose: str, size: int) -> bytes:
        """Return random bytes for one purpose: no two values of a hit tell anything of each other."""
        return hashlib.blake2b(self.dice, digest_size=size, person=purpose.encode()).digest()


def decide(
    site: Site,
    visitor: Visitor,
    landing: Landing,
    consent: Consent,
    *,
    now_ms: int,
    dice: bytes,
    registrable: str | None,
    vendors: frozenset[str] = frozenset(),
) -> Jar:
    """Decide the cookies of one browser hit, and what its event may carry of the old and the new ones.

    `registrable` is the registrable domain of `visitor.host` (None: host-only cookies). `vendors` (`meta`, `google`,
    `tiktok`) are those the site delivers to: only their cookies are minted, while all are read.
    A purpose denied now takes our cookies away. The vendors' stay: they are their scripts' as much as ours.
    """
    came = visitor.cookies
    visit = _Visit(
        cookies=came,
        consent=consent,
        now_ms=now_ms,
        day=now_ms // 1000 // DAY_S,
        dice=dice,
        vendors=vendors,
        host=visitor.host,
        domain=cookie_domain(site.cookie_domain, visitor.host, registrable),
        secure=visitor.secure or not is_loopback(visitor.host),
    )
    may_advertise = consent.ad_storage is _GRANTED
    held = vendor_cookies.held(came)
    recalled = vendor_cookies.recall(came, is_rare=held.is_rare) if may_advertise else NOTHING_RECALLED
    clicks, of_clicks, may_renew = _clicks(visit, site.cookies.click, landing, recalled)
    visitor_id, of_id = _id(visit, site.cookies.id, may_renew=may_renew)
    # The vendors' identifiers as the event carries them, and the cookies that have to be set for them.
    browser: dict[str, str] = {}
    minted: list[SetCookie] = []
    if may_advertise:
        _meta(visit, clicks, recalled, browser, minted)
        _tiktok(visit, browser, minted)
        _google(visit, clicks, browser, minted)
        if held.is_rare:
            browser |= vendor_cookies.visitors(came)
    if consent.analytics_storage is _GRANTED:
        browser |= vendor_cookies.analytics(came, held.sessions)
    set_cookies = (*of_id, *of_clicks, *minted)
    return Jar(set_cookies=set_cookies, clicks=clicks, browser=browser, visitor=visitor_id)


def from_headers(headers: Sequence[str], names: CookieNames) -> dict[str, str]:
    """Read the `Cookie` header lines, one value a name.

    A name that comes twice was set by a neighbour too: of the vendors' the first counts, as their scripts have it;
    of ours neither can be believed, and the value is empty.
    """
    text = headers[0] if len(headers) == 1 else ";".join(headers)
    is_quoted = '"' in text
    found: dict[str, str] = {}
    for pair in text.split(";"):
        name, equals, value = pair.partition("=")
        name, value = name.strip(), value.strip()
        if not name or not equals:
            continue
        if is_quoted:
            value = value.strip('"')
        if name not in found:
            found[name] = value
        elif name in (names.id, names.click) and found[name] != value:
            found[name] = ""
    return found


def _id(visit: _Visit, name: str, *, may_renew: bool) -> tuple[str | None, tuple[SetCookie, ...]]:
    """Keep, mint, renew or delete `_tw_id`."""
    granted = visit.consent.analytics_storage
    if granted is not _GRANTED:
        return None, visit.deletion(name) if granted is _DENIED else ()
    now_s = visit.now_ms // 1000
    found = _ID.fullmatch(visit.cookies[name]) if name in visit.cookies else None
    if found is not None:
        issued_s = int(found[2])
        if issued_s <= now_s + DAY_S:  # a day: what clocks may differ by
            if may_renew and issued_s // DAY_S < visit.day:
                return found[1], (visit.cookie(name, found[0], ID_LIFE_S, http_only=True),)
            return found[1], ()
    minted = base64.urlsafe_b64encode(visit.throw("id", 16)).decode().rstrip("=")
    return minted, (visit.cookie(name, f"1.{minted}.{now_s}", ID_LIFE_S, http_only=True),)


def _clicks(
    visit: _Visit, name: str, landing: Landing, recalled: Recalled
) -> tuple[Mapping[str, Click], tuple[SetCookie, ...], bool]:
    """Return the clicks that may be told, what becomes of `_tw_click`, and whether expiries are renewed by this hit."""
    granted = visit.consent.ad_storage
    if granted is not _GRANTED:
        return {}, visit.deletion(name) if granted is _DENIED else (), False
    kept = clickid.read(visit.cookies[name]) if name in visit.cookies else NOTHING_KEPT
    everything = _join(visit.now_ms, kept.clicks, landing, recalled)
    if not everything:
        return {}, visit.deletion(name), False
    alive = noted = everything
    if not _all_alive(everything, visit.now_ms):
        alive = {each: click for each, click in everything.items() if clickid.is_alive(click, visit.now_ms)}
        # An old id that the page or a vendor's undated cookie still shows stays noted, or it would begin again as new.
        shown = {**recalled.bare, **landing.clicks}
        noted = {each: click for each, click in everything.items() if each in alive or shown.get(each) == click.id}
    text, held = clickid.write(noted, visit.day)
    if not held:
        return alive, visit.deletion(name), False
    is_new_day = kept.renewed_day != visit.day
    if not is_new_day and held == kept.clicks:
        return alive, (), False
    return alive, (visit.cookie(name, text, CLICK_LIFE_S, http_only=True),), is_new_day


def _all_alive(clicks: Mapping[str, Click], now_ms: int) -> bool:
    for click in clicks.values():  # noqa: SIM110 - a generator costs more than the few clicks
        if not clickid.is_alive(click, now_ms):
            return False
    return True


def _join(now_ms: int, own: Mapping[str, Click], landing: Landing, recalled: Recalled) -> Mapping[str, Click]:
    """Join the page's ids, ours and the vendors'.

    An undated id counts from the moment we first saw it, and only where we know no living one of its platform.
    """
    own, stamped = _believable(own, now_ms), _believable(recalled.stamped, now_ms)
    arrived = clickid.arrived(landing.clicks, (own, stamped), now_ms) if landing.clicks else {}
    if not recalled.bare:
        return clickid.newest(arrived, own, stamped)
    bare = {
        name: Click(id=click_id, seen_ms=now_ms)
        for name, click_id in recalled.bare.items()
        if not (name in own and clickid.is_alive(own[name], now_ms))
    }
    return clickid.newest(arrived, own, stamped, bare)


def _believable(clicks: Mapping[str, Click], now_ms: int) -> Mapping[str, Click]:
    """Leave out what claims to come from the future."""
    for click in clicks.values():
        if clickid.is_ahead(click, now_ms):
            return {name: click for name, click in clicks.items() if not clickid.is_ahead(click, now_ms)}
    return clicks


def _meta(
    visit: _Visit,
    clicks: Mapping[str, Click],
    recalled: Recalled,
    browser: dict[str, str],
    minted: list[SetCookie],
) -> None:
    mints = META in visit.vendors
    fbp = vendor_cookies.meta_browser(visit.cookies[FBP]) if FBP in visit.cookies else None
    if fbp is not None:
        browser["fbp"] = fbp
    elif mints:
        number = 10**17 + int.from_bytes(visit.throw(FBP, 16)) % (9 * 10**17)  # 18 digits, as the pixel's
        browser["fbp"] = vendor_cookies.meta_text(visit.index, visit.now_ms, str(number))
        minted.append(visit.cookie(FBP, browser["fbp"], FBP_LIFE_S, http_only=False))
    click = clicks.get("fbclid")
    if click is None:
        return
    held = recalled.stamped.get("fbclid")  # no other cookie than Meta's dates one
    if held is not None and held.id == click.id:
        browser["fbc"] = unquote(visit.cookies[FBC])
    elif mints:
        browser["fbc"] = vendor_cookies.meta_text(visit.index, click.seen_ms, click.id)
        if "." not in click.id:  # no reader of Meta's could take such a cookie apart again
            minted.append(visit.cookie(FBC, browser["fbc"], FBC_LIFE_S, http_only=False))


def _tiktok(visit: _Visit, browser: dict[str, str], minted: list[SetCookie]) -> None:
    ttp = vendor_cookies.tiktok_browser(visit.cookies[TTP]) if TTP in visit.cookies else None
    if ttp is None and TIKTOK in visit.vendors:
        number = int.from_bytes(visit.throw(TTP, 32))
        ttp = "".join(_BASE62[number // 62**place % 62] for place in range(_TTP_CHARS))
        minted.append(visit.cookie(TTP, ttp, TTP_LIFE_S, http_only=False))
    if ttp is not None:
        browser["ttp"] = ttp


def _google(visit: _Visit, clicks: Mapping[str, Click], browser: dict[str, str], minted: list[SetCookie]) -> None:
    linker = vendor_cookies.google_browser(visit.cookies)
    if linker is not None:
        browser["gcl_au"] = linker
    click = clicks.get("gclid")
    if click is None or GOOGLE not in visit.vendors:
        return
    held = vendor_cookies.gcl_click(visit.cookies.get(GCL_AW), "gclid")
    if held is None or held.id != click.id:
        text = vendor_cookies.gcl_text(click.seen_ms, click.id)
        minted.append(visit.cookie(GCL_AW, text, GCL_LIFE_S, http_only=False))
