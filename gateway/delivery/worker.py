"""One destination's road: lease what is due, ask consent again, translate, send, and settle by the platform's verdict.

Every leg that was leased ends in one settlement or comes due again by itself; nothing here can lose one. Clock and
dice are thrown here and handed on as numbers.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec
import structlog

from gateway.core import retry
from gateway.core.adapter import Response, Ruling, Verdict
from gateway.core.mask import mask, private_values
from gateway.core.outcome import DELIVERED, Dead, Pending, dead
from gateway.core.plan import Plan
from gateway.core.rules import note
from gateway.core.site import Destination
from gateway.delivery.concurrency import Concurrency
from gateway.delivery.follow import Follower
from gateway.delivery.gate import Gate, State
from gateway.delivery.rate import Allowance, Pace
from gateway.delivery.sender import NoAnswer, NoToken, Sender, may_have_arrived
from gateway.delivery.translate import Packed, Translator
from gateway.store.errors import Unavailable
from gateway.store.ledger import Ledger
from gateway.store.outcomes import Fate
from gateway.store.queues import LEASE_MS, Kind, Leg, Queues, Settlement
from gateway.store.tally import Tally

log = structlog.get_logger()

# Of a flood only a share is shown: what is kept of each delivery costs more than the delivery.
SAMPLES_PER_S: Final = 25
_SAMPLES_AT_ONCE: Final = 200
# Older than this, what is due is more than can be sent: what expires first goes first, chosen among so many batches.
BEHIND_MS: Final = 60_000
CHOICE: Final = 10
# A gateway that takes hits elsewhere cannot nudge us: look this often.
POLL_MS: Final = 250
_RENEW_S: Final = LEASE_MS / 3_000
_STORE_AWAY_S: Final = 0.5
# After so many legs whoever else is in this process gets a turn: translating one holds the loop for 50 to 150 us, and a
# hit that comes meanwhile is waiting for its answer.
_TURN: Final = 25


class Worker:
    """Delivers one destination's queue until told to stop."""

    def __init__(
        self,
        destination: Destination,
        sender: Sender,
        queues: Queues,
        ledger: Ledger,
        tally: Tally,
        plan: Callable[[], Plan],
        *,
        now_ms: Callable[[], int],
        dice: Callable[[], float],
        pace: Pace | None = None,
        follower: Follower | None = None,
    ) -> None:
        self.destination = destination
        self.gate = Gate()
        self._sender = sender
        self._queues = queues
        self._ledger = ledger
        self._tally = tally
        self._plan = plan
        self._now_ms = now_ms
        self._dice = dice
        self._pace, self._follower = pace, follower
        self._translator = Translator(destination, plan, now_ms=now_ms)
        self._concurrency = Concurrency()
        self._samples = Allowance(SAMPLES_PER_S, _SAMPLES_AT_ONCE)
        self._is_behind = False
        self._nudged = asyncio.Event()
        self._freed = asyncio.Event()
        self._out = 0
        self._stop = asyncio.Event()
        self._said: tuple[State, str] | None = None

    def nudge(self) -> None:
        """Tell that work may have come."""
        self._nudged.set()

    def stop(self) -> None:
        """Lease nothing more; what is out is finished or handed back."""
        self._stop.set()
        self._nudged.set()

    async def run(self) -> None:
        async with self._sender, asyncio.TaskGroup() as batches:
            if self._follower is not None:
                batches.create_task(self._follower.run(self._sender, self._stop), name="follow")
            while not self._stop.is_set():
                self._freed.clear()
                if self._out >= self._concurrency.allowed:
                    await self._freed.wait()
                    continue
                legs = await self._borrow()
                if legs:
                    self._out += 1
                    batches.create_task(self._work_and_free(legs), name=f"batch:{self.destination.name}")

    async def _borrow(self) -> tuple[Leg, ...]:
        """Lease a batch when the gate is open; sleep while there is nothing to do. Returns what was leased."""
        now_ms, wanted = self._now_ms(), self.destination.max_events
        most = self.gate.most(now_ms, wanted)
        probing = most == 1 and wanted > 1
        if most == 0:
            await self._sleep(max(10, min(self.gate.shut_until_ms - now_ms, POLL_MS)), wakes=False)
            return ()
        if probing and self._out > 0:  # one probe at a time: its end is what there is to wait for
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_MS / 1_000):
                    await self._freed.wait()
            return ()
        self._nudged.clear()
        try:
            choice = most * CHOICE if self._is_behind else 0
            max_age_s = self.destination.adapter.max_age_s
            loan = await self._queues.lease(self.destination.name, most, choice=choice, max_age_s=max_age_s)
        except Unavailable as err:
            log.warning("store.unavailable", doing="lease", destination=self.destination.name, reason=str(err))
            await self._sleep(int(_STORE_AWAY_S * 1_000), wakes=False)
            return ()
        except Exception:
            # A fault of ours in one lease must not end the destination's worker.
            log.exception("lease.failed", destination=self.destination.name)
            await self._sleep(int(_STORE_AWAY_S * 1_000), wakes=False)
            return ()
        self._is_behind = any(leg.event and now_ms - leg.event.received_ms > BEHIND_MS for leg in loan.legs)
        if not loan.legs:
            woken = await self._sleep(min(POLL_MS if loan.next_ms is None else loan.next_ms, POLL_MS), wakes=True)
            if woken:  # the first of several: let the others catch up
                await self._sleep(self.destination.max_wait_ms, wakes=False)
        return loan.legs

    async def _sleep(self, wait_ms: int, *, wakes: bool) -> bool:
        """Sleep, at most until told to stop (or, with `wakes`, until nudged); returns whether we were nudged."""
        signal = self._nudged if wakes else self._stop
        try:
            async with asyncio.timeout(max(wait_ms, 1) / 1_000):
                await signal.wait()
        except TimeoutError:
            return False
        return wakes

    async def _work_and_free(self, legs: tuple[Leg, ...]) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                keeping = group.create_task(self._keep_lease(legs), name="keep-lease")
                await self._work(legs)
                keeping.cancel()
        except* Unavailable as err:
            # Nothing is lost: the leases run out and the same content goes again under the same id.
            reason = str(err.exceptions[0])
            log.warning("store.unavailable", doing="settle", destination=self.destination.name, reason=reason)
            await self._sleep(int(_STORE_AWAY_S * 1_000), wakes=False)
        except* Exception:
            log.exception("delivery.failed", destination=self.destination.name, legs=len(legs))
        finally:
            self._out -= 1
            self._freed.set()

    async def _keep_lease(self, legs: Sequence[Leg]) -> None:
        while True:
            await asyncio.sleep(_RENEW_S)
            try:
                await self._queues.renew(legs)
            except Unavailable:
                continue

    async def _work(self, legs: Sequence[Leg]) -> None:
        lanes: dict[str, list[Packed]] = {}
        settled: list[Settlement] = []
        for start in range(0, len(legs), _TURN):
            if start:
                await asyncio.sleep(0)
            for told in self._translator.translate(legs[start : start + _TURN]):
                if isinstance(told, Packed):
                    lanes.setdefault(told.payload.lane, []).append(told)
                else:
                    settled.append(told)
        await self._settle(settled)
        most = self.destination.max_events
        for packed_legs in lanes.values():
            for start in range(0, len(packed_legs), most):
                await self._deliver(packed_legs[start : start + most])
        await self._say_state()

    async def _deliver(self, batch: Sequence[Packed]) -> None:
        """Send a batch; where the platform refuses it whole without naming the row, send halves."""
        parts = [list(batch)]
        while parts:
            part = parts.pop()
            if self._stop.is_set() or self.gate.most(self._now_ms(), len(part)) < len(part):
                # Told to stop, or the gate shut while we were splitting: nothing was sent of these.
                await self._settle([Settlement(leg=packed.leg, kind=Kind.BACK) for packed in part])
                continue
            verdicts, answer = await self._send(part)
            if self._follower is not None:
                await self._follower.note([packed.leg for packed in part], verdicts, answer)
            again, judged = [], list(zip(part, verdicts, strict=True))
            if Ruling.SPLIT in {verdict.ruling for verdict in _distinct(verdicts)}:
                judged = []
                for packed, verdict in zip(part, verdicts, strict=True):
                    if verdict.ruling is Ruling.SPLIT and len(part) > 1:
                        again.append(packed)
                    else:
                        judged.append((packed, verdict))
            settled: list[Settlement] = []
            for start in range(0, len(judged), _TURN):
                if start:
                    await asyncio.sleep(0)
                settled += self._settlements(judged[start : start + _TURN], answer)
            await self._settle(settled)
            await self._keep_samples(self._chosen(judged), answer)
            if 0 < len(again) < len(part):  # the bad rows were named and are out
                parts.append(again)
            elif again:
                middle = len(again) // 2
                parts += [again[middle:], again[:middle]]

    async def _send(self, part: Sequence[Packed]) -> tuple[list[Verdict], Response | NoAnswer | NoToken]:
        if self._pace is not None:
            await self._pace.turn()
        request = self.destination.adapter.request([packed.payload for packed in part])
        began_ms = self._now_ms()
        answer = await self._sender.send(request)
        ended_ms = self._now_ms()
        self._tally.requests.labels(self.destination.name).observe((ended_ms - began_ms) / 1_000)
        verdicts = self._read(answer, len(part))
        self._move_gate(verdicts)
        if self.gate.state is State.OK:
            self._concurrency.answered(began_ms / 1_000, ended_ms / 1_000, out=self._out)
        else:
            self._concurrency.failed(began_ms / 1_000, ended_ms / 1_000)
        return verdicts, answer

    def _read(self, answer: Response | NoAnswer | NoToken, count: int) -> list[Verdict]:
        match answer:
            case Response():
                if 300 <= answer.status < 400:
                    return [Verdict(ruling=Ruling.REJECTED, reason=f"redirect_{answer.status}")] * count
                return self.destination.adapter.verdicts(answer, count)
            case NoAnswer(reason=reason):
                return [Verdict(ruling=Ruling.RETRY, reason=reason)] * count
            case NoToken(reason=reason, refused=refused):
                return [Verdict(ruling=Ruling.HALT if refused else Ruling.RETRY, reason=reason)] * count

    def _move_gate(self, verdicts: Sequence[Verdict]) -> None:
        now_ms = self._now_ms()
        distinct = _distinct(verdicts)
        by_gravity = (Ruling.HALT, Ruling.THROTTLED, Ruling.RETRY, Ruling.ACCEPTED)
        worst = next((verdict for ruling in by_gravity for verdict in distinct if verdict.ruling is ruling), None)
        match worst:
            case Verdict(ruling=Ruling.HALT, reason=reason):
                self.gate.halt(reason, now_ms)
            case Verdict(ruling=Ruling.THROTTLED, reason=reason, retry_after_s=retry_after_s):
                self.gate.rest(reason, now_ms, self._dice(), retry_after_s)
            case Verdict(ruling=Ruling.ACCEPTED, reason=reason, retry_after_s=int() as rest_s):
                self.gate.eased(reason, now_ms, rest_s)
            case Verdict(ruling=Ruling.RETRY, reason=reason):
                self.gate.failed(reason, now_ms)
            case _:
                self.gate.worked()

    def _settlements(
        self, judged: Sequence[tuple[Packed, Verdict]], answer: Response | NoAnswer | NoToken
    ) -> list[Settlement]:
        verdicts = _distinct([verdict for _, verdict in judged])
        if len(verdicts) == 1 and verdicts[0].ruling is Ruling.ACCEPTED:
            return self._translator.delivered([packed.leg for packed, _ in judged], verdicts[0].reason)
        maybe = may_have_arrived(answer)
        return [self._settlement(packed, verdict, maybe=maybe) for packed, verdict in judged]

    def _settlement(self, packed: Packed, verdict: Verdict, *, maybe: bool) -> Settlement:
        """Turn the verdict on one leg into what is written of it. `maybe`: the platform may have taken it."""
        leg, reason = packed.leg, verdict.reason
        attempts = (leg.fate.attempts if leg.fate else 0) + 1
        match verdict.ruling:
            case Ruling.ACCEPTED:
                return self._translator.end(leg, Kind.DONE, DELIVERED, reason)
            case Ruling.REJECTED if reason.startswith("redirect_"):
                return self._translator.end(leg, Kind.DEAD, dead(Dead.REDIRECT), reason)
            case Ruling.REJECTED | Ruling.SPLIT:
                return self._translator.end(leg, Kind.DEAD, dead(Dead.REJECTED), reason)
            case Ruling.THROTTLED | Ruling.HALT:
                return Settlement(leg=leg, kind=Kind.BACK)
            case Ruling.RETRY:
                maybe_ms, sent = (leg.fate.maybe_ms, leg.fate.sent) if leg.fate else (None, None)
                if maybe_ms is None and maybe:
                    maybe_ms, sent = self._now_ms(), packed.digest()
                if maybe_ms is not None and self.destination.mode == "at_most_once":
                    return self._translator.end(leg, Kind.DEAD, dead(Dead.UNKNOWN_OUTCOME), reason)
                fate = Fate(
                    outcome=Pending.RETRYING,
                    reason=reason,
                    attempts=attempts,
                    at_ms=self._now_ms(),
                    maybe_ms=maybe_ms,
                    sent=sent,
                )
                wait_ms = retry.wait_ms(attempts, self._dice(), verdict.retry_after_s)
                return Settlement(leg=leg, kind=Kind.RETRY, fate=fate, wait_ms=wait_ms)

    async def _settle(self, settlements: Sequence[Settlement]) -> None:
        if not settlements:
            return
        await self._queues.settle(settlements)
        postponed = Kind.RETRY
        alike: dict[tuple[bool, bool, str, str, str, str], list[Settlement]] = {}
        for settlement in settlements:
            leg, fate = settlement.leg, settlement.fate
            if fate is None:
                continue
            event = leg.event or leg.veto
            site, name = (event.site, event.name) if event else ("-", "-")
            # A restatement's id has a colon; `delivery` is dear to ask of every leg.
            kind = (settlement.kind is postponed, ":" in leg.id, site, name, fate.outcome, fate.reason)
            if kind in alike:
                alike[kind].append(settlement)
            else:
                alike[kind] = [settlement]
        legs: Counter[tuple[bool, str, str, str, str]] = Counter()
        for (is_postponed, _, site, name, outcome, reason), told in alike.items():
            fates = [settlement.fate for settlement in told if settlement.fate is not None]
            ids = (settlement.leg.event.event_id if settlement.leg.event else "-" for settlement in told)
            self._tally.deliveries(told[0].leg.delivery, site, name, fates, ids)
            legs[is_postponed, site, name, outcome, reason] += len(told)
        for (is_postponed, site, name, outcome, reason), often in legs.items():
            said = {"destination": self.destination.name, "site": site, "event_name": name, "outcome": outcome}
            if is_postponed:
                log.info("delivery.postponed", **said, reason=reason, legs=often)
            else:
                log.info("delivery.settled", **said, reason=reason, legs=often)

    def _chosen(self, judged: Sequence[tuple[Packed, Verdict]]) -> list[Packed]:
        """Choose the calls that are kept to be shown: of what was taken a share, of what was refused everything."""
        shown, now_ms, has_room, accepted = [], self._now_ms(), True, Ruling.ACCEPTED
        for packed, verdict in judged:
            if verdict.ruling is accepted:
                has_room = has_room and self._samples.take(now_ms)
                if has_room:
                    shown.append(packed)
            elif verdict.ruling in (Ruling.REJECTED, Ruling.SPLIT):
                shown.append(packed)
        return shown

    async def _keep_samples(self, told: Sequence[Packed], answer: Response | NoAnswer | NoToken) -> None:
        if not told:
            return
        private = [private_values(packed.event) for packed in told]
        # One answer to all of them: what any of them must not show, none shows.
        response = _shown(answer, frozenset().union(*private))
        said = []
        for place, (packed, hide) in enumerate(zip(told, private, strict=True)):
            if place % _TURN == _TURN - 1:
                await asyncio.sleep(0)
            payload = packed.payload
            sample = {"request": mask(dict(payload.body), hide), "response": response, "lane": payload.lane}
            said.append((packed.leg, {**sample, **note(packed.event, self.destination)}))
        await self._ledger.keep_samples(said)

    async def _say_state(self) -> None:
        """Write the state where every process reads it, when it changed."""
        said = (self.gate.state, self.gate.reason)
        if said == self._said:
            return
        fields: dict[str, str | int] = {"state": self.gate.state.value, "reason": self.gate.reason}
        if self.gate.reason:
            fields |= {"last_error": self.gate.reason, "last_error_ms": self._now_ms()}
        await self._ledger.say(self.destination.name, **fields)
        level = log.error if self.gate.state is State.PAUSED else log.info
        level("destination.changed", destination=self.destination.name, state=self.gate.state, reason=self.gate.reason)
        self._said = said


def _distinct(verdicts: Sequence[Verdict]) -> Sequence[Verdict]:
    """Return what there is to look at: most platforms rule on a whole request, and then that is one verdict."""
    return verdicts[:1] if verdicts and verdicts.count(verdicts[0]) == len(verdicts) else verdicts


def _shown(answer: Response | NoAnswer | NoToken, hide: frozenset[str]) -> Any:
    if not isinstance(answer, Response):
        return {"error": answer.reason}
    body = answer.json()
    if body is None:
        body = answer.body[:1_000].decode("utf-8", "replace")
    return {"status": answer.status, "body": mask(msgspec.to_builtins(body), hide)}
