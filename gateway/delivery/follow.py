"""What became of a request that a platform took first and judges later: asked about, written down, and acted on.

Receipts lie in Redis, so a question survives a restart; each is asked by one process at a time. An event that the
platform could not use yet goes back into its destination's queue, where consent is asked again, and out once more under
the same id. Never enters: what an answer means (the adapter's), the keys (the store's).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from typing import Final

import structlog

from gateway.core.adapter import Followed, Following, Response, Ruling, Verdict
from gateway.core.event import Event
from gateway.core.site import Destination
from gateway.core.view import View
from gateway.delivery.rate import Pace
from gateway.delivery.sender import NoAnswer, NoToken, Sender
from gateway.store.errors import Unavailable
from gateway.store.queues import Leg
from gateway.store.receipts import Receipt, Receipts
from gateway.store.tally import Tally

log = structlog.get_logger()

# Receipts that another process kept become due without a word to us.
POLL_MS: Final = 15_000
_STORE_AWAY_MS: Final = 5_000
# Each question waits longer than the one before, up to twice the first wait: for Google 30 minutes, then up to an hour.
_GROWTH: Final = 1.3
_LONGEST: Final = 2.0
# A share of each wait is drawn, so that the receipts of one busy minute do not come due in step for ever.
_JITTER: Final = 0.1
# Sent again after "too recent" this often; with six hours between, a click has had a day.
AGAIN_AT_MOST: Final = 3
# What is written of a request when the platform gave no answer until the last question.
_UNANSWERED: Final = "UNANSWERED"


class Follower:
    """Follows one destination's requests. `note` is for the worker that sends them, `run` for a task beside it."""

    def __init__(
        self,
        destination: Destination,
        adapter: Following,
        receipts: Receipts,
        tally: Tally,
        pace: Pace | None,
        *,
        now_ms: Callable[[], int],
        dice: Callable[[], float],
    ) -> None:
        self._destination = destination
        self._adapter = adapter
        self._view = View(destination.adapter.manifest)
        self._receipts = receipts
        self._tally = tally
        self._pace = pace
        self._now_ms = now_ms
        self._dice = dice

    async def note(
        self, legs: Sequence[Leg], verdicts: Sequence[Verdict], answer: Response | NoAnswer | NoToken
    ) -> None:
        """Keep the receipt of a request that was taken. What it may tell is worth less than the delivery: never raises.

        To be called before the legs are settled: a crash in between sends them again, under a newer receipt.
        """
        if not isinstance(answer, Response) or any(one.ruling is not Ruling.ACCEPTED for one in verdicts):
            return
        name = self._adapter.receipt(answer)
        if name is None:
            return
        try:
            await self._receipts.keep(self._destination.name, name, [leg.id for leg in legs], self._wait_ms(0))
        except Unavailable as err:
            log.warning("receipt.lost", destination=self._destination.name, legs=len(legs), reason=str(err))

    async def run(self, sender: Sender, stop: asyncio.Event) -> None:
        """Ask about one receipt after the other, when it is time, until told to stop."""
        while not stop.is_set():
            try:
                found = await self._receipts.look(self._destination.name)
                if isinstance(found, Receipt):
                    await self._ask(found, sender)
                    continue
                wait_ms = POLL_MS if found is None else min(found, POLL_MS)
            except Unavailable as err:
                log.warning("store.unavailable", doing="follow", destination=self._destination.name, reason=str(err))
                wait_ms = _STORE_AWAY_MS
            except Exception:
                # A fault of ours about one receipt must not end the worker; its lease runs out and it comes again.
                log.exception("follow.failed", destination=self._destination.name)
                wait_ms = _STORE_AWAY_MS
            with suppress(TimeoutError):
                async with asyncio.timeout(max(wait_ms, 1) / 1_000):
                    await stop.wait()

    async def _ask(self, receipt: Receipt, sender: Sender) -> None:
        if self._pace is not None:
            await self._pace.turn()
        answer = await sender.send(self._adapter.follow(receipt.name))
        followed = self._adapter.followed(answer) if isinstance(answer, Response) else None
        if followed is None:
            reason = f"http_{answer.status}" if isinstance(answer, Response) else answer.reason
            log.warning("receipt.unanswered", destination=self._destination.name, reason=reason, asked=receipt.asked)
            followed = Followed(is_final=False, status="")
        is_over = self._now_ms() - receipt.sent_ms > self._adapter.follow_for_s * 1_000
        if not followed.is_final and not is_over:
            await self._receipts.tell(
                receipt, wait_ms=self._wait_ms(receipt.asked + 1), status=followed.status, counts=followed.counts
            )
            return
        await self._end(receipt, followed)

    async def _end(self, receipt: Receipt, followed: Followed) -> None:
        """Write the last word, after what has to go again went: a crash in between repeats it, and finds it waiting."""
        name = self._destination.name
        again = await self._again(receipt, followed)
        counts = dict(followed.counts) or {followed.status or _UNANSWERED: len(receipt.legs)}
        status = followed.status if followed.is_final else followed.status or _UNANSWERED
        if not await self._receipts.tell(receipt, wait_ms=None, status=status, counts=counts, rows=followed.rows):
            return
        for code, often in counts.items():
            self._tally.followed(name, code, often)
        log.info("receipt.told", destination=name, status=status, counts=counts, again=again, asked=receipt.asked + 1)

    async def _again(self, receipt: Receipt, followed: Followed) -> int:
        """Put back what the platform could not use yet; returns how many legs that were."""
        if self._destination.mode == "at_most_once":
            return 0
        went = 0
        for code, wait_s in followed.again.items():
            async for row, event in self._meant(receipt, followed, code):
                said = await self._receipts.again(
                    receipt, row, event, reason=code, wait_ms=wait_s * 1_000, at_most=AGAIN_AT_MOST
                )
                went += said == "again"
                if said in ("enough", "lost"):
                    log.warning("receipt.given_up", destination=self._destination.name, reason=code, why=said)
        return went

    async def _meant(self, receipt: Receipt, followed: Followed, code: str) -> AsyncIterator[tuple[int, Event]]:
        """Yield the legs that a code is about: by their places, else those that it may mean."""
        named = [row for row, told in followed.rows.items() if told == code and row < len(receipt.legs)]
        for row in named or [row for row in range(len(receipt.legs)) if row not in followed.rows]:
            event = await self._receipts.event(receipt.legs[row])
            if event is not None and (named or self._adapter.concerns(self._view.of(event), code, receipt.sent_ms)):
                yield row, event

    def _wait_ms(self, asked: int) -> int:
        """Return how long to wait before the next question, after this many."""
        bound_s = self._adapter.follow_after_s * min(_GROWTH**asked, _LONGEST)
        return int(bound_s * 1_000 * (1 + _JITTER * self._dice()))
