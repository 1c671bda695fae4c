"""Pinterest API for Conversions (v5): our events in the words of an ad account.

Every row is told by itself, in a 200 as in a 422: `processed` or `failed`. Everything else is one code for all:

| HTTP | code | means                              | we                          |
|------|------|------------------------------------|-----------------------------|
| 200  |      | rows, each processed or failed     | deliver, or reject the row  |
| 422  |      | the same, some failed              | the same                    |
| 400  | 4196 | the request cannot be read         | send halves                 |
| 401  | 2    | the token                          | halt                        |
| 403  | 29   | not this ad account                | halt                        |
| 404  |      | no such ad account, or address     | halt                        |
| 429  | 8    | too often (5000 a minute)          | wait                        |
| 503  | 4197 | Pinterest's own trouble            | come again                  |
| all else | |                                    | rule by the HTTP status     |

A failed row says why in prose only, so a passing fault cannot be told from a lasting one: it is a dead letter, and
replaying it is a person's choice.

Source: Pinterest's OpenAPI description, v5.23.0 (`/ad_accounts/{id}/events`), read 2026-11-22. Two figures are not in
it: that events may be 7 days old (integrators) and for how long a repeat is recognised (a day is assumed).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from adapters.pinterest import answers, speak
from gateway.core.adapter import Auth, Header, Payload, Request, Response, Secret, Verdict, compact
from gateway.core.domain import page_address
from gateway.core.event import Event, Grant, Purpose
from gateway.core.manifest import Manifest
from gateway.core.outcome import Skip

PARTNER: Final = "ss-tagway"  # `ss-` and a name in lower case: who sends on the advertiser's behalf
_LANGUAGE: Final = re.compile(r"([A-Za-z]{2})(?:[-,;].*)?", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinterest:
    """One ad account.

    `test_events`: events marked `test` are sent to be checked (`?test=true`), which records nothing; without it they
    are not sent.
    `limited_data_processing`: marks every event (LDP); one whose ad_personalization is not granted is always marked.
    """

    ad_account_id: str
    access_token: Secret
    test_events: bool = False
    limited_data_processing: bool = False

    endpoint: ClassVar[str] = "https://api.pinterest.com"
    purposes: ClassVar[frozenset[Purpose]] = frozenset({Purpose.AD_STORAGE, Purpose.AD_USER_DATA})
    # 1000 are taken; half of that stays below the 2 MB that others keep to (integrators).
    max_batch: ClassVar[int] = 500
    max_wait_ms: ClassVar[int] = 500
    rate_limit: ClassVar[str] = "5000/m"
    max_age_s: ClassVar[int] = 7 * 86_400
    # By event name and id; acts of a store (`offline`) are never recognised again, says the description.
    dedup_s: ClassVar[int | None] = 86_400
    takes_late: ClassVar[bool] = False
    hashed: ClassVar[frozenset[str]] = speak.HASHED
    manifest: ClassVar[Manifest] = Manifest(
        reads=(
            *("email.plain", "phone.digits", "first_name.letters", "last_name.letters"),
            *("gender.initial", "date_of_birth.digits", "external_id.trimmed"),
            *("city", "region", "postal_code", "country"),
            *("ip", "user_agent", "language", "epik", "idfa", "idfv", "gaid"),
        ),
        hosts=("api.pinterest.com",),
        secrets=("access_token",),
    )

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[0-9]{1,18}", self.ad_account_id):
            raise ValueError("ad_account_id: write the digits that Ads Manager shows, in quotes")

    @property
    def auth(self) -> Auth | None:
        return Header(name="Authorization", secret=self.access_token, prefix="Bearer ")

    def name(self, event_name: str) -> str | None:
        return event_name if event_name in speak.THEIRS else speak.NAMES.get(event_name, "custom")

    def payload(self, event: Event, name: str) -> Payload | Skip:
        """Say the event; its lane tells a test from the truth."""
        if event.test and not self.test_events:
            return Skip.TEST
        user = speak.user_data(event)
        if (
            user.keys().isdisjoint({"em", "hashed_maids"})
            and not {"client_ip_address", "client_user_agent"} <= user.keys()
        ):
            return Skip.NO_IDENTIFIER
        source = speak.source(event)
        language = _LANGUAGE.fullmatch(event.browser.language or "")
        limited = self.limited_data_processing or event.consent.ad_personalization is not Grant.GRANTED
        said = {
            "event_name": name,
            "action_source": source,
            "event_time": event.at_ms // 1000,
            "event_id": event.event_id,
            "event_source_url": page_address(event.page.location),
            "partner_name": PARTNER,
            "language": language[1].lower() if language else None,
            **(speak.of_app(event) if source in speak.APPS.values() else {}),
            "user_data": user,
            "custom_data": speak.custom_data(event) | ({"opt_out_type": "LDP"} if limited else {}),
        }
        return Payload(body=compact(said), lane="test" if event.test else "")

    def request(self, payloads: Sequence[Payload]) -> Request:
        return Request(
            path=f"/v5/ad_accounts/{self.ad_account_id}/events",
            json={"data": [payload.body for payload in payloads]},
            query={"test": "true"} if payloads[0].lane == "test" else {},
        )

    def probe(self, now_ms: int) -> Request:
        """Have one made-up visit checked, which Pinterest then records nowhere."""
        visit = {
            "event_name": "page_visit",
            "action_source": "web",
            "event_time": now_ms // 1000,
            "event_id": "tagway-check",
            # An address of documentation (RFC 5737): nobody's.
            "user_data": {"client_ip_address": "192.0.2.1", "client_user_agent": "tagway-check"},
        }
        path = f"/v5/ad_accounts/{self.ad_account_id}/events"
        return Request(path=path, json={"data": [visit]}, query={"test": "true"})

    def probed(self, response: Response) -> str | None:
        (verdict,) = self.verdicts(response, 1)
        return answers.of_probe(verdict)

    @property
    def budget(self) -> str:
        return f"pinterest:{self.ad_account_id}"

    def verdicts(self, response: Response, count: int) -> list[Verdict]:
        """Rule row by row where Pinterest does, else by its code, else by the HTTP status."""
        return answers.verdicts(response, count)
