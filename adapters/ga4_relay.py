"""GA4 by relay (`g/collect`): a hit of the page's own Google tag, passed on as it came, from our address.

- It says everything the tag says: sessions, engagement, consent, client hints. Nothing is translated, and events that
  a server reports have no hit to pass on: those go by the adapter `ga4`.
- Ours are the visitor's address (`_uip`), his `User-Agent`, and what he denied: a purpose that we know to be denied
  (Global Privacy Control, another tool on the page, the server's copy) is denied in the hit, too.
- A hit has no time in it: Google dates it when it comes. It has no id either, so nothing recognises a repeat but a
  purchase's `transaction_id`.

Source: Google documents no such endpoint for others. The form is that of the tag's own requests and of two open tag
servers that relay them (a server-side GA4 tag and an edge component), read 2026-11-22.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Literal
from urllib.parse import parse_qsl, quote, urlencode

from gateway.core.adapter import Auth, Payload, Request, Response, Ruling, Verdict, by_status
from gateway.core.consent.consent_mode import withdrawn
from gateway.core.event import Event, Grant, Purpose
from gateway.core.manifest import RAW, Manifest
from gateway.core.outcome import Skip
from gateway.core.redact import redact

_MEASUREMENT_ID: Final = re.compile(r"G-[A-Z0-9]{4,20}")
# What the tag puts into the body when the address grows too long: all that belongs to the one event.
_OF_EVENT: Final = re.compile(r"(?:en|edid|_et|_ee|_c|_ev|(?:ep|epn|up|upn)\..*|pr[0-9]+)", re.DOTALL)
_LONGEST_URL: Final = 2_048
# Google's way to say that the address of whoever sends is nobody's.
_NO_ADDRESS: Final = "::"
_AD_PURPOSES: Final = (Purpose.AD_STORAGE, Purpose.AD_USER_DATA, Purpose.AD_PERSONALIZATION)


@dataclass(frozen=True, slots=True, kw_only=True)
class GA4Relay:
    """One web data stream.

    `measurement_id`: only hits for this stream are passed on: anybody can send one for his own.
    `region`: `eu` has Google collect in the European Union.
    `user_ip`: `never` hides the visitor's address, and with it where he is.
    """

    measurement_id: str
    region: Literal["global", "eu"] = "global"
    user_ip: Literal["always", "never"] = "always"

    purposes: ClassVar[frozenset[Purpose]] = frozenset({Purpose.ANALYTICS_STORAGE})
    # A request has one visitor's address and agent.
    max_batch: ClassVar[int] = 1
    max_wait_ms: ClassVar[int] = 0
    # Dated when it comes: later than this it would stand in another part of the day than the visit it belongs to.
    max_age_s: ClassVar[int] = 4 * 3600
    dedup_s: ClassVar[int | None] = None
    takes_late: ClassVar[bool] = False
    auth: ClassVar[Auth | None] = None
    hashed: ClassVar[frozenset[str]] = frozenset()
    manifest: ClassVar[Manifest] = Manifest(
        reads=(RAW, "ip", "user_agent"),
        hosts=("www.google-analytics.com", "region1.google-analytics.com"),
        matches=False,
    )

    def __post_init__(self) -> None:
        if not _MEASUREMENT_ID.fullmatch(self.measurement_id):
            raise ValueError("measurement_id: write it as the data stream shows it, as in G-ABC123")

    @property
    def endpoint(self) -> str:
        return f"https://{'region1' if self.region == 'eu' else 'www'}.google-analytics.com"

    def name(self, event_name: str) -> str | None:
        """Return every name: the hit has it already."""
        return event_name

    def payload(self, event: Event, name: str) -> Payload | Skip:
        """Pass the hit on, or skip an event that has none for this stream; a test is none."""
        if event.test:
            return Skip.TEST
        said = dict(parse_qsl(event.raw or "", keep_blank_values=True))
        if said.get("tid") != self.measurement_id:
            return Skip.NO_HIT
        denied = [purpose for purpose in _AD_PURPOSES if event.consent.of(purpose) is not Grant.GRANTED]
        told = {key: redact(value) for key, value in withdrawn(said, denied).items()}
        if name != event.name:
            told["en"] = name
        address = event.browser.ip if self.user_ip == "always" else None
        told["_uip"] = address or _NO_ADDRESS
        return Payload(body={"hit": told, "user_agent": event.browser.user_agent or ""})

    def request(self, payloads: Sequence[Payload]) -> Request:
        """Ask as the tag does: all in the address, or, where that grows too long, the event in the body."""
        hit: Mapping[str, str] = payloads[0].body["hit"]
        agent = payloads[0].body["user_agent"]
        headers = {"Content-Type": "text/plain;charset=UTF-8", **({"User-Agent": agent} if agent else {})}
        inside = _encoded(hit)
        if len(inside) + len(self.endpoint) < _LONGEST_URL:
            return Request(path="/g/collect", json=None, query=hit, headers=headers)
        page = {key: value for key, value in hit.items() if not _OF_EVENT.fullmatch(key)}
        line = _encoded({key: value for key, value in hit.items() if key not in page})
        return Request(path="/g/collect", json=None, text=line, query=page, headers=headers)

    def verdicts(self, response: Response, count: int) -> list[Verdict]:
        """Believe every 2xx, since Google says no more than that."""
        if 200 <= response.status < 300:
            return [Verdict(ruling=Ruling.ACCEPTED)] * count
        return by_status(response, count)


def _encoded(params: Mapping[str, str]) -> str:
    return urlencode(params, quote_via=quote, safe="")
