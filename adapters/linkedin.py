"""LinkedIn Conversions API (`conversionEvents`): events of conversion rules.

LinkedIn is not told what happened: the rule says it. So every event that shall be sent is mapped to the rule that was
made for it (`conversions`), one with the source "Conversions API"; the Insight Tag has a rule of its own.

| answer                                  | means                                       | we                          |
|-----------------------------------------|---------------------------------------------|-----------------------------|
| 200, 201 with an element for each event | each by its own `status`                    | 2xx delivered, 4xx rejected |
| 401 (EXPIRED_, REVOKED_, INVALID_…)     | the token                                   | halt                        |
| 403                                     | no right, or no role in the ad account      | halt                        |
| 404                                     | the address or the rule's account           | halt                        |
| 422, 400                                | all refused for one; it stands in `message` | reject it, send the others  |
| 426                                     | this `api_version` has ended                | halt                        |
| 429                                     | 600 a minute, 300,000 a day                 | wait                        |
| 5xx                                     | LinkedIn's own trouble                      | come again                  |

Names are taken in clear only, which we do not have: people go by e-mail digest and click id.

Source: learn.microsoft.com/linkedin/marketing (Conversions API, deduplication, conversions FAQ) and the answers in the
fixtures of rudder-transformer, read 2026-11-22. How long an `eventId` is remembered, and whether a second copy of our
own is recognised at all, is not written there: a repeat after a lost answer is tried for a day and no longer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Final, Literal

from gateway.core.adapter import Auth, Header, Payload, Request, Response, Ruling, Secret, Verdict, by_status, compact
from gateway.core.device import device
from gateway.core.event import Event, Purpose
from gateway.core.goods import currency_code, worth_in_words
from gateway.core.manifest import Manifest
from gateway.core.outcome import Skip

# What a rule may be about, for our events: the kind to choose when the rule is made. It never travels.
RULES: Final[Mapping[str, str]] = {
    "page_view": "KEY_PAGE_VIEW",
    "view_item": "VIEW_CONTENT",
    "view_item_list": "VIEW_CONTENT",
    "search": "SEARCH",
    "add_to_cart": "ADD_TO_CART",
    "add_to_wishlist": "ADD_TO_LIST",
    "begin_checkout": "START_CHECKOUT",
    "add_payment_info": "ADD_BILLING_INFO",
    "purchase": "PURCHASE",
    "generate_lead": "LEAD",
    "sign_up": "SIGN_UP",
    "subscribe": "SUBSCRIBE",
    "start_trial": "START_TRIAL",
    "contact": "CONTACT",
    "submit_application": "SUBMIT_APPLICATION",
    "file_download": "DOWNLOAD",
}

_URN: Final = "urn:lla:llaPartnerConversion:"
_RULE: Final = re.compile(rf"(?:{_URN})?([0-9]{{1,20}})")
_VERSION: Final = re.compile(r"20[0-9]{2}(?:0[1-9]|1[0-2])")
_MONTHS_SAFE: Final = 9
# A UUID in practice; LinkedIn says no more than that it is a text.
_CLICK: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
_ACCOUNT: Final = re.compile(r"(?:urn:li:sponsoredAccount:)?([0-9]{1,20})")
_ID: Final = re.compile(r"[A-Za-z0-9._~:-]{1,256}")
# Ids of other houses that a site may know its customers by, and the properties they stand in.
_OTHERS: Final = {"ACXIOM_ID": "acxiom_id", "ORACLE_MOAT_ID": "oracle_moat_id"}
_MAX_RULES: Final = 1000
_CODE: Final = re.compile(r"[A-Z][A-Z0-9_]{1,63}")
# `Index: 3, ERROR :: /conversionValue/amount :: …`, or `ERROR :: /elements/3/conversionValue/…`.
_ROW: Final = re.compile(r"(?:\bIndex: ?|/elements/)([0-9]{1,4})\b")
_HALTED: Final = frozenset({401, 403, 404, 426})
_REFUSED: Final = frozenset({400, 422})


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedIn:
    """The conversion rules of one ad account.

    `access_token`: of Campaign Manager ("Direct API"), or of an application with `rw_conversions`, which ends after
    60 days.
    `conversions`: our event name to a rule's id; an event that is not named here is not sent.
    `api_version`: LinkedIn ends a version about twelve months after its name: move on before 2027-04.
    `ad_account`: the account of the rules; with it `check --online` looks at each of them.
    `user_ip`: `always` sends the visitor's address beside another identifier.
    """

    access_token: Secret
    conversions: Mapping[str, str]
    api_version: str = "202604"
    ad_account: str | None = None
    user_ip: Literal["never", "always"] = "never"

    endpoint: ClassVar[str] = "https://api.linkedin.com"
    purposes: ClassVar[frozenset[Purpose]] = frozenset({Purpose.AD_STORAGE, Purpose.AD_USER_DATA})
    # 5000 are taken; one bad event refuses all of them, and a fifth is far within 600 requests a minute.
    max_batch: ClassVar[int] = 1000
    max_wait_ms: ClassVar[int] = 500
    # And 300,000 a day, which a fifth of this keeps: batches are large.
    rate_limit: ClassVar[str] = "600/m"
    # 90 days, and an older event would refuse the others: a day is kept back.
    max_age_s: ClassVar[int] = 89 * 86_400
    dedup_s: ClassVar[int | None] = 86_400
    # Of two copies one is dropped, whatever it adds.
    takes_late: ClassVar[bool] = False
    # Digests and click ids stand under one key, `idValue`: none can be named here. Both come from fields of their own.
    hashed: ClassVar[frozenset[str]] = frozenset()
    manifest: ClassVar[Manifest] = Manifest(
        reads=("email.plain", "external_id.trimmed", "ip", "li_fat_id", "gaid"),
        hosts=("api.linkedin.com",),
        secrets=("access_token",),
    )

    def __post_init__(self) -> None:
        if not _VERSION.fullmatch(self.api_version):
            raise ValueError("api_version: write year and month, as in 202604")
        if self.ad_account is not None and not _ACCOUNT.fullmatch(self.ad_account):
            raise ValueError("ad_account: write the digits of the ad account, in quotes")
        if not self.conversions:
            raise ValueError("conversions: name at least one event and its conversion rule")
        if "refund" in self.conversions:
            raise ValueError("conversions.refund: LinkedIn takes no conversion back; it would count as another one")
        for name, rule in self.conversions.items():
            if not _RULE.fullmatch(rule):
                raise ValueError(f"conversions.{name}: write the digits of the conversion rule, in quotes")

    @property
    def auth(self) -> Auth | None:
        return Header(name="Authorization", secret=self.access_token, prefix="Bearer ")

    def name(self, event_name: str) -> str | None:
        return event_name if event_name in self.conversions else None

    def payload(self, event: Event, name: str) -> Payload | Skip:
        """Say the event for the rule configured under this name."""
        rule = _RULE.fullmatch(self.conversions.get(name, ""))
        if rule is None:
            return Skip.UNMAPPED
        if event.test:
            return Skip.TEST  # LinkedIn has no way to mark a test
        people = self._people(event)
        if not people:
            return Skip.NO_IDENTIFIER
        known = event.person.digest("external_id", "trimmed")
        said = {
            "conversion": _URN + rule[1],
            "conversionHappenedAt": event.at_ms,
            "conversionValue": _value(event),
            "eventId": event.event_id,
            # An id of the site's own, in any spelling that stays the same: its digest does, and tells nobody more.
            "user": compact({"userIds": people, "externalIds": [known] if known else None}),
        }
        return Payload(body=compact(said))

    def request(self, payloads: Sequence[Payload]) -> Request:
        return Request(
            path="/rest/conversionEvents",
            json={"elements": [payload.body for payload in payloads]},
            headers={**self._versions(), "X-RestLi-Method": "BATCH_CREATE"},
        )

    def probe(self, now_ms: int) -> Request:
        """Ask for the rules of the account; where it is not known, only a batch without events can be tried."""
        account = _ACCOUNT.fullmatch(self.ad_account or "")
        if account is None:
            return self.request(())
        urn = f"urn:li:sponsoredAccount:{account[1]}"
        query = {"q": "account", "account": urn, "count": str(_MAX_RULES)}
        return Request(method="GET", path="/rest/conversions", json=None, query=query, headers=self._versions())

    def probed(self, response: Response) -> str | None:
        """Say what is wrong with the token, or with the first rule that is."""
        told = response.json()
        elements = told.get("elements") if isinstance(told, dict) else None
        if response.status == 200 and isinstance(elements, list):
            return self._of_rules(elements) if self.ad_account else None
        if response.status in _REFUSED and not self.ad_account:
            return None  # refused for the events that it does not have, behind the door
        if response.status in _HALTED:
            return f"refused ({_code(told) or f'http_{response.status}'})"
        return f"no answer about the token (http_{response.status})"

    def verdicts(self, response: Response, count: int) -> list[Verdict]:
        """Rule on each element where there are any, else on the request.

        Shape:  SPLIT beside REJECTED is known not to be taken: send it again at once without the rejected ones.
        """
        told = response.json()
        told = told if isinstance(told, dict) else {}
        if 200 <= response.status < 300:
            elements = told.get("elements")
            if isinstance(elements, list) and len(elements) == count:
                return [_of_element(element, response) for element in elements]
            return by_status(response, count)
        reason = _code(told) or f"http_{response.status}"
        if response.status in _HALTED:
            return [Verdict(ruling=Ruling.HALT, reason=reason)] * count
        if response.status in _REFUSED:
            lost = {row for found in _ROW.findall(str(told.get("message"))) if (row := int(found)) < count}
            rulings = (Ruling.REJECTED if row in lost else Ruling.SPLIT for row in range(count))
            return [Verdict(ruling=ruling, reason=reason) for ruling in rulings]
        return by_status(response, count)

    @property
    def budget(self) -> str:
        return "linkedin"  # an application's; which one a token belongs to is not to be seen

    def advice(self, now_ms: int) -> tuple[tuple[str, str, str], ...]:
        """Say that the version may end within three months; LinkedIn keeps one for about twelve."""
        now = datetime.fromtimestamp(now_ms / 1000, UTC)
        lived = (now.year - int(self.api_version[:4])) * 12 + now.month - int(self.api_version[4:])
        if lived < _MONTHS_SAFE:
            return ()
        words = f"is {lived} months old, and LinkedIn ends a version about twelve months after its name"
        return (("api_version", words, "write the newest of LinkedIn's pages on versioning"),)

    def _versions(self) -> dict[str, str]:
        return {"LinkedIn-Version": self.api_version, "X-Restli-Protocol-Version": "2.0.0"}

    def _of_rules(self, elements: Sequence[Any]) -> str | None:
        rules = {str(one.get("id")): one for one in elements if isinstance(one, dict)}
        for name, told in self.conversions.items():
            rule = rules.get(told.removeprefix(_URN))
            if rule is None and len(elements) < _MAX_RULES:
                return f"conversions.{name}: ad_account has no such rule"
            if rule is not None and rule.get("conversionMethod") != "CONVERSIONS_API":
                return f"conversions.{name}: the rule's source is not the Conversions API"
            if rule is not None and rule.get("enabled") is False:
                return f"conversions.{name}: the rule is switched off"
        return None

    def _people(self, event: Event) -> list[dict[str, str]]:
        """List whom LinkedIn may know it by; an address alone stands for a household and is nobody."""
        click, email, gaid = event.clicks.get("li_fat_id"), event.person.digest("email", "plain"), device(event).gaid
        found = []
        if email is not None:
            found.append({"idType": "SHA256_EMAIL", "idValue": email})
        if click is not None and _CLICK.fullmatch(click.id):
            found.append({"idType": "LINKEDIN_FIRST_PARTY_ADS_TRACKING_UUID", "idValue": click.id})
        if gaid is not None:
            found.append({"idType": "GOOGLE_AID", "idValue": gaid})
        for kind, name in _OTHERS.items():
            told = event.properties.get(name)
            if isinstance(told, str) and _ID.fullmatch(told):
                found.append({"idType": kind, "idValue": told})
        if found and self.user_ip == "always" and event.browser.ip:
            found.append({"idType": "PLAINTEXT_IP_ADDRESS", "idValue": event.browser.ip})
        return found


def _value(event: Event) -> dict[str, str] | None:
    """Say the money as text; never without its currency."""
    currency, value = currency_code(event), worth_in_words(event)
    return None if value is None or currency is None else {"currencyCode": currency, "amount": value}


def _code(told: Any) -> str:
    """Return LinkedIn's own word for an error, where it has one."""
    code = told.get("code") if isinstance(told, dict) else None
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""


def _of_element(element: Any, response: Response) -> Verdict:
    """Rule on one event by its own status, which means what HTTP means by it."""
    status = element.get("status") if isinstance(element, dict) else None
    if type(status) is not int:
        return Verdict(ruling=Ruling.RETRY, reason=f"http_{response.status}")
    if 200 <= status < 300:
        return Verdict(ruling=Ruling.ACCEPTED)
    if status in _HALTED:
        return Verdict(ruling=Ruling.HALT, reason=f"http_{status}")
    ruling = by_status(Response(status=status, headers=response.headers, body=b""), 1)[0]
    if ruling.ruling is Ruling.SPLIT:  # nobody shares this status
        return Verdict(ruling=Ruling.REJECTED, reason=ruling.reason)
    return ruling
