"""GA4 Measurement Protocol (`mp/collect`): events of one web data stream.

Our names are GA4's own. What has to be known before it is used:

- Google answers 2xx to whatever arrives, garbage and a wrong secret included: a delivery proves that Google took the
  bytes, not that a report shows them. So what its documents refuse is left out or skipped here.
- Nothing recognises a repeat, except purchases and refunds by their `transaction_id`. Events that the page's own
  Google tag sends to the same stream would count twice: send by one of the two, never by both.
- The secret is taken in the address only; the sender puts it there.

Source: developers.google.com/analytics/devguides/collection/protocol/ga4 (reference, sending events, validating
events), …/collection/ga4/uid-data (user_data) and support.google.com/analytics/answer/9267744 (collection limits),
read 2026-11-22. `user_agent` was seen in the code of others who send, not on Google's page: it costs nothing when it
is ignored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final, Literal

from adapters.ga4.speak import NAME, RESERVED, parameters, person_data, plain
from gateway.core.adapter import Auth, Payload, Request, Response, Ruling, Secret, Verdict, by_status, compact
from gateway.core.event import Event, Grant, Purpose
from gateway.core.manifest import Manifest
from gateway.core.outcome import Skip

# Our name -> GA4's. A name that is not here goes as it is, save that dots and dashes become underscores, the only sign
# that GA4 takes; None goes nowhere: these are reserved, and an event of such a name is dropped in silence.
NAMES: Final[Mapping[str, str | None]] = {
    "PageView": "page_view",
    **dict.fromkeys(
        """ad_activeview ad_click ad_exposure ad_impression ad_query ad_reward adunit_exposure app_background
        app_clear_data app_exception app_install app_remove app_store_refund app_store_subscription_cancel
        app_store_subscription_convert app_store_subscription_renew app_update app_upgrade dynamic_link_app_open
        dynamic_link_app_update dynamic_link_first_open error firebase_campaign firebase_in_app_message_action
        firebase_in_app_message_dismiss firebase_in_app_message_impression first_open first_visit in_app_purchase
        notification_dismiss notification_foreground notification_open notification_receive notification_send
        os_update screen_view session_start session_start_with_rollout user_engagement""".split()
    ),
}

_MEASUREMENT_ID: Final = re.compile(r"G-[A-Z0-9]{4,20}")
_CODE: Final = re.compile(r"[A-Z_]{1,40}")
_CLIENT: Final = re.compile(r"[!-~]{1,120}")
_USER_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,23}")
# What a user property may not be called, besides the prefixes.
_USER_RESERVED: Final = frozenset(
    {"first_open_time", "first_visit_time", "last_deep_link_referrer", "user_id", "first_open_after_install"}
)
_USER_PROPERTIES: Final = 25
_USER_VALUE: Final = 36


@dataclass(frozen=True, slots=True, kw_only=True)
class GA4:
    """One web data stream.

    `api_secret`: Admin, Data streams, the stream, "Measurement Protocol API secrets".
    `region`: `eu` has Google collect in the European Union.
    `user_id`: send the digest of `external_id` as GA4's user id; the page's tag has to set the same text.
    `user_data`: where `ad_user_data` is granted, send the digests of e-mail, phone, names and street, with the place.
    `user_properties`: names among the event's properties that are said of the user instead of the event.
    `user_ip`: `always` tells the visitor's address, from which Google takes the place; otherwise it sees ours.
    `debug_mode`: events marked `test` are sent and shown in DebugView; a data filter for developer traffic keeps them
    out of the reports. Without it they are not sent.
    `relayed`: a `ga4_relay` passes the hits of the page's own Google tag on, so they are left out here.
    """

    measurement_id: str
    api_secret: Secret
    region: Literal["global", "eu"] = "global"
    user_id: bool = False
    user_data: bool = False
    user_properties: tuple[str, ...] = ()
    user_ip: Literal["never", "always"] = "never"
    debug_mode: bool = False
    relayed: bool = False

    purposes: ClassVar[frozenset[Purpose]] = frozenset({Purpose.ANALYTICS_STORAGE})
    # A request is about one client at one time; 25 events of it are taken, but hardly two leave in one moment.
    max_batch: ClassVar[int] = 1
    max_wait_ms: ClassVar[int] = 0
    # An event of more than 72 hours ago is dated to 72 hours ago; an hour is kept back for the way.
    max_age_s: ClassVar[int] = 71 * 3600
    # None: only purchases and refunds are recognised, by their transaction id.
    dedup_s: ClassVar[int | None] = None
    takes_late: ClassVar[bool] = False
    hashed: ClassVar[frozenset[str]] = frozenset(
        {"user_id", "sha256_email_address", "sha256_phone_number", "sha256_first_name", "sha256_last_name"}
        | {"sha256_street"}
    )
    manifest: ClassVar[Manifest] = Manifest(
        reads=(
            # Google's own, which GA4 reads in the page's address.
            *("gclid", "gbraid", "wbraid", "dclid"),
            *("ga_client_id", "ga_session_id", "ip", "user_agent", "external_id.trimmed", "email.google", "phone.e164"),
            *("first_name.google", "last_name.google", "street.google", "city", "region", "postal_code", "country"),
            # In the page's address: Google reads there which ad it was.
            *("gclid", "gbraid", "wbraid", "dclid"),
        ),
        hosts=("www.google-analytics.com", "region1.google-analytics.com"),
        secrets=("api_secret",),
        matches=False,
    )
    probes: ClassVar[str] = "what we send; it looks at neither stream nor secret"
    """What a good answer to `probe` proves."""

    def __post_init__(self) -> None:
        if not _MEASUREMENT_ID.fullmatch(self.measurement_id):
            raise ValueError("measurement_id: write it as the data stream shows it, as in G-ABC123")
        if len(self.user_properties) > _USER_PROPERTIES:
            raise ValueError(f"user_properties: GA4 keeps {_USER_PROPERTIES} at most")
        for name in self.user_properties:
            if not _USER_NAME.fullmatch(name) or name.startswith(RESERVED) or name in _USER_RESERVED:
                raise ValueError("user_properties: a name is a letter and up to 23 letters, digits or _, none reserved")

    @property
    def endpoint(self) -> str:
        return f"https://{'region1' if self.region == 'eu' else 'www'}.google-analytics.com"

    @property
    def auth(self) -> Auth | None:
        return None

    def name(self, event_name: str) -> str | None:
        if event_name in NAMES:
            return NAMES[event_name]
        spelled = re.sub(r"[.-]", "_", event_name)
        return spelled if NAME.fullmatch(spelled) and not event_name.startswith(RESERVED) else None

    def payload(self, event: Event, name: str) -> Payload | Skip:
        """Say the event, or skip one without a client: an invented one would be a new visitor for each event."""
        if event.test and not self.debug_mode:
            return Skip.TEST
        if event.vendor == "google" and self.relayed:
            return Skip.VENDOR
        client = event.browser.cookies.get("ga_client_id", "")
        if not _CLIENT.fullmatch(client):
            return Skip.NO_IDENTIFIER
        said = {
            "client_id": client,
            "user_id": event.person.digest("external_id", "trimmed") if self.user_id else None,
            "timestamp_micros": event.at_ms * 1000,
            "user_agent": event.browser.user_agent,
            "ip_override": event.browser.ip if self.user_ip == "always" else None,
            "user_properties": self._user_properties(event),
            "user_data": person_data(event.person) if self._may_tell_person(event) else None,
            "consent": {
                "ad_user_data": _consent(event.consent.ad_user_data),
                "ad_personalization": _consent(event.consent.ad_personalization),
            },
            "events": [{"name": name, "params": parameters(event, without=self.user_properties)}],
        }
        return Payload(body=compact(said))

    def request(self, payloads: Sequence[Payload]) -> Request:
        return Request(
            path="/mp/collect",
            json=payloads[0].body,
            query={"measurement_id": self.measurement_id, "api_secret": self.api_secret},
        )

    def _may_tell_person(self, event: Event) -> bool:
        return self.user_data and event.consent.ad_user_data is Grant.GRANTED

    def _user_properties(self, event: Event) -> dict[str, Any]:
        told = {name: plain(event.properties.get(name)) for name in self.user_properties}
        return {
            name: {"value": value[:_USER_VALUE] if isinstance(value, str) else value}
            for name, value in told.items()
            if value is not None
        }

    def probe(self, now_ms: int) -> Request:
        """Ask the validation server about an event of ours; it records nothing."""
        event = {"name": "page_view", "params": {"session_id": "1", "engagement_time_msec": 1}}
        body = {
            "client_id": "1.1",
            "timestamp_micros": now_ms * 1000,
            "consent": {"ad_user_data": "DENIED", "ad_personalization": "DENIED"},
            "validation_behavior": "ENFORCE_RECOMMENDATIONS",
            "events": [event],
        }
        return replace(self.request([Payload(body=body)]), path="/debug/mp/collect")

    def probed(self, response: Response) -> str | None:
        """Read the validation server's codes; what it says in words may quote what it was sent."""
        said = response.json()
        found = said.get("validationMessages") if isinstance(said, dict) else None
        if response.status != 200 or not isinstance(found, list):
            return f"the validation server answered {response.status} and no verdict"
        codes = [one.get("validationCode") for one in found if isinstance(one, dict)]
        known = [code if isinstance(code, str) and _CODE.fullmatch(code) else "?" for code in codes]
        return f"the validation server names {', '.join(known)}" if found else None

    def verdicts(self, response: Response, count: int) -> list[Verdict]:
        """Believe every 2xx, since Google says no more than that."""
        if 200 <= response.status < 300:
            return [Verdict(ruling=Ruling.ACCEPTED)] * count
        return by_status(response, count)


def _consent(grant: Grant) -> str:
    """Deny what was not granted: left unsaid, the consent of the visitor's other events would count."""
    return "GRANTED" if grant is Grant.GRANTED else "DENIED"
