"""The contract between the gateway and a platform: an adapter translates and rules, and does nothing else.

An adapter is a frozen dataclass whose fields are its YAML options. It inherits nothing and is never handed a
socket, a clock or dice; a secret it holds is a `Secret`, which only the sender can open. Third parties import all
of this from the package `tagway` and register their class under the entry-point group `tagway.adapters`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Protocol, TypeAlias, runtime_checkable

import msgspec
import orjson

from gateway.core.event import Event, Purpose
from gateway.core.manifest import Manifest
from gateway.core.outcome import Skip

# RFC 9110, 15.5.9 and 15.6: the request may be repeated. 425: RFC 8470.
RETRIED_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
AUTH_STATUSES = frozenset({401, 403})


class Secret:
    """A token that prints as `***`. `reveal()` is for the sender alone."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Authenticate by a fixed header: `name: prefix + secret`."""

    name: str
    secret: Secret
    prefix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuth:
    """Authenticate by a short-lived bearer token; the delivery room fetches and renews it.

    `kind` is `service_account` (`file` is the key file), `refresh_token` (the three client fields) or `metadata` (the
    account of the machine we run on; it has no other field). `token_uri` None means the one of the key file, else
    Google's.
    """

    kind: str
    scopes: tuple[str, ...]
    file: str | None = None
    client_id: str | None = None
    client_secret: Secret | None = None
    refresh_token: Secret | None = None
    token_uri: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuth1:
    """Authenticate by signing each call with two pairs of keys (RFC 5849, HMAC-SHA1)."""

    consumer_key: str
    consumer_secret: Secret
    token: str
    token_secret: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Authenticate by signing the body: `name: t=<unix s>,v1=<hex HMAC-SHA256 of "t.body">`."""

    name: str
    secret: Secret


Auth: TypeAlias = Header | OAuth | OAuth1 | Signature


class Payload(msgspec.Struct, frozen=True, kw_only=True):
    """One event in a platform's words.

    Payloads of different `lane`s never share a request: what a platform says once per request (a test code, an
    event source) differs between them.
    """

    body: Mapping[str, Any]
    lane: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call, without a readable secret in it: it can be printed as it is.

    `path` begins with `/` and is joined to the destination's `endpoint`, else to the adapter's. `json` None: no body,
    unless `text` is one that is no JSON; its kind is the adapter's to say, among `headers`.
    A Secret in `query` is opened by the sender, for the rare question that a platform answers in no other way.
    """

    path: str
    json: Any
    text: str | None = None
    method: str = "POST"
    query: Mapping[str, str | Secret] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What came back, read to at most 64 KiB. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the parsed body, or None when it is not JSON."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None

    @property
    def retry_after_s(self) -> int | None:
        """Seconds of a numeric Retry-After; a date is left to the caller's ordinary backoff."""
        text = self.headers.get("retry-after", "").strip()
        return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else None


class Ruling(StrEnum):
    """What the platform decided about one payload."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"  # this payload, for good
    SPLIT = "split"  # the request was refused as a whole and the culprit is not named: send halves
    RETRY = "retry"  # not now; whether it was applied is unknown
    THROTTLED = "throttled"  # not applied: the whole destination waits
    HALT = "halt"  # the token or the account is refused: keep the queue, call a human


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """A ruling and its reason: the platform's own code, never its free text (it may echo personal data).

    `retry_after_s` beside ACCEPTED: taken, and the whole destination rests so long before its next request.
    """

    ruling: Ruling
    reason: str = ""
    retry_after_s: int | None = None


@runtime_checkable
class Adapter(Protocol):
    """What every platform file provides. `adapters/README.md` writes one in an hour."""

    purposes: ClassVar[frozenset[Purpose]]
    """Consent an event needs to go there, unless the configuration names other purposes."""
    max_batch: ClassVar[int]
    """Payloads the platform takes in one request."""
    max_wait_ms: ClassVar[int]
    """How long a first event may wait for company, unless the configuration says otherwise."""
    max_age_s: ClassVar[int]
    """The platform's acceptance window: an older event is refused by it, so it becomes `dead:expired` here."""
    dedup_s: ClassVar[int | None]
    """How long the platform recognises a repeat by its id; None when it never does."""
    takes_late: ClassVar[bool]
    """Whether a late copy is sent once more under the act's id, because the platform restates."""
    hashed: ClassVar[frozenset[str]]
    """Payload keys whose text must be a SHA-256 in hex; the outgoing scanner refuses anything else."""
    manifest: ClassVar[Manifest]
    """Identifiers it reads, hosts it calls, secrets it uses: what is not in it, it does not get."""

    @property
    def endpoint(self) -> str:
        """Scheme and host of the platform, without a trailing slash: a ClassVar wherever no option changes it."""
        ...

    @property
    def auth(self) -> Auth | None:
        """Describe how to authenticate; the sender fulfils it."""
        ...

    def name(self, event_name: str) -> str | None:
        """Return the platform's name of our event, or None when it has no use for it."""
        ...

    def payload(self, event: Event, name: str) -> Payload | Skip:
        """Say the event in the platform's words under this name, or say why not. Pure."""
        ...

    def request(self, payloads: Sequence[Payload]) -> Request:
        """Pack 1..max_batch payloads of one lane."""
        ...

    def verdicts(self, response: Response, count: int) -> list[Verdict]:
        """Rule on each payload, in the order they were packed; always `count` long, never raises."""
        ...


