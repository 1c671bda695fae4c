"""X (Twitter) Conversion API (`measurement/conversions`): events of one pixel.

X is told which of its own events it was: every event that shall be sent is mapped to one of Events Manager
(`conversions`), the same that the page's pixel fires.

| answer                                      | means                            | we                                  |
|---------------------------------------------|----------------------------------|-------------------------------------|
| 200, `conversions_processed` as many        | taken                            | have delivered all                  |
| 200, fewer                                  | not said which                   | send halves under the same ids      |
| 401, 403 (UNAUTHORIZED_…, FORBIDDEN)        | the keys, or no right            | halt                                |
| 404, 405                                    | no such pixel, or none of ours   | halt                                |
| 423 (LOCK_ACQUISITION_TIMEOUT)              | X's own trouble                  | come again                          |
| 429                                         | 60,000 events in 15 minutes      | wait                                |
| other 4xx                                   | an event; the rest is not taken  | reject the one it names, send on    |
| 5xx                                         | X's own trouble                  | come again                          |

Source: xdevplatform/docs, x-ads-api/measurement (web-conversions, gtm-server-side), read 2026-11-22. Not written there
and read cautiously: the oldest event (90 days, the longest time a click counts), how long a `conversion_id` is
remembered (a repeat after a lost answer is tried for a day), how an error names its event (by `parameter`), and
whether address and agent alone are enough (its two pages differ: not sent).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

from gateway.core.adapter import (
    Auth,
    Header,
    OAuth1,
    Payload,
    Request,
    Response,
    Ruling,
    Secret,
    Verdict,
    by_status,
    compact,
)
from gateway.core.domain import page_address
from gateway.core.event import Event, Item, Purpose
from gateway.core.goods import currency_code, pieces, pieces_in_all, worth_in_words
from gateway.core.manifest import Manifest
from gateway.core.outcome import Skip

# Which kind of event to make in Events Manager for ours. It never travels: X knows the kind by the event's id.
KINDS: Final[Mapping[str, str]] = {
    "page_view": "Page view",
    "view_item": "Content view",
    "view_item_list": "Content view",
    "search": "Search",
    "add_to_cart": "Add to cart",
    "add_to_wishlist": "Add to wishlist",
    "begin_checkout": "Checkout initiated",
    "add_payment_info": "Added payment info",
    "purchase": "Purchase",
    "generate_lead": "Lead",
    "sign_up": "Sign up",
    "subscribe": "Subscribe",
    "start_trial": "Start trial",
    "file_download": "Download",
}

_PIXEL: Final = re.compile(r"[a-z0-9]{1,16}")
_EVENT: Final = re.compile(r"(?:tw-[a-z0-9]{1,16}-)?[a-z0-9]{1,16}")
_CLICK: Final = re.compile(r"[A-Za-z0-9_-]{1,256}")
_IPV4: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
_CODE: Final = re.compile(r"[A-Z][A-Z0-9_]{1,63}")
_OURS: Final = frozenset({404, 405})  # the address or the pixel is wrong, not an event
_LOCKED: Final = 423  # LOCK_ACQUISITION_TIMEOUT
_NO_EVENTS: Final = frozenset({"INVALID_PARAMETER", "MISSING_PARAMETER"})
_ROW: Final = re.compile(r"conversions\[([0-9]{1,4})\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The keys of an application with access to the Ads API, and of a user who may manage the ad account."""

    consumer_key: str
    consumer_secret: Secret
    access_token: str
    access_token_secret: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class X:
    """One pixel ("event source").

    `conversions`: our event name to the id of an event in Events Manager, whole (tw-o1abc-o2def) or its last part; an
    event that is not named here is not sent.
    `pixel_token`: the access token that Events Manager makes for the Conversion API; or else `credentials`.
    """

    pixel_id: str
    conversions: Mapping[str, str]
    pixel_token: Secret | None = None
    credentials: Credentials | None = None

    endpoint: ClassVar[str] = "https://ads-api.x.com"
    purposes: ClassVar[frozenset[Purpose]] = frozenset({Purpose.AD_STORAGE, Purpose.AD_USER_DATA})
    max_batch: ClassVar[int] = 500
    max_wait_ms: ClassVar[int] = 500
    max_age_s: ClassVar[int] = 90 * 86_400
    dedup_s: ClassVar[int | None] = 86_400
    takes_late: ClassVar[bool] = False
    hashed: ClassVar[frozenset[str]] = frozenset({"hashed_email", "hashed_phone_number"})
    manifest: ClassVar[Manifest] = Manifest(
        reads=("email.plain", "phone.e164", "ip", "user_agent", "twclid"),
        hosts=("ads-api.x.com",),
        secrets=("pixel_token", "credentials.consumer_secret", "credentials.access_token_secret"),
    )

    def __post_init__(self) -> None:
        if not _PIXEL.fullmatch(self.pixel_id):
            raise ValueError("pixel_id: write the small letters and digits that Events Manager shows")
        if (self.pixel_token is None) == (self.credentials is None):
            raise ValueError("pixel_token: write either it or credentials")
        if not self.conversions:
            raise ValueError("conversions: name at least one event and its event in Events Manager")
        if "refund" in self.conversions:
            raise ValueError("conversions.refund: X takes no conversion back; it would count as another one")
        for name, event_id in self.conversions.items():
            if not _EVENT.fullmatch(event_id):
                raise ValueError(f"conversions.{name}: write the event's id, as in tw-o1abc-o2def")

    @property
    def auth(self) -> Auth | None:
        if self.credentials is None:
            return None if self.pixel_token is None else Header(name="X-Pixel-Token", secret=self.pixel_token)
        keys = self.credentials
        return OAuth1(
            consumer_key=keys.consumer_key,
            consumer_secret=keys.consumer_secret,
            token=keys.access_token,
            token_secret=keys.access_token_secret,
        )

    def name(self, event_name: str) -> str | None:
        return event_name if event_name in self.conversions else None

    def payload(self, event: Event, name: str) -> Payload | Skip:
        """Say the event as the one configured under this name."""
        event_id = self.conversions.get(name)
        if event_id is None:
            return Skip.UNMAPPED
        if event.test:
            return Skip.TEST  # X has no way to mark a test
        people = _people(event)
        if not people:
            return Skip.NO_IDENTIFIER
        description = event.properties.get("description")
        said = {
            "conversion_time": _time(event.at_ms),
            "event_id": event_id,
            "identifiers": people,
            "conversion_id": event.event_id,
            "event_source_url": page_address(event.page.location),
            "search_string": event.search_term,
            "description": description if isinstance(description, str) else None,
            "number_items": pieces_in_all(event),
            "contents": [content for item in event.items if (content := _content(item))],
            **_money(event),
        }
        return Payload(body=compact(said))

    def request(self, payloads: Sequence[Payload]) -> Request:
        return Request(
            path=f"/12/measurement/conversions/{self.pixel_id}",
            json={"conversions": [payload.body for payload in payloads]},
        )

    def probe(self, now_ms: int) -> Request:
        """Ask which accounts the keys may manage; a pixel's token can only be tried on a request without events."""
        if self.credentials is None:
            return self.request(())
        return Request(method="GET", path="/12/accounts", json=None)

    def probed(self, response: Response) -> str | None:
        told = response.json()
        told = told if isinstance(told, dict) else {}
        code = _first_code(told)
        if self.credentials is None and response.status == 400 and code in _NO_EVENTS:
            return None  # refused for the events that it does not have, behind the door
        if self.credentials is not None and response.status == 200 and isinstance(told.get("data"), list):
            return None if told["data"] else "the keys are good, but may manage no ad account"
        if response.status in (401, 403, 404):
            return f"refused ({code or f'http_{response.status}'})"
        return f"no answer about the credentials ({code or f'http_{response.status}'})"

    def verdicts(self, response: Response, count: int) -> list[Verdict]:
        """Rule by what X counted, else by its errors and their status.

        Shape:  SPLIT beside REJECTED is known not to be taken: send it again at once without the rejected ones.
        """
        told = response.json()
        told = told if isinstance(told, dict) else {}
        data = told.get("data")
        taken = data.get("conversions_processed") if isinstance(data, dict) else None
        if response.status == 200 and type(taken) is int and 0 <= taken <= count:
            if taken == count:
                return [Verdict(ruling=Ruling.ACCEPTED)] * count
            return [Verdict(ruling=Ruling.SPLIT, reason=f"processed_{taken}_of_{count}")] * count
        errors = [one for one in _list(told.get("errors")) if isinstance(one, dict)]
        (ruled,) = by_status(response, 1)
        reason = _first_code(told) or ruled.reason
        if response.status in _OURS:
            return [Verdict(ruling=Ruling.HALT, reason=reason)] * count
        if response.status == _LOCKED:
            return [Verdict(ruling=Ruling.RETRY, reason=reason)] * count
        if ruled.ruling is not Ruling.SPLIT:
            return [Verdict(ruling=ruled.ruling, reason=reason, retry_after_s=ruled.retry_after_s)] * count
        found = [_ROW.search(str(one.get("parameter"))) for one in errors]
        lost = {row for one in found if one is not None and (row := int(one[1])) < count}
        rulings = (Ruling.REJECTED if row in lost else Ruling.SPLIT for row in range(count))
        return [Verdict(ruling=ruling, reason=reason) for ruling in rulings]


