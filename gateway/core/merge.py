"""The copies of one act become one event, richer than either.

Commutative and idempotent, without a clock or dice: a crash between reading and sealing only repeats it, and a
copy that comes meanwhile makes it start again. The field table stands below in one place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from gateway.core.act import leaving_id
from gateway.core.consent import settle, stricter
from gateway.core.event import Browser, Campaign, Copy, Event, Page, Person, Veto, Wire
from gateway.core.remains import remains
from gateway.core.site import ConsentPolicy

T = TypeVar("T")

# Beside a server's word a browser's clock is believed for a day: more, and anybody who guessed an order's id could
# push the order out of the windows in which platforms accept it (Meta: 7 days).
_BELIEVED_MS = 86_400_000


def merge(copies: Sequence[Copy]) -> Copy:
    """Join the copies of one act (one or two, in any order).

    A veto among them leaves only a veto, and so does what they deny together.
    """
    ordered = tuple(sorted(copies, key=lambda copy: copy.wires[0] is not Wire.BROWSER))
    consent = ordered[0].consent
    for copy in ordered[1:]:
        consent = stricter(consent, copy.consent)
    event_id = leaving_id(ordered)
    id_made = all(copy.id_made for copy in ordered)
    wires = tuple(wire for copy in ordered for wire in copy.wires)
    events = [copy for copy in ordered if isinstance(copy, Event)]
    if len(events) < len(ordered):
        return Veto(
            site=ordered[0].site,
            name=ordered[0].name,
            event_id=event_id,
            id_made=id_made,
            wires=wires,
            received_ms=min(copy.received_ms for copy in ordered),
            consent=consent,
            transaction_id=next((copy.transaction_id for copy in reversed(ordered) if copy.transaction_id), None),
        )
    joined = events[0] if len(events) == 1 else _join(events[0], events[1])
    return remains(msgspec.structs.replace(joined, event_id=event_id, id_made=id_made, wires=wires, consent=consent))


def sealed(copies: Sequence[Copy], policy: ConsentPolicy) -> Copy:
    """Merge, and answer what no signal spoke about, now that nobody else will: the act as it leaves."""
    merged = merge(copies)
    settled = msgspec.structs.replace(merged, consent=settle(merged.consent, policy))
    return remains(settled) if isinstance(settled, Event) else settled


def _join(browser: Event, server: Event) -> Event:
    """The field table of contract section 7. `by_server`: the server's word first; `by_browser`: the browser's.

    The server's copy is always authenticated and anybody can send a browser's: what the server says of the money, the
    goods, the person and the order stands as it said it, and the browser's copy only fills what it left out.
    """

    def by_server(read: Callable[[Event], T]) -> T:
        return read(server) or read(browser)

    def by_browser(read: Callable[[Event], T]) -> T:
        return read(browser) or read(server)

    value, currency, currency_made = _money(browser, server)
    return Event(
        site=browser.site,
        name=browser.name,
        event_id=browser.event_id,
        wires=(Wire.BROWSER, Wire.SERVER),
        at_ms=_at_ms(browser, server),
        received_ms=min(browser.received_ms, server.received_ms),
        action_source=server.action_source,
        test=browser.test or server.test,
        # An order that the shop's own server reports was not placed by a crawler.
        bot=None,
        vendor=browser.vendor if browser.vendor == server.vendor else None,
        raw=by_browser(lambda event: event.raw),
        # browser: page, client, cookies, click ids
        page=Page(
            location=by_browser(lambda event: event.page.location),
            referrer=by_browser(lambda event: event.page.referrer),
            title=by_browser(lambda event: event.page.title),
        ),
        browser=Browser(
            ip=by_browser(lambda event: event.browser.ip),
            user_agent=by_browser(lambda event: event.browser.user_agent),
            language=by_browser(lambda event: event.browser.language),
            cookies={**server.browser.cookies, **browser.browser.cookies},
        ),
        clicks={**server.clicks, **browser.clicks},
        campaign=by_browser(lambda event: event.campaign if event.campaign != Campaign() else None) or Campaign(),
        # server: money, items, person, transaction
        value=value,
        currency=currency,
        currency_made=currency_made,
        transaction_id=by_server(lambda event: event.transaction_id),
        coupon=by_server(lambda event: event.coupon),
        tax=server.tax if server.tax is not None else browser.tax,
        shipping=server.shipping if server.shipping is not None else browser.shipping,
        items=by_server(lambda event: event.items),
        person=_person(browser.person, server.person),
        # everything else: whoever has it, the server first
        search_term=by_server(lambda event: event.search_term),
        lead_score=server.lead_score if server.lead_score is not None else browser.lead_score,
        predicted_ltv=server.predicted_ltv if server.predicted_ltv is not None else browser.predicted_ltv,
        properties={**browser.properties, **server.properties},
    )


def _person(browser: Person, server: Person) -> Person:
    return Person(
        digests={**browser.digests, **server.digests},
        city=server.city or browser.city,
        region=server.region or browser.region,
        postal_code=server.postal_code or browser.postal_code,
        country=server.country or browser.country,
    )


def _money(browser: Event, server: Event) -> tuple[float | None, str | None, bool]:
    """Take value and currency as one statement: no amount of the one in the other's money.

    The site's currency is nobody's statement: it answers where no copy named one. Then the last of the three is true.
    """
    of_browser = None if browser.currency_made else browser.currency
    of_server = None if server.currency_made else server.currency
    if server.value is None:
        if of_server is None:
            return browser.value, browser.currency, browser.currency_made
        return browser.value if of_browser in (None, of_server) else None, of_server, False
    if of_server is not None or of_browser in (None, server.currency):
        return server.value, server.currency, server.currency_made and of_browser is None
    # The browser's statement stands where the server tells the same amount. Of another nobody named the money, and
    # anybody can send a browser's copy: it stays in the site's.
    if browser.value == server.value:
        return server.value, of_browser, False
    return server.value, server.currency, server.currency_made


def _at_ms(browser: Event, server: Event) -> int:
    """The earliest believable moment: no clock of a browser's moves an act more than a day back."""
    vouched_ms = min(browser.received_ms, server.at_ms)
    return min(vouched_ms, browser.at_ms) if vouched_ms - browser.at_ms <= _BELIEVED_MS else vouched_ms
