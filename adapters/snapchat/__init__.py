"""Snapchat Conversions API v3: our events in the words of a Snap Pixel.

What an answer means; `status` in the body decides, for a refusal can stand inside a 200:

| answer                                  | means                         | we                                  |
|-----------------------------------------|-------------------------------|-------------------------------------|
| `VALID` in a 2xx                        | taken                         | have delivered all                  |
| `INVALID` in a 200 or 400, row named    | that row                      | reject it, send the others again    |
| `INVALID` in a 200 or 400, no row named | some row                      | send halves                         |
| 401, 403, 404                           | the token, or not its pixel   | halt                                |
| 429                                     | too often; never for how long | wait                                |
| all else                                |                               | rule by the HTTP status             |

Source: developers.snap.com, Conversions API (Using the API, Parameters, Deduplication, Verify Set Up), read
2026-11-22. No list of error codes is published: they are repeated as reasons and decide nothing. Types of
`custom_data` are those of Snap's OpenAPI model where its pages leave them open. The pages show no header for the
token, only the address; the sender alone opens it there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal

from adapters.snapchat import answers, speak
from gateway.core import until
from gateway.core.adapter import Auth, Payload, Request, Response, Secret, Verdict, compact
from gateway.core.domain import page_address
from gateway.core.event import Event, Grant, Purpose
from gateway.core.manifest import Manifest
from gateway.core.outcome import Skip

INTEGRATION: Final = "tagway"
_ID: Final = re.compile(r"[A-Za-z0-9-]{1,64}")
_KNOWN: Final = frozenset({"em", "ph", "madid"})
_WEB: Final = frozenset({"website", "app"})
_APP: Final = "app"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapchat:
    """One Snap Pixel, and an app beside it.

    `app_id`: the Snap App ID; events of an app (`action_source` app) go to it. Without it they are web events.
    `test_events`: events marked `test` go to Snap's validator, which shows them in Events Manager and records nothing.
    `test_event_code`: they go where real ones go, and carry the code. Without either they are not sent.
    `test_event_until`: the moment (ISO 8601 with its zone) from which the code is forgotten.
    `data_processing_options`: [LMU] limits every event (Snap's SDK spells it LDU). One whose ad_personalization is not
    granted is always limited. Country and state are Snap's numbers; absent, the address decides.
    """

    pixel_id: str
    access_token: Secret
    app_id: str | None = None
    test_events: bool = False
    test_event_code: str | None = None
    test_event_until: str | None = None
    data_processing_options: tuple[Literal["LMU", "LDU"], ...] = ()
    data_processing_options_country: int | None = None
    data_processing_options_state: int | None = None

    endpoint: ClassVar[str] = "https://tr.snapchat.com"
    purposes: ClassVar[frozenset[Purpose]] = frozenset({Purpose.AD_STORAGE, Purpose.AD_USER_DATA})
    # 2000 are taken; no limit in bytes is written down, and one bad row makes the whole request travel again.
    max_batch: ClassVar[int] = 500
    max_wait_ms: ClassVar[int] = 500
    # A token's share unless Snap raised it (integrators).
    rate_limit: ClassVar[str] = "10/s"
    # 37 days, less half a day: a time out of range is a 400 for the whole request.
    max_age_s: ClassVar[int] = 3_153_600
    # 48 hours by event id. Purchases are said to be known longer by their order id; how long is not on Snap's page.
    dedup_s: ClassVar[int | None] = 48 * 3600
    # The first copy gains what only the second had, but nothing that it has is restated.
    takes_late: ClassVar[bool] = False
    hashed: ClassVar[frozenset[str]] = speak.HASHED
    manifest: ClassVar[Manifest] = Manifest(
        reads=(
            *("email.plain", "phone.digits", "first_name.letters", "last_name.letters"),
            *("gender.initial", "date_of_birth.digits", "external_id.trimmed"),
            *("city", "region", "postal_code", "country"),
            *("ip", "user_agent", "scid", "sc_cookie1", "idfa", "idfv", "gaid"),
        ),
        hosts=("tr.snapchat.com",),
        secrets=("access_token",),
    )

    def __post_init__(self) -> None:
        for option, told in (("pixel_id", self.pixel_id), ("app_id", self.app_id)):
            if told is not None and not _ID.fullmatch(told):
                raise ValueError(f"{option}: write the letters, digits and dashes that Events Manager shows")
        until.until_ms(self.test_event_until)

    @property
    def auth(self) -> Auth | None:
        return None  # the token stands in the address, see above

    def name(self, event_name: str) -> str | None:
        return event_name if event_name in speak.THEIRS else speak.NAMES.get(event_name)

    def payload(self, event: Event, name: str) -> Payload | Skip:
        """Say the event, or skip what would fail the request that it shares with others.

        Its lane is the asset it goes to (pixel or app), and how a test is sent.
        """
        test = self._test(event)
        if event.test and not test:
            return Skip.TEST
        if name not in speak.THEIRS:
            return Skip.UNMAPPED
        page = page_address(event.page.location)
        in_app = event.action_source == _APP and self.app_id is not None
        source = "MOBILE_APP" if in_app else "WEB" if event.action_source in _WEB else "OFFLINE"
        if source == "WEB" and page is None:
            return Skip.NO_PAGE
        custom = speak.custom_data(event)
        if name == "PURCHASE" and not ("value" in custom and "currency" in custom):
            return Skip.NO_VALUE
        user = speak.user_data(event, in_app=in_app)
        if _KNOWN.isdisjoint(user) and not ("client_ip_address" in user and "client_user_agent" in user):
            return Skip.NO_IDENTIFIER
        said: dict[str, Any] = {
            "event_name": name,
            "event_time": event.at_ms // 1000,
            "event_id": event.event_id,
            "action_source": source,
            "event_source_url": page,
            "user_data": user,
            "custom_data": custom,
            "app_data": speak.app_data(event) if in_app else None,
            "integration": INTEGRATION,
        }
        if self.data_processing_options or event.consent.ad_personalization is not Grant.GRANTED:
            said |= self._data_processing(event)
        lane = ":".join(filter(None, (_APP if in_app else "", test))) if in_app or test else ""
        return Payload(body=compact(said), lane=lane)

    def request(self, payloads: Sequence[Payload]) -> Request:
        ways = payloads[0].lane.split(":")
        path = f"/v3/{self.app_id if _APP in ways else self.pixel_id}/events"
        body = {
            "data": [payload.body for payload in payloads],
            "test_event_code": self.test_event_code if "code" in ways else None,
        }
        return Request(
            path=f"{path}/validate" if "test" in ways else path,
            json=compact(body),
            query={"access_token": self.access_token},
        )

    def verdicts(self, response: Response, count: int) -> list[Verdict]:
        """Rule by the status in the body.

        Shape:  SPLIT beside REJECTED is known not to be taken: send it again at once without the rejected ones.
        """
        return answers.verdicts(response, count)

    def probe(self, now_ms: int) -> Request:
        """Ask for the pixel's statistics, which only its own token may read."""
        path = f"/v3/{self.pixel_id}/events/validate/stats"
        return Request(method="GET", path=path, json=None, query={"access_token": self.access_token})

    def probed(self, response: Response) -> str | None:
        return answers.of_probe(response)

    @property
    def budget(self) -> str:
        return f"snapchat:{self.pixel_id}"

    def advice(self, now_ms: int) -> tuple[tuple[str, str, str], ...]:
        """Say what will need a hand: a code that stands for ever, or one that is over."""
        return until.advice(self.test_event_code, self.test_event_until, now_ms)

    def _test(self, event: Event) -> str:
        """Name the way of a test: with the code, to the validator, or none."""
        if not event.test:
            return ""
        if self.test_event_code is not None and not until.is_over(self.test_event_until, event.received_ms):
            return "code"
        return "test" if self.test_events else ""

    def _data_processing(self, event: Event) -> dict[str, Any]:
        limited = event.consent.ad_personalization is not Grant.GRANTED
        options = list(self.data_processing_options) or (["LMU"] if limited else [])
        if not options:
            return {}
        return {
            "data_processing_options": options,
            "data_processing_options_country": self.data_processing_options_country,
            "data_processing_options_state": self.data_processing_options_state,
        }
