"""Meta Conversions API: our events in the words of Meta's dataset (pixel).

Facts come from Meta's pages "Conversions API: Parameters", "Using the API" and "Data Processing Options" and from
answers of Graph v26.0, all read 2026-11-22. What is known only from other people's code says so beside it.
`speak.py` says the person and the goods of one event, `own.py` what the site says in Meta's own words; `answers.py`
and `usage.py` read what comes back, `quality.py` what Meta thinks of it; `versions.py` knows how long a version lives.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal

from adapters.meta import own
from adapters.meta.answers import of_error, of_token
from adapters.meta.quality import FIELDS, of_quality
from adapters.meta.speak import HASHED, custom_data, user_data
from adapters.meta.usage import usage
from adapters.meta.versions import NEWEST, ending
from gateway.core.adapter import Auth, Header, Payload, Request, Response, Ruling, Secret, Verdict, by_status
from gateway.core.domain import page_address
from gateway.core.event import Event, Grant, Purpose
from gateway.core.manifest import Manifest
from gateway.core.outcome import Skip
from gateway.core.rating import Rating
from gateway.core.until import is_over, until_ms

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
_DAY_S: Final = 86_400

_SOURCES: Final = frozenset(
    {"email", "website", "app", "phone_call", "chat", "physical_store", "system_generated", "business_messaging"}
)
# Where Meta wants more of an event than we can know.
_TELLING: Final = frozenset({"app", "business_messaging"})
# Events that say more of an earlier one, and have to name it.
_DELAYED: Final = frozenset({"AppendValue", "AppendAttribution"})
# An event is refused (100/2804050) when it names its person by no more than one of these sets.
_TOO_WEAK: Final = (
    frozenset({"ct", "country", "st", "zp", "ge", "client_user_agent"}),
    frozenset({"db", "client_user_agent"}),
    frozenset({"fn", "ge"}),
    frozenset({"ln", "ge"}),
)
# Whatever has a key besides these is in none of the sets.
_WEAK: Final = frozenset().union(*_TOO_WEAK)
# Looking a member up in its enumeration costs more than what is asked of it.
_GRANTED: Final = Grant.GRANTED
_NOTHING_OWN: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    """One dataset.

    `test_event_code`: shows test events in Events Manager; they count nevertheless, so only `test: true` carries it,
    and none that reached the gateway at `test_event_until` (ISO 8601 with its zone) or later.
    `data_processing_options`: [LDU] for Limited Data Use, [] to say aloud that it is not wanted, absent to say
    nothing; country and state are Meta's numbers (1 and 1000 for California), 0 and 0 leave it to the address. An
    event may ask for LDU by itself and never be let out of it.
    `appsecret_proof`: for an app that demands it: the hex HMAC-SHA256 of the token under the app's secret, so that
    the gateway never has that secret.
    """

    dataset_id: str
    access_token: Secret
    test_event_code: str | None = None
    test_event_until: str | None = None
    appsecret_proof: Secret | None = None
    api_version: str = NEWEST
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
    manifest: ClassVar[Manifest] = Manifest(
        reads=(
            *("email.plain", "phone.digits", "first_name.letters", "last_name.letters"),
            *("gender.initial", "date_of_birth.digits", "external_id.lower"),
            *("city", "region", "postal_code", "country"),
            *("ip", "user_agent", "fbp", "fbc", "fbclid"),
        ),
        hosts=("graph.facebook.com",),
        secrets=("access_token", "appsecret_proof"),
    )

    def __post_init__(self) -> None:
        if not self.dataset_id.isascii() or not self.dataset_id.isdigit():
            raise ValueError("dataset_id: write the digits that Events Manager shows, in quotes")
        if not re.fullmatch(r"v\d+\.\d+", self.api_version):
            raise ValueError("api_version: write it as v26.0")
        until_ms(self.test_event_until)

    @property
    def auth(self) -> Auth | None:
        return Header(name="Authorization", secret=self.access_token, prefix="Bearer ")

    def name(self, event_name: str) -> str | None:
        if event_name in NAMES:
            return NAMES[event_name]
        return event_name if len(event_name) <= MAX_NAME else None

    def payload(self, event: Event, name: str) -> Payload | Skip:
        """Say the event, or skip what would fail the request that it shares with up to 999 others."""
        source, page = event.action_source if event.action_source in _SOURCES else "other", event.page
        if event.test and (self.test_event_code is None or self._is_over(event)):
            return Skip.TEST
        location = page_address(page.location)
        if source == "website" and location is None:
            return Skip.NO_PAGE
        custom = custom_data(event)
        if name == "Purchase" and not ("value" in custom and "currency" in custom):
            return Skip.NO_VALUE
        person, words, extra = user_data(event), _NOTHING_OWN, _NOTHING_OWN
        if event.properties and (words := own.own_words(event)):
            person, extra = person | own.persons(words), own.events(words)
        if (source in _TELLING or name in _DELAYED) and _lacks(source, name, extra):
            return Skip.INCOMPLETE
        if _WEAK.issuperset(person) and any(person.keys() <= weak for weak in _TOO_WEAK):
            return Skip.NO_IDENTIFIER
        said: dict[str, Any] = {"event_name": name, "event_time": event.at_ms // 1000, "event_id": event.event_id}
        if location is not None:
            said["event_source_url"] = location
        if page.referrer:
            said["referrer_url"] = page.referrer
        said["action_source"] = source
        said["user_data"] = person
        if custom:
            said["custom_data"] = custom
        if event.consent.ad_personalization is not _GRANTED:
            # "Only for attribution": the nearest that Meta has to a denied ad_personalization.
            said["opt_out"] = True
        if words or self.data_processing_options is not None:
            said |= extra
            said |= self._data_processing(words)
        # A shop's old sales never share a request with the web's: one day too old for the one, not for the other.
        lane = ("test" if event.test else "") + ("store" if source == "physical_store" else "")
        return Payload(body=said, lane=lane)

    def request(self, payloads: Sequence[Payload]) -> Request:
        body: dict[str, Any] = {"data": [payload.body for payload in payloads], "partner_agent": PARTNER_AGENT}
        if payloads[0].lane.startswith("test"):
            body["test_event_code"] = self.test_event_code
        return Request(path=f"/{self.api_version}/{self.dataset_id}/events", json=body, query=self._proof())

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
        used = usage(response.headers)
        if used is None or used.rest_s is None:
            return [Verdict(ruling=Ruling.ACCEPTED)] * count
        return [Verdict(ruling=Ruling.ACCEPTED, reason=f"usage_{used.percent}", retry_after_s=used.rest_s)] * count

    def max_age_of(self, event: Event) -> int:
        """Return how old this event may be: Meta takes a shop's sales for 62 days, everything else for 7."""
        return 62 * _DAY_S - _DAY_S // 2 if event.action_source == "physical_store" else self.max_age_s

    def probe(self, now_ms: int) -> Request:
        """Ask Meta what the token is and for which datasets."""
        # The question names its token in the address, the only place Meta reads it from; the sender opens it there.
        return Request(
            method="GET",
            path=f"/{self.api_version}/debug_token",
            json=None,
            query={"input_token": self.access_token, **self._proof()},
        )

    def probed(self, response: Response) -> str | None:
        return of_token(response, self.dataset_id)

    def advice(self, now_ms: int) -> tuple[tuple[str, str, str], ...]:
        """Say which options will need a hand soon: the option, what is wrong, what to do."""
        told = []
        if (words := ending(self.api_version, now_ms)) is not None:
            told.append(("api_version", words, f"write {NEWEST}, or the version that Meta's changelog has as newest"))
        if self.test_event_code is not None and self.test_event_until is None:
            hint = "write test_event_until: the code is not sent after it"
            told.append(("test_event_code", "stands for ever, and test events count like all others", hint))
        elif is_over(self.test_event_until, now_ms):
            hint = "write a later moment, or take the code away"
            told.append(("test_event_until", "is over: test events are skipped", hint))
        return tuple(told)

    def ask_quality(self) -> Request:
        query = {"dataset_id": self.dataset_id, "agent_name": PARTNER_AGENT, "fields": FIELDS, **self._proof()}
        return Request(method="GET", path=f"/{self.api_version}/dataset_quality", json=None, query=query)

    def quality(self, response: Response) -> tuple[Rating, ...] | str:
        return of_quality(response)

    def _proof(self) -> dict[str, str | Secret]:
        return {} if self.appsecret_proof is None else {"appsecret_proof": self.appsecret_proof}

    def _is_over(self, event: Event) -> bool:
        """Say whether an event came too late to be a test: by the gateway's clock at the door, not the sender's."""
        return is_over(self.test_event_until, event.received_ms)

    def _data_processing(self, words: Mapping[str, Any]) -> dict[str, Any]:
        """Country and state mean something beside LDU only; an empty list is an answer and stays."""
        of_event = own.wants_limited(words)
        if of_event is not None and not self.data_processing_options:
            return of_event
        if self.data_processing_options is None:
            return {}
        if not self.data_processing_options:
            return {"data_processing_options": []}
        return {
            "data_processing_options": list(self.data_processing_options),
            "data_processing_options_country": self.data_processing_options_country,
            "data_processing_options_state": self.data_processing_options_state,
        }


def _lacks(source: str, name: str, extra: Mapping[str, Any]) -> bool:
    """Say whether Meta would refuse the event for something that only the site can tell (100/2804043, 100/2804063)."""
    return (
        (source == "app" and "app_data" not in extra)
        or (source == "business_messaging" and "messaging_channel" not in extra)
        or (name in _DELAYED and "original_event_data" not in extra)
        or (name == "AppendAttribution" and "attribution_data" not in extra)
    )
