"""The event as one adapter may see it: identifiers that its manifest does not list are not there.

What stays hidden is worked out once a destination; an event is then only asked whether it has any of it, and comes
back as the very object it was where it has not. Mappings are kept by what is allowed, not cut by what is forbidden: an
identifier that is invented later is hidden from every adapter that does not name it.

Not covered: the site's own fields in `properties`, save the ids of phones. Their names mean nothing to us; the door
took the e-mail addresses out of them, and the outgoing scanner looks at what an adapter makes of them.
"""

from __future__ import annotations

import re
from operator import attrgetter
from typing import Any

import msgspec

from gateway.core.clickid import PARAMETERS
from gateway.core.event import Browser, Event, Page, Person
from gateway.core.manifest import DEVICE, PLACE, PROPERTIES, RAW, Manifest


class View:
    """What one adapter sees of events."""

    __slots__ = (
        *("_allowed", "_any_hidden", "_device", "_hidden", "_no_device", "_no_place", "_nothing", "_nowhere"),
        *("_place", "_properties"),
    )

    def __init__(self, manifest: Manifest) -> None:
        self._allowed = manifest.fields
        self._no_place = {name: None for name in PLACE if name not in self._allowed}
        self._no_device = {name: None for name in DEVICE if name not in self._allowed}
        # What is hidden of these is asked for at once: most often it is not there.
        self._place = attrgetter(*self._no_place) if self._no_place else None
        self._nowhere = self._place(Person()) if self._place else None
        self._device = attrgetter(*self._no_device) if self._no_device else None
        self._nothing = self._device(Browser()) if self._device else None
        self._properties = frozenset(PROPERTIES) - self._allowed
        # A click id stands in the page's address as well, where it landed.
        self._hidden = frozenset(word for word, name in PARAMETERS.items() if name not in self._allowed)
        words = "|".join(map(re.escape, sorted(self._hidden)))
        self._any_hidden = re.compile(rf"[?&](?:{words})=", re.IGNORECASE) if words else None

    def of(self, event: Event) -> Event:
        """Return the event without what is hidden; the same object where nothing is."""
        allowed, properties = self._allowed, event.properties
        person, browser, page = event.person, event.browser, event.page
        place, device = self._place, self._device
        if (place and place(person) != self._nowhere) or not allowed.issuperset(person.digests):
            person = self._person(person)
        if (device and device(browser) != self._nothing) or not allowed.issuperset(browser.cookies):
            browser = self._browser(browser)
        if (page.location and "?" in page.location) or (page.referrer and "?" in page.referrer):
            page = self._page(page)
        other: dict[str, Any] = {}
        if person is not event.person:
            other["person"] = person
        if browser is not event.browser:
            other["browser"] = browser
        if page is not event.page:
            other["page"] = page
        if not allowed.issuperset(event.clicks):
            other["clicks"] = {name: click for name, click in event.clicks.items() if name in allowed}
        if properties and not self._properties.isdisjoint(properties):
            other["properties"] = {name: told for name, told in properties.items() if name not in self._properties}
        if event.raw is not None and RAW not in allowed:
            other["raw"] = None
        return msgspec.structs.replace(event, **other) if other else event

    def _person(self, person: Person) -> Person:
        digests = {name: told for name, told in person.digests.items() if name in self._allowed}
        return msgspec.structs.replace(person, digests=digests, **self._no_place)

    def _browser(self, browser: Browser) -> Browser:
        cookies = {name: told for name, told in browser.cookies.items() if name in self._allowed}
        return msgspec.structs.replace(browser, cookies=cookies, **self._no_device)

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
