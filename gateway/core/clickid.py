"""Ad click ids: where they are read, what one may look like, which of two is kept, and our own cookie's text.

An id is a foreigner's text that ends up in cookies, headers and platforms' requests: only a closed alphabet passes,
and what passes is kept byte for byte. Vendors' own cookies are read in `vendor_cookies.py`.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from gateway.core.domain import beginnings, origin
from gateway.core.event import Campaign, Click
from gateway.core.percent import unquote, unquote_plus
from gateway.core.redact import REDACTED
from gateway.core.site import DAY_S

# URL parameter (compared without regard to case: Snapchat's is seen as ScCid and sccid) -> name in the contract.
PARAMETERS: Final[Mapping[str, str]] = {
    "fbclid": "fbclid",
    "gclid": "gclid",
    "gbraid": "gbraid",
    "wbraid": "wbraid",
    "dclid": "dclid",
    "ttclid": "ttclid",
    "sccid": "scid",
    "msclkid": "msclkid",
    "li_fat_id": "li_fat_id",
    "epik": "epik",
    "twclid": "twclid",
    "rdt_cid": "rdt_cid",
}
# A landing from a Google ad: `<gad_source>.<gad_campaignid>`, and `.<page without query, base64url>` where it is short.
GAD: Final = "gad"
NAMES: Final = frozenset({*PARAMETERS.values(), GAD})

# Ids that describe one click together; a new click brings its own and ends the others'. All else stands alone.
_TOGETHER: Final[Mapping[str, str]] = dict.fromkeys(("gclid", "gbraid", "wbraid", GAD), "google_ads")
# A vendor's cookies of one click may be stamped on both sides of a second's end.
_SAME_CLICK_MS: Final = 2_000

# 90 days: the longest attribution window of the platforms, and the life of Meta's and Google's click cookies.
LIFE_MS: Final = 90 * DAY_S * 1000
# Clocks of two gateways differ, by less than this; a stamp further ahead is somebody's invention.
_MAX_AHEAD_MS: Final = DAY_S * 1000

_PATTERNS: Final[Mapping[str, re.Pattern[str]]] = {
    **dict.fromkeys(NAMES, re.compile(r"[A-Za-z0-9._~-]{1,1024}")),
    # Meta's own client builder ignores more than 500 characters (capi-param-builder 1.3.2, read 2026-11-22).
    "fbclid": re.compile(r"[A-Za-z0-9._~-]{1,500}"),
    # Google's are base64url, 55 to 92 characters in samples.
    **dict.fromkeys(("gclid", "gbraid", "wbraid", "dclid"), re.compile(r"[A-Za-z0-9_-]{1,512}")),
    GAD: re.compile(r"(?=[0-9.]*[0-9])[0-9]{0,4}\.[0-9]{0,20}(?:\.[A-Za-z0-9_-]{1,400})?"),
    # LinkedIn's are UUIDs, though its pages promise no more than a text.
    "li_fat_id": re.compile(r"[A-Za-z0-9_-]{1,128}"),
    # 32 hex digits, with dashes or without: Microsoft refuses an event for any other.
    "msclkid": re.compile(r"[0-9a-fA-F]{8}(?:-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}"),
}

# What mailing tools hang on their links: not a click but a person, by the tool's own key (Mailchimp, Klaviyo, HubSpot,
# Marketo). No platform asks for one, so none is told.
_PERSONS: Final = re.compile(r"([?&;](?:mc_eid|_kx|_hsenc|mkt_tok)=)[^&;#]+", re.IGNORECASE)

_NOBODY: Final = rf"\1{REDACTED}"

_CAMPAIGN: Final = {
    "utm_source": "source",
    "utm_medium": "medium",
    "utm_campaign": "name",
    "utm_term": "term",
    "utm_content": "content",
    "utm_id": "id",
}
_MAX_CAMPAIGN_CHARS: Final = 256
_MAX_PAGE_CHARS: Final = 300
_AD: Final = ("gad_source", "gad_campaignid")
_KEYS: Final = frozenset({*PARAMETERS, *_CAMPAIGN, *_AD})
# Campaigns by their spelling in a link. There are as few as there are ads; what is longer is read anew each time.
_campaigns: dict[str, Campaign] = {}
_REMEMBERED: Final = 1_024
_REMEMBERED_CHARS: Final = 256

# Our own cookie. 3,500 characters: browsers take 4,096 bytes for name, value and attributes together.
MAX_COOKIE_CHARS: Final = 3_500
_COOKIE_VERSION: Final = "1"
_DIGITS = re.compile(r"[0-9]{1,12}")


class Landing(msgspec.Struct, frozen=True):
    """What the page's address brought: click ids by the contract's names, and the campaign."""

    clicks: Mapping[str, str]
    campaign: Campaign


class Kept(msgspec.Struct, frozen=True):
    """What our own cookie says. `renewed_day`: days since 1970 when its expiry was last set; 0 when it tells none."""

    clicks: Mapping[str, Click]
    renewed_day: int


NOTHING_KEPT: Final = Kept({}, 0)
NO_CAMPAIGN: Final = Campaign()
NOTHING: Final = Landing({}, NO_CAMPAIGN)


def acceptable(name: str, value: str) -> bool:
    """Say whether this may be a click id of that name: the alphabet and the length its platform uses."""
    return name in _PATTERNS and _PATTERNS[name].fullmatch(value) is not None


def from_page(location: str | None, referrer: str | None, origins: tuple[str, ...]) -> Landing:
    """Read the click ids and the campaign of the page, and where the page has none, of the page before it.

    Only URLs on the site's own origins are read; with a page elsewhere nothing is, the referrer included. Of a
    parameter that comes twice the first acceptable value counts. Fragments are the browser's own affair. E-mail
    addresses have been taken out of both URLs before: a campaign's text is kept as it stands.
    """
    if location and not location.startswith(beginnings(origins)) and origin(location) not in origins:
        return NOTHING
    here = _read(location) if location and "?" in location else NOTHING
    before = _read(referrer) if referrer and "?" in referrer and origin(referrer) in origins else NOTHING
    if before is NOTHING:
        return here
    if here is NOTHING:
        return before
    groups = {_platform(name) for name in here.clicks}
    earlier = {name: value for name, value in before.clicks.items() if _platform(name) not in groups}
    return Landing({**earlier, **here.clicks}, before.campaign if here.campaign == Campaign() else here.campaign)


def nameless(url: str | None) -> str | None:
    """Return the address with the keys of people that mailing tools hang on their links replaced by `redacted`."""
    if url is None or "=" not in url:
        return url
    # Nearly every address is done here, at a quarter of the pattern's cost. (That one folds foreign letters, too.)
    if url.isascii():
        low = url.lower()
        if not ("mc_eid=" in low or "_kx=" in low or "_hsenc=" in low or "mkt_tok=" in low):
            return url
    return _PERSONS.sub(_NOBODY, url)


def arrived(landing: Mapping[str, str], known: Sequence[Mapping[str, Click]], now_ms: int) -> Mapping[str, Click]:
    """Date the ids of a page's address: the moment they were first seen, which is now where nobody knows better.

    A page's ids of one platform are one click, so they share the earliest of their times.
    """
    first_ms: dict[str, int] = {}
    for name, click_id in landing.items():
        platform = _TOGETHER.get(name, name)
        seen_ms = first_ms.get(platform, now_ms)
        for source in known:
            click = source.get(name)
            if click is not None and click.id == click_id and click.seen_ms < seen_ms:
                seen_ms = click.seen_ms
        first_ms[platform] = seen_ms
    return {name: Click(id=click_id, seen_ms=first_ms[_TOGETHER.get(name, name)]) for name, click_id in landing.items()}


def newest(*sources: Mapping[str, Click]) -> Mapping[str, Click]:
    """Join what several sources know: the newest click of each platform, each id with its earliest time.

    The same id seen again is the same click, so its time is never moved. At one and the same time the earlier
    source wins.
    """
    best: dict[str, Click] = {}
    for source in sources:
        if not source:
            continue
        for name, click in source.items():
            known = best.get(name)
            if known is None or (
                click.seen_ms < known.seen_ms if click.id == known.id else click.seen_ms > known.seen_ms
            ):
                best[name] = click
    if len(best) < 2:
        return best
    latest: dict[str, int] = {}
    for name, click in best.items():
        latest[_platform(name)] = max(click.seen_ms, latest.get(_platform(name), 0))
    return {name: click for name, click in best.items() if latest[_platform(name)] - click.seen_ms <= _SAME_CLICK_MS}


def is_alive(click: Click, now_ms: int) -> bool:
    """Say whether a click is young enough to be told to anybody."""
    return now_ms - click.seen_ms < LIFE_MS


def is_ahead(click: Click, now_ms: int) -> bool:
    """Say whether a click claims a future that no clock's error explains: somebody made it up."""
    return click.seen_ms - now_ms > _MAX_AHEAD_MS


