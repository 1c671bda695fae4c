"""What a copy may be used for: the signals that came with it, read once and answered strictly.

Here is decided, never enforced: the door and the gate ask the result. Each consent platform has a file of its own
that reads its cookie into our purposes; whatever it cannot read counts as not said. What an event itself says of a
purpose was meant for us: a word that cannot be read is a refusal there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, Final, Literal, TypeAlias

from msgspec.structs import replace

from gateway.core.consent import cookiebot, onetrust
from gateway.core.event import Consent, Grant, Purpose, Wire
from gateway.core.hit import Visitor
from gateway.core.site import ConsentPolicy

Answers: TypeAlias = Mapping[Purpose, Grant]

AD_PURPOSES: Final = (Purpose.AD_STORAGE, Purpose.AD_USER_DATA, Purpose.AD_PERSONALIZATION)

# Where several signals give one answer, the first of these is named: what was said of this very event before what
# the browser said of itself, and a default last.
SIGNALS: Final = ("event", "gpc", "cookiebot", "onetrust", "veto", "server_silent", "default")

# The purposes and the fields of `Consent`, spelled once: reading an enum's value takes longer than looking it up.
_FIELDS: Final[Mapping[Purpose, str]] = {purpose: purpose.value for purpose in Purpose}
_NAMES: Final = tuple(_FIELDS.values())
# A member that is asked of its enum costs a call in Python 3.11; these are asked several times a hit.
_GRANTED: Final = Grant.GRANTED
_DENIED: Final = Grant.DENIED
_BROWSER: Final = Wire.BROWSER
# An event that answers for itself has one of sixteen answers, by its four grants in the order of the purposes.
_SAID: Final[Mapping[tuple[Grant, ...], Consent]] = {
    grants: Consent(**dict(zip(_NAMES, grants, strict=True)), by=dict.fromkeys(_NAMES, "event"))
    for grants in product((_GRANTED, _DENIED), repeat=len(_NAMES))
}
# The same by the words that nearly every event uses.
_SPELLED: Final[Mapping[tuple[Any, ...], Consent]] = {
    tuple([grant.value for grant in grants]): consent for grants, consent in _SAID.items()
}
# Where nothing speaks the default answers, for all four.
_SILENT: Final[Mapping[str, Consent]] = {
    grant.value: Consent(**dict.fromkeys(_NAMES, grant), by=dict.fromkeys(_NAMES, "default"))
    for grant in (_GRANTED, _DENIED)
}
_STRICTNESS: Final = {Grant.UNKNOWN: 0, Grant.GRANTED: 1, Grant.DENIED: 2}
_REFUSALS: Final = (
    *("denied", "false", "0", "no", "n", "off", "deny", "refuse", "refused", "reject", "rejected", "declined"),
    *("opt-out", "opt_out", "optout", "withdrawn"),
)
_WORDS: Final[Mapping[str, Grant]] = {
    **dict.fromkeys(("granted", "true", "1"), _GRANTED),
    **dict.fromkeys(_REFUSALS, _DENIED),
}
UNDERSTOOD: Final = frozenset({*_WORDS, 0, 1, "", None})
"""What an event may say of a purpose; the last two say nothing. True is 1, and false 0."""
_CMPS: Final = {"cookiebot": cookiebot, "onetrust": onetrust}
# A CDN's codes that name no country: not known (XX, ZZ) and Tor (T1).
# https://developers.cloudflare.com/fundamentals/reference/http-headers/#cf-ipcountry, as the documentation of the
# trackdown gem renders it (read 2026-11-22).
_NOWHERE: Final = frozenset({"XX", "ZZ", "T1"})
_REGION = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")


def at_door(said: Mapping[str, Any] | None, visitor: Visitor, policy: ConsentPolicy, wire: Wire) -> Consent:
    """Answer the four purposes for one copy as it arrives.

    Of the signals that speak about a purpose the strictest wins. Where none speaks, the default of the visitor's
    region answers a browser's copy; a server's stays unknown until its twin or `settle` answers. What only the
    connection can tell (GPC, cookies) is asked of a browser's connection only: a server's is not the visitor's.
    """
    if said and (wire is not _BROWSER or _is_silent(visitor)):
        answered = _in_plain_words(said)
        if answered is not None:
            return answered
    grants = _of_event(said) if said else {}
    signals = _of_browser(visitor, policy) if wire is _BROWSER else ()
    if not signals and len(grants) == len(_FIELDS):
        return _SAID[tuple(grants.values())]
    if wire is _BROWSER and not signals and not grants:
        return _SILENT[region_default(visitor.country, policy)]
    by = dict.fromkeys(grants, "event")
    for name, answers in signals:
        for purpose, grant in answers.items():
            field = _FIELDS[purpose]
            if field not in grants or (grant is _DENIED and grants[field] is _GRANTED):
                grants[field], by[field] = grant, name
    consent = Consent(**grants, by=by)
    if wire is not _BROWSER or len(grants) == len(_FIELDS):
        return consent
    return _fill(consent, Grant(region_default(visitor.country, policy)), "default")


def stricter(a: Consent, b: Consent) -> Consent:
    """Join two copies' answers: denied before granted before unknown, purpose by purpose.

    Shape:   commutative, associative and idempotent, `by` included.
    """
    grants: dict[str, Grant] = {}
    by: dict[str, str] = {}
    for purpose, field in _FIELDS.items():
        grant, _, name = max(_ranked(a, purpose), _ranked(b, purpose), key=lambda each: each[:2])
        grants[field] = _BY_STRICTNESS[grant]
        if name is not None:
            by[field] = name
    return Consent(**grants, by=by)


def settle(consent: Consent, policy: ConsentPolicy) -> Consent:
    """Answer what is still unknown when no twin can come any more, by the site's `server_silent`."""
    answer = Grant.GRANTED if policy.server_silent == "granted" else Grant(policy.default)
    return _fill(consent, answer, "server_silent")


