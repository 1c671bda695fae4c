"""What is configured, as the rooms behind the door read it; replaced as a whole when the file is read again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.core.act import has_order
from gateway.core.event import Copy, Grant, Purpose, Veto, Wire
from gateway.core.site import DAY_S, Destination, Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """How long outcomes and dead letters are kept, in days, and how many requests a destination."""

    outcomes_d: float = 14
    dead_d: float = 30
    samples: int = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    sites: Mapping[str, Site]
    destinations: Mapping[str, Destination]
    keep: Keep = field(default_factory=Keep)

    def bound_for(self, site: Site) -> tuple[Destination, ...]:
        """Return the site's destinations, in the order of the file."""
        return tuple(self.destinations[name] for name in site.destinations if name in self.destinations)

    def remember_ms(self, copy: Copy) -> int:
        """Return how long the act is remembered after it is settled: orders longer than others."""
        site = self.sites.get(copy.site)
        if site is None:  # its site was removed while it waited
            return 2 * DAY_S * 1_000
        seconds = site.dedup.orders_d * DAY_S if has_order(copy) else site.dedup.window_h * 3_600
        return int(seconds * 1_000)

    def closed_ms(self, merged: Copy) -> int:
        """Return how long an act, sealed as it is now, is closed to further copies of it.

        One that waited for its server's copy in vain (`merge.confirm`) went nowhere and is not closed at all: else
        whoever guesses an order's id could shut the order out. Unless it denied what a destination needs: a no stays.
        """
        site = self.sites.get(merged.site)
        if site is None or isinstance(merged, Veto) or Wire.SERVER in merged.wires:
            return self.remember_ms(merged)
        needed = frozenset[Purpose]().union(*(place.purposes for place in self.bound_for(site)))
        is_denied = any(merged.consent.of(purpose) is Grant.DENIED for purpose in needed)
        return self.remember_ms(merged) if is_denied or merged.name not in site.merge.confirm else 0

    @property
    def outcomes_ms(self) -> int:
        return int(self.keep.outcomes_d * DAY_S * 1_000)

    @property
    def dead_ms(self) -> int:
        return int(self.keep.dead_d * DAY_S * 1_000)
