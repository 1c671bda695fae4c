"""How well a platform could know the person of one event: our estimate, from 0 to 10.

    quality = 10 x (1 - the product of (1 - strength) over the identifiers that are there)

Each identifier is a chance of its own to find the person; the estimate is the chance that at least one does. So it
grows with every identifier, never passes 10, and a weak one adds little to a strong one. The strengths are ours, in the
order in which platforms list their match keys: docs/platforms/match-quality.md has the reasons, and what nobody here
can know.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gateway.core.event import Browser, Event, Person
from gateway.core.manifest import CLICKS, COOKIES, DEVICE, PLACE, PROPERTIES, SPELLINGS, Manifest

STRENGTHS: Final[Mapping[str, float]] = {
    # A click on the platform's own ad: it knows whom it showed it to. Several ids of one click are one.
    "click": 0.75,
    "email": 0.65,
    "phone": 0.55,
    # An advertising id that the phone gives to every app.
    "device_id": 0.55,
    # Both only help where the platform has met them before.
    "external_id": 0.35,
    "browser_id": 0.35,
    "ip": 0.15,
    "user_agent": 0.08,
    # Alone these name nobody; beside another identifier they tell two candidates apart.
    "last_name": 0.08,
    "date_of_birth": 0.08,
    "postal_code": 0.06,
    "street": 0.06,
    "first_name": 0.05,
    "city": 0.03,
    "region": 0.02,
    "country": 0.02,
    "gender": 0.02,
}
# Meta's click cookie tells the same click as the fbclid it was made of.
_CLICK_COOKIES: Final = ("fbc",)
# A landing from an ad: it names the campaign, not who came.
_NO_CLICK: Final = frozenset({"gad"})
# A session is no person; the other cookies name a browser.
_BROWSER_IDS: Final = tuple(name for name in COOKIES if name not in (*_CLICK_COOKIES, "ga_session_id"))
# Of so many combinations of identifiers the estimate is remembered.
_KINDS: Final = 2_048


class Quality:
    """The estimate for one destination's events."""

    __slots__ = (
        *("_browser_ids", "_click_cookies", "_clicks", "_device", "_known", "_matches", "_place", "_properties"),
        "_sealed",
    )

    def __init__(self, manifest: Manifest) -> None:
        spelled: dict[str, str | None] = {}
        for name in manifest.reads:
            field, _, spelling = name.partition(".")
            spelled.setdefault(field, spelling or None)
        self._matches = manifest.matches
        self._sealed = tuple((name, spelled[name], _missed(name)) for name in SPELLINGS if name in spelled)
        self._place = tuple((name, _missed(name)) for name in PLACE if name in spelled)
        self._device = tuple((name, _missed(name)) for name in DEVICE if name in spelled and name in STRENGTHS)
        self._clicks = frozenset(spelled).intersection(CLICKS) - _NO_CLICK
        self._click_cookies = frozenset(spelled).intersection(_CLICK_COOKIES)
        self._browser_ids = frozenset(spelled).intersection(_BROWSER_IDS)
        self._properties = frozenset(spelled).intersection(PROPERTIES)
        self._known: dict[tuple[Any, ...], float] = {}

    def of(self, event: Event) -> float | None:
        """Estimate one event, to one decimal; None for a receiver that looks for nobody. Pure."""
        if not self._matches:
            return None
        person, browser = event.person, event.browser
        digests, cookies = person.digests, browser.cookies
        has_click = not (self._clicks.isdisjoint(event.clicks) and self._click_cookies.isdisjoint(cookies))
        has_browser_id = not self._browser_ids.isdisjoint(cookies)
        has_device_id = not self._properties.isdisjoint(event.properties)
        # Events differ in who it was; in which identifiers there are, a shop's events are of a few dozen kinds.
        kind = (
            tuple(digests), tuple(map(tuple, digests.values())),
            not person.city, not person.region, not person.postal_code, not person.country,
            not browser.ip, not browser.user_agent, has_click, has_browser_id, has_device_id,
        )  # fmt: skip
        known = self._known.get(kind)
        if known is not None:
            return known
        missed = self._unfound(person, browser)
        if has_click:
            missed *= 1 - STRENGTHS["click"]
        if has_browser_id:
            missed *= 1 - STRENGTHS["browser_id"]
        if has_device_id:
            missed *= 1 - STRENGTHS["device_id"]
        if len(self._known) >= _KINDS:
            self._known.clear()
        told = self._known[kind] = round(10 * (1 - missed), 1)
        return told

    def _unfound(self, person: Person, browser: Browser) -> float:
        """Return the chance that neither what was sealed, nor the place, nor the device finds the person."""
        missed = 1.0
        for field, spelling, chance in self._sealed:
            told = person.digests.get(field)
            if told and (spelling is None or spelling in told):
                missed *= chance
        for part, chance in self._place:
            if getattr(person, part):
                missed *= chance
        for trait, chance in self._device:
            if getattr(browser, trait):
                missed *= chance
        return missed


def _missed(name: str) -> float:
    return 1 - STRENGTHS[name]
