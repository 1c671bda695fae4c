"""What an adapter says of itself before it is let at anything: identifiers it reads, hosts it calls, secrets it uses.

The gateway holds it to its word. Identifiers that are not listed are absent from the event that the adapter is handed
(`core/view.py`); the sender calls no host and opens no secret that is not listed (`core/warrant.py`). A name that
nobody knows is refused while the class is made, so a slip of the pen never hides an identifier in silence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

SPELLINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "email": ("plain", "google", "folded"),
    "phone": ("digits", "e164"),
    "first_name": ("letters", "google", "unspaced"),
    "last_name": ("letters", "google", "unspaced"),
    "street": ("google",),
    "date_of_birth": ("digits",),
    "gender": ("initial",),
    "external_id": ("lower", "trimmed"),
}
"""Sealed fields of a person, and the spellings that each is hashed in."""
PLACE: Final = ("city", "region", "postal_code", "country")
DEVICE: Final = ("ip", "user_agent", "language")
COOKIES: Final = ("fbp", "fbc", "ttp", "gcl_au", "ga_client_id", "ga_session_id", "sc_cookie1", "rdt_uuid", "uetvid")
CLICKS: Final = (
    *("gclid", "gbraid", "wbraid", "gad", "dclid", "fbclid", "ttclid"),
    *("scid", "msclkid", "li_fat_id", "epik", "twclid", "rdt_cid"),
)
PROPERTIES: Final = ("idfa", "idfv", "gaid")
"""Ids of a phone, which an app's server passes on among an event's properties (`core/device.py`)."""
EVERYTHING: Final = (*SPELLINGS, *PLACE, "ip", "user_agent", *COOKIES, *CLICKS, *PROPERTIES)
"""What `core/speak.as_json` says: for a receiver of the user's own, which is told whatever we know."""

RAW: Final = "raw"
"""The hit as a vendor's own tag wrote it, whatever stands in it: for an adapter that relays it."""

_KNOWN: Final = frozenset(
    {*EVERYTHING, *DEVICE, RAW}
    | {f"{field}.{spelling}" for field, spellings in SPELLINGS.items() for spelling in spellings}
)
_ORIGIN: Final = re.compile(r"(?:https?://)?[A-Za-z0-9.\-\[\]:]+")
_OPTION: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One adapter's declaration. Everything in it can be read without making the adapter.

    `reads`: identifiers, by the names above. A sealed field names the spelling it is sent in (`email.plain`); of
    several spellings the first is the one without which the field is not sent. A bare `email` takes any.
    `hosts`: a host name (https, port 443), or scheme, host and port where it is anything else.
    `urls`: options that hold an address of the user's own, which may be called besides.
    `secrets`: options that hold a secret or name a key file; dots lead into an option of several parts.
    `matches`: whether the receiver looks for a person of its own; only then is match quality estimated.
    """

    reads: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    matches: bool = True

    def __post_init__(self) -> None:
        for name in self.reads:
            if name not in _KNOWN:
                meant = get_close_matches(name, sorted(_KNOWN), n=1)
                hint = f"did you mean {meant[0]}?" if meant else "the names are in gateway/core/manifest.py"
                raise ValueError(f"manifest.reads: no identifier is called {name}; {hint}")
        for host in self.hosts:
            if not _ORIGIN.fullmatch(host):
                raise ValueError("manifest.hosts: write a host, as in events.example, without a path")
        for option in (*self.urls, *self.secrets):
            if not _OPTION.fullmatch(option):
                raise ValueError("manifest.urls and manifest.secrets: write the names of options")

    @property
    def fields(self) -> frozenset[str]:
        """The identifiers without their spellings."""
        return frozenset(name.partition(".")[0] for name in self.reads)

    @property
    def origins(self) -> tuple[str, ...]:
        """The hosts with their schemes."""
        return tuple(host if "://" in host else f"https://{host}" for host in self.hosts)
