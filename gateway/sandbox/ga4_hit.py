"""GA4's other door, `/g/collect`: hits of Google's own tag, sent by it or relayed by a tag server.

It answers 204 to everything; what it would not make an event of is listed beside the call.

Source: hits of gtag.js captured 2025 and 2026; two open tag servers that relay them; read 2026-11-22.
Never enters: an HTTP handler.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import parse_qsl

from gateway.sandbox import checks
from gateway.sandbox.call import Accepted, Asked, Findings, Object

# No window is published; a shop does not use an order number twice in a year.
DEDUP_S: Final = 366 * 86_400
MAX_LINES: Final = 20
MAX_BODY_BYTES: Final = 16_384
MAX_URL_CHARS: Final = 2_048
_MEASUREMENT: Final = re.compile(r"G-[A-Z0-9]{1,20}")
_CLIENT: Final = re.compile(r"[0-9]{1,20}\.[0-9]{1,20}|[!-~]{1,120}")
_DIGITS: Final = re.compile(r"[0-9]{1,15}")
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?")
_GCS: Final = re.compile(r"G1[01-][01-]")
_GCD: Final = re.compile(r"1[0-9A-Za-z_-]{8,16}")
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
_FORMS: Final = {"cid": _CLIENT, "en": _NAME, "sid": _DIGITS, "_et": _DIGITS, "gcs": _GCS, "gcd": _GCD}
_ERRORS: Final = frozenset({"e0", "e1", "e2", "e3"})
_PRODUCT: Final = re.compile(r"pr([1-9][0-9]{0,2})")
_ITEM: Final = re.compile(r"(?:id|nm)(?:[^~]|~~)+")
_DIGEST: Final = re.compile(r"[A-Za-z0-9_-]{43}")
# What a tag asks of a tag server: Google's own collector is not told.
_FOR_SERVERS: Final = ("richsstsse", "sst.")


def judge(asked: Asked, measurements: frozenset[str], notes: Findings) -> tuple[int, tuple[Accepted, ...]]:
    """Judge one request; returns how many events it had, and those that would stand in a report."""
    shared = dict(asked.query)
    lines = [line for line in asked.raw.decode("utf-8", "replace").replace("\r", "\n").split("\n") if line.strip()]
    hits = [{**shared, **dict(parse_qsl(line, keep_blank_values=True))} for line in lines] or [shared]
    _judge_request(asked, len(lines), notes)
    for row, hit in enumerate(hits):
        _judge_hit(hit, row, measurements, notes)
    lost = {one.row for one in notes.refusals()}
    kept = [hit for row, hit in enumerate(hits) if row not in lost and None not in lost]
    return len(hits), tuple(map(_accepted, kept))


def _judge_request(asked: Asked, lines: int, notes: Findings) -> None:
    if lines > MAX_LINES or len(asked.raw) > MAX_BODY_BYTES:
        notes.refuse(None, "body", f"more than {MAX_LINES} events or {MAX_BODY_BYTES} bytes")
    kind = asked.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if asked.raw and kind != "text/plain":
        notes.refuse(None, "Content-Type", "text/plain is expected")
    agent = asked.headers.get("User-Agent", "")
    if "Mozilla/" not in agent:
        notes.refuse(None, "User-Agent", "no browser's: a hit of a machine is counted for nobody")


def _judge_hit(hit: Mapping[str, str], row: int, measurements: frozenset[str], notes: Findings) -> None:
    account = hit.get("tid", "")
    if not _MEASUREMENT.fullmatch(account):
        notes.refuse(row, "tid", "G- and capitals are expected")
    elif measurements and account not in measurements:
        notes.refuse(row, "tid", "no such data stream")
    if hit.get("v") != "2":
        notes.refuse(row, "v", "2 is expected")
    for key, form in _FORMS.items():
        if (key in ("cid", "en") or key in hit) and not form.fullmatch(hit.get(key, "")):
            notes.refuse(row, key, "missing or malformed")
    if "sid" not in hit:
        notes.warn(row, "sid", "without it the event belongs to no session in reports")
    if "_uip" not in hit:
        notes.warn(row, "_uip", "without it the visitor is where the server is")
    elif not checks.is_address(hit["_uip"]):
        notes.refuse(row, "_uip", "one IPv4 or IPv6 address is expected")
    for key in hit:
        if key.startswith(_FOR_SERVERS):
            notes.refuse(row, key, "is for tag servers and goes no further")
    _judge_event(hit, row, notes)
    for where, why in _readable(hit):
        notes.violate(row, where, why)


def _judge_event(hit: Mapping[str, str], row: int, notes: Findings) -> None:
    for key, told in hit.items():
        kind, dot, name = key.partition(".")
        if dot and kind in ("ep", "epn", "up", "upn") and not _NAME.fullmatch(name):
            notes.warn(row, key, "a name that reports do not show")
        if kind in ("epn", "upn") and not _NUMBER.fullmatch(told):
            notes.refuse(row, key, "a number is expected")
        if _PRODUCT.fullmatch(key) and not _ITEM.search(told):
            notes.refuse(row, key, "an item needs an id or a name")
    if "cu" in hit and not checks.is_currency(hit["cu"]):
        notes.refuse(row, "cu", "an ISO 4217 code is expected")
    if hit.get("en") in ("purchase", "refund") and not hit.get("ep.transaction_id"):
        notes.refuse(row, "ep.transaction_id", "required")


def _readable(hit: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Name what can be read of a person: an address anywhere, an `em` that is no digest, or one that was denied."""
    for where in checks.readable_emails(dict(hit)):
        yield where, "a readable e-mail address"
    for part in hit.get("em", "").split("~"):
        name, _, told = part.partition(".")
        if name in ("em", "pn", "fn0", "ln0", "sa0") and not _DIGEST.fullmatch(told) and told not in _ERRORS:
            yield f"em.{name}", "readable where a SHA-256 digest belongs"


def _accepted(hit: Mapping[str, str]) -> Accepted:
    account, name, order = hit["tid"], hit["en"], hit.get("ep.transaction_id")
    payload: Object = dict(hit)
    return Accepted(
        account=account,
        name=name,
        event_id=hit.get("ep.event_id", order),
        payload=payload,
        is_test="ep.debug_mode" in hit or "_dbg" in hit,
        keys=((f"{account}\n{name}\n{order}", DEDUP_S),) if name == "purchase" and order is not None else (),
    )
