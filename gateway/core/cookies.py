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
from functools import lru_cache
from typing import Final

import msgspec

from gateway.core import clickid, told, vendor_cookies
from gateway.core.clickid import NOTHING_KEPT, Landing
from gateway.core.domain import cookie_domain, is_address, is_loopback
from gateway.core.event import Click, Consent, Grant
from gateway.core.hit import SetCookie, Visitor
from gateway.core.site import DAY_S, CookieNames, Site
from gateway.core.told import Told
from gateway.core.vendor_cookies import FBC, FBP, GCL_AW, TTP, Recalled

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
_ID = re.compile(r"1\.([A-Za-z0-9_-]{22})\.([0-9]{1,12}+)(?:\.[A-Za-z0-9._~-]{0,200})?")


NOTHING_NAMED: Final[Mapping[str, str]] = {}


class Jar(msgspec.Struct, frozen=True, kw_only=True):
    """What a hit's cookies come to.

    `clicks` and `browser` are what the event may carry: nothing of a purpose that is not granted. `browser` is
    `Browser.cookies`, by its names. `visitor`: the 22 characters of `_tw_id`, or None without `analytics_storage`.
    """

    set_cookies: tuple[SetCookie, ...] = ()
    clicks: Mapping[str, Click] = {}
    browser: Mapping[str, str] = {}
    visitor: str | None = None


class _Place(msgspec.Struct, frozen=True):
    """Where cookies are set: one host of a site, as all its hits see it.

    `index` is Meta's, of the cookies' domain: `example.com` 1, `example.co.uk` 2, localhost and addresses 0.
    """

    domain: str | None
    secure: bool
    index: int

    def cookie(self, name: str, value: str, max_age_s: int, http_only: bool) -> SetCookie:
        """Spell one cookie; scripts may read the vendors' own, and none of ours (`http_only`)."""
        return SetCookie(
            name=name, value=value, max_age_s=max_age_s, domain=self.domain, secure=self.secure, http_only=http_only
        )


@lru_cache(maxsize=1024)
def _place(wanted: str, host: str, registrable: str | None, secure: bool) -> _Place:
    domain = cookie_domain(wanted, host, registrable)
    index = 0 if is_address(domain or host) else (domain or host).count(".")
    return _Place(domain, secure or not is_loopback(host), index)


class _Visit(msgspec.Struct):
    """One hit as all its cookies see it: what came, what may be minted, and how a cookie is marked."""

    cookies: Mapping[str, str]
    consent: Consent
    now_ms: int
    dice: bytes
    vendors: frozenset[str]
    place: _Place
    named: Mapping[str, str]
    thrown: bytes = b""

    def deletion(self, name: str) -> tuple[SetCookie, ...]:
        return (self.place.cookie(name, "", 0, http_only=True),) if name in self.cookies else ()

    def withdrawal(self, purpose: str, name: str) -> tuple[SetCookie, ...]:
        """Delete a cookie whose purpose is not granted, where somebody said so."""
        return self.deletion(name) if is_withdrawn(self.consent, purpose) else ()

    def throw(self, purpose: str) -> bytes:
        """Return random bytes for one purpose: no two values of a hit tell anything of each other."""
        if not self.thrown:
            self.thrown = hashlib.blake2b(self.dice, digest_size=64, person=b"cookies").digest()
        return self.thrown[_SHARES[purpose]]