@runtime_checkable
class Probing(Protocol):
    """What an adapter may provide besides: a question that shows whether its credentials are good.

    Nothing may be left behind at the platform: no event, nothing that is counted or shown.
    """

    def probe(self, now_ms: int) -> Request:
        """Ask. Pure; `now_ms` is for a platform that wants to be told the time."""
        ...

    def probed(self, response: Response) -> str | None:
        """Say in own words and the platform's codes what is wrong with the credentials; None: they are good."""
        ...


@runtime_checkable
class Metered(Protocol):
    """What an adapter may provide besides: how often its platform may be asked, unless the configuration says."""

    rate_limit: ClassVar[str]
    """As the option of that name: `300/m`."""

    @property
    def budget(self) -> str:
        """Name what the platform counts together: destinations of one name share one budget, over all processes."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What a platform says, later, of a request that it took.

    `is_final` False: it is still at work, and asking again makes sense. `status`: its own word for the whole.
    `counts`: its codes -> how many events; `rows`: the place of an event in the request -> its code, where told.
    `again`: the codes after which an event is worth sending again under the same id -> after how many seconds.
    """

    is_final: bool
    status: str
    counts: Mapping[str, int] = field(default_factory=dict)
    rows: Mapping[int, str] = field(default_factory=dict)
    again: Mapping[str, int] = field(default_factory=dict)


@runtime_checkable
class Following(Protocol):
    """What an adapter may provide besides: for a platform that takes a request first and judges it later."""

    follow_after_s: ClassVar[int]
    """How long the platform usually needs; the first question comes then."""
    follow_for_s: ClassVar[int]
    """When to stop asking."""

    def receipt(self, response: Response) -> str | None:
        """Return the name under which the platform will tell of this request; None: it will not."""
        ...

    def follow(self, receipt: str) -> Request:
        """Ask what became of a request."""
        ...

    def followed(self, response: Response) -> Followed | None:
        """Read the answer; None: it says nothing of the request, ask again. Never raises."""
        ...

    def concerns(self, event: Event, code: str, sent_ms: int) -> bool:
        """Say whether a code of `Followed.again` may mean this event, where the platform names no rows."""
        ...


@runtime_checkable
class Aging(Protocol):
    """What an adapter may provide besides: an acceptance window that is not the same for every event."""

    def max_age_of(self, event: Event) -> int:
        """Return in seconds how old this event may be when it is sent, in place of `max_age_s`. Pure."""
        ...


@runtime_checkable
class Advising(Protocol):
    """What an adapter may provide besides: what `check` should say of its options, today."""

    def advice(self, now_ms: int) -> tuple[tuple[str, str, str], ...]:
        """Name options that work and will need a hand: the option, what is wrong with it, what to do."""
        ...


_NUMBERS = (int, float)


def compact(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Drop what we were not told: None, empty text, text of blanks, empty lists and mappings. Zero and False stay."""
    # Most of what is dropped is None, and asking what kind of thing a value is costs more than all the rest.
    return {
        key: value
        for key, value in mapping.items()
        if (value and not (value.__class__ is str and value.isspace()))
        or (value is not None and isinstance(value, _NUMBERS))
    }


def by_status(response: Response, count: int) -> list[Verdict]:
    """Rule on a whole response by its HTTP status alone (RFC 9110), for what a platform does not explain better.

    A 2xx is no success here: success needs the platform's own confirmation, which only its adapter can read.
    """
    status, reason = response.status, f"http_{response.status}"
    if status in AUTH_STATUSES:
        ruling = Ruling.HALT
    elif status == 429:
        ruling = Ruling.THROTTLED
    elif status in RETRIED_STATUSES or status >= 500 or 200 <= status < 300:
        ruling = Ruling.RETRY
    elif 300 <= status < 400:
        ruling = Ruling.REJECTED
    else:
        ruling = Ruling.SPLIT
    return [Verdict(ruling=ruling, reason=reason, retry_after_s=response.retry_after_s)] * count
