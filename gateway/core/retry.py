"""When to knock again, and when to stop.

Full jitter (each wait is drawn between zero and the bound) keeps a thousand events of one outage from knocking in
step; the end is set by the platform's windows and never by a count, so a long outage loses nothing early.
"""

from __future__ import annotations

from gateway.core.outcome import Dead

BASE_MS = 1_000
# 15 minutes: a platform that heals is noticed within a quarter of an hour, even after a day of silence.
CAP_MS = 900_000
# An hour is the longest that a whole destination rests; a platform that says more is asked again after it.
LONGEST_PAUSE_MS = 3_600_000
# One event may be asked to wait longer than a destination: Google's young conversion actions say six hours.
LONGEST_WAIT_MS = 86_400_000
# A destination's token is refused: one event goes as a probe this often (contract section 8).
HALT_PROBE_MS = 30_000
# The breaker is open: one probe this often (contract section 8).
OPEN_PROBE_MS = 10_000
# Requests in a row without an answer that open the breaker.
OPEN_AFTER = 5
# Claims without any verdict: whoever takes this event dies of it.
POISON_CLAIMS = 5


def wait_ms(attempts: int, dice: float, retry_after_s: int | None = None) -> int:
    """Return how long to wait after this many failed attempts (1 and more). `dice`: 0 ≤ x < 1."""
    bound = min(CAP_MS, BASE_MS * 2 ** min(attempts - 1, 20))
    asked = 0 if retry_after_s is None else min(retry_after_s * 1_000, LONGEST_WAIT_MS)
    return asked + int(bound * dice)


def pause_ms(throttled: int, dice: float, retry_after_s: int | None) -> int:
    """Return how long a whole destination rests after its n-th throttled answer in a row."""
    if retry_after_s is not None:
        return min(max(retry_after_s, 1) * 1_000, LONGEST_PAUSE_MS)
    return BASE_MS + wait_ms(throttled, dice)


def given_up(
    *, now_ms: int, at_ms: int, max_age_s: int, maybe_ms: int | None, dedup_s: int | None, claims: int
) -> Dead | None:
    """Say why a delivery must not be sent (again), or None.

    `maybe_ms`: when it may first have reached the platform without an answer. Past the platform's own window a
    repeat would count twice, so it stays for a person to decide.
    """
    if claims > POISON_CLAIMS:
        return Dead.POISON
    if maybe_ms is not None and dedup_s is not None and now_ms - maybe_ms > dedup_s * 1_000:
        return Dead.UNKNOWN_OUTCOME
    if now_ms - at_ms > max_age_s * 1_000:
        return Dead.EXPIRED
    return None