# Of one digest of a hit's dice: pieces that do not meet.
_SHARES: Final = {"id": slice(16), FBP: slice(16, 32), TTP: slice(32, 64)}


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
    named: Mapping[str, str] = NOTHING_NAMED,
) -> Jar:
    """Decide the cookies of one browser hit, and what its event may carry of the old and the new ones.

    `registrable` is the registrable domain of `visitor.host` (None: host-only cookies). `vendors` (`meta`, `google`,
    `tiktok`) are those the site delivers to: only their cookies are minted, while all are read. `named`: the vendors'
    cookies that the event itself names, by the contract's names; where one is absent, it is that one which is set.
    A purpose denied now takes our cookies away; one that nobody spoke of leaves them where they are, unread. The
    vendors' stay: they are their scripts' as much as ours.
    """
    came = visitor.cookies
    place = _place(site.cookie_domain, visitor.host, registrable, visitor.secure)
    visit = _Visit(came, consent, now_ms, dice, vendors, place, named)
    may_advertise, may_analyse = consent.ad_storage is _GRANTED, consent.analytics_storage is _GRANTED
    said = told.read(came) if may_advertise or may_analyse else told.NOTHING
    clicks, of_clicks, may_renew = _clicks(visit, site.cookies.click, landing, said.recalled)
    visitor_id, of_id = _id(visit, site.cookies.id, may_renew=may_renew)
    # The vendors' identifiers as the event carries them, and the cookies that have to be set for them.
    browser: dict[str, str] = {}
    minted: list[SetCookie] = []
    if may_advertise:
        _meta(visit, clicks, said, browser, minted)
        if said.ttp is not None:
            browser["ttp"] = said.ttp
        elif TIKTOK in vendors:
            _tiktok(visit, browser, minted)
        if said.gcl_au is not None:
            browser["gcl_au"] = said.gcl_au
        if "gclid" in clicks and GOOGLE in vendors:
            _google(visit, clicks["gclid"], minted)
        if said.others:
            browser |= said.others
    if may_analyse:
        if said.ga_client_id is not None:
            browser["ga_client_id"] = said.ga_client_id
        if said.ga_session_id is not None:
            browser["ga_session_id"] = said.ga_session_id
    set_cookies = (*of_id, *of_clicks, *minted)
    return Jar(set_cookies=set_cookies, clicks=clicks, browser=browser, visitor=visitor_id)


def is_withdrawn(consent: Consent, purpose: str) -> bool:
    """Say whether a signal denied this purpose: where only the site's default does, nobody has spoken."""
    return getattr(consent, purpose) is _DENIED and consent.by.get(purpose) != "default"


def joined(earlier: Sequence[SetCookie], later: Sequence[SetCookie], consent: Consent) -> tuple[SetCookie, ...]:
    """Join the cookies of two events of one request: one for a name and domain, the later one's.

    `consent` is the later event's, and the last word: where it denies `ad_storage`, no vendor's cookie is set.
    """
    renewed = {(cookie.name, cookie.domain) for cookie in later}
    no_ads = is_withdrawn(consent, "ad_storage")
    kept = [
        cookie
        for cookie in earlier
        # Ours are hidden from scripts.
        if (cookie.name, cookie.domain) not in renewed and (cookie.http_only or not no_ads)
    ]
    return (*kept, *later)


def from_headers(headers: Sequence[str], names: CookieNames, *, is_plain: bool = False) -> dict[str, str]:
    """Read the `Cookie` header lines, one value a name.

    A name that comes twice was set by a neighbour too: of the vendors' the first counts, as their scripts have it;
    of ours neither can be believed, and the value is empty.
    `is_plain`: the lines are known to be ASCII without control characters.
    """
    text = headers[0] if len(headers) == 1 else ";".join(headers)
    ordinary = _ordinary(text) if is_plain else None
    return _each(text, names) if ordinary is None else ordinary


def _ordinary(text: str) -> dict[str, str] | None:
    """Read cookies as browsers spell them; None where one is quoted, comes twice, or has no name or other blanks."""
    found: dict[str, str] = {}
    pairs = text.split("; ")
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            return None
        found[name] = value
    joined = "".join(pairs)
    if " " in joined or ";" in joined or '"' in joined or "" in found or len(found) != len(pairs):
        return None
    return found


def _each(text: str, names: CookieNames) -> dict[str, str]:
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
    if visit.consent.analytics_storage is not _GRANTED:
        return None, visit.withdrawal("analytics_storage", name)
    now_s = visit.now_ms // 1000
    value = visit.cookies.get(name, "")
    found = _ID.fullmatch(value)
    if found is not None:
        visitor_id, issued_s = found[1], int(found[2])
        if issued_s <= now_s + DAY_S:  # a day: what clocks may differ by
            if may_renew and issued_s // DAY_S < now_s // DAY_S:
                return visitor_id, (visit.place.cookie(name, value, ID_LIFE_S, http_only=True),)
            return visitor_id, ()
    minted = base64.urlsafe_b64encode(visit.throw("id")).decode().rstrip("=")
    return minted, (visit.place.cookie(name, f"1.{minted}.{now_s}", ID_LIFE_S, http_only=True),)


