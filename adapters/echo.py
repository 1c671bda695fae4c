"""Echo: every event, as we would say it ourselves, to any address that answers 2xx. The smallest adapter: copy it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from gateway.core.adapter import Auth, Payload, Request, Response, Ruling, Verdict, by_status
from gateway.core.event import Event, Purpose
from gateway.core.manifest import EVERYTHING, Manifest
from gateway.core.outcome import Skip
from gateway.core.speak import SEALED, as_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Echo:
    """It has no options: `endpoint` and `consent` of the destination say where to, and what it needs."""

    endpoint: ClassVar[str] = "http://127.0.0.1:9000"
    purposes: ClassVar[frozenset[Purpose]] = frozenset()
    max_batch: ClassVar[int] = 100
    max_wait_ms: ClassVar[int] = 0
    max_age_s: ClassVar[int] = 86_400
    dedup_s: ClassVar[int | None] = None
    takes_late: ClassVar[bool] = False
    hashed: ClassVar[frozenset[str]] = SEALED
    manifest: ClassVar[Manifest] = Manifest(
        reads=EVERYTHING,
        hosts=("http://127.0.0.1:9000",),
        matches=False,
    )

    @property
    def auth(self) -> Auth | None:
        return None

    def name(self, event_name: str) -> str | None:
        return event_name

    def payload(self, event: Event, name: str) -> Payload | Skip:
        if event.test:
            return Skip.TEST
        return Payload(body={**as_json(event), "event": name})

    def request(self, payloads: Sequence[Payload]) -> Request:
        return Request(path="/echo", json={"events": [payload.body for payload in payloads]})

    def verdicts(self, response: Response, count: int) -> list[Verdict]:
        if 200 <= response.status < 300:
            return [Verdict(ruling=Ruling.ACCEPTED)] * count
        return by_status(response, count)
