"""What an app tells of itself and of the device it runs on, as the app's server passes it on.

These are `properties` of an event, never cookies: a browser has none of them. Rules that several platforms share and
none of them owns; how a platform spells or hashes them stays in its adapter.
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from gateway.core.event import Event

_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# What a device gives out when its owner refused to be tracked: everybody's id, so nobody's.
_NOBODYS: Final = "00000000-0000-0000-0000-000000000000"
_ATT: Final = frozenset({"AUTHORIZED", "DENIED", "NOT_DETERMINED", "RESTRICTED", "NOT_APPLICABLE"})


class Device(NamedTuple):
    """Ids in lower case with their dashes: Apple's `idfa` and `idfv`, Google's `gaid`; Apple's word on tracking."""

    idfa: str | None
    idfv: str | None
    gaid: str | None
    att_status: str | None

    @property
    def advertising_id(self) -> str | None:
        """The id that advertisers share: a device has one of the two."""
        return self.idfa or self.gaid


class App(NamedTuple):
    """The app as its store knows it (`app_id`), its name and version."""

    id: str | None
    name: str | None
    version: str | None


def device(event: Event) -> Device:
    """Read the device's ids; one that is malformed, or that devices give out instead of one, is none."""
    told = event.properties
    status = told.get("att_status")
    return Device(
        idfa=_uuid(told.get("idfa")),
        idfv=_uuid(told.get("idfv")),
        gaid=_uuid(told.get("gaid")),
        att_status=status if isinstance(status, str) and status in _ATT else None,
    )


def app(event: Event) -> App:
    told = event.properties
    return App(_text(told.get("app_id")), _text(told.get("app_name")), _text(told.get("app_version")))


def system(event: Event) -> str | None:
    """Tell `ios` or `android` by the kind of id, else by the words of the agent; None where neither does."""
    ids, agent = device(event), (event.browser.user_agent or "").lower()
    if ids.idfa or ids.idfv or any(word in agent for word in ("iphone", "ipad", "darwin")):
        return "ios"
    return "android" if ids.gaid or "android" in agent else None


def _uuid(told: Any) -> str | None:
    spelled = told.strip().lower() if isinstance(told, str) else ""
    return spelled if spelled != _NOBODYS and _UUID.fullmatch(spelled) else None


def _text(told: Any) -> str | None:
    if isinstance(told, int) and not isinstance(told, bool):
        return str(told)  # Apple's ids of apps are numbers
    return told.strip() or None if isinstance(told, str) else None
