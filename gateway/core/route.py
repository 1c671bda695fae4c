"""Which destinations want this event and may have it. Asked twice: when an act is sealed, and when a leg leaves."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from gateway.core.act import share
from gateway.core.consent import denied_everywhere
from gateway.core.event import Copy, Event, Grant, Purpose, Veto, Wire
from gateway.core.outcome import Skip
from gateway.core.site import EVERY, Destination, Site


class Route(NamedTuple):
    """`go`: the destinations whose queue gets the act. `skipped`: the others, each with its reason."""

    go: tuple[str, ...]
    skipped: tuple[tuple[str, Skip], ...]


def route(act: str, copy: Copy, site: Site, destinations: Iterable[Destination]) -> Route:
    """Decide for each of the site's destinations; consent must be settled before (nothing unknown is granted)."""
    go, skipped = [], []
    for destination in destinations:
        why = refusal(act, copy, site, destination)
        if why is None:
            go.append(destination.name)
        else:
            skipped.append((destination.name, why))
    return Route(tuple(go), tuple(skipped))


def refusal(
    act: str, copy: Copy, site: Site, destination: Destination, denied: Collection[Purpose] = ()
) -> Skip | None:
    """Say why this destination does not get the event, or None when it does.

    `denied`: purposes that a later copy denied after the act was sealed.
    """
    if not destination.enabled:
        return Skip.DISABLED
    if isinstance(copy, Veto) or not may_leave(copy, destination, denied):
        return Skip.CONSENT
    if copy.name in site.merge.confirm and Wire.SERVER not in copy.wires:
        return Skip.UNCONFIRMED
    if copy.vendor is not None and site.wires.get(copy.vendor) != "all" and destination.vendor != copy.vendor:
        return Skip.VENDOR
    if copy.bot is not None and site.bots == "drop":
        return Skip.BOT
    if destination.events.get(copy.name, destination.events.get(EVERY, "")) is None:
        return Skip.DENIED
    if name_for(copy.name, destination) is None:
        return Skip.UNMAPPED
    if destination.sample < 1 and share(act, destination.name) >= destination.sample:
        return Skip.SAMPLE
    return None


def may_leave(event: Event, destination: Destination, denied: Collection[Purpose] = ()) -> bool:
    """Ask consent: every purpose the destination needs is granted, and none of them was denied since.

    One that needs none gets what is not denied everywhere, by the event or since.
    """
    needed, consent = destination.purposes, event.consent
    if needed:
        return consent.allows(needed) and needed.isdisjoint(denied)
    if not denied:
        return not denied_everywhere(consent)
    return not all(purpose in denied or consent.of(purpose) is Grant.DENIED for purpose in Purpose)


def name_for(event_name: str, destination: Destination) -> str | None:
    """Return the name under which this destination gets the event, or None when it has no use for it."""
    if event_name in destination.events:
        return destination.events[event_name]
    return destination.adapter.name(event_name)