def denied_everywhere(consent: Consent) -> bool:
    """Say whether nothing is granted and nothing can be any more: the copy leaves a veto and no identifier."""
    return (
        consent.ad_storage is _DENIED
        and consent.ad_user_data is _DENIED
        and consent.ad_personalization is _DENIED
        and consent.analytics_storage is _DENIED
    )


def region_default(country: str | None, policy: ConsentPolicy) -> Literal["granted", "denied"]:
    """Return the policy's answer for a place, and the strictest that could be meant where the place is unclear.

    `country` is ISO 3166, with or without a subdivision. Unknown: the strictest of all. A country without its
    subdivision: the strictest of the country's answer and those of its subdivisions.
    """
    if not policy.regions:
        return policy.default
    regions = {name.upper(): answer for name, answer in policy.regions.items()}
    place = (country or "").strip().upper()
    if not _REGION.fullmatch(place) or place in _NOWHERE:
        possible = [policy.default, *regions.values()]
    elif place in regions and "-" in place:
        possible = [regions[place]]
    else:
        whole = place[:2]
        inner = [regions[name] for name in regions if name.startswith(whole + "-")] if place == whole else []
        possible = [regions.get(whole, policy.default), *inner]
    return "denied" if "denied" in possible else "granted"


def _in_plain_words(said: Mapping[str, Any]) -> Consent | None:
    """Answer by an event that says `granted` or `denied`, so spelled, of each purpose; None of any other."""
    get = said.get
    words = (get("ad_storage"), get("ad_user_data"), get("ad_personalization"), get("analytics_storage"))
    try:
        return _SPELLED.get(words)
    except TypeError:  # a list or an object is no word
        return None


def unread(said: Mapping[str, Any]) -> list[str]:
    """Return the purposes of which an event says what cannot be read."""
    return [field for field in _NAMES if field in said and not _is_understood(said[field])]


def _is_understood(value: Any) -> bool:
    if isinstance(value, str):
        return value.strip().lower() in UNDERSTOOD
    return (value is None or isinstance(value, int | float)) and value in UNDERSTOOD


def _of_event(said: Mapping[str, Any]) -> dict[str, Grant]:
    """Read the event's own `consent`: words, JSON's booleans and numbers; what cannot be read is never granted."""
    found: dict[str, Grant] = {}
    for field in _NAMES:
        value = said.get(field)
        if isinstance(value, str):
            value = value if value in _WORDS else value.strip().lower()
            if value:
                found[field] = _WORDS.get(value, _DENIED)
        elif value is not None:
            found[field] = _GRANTED if isinstance(value, int | float) and value == 1 else _DENIED
    return found


def _of_browser(visitor: Visitor, policy: ConsentPolicy) -> Sequence[tuple[str, Answers]]:
    cookies = visitor.cookies
    if _is_silent(visitor):
        return ()
    signals: list[tuple[str, Answers]] = []
    if visitor.gpc and policy.honour_gpc:
        signals.append(("gpc", dict.fromkeys(AD_PURPOSES, Grant.DENIED)))
    for name, cmp in _CMPS.items():
        if cmp.COOKIE in cookies and policy.cmp in ("auto", name):
            signals.append((name, cmp.read(cookies)))
    return signals


def _is_silent(visitor: Visitor) -> bool:
    """Say whether the browser itself says nothing on consent."""
    cookies = visitor.cookies
    return not visitor.gpc and cookiebot.COOKIE not in cookies and onetrust.COOKIE not in cookies


def _fill(consent: Consent, answer: Grant, name: str) -> Consent:
    """Give this answer where there is none."""
    unknown = [field for field in _FIELDS.values() if getattr(consent, field) is Grant.UNKNOWN]
    if not unknown:
        return consent
    return replace(consent, **dict.fromkeys(unknown, answer), by={**consent.by, **dict.fromkeys(unknown, name)})


_BY_STRICTNESS: Final = {strictness: grant for grant, strictness in _STRICTNESS.items()}


def _ranked(consent: Consent, purpose: Purpose) -> tuple[int, tuple[int, str], str | None]:
    """Return strictness, preference among equals, and the signal's name."""
    name = consent.by.get(purpose.value)
    known = SIGNALS.index(name) if name in SIGNALS else len(SIGNALS)
    # Larger wins: a named signal before none, an early one before a late one; the name itself breaks a tie.
    preference = (-known, name or "") if name is not None else (-len(SIGNALS) - 1, "")
    return _STRICTNESS[consent.of(purpose)], preference, name
