"""The door-side story of one event: what it says, who it was, what may be remembered. Start reading here.

    wire -> person sealed -> click ids recalled -> consent -> cookies -> a copy of the act, or a veto

Nothing readable of a person leaves this file, and nothing in it knows a socket, a clock or a store.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Final

import msgspec
from msgspec.structs import force_setattr

from gateway.core import clickid, client, cookies
from gateway.core.consent import at_door
from gateway.core.domain import registrable_domain
from gateway.core.event import Browser, Click, Consent, Copy, Event, Page, Person, Wire
from gateway.core.hit import Hit, SetCookie, Visitor
from gateway.core.person import seal
from gateway.core.redact import redact
from gateway.core.remains import remains
from gateway.core.site import Site
from gateway.core.wires import fields
from gateway.core.wires.draft import Draft, Refusal

# A member that is asked of its enum costs a call in Python 3.11; these are asked several times a hit.
_BROWSER: Final = Wire.BROWSER
_OF: Final = {wire: (wire,) for wire in Wire}
# What few events have, and what the others have instead.
_SELDOM: Final = (
    *("id_made", "action_source", "test", "bot", "vendor", "raw"),
    *("transaction_id", "coupon", "tax", "shipping", "items", "lead_score", "predicted_ltv"),
)
_DEFAULTS: Final = {field.name: field.default for field in msgspec.structs.fields(Event)}
_USUAL: Final = tuple(_DEFAULTS[name] for name in _SELDOM)
# A server's connection is nobody's browser.
_NO_JAR: Final = cookies.Jar()


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A copy for the store, the cookies for the answer, what the sender should know, and what the seal dropped."""

    copy: Copy
    set_cookies: tuple[SetCookie, ...] = ()
    warnings: tuple[str, ...] = ()
    dropped: tuple[tuple[str, str], ...] = ()


def take(hit: Hit, site: Site, *, vendors: frozenset[str]) -> Taken | Refusal:
    """Turn one event of a request into a copy of an act, or say why not.

    `vendors`: those the site has destinations for, whose cookies may be written.
    Shape:  a copy that is denied everywhere becomes a Veto; the jar has nothing but deletions then.
    Errors: never raises, whatever was sent.
    """
    draft = fields.read(hit, site)
    if isinstance(draft, Refusal):
        return draft
    sealed = seal(draft.user, phone_country=site.phone_country)
    warnings = draft.warnings + sealed.warnings
    landing = clickid.from_page(draft.page.location, draft.page.referrer, site.origins)
    consent = at_door(draft.said, hit.visitor, site.consent, hit.wire)
    jar = _NO_JAR
    if hit.wire is _BROWSER:
        jar = cookies.decide(
            site,
            hit.visitor,
            landing,
            consent,
            now_ms=hit.now_ms,
            dice=hit.dice,
            registrable=registrable_domain(hit.visitor.host),
            vendors=vendors,
            named=draft.cookies,
        )
    event = _event(hit, site, draft, landing, consent, jar, sealed.person)
    return Taken(copy=remains(event), set_cookies=jar.set_cookies, warnings=warnings, dropped=sealed.dropped)


def remembering(visitor: Visitor, set_cookies: Iterable[SetCookie]) -> Visitor:
    """Return the visitor as he would come back with these cookies.

    The events of one request are taken one after the other, each by a visitor who remembers the one before: so
    they agree on every id, and the last word on consent is the one that the browser keeps.
    """
    kept = dict(visitor.cookies)
    for cookie in set_cookies:
        if cookie.max_age_s > 0:
            kept[cookie.name] = cookie.value
        else:
            kept.pop(cookie.name, None)
    return msgspec.structs.replace(visitor, cookies=kept)


def _event(
    hit: Hit,
    site: Site,
    draft: Draft,
    landing: clickid.Landing,
    consent: Consent,
    jar: cookies.Jar,
    person: Person,
) -> Event:
    page = draft.page
    is_browser = hit.wire is _BROWSER
    event = Event(
        site=site.name,
        name=draft.name,
        event_id=draft.event_id or _made_id(hit.dice),
        wires=_OF[hit.wire],
        at_ms=draft.at_ms,
        received_ms=hit.now_ms,
        page=Page(
            location=clickid.nameless(page.location),
            referrer=clickid.nameless(page.referrer),
            title=page.title,
        ),
        value=draft.value,
        currency=draft.currency,
        person=person,
        browser=_browser(hit, draft, jar),
        clicks=_clicks(hit, draft, landing, jar),
        # A campaign is one statement: the event's own where it makes one, else the page's.
        campaign=landing.campaign if draft.campaign == clickid.NO_CAMPAIGN else draft.campaign,
        consent=consent,
        properties=draft.properties,
    )
    seldom = (
        draft.event_id is None,
        draft.action_source or "website",
        draft.test,
        client.bot(hit.visitor.user_agent) if is_browser else None,
        hit.vendor,
        hit.raw,
        draft.transaction_id,
        draft.coupon,
        draft.tax,
        draft.shipping,
        draft.items,
        draft.lead_score,
        draft.predicted_ltv,
    )
    # Python builds a call of more than 15 keywords by way of a dict, at twice the cost of the Event: what few have is
    # put in here, where nobody has seen it yet. What more of them have apart: to walk through all takes 11,000
    # instructions.
    if draft.search_term is not None:
        force_setattr(event, "search_term", draft.search_term)
    if draft.currency_made:
        force_setattr(event, "currency_made", True)
    if seldom != _USUAL:
        for name, value, usual in zip(_SELDOM, seldom, _USUAL, strict=True):
            if value != usual:
                force_setattr(event, name, value)
    return event


def _browser(hit: Hit, draft: Draft, jar: cookies.Jar) -> Browser:
    """Of a browser its connection is believed; a server is believed what it passes on."""
    named = draft.cookies
    if hit.wire is not _BROWSER:
        return Browser(ip=client.public(draft.client_ip), user_agent=draft.client_agent, cookies=named)
    visitor = hit.visitor
    agent = visitor.user_agent
    if agent is not None and ("@" in agent or "%" in agent):
        # Not sooner: some crawlers are told by their address.
        agent = redact(agent)[: client.MAX_AGENT_CHARS]
    return Browser(
        ip=client.public(visitor.ip),
        user_agent=agent,
        language=visitor.language,
        cookies={**jar.browser, **named} if named else jar.browser,
    )


def _clicks(hit: Hit, draft: Draft, landing: clickid.Landing, jar: cookies.Jar) -> Mapping[str, Click]:
    """What the event names itself stands before what the browser remembers, or before a server's page address."""
    shown = draft.clicks if hit.wire is _BROWSER else {**landing.clicks, **draft.clicks}
    if not shown:
        return jar.clicks
    known = dict(jar.clicks)
    for name, click_id in shown.items():
        # The same id seen again is the same click: its first moment stays.
        if name not in known or known[name].id != click_id:
            known[name] = Click(id=click_id, seen_ms=draft.at_ms)
    return known


def _made_id(dice: bytes) -> str:
    """Make an event id, 22 base64url characters; drawn apart from the visitor's id, which never leaves the house."""
    drawn = blake2b(dice, digest_size=16, person=b"event id").digest()
    return base64.urlsafe_b64encode(drawn).rstrip(b"=").decode()
