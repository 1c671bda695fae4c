"""Signed requests: a backend shows that it has a key, without sending it, and that nobody changed what it said.

    X-Tagway-Signature: t=<unix s>,v1=<hex HMAC-SHA256 of "t.body">

The body is what travels: after gzip, before anybody unpacks it. The webhook adapter signs in the same way.
"""

from __future__ import annotations

import asyncio
import hmac
import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from gateway.core.adapter import Secret

HEADER: Final = "X-Tagway-Signature"
# Clocks that are kept by NTP differ by milliseconds; five minutes forgive a queue and a bad one.
MAX_SKEW_S: Final = 300
# One for each of two keys, and as many again for a sender that rotates a scheme, too.
_MAX_SIGNATURES: Final = 4
_MAX_CHARS: Final = 1024
# Hashing this much takes about as long as one turn of the loop may; more of it goes to a thread.
_INLINE_BYTES: Final = 256 * 1024
# 333 signed requests a second for as long as each is good; about 20 MB.
_MAX_SEEN: Final = 100_000
_TIME: Final = re.compile(r"[0-9]{1,12}(\.[0-9]{1,6})?", re.ASCII)
_HEX: Final = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a signature says of itself. `at`: its time as it was spelled, which is what was signed.

    `site`: whose key it is, where the sender names it; else the host tells.
    """

    at: str
    site: str | None
    signatures: tuple[bytes, ...]

    @property
    def at_ms(self) -> int:
        return int(float(self.at) * 1000)


@dataclass(frozen=True, slots=True)
class Flaw:
    """Why a signature counts for nothing, and what to do about it."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A signature that is right: which key made it, and `mark`, which tells this request from every other."""

    key: Secret
    mark: bytes


def sign(key: Secret, at_s: int | float, body: bytes, *, site: str | None = None) -> str:
    """Return the header's value for a body that is sent now."""
    at = f"{at_s:.6f}".rstrip("0").rstrip(".")
    named = "" if site is None else f",site={site}"
    return f"t={at}{named},v1={_mac(key, at, body).hex()}"


def read(lines: Sequence[str], now_ms: int) -> Claim | Flaw:
    """Read the header and look at its time, before anything is computed or kept."""
    said = ",".join(lines)
    if len(said) > _MAX_CHARS:
        return Flaw(f"longer than {_MAX_CHARS} characters; write t=<unix seconds>,v1=<64 hex digits>")
    pairs = [(name.strip(), value.strip()) for name, _, value in (part.partition("=") for part in said.split(","))]
    times = [value for name, value in pairs if name == "t"]
    sites = [value for name, value in pairs if name == "site"]
    signatures = [value for name, value in pairs if name == "v1"]
    if len(times) != 1 or not _TIME.fullmatch(times[0]):
        return Flaw("no time in it, or two; write t=<unix seconds>,v1=<64 hex digits>")
    if not signatures or len(signatures) > _MAX_SIGNATURES or len(sites) > 1:
        return Flaw(f"one to {_MAX_SIGNATURES} v1= and at most one site= expected")
    if not all(_HEX.fullmatch(value) for value in signatures):
        return Flaw("v1: 64 hex digits expected, the whole HMAC-SHA256")
    claim = Claim(
        at=times[0],
        site=sites[0] if sites else None,
        signatures=tuple(bytes.fromhex(value) for value in signatures),
    )
    off_s = (now_ms - claim.at_ms) / 1000
    if abs(off_s) > MAX_SKEW_S:
        side = "old" if off_s > 0 else "ahead of ours"
        return Flaw(f"t is {abs(off_s):.0f} s {side} ({MAX_SKEW_S} s are allowed); set the clock and sign anew")
    return claim


async def verify(claim: Claim, body: bytes, keys: Sequence[Secret]) -> Proof | Flaw:
    """Compare every signature with every key, however the earlier ones compared."""
    if len(body) <= _INLINE_BYTES:
        return _verify(claim, body, keys)
    return await asyncio.to_thread(_verify, claim, body, keys)


def _verify(claim: Claim, body: bytes, keys: Sequence[Secret]) -> Proof | Flaw:
    fitting: Secret | None = None
    for key in keys:
        right = _mac(key, claim.at, body)
        # All of them are compared, so that the time tells nothing of which one was right.
        fits = [hmac.compare_digest(right, given) for given in claim.signatures]
        if True in fits and fitting is None:
            fitting = key
    if fitting is None:
        return Flaw(
            "of another key, or of other bytes; sign the body exactly as it is sent (after gzip) "
            "with one of the site's request_keys"
        )
    # Of what was signed, not of a signature: the same request under the site's other key is the same request.
    mark = blake2b(claim.at.encode() + b".", digest_size=32, person=b"signed request")
    mark.update(body)
    return Proof(key=fitting, mark=mark.digest())


def _mac(key: Secret, at: str, body: bytes) -> bytes:
    made = hmac.new(key.reveal().encode(), f"{at}.".encode(), "sha256")
    made.update(body)
    return made.digest()


def dice_of(mark: bytes) -> Callable[[], bytes]:
    """Return dice that fall alike for the same signed request.

    So an event without an id gets the same one when its request is played again to another process or after a
    restart, and is a duplicate there.
    """
    turn = 0

    def throw() -> bytes:
        nonlocal turn
        turn += 1
        return blake2b(mark + turn.to_bytes(4, "big"), digest_size=32).digest()

    return throw


class Seen:
    """Which signed requests this process took, for as long as their time is good.

    Whoever is forgotten early, because there were too many, meets the event ids: a repeat is a duplicate.
    """

    def __init__(self, max_marks: int = _MAX_SEEN) -> None:
        self._max_marks = max_marks
        self._until_ms: OrderedDict[tuple[str, bytes], int] = OrderedDict()

    def is_new(self, site: str, mark: bytes, at_ms: int, now_ms: int) -> bool:
        """Remember a request, or say that it was here before."""
        known = self._until_ms
        while known and next(iter(known.values())) < now_ms:
            known.popitem(last=False)
        if (site, mark) in known:
            return False
        known[site, mark] = at_ms + MAX_SKEW_S * 1000
        if len(known) > self._max_marks:
            known.popitem(last=False)
        return True

    def forget(self, site: str, mark: bytes) -> None:
        """Let a request come again: nothing of it was kept."""
        self._until_ms.pop((site, mark), None)
