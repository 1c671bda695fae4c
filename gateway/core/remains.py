"""What remains of a copy once its consent is answered: all of it, all but some identifiers, or only a veto.

Asked of each copy at the door, and again of what copies make together: a no that came with the other copy, or by the
site's default, takes what a no of its own would have taken.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from gateway.core.consent import denied_everywhere
from gateway.core.event import Copy, Event, Grant, Veto

# A member that is asked of its enum costs a call in Python 3.11; this is asked several times a hit.
_DENIED: Final = Grant.DENIED
_OF_ANALYTICS: Final = "ga_"


def remains(event: Event) -> Copy:
    """Leave out what a denied purpose covers: click ids and vendors' cookies; a Veto where all four are denied.

    Shape: the very object that it was where nothing is left out.
    """
    consent = event.consent
    no_ads, no_analytics = consent.ad_storage is _DENIED, consent.analytics_storage is _DENIED
    if not (no_ads or no_analytics):
        return event
    if denied_everywhere(consent):
        return veto(event)
    told = event.browser.cookies
    cookies = {
        name: value for name, value in told.items() if not (no_analytics if name.startswith(_OF_ANALYTICS) else no_ads)
    }
    if len(cookies) < len(told):
        event = replace(event, browser=replace(event.browser, cookies=cookies))
    return replace(event, clicks={}) if no_ads and event.clicks else event


def veto(copy: Copy) -> Veto:
    """Keep of a copy which act it tells of and who said no; nothing of whom it was."""
    if isinstance(copy, Veto):
        return copy
    return Veto(
        site=copy.site,
        name=copy.name,
        event_id=copy.event_id,
        wires=copy.wires,
        received_ms=copy.received_ms,
        id_made=copy.id_made,
        consent=copy.consent,
        transaction_id=copy.transaction_id,
    )