def _clicks(
    visit: _Visit, name: str, landing: Landing, recalled: Recalled
) -> tuple[Mapping[str, Click], tuple[SetCookie, ...], bool]:
    """Return the clicks that may be told, what becomes of `_tw_click`, and whether expiries are renewed by this hit."""
    if visit.consent.ad_storage is not _GRANTED:
        return {}, visit.withdrawal("ad_storage", name), False
    day = visit.now_ms // 1000 // DAY_S
    kept = clickid.read(visit.cookies[name]) if name in visit.cookies else NOTHING_KEPT
    if not kept.clicks:
        fresh = _fresh(visit.now_ms, landing, recalled)
        if fresh is not None:
            text = clickid.write_one(fresh[0], fresh[1], day)
            cookie = visit.place.cookie(name, text, CLICK_LIFE_S, http_only=True)
            return {fresh[0]: fresh[1]}, (cookie,), kept.renewed_day != day
    everything = _join(visit.now_ms, kept.clicks, landing, recalled)
    if not everything:
        return {}, visit.deletion(name), False
    alive = noted = everything
    if not _all_alive(everything, visit.now_ms):
        alive = {each: click for each, click in everything.items() if clickid.is_alive(click, visit.now_ms)}
        # An old id that the page or a vendor's undated cookie still shows stays noted, or it would begin again as new.
        shown = {**recalled.bare, **landing.clicks}
        noted = {each: click for each, click in everything.items() if each in alive or shown.get(each) == click.id}
    text, held = clickid.write(noted, day)
    if not held:
        return alive, visit.deletion(name), False
    is_new_day = kept.renewed_day != day
    if not is_new_day and held == kept.clicks:
        return alive, (), False
    return alive, (visit.place.cookie(name, text, CLICK_LIFE_S, http_only=True),), is_new_day


def _fresh(now_ms: int, landing: Landing, recalled: Recalled) -> tuple[str, Click] | None:
    """Return the page's click where it is all there is to know: one, and new, and whatever a vendor dated is older.

    That is what `_join` comes to for nearly every landing of somebody who has no click of ours; None asks it.
    """
    if len(landing.clicks) != 1 or recalled.bare:
        return None
    ((name, click_id),) = landing.clicks.items()
    for known, click in recalled.stamped.items():
        if known != name or click.id == click_id or click.seen_ms > now_ms:
            return None
    return name, Click(id=click_id, seen_ms=now_ms)


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
    visit: _Visit, clicks: Mapping[str, Click], said: Told, browser: dict[str, str], minted: list[SetCookie]
) -> None:
    place, mints = visit.place, META in visit.vendors
    fbp = said.fbp
    if fbp is None and mints:
        fbp = visit.named.get("fbp")
        if fbp is None:
            number = 10**17 + int.from_bytes(visit.throw(FBP)) % (9 * 10**17)  # 18 digits, as the pixel's
            fbp = vendor_cookies.meta_text(place.index, visit.now_ms, str(number))
        minted.append(place.cookie(FBP, fbp, FBP_LIFE_S, http_only=False))
    if fbp is not None:
        browser["fbp"] = fbp
    click = clicks.get("fbclid")
    if click is None:
        return
    held = said.recalled.stamped.get("fbclid")  # no other cookie than Meta's dates one
    if held is not None and held.id == click.id and said.fbc is not None:
        browser["fbc"] = said.fbc
    elif mints:
        browser["fbc"] = text = vendor_cookies.meta_text(place.index, click.seen_ms, click.id)
        if "." not in click.id:  # no reader of Meta's could take such a cookie apart again
            minted.append(place.cookie(FBC, text, FBC_LIFE_S, http_only=False))


def _tiktok(visit: _Visit, browser: dict[str, str], minted: list[SetCookie]) -> None:
    text = visit.named.get("ttp", "")
    if not text:
        number = int.from_bytes(visit.throw(TTP))
        for _ in range(_TTP_CHARS):
            number, digit = divmod(number, 62)
            text += _BASE62[digit]
    browser["ttp"] = text
    minted.append(visit.place.cookie(TTP, text, TTP_LIFE_S, http_only=False))


def _google(visit: _Visit, click: Click, minted: list[SetCookie]) -> None:
    held = vendor_cookies.gcl_click(visit.cookies.get(GCL_AW), "gclid")
    if held is None or held.id != click.id:
        text = vendor_cookies.gcl_text(click.seen_ms, click.id)
        minted.append(visit.place.cookie(GCL_AW, text, GCL_LIFE_S, http_only=False))
