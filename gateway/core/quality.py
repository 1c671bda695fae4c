"""How well a platform could know the person of one event: our estimate, from 0 to 10.

    quality = 10 x (1 - the product of (1 - strength) over the identifiers that are there)

Each identifier is a chance of its own to find the person; the estimate is the chance that at least one does. So it
grows with every identifier, never passes 10, and a weak one adds little to a strong one. The strengths are ours, in the
order in which platforms list their match keys: docs/platforms/match-quality.md has the reasons, and what nobody here
can know.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from gateway.core.event import Browser, Event, Person
from gateway.core.manifest import CLICKS, COOKIES, PLACE, PROPERTIES, SPELLINGS, Manifest

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
# So many combinations of fields, and so many estimates, are remembered.
_KINDS: Final = 2_048
_Sealed: TypeAlias = tuple[str, str | None, float]


class Quality:
    """The estimate for one destination's events."""

    __slots__ = (
        *("_browser_ids", "_click_cookies", "_clicks", "_known", "_matches", "_picks", "_properties", "_sealed"),
        *("_city", "_country", "_ip", "_postal_code", "_region", "_user_agent"),
    )

    def __init__(self, manifest: Manifest) -> None:
        spelled: dict[str, str | None] = {}
        for name in manifest.reads:
            field, _, spelling = name.partition(".")
            spelled.setdefault(field, spelling or None)
        self._matches = manifest.matches
        self._sealed = tuple((name, spelled[name], _missed(name)) for name in SPELLINGS if name in spelled)
        # Of what the platform does not read, 1 is what it leaves of any chance.
        self._city, self._region, self._postal_code, self._country, self._ip, self._user_agent = (
            _missed(name) if name in spelled else 1.0 for name in (*PLACE, "ip", "user_agent")
        )
        self._clicks = frozenset(spelled).intersection(CLICKS) - _NO_CLICK
        self._click_cookies = frozenset(spelled).intersection(_CLICK_COOKIES)
        self._browser_ids = frozenset(spelled).intersection(_BROWSER_IDS)
        self._properties = frozenset(spelled).intersection(PROPERTIES)
        self._picks: dict[tuple[str, ...], tuple[_Sealed, ...]] = {}
        self._known: dict[float, float] = {}

    def of(self, event: Event) -> float | None:
        """Estimate one event, to one decimal; None for a receiver that looks for nobody. Pure."""
        if not self._matches:
            return None
        cookies = event.browser.cookies
        missed = self._unfound(event.person, event.browser)
        if not (self._clicks.isdisjoint(event.clicks) and self._click_cookies.isdisjoint(cookies)):
            missed *= _CLICK
        if not self._browser_ids.isdisjoint(cookies):
            missed *= _BROWSER_ID
        if event.properties and not self._properties.isdisjoint(event.properties):
            missed *= _DEVICE_ID
        # Rounding is dear, and there are a few dozen chances.
        known = self._known.get(missed)
        if known is None:
            if len(self._known) >= _KINDS:
                self._known.clear()
            known = self._known[missed] = round(10 * (1 - missed), 1)
        return known

    def _unfound(self, person: Person, browser: Browser) -> float:
        """Return the chance that neither what was sealed, nor the place, nor the device finds the person."""
        missed, digests = 1.0, person.digests
        if digests:
            fields = tuple(digests)
            for field, spelling, chance in self._picks.get(fields) or self._pick(fields):
                if spelling in digests[field] or (spelling is None and digests[field]):
                    missed *= chance
        if person.city:
            missed *= self._city
        if person.region:
            missed *= self._region
        if person.postal_code:
            missed *= self._postal_code
        if person.country:
            missed *= self._country
        if browser.ip:
            missed *= self._ip
        if browser.user_agent:
            missed *= self._user_agent
        return missed

    def _pick(self, fields: tuple[str, ...]) -> tuple[_Sealed, ...]:
        """Choose what to ask of a person with these fields, and remember it: a shop's events have few kinds."""
        if len(self._picks) >= _KINDS:
            self._picks.clear()
        told = self._picks[fields] = tuple(one for one in self._sealed if one[0] in fields)
        return told


def _missed(name: str) -> float:
    return 1 - STRENGTHS[name]


_CLICK, _BROWSER_ID, _DEVICE_ID = map(_missed, ("click", "browser_id", "device_id"))
