"""Lighthouse, which does not exist: conversions by account, judged row by row.

    POST /v2/accounts/<account>/conversions      X-Lighthouse-Key: …
    {"conversions": [{"kind": "order", "ref": "…", …}]}
    {"results": [{"state": "stored"}, {"state": "refused", "code": "E17"}]}

| a row's state | means                          | we                |
|---------------|--------------------------------|-------------------|
| stored, known | taken, now or before           | have delivered it |
| refused       | this row, for good; `code` why | give it up        |
| busy          | not taken yet                  | come again        |
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from tagway import (
    Auth,
    Event,
    Header,
    Manifest,
    Payload,
    Purpose,
    Request,
    Response,
    Ruling,
    Secret,
    Skip,
    Verdict,
    by_status,
    compact,
)

NAMES: Final[Mapping[str, str]] = {"purchase": "order", "generate_lead": "enquiry", "sign_up": "member"}

_ACCOUNT: Final = re.compile(r"L-[0-9]{1,12}")
_CODE: Final = re.compile(r"E[0-9]{1,4}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lighthouse:
    """One account. `key`: of the account's page "Server keys"."""

    account: str
    key: Secret

    endpoint: ClassVar[str] = "https://in.lighthouse.example"
    purposes: ClassVar[frozenset[Purpose]] = frozenset({Purpose.AD_STORAGE, Purpose.AD_USER_DATA})
    max_batch: ClassVar[int] = 50
    max_wait_ms: ClassVar[int] = 200
    max_age_s: ClassVar[int] = 30 * 86_400
    dedup_s: ClassVar[int | None] = 7 * 86_400
    takes_late: ClassVar[bool] = False
    hashed: ClassVar[frozenset[str]] = frozenset({"mail", "customer"})
    manifest: ClassVar[Manifest] = Manifest(
        reads=("email.plain", "external_id.trimmed", "country"),
        hosts=("in.lighthouse.example",),
        secrets=("key",),
    )

    def __post_init__(self) -> None:
        if not _ACCOUNT.fullmatch(self.account):
            raise ValueError("account: write it as L-7")

    @property
    def auth(self) -> Auth | None:
        return Header(name="X-Lighthouse-Key", secret=self.key)

    def name(self, event_name: str) -> str | None:
        return NAMES.get(event_name)

    def payload(self, event: Event, name: str) -> Payload | Skip:
        if event.test:
            return Skip.TEST
        if name == "order" and (event.value is None or not event.currency):
            return Skip.NO_VALUE
        who = compact(
            {
                "mail": event.person.digest("email", "plain"),
                "customer": event.person.digest("external_id", "trimmed"),
            }
        )
        if not who:
            return Skip.NO_IDENTIFIER
        said = {
            "kind": name,
            "ref": event.order_id,
            "ms": event.at_ms,
            "who": who,
            "country": event.person.country,
            "amount": event.value,
            "currency": event.currency,
        }
        return Payload(body=compact(said))

    def request(self, payloads: Sequence[Payload]) -> Request:
        rows = [payload.body for payload in payloads]
        return Request(path=f"/v2/accounts/{self.account}/conversions", json={"conversions": rows})

    def verdicts(self, response: Response, count: int) -> list[Verdict]:
        told = response.json()
        rows = told.get("results") if isinstance(told, dict) and response.status == 200 else None
        if not isinstance(rows, list) or len(rows) != count:
            return by_status(response, count)
        return [_of_row(row) for row in rows]


def _of_row(row: Any) -> Verdict:
    state = row.get("state") if isinstance(row, dict) else None
    if state in ("stored", "known"):
        return Verdict(ruling=Ruling.ACCEPTED)
    if state == "busy":
        return Verdict(ruling=Ruling.RETRY, reason="busy")
    code = row.get("code") if isinstance(row, dict) else None
    known = isinstance(code, str) and _CODE.fullmatch(code)
    return Verdict(ruling=Ruling.REJECTED, reason=str(code) if known else "refused")
