"""Pinterest API for Conversions (v5): our events in the words of an ad account.

Every row is told by itself, in a 200 as in a 422: `processed` or `failed`. Everything else is one code for all:

| HTTP | code | means                              | we                          |
|------|------|------------------------------------|-----------------------------|
| 200  |      | rows, each processed or failed     | deliver, or reject the row  |
| 422  |      | the same, some failed              | the same                    |
| 400  | 4196 | the request cannot be read         | send halves                 |
| 401  | 2    | the token                          | halt                        |
| 403  | 29   | not this ad account                | halt                        |
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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from gateway.core.adapter import Auth, Header, Payload, Request, Response, Ruling, Secret, Verdict, by_status, compact
from gateway.core.event import Event, Grant, Item, Purpose
from gateway.core.goods import amount, currency_code, pieces, pieces_in_all, worth
from gateway.core.outcome import Skip
from gateway.core.person import country_code, digest_of, letters, lowered, postal, region_code

# Our name -> Pinterest's. A name that is not here is a `custom` event, for Pinterest has no free ones, and Pinterest's
# own names are their own. Later names (contact, schedule, start_trial, …) are not in v5.23.0: who has them writes
# `events: {contact: contact}`.
NAMES: Final[Mapping[str, str | None]] = {
    "page_view": "page_visit",
    "view_item": "view_content",
    "view_item_list": "view_category",
    "search": "search",
    "add_to_cart": "add_to_cart",
    "add_to_wishlist": "add_to_wishlist",
    "begin_checkout": "initiate_checkout",
    "add_payment_info": "add_payment_info",
    "purchase": "checkout",
    "generate_lead": "lead",
    "sign_up": "signup",
    "subscribe": "subscribe",
    "video_start": "watch_video",
    # Nothing takes a purchase back; a custom event would read as a gain.
    "refund": None,
}
_THEIRS: Final = frozenset({name for name in NAMES.values() if name} | {"custom"})

HASHED: Final = frozenset({"em", "ph", "fn", "ln", "ge", "db", "ct", "st", "zp", "country", "external_id"})
PARTNER: Final = "ss-tagway"  # `ss-` and a name in lower case: who sends on the advertiser's behalf
_WEB: Final = frozenset({"website", "app"})
_URL: Final = re.compile(r"https?://[^/\s]")
_LANGUAGE: Final = re.compile(r"([A-Za-z]{2})(?:[-,;].*)?", re.DOTALL)

_CODES: Final[Mapping[int, Ruling]] = {
    2: Ruling.HALT,
    8: Ruling.THROTTLED,
    29: Ruling.HALT,
    4196: Ruling.SPLIT,
    4197: Ruling.RETRY,
}


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
    max_age_s: ClassVar[int] = 7 * 86_400
    # By event name and id; acts of a store (`offline`) are never recognised again, says the description.
    dedup_s: ClassVar[int | None] = 86_400
    takes_late: ClassVar[bool] = False
    hashed: ClassVar[frozenset[str]] = HASHED

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[0-9]{1,18}", self.ad_account_id):
            raise ValueError("ad_account_id: write the digits that Ads Manager shows, in quotes")

    @property
    def auth(self) -> Auth | None:
        return Header(name="Authorization", secret=self.access_token, prefix="Bearer ")

    def name(self, event_name: str) -> str | None:
        return event_name if event_name in _THEIRS else NAMES.get(event_name, "custom")

    def payload(self, event: Event, name: str) -> Payload | Skip:
        """Say the event; its lane tells a test from the truth."""
        if event.test and not self.test_events:
            return Skip.TEST
        user = _user_data(event)
        if "em" not in user and not {"client_ip_address", "client_user_agent"} <= user.keys():
            return Skip.NO_IDENTIFIER
        page, language = event.page.location or "", _LANGUAGE.fullmatch(event.browser.language or "")
        limited = self.limited_data_processing or event.consent.ad_personalization is not Grant.GRANTED
        said = {
            "event_name": name,
            "action_source": "web" if event.action_source in _WEB else "offline",
            "event_time": event.at_ms // 1000,
            "event_id": event.event_id,
            "event_source_url": page if _URL.match(page) else None,
            "partner_name": PARTNER,
            "language": language[1].lower() if language else None,
            "user_data": user,
            "custom_data": _custom_data(event) | ({"opt_out_type": "LDP"} if limited else {}),
        }
        return Payload(body=compact(said), lane="test" if event.test else "")

    def request(self, payloads: Sequence[Payload]) -> Request:
        return Request(
            path=f"/v5/ad_accounts/{self.ad_account_id}/events",
            json={"data": [payload.body for payload in payloads]},
            query={"test": "true"} if payloads[0].lane == "test" else {},
        )

    def verdicts(self, response: Response, count: int) -> list[Verdict]:
        """Rule row by row where Pinterest does, else by its code, else by the HTTP status."""
        told = response.json()
        if not isinstance(told, dict):
            return by_status(response, count)
        rows = told.get("events")
        if response.status in (200, 422) and isinstance(rows, list) and len(rows) == count:
            verdicts = [_of_row(row) for row in rows]
            return by_status(response, count) if None in verdicts else [one for one in verdicts if one is not None]
        code = told.get("code")
        if type(code) is int and code in _CODES and response.status >= 400:
            return [Verdict(ruling=_CODES[code], reason=str(code), retry_after_s=response.retry_after_s)] * count
        return by_status(response, count)


def _of_row(row: object) -> Verdict | None:
    """Rule on one row; None for a word that is not Pinterest's. Its messages may repeat what was sent."""
    match row.get("status") if isinstance(row, dict) else None:
        case "processed":
            return Verdict(ruling=Ruling.ACCEPTED)
        case "failed":
            return Verdict(ruling=Ruling.REJECTED, reason="failed")
        case _:
            return None


