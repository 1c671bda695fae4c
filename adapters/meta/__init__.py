"""Meta Conversions API: our events in the words of Meta's dataset (pixel).

Facts come from Meta's pages "Conversions API: Parameters", "Using the API" and "Data Processing Options" and from
answers of Graph v26.0, all read 2026-11-22. What is known only from other people's code says so beside it.
`speak.py` says the person and the goods of one event, `answers.py` reads what comes back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal

from adapters.meta.answers import of_error, of_token
from adapters.meta.speak import HASHED, custom_data, user_data
from gateway.core.adapter import Auth, Header, Payload, Request, Response, Ruling, Secret, Verdict, by_status, compact
from gateway.core.event import Event, Grant, Purpose
from gateway.core.outcome import Skip

__all__ = ["NAMES", "PARTNER_AGENT", "Meta"]

# Our name -> Meta's. A name that is not here goes as a custom event, unchanged; None goes nowhere.
NAMES: Final[Mapping[str, str | None]] = {
    "page_view": "PageView",
    "view_item": "ViewContent",
    "view_item_list": "ViewContent",
    "search": "Search",
    "add_to_cart": "AddToCart",
    "add_to_wishlist": "AddToWishlist",
    "begin_checkout": "InitiateCheckout",
    "add_payment_info": "AddPaymentInfo",
    "purchase": "Purchase",
    "generate_lead": "Lead",
    "sign_up": "CompleteRegistration",
    "subscribe": "Subscribe",
    "start_trial": "StartTrial",
    "contact": "Contact",
    "schedule": "Schedule",
    "submit_application": "SubmitApplication",
    "find_location": "FindLocation",
    "customize_product": "CustomizeProduct",
    "donate": "Donate",
    # Meta has no word that takes a purchase back; a custom event of that name would read as a gain.
    "refund": None,
    # What the pixel sends by itself: texts of buttons and names of form fields.
    "SubscribedButtonClick": None,
    "Microdata": None,
}
MAX_NAME: Final = 50  # characters of a custom event's name
# `name_major_minor`, under 23 characters: Meta's quality API filters by it.
PARTNER_AGENT: Final = "tagway_0_1"

_SOURCES: Final = frozenset(
    {"email", "website", "app", "phone_call", "chat", "physical_store", "system_generated", "business_messaging"}
)
# An event is refused (100/2804050) when it names its person by no more than one of these sets.
_TOO_WEAK: Final = (
    frozenset({"ct", "country", "st", "zp", "ge", "client_user_agent"}),
    frozenset({"db", "client_user_agent"}),
    frozenset({"fn", "ge"}),
    frozenset({"ln", "ge"}),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    """One dataset.

    `test_event_code`: shows test events in Events Manager; they count nevertheless, so only `test: true` carries it.
    `api_version`: v26.0 is of 2026-07-29. Meta closes a version about 8 to 12 months later: move on before 2027-03.
    `data_processing_options`: [LDU] for Limited Data Use, [] to say aloud that it is not wanted, absent to say
    nothing; country and state are Meta's numbers (1 and 1000 for California), 0 and 0 leave it to the address.
    """

    dataset_id: str
    access_token: Secret
    test_event_code: str | None = None
    api_version: str = "v26.0"
    data_processing_options: tuple[Literal["LDU"], ...] | None = None
    data_processing_options_country: int = 0
    data_processing_options_state: int = 0

    endpoint: ClassVar[str] = "https://graph.facebook.com"
    purposes: ClassVar[frozenset[Purpose]] = frozenset({Purpose.AD_STORAGE, Purpose.AD_USER_DATA})
    max_batch: ClassVar[int] = 1000
    max_wait_ms: ClassVar[int] = 500
    # 6.5 days: one event older than 7 days fails its whole request (100/2804003), and a retry takes time.
    max_age_s: ClassVar[int] = 561_600
    dedup_s: ClassVar[int | None] = 48 * 3600
    takes_late: ClassVar[bool] = False
    hashed: ClassVar[frozenset[str]] = HASHED

    def __post_init__(self) -> None:
        if not self.dataset_id.isascii() or not self.dataset_id.isdigit():
            raise ValueError("dataset_id: write the digits that Events Manager shows, in quotes")
        if not re.fullmatch(r"v\d+\.\d+", self.api_version):
            raise ValueError("api_version: write it as v26.0")

    @property
    def auth(self) -> Auth | None:
        return Header(name="Authorization", secret=self.access_token, prefix="Bearer ")

    def name(self, event_name: str) -> str | None:
        if event_name in NAMES:
            return NAMES[event_name]
        return event_name if len(event_name) <= MAX_NAME else None

    def payload(self, event: Event, name: str) -> Payload | Skip:
        """Say the event, or skip what would fail the request that it shares with up to 999 others."""
        source = event.action_source if event.action_source in _SOURCES else "other"
        if event.test and self.test_event_code is None:
            return Skip.TEST
        if source == "website" and not event.page.location:
            return Skip.NO_PAGE
        if name == "Purchase" and (event.value is None or not event.currency):
            return Skip.NO_VALUE
        person = user_data(event)
        if any(person.keys() <= weak for weak in _TOO_WEAK):
            return Skip.NO_IDENTIFIER
        said = {
            "event_name": name,
            "event_time": event.at_ms // 1000,
            "event_id": event.event_id,
            "event_source_url": event.page.location,
            "referrer_url": event.page.referrer,
            "action_source": source,
            "user_data": person,
            "custom_data": custom_data(event),
            # "Only for attribution": the nearest that Meta has to a denied ad_personalization.
            "opt_out": None if event.consent.ad_personalization is Grant.GRANTED else True,
        }
        return Payload(body=compact(said) | self._data_processing(), lane="test" if event.test else "")

    def request(self, payloads: Sequence[Payload]) -> Request:
        body: dict[str, Any] = {"data": [payload.body for payload in payloads], "partner_agent": PARTNER_AGENT}
        if payloads[0].lane == "test":
            body["test_event_code"] = self.test_event_code
        return Request(path=f"/{self.api_version}/{self.dataset_id}/events", json=body)

    def verdicts(self, response: Response, count: int) -> list[Verdict]:
        """Rule on all payloads alike: Meta tells nothing of a single one.

        Fewer received than sent: which ones is not said, so halves are sent under the same ids; Meta drops those that
        it has (48 h), and what it will not have ends up alone.
        """
        told = response.json()
        if not isinstance(told, dict):
            return by_status(response, count)
        if isinstance(told.get("error"), dict):
            return [of_error(told["error"], response)] * count
        received = told.get("events_received")
        if response.status != 200 or type(received) is not int or not 0 <= received <= count:
            return by_status(response, count)
        if received < count:
            return [Verdict(ruling=Ruling.SPLIT, reason=f"received_{received}_of_{count}")] * count
        return [Verdict(ruling=Ruling.ACCEPTED)] * count

    def probe(self, now_ms: int) -> Request:
        """Ask Meta what the token is and for which datasets."""
        # The question names its token in the address, the only place Meta reads it from; the sender opens it there.
        return Request(
            method="GET", path=f"/{self.api_version}/debug_token", json=None, query={"input_token": self.access_token}
        )

    def probed(self, response: Response) -> str | None:
        return of_token(response, self.dataset_id)

    def _data_processing(self) -> dict[str, Any]:
        """Country and state mean something beside LDU only; an empty list is an answer and stays."""
        if self.data_processing_options is None:
            return {}
        if not self.data_processing_options:
            return {"data_processing_options": []}
        return {
            "data_processing_options": list(self.data_processing_options),
            "data_processing_options_country": self.data_processing_options_country,
            "data_processing_options_state": self.data_processing_options_state,
        }
