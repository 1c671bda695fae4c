"""Webhook: signed JSON to an address of the user's own.

    POST <url>    X-Tagway-Signature: t=<unix s>,v1=<hex HMAC-SHA256 of "t.body">
    {"events": [{"event": "purchase", "event_id": "…", …}, …]}

Every event goes by our own name; `events` of the destination renames or denies one.

| the address answers | we                                                                       |
|---------------------|--------------------------------------------------------------------------|
| any 2xx             | have delivered all of them                                               |
| 401, 403, 404, 410  | keep the queue and call a human: the key or the address is wrong         |
| 408, 425, 5xx       | come again with the same events                                          |
| 429                 | wait, as long as Retry-After says                                        |
| any other 4xx       | send halves, until the event that it refuses is alone and a dead letter  |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final
from urllib.parse import parse_qsl, urlsplit

from gateway.core.adapter import Auth, Payload, Request, Response, Ruling, Secret, Signature, Verdict, by_status
from gateway.core.event import Event, Purpose
from gateway.core.manifest import EVERYTHING, Manifest
from gateway.core.outcome import Skip
from gateway.core.speak import SEALED, as_json

SIGNATURE_HEADER: Final = "X-Tagway-Signature"
# An address that is not there is a mistake of the configuration, not of the events.
_GONE_STATUSES: Final = frozenset({404, 410})


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """`url`: where to post, http or https, with path and query. `secret`: what signs the body."""

    url: str
    secret: Secret

    purposes: ClassVar[frozenset[Purpose]] = frozenset()
    max_batch: ClassVar[int] = 100
    max_wait_ms: ClassVar[int] = 500
    # 7 days: an address of one's own may be down over a long weekend, and nobody else refuses old events for it.
    max_age_s: ClassVar[int] = 7 * 86_400
    # The event id is in every event, but nobody promises us that the other side looks at it.
    dedup_s: ClassVar[int | None] = None
    # A receiver that only appends would count a restated act twice.
    takes_late: ClassVar[bool] = False
    hashed: ClassVar[frozenset[str]] = SEALED
    manifest: ClassVar[Manifest] = Manifest(
        reads=EVERYTHING,
        urls=("url",),
        secrets=("secret",),
        matches=False,
    )

    def __post_init__(self) -> None:
        split = urlsplit(self.url)
        if split.scheme not in ("http", "https") or not split.hostname or split.username is not None:
            raise ValueError("url: write http:// or https://, a host and a path, without user or password")

    @property
    def endpoint(self) -> str:
        split = urlsplit(self.url)
        return f"{split.scheme}://{split.netloc}"

    @property
    def auth(self) -> Auth | None:
        return Signature(name=SIGNATURE_HEADER, secret=self.secret)

    def name(self, event_name: str) -> str | None:
        return event_name

    def payload(self, event: Event, name: str) -> Payload | Skip:
        if event.test:
            return Skip.TEST
        return Payload(body={**as_json(event), "event": name})

    def request(self, payloads: Sequence[Payload]) -> Request:
        split = urlsplit(self.url)
        return Request(
            path=split.path or "/",
            query=dict(parse_qsl(split.query, keep_blank_values=True)),
            json={"events": [payload.body for payload in payloads]},
        )

    def verdicts(self, response: Response, count: int) -> list[Verdict]:
        if 200 <= response.status < 300:
            return [Verdict(ruling=Ruling.ACCEPTED)] * count
        if response.status in _GONE_STATUSES:
            return [Verdict(ruling=Ruling.HALT, reason=f"http_{response.status}")] * count
        return by_status(response, count)
