"""The event as one adapter may see it: identifiers that its manifest does not list are not there.

What stays hidden is worked out once a destination; an event is then only asked whether it has any of it, and comes
back as the very object it was where it has not. Mappings are kept by what is allowed, not cut by what is forbidden: an
identifier that is invented later is hidden from every adapter that does not name it.

Not covered: the site's own fields in `properties`, save the ids of phones. Their names mean nothing to us; the door
took the e-mail addresses out of them, and the outgoing scanner looks at what an adapter makes of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from operator import is_
from typing import TypeVar

import msgspec

from gateway.core.clickid import PARAMETERS
from gateway.core.event import Browser, Event, Page, Person
from gateway.core.manifest import DEVICE, PLACE, PROPERTIES, RAW, Manifest

T = TypeVar("T")


class View:
    """What one adapter sees of events."""

    __slots__ = ("_allowed", "_any_hidden", "_device", "_hidden", "_place", "_properties")

    def __init__(self, manifest: Manifest) -> None:
        self._allowed = manifest.fields
        self._place = tuple(name for name in PLACE if name not in self._allowed)
        self._device = tuple(name for name in DEVICE if name not in self._allowed)
        self._properties = frozenset(PROPERTIES) - self._allowed
        # A click id stands in the page's address as well, where it landed.
        self._hidden = frozenset(word for word, name in PARAMETERS.items() if name not in self._allowed)
        words = "|".join(map(re.escape, sorted(self._hidden)))
        self._any_hidden = re.compile(rf"[?&](?:{words})=", re.IGNORECASE) if words else None

    def of(self, event: Event) -> Event:
        """Return the event without what is hidden; the same object where nothing is."""
        person, browser, page = self._person(event.person), self._browser(event.browser), self._page(event.page)
        clicks, properties, raw = _kept(event.clicks, self._allowed), event.properties, event.raw
        if not self._properties.isdisjoint(properties):
            properties = {name: told for name, told in properties.items() if name not in self._properties}
        if raw is not None and RAW not in self._allowed:
            raw = None
        told = (person, browser, page, clicks, properties, raw)
        if all(map(is_, told, (event.person, event.browser, event.page, event.clicks, event.properties, event.raw))):
            return event
        return msgspec.structs.replace(
            event, person=person, browser=browser, page=page, clicks=clicks, properties=properties, raw=raw
        )

    def _person(self, person: Person) -> Person:
        digests = _kept(person.digests, self._allowed)
        blank = {name: None for name in self._place if getattr(person, name) is not None} if self._place else None
        if not blank and digests is person.digests:
            return person
        return msgspec.structs.replace(person, digests=digests, **(blank or {}))

    def _browser(self, browser: Browser) -> Browser:
        cookies = _kept(browser.cookies, self._allowed)
        blank = {name: None for name in self._device if getattr(browser, name) is not None} if self._device else None
        if not blank and cookies is browser.cookies:
            return browser
        return msgspec.structs.replace(browser, cookies=cookies, **(blank or {}))

    def _page(self, page: Page) -> Page:
        location, referrer = self._url(page.location), self._url(page.referrer)
        if location is page.location and referrer is page.referrer:
            return page
        return msgspec.structs.replace(page, location=location, referrer=referrer)

    def _url(self, url: str | None) -> str | None:
        """Return the address without hidden click ids; the same text where it has none."""
        if url is None or "?" not in url or self._any_hidden is None or not self._any_hidden.search(url):
            return url
        rest, mark, fragment = url.partition("#")
        head, _, query = rest.partition("?")
        kept = "&".join(part for part in query.split("&") if part.partition("=")[0].lower() not in self._hidden)
        return f"{head}?{kept}{mark}{fragment}" if kept else f"{head}{mark}{fragment}"


def _kept(told: Mapping[str, T], allowed: frozenset[str]) -> Mapping[str, T]:
    return told if allowed.issuperset(told) else {name: value for name, value in told.items() if name in allowed}
