"""Reddit Conversions API v3: our events in the words of a Reddit Pixel.

| answer                      | means                                            | we                      |
|-----------------------------|--------------------------------------------------|-------------------------|
| 2xx, `data.message` is text | all were processed                               | have delivered all      |
| 400                         | one bad event; none was processed                | send halves             |
| 401, 403, 404               | the token, its scope, or not its pixel           | halt                    |
| 429                         | too often (1000 requests, 10,000 events a second)| wait                    |
| 5xx                         | none was processed                               | come again              |
| all else                    |                                                  | rule by the HTTP status |

Source: Reddit Ads API v3, Conversions API (Direct integration, Migration, Match keys), as quoted by those who send to
it, and Reddit's own web template (reddit/reddit-gtm-template), read 2026-11-22; Reddit's reference itself could not be
read. A 400 is said to list `invalid_events`; their shape is not documented, so they are not read and halves are sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from gateway.core.adapter import Auth, Header, Payload, Request, Response, Ruling, Secret, Verdict, by_status, compact
from gateway.core.device import device
from gateway.core.domain import page_address
from gateway.core.event import Event, Grant, Item, Purpose
from gateway.core.goods import currency_code, named, pieces, pieces_in_all, worth
from gateway.core.manifest import Manifest
from gateway.core.outcome import Skip
from gateway.core.person import digest_of

# Our name -> Reddit's tracking type. A name that is not here goes as a custom event, unchanged, and Reddit's own names
# are their own; None goes nowhere.
NAMES: Final[Mapping[str, str | None]] = {
    "page_view": "PAGE_VISIT",
    "view_item": "VIEW_CONTENT",
    "view_item_list": "VIEW_CONTENT",
    "search": "SEARCH",
    "add_to_cart": "ADD_TO_CART",
    "add_to_wishlist": "ADD_TO_WISHLIST",
    "purchase": "PURCHASE",
    "generate_lead": "LEAD",
    "sign_up": "SIGN_UP",
    # Nothing takes a purchase back; a custom event of that name would read as a gain.
    "refund": None,
}
_TYPES: Final = frozenset(name for name in NAMES.values() if name)

_SOURCES: Final = {"website": "WEBSITE", "app": "APP", "physical_store": "PHYSICAL_STORE"}
PARTNER: Final = "tagway"
# The pixel's cookie is `<ms>.<uuid>`; Reddit wants the second part.
_UUID: Final = re.compile(r"(?:[0-9]{13}\.)?([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})")
_MAX_PIXELS: Final = 32_767  # of any screen


@dataclass(frozen=True, slots=True, kw_only=True)
class Reddit:
    """One pixel.

    `test_id`: from Event Testing in Ads Manager, which shows one event a request; only events marked `test` carry it.
    `limited_data_use`: marks every event (LDU); one whose ad_personalization is not granted is always marked. Country
    and region (US, US-CA) go beside the mark; absent, Reddit looks at the address.
    """

    pixel_id: str
    access_token: Secret
    test_id: str | None = None
    limited_data_use: bool = False
    data_processing_country: str | None = None
    data_processing_region: str | None = None

    endpoint: ClassVar[str] = "https://ads-api.reddit.com"
    purposes: ClassVar[frozenset[Purpose]] = frozenset({Purpose.AD_STORAGE, Purpose.AD_USER_DATA})
    # 1000 are taken; no limit in bytes is written down, and one bad event refuses the whole request.
    max_batch: ClassVar[int] = 500
    max_wait_ms: ClassVar[int] = 500
    # 7 days, less half a day: one older event fails its whole request.
    max_age_s: ClassVar[int] = 561_600
    # 2 days, by conversion id, within one type of event and one source.
    dedup_s: ClassVar[int | None] = 48 * 3600
    # The poorer of two copies is dropped; nothing is restated.
    takes_late: ClassVar[bool] = False
    hashed: ClassVar[frozenset[str]] = frozenset({"email", "phone_number", "external_id", "idfa", "aaid"})
    manifest: ClassVar[Manifest] = Manifest(
        reads=(
            "email.folded",
            "phone.e164",
            "external_id.trimmed",
            "ip",
            "user_agent",
            "rdt_cid",
            "rdt_uuid",
            "idfa",
            "gaid",
        ),
        hosts=("ads-api.reddit.com",),
        secrets=("access_token",),
    )

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_]{1,64}", self.pixel_id):
            raise ValueError("pixel_id: write it as Events Manager shows it, such as a2_abcdef")

    @property
    def auth(self) -> Auth | None:
        return Header(name="Authorization", secret=self.access_token, prefix="Bearer ")

    def name(self, event_name: str) -> str | None:
        return NAMES.get(event_name, event_name)

    def payload(self, event: Event, name: str) -> Payload | Skip:
        """Say the event; its lane tells a test from the truth."""
        if event.test and self.test_id is None:
            return Skip.TEST
        source = _SOURCES.get(event.action_source, "OTHER")
        in_store = source == "PHYSICAL_STORE"
        click = None if in_store else event.clicks.get("rdt_cid")
        user = _user(event, in_store=in_store)
        is_known = click is not None or not {"email", "phone_number", "external_id", "uuid", "idfa", "aaid"}.isdisjoint(
            user
        )
        if not is_known and not {"ip_address", "user_agent"} <= user.keys():
            return Skip.NO_IDENTIFIER
        said = {
            "event_at": event.at_ms,
            "action_source": source,
            "event_source_url": page_address(event.page.location) if source == "WEBSITE" else None,
            "click_id": click.id if click else None,
            "type": {"tracking_type": name}
            if name in _TYPES
            else {"tracking_type": "CUSTOM", "custom_event_name": name},
            "user": user | self._data_processing(event),
            "metadata": _metadata(event),
        }
        return Payload(body=compact(said), lane="test" if event.test else "")

    def request(self, payloads: Sequence[Payload]) -> Request:
        data = {
            "test_id": self.test_id if payloads[0].lane == "test" else None,
            "partner": PARTNER,
            "events": [payload.body for payload in payloads],
        }
        return Request(path=f"/api/v3/pixels/{self.pixel_id}/conversion_events", json={"data": compact(data)})

    def verdicts(self, response: Response, count: int) -> list[Verdict]:
        """Rule on all alike: Reddit processes a request whole or not at all."""
        told = response.json()
        data = told.get("data") if isinstance(told, dict) else None
        said = data.get("message") if isinstance(data, dict) and "error" not in told else None
        if isinstance(said, str) and said and 200 <= response.status < 300:
            return [Verdict(ruling=Ruling.ACCEPTED)] * count
        if response.status == 404:  # the pixel's id is in the address: no event's fault
            return [Verdict(ruling=Ruling.HALT, reason="http_404")] * count
        return by_status(response, count)

    def probe(self, now_ms: int) -> Request:
        """Ask when the pixel's events were last seen."""
        return Request(method="GET", path=f"/api/v3/pixels/{self.pixel_id}/last_fired_at", json=None)

    def probed(self, response: Response) -> str | None:
        told = response.json()
        if response.status == 200 and isinstance(told, dict) and isinstance(told.get("data"), dict):
            return None
        if response.status in (401, 403, 404):
            return f"the token is not good for this pixel (http_{response.status})"
        return f"no answer about the token (http_{response.status})"

    def _data_processing(self, event: Event) -> dict[str, Any]:
        if not self.limited_data_use and event.consent.ad_personalization is Grant.GRANTED:
            return {}
        told = {"modes": ["LDU"], "country": self.data_processing_country, "region": self.data_processing_region}
        return {"data_processing_options": compact(told)}