def write(clicks: Mapping[str, Click], renewed_day: int) -> tuple[str, Mapping[str, Click]]:
    """Spell our own cookie, newest click first; the oldest are left out where the text would grow too long.

    Returns the text, and the clicks as `read` will find them in it.
    Shape:   `1.<day>` and `.<name>.<first seen>.<length>.<id>` a click; characters `[A-Za-z0-9._~-]` only.
    Units:   the day since 1970, first seen in seconds, the length in characters.
    """
    text = f"{_COOKIE_VERSION}.{renewed_day}"
    held: dict[str, Click] = {}
    ordered: Iterable[tuple[str, Click]] = clicks.items()
    if len(clicks) > 1:
        ordered = sorted(ordered, key=lambda each: (-each[1].seen_ms, each[0]))
    for name, click in ordered:
        click_id, seen_s = click.id, click.seen_ms // 1000
        entry = f".{name}.{seen_s}.{len(click_id)}.{click_id}"
        if len(text) + len(entry) <= MAX_COOKIE_CHARS:
            text += entry
            held[name] = Click(id=click_id, seen_ms=seen_s * 1000)
    return text, held


def write_one(name: str, click: Click, renewed_day: int) -> str:
    """Spell our own cookie for one click alone, as `write` does; there is always room for one."""
    click_id = click.id
    return f"{_COOKIE_VERSION}.{renewed_day}.{name}.{click.seen_ms // 1000}.{len(click_id)}.{click_id}"


