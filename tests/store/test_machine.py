"""Any order of copies, leases, answers and waits: the store on a real server, beside a model of what it promised.

The model knows acts, wires and legs; it knows nothing of keys and scripts. After every step both must agree on what is
due, what was counted and what became of each act; at the end everything that was acknowledged must have left.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, TypeVar

import msgspec
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from gateway.core.event import Consent, Copy, Grant, Purpose, Veto, Wire
from gateway.core.outcome import Door
from gateway.core.site import Destination
from gateway.store import keys
from gateway.store.counts import HourlyCounts
from gateway.store.database import Database
from gateway.store.keeper import Keeper
from gateway.store.ledger import Ledger
from gateway.store.outcomes import Fate
from gateway.store.queues import Kind, Leg, Queues, Settlement
from tests.fixtures.shop import DENIED, GRANTED, NOW_MS, LateParrot, Parrot, a_plan, a_site, an_event
from tests.fixtures.store import immortals

T = TypeVar("T")

# Hold 30 s, lease 12 s: steps of 13 s never end near either, so the model need not count milliseconds.
STEP_MS: Final = 13_000
HOLD_STEPS: Final = 3
LEASE_STEPS: Final = 1
RETRY_STEPS: Final = 1
RETRY_MS: Final = 8_000
NARROW: Final = msgspec.structs.replace(GRANTED, ad_storage=Grant.DENIED, ad_user_data=Grant.DENIED)
CONSENTS: Final[tuple[Consent, ...]] = (GRANTED, NARROW, DENIED)
"""From the widest to the strictest; the merged act has the strictest of its copies."""
MAY_HAVE: Final = {"ads": 0, "restated": 0, "book": 1}
"""The strictest consent under which a destination may have an act."""
NAMES: Final = ("purchase", "page_view")
PLACES: Final = tuple(MAY_HAVE)
# Which of the things there are, whatever their number.
WHICH: Final = st.integers(0, 1_000)


@dataclass
class LegModel:
    """One act bound for one destination. `due_at`: the step from which it may be lent."""

    status: str = "waiting"
    due_at: int = 0
    token: str = ""

    @property
    def is_open(self) -> bool:
        return self.status == "waiting"


@dataclass
class ActModel:
    name: str
    event_id: str
    state: str = "open"
    due_at: int = 0
    wires: dict[Wire, int] = field(default_factory=dict)
    copy_ids: dict[Wire, tuple[Copy, str]] = field(default_factory=dict)
    legs: dict[str, LegModel] = field(default_factory=dict)

    @property
    def strictest(self) -> int:
        return max(self.wires.values())

    def leave(self, now: int) -> None:
        """Bind the act for whoever may have it."""
        self.state = "out"
        for place in PLACES:
            may = self.strictest <= MAY_HAVE[place]
            self.legs[place] = LegModel("waiting" if may else "skipped:consent", now)


class Machine(RuleBasedStateMachine):
    """Everything asynchronous runs on a loop of the machine's own, against the server at `url`."""

    url: ClassVar[str]
    # Which races were met: one that never comes proves nothing.
    seen: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.database = Database(self.url)
        self.redis: Any = self.database.redis
        self.do(self.redis.flushall())
        self.do(self.database.open())
        plan = _plan()
        told: dict[str, Any] = {
            "now_ms": lambda: NOW_MS,
            "nudge": lambda: None,
            "counted_as": lambda _, event: event,
        }
        self.keeper = Keeper(self.database, lambda: plan, copy_id=self._copy_id, **told)
        self.queues = Queues(self.database, lambda: plan, token=lambda: secrets.token_hex(8), **told)
        self.ledger = Ledger(self.database, lambda: plan, now_ms=lambda: NOW_MS)
        self.counts = HourlyCounts(self.database, lambda: plan, now_ms=lambda: NOW_MS)
        self.now = 0
        self.acts: dict[tuple[str, int], ActModel] = {}
        self.lent: list[Leg] = []
        self.counted: Counter[str] = Counter()
        self.last_copy_id = ""

    def do(self, call: Awaitable[T]) -> T:
        async def wait() -> T:
            return await call

        return self.runner.run(wait())

    def _copy_id(self) -> str:
        self.last_copy_id = secrets.token_hex(16)
        return self.last_copy_id

    # ---- what happens

    @rule(name=st.sampled_from(NAMES), number=st.integers(0, 3), wire=st.sampled_from(Wire), strict=st.integers(0, 2))
    def a_copy_comes(self, name: str, number: int, wire: Wire, strict: int) -> None:
        copy = _copy(name, number, wire, strict)
        (door,) = self.do(self.keeper.keep([copy]))
        assert door == self._expect(name, number, wire, strict, copy)

    @precondition(lambda self: self.acts)
    @rule(which=WHICH)
    def a_copy_is_offered_again(self, which: int) -> None:
        """A spool that is replayed, a command that landed after all: the same copy id tells it from news."""
        known = [copy for _, act in sorted(self.acts.items()) for copy in act.copy_ids.values()]
        copy, copy_id = known[which % len(known)]

        assert self.do(self.keeper.offer(copy, copy_id)) is Door.ACCEPTED

    @precondition(lambda self: self.acts)
    @rule(which=WHICH, wire=st.sampled_from(Wire), strict=st.integers(0, 2))
    def many_come_at_once(self, which: int, wire: Wire, strict: int) -> None:
        """Ten copies of one wire at once change as much as one."""
        name, number = sorted(self.acts)[which % len(self.acts)]
        copy = _copy(name, number, wire, strict)
        doors = self.do(self.keeper.keep([copy] * 10))
        first = self._expect(name, number, wire, strict, copy, copy_id_known=False)
        later = [self._expect(name, number, wire, strict, copy) for _ in range(9)]
        assert sorted(doors) == sorted([first, *later])

    @rule()
    def held_acts_are_released(self) -> None:
        self.do(self.queues.release_held(100))
        for act in self.acts.values():
            if act.state == "open" and act.due_at <= self.now:
                self._seal(act)

    @rule(first=st.sampled_from(Wire), strict=st.integers(0, 2))
    def a_twin_lands_while_its_act_is_merged(self, first: Wire, strict: int) -> None:
        """COMMIT compares and sets: whoever merged without the twin merges again."""
        number = 100 + len(self.acts)
        self.a_copy_comes("purchase", number, first, 0)
        self.time_passes(HOLD_STEPS)
        act, wire = self.acts["purchase", number], Wire.SERVER if first is Wire.BROWSER else Wire.BROWSER
        twin = _copy(act.name, number, wire, strict)
        act_id = self._story_act(act)

        self.do(self._release_while(act_id, twin))

        act.wires[wire], act.copy_ids[wire] = strict, (twin, self.last_copy_id)
        self.counted[f"{act.name} {wire} merged"] += 1
        for other in self._due_to_release():
            self._seal(other)

    @rule(place=st.sampled_from(PLACES))
    def legs_are_lent(self, place: str) -> None:
        loan = self.do(self.queues.lease(place, 100))
        due = {leg_id for leg_id, leg in self._legs(place).items() if leg.is_open and leg.due_at <= self.now}
        lent = {(_event_id(leg), leg.id.endswith(":late")) for leg in loan.legs}
        assert lent == due
        for leg in loan.legs:
            model = self._leg_of(leg)
            model.due_at, model.token = self.now + LEASE_STEPS, leg.token
        self.lent += loan.legs

    @precondition(lambda self: self.lent)
    @rule(kind=st.sampled_from([Kind.DONE, Kind.DEAD, Kind.RETRY, Kind.BACK]), which=WHICH)
    def an_answer_is_written(self, kind: Kind, which: int) -> None:
        """By whoever was lent the leg, however long ago: only the newest loan counts."""
        self._settle(self.lent.pop(which % len(self.lent)), kind)

    @rule(first=st.sampled_from(Wire), strict=st.integers(0, 2), delivered=st.booleans())
    def a_twin_comes_after_its_act_left(self, first: Wire, strict: int, delivered: bool) -> None:
        number = 100 + len(self.acts)
        self.a_copy_comes("page_view", number, first, 0)
        if delivered:
            self.legs_are_lent("restated")
            self._settle(self.lent.pop(), Kind.DONE)
        self.a_copy_comes("page_view", number, Wire.SERVER if first is Wire.BROWSER else Wire.BROWSER, strict)

    @precondition(lambda self: self.lent)
    @rule(kind=st.sampled_from([Kind.DONE, Kind.DEAD, Kind.RETRY, Kind.BACK]), which=WHICH)
    def an_answer_comes_after_its_lease(self, kind: Kind, which: int) -> None:
        """A worker that stood still finds its work lent to another, and its answer moves nothing."""
        leg = self.lent.pop(which % len(self.lent))
        self.time_passes(LEASE_STEPS)
        self.legs_are_lent(leg.destination)
        self._settle(leg, kind)

    @rule(steps=st.integers(1, 3))
    def time_passes(self, steps: int) -> None:
        self.do(self._shift(steps * STEP_MS))
        self.now += steps
        self.nothing_lives_for_ever_but_work()

    @rule(which=WHICH, place=st.sampled_from(PLACES))
    def a_dead_letter_is_replayed(self, which: int, place: str) -> None:
        self.a_copy_comes("page_view", 100 + len(self.acts), Wire.BROWSER, 0)
        self.legs_are_lent(place)
        self._settle(self.lent.pop(), Kind.DEAD)
        dead = self._dead()
        act, place, leg = dead[which % len(dead)]
        leg_id = self._story_act(act) + (":late" if place.endswith(":late") else "")

        assert self.do(self.ledger.letters.replay(place.partition(":")[0], leg_id)) == "revived"

        leg.status, leg.due_at = "waiting", self.now
        act.state = "out"
        self.seen["dead letter replayed"] += 1

    # ---- what must hold, always

    def nothing_lives_for_ever_but_work(self) -> None:
        """Checked when time passes and at the end: it looks at every key there is."""
        assert self.do(immortals(self.database)) == []

    @invariant()
    def no_work_has_a_lifetime(self) -> None:
        """What is not done must not expire before it is, however long a platform is away."""
        assert self.do(self._mortal_work()) == []

    @invariant()
    def what_waits_is_in_its_queue(self) -> None:
        held = sum(act.state == "open" for act in self.acts.values())
        queued = {place: sum(leg.is_open for leg in self._legs(place).values()) for place in PLACES}
        assert self.do(self._waiting()) == {"hold": held, **queued}

    @invariant()
    def what_was_counted_happened(self) -> None:
        rows = self.do(self.counts.totals(NOW_MS))
        door = {
            f"{row['event']} {row['source']} {row['outcome']}": row["count"]
            for row in rows
            if row["source"] != "delivery"
        }
        left = {
            f"{row['event']} {row['destination']} {row['outcome']}": row["count"]
            for row in rows
            if row["source"] == "delivery"
        }
        assert {**door, **left} == {name: often for name, often in self.counted.items() if often}

    def teardown(self) -> None:
        try:
            self._drain()
        finally:
            self.do(self.redis.flushall())
            self.do(self.database.close())
            self.runner.close()

    def _drain(self) -> None:
        """Let everything leave; what was promised must be told as done, and nothing may wait any more."""
        for _ in range(3):
            self.time_passes(HOLD_STEPS)
            self.held_acts_are_released()
            for place in PLACES:
                self.legs_are_lent(place)
                for leg in self.lent:
                    self._settle(leg, Kind.DONE)
                self.lent.clear()
        for act in self.acts.values():
            told = self.do(self.ledger.explain(act.event_id, event=act.name))
            assert told is not None
            outcomes = {row["destination"]: row["outcome"] for row in told["deliveries"] if "late" not in row}
            wanted = {place: leg.status for place, leg in act.legs.items() if not place.endswith(":late")}
            assert {place: outcomes.get(place) for place in wanted} == wanted
        self.what_waits_is_in_its_queue()
        self.what_was_counted_happened()
        self.nothing_lives_for_ever_but_work()

    # ---- the model

    def _expect(
        self, name: str, number: int, wire: Wire, strict: int, copy: Copy, *, copy_id_known: bool = True
    ) -> Door:
        """Say what a copy must be told, and note what becomes of its act."""
        act = self.acts.get((name, number))
        if act is None:
            act = self.acts[name, number] = ActModel(name, copy.event_id)
            act.wires[wire] = strict
            door = Door.ACCEPTED
            if name == "purchase":
                act.due_at = self.now + HOLD_STEPS
            else:
                self._seal(act)
        elif wire in act.wires:
            door = Door.DUPLICATE
        elif act.state == "open":
            act.wires[wire], act.due_at = strict, self.now
            door = Door.MERGED
        else:
            act.wires[wire] = strict
            door = Door.LATE
            self._restate(act, strict)
        if door is not Door.DUPLICATE and copy_id_known:
            act.copy_ids[wire] = (copy, self.last_copy_id)
        self.counted[f"{name} {wire} {door}"] += 1
        return door

    def _restate(self, act: ActModel, strict: int) -> None:
        first = act.legs["restated"].status
        can = act.strictest <= MAY_HAVE["restated"] and strict < CONSENTS.index(DENIED)
        if can and first in ("waiting", "delivered"):
            act.legs["restated:late"] = LegModel("waiting", self.now)
            self.seen["late copy restated"] += 1
            act.state = "out"

    def _seal(self, act: ActModel) -> None:
        act.leave(self.now)
        for place, leg in act.legs.items():
            if not leg.is_open:
                self.counted[f"{act.name} {place} {leg.status}"] += 1

    def _settle(self, leg: Leg, kind: Kind) -> None:
        model = self._leg_of(leg)
        outcome = {Kind.DONE: "delivered", Kind.DEAD: "dead:rejected", Kind.RETRY: "retrying"}.get(kind, "")
        fate = Fate(outcome=outcome, at_ms=NOW_MS, attempts=1) if outcome else None
        wait_ms = RETRY_MS if kind is Kind.RETRY else 0

        self.do(self.queues.settle([Settlement(leg=leg, kind=kind, fate=fate, wait_ms=wait_ms)]))

        if not model.is_open or model.token != leg.token:
            self.seen["answer under a lost lease"] += 1
            return  # lent to somebody else meanwhile, or settled: nothing may move
        model.token = ""
        if kind in (Kind.RETRY, Kind.BACK):
            model.due_at = self.now + (RETRY_STEPS if kind is Kind.RETRY else 0)
            return
        model.status = outcome
        self.counted[f"{_told_of(leg).name} {leg.delivery} {outcome}"] += 1

    def _due_to_release(self) -> list[ActModel]:
        return [act for act in self.acts.values() if act.state == "open" and act.due_at <= self.now]

    def _legs(self, place: str) -> dict[tuple[str, bool], LegModel]:
        """Return the legs of a destination: (event name and id, is late) -> leg."""
        found = {}
        for act in self.acts.values():
            for name, leg in act.legs.items():
                if name.partition(":")[0] == place:
                    found[f"{act.name} {act.event_id}", name.endswith(":late")] = leg
        return found

    def _leg_of(self, leg: Leg) -> LegModel:
        return self._legs(leg.destination)[_event_id(leg), leg.id.endswith(":late")]

    def _dead(self) -> list[tuple[ActModel, str, LegModel]]:
        return [
            (act, place, leg)
            for _, act in sorted(self.acts.items())
            for place, leg in sorted(act.legs.items())
            if leg.status.startswith("dead:")
        ]

    # ---- the server

    def _story_act(self, act: ActModel) -> str:
        from gateway.core.act import names

        copy, _ = next(iter(act.copy_ids.values()))
        return names(copy).own

    async def _release_while(self, act_id: str, twin: Copy) -> None:
        """Release, and let the twin land in the moment between reading the act's copies and sealing them."""
        script: Any = self.database.script
        landed = False

        async def interrupted(name: str, *args: Any, **more: Any) -> Any:
            nonlocal landed
            if name == "commit" and not landed and act_id in repr(args):
                landed = True
                assert await self.keeper.keep([twin]) == [Door.MERGED]
            return await script(name, *args, **more)

        self.database.script = interrupted  # type: ignore[method-assign]
        try:
            await self.queues.release_held(100)
        finally:
            self.database.script = script  # type: ignore[method-assign]
        assert landed, "no act was sealed while we watched"
        self.seen["twin landed while its act was merged"] += 1

    async def _shift(self, by_ms: int) -> None:
        """Let time pass for whatever waits: every queue's scores move towards now."""
        pipeline = self.database.pipeline()
        for key in self._queue_keys():
            for member in await self.redis.zrange(key, 0, -1):
                pipeline.zincrby(key, -by_ms, member)
        await pipeline.execute()

    def _queue_keys(self) -> list[str]:
        shards = range(self.database.shards)
        return [
            *(keys.hold(shard).due for shard in shards),
            *(keys.queue(shard, place).due for shard in shards for place in PLACES),
        ]

    async def _mortal_work(self) -> list[str]:
        working = [
            self._story_act(act)
            for act in self.acts.values()
            if act.state == "open" or any(leg.is_open for leg in act.legs.values())
        ]
        shards = [keys.shard_of(act, self.database.shards) for act in working]
        names = [
            key(shard, act)
            for act, shard in zip(working, shards, strict=True)
            for key in (keys.act, keys.copies, keys.content)
        ]
        pipeline = self.database.pipeline()
        for name in names:
            pipeline.pttl(name)
        return [name for name, left_ms in zip(names, await pipeline.execute(), strict=True) if left_ms >= 0]

    async def _waiting(self) -> dict[str, int]:
        found: Counter[str] = Counter(dict.fromkeys(("hold", *PLACES), 0))
        pipeline = self.database.pipeline()
        for key in self._queue_keys():
            pipeline.zcard(key)
        for key, waiting in zip(self._queue_keys(), await pipeline.execute(), strict=True):
            found[key.rpartition(":")[2]] += waiting
        return dict(found)


