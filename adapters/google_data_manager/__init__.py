"""Google Ads conversions through the Data Manager API (`events:ingest`).

`options.py` is what the operator writes, `speak.py` says one event, `answers.py` reads what comes back at once and
`later.py` what Google finds out hours after. The API is fast-fail: one bad event refuses its whole request, so what
Google would not take is left out or skipped here, before anything travels together.

Source: developers.google.com/data-manager/api (events/send-events, reference/rest/v1) and the v1 messages of Google's
own client (google-ads-datamanager 0.9.4), read 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, ClassVar, Final, Literal

from adapters.google_data_manager import later
from adapters.google_data_manager.answers import rule
from adapters.google_data_manager.options import Conversion, Credentials, UserIp, account_id, check_conversions
from adapters.google_data_manager.speak import HASHED, conversion
from gateway.core.adapter import Auth, Followed, OAuth, Payload, Request, Response, Ruling, Verdict, compact
from gateway.core.event import Event, Person, Purpose, Wire
from gateway.core.manifest import Manifest
from gateway.core.outcome import Skip
from gateway.core.person import digest_of

__all__ = ["Conversion", "Credentials", "GoogleDataManager"]

SCOPE: Final = "https://www.googleapis.com/auth/datamanager"
_DAY_S: Final = 86_400
_NO_FEED: Final[Mapping[str, str]] = {}
# Destinations in one request; more conversion actions than these travel in lanes of their own.
_MAX_DESTINATIONS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class GoogleDataManager:
    """One Google Ads account that owns conversion actions.

    `operating_account`: the account that receives the conversions (with cross-account tracking the manager that owns
    the actions); dashes may stay. `login_account`: the manager through which our credential has access.
    `linked_account`: for data partners, whose `login_account` then is the partner's own.
    `conversions`: our event name to a conversion action; an event that is not named here is not sent.
    `user_ip`: `non_eea` sends the address only where the event itself names a country outside of the EEA, the United
    Kingdom and Switzerland, for whose users Google wants none.
    `validate_only`: Google checks everything and records nothing; only then are test events sent.
    The `merchant_` options name the Merchant Center feed of the items.
    """

    operating_account: str
    credentials: Credentials
    conversions: Mapping[str, Conversion]
    login_account: str | None = None
    linked_account: str | None = None
    account_type: Literal["GOOGLE_ADS"] = "GOOGLE_ADS"
    user_ip: UserIp = "never"
    merchant_id: str | None = None
    merchant_feed_label: str | None = None
    merchant_feed_language_code: str | None = None
    validate_only: bool = False

    endpoint: ClassVar[str] = "https://datamanager.googleapis.com"
    purposes: ClassVar[frozenset[Purpose]] = frozenset({Purpose.AD_STORAGE, Purpose.AD_USER_DATA})
    max_batch: ClassVar[int] = 2000
    # Above five events a second they have to share requests: see rate_limit.
    max_wait_ms: ClassVar[int] = 2000
    # 90 days: an older click is not matched any more (user data alone: 63 days, which Google tells in diagnostics).
    max_age_s: ClassVar[int] = 90 * _DAY_S
    # The same transaction id restates the same conversion and no end of that is documented: as long as it is taken.
    dedup_s: ClassVar[int | None] = 90 * _DAY_S
    takes_late: ClassVar[bool] = True
    hashed: ClassVar[frozenset[str]] = HASHED
    # Google counts 300 requests a minute for a Cloud project, questions among them; a token bucket that is refilled at
    # this rate lets 285 through in the worst minute.
    rate_limit: ClassVar[str] = "280/m"
    # "Wait at least 30 minutes": most requests are processed by then. After a day Google says no more than before.
    follow_after_s: ClassVar[int] = 1800
    follow_for_s: ClassVar[int] = _DAY_S
    manifest: ClassVar[Manifest] = Manifest(
        reads=(
            *("email.google", "email.plain", "phone.e164", "first_name.google", "last_name.google"),
            *("postal_code", "country", "ip", "user_agent", "gclid", "gbraid", "wbraid", "gad"),
        ),
        hosts=("datamanager.googleapis.com", "oauth2.googleapis.com", "http://metadata.google.internal"),
        urls=("credentials.token_uri",),
        secrets=("credentials.file", "credentials.client_secret", "credentials.refresh_token"),
    )

    def __post_init__(self) -> None:
        for key in ("operating_account", "login_account", "linked_account"):
            if (told := getattr(self, key)) is not None:
                account_id(key, told)
        if self.linked_account is not None and self.login_account is None:
            raise ValueError("linked_account: needs login_account, the data partner's own account")
        if self.merchant_id is not None and not (self.merchant_id.isascii() and self.merchant_id.isdigit()):
            raise ValueError("merchant_id: write the digits that Merchant Center shows, in quotes")
        check_conversions(self.conversions)

    @property
    def auth(self) -> Auth | None:
        told = self.credentials
        return OAuth(
            kind=told.kind,
            scopes=(SCOPE,),
            file=told.file,
            client_id=told.client_id,
            client_secret=told.client_secret,
            refresh_token=told.refresh_token,
            token_uri=told.token_uri,
        )

    def name(self, event_name: str) -> str | None:
        return event_name if event_name in self.conversions else None

    def payload(self, event: Event, name: str) -> Payload | Skip:
        """Say the event for the action configured under this name.

        Shape:  a late copy of an act is said the same way: Google restates a conversion whose transaction id it has.
        """
        target = self.conversions.get(name)
        if target is None:
            return Skip.UNMAPPED
        if event.test and not self.validate_only:
            return Skip.TEST
        said = conversion(event, target, user_ip=self.user_ip, feed=self._feed() if event.items else _NO_FEED)
        if said is None:
            return Skip.NO_IDENTIFIER
        return Payload(body=said, lane=self._lane(target.action_id))

    def request(self, payloads: Sequence[Payload]) -> Request:
        """Pack them with one destination for each conversion action among them."""
        actions = dict.fromkeys(name for payload in payloads for name in payload.body["destinationReferences"])
        body = {
            "destinations": [self._destination(action) for action in actions],
            "encoding": "HEX",
            "events": [payload.body for payload in payloads],
            "validateOnly": True if self.validate_only else None,
        }
        project = self.credentials.quota_project
        return Request(
            path="/v1/events:ingest",
            json=compact(body),
            headers={"x-goog-user-project": project} if project else {},
        )

    def verdicts(self, response: Response, count: int) -> list[Verdict]:
        """Rule on each payload; see `answers.rule`."""
        return rule(response, count, validate_only=self.validate_only)

    @property
    def budget(self) -> str:
        """Google counts by Cloud project, over all accounts that are fed from it."""
        return f"google:{(digest_of(self.credentials.counted_as) or '')[:16]}"

    def receipt(self, response: Response) -> str | None:
        return later.receipt(response, validate_only=self.validate_only)

    def follow(self, receipt: str) -> Request:
        project = self.credentials.quota_project
        return Request(
            method="GET",
            path="/v1/requestStatus:retrieve",
            query={"requestId": receipt},
            json=None,
            headers={"x-goog-user-project": project} if project else {},
        )

    def followed(self, response: Response) -> Followed | None:
        return later.followed(response)

    def concerns(self, event: Event, code: str, sent_ms: int) -> bool:
        return later.concerns(event, code, sent_ms)

    def probe(self, now_ms: int) -> Request:
        """Ask Google to check one made-up conversion for each action, ten at most, and to record none."""
        checking = replace(self, validate_only=True)
        names = {one.action_id: name for name, one in self.conversions.items()}
        told = [checking.payload(_nobodys(name, now_ms), name) for name in list(names.values())[:_MAX_DESTINATIONS]]
        return checking.request([payload for payload in told if isinstance(payload, Payload)])

    def probed(self, response: Response) -> str | None:
        verdict = rule(response, 1, validate_only=True)[0]
        return None if verdict.ruling is Ruling.ACCEPTED else f"Google answers {verdict.reason}"

    def _lane(self, action: str) -> str:
        if len(self.conversions) <= _MAX_DESTINATIONS:
            return ""
        actions = sorted({one.action_id for one in self.conversions.values()})
        return f"actions-{actions.index(action) // _MAX_DESTINATIONS}"

    def _destination(self, action: str) -> dict[str, Any]:
        return compact(
            {
                "reference": action,
                "operatingAccount": _account(self.operating_account, self.account_type),
                "loginAccount": _account(self.login_account, "DATA_PARTNER" if self.linked_account else "GOOGLE_ADS"),
                "linkedAccount": _account(self.linked_account, "GOOGLE_ADS"),
                "productDestinationId": action,
            }
        )

    def _feed(self) -> Mapping[str, str]:
        return _feed(self.merchant_id, self.merchant_feed_label, self.merchant_feed_language_code)


@lru_cache(maxsize=64)
def _feed(merchant_id: str | None, label: str | None, language_code: str | None) -> Mapping[str, str]:
    named = {"merchantId": merchant_id, "merchantFeedLabel": label, "merchantFeedLanguageCode": language_code}
    return compact(named)


def _nobodys(name: str, now_ms: int) -> Event:
    """An event of a person who cannot exist: `.invalid` is nobody's domain (RFC 2606)."""
    digest = digest_of("nobody@tagway.invalid") or ""
    return Event(
        site="check",
        name=name,
        event_id="tagway-check",
        wires=(Wire.SERVER,),
        at_ms=now_ms,
        received_ms=now_ms,
        test=True,
        person=Person(digests={"email": {"google": digest, "plain": digest}}),
    )


def _account(told: str | None, kind: str) -> dict[str, str] | None:
    return None if told is None else {"accountType": kind, "accountId": account_id("", told)}