def read(value: str | None) -> Kept:
    """Read our own cookie as far as it can be read; of an id that stands twice the newer counts.

    Errors:  never raises; what is not ours, or was tampered with, is not there.
    """
    if not value:
        return NOTHING_KEPT
    version, _, rest = value[:MAX_COOKIE_CHARS].partition(".")
    day, _, rest = rest.partition(".")
    if version != _COOKIE_VERSION or not _DIGITS.fullmatch(day):
        return NOTHING_KEPT
    clicks: dict[str, Click] = {}
    for name, click in _entries(rest):
        if acceptable(name, click.id) and (name not in clicks or click.seen_ms > clicks[name].seen_ms):
            clicks[name] = click
    return Kept(clicks, int(day))


def _entries(text: str) -> Iterator[tuple[str, Click]]:
    """Walk `<name>.<first seen>.<length>.<id>` entries up to the first that is none."""
    while text:
        name, _, text = text.partition(".")
        seen_s, _, text = text.partition(".")
        length, _, text = text.partition(".")
        if not (_DIGITS.fullmatch(seen_s) and _DIGITS.fullmatch(length)):
            return
        end = int(length)
        if len(text) < end or text[end : end + 1] not in ("", "."):
            return
        yield name, Click(id=text[:end], seen_ms=int(seen_s) * 1000)
        text = text[end + 1 :]


def _platform(name: str) -> str:
    return _TOGETHER.get(name, name)


def _read(url: str) -> Landing:
    """Read one URL's query; whose URL it is was settled before."""
    # Cut by hand: the standard library's reader takes as long as all the rest, for parts that nobody asks for.
    page, mark, query = (url.partition("#")[0] if "#" in url else url).partition("?")
    if not mark:
        return NOTHING
    landing = _read_link(query)
    return _read_query(page, query) if landing is None else landing


def _read_link(query: str) -> Landing | None:
    """Read an ad's link as the platforms spell it: the campaign, and one click id behind it; None for any other."""
    said, _, last = query.rpartition("&")
    key, _, click_id = last.partition("=")
    name = PARAMETERS.get(key)
    if name is None or not _PATTERNS[name].fullmatch(click_id):
        return None
    if not said:
        return Landing({name: click_id}, NO_CAMPAIGN)
    campaign = _campaigns.get(said)
    if campaign is None:
        if not all(pair.partition("=")[0] in _CAMPAIGN for pair in said.split("&")):
            return None
        campaign = _read_query("", said).campaign
        if len(said) <= _REMEMBERED_CHARS:
            if len(_campaigns) >= _REMEMBERED:
                _campaigns.clear()
            _campaigns[said] = campaign
    return Landing({name: click_id}, campaign)


def _read_query(page: str, query: str) -> Landing:
    clicks: dict[str, str] = {}
    campaign: dict[str, str] = {}
    ad: dict[str, str] = {}
    for pair in query.split("&"):
        key, _, value = pair.partition("=")
        if key not in _KEYS:
            key = key.lower() if "%" not in key else unquote(key).lower()
        if key in _CAMPAIGN:
            text = (unquote_plus(value) if "%" in value or "+" in value else value).strip()[:_MAX_CAMPAIGN_CHARS]
            if text and text.isprintable():
                campaign.setdefault(_CAMPAIGN[key], text)
        elif key in PARAMETERS:
            # No plus-to-space here: a plus is in no platform's alphabet, and is refused as what it is.
            name, click_id = PARAMETERS[key], unquote(value) if "%" in value else value
            if name not in clicks and _PATTERNS[name].fullmatch(click_id):
                clicks[name] = click_id
        elif key in _AD:
            ad[key] = ad.get(key) or value
    if ad:
        place = urlsafe_b64encode(page.encode()).rstrip(b"=").decode()
        said = ".".join((*(ad.get(key, "") for key in _AD), place)[: 3 if len(place) <= _MAX_PAGE_CHARS else 2])
        if acceptable(GAD, said):
            clicks[GAD] = said
    return Landing(clicks, Campaign(**campaign) if campaign else NO_CAMPAIGN)