def _plan() -> Any:
    analytics = frozenset({Purpose.ANALYTICS_STORAGE})
    return a_plan(
        Destination(name="ads", adapter=Parrot()),
        Destination(name="restated", adapter=LateParrot()),
        Destination(name="book", adapter=Parrot(), consent=analytics),
        site=a_site(destinations=PLACES),
    )


def _copy(name: str, number: int, wire: Wire, strict: int) -> Copy:
    """Make a copy as the door does: one that is denied everywhere is a veto and nothing else."""
    event = an_event(name, f"{name}-{number}", wire, consent=CONSENTS[strict], value=float(number))
    if name == "purchase":
        event = msgspec.structs.replace(event, transaction_id=event.event_id, currency="EUR")
    if CONSENTS[strict] is not DENIED:
        return event
    return Veto(
        site=event.site,
        name=event.name,
        event_id=event.event_id,
        wires=event.wires,
        received_ms=event.received_ms,
        id_made=False,
        consent=DENIED,
        transaction_id=event.transaction_id,
    )


def _event_id(leg: Leg) -> str:
    told = _told_of(leg)
    return f"{told.name} {told.event_id}"


def _told_of(leg: Leg) -> Copy:
    told = leg.event or leg.veto
    assert told is not None, "a leg without its content was lent"
    return told