def _user_data(event: Event) -> dict[str, Any]:
    """Say who it was: digests as lists. A code that Pinterest could not have is left out rather than hashed."""
    person, browser, click = event.person, event.browser, event.clicks.get("epik")
    region, zip_code = region_code(person.region, person.country), postal(person.postal_code, person.country)
    digests = {
        "em": person.digest("email", "plain"),
        "ph": person.digest("phone", "digits"),
        "fn": person.digest("first_name", "letters"),
        "ln": person.digest("last_name", "letters"),
        "ge": person.digest("gender", "initial"),
        "db": person.digest("date_of_birth", "digits"),
        "ct": digest_of(letters(person.city)),
        # "A two-letter code", "only digits": what is neither would be the digest of nothing they know.
        "st": digest_of(region) if region and len(region) == 2 else None,
        "zp": digest_of(zip_code) if zip_code and zip_code.isdigit() else None,
        "country": digest_of(lowered(country_code(person.country))),
        "external_id": person.digest("external_id", "trimmed"),
    }
    clear = {
        "client_ip_address": browser.ip,
        "client_user_agent": browser.user_agent,
        "click_id": click.id if click else None,
    }
    return {key: [digest] for key, digest in digests.items() if digest is not None} | compact(clear)


def _custom_data(event: Event) -> dict[str, Any]:
    """Say the money and the goods: a value never travels without its currency, and always as text."""
    named = [item for item in event.items if item.item_id]
    single = event.items[0] if len(event.items) == 1 else Item()
    currency = currency_code(event)
    return compact(
        {
            "currency": currency,
            "value": amount(worth(event)) if currency else None,
            "order_id": event.transaction_id,
            "content_ids": [item.item_id for item in named],
            "contents": [_content(item) for item in named],
            "content_name": single.item_name,
            "content_category": single.item_category,
            "content_brand": single.item_brand,
            "num_items": pieces_in_all(event),
            "search_string": event.search_term,
            "predicted_ltv": amount(event.predicted_ltv),
        }
    )


def _content(item: Item) -> dict[str, Any]:
    return compact(
        {
            "id": item.item_id,
            "item_name": item.item_name,
            "item_category": item.item_category,
            "item_brand": item.item_brand,
            "item_price": amount(item.price),
            "quantity": pieces(item),
        }
    )
