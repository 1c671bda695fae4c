"""Microsoft Advertising, UET Conversions API: our events in the words of a UET tag.

| answer                                       | means                        | we                                  |
|----------------------------------------------|------------------------------|-------------------------------------|
| 2xx with `eventsReceived`, no row named      | taken                        | have delivered all                  |
| 2xx with rows in `error.details`             | those rows; the others are in| reject them                         |
| 2xx, fewer received than sent, no row named  | some row                     | send halves under the same ids      |
| 400 with rows in `error.details`             | those rows                   | reject them and send the others again |
| 400 without                                  | some row                     | send halves                         |
| 401, 403, 404                                | the token, or not its tag    | halt                                |
| 429                                          | too often                    | wait                                |
| all else                                     |                              | rule by the HTTP status             |

A row that is only warned of (`isWarning`) is in. Messages and `attemptedValue` repeat what was sent: only codes are
read. `continueOnValidationError` is always set, else one bad row would keep out all others.

Source: Microsoft Learn, "UET Conversions API integration", read 2026-11-22. That events may be 7 days old and that
warnings are marked is known from integrators; for how long a repeat is recognised is written nowhere (a day is
assumed). Microsoft has no test mode, so events marked `test` are not sent.
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
from gateway.core.goods import currency_code, named, pieces, worth
from gateway.core.manifest import Manifest
from gateway.core.outcome import Skip

PAGE_LOAD: Final = "pageLoad"
# Our name -> the action that a conversion goal asks for. Everything that is not here keeps its name, for a goal may
# ask for any; None goes nowhere.
NAMES: Final[Mapping[str, str | None]] = {
    "page_view": PAGE_LOAD,
    # Nothing takes a purchase back; an action of that name would read as a gain.
    "refund": None,
}
# What kind of page it is, for dynamic remarketing; by our name, whatever the configuration calls the action.
_PAGE_TYPES: Final[Mapping[str, str]] = {
    "view_item": "product",
    "view_item_list": "category",
    "search": "searchresults",
    "add_to_cart": "cart",
    "remove_from_cart": "cart",
    "view_cart": "cart",
    "begin_checkout": "cart",
    "purchase": "purchase",
}
_KINDS_OF_PAGE: Final = frozenset({"home", "product", "category", "searchresults", "cart", "purchase", "other"})
_TOTALLED: Final = frozenset({"cart", "purchase"})

PROVIDER: Final = "tagway"
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}")
_CODE: Final = re.compile(r"[A-Z][A-Za-z]{1,39}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Microsoft:
    """One UET tag. The token is made for the tag, in its set-up."""

    tag_id: str
    access_token: Secret

    endpoint: ClassVar[str] = "https://capi.uet.microsoft.com"
    purposes: ClassVar[frozenset[Purpose]] = frozenset({Purpose.AD_STORAGE, Purpose.AD_USER_DATA})
    # 1000 are taken; half of that stays below the 1 MB that others keep to (integrators).
    max_batch: ClassVar[int] = 500
    max_wait_ms: ClassVar[int] = 500
    max_age_s: ClassVar[int] = 7 * 86_400
    # By tag, event name and event id; the UET script's copies as well.
    dedup_s: ClassVar[int | None] = 86_400
    takes_late: ClassVar[bool] = False
    hashed: ClassVar[frozenset[str]] = frozenset({"em", "ph", "externalId"})
    # Why `check --online` asks nothing: no test mode and nothing to read, and an empty request is not documented.
    unasked: ClassVar[str] = "Microsoft offers no question that leaves nothing behind"
    manifest: ClassVar[Manifest] = Manifest(
        reads=(
            "email.folded",
            "phone.digits",
            "external_id.trimmed",
            "ip",
            "user_agent",
            "msclkid",
            "uetvid",
            "idfa",
            "gaid",
        ),
        hosts=("capi.uet.microsoft.com",),
        secrets=("access_token",),
    )

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[0-9]{1,20}", self.tag_id):
            raise ValueError("tag_id: write the digits of the UET tag, in quotes")

    @property
    def auth(self) -> Auth | None:
        return Header(name="Authorization", secret=self.access_token, prefix="Bearer ")

    def name(self, event_name: str) -> str | None:
        return NAMES.get(event_name, event_name)

    def payload(self, event: Event, name: str) -> Payload | Skip:
        """Say the event: a page load, or an action that a goal can ask for."""
        if event.test:
            return Skip.TEST
        is_load, page = name == PAGE_LOAD, page_address(event.page.location)
        if is_load and page is None:
            return Skip.NO_PAGE
        user = _user(event)
        if user.keys() <= {"clientIpAddress"} or user.keys() <= {"clientUserAgent"}:
            return Skip.NO_IDENTIFIER
        load_id = _text(event, "page_load_id")
        said = {
            "eventType": PAGE_LOAD if is_load else "custom",
            "eventName": None if is_load else name,
            "eventId": event.event_id,
            "eventTime": event.at_ms // 1000,
            "eventSourceUrl": page,
            "referrerUrl": page_address(event.page.referrer),
            "pageTitle": event.page.title,
            "pageLoadId": load_id if load_id is not None and _UUID.fullmatch(load_id) else None,
            "keywords": _text(event, "keywords"),
            "adStorageConsent": "G" if event.consent.ad_storage is Grant.GRANTED else "D",
            "userData": user,
            "customData": _custom(event),
        }
        return Payload(body=compact(said))

    def request(self, payloads: Sequence[Payload]) -> Request:
        body = {
            "data": [payload.body for payload in payloads],
            "dataProvider": PROVIDER,
            "continueOnValidationError": True,
        }
        return Request(path=f"/v1/{self.tag_id}/events", json=body)

    def verdicts(self, response: Response, count: int) -> list[Verdict]:
        """Rule row by row where Microsoft names rows, else by what it received, else by the HTTP status.

        Shape:  SPLIT beside REJECTED is sent again at once without the rejected ones, under ids that Microsoft knows.
        """
        told = response.json()
        if response.status == 404:  # the tag's id is in the address: no event's fault
            return [Verdict(ruling=Ruling.HALT, reason="http_404")] * count
        if not isinstance(told, dict):
            return by_status(response, count)
        lost, reason = _rows(told.get("error"), count), _reason(told.get("error"))
        if response.status == 400 and lost:
            return _without(lost, reason, Verdict(ruling=Ruling.SPLIT, reason=reason), count)
        received = told.get("eventsReceived")
        if not 200 <= response.status < 300 or type(received) is not int or not 0 <= received <= count:
            return by_status(response, count)
        others = Verdict(ruling=Ruling.ACCEPTED)
        if received < count - len(lost):
            others = Verdict(ruling=Ruling.SPLIT, reason=f"received_{received}_of_{count}")
        return _without(lost, reason, others, count)


def _without(lost: frozenset[int], reason: str, others: Verdict, count: int) -> list[Verdict]:
    refused = Verdict(ruling=Ruling.REJECTED, reason=reason or "refused")
    return [refused if row in lost else others for row in range(count)]


def _rows(error: object, count: int) -> frozenset[int]:
    """Return the rows that were refused."""
    details = error.get("details") if isinstance(error, dict) else None
    told = [one for one in details if isinstance(one, dict)] if isinstance(details, list) else []
    rows = (one.get("index") for one in told if one.get("isWarning") is not True)
    return frozenset(row for row in rows if type(row) is int and 0 <= row < count)


def _reason(error: object) -> str:
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""


def _user(event: Event) -> dict[str, Any]:
    person, browser, click, ids = event.person, event.browser, event.clicks.get("msclkid"), device(event)
    return compact(
        {
            "em": person.digest("email", "folded"),
            "ph": person.digest("phone", "digits"),
            # An id of the site's own, in any spelling that stays the same: its digest does, and tells nobody more.
            "externalId": person.digest("external_id", "trimmed"),
            # Microsoft's own name for the browser, where its script gave it one.
            "anonymousId": browser.cookies.get("uetvid"),
            "idfa": ids.idfa,
            "gaid": ids.gaid,
            "clientIpAddress": browser.ip,
            "clientUserAgent": browser.user_agent,
            "msclkid": click.id if click is not None and _UUID.fullmatch(click.id) else None,
        }
    )


def _custom(event: Event) -> dict[str, Any]:
    """Say the money and the goods, and the category, label and value that goals of UET are asked by."""
    products = named(event)
    categories = {item.item_category for item in event.items if item.item_category}
    told, currency = _text(event, "page_type"), currency_code(event)
    page_type = told if told in _KINDS_OF_PAGE else _PAGE_TYPES.get(event.name)
    value = worth(event) if currency else None
    return compact(
        {
            "eventCategory": _text(event, "event_category"),
            "eventLabel": _text(event, "event_label"),
            "eventValue": _number(event, "event_value"),
            "searchTerm": event.search_term,
            "transactionId": event.transaction_id,
            "value": value,
            "currency": currency,
            "itemIds": [item.item_id for item in products],
            "items": [_item(item) for item in products],
            "pageType": page_type,
            "ecommTotalValue": value if page_type in _TOTALLED else None,
            "ecommCategory": categories.pop() if len(categories) == 1 else None,
        }
    )


def _item(item: Item) -> dict[str, Any]:
    return compact({"id": item.item_id, "name": item.item_name, "price": item.price, "quantity": pieces(item)})


def _text(event: Event, key: str) -> str | None:
    told = event.properties.get(key)
    return told if isinstance(told, str) else None


def _number(event: Event, key: str) -> float | None:
    told = event.properties.get(key)
    return told if isinstance(told, int | float) and not isinstance(told, bool) else None
