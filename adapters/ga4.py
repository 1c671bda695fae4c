"""GA4 Measurement Protocol (`mp/collect`): events of one web data stream.

Our names are GA4's own. What has to be known before it is used:

- Google answers 2xx to whatever arrives, garbage and a wrong secret included: a delivery proves that Google took the
  bytes, not that a report shows them. So what its documents refuse is left out or skipped here.
- Nothing recognises a repeat, except purchases and refunds by their `transaction_id`. Events that the page's own
  Google tag sends to the same stream would count twice: send by one of the two, never by both.
- The secret is taken in the address only; the sender puts it there.

Source: developers.google.com/analytics/devguides/collection/protocol/ga4 (reference, sending events, validating
events) and support.google.com/analytics/answer/9267744 (collection limits), read 2026-11-22. `user_agent` and
`ip_override` were seen in the code of others who send, not on Google's page: the first costs nothing when it is
ignored, the second is sent only when asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal

from gateway.core.adapter import Auth, Payload, Request, Response, Ruling, Secret, Verdict, by_status, compact
from gateway.core.event import ORDER_EVENTS, Event, Grant, Item, Purpose
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

_RESERVED: Final = ("_", "ga_", "google_", "gtag.", "firebase_")
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
_MEASUREMENT_ID: Final = re.compile(r"G-[A-Z0-9]{4,20}")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_CLIENT: Final = re.compile(r"[!-~]{1,120}")
_SESSION: Final = re.compile(r"[1-9][0-9]{0,14}")
_PARAMETERS: Final = 25
_ITEMS: Final = 200
# Characters of a value. A page's three may be longer; everything is cut as Google's own tag cuts it.
_VALUE: Final = 100
_LONGER: Final = {"page_location": 1000, "page_referrer": 420, "page_title": 300}
# Events that are worth something: without a currency their value is not counted.
_MONEY: Final = ("value", "tax", "shipping")
# What we say ourselves, or what means something to GA4 that a page must not say for us.
_OURS: Final = frozenset(
    {"session_id", "engagement_time_msec", "currency", "transaction_id", "items", "debug_mode", "client_id", "user_id"}
    | {*_MONEY, *_LONGER, "coupon", "search_term", "user_data", "timestamp_micros"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GA4:
    """One web data stream.

    `api_secret`: Admin, Data streams, the stream, "Measurement Protocol API secrets".
    `region`: `eu` has Google collect in the European Union.
    `user_id`: send the digest of `external_id` as GA4's user id; the page's tag has to set the same text.
    `user_ip`: `always` tells the visitor's address, from which Google takes the place; otherwise it sees ours.
    `debug_mode`: events marked `test` are sent and shown in DebugView; a data filter for developer traffic keeps them
    out of the reports. Without it they are not sent.
    """

    measurement_id: str
    api_secret: Secret
    region: Literal["global", "eu"] = "global"
    user_id: bool = False
    user_ip: Literal["never", "always"] = "never"
    debug_mode: bool = False

    purposes: ClassVar[frozenset[Purpose]] = frozenset({Purpose.ANALYTICS_STORAGE})
    # A request is about one client at one time; 25 events of it are taken, but hardly two leave in one moment.
    max_batch: ClassVar[int] = 1
    max_wait_ms: ClassVar[int] = 0
    # An event of more than 72 hours ago is dated to 72 hours ago; an hour is kept back for the way.
    max_age_s: ClassVar[int] = 71 * 3600
    # None: only purchases and refunds are recognised, by their transaction id.
    dedup_s: ClassVar[int | None] = None
    takes_late: ClassVar[bool] = False
    hashed: ClassVar[frozenset[str]] = frozenset({"user_id"})

    def __post_init__(self) -> None:
        if not _MEASUREMENT_ID.fullmatch(self.measurement_id):
            raise ValueError("measurement_id: write it as the data stream shows it, as in G-ABC123")

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
        return spelled if _NAME.fullmatch(spelled) and not event_name.startswith(_RESERVED) else None

    def payload(self, event: Event, name: str) -> Payload | Skip:
        """Say the event, or skip one without a client: an invented one would be a new visitor for each event."""
        if event.test and not self.debug_mode:
            return Skip.TEST
        client = event.browser.cookies.get("ga_client_id", "")
        if not _CLIENT.fullmatch(client):
            return Skip.NO_IDENTIFIER
        said = {
            "client_id": client,
            "user_id": event.person.digest("external_id", "trimmed") if self.user_id else None,
            "timestamp_micros": event.at_ms * 1000,
            "user_agent": event.browser.user_agent,
            "ip_override": event.browser.ip if self.user_ip == "always" else None,
            "consent": {
                "ad_user_data": _consent(event.consent.ad_user_data),
                "ad_personalization": _consent(event.consent.ad_personalization),
            },
            "events": [{"name": name, "params": _parameters(event)}],
        }
        return Payload(body=compact(said))

    def request(self, payloads: Sequence[Payload]) -> Request:
        return Request(
            path="/mp/collect",
            json=payloads[0].body,
            query={"measurement_id": self.measurement_id, "api_secret": self.api_secret},
        )

    def verdicts(self, response: Response, count: int) -> list[Verdict]:
        """Believe every 2xx, since Google says no more than that."""
        if 200 <= response.status < 300:
            return [Verdict(ruling=Ruling.ACCEPTED)] * count
        return by_status(response, count)


def _consent(grant: Grant) -> str:
    """Deny what was not granted: left unsaid, the consent of the visitor's other events would count."""
    return "GRANTED" if grant is Grant.GRANTED else "DENIED"


