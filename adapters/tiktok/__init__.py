"""TikTok Events API 2.0 (`event/track`): events of one pixel, of an app, and of offline and CRM event sets.

The HTTP status says next to nothing: the answer is `code` in the body.

| code           | means                                         | we                                                |
|----------------|-----------------------------------------------|---------------------------------------------------|
| 0              | taken                                         | have delivered all                                |
| 20001          | taken in part                                 | reject the rows it names; the others are in       |
| 40001, 40007   | no right to the event source, or no such one  | halt                                              |
| 40100          | too often (also inside HTTP 200 or 401)       | wait                                              |
| 40101 to 40199 | the token                                     | halt                                              |
| other 4xxxx    | a parameter; the whole request was refused    | reject the row it names and send the others again |
| others         | TikTok's own trouble                          | come again                                        |
| none           |                                               | rule by the HTTP status                           |

Source: TikTok's own server-side tag (tiktok/gtm-template-eapi) and ads.tiktok.com/help (supported standard events,
event deduplication, click id), read 2026-11-22. TikTok's portal could not be read in full: limits, ages and codes
marked (integrators) come from those who send to it (rudder-transformer, segmentio/action-destinations).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from adapters.tiktok import answers, speak
from gateway.core import until
from gateway.core.adapter import Auth, Header, Payload, Request, Response, Secret, Verdict, compact
from gateway.core.event import Event, Grant, Purpose
from gateway.core.manifest import Manifest
from gateway.core.outcome import Skip

# Where an act took place -> TikTok's event source; all else is the web's.
_SOURCES: Final[Mapping[str, str]] = {
    "physical_store": "offline",
    "phone_call": "offline",
    "system_generated": "crm",
    "app": "app",
}
_DAY_S: Final = 86_400
_MOST_DAYS: Final = 28  # what some say of offline, CRM and app events
# Looking a member up in its enumeration costs more than what is asked of it.
_GRANTED: Final = Grant.GRANTED
_PATH: Final = "/open_api/v1.3/event/track/"


@dataclass(frozen=True, slots=True, kw_only=True)
class TikTok:
    """One pixel, and the other event sources of the same business.

    `test_event_code`: from "Test events" in Events Manager; only events marked `test` carry it. `test_event_until`: the
    moment (ISO 8601 with its zone) from which it is forgotten: a test that reaches the gateway then is not sent.
    `offline_event_set`, `crm_event_set`, `app_id`: where events of stores and calls (`action_source` physical_store,
    phone_call), of a CRM (system_generated) and of an app (app) belong; without one they go to the pixel as web events.
    `limited_data_use`: marks every event; one whose ad_personalization is not granted is always marked.
    `max_event_age_d`: older events are given up. TikTok publishes no bound; 7 days are refused by nobody.
    `partner_name`: what TikTok calls an agency that sends for its customers.
    """

    pixel_code: str
    access_token: Secret
    test_event_code: str | None = None
    test_event_until: str | None = None
    offline_event_set: str | None = None
    crm_event_set: str | None = None
    app_id: str | None = None
    limited_data_use: bool = False
    partner_name: str | None = None
    max_event_age_d: int = 7

    endpoint: ClassVar[str] = "https://business-api.tiktok.com"
    purposes: ClassVar[frozenset[Purpose]] = frozenset({Purpose.AD_STORAGE, Purpose.AD_USER_DATA})
    # 1000 are taken; no limit in bytes is written down, and half of that stays near the 1 MB others keep to
    # (integrators).
    max_batch: ClassVar[int] = 500
    max_wait_ms: ClassVar[int] = 500
    # 7 days (integrators; TikTok's help names none), unless the option says otherwise.
    max_age_s: ClassVar[int] = 7 * _DAY_S
    # 48 hours from the first copy of the same pixel, event and event id (help: event deduplication).
    dedup_s: ClassVar[int | None] = 48 * 3600
    # A second copy from the server is dropped, whatever it adds (the same page).
    takes_late: ClassVar[bool] = False
    hashed: ClassVar[frozenset[str]] = frozenset(
        {"email", "phone", "external_id", "first_name", "last_name", "zip_code"}
    )
    manifest: ClassVar[Manifest] = Manifest(
        reads=(
            *("email.plain", "phone.e164", "external_id.trimmed", "first_name.unspaced", "last_name.unspaced"),
            *("city", "region", "postal_code", "country"),
            *("ip", "user_agent", "language", "ttp", "ttclid", "idfa", "idfv", "gaid"),
        ),
        hosts=("business-api.tiktok.com",),
        secrets=("access_token",),
    )

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9]{1,64}", self.pixel_code):
            raise ValueError("pixel_code: write the letters and digits that Events Manager shows")
        if not 1 <= self.max_event_age_d <= _MOST_DAYS:
            raise ValueError(f"max_event_age_d: write days, 1 to {_MOST_DAYS}")
        until.until_ms(self.test_event_until)

    @property
    def auth(self) -> Auth | None:
        return Header(name="Access-Token", secret=self.access_token)

    def name(self, event_name: str) -> str | None:
        return speak.NAMES.get(event_name, event_name)

    def payload(self, event: Event, name: str) -> Payload | Skip:
        """Say the event; its lane is the event source, and whether it is a test."""
        if event.test and not self._has_code(event.received_ms):
            return Skip.TEST
        source = self._source(event)
        in_app = source == "app"
        user, properties = speak.user(event, in_app=in_app), speak.properties(event)
        ad = speak.ad(event) if in_app else None
        if not speak.is_somebody(user, ad):
            return Skip.NO_IDENTIFIER
        if name == "Purchase" and "currency" not in properties:
            return Skip.NO_VALUE
        said: dict[str, Any] = {
            "event": speak.APP_NAMES.get(name, name) if in_app else name,
            "event_time": event.at_ms // 1000,
            "event_id": event.event_id,
            "user": user,
        }
        if source == "web" and (page := speak.page(event)):
            said["page"] = page
        if in_app and (app := speak.of_app(event)):
            said["app"] = app
        if ad:
            said["ad"] = ad
        if source == "crm" and (lead := speak.lead(event)):
            said["lead"] = lead
        if properties:
            said["properties"] = properties
        if self.limited_data_use or event.consent.ad_personalization is not _GRANTED:
            said["limited_data_use"] = True
        return Payload(body=said, lane=f"{source}:test" if event.test else source)

    def request(self, payloads: Sequence[Payload]) -> Request:
        source, _, test = payloads[0].lane.partition(":")
        body = {
            "event_source": source,
            "event_source_id": self._sources()[source],
            "test_event_code": self.test_event_code if test else None,
            "partner_name": self.partner_name,
            "data": [payload.body for payload in payloads],
        }
        return Request(path=_PATH, json=compact(body))

    def verdicts(self, response: Response, count: int) -> list[Verdict]:
        """Rule by the code of the body, else by the HTTP status.

        Shape:  SPLIT beside REJECTED is known not to be taken: send it again at once without the rejected ones.
        """
        return answers.verdicts(response, count)

    def probe(self, now_ms: int) -> Request:
        """Ask with no events in hand: TikTok has to refuse it, and says first what is wrong with the token."""
        return Request(path=_PATH, json={"event_source": "web", "event_source_id": self.pixel_code, "data": []})

    def probed(self, response: Response) -> str | None:
        return answers.of_probe(response)

    def max_age_of(self, event: Event) -> int:
        return self.max_event_age_d * _DAY_S

    def advice(self, now_ms: int) -> tuple[tuple[str, str, str], ...]:
        """Say what will need a hand: a code that stands for ever, or one that is over."""
        return until.advice(self.test_event_code, self.test_event_until, now_ms)

    def _has_code(self, received_ms: int) -> bool:
        return self.test_event_code is not None and not until.is_over(self.test_event_until, received_ms)

    def _source(self, event: Event) -> str:
        wanted = _SOURCES.get(event.action_source, "web")
        return wanted if wanted == "web" or self._sources()[wanted] else "web"

    def _sources(self) -> dict[str, str | None]:
        return {
            "web": self.pixel_code,
            "app": self.app_id,
            "offline": self.offline_event_set,
            "crm": self.crm_event_set,
        }