def test_the_model_and_the_store_meet_in_every_race(valkey_url: str) -> None:
    """Random orders may miss one; here each is played once, on purpose."""
    Machine.url = valkey_url
    Machine.seen.clear()
    machine = Machine()
    try:
        for first in Wire:
            for strict in range(3):
                machine.a_twin_lands_while_its_act_is_merged(first, strict)
                machine.a_twin_comes_after_its_act_left(first, strict, delivered=strict == 0)
        for kind in (Kind.DONE, Kind.DEAD, Kind.RETRY, Kind.BACK):
            machine.legs_are_lent("ads")
            machine.an_answer_comes_after_its_lease(kind, 0)
            machine.time_passes(LEASE_STEPS)
        machine.a_dead_letter_is_replayed(0, "book")
        machine.no_work_has_a_lifetime()
        machine.what_waits_is_in_its_queue()
        machine.what_was_counted_happened()
    finally:
        machine.teardown()

    assert set(Machine.seen) == {
        "twin landed while its act was merged",
        "dead letter replayed",
        "late copy restated",
        "answer under a lost lease",
    }


def test_no_order_of_things_breaks_the_stores_promise(valkey_url: str) -> None:
    Machine.url = valkey_url

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=15,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=True,
            # Shrinking asks the server a thousand times more; the order that fails is printed as it was.
            phases=(Phase.explicit, Phase.generate),
        ),
    )
