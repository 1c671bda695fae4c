"""TikTok Events API 2.0 (`event/track`): web events of one pixel, offline and CRM events of their event sets.

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

from gateway.core.adapter import Auth, Header, Payload, Request, Response, Ruling, Secret, Verdict, by_status, compact
from gateway.core.event import Event, Grant, Item, Purpose
from gateway.core.outcome import Skip
from gateway.core.person import country_code, digest_of, letters, lowered, postal_unspaced

# Our name -> TikTok's, names of September 2025. A name that is not here goes as a custom event, unchanged, and TikTok's
# own names are their own; None goes nowhere.
NAMES: Final[Mapping[str, str | None]] = {
    "page_view": "Pageview",
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
    "file_download": "Download",
    # Renamed by TikTok on 2025-05-01; the old names still arrive from older pages.
    "CompletePayment": "Purchase",
    "SubmitForm": "Lead",
    # Nothing takes a purchase back; a custom event of that name would read as a gain.
    "refund": None,
}

_OFFLINE: Final = frozenset({"physical_store", "phone_call"})
_CRM: Final = frozenset({"system_generated", "crm"})
_DELIVERY: Final = frozenset({"in_store", "curbside", "home_delivery"})
_CONTENT_TYPES: Final = frozenset({"product", "product_group"})
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_LOCALE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_URL: Final = re.compile(r"https?://[^/\s]")

# How messages name a row: `Batch.3.properties…`, `data[3]`, `data.3.`, `index 3` (integrators).
_ROW: Final = re.compile(r"\b(?:batch\.|data\.|data\[|index )(\d{1,6})\b", re.IGNORECASE)
_TAKEN: Final = 0
_TAKEN_IN_PART: Final = 20001
_HALTED: Final = frozenset({40001, 40007})
_THROTTLED: Final = 40100


@dataclass(frozen=True, slots=True, kw_only=True)
class TikTok:
    """One pixel.

    `test_event_code`: from "Test events" in Events Manager; only events marked `test` carry it.
    `offline_event_set`, `crm_event_set`: where events of stores and calls (`action_source` physical_store,
    phone_call) and of a CRM (system_generated) belong; without one they go to the pixel as web events.
    `limited_data_use`: marks every event; one whose ad_personalization is not granted is always marked.
    """

    pixel_code: str
    access_token: Secret
    test_event_code: str | None = None
    offline_event_set: str | None = None
    crm_event_set: str | None = None
    limited_data_use: bool = False

    endpoint: ClassVar[str] = "https://business-api.tiktok.com"
    purposes: ClassVar[frozenset[Purpose]] = frozenset({Purpose.AD_STORAGE, Purpose.AD_USER_DATA})
    # 1000 are taken; no limit in bytes is written down, and half of that stays near the 1 MB others keep to
    # (integrators).
    max_batch: ClassVar[int] = 500
    max_wait_ms: ClassVar[int] = 500
    # 7 days (integrators; TikTok's help names none).
    max_age_s: ClassVar[int] = 7 * 86_400
    # 48 hours from the first copy of the same pixel, event and event id (help: event deduplication).
    dedup_s: ClassVar[int | None] = 48 * 3600
    # A second copy from the server is dropped, whatever it adds (the same page).
    takes_late: ClassVar[bool] = False
    hashed: ClassVar[frozenset[str]] = frozenset(
        {"email", "phone", "external_id", "first_name", "last_name", "zip_code"}
    )

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9]{1,64}", self.pixel_code):
            raise ValueError("pixel_code: write the letters and digits that Events Manager shows")

    @property
    def auth(self) -> Auth | None:
        return Header(name="Access-Token", secret=self.access_token)

    def name(self, event_name: str) -> str | None:
        return NAMES.get(event_name, event_name)

    def payload(self, event: Event, name: str) -> Payload | Skip:
        """Say the event; its lane is the event source, and whether it is a test."""
        if event.test and self.test_event_code is None:
            return Skip.TEST
        user = _user(event)
        if not _is_somebody(user):
            return Skip.NO_IDENTIFIER
        properties = _properties(event)
        if name == "Purchase" and "currency" not in properties:
            return Skip.NO_VALUE
        source = self._source(event)
        limited = self.limited_data_use or event.consent.ad_personalization is not Grant.GRANTED
        said = {
            "event": name,
            "event_time": event.at_ms // 1000,
            "event_id": event.event_id,
            "user": user,
            "page": _page(event) if source == "web" else None,
            "lead": _lead(event) if source == "crm" else None,
            "properties": properties,
            "limited_data_use": True if limited else None,
        }
        return Payload(body=compact(said), lane=f"{source}:test" if event.test else source)

    def request(self, payloads: Sequence[Payload]) -> Request:
        source, _, test = payloads[0].lane.partition(":")
        body = {
            "event_source": source,
            "event_source_id": self._sources()[source],
            "test_event_code": self.test_event_code if test else None,
            "data": [payload.body for payload in payloads],
        }
        return Request(path="/open_api/v1.3/event/track/", json=compact(body))

    def verdicts(self, response: Response, count: int) -> list[Verdict]:
        """Rule by the code of the body, else by the HTTP status.

        Shape:  SPLIT beside REJECTED is known not to be taken: send it again at once without the rejected ones.
        """
        told = response.json()
        code = told.get("code") if isinstance(told, dict) else None
        if type(code) is not int or code < 0:
            return by_status(response, count)
        ruling, lost = _of_code(code), frozenset[int]()
        if ruling is Ruling.ACCEPTED and not 200 <= response.status < 300:
            return by_status(response, count)
        message = str(told.get("message"))
        if ruling is Ruling.SPLIT and message.startswith("event_source"):
            ruling = Ruling.HALT  # refused for what we are, not for an event in it
        elif ruling is Ruling.SPLIT or code == _TAKEN_IN_PART:
            lost = frozenset(row for found in _ROW.findall(message) if (row := int(found)) < count)
        reason, wait_s = str(code) if code else "", response.retry_after_s
        return [
            Verdict(ruling=Ruling.REJECTED if row in lost else ruling, reason=reason, retry_after_s=wait_s)
            for row in range(count)
        ]

    def _source(self, event: Event) -> str:
        wanted = "offline" if event.action_source in _OFFLINE else "crm" if event.action_source in _CRM else "web"
        return wanted if self._sources()[wanted] else "web"

    def _sources(self) -> dict[str, str | None]:
        return {"web": self.pixel_code, "offline": self.offline_event_set, "crm": self.crm_event_set}


def _of_code(code: int) -> Ruling:
    if code in (_TAKEN, _TAKEN_IN_PART):
        return Ruling.ACCEPTED
    if code == _THROTTLED:
        return Ruling.THROTTLED
    if code in _HALTED or 40101 <= code < 40200:
        return Ruling.HALT
    return Ruling.SPLIT if 40000 <= code < 50000 else Ruling.RETRY


def _user(event: Event) -> dict[str, Any]:
    person, browser = event.person, event.browser
    click = event.clicks.get("ttclid")
    locale = (browser.language or "").split(",")[0].split(";")[0].strip()
    return compact(
        {
            "email": person.digest("email", "plain"),
            "phone": person.digest("phone", "e164"),
            "external_id": person.digest("external_id", "trimmed"),
            "first_name": person.digest("first_name", "unspaced"),
            "last_name": person.digest("last_name", "unspaced"),
            "zip_code": digest_of(postal_unspaced(person.postal_code)),
            "city": letters(person.city),
            "state": letters(person.region),
            "country": lowered(country_code(person.country)),
            "ttclid": click.id if click else None,
            "ttp": browser.cookies.get("ttp"),
            "ip": browser.ip,
            "user_agent": browser.user_agent,
            "locale": locale if _LOCALE.fullmatch(locale) else None,
        }
    )


def _is_somebody(user: Mapping[str, Any]) -> bool:
    """Say whether TikTok can know who it was: a name or a town alone matches nobody."""
    known = {"email", "phone", "external_id", "ttclid", "ttp"}
    return not known.isdisjoint(user) or {"ip", "user_agent"} <= user.keys()


def _page(event: Event) -> dict[str, Any] | None:
    location, referrer = event.page.location or "", event.page.referrer
    return compact({"url": location, "referrer": referrer}) if _URL.match(location) else None


def _lead(event: Event) -> dict[str, Any]:
    told = {key: event.properties.get(key) for key in ("lead_id", "lead_event_source")}
    return {key: str(value) for key, value in told.items() if isinstance(value, str | int) and value != ""}


def _properties(event: Event) -> dict[str, Any]:
    """Say the money and the goods: a value never travels without its currency.

    Without a value of its own an event is worth the sum of its items, if each has a price, as TikTok's own tag counts.
    """
    contents = [_content(item) for item in event.items if item.item_id]
    currency = (event.currency or "").upper()
    money = _CURRENCY.fullmatch(currency) is not None
    value = _sum(event.items) if event.value is None else event.value
    return compact(
        {
            "currency": currency if money else None,
            "value": value if money else None,
            "contents": contents,
            "content_type": _text(event, "content_type", _CONTENT_TYPES) or ("product" if contents else None),
            "num_items": sum(_count(item.quantity) or 1 for item in event.items) or None,
            "order_id": event.transaction_id,
            "query": event.search_term,
            "search_string": event.search_term,
            "predicted_ltv": event.predicted_ltv,
            "delivery_category": _text(event, "delivery_category", _DELIVERY),
            **{key: _text(event, key) for key in ("description", "status", "shop_id")},
        }
    )


def _content(item: Item) -> dict[str, Any]:
    return compact(
        {
            "content_id": item.item_id,
            "content_name": item.item_name,
            "content_category": item.item_category,
            "brand": item.item_brand,
            "price": item.price,
            "quantity": _count(item.quantity),
        }
    )


def _count(quantity: float | None) -> int | None:
    """Return a whole number of pieces; TikTok takes no part of one."""
    if quantity is None or not 0 < quantity < 2**53 or quantity != int(quantity):
        return None
    return int(quantity)


def _sum(items: Sequence[Item]) -> float | None:
    prices = [(item.price, 1.0 if item.quantity is None else item.quantity) for item in items]
    if not prices or any(price is None for price, _ in prices):
        return None
    # Cents add up to 0.30000000000000004; no currency has more than three places behind the point.
    return round(sum(price * quantity for price, quantity in prices if price is not None), 3)


def _text(event: Event, key: str, allowed: frozenset[str] | None = None) -> str | None:
    told = event.properties.get(key)
    return told if isinstance(told, str) and (allowed is None or told in allowed) else None