def _parameters(event: Event) -> dict[str, Any]:
    """Say at most 25 parameters: ours first, then the site's own as long as there is room."""
    currency = (event.currency or "").upper()
    money = _CURRENCY.fullmatch(currency) is not None
    session = event.browser.cookies.get("ga_session_id", "")
    ours = {
        "session_id": session if _SESSION.fullmatch(session) else None,
        # Without a time that somebody was there the event makes nobody active.
        "engagement_time_msec": 1,
        "debug_mode": 1 if event.test else None,
        "page_location": event.page.location,
        "page_referrer": event.page.referrer,
        "page_title": event.page.title,
        "currency": currency if money else None,
        **{key: getattr(event, key) if money else None for key in _MONEY},
        "transaction_id": event.order_id if event.name in ORDER_EVENTS else event.transaction_id,
        "coupon": event.coupon,
        "search_term": event.search_term,
        "items": [_item(item) for item in event.items if item.item_id or item.item_name][:_ITEMS],
    }
    said = {key: _cut(key, value) for key, value in compact(ours).items()}
    for key, value in _properties(event):
        if len(said) == _PARAMETERS:
            break
        said[key] = _cut(key, value)
    return said


def _properties(event: Event) -> Iterator[tuple[str, Any]]:
    """Yield the site's own plain values under names that GA4 takes; a list or an object has no place in a report."""
    for key, value in event.properties.items():
        if key in _OURS or not _NAME.fullmatch(key) or key.startswith(_RESERVED):
            continue
        if isinstance(value, bool):
            yield key, str(value).lower()
        elif isinstance(value, str | int | float) and value != "":
            yield key, value


def _item(item: Item) -> dict[str, Any]:
    told = {
        "item_id": item.item_id,
        "item_name": item.item_name,
        "item_brand": item.item_brand,
        "item_category": item.item_category,
        "item_variant": item.item_variant,
        "price": item.price,
        "quantity": _count(item.quantity),
    }
    return {key: _cut(key, value) for key, value in compact(told).items()}


def _count(quantity: float | None) -> int | None:
    """Return a whole number of pieces, the only one that GA4 takes; it counts one where none is told."""
    if quantity is None or not 0 < quantity < 2**53 or quantity != int(quantity):
        return None
    return int(quantity)


def _cut(key: str, value: Any) -> Any:
    return value[: _LONGER.get(key, _VALUE)] if isinstance(value, str) else value