def _user(event: Event, *, in_store: bool) -> dict[str, Any]:
    """Say who it was. In a store there is no device: Reddit asks for the person alone."""
    person, browser, ids = event.person, event.browser, device(event)
    cookie = browser.cookies.get("rdt_uuid") or event.properties.get("rdt_uuid")
    uuid = _UUID.fullmatch(cookie) if isinstance(cookie, str) else None
    there = {
        "ip_address": browser.ip,
        "user_agent": browser.user_agent,
        "uuid": uuid[1] if uuid else None,
        "idfa": digest_of(ids.idfa),
        "aaid": digest_of(ids.gaid),
        "screen_dimensions": _screen(event),
    }
    somebody = {
        "email": person.digest("email", "folded"),
        "phone_number": person.digest("phone", "e164"),
        "external_id": person.digest("external_id", "trimmed"),
    }
    return compact(somebody | ({} if in_store else there))


def _screen(event: Event) -> dict[str, int]:
    """Read the screen that a page may tell (`screen_width`, `screen_height`), both sides or none."""
    sides = {side: event.properties.get(f"screen_{side}") for side in ("width", "height")}
    told = {side: value for side, value in sides.items() if type(value) is int and 0 < value <= _MAX_PIXELS}
    return told if len(told) == len(sides) else {}


def _metadata(event: Event) -> dict[str, Any]:
    """Say the money and the goods. The conversion id is the one that the page's own pixel used: the event id."""
    currency = currency_code(event)
    return compact(
        {
            "conversion_id": event.event_id,
            "currency": currency,
            "value": worth(event) if currency else None,
            "item_count": pieces_in_all(event),
            "products": [_product(item) for item in named(event)],
        }
    )


def _product(item: Item) -> dict[str, Any]:
    return compact(
        {
            "id": item.item_id,
            "name": item.item_name,
            "category": item.item_category,
            "item_price": item.price,
            "quantity": pieces(item),
        }
    )
