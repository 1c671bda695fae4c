"""The JSON body of the browser's and the server's path: one event, `{"events": […]}`, or a bare list."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from itertools import chain, repeat
from typing import Any, Final

import msgspec
import orjson

from gateway.core.outcome import Refused
from gateway.core.wires.draft import Refusal
from gateway.core.wires.sent import Look, look_at, sent

MAX_EVENTS: Final = 1_000
MAX_EVENT_BYTES: Final = 64 * 1024

# A title cut inside an emoji (`\\ud83d`), Python's NaN and a number beyond 1e308 are no reason to lose a whole batch:
# the slow reader takes them, and the rules of the field decide.
_FORGIVABLE: Final = re.compile(rb"\\u[dD][89a-fA-F]|NaN|Infinity|[eE]\+?[0-9]{3}")
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_TOO_LARGE: Final = Refusal(reason=Refused.SIZE, errors=(f"event: larger than {MAX_EVENT_BYTES} bytes",))


class _Batch(msgspec.Struct):
    """A batch whose events are the bytes that were sent."""

    events: list[msgspec.Raw]


_of_batch: Final = msgspec.json.Decoder(_Batch)
_of_list: Final = msgspec.json.Decoder(list[msgspec.Raw])


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """What one request told. `batched`: it came as a list, so the answer counts (`accepted=8,refused=2`).

    An element is a Refusal where it is no event at all. `sent_at` is the sender's clock beside the batch.
    """

    events: tuple[dict[str, Any] | Refusal, ...]
    batched: bool
    sent_at: Any = None


def read(body: bytes) -> Body | Refusal:
    """Split a request into its events.

    Shape:  beside `events` only `sent_at` and `consent` are heard; a consent there speaks for every event that has
            none of its own.
    Errors: never raises; `body` when it cannot be read, `size` when it has too many events.
    """
    body = body.removeprefix(_BYTE_ORDER_MARK)
    said, look = _parse(body)
    batched, beside = True, {}
    if isinstance(said, dict) and "events" in said:
        said, beside = said["events"], said
    elif isinstance(said, dict):
        said, batched = [said], False
    if not isinstance(said, list):
        return Refusal(reason=Refused.BODY, errors=('body: neither an event, nor a list, nor {"events": […]}',))
    if len(said) > MAX_EVENTS:
        return Refusal(reason=Refused.SIZE, errors=(f"body: more than {MAX_EVENTS} events",))
    consent = beside.get("consent")
    if len(body) > MAX_EVENT_BYTES:
        said = _weighed(said, body, beside=bool(beside))
    return Body(
        events=tuple([_event(event, consent, look) for event in said]),
        batched=batched,
        sent_at=beside.get("sent_at"),
    )


def _event(said: Any, consent: Any, look: Look | None) -> dict[str, Any] | Refusal:
    if not isinstance(said, dict):
        return said if said is _TOO_LARGE else Refusal(reason=Refused.BODY, errors=("event: an object expected",))
    if consent is not None and said.get("consent") is None:
        said["consent"] = consent
    return said if look is None else sent(said, look)


def _weighed(events: list[Any], body: bytes, *, beside: bool) -> list[Any]:
    """Return the events with a refusal for each that is too large, as it was sent and however it is spelled.

    `beside`: the events stand in an object.
    """
    sizes: list[int] = []
    with suppress(msgspec.DecodeError, RecursionError):  # a single event, a lone surrogate, NaN
        raws = _of_batch.decode(body).events if beside else _of_list.decode(body)
        sizes = [len(memoryview(raw)) for raw in raws]
    return [
        _TOO_LARGE if size > MAX_EVENT_BYTES and isinstance(event, dict) and _weight(event) > MAX_EVENT_BYTES else event
        for event, size in zip(events, chain(sizes, repeat(len(body))), strict=False)
    ]


def _weight(said: dict[str, Any]) -> int:
    """Return the bytes of an event without blanks and escapes: who spells it so may send twice as many."""
    try:
        return len(orjson.dumps(said))
    except orjson.JSONEncodeError:  # a lone surrogate, an integer beyond 64 bits, or 255 levels
        pass
    try:
        text = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
        return len(text.encode(errors="surrogatepass"))
    except RecursionError:
        return MAX_EVENT_BYTES + 1


def _parse(body: bytes) -> tuple[Any, Look | None]:
    """The parsed body, or None (which is no event either) where it cannot be read, and a look at it if it is JSON."""
    try:
        return orjson.loads(body), look_at(body)
    except orjson.JSONDecodeError:
        if not _FORGIVABLE.search(body):
            return None, None
    try:
        return json.loads(body), None
    except (ValueError, RecursionError):
        return None, None
