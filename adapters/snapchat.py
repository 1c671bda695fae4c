"""Snapchat Conversions API v3: our events in the words of a Snap Pixel.

What an answer means; `status` in the body decides, for a refusal can stand inside a 200:

| answer                                  | means                         | we                                  |
|-----------------------------------------|-------------------------------|-------------------------------------|
| `VALID` in a 2xx                        | taken                         | have delivered all                  |
| `INVALID` in a 200 or 400, row named    | that row                      | reject it, send the others again    |
| `INVALID` in a 200 or 400, no row named | some row                      | send halves                         |
| 401, 403                                | the token, or not its pixel   | halt                                |
| 429                                     | too often; never for how long | wait                                |
| all else                                |                               | rule by the HTTP status             |

Source: developers.snap.com, Conversions API (Using the API, Parameters, Deduplication, Verify Set Up), read
2026-11-22. No list of error codes is published: they are repeated as reasons and decide nothing. Types of
`custom_data` are those of Snap's OpenAPI model where its pages leave them open. The pages show no header for the
token, only the address; the sender alone opens it there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal

from gateway.core.adapter import Auth, Payload, Request, Response, Ruling, Secret, Verdict, by_status, compact
from gateway.core.event import Event, Grant, Item, Purpose
from gateway.core.goods import amount, currency_code, pieces, pieces_in_all, worth
from gateway.core.outcome import Skip
from gateway.core.person import city_letters, country_code, digest_of, lowered, postal, region_code

# Our name -> Snap's. There are no free names: what is not here goes nowhere, unless the configuration gives it one
# (`events: {quiz_done: CUSTOM_EVENT_1}`).
NAMES: Final[Mapping[str, str | None]] = {
    "page_view": "PAGE_VIEW",
    "view_item": "VIEW_CONTENT",
    "view_item_list": "LIST_VIEW",
    "search": "SEARCH",
    "add_to_cart": "ADD_CART",
    "add_to_wishlist": "ADD_TO_WISHLIST",
    "begin_checkout": "START_CHECKOUT",
    "add_payment_info": "ADD_BILLING",
    "purchase": "PURCHASE",
    # Snap has no word for a lead; its own tag calls one a sign-up.
    "generate_lead": "SIGN_UP",
    "sign_up": "SIGN_UP",
    "login": "LOGIN",
    "subscribe": "SUBSCRIBE",
    "start_trial": "START_TRIAL",
    "schedule": "RESERVE",
    "share": "SHARE",
    "tutorial_complete": "COMPLETE_TUTORIAL",
    "view_promotion": "AD_VIEW",
    "select_promotion": "AD_CLICK",
    # Nothing takes a purchase back.
    "refund": None,
}
_THEIRS: Final = frozenset(
    {name for name in NAMES.values() if name}
    | {"SAVE", "INVITE", "RATE", "ACHIEVEMENT_UNLOCKED", "LEVEL_COMPLETE", "SPENT_CREDITS"}
    | {f"CUSTOM_EVENT_{slot}" for slot in range(1, 6)}
)

HASHED: Final = frozenset({"em", "ph", "fn", "ln", "ge", "ct", "st", "zp", "country", "db", "external_id"})
# Identifiers that only the site knows: taken from its properties, clear, as Snap wants them. `sc_cookie1` is `_scid`.
_FROM_PROPERTIES: Final = ("sc_cookie1", "anon_id", "lead_id", "subscription_id", "download_id", "partner_id")
_ID: Final = re.compile(r"[A-Za-z0-9._~:-]{1,256}")
_URL: Final = re.compile(r"https?://[^/\s]")
_DELIVERY: Final = frozenset({"in_store", "curbside", "home_delivery"})
_WEB: Final = frozenset({"website", "app"})
_CODE: Final = re.compile(r"[A-Z][A-Z0-9_]{0,39}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapchat:
    """One Snap Pixel.

    `test_events`: events marked `test` go to Snap's validator, which shows them in Events Manager and records nothing;
    without it they are not sent.
    `data_processing_options`: [LMU] limits every event (Snap's SDK spells it LDU). One whose ad_personalization is not
    granted is always limited. Country and state are Snap's numbers; absent, the address decides.
    """

    pixel_id: str
    access_token: Secret
    test_events: bool = False
    data_processing_options: tuple[Literal["LMU", "LDU"], ...] = ()
    data_processing_options_country: int | None = None
    data_processing_options_state: int | None = None

    endpoint: ClassVar[str] = "https://tr.snapchat.com"
    purposes: ClassVar[frozenset[Purpose]] = frozenset({Purpose.AD_STORAGE, Purpose.AD_USER_DATA})
    # 2000 are taken; no limit in bytes is written down, and one bad row makes the whole request travel again.
    max_batch: ClassVar[int] = 500
    max_wait_ms: ClassVar[int] = 500
    # 37 days, less half a day: a time out of range is a 400 for the whole request.
    max_age_s: ClassVar[int] = 3_153_600
    # 48 hours by event id. Purchases are said to be known longer by their order id; how long is not on Snap's page.
    dedup_s: ClassVar[int | None] = 48 * 3600
    # The first copy gains what only the second had, but nothing that it has is restated.
    takes_late: ClassVar[bool] = False
    hashed: ClassVar[frozenset[str]] = HASHED

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9-]{1,64}", self.pixel_id):
            raise ValueError("pixel_id: write the letters, digits and dashes that Events Manager shows")

    @property
    def auth(self) -> Auth | None:
        return None  # the token stands in the address, see above

    def name(self, event_name: str) -> str | None:
        return event_name if event_name in _THEIRS else NAMES.get(event_name)

    def payload(self, event: Event, name: str) -> Payload | Skip:
        """Say the event, or skip what would fail the request that it shares with others."""
        if event.test and not self.test_events:
            return Skip.TEST
        if name not in _THEIRS:
            return Skip.UNMAPPED
        page = event.page.location or ""
        source = "WEB" if event.action_source in _WEB else "OFFLINE"
        if source == "WEB" and not _URL.match(page):
            return Skip.NO_PAGE
        custom = _custom_data(event)
        if name == "PURCHASE" and not {"value", "currency"} <= custom.keys():
            return Skip.NO_VALUE
        user = _user_data(event)
        if not {"em", "ph"} & user.keys() and not {"client_ip_address", "client_user_agent"} <= user.keys():
            return Skip.NO_IDENTIFIER
        said = {
            "event_name": name,
            "event_time": event.at_ms // 1000,
            "event_id": event.event_id,
            "action_source": source,
            "event_source_url": page if _URL.match(page) else None,
            "user_data": user,
            "custom_data": custom,
            **self._data_processing(event),
        }
        return Payload(body=compact(said), lane="test" if event.test else "")

    def request(self, payloads: Sequence[Payload]) -> Request:
        path = f"/v3/{self.pixel_id}/events"
        return Request(
            path=f"{path}/validate" if payloads[0].lane == "test" else path,
            json={"data": [payload.body for payload in payloads]},
            query={"access_token": self.access_token},
        )

    def verdicts(self, response: Response, count: int) -> list[Verdict]:
        """Rule by the status in the body.

        Shape:  SPLIT beside REJECTED is known not to be taken: send it again at once without the rejected ones.
        """
        told = response.json()
        status = told.get("status") if isinstance(told, dict) else None
        if status == "VALID" and 200 <= response.status < 300:
            return [Verdict(ruling=Ruling.ACCEPTED)] * count
        if status != "INVALID" or response.status not in (200, 400):
            return by_status(response, count)
        lost, reason = _rows(told), _reason(told)
        return [Verdict(ruling=Ruling.REJECTED if row in lost else Ruling.SPLIT, reason=reason) for row in range(count)]

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


def _rows(told: Mapping[str, Any]) -> frozenset[int]:
    """Return the rows that Snap names: one `event`, or the validator's list of them."""
    logs = told.get("event_logs")
    named = [
        told.get("event"),
        *(
            log.get("event")
            for log in (logs if isinstance(logs, list) else ())
            if isinstance(log, dict) and log.get("status") == "INVALID"
        ),
    ]
    return frozenset(row for row in named if type(row) is int)


def _reason(told: Mapping[str, Any]) -> str:
    """Return the first code. The messages beside it may repeat what was sent."""
    errors = told.get("errors")
    codes = errors.get("codes") if isinstance(errors, dict) else None
    first = codes[0] if isinstance(codes, list) and codes else None
    if type(first) is int:
        return str(first)
    return first if isinstance(first, str) and _CODE.fullmatch(first) else "INVALID"


def _user_data(event: Event) -> dict[str, Any]:
    """Say who it was: digests as lists, which Snap's model asks for and its pages allow."""
    person, browser, click = event.person, event.browser, event.clicks.get("scid")
    digests = {
        "em": person.digest("email", "plain"),
        "ph": person.digest("phone", "digits"),
        "fn": person.digest("first_name", "letters"),
        "ln": person.digest("last_name", "letters"),
        "ge": person.digest("gender", "initial"),
        "db": person.digest("date_of_birth", "digits"),
        "ct": digest_of(city_letters(person.city)),
        "st": digest_of(region_code(person.region, person.country)),
        "zp": digest_of(postal(person.postal_code, person.country)),
        "country": digest_of(lowered(country_code(person.country))),
        "external_id": person.digest("external_id", "trimmed"),
    }
    clear = {
        "client_ip_address": browser.ip,
        "client_user_agent": browser.user_agent,
        "sc_click_id": click.id if click else None,
        **{key: _text(event, key, _ID) for key in _FROM_PROPERTIES},
    }
    return {key: [digest] for key, digest in digests.items() if digest is not None} | compact(clear)


def _custom_data(event: Event) -> dict[str, Any]:
    """Say the money and the goods: a value never travels without its currency."""
    named = [item for item in event.items if item.item_id]
    single = event.items[0] if len(event.items) == 1 else Item()
    currency = currency_code(event)
    delivery = _text(event, "delivery_category")
    return compact(
        {
            "currency": currency,
            "value": worth(event) if currency else None,
            "order_id": event.transaction_id,
            "content_ids": [item.item_id for item in named],
            "contents": [_content(item) for item in named],
            "content_name": single.item_name,
            "content_category": single.item_category,
            "content_type": _text(event, "content_type") or ("product" if named else None),
            "num_items": pieces_in_all(event),
            "search_string": event.search_term,
            "sign_up_method": _text(event, "method"),
            "status": _text(event, "status"),
            "predicted_ltv": event.predicted_ltv,
            "delivery_category": delivery if delivery in _DELIVERY else None,
        }
    )


def _content(item: Item) -> dict[str, Any]:
    quantity = pieces(item)
    return compact(
        {
            "id": item.item_id,
            "quantity": None if quantity is None else str(quantity),
            "item_price": amount(item.price),
            "brand": item.item_brand,
        }
    )


def _text(event: Event, key: str, pattern: re.Pattern[str] | None = None) -> str | None:
    told = event.properties.get(key)
    return told if isinstance(told, str) and (pattern is None or pattern.fullmatch(told)) else None