def _people(event: Event) -> list[dict[str, str]]:
    """List one identifier an object; address and agent only beside another, and only as X writes addresses."""
    click, browser = event.clicks.get("twclid"), event.browser
    found = []
    if click is not None and _CLICK.fullmatch(click.id):
        found.append({"twclid": click.id})
    email, phone = event.person.digest("email", "plain"), event.person.digest("phone", "e164")
    if email is not None:
        found.append({"hashed_email": email})
    if phone is not None:
        found.append({"hashed_phone_number": phone})
    if found and browser.user_agent and _IPV4.fullmatch(browser.ip or ""):
        found.append({"ip_address": str(browser.ip), "user_agent": browser.user_agent})
    return found


def _time(at_ms: int) -> str:
    """Spell a moment as X does: UTC, with three places behind the second."""
    seconds, rest_ms = divmod(at_ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest_ms:03d}Z"


def _money(event: Event) -> dict[str, str]:
    """Say the value as text; never without its currency."""
    currency, value = currency_code(event), worth_in_words(event)
    return {} if value is None or currency is None else {"value": value, "price_currency": currency}


def _content(item: Item) -> dict[str, Any]:
    told = compact(
        {
            "content_id": item.item_id,
            "content_name": item.item_name,
            "content_type": item.item_category,
            "content_price": item.price,
        }
    )
    return {**told, "num_items": pieces(item) or 1} if told else {}


def _first_code(told: Mapping[str, Any]) -> str:
    codes = [one.get("code") for one in _list(told.get("errors")) if isinstance(one, dict)]
    return next((code for code in codes if isinstance(code, str) and _CODE.fullmatch(code)), "")


def _list(told: Any) -> list[Any]:
    return told if isinstance(told, list) else []
