"""Who travels together, and what those hear that waited behind a call which nobody answered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from gateway.store.courier import Courier
from gateway.store.errors import Broken, Cut, Unavailable
from tests.fixtures.gateway import wait_until


class Waiter:
    def __init__(self) -> None:
        self.is_gone = False

    def done(self) -> bool:
        return self.is_gone


@dataclass
class Parcel:
    act: str
    answer: Waiter = field(default_factory=Waiter)


class Office:
    """A courier whose calls fail as told, one after the other; then they succeed. `calls`: acts, and the time left.

    `behind`: acts that are brought while the next call is out. `faults`: acts whose telling fails.
    `story`: what was sent, written, answered and told, in its order.
    """

    def __init__(self, *failures: Exception, within_s: float = 60) -> None:
        self._failures = list(failures)
        self._courier: Courier[Parcel, str] = Courier(self._send, self._tell, most=3, within_s=within_s)
        self.calls: list[tuple[list[str], float]] = []
        self.heard: dict[str, object] = {}
        self.behind: list[str] = []
        self.faults: set[str] = set()
        self.story: list[str] = []
        self.out = 0

    def bring(self, *acts: str) -> None:
        for act in acts:
            self._courier.submit(Parcel(act))

    async def hears(self, *acts: str) -> dict[str, object]:
        async def is_heard() -> bool:
            return self.heard.keys() == set(acts)

        assert await wait_until(is_heard)
        return self.heard

    def _send(self, parcels: Sequence[Parcel], within_s: float) -> Awaitable[str]:
        acts = [parcel.act for parcel in parcels]
        self.calls.append((acts, within_s))
        # As a connection does it: whatever is asked in this turn of the loop is written at its end.
        asyncio.get_running_loop().call_soon(self.story.append, f"written {''.join(acts)}")
        self.out += 1
        assert self.out == 1
        return self._answered(len(parcels))

    async def _answered(self, count: int) -> str:
        for _ in range(3):
            await asyncio.sleep(0)
        behind, self.behind = self.behind, []
        self.bring(*behind)
        self.out -= 1
        if self._failures:
            raise self._failures.pop(0)
        return "a" * count

    def _tell(self, told: Iterator[tuple[Parcel, str | Exception]]) -> None:
        for parcel, answer in told:
            assert parcel.act not in self.heard
            self.heard[parcel.act] = answer
            self.story.append(f"told {parcel.act}")
            if parcel.act in self.faults:
                raise RuntimeError(parcel.act)


async def test_who_waits_behind_a_call_that_was_cut_off_goes_on_in_the_time_that_is_left() -> None:
    cut = Cut("connection closed")
    office = Office(cut)
    office.behind = ["c", "d", "e", "f"]

    office.bring("a", "b")

    assert await office.hears(*"abcdef") == {"a": cut, "b": cut} | dict.fromkeys("cdef", "a")
    assert [acts for acts, _ in office.calls] == [["a", "b"], ["c", "d", "e"], ["f"]]
    (_, first_s), (_, second_s), (_, third_s) = office.calls
    assert (first_s, third_s) == (60, 60)
    assert second_s < 60


@pytest.mark.parametrize("silence", [Unavailable("no answer in time"), Broken("wrong type")])
async def test_who_waits_behind_a_call_that_nobody_answered_hears_the_same(silence: Unavailable) -> None:
    office = Office(silence)
    office.behind = ["b", "c", "d", "e"]

    office.bring("a")

    assert await office.hears(*"abcde") == dict.fromkeys("abcde", silence)
    assert len(office.calls) == 1


async def test_nobody_waits_longer_because_one_connection_after_the_other_is_cut() -> None:
    cut = Cut("connection closed")
    office = Office(cut, within_s=0)
    office.behind = ["b"]

    office.bring("a")

    assert await office.hears(*"ab") == dict.fromkeys("ab", cut)
    office.bring("c")
    assert (await office.hears(*"abc"))["c"] == "a"


async def test_a_fault_of_ours_is_heard_by_its_own_batch_alone() -> None:
    fault = RuntimeError("ours")
    office = Office(fault)
    office.behind = ["b"]

    office.bring("a")

    assert await office.hears(*"ab") == {"a": fault, "b": "a"}


async def test_the_next_batch_is_written_before_the_last_ones_answers_are_told() -> None:
    office = Office()
    office.behind = ["c", "d", "e", "f"]

    office.bring("a", "b")

    await office.hears(*"abcdef")
    assert office.story == [
        *("written ab", "written cde", "told a", "told b", "written f", "told c", "told d", "told e", "told f")
    ]


async def test_answers_are_told_in_the_order_of_the_calls_whatever_failed() -> None:
    cut, fault = Cut("connection closed"), RuntimeError("ours")
    office = Office(cut, fault, cut)
    office.behind = [*"bcdefghi"]

    office.bring("a")

    assert await office.hears(*"abcdefghi") == {"a": cut} | dict.fromkeys("bcd", fault) | dict.fromkeys(
        "efg", cut
    ) | dict.fromkeys("hi", "a")
    assert [line for line in office.story if line.startswith("told")] == [f"told {act}" for act in "abcdefghi"]


async def test_a_call_that_cannot_even_be_sent_is_heard_behind_the_answers_before_it() -> None:
    fault = RuntimeError("not sent")
    office = Office()
    answered = office._send

    def refuses(parcels: Sequence[Parcel], within_s: float) -> Awaitable[str]:
        if parcels[0].act == "b":
            raise fault
        return answered(parcels, within_s)

    office._courier._send = refuses
    office.behind = [*"bcde"]

    office.bring("a")

    assert await office.hears(*"abcde") == {"a": "a", "e": "a"} | dict.fromkeys("bcd", fault)
    assert [line for line in office.story if line.startswith("told")] == [f"told {act}" for act in "abcde"]


@pytest.mark.parametrize("behind", ["", "cdef"])
async def test_who_cannot_be_told_costs_no_neighbour_its_answer(behind: str) -> None:
    office = Office()
    office.behind = [*behind]
    office.faults = {"a", "b", "d"}
    reported: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, told: reported.append(str(told["exception"])))

    office.bring("a", "b")

    assert await office.hears(*"ab", *behind) == dict.fromkeys([*"ab", *behind], "a")
    assert reported == [act for act in "abd" if act in "ab" or act in behind]
    office.bring("z")
    await office.hears(*"ab", *behind, "z")


async def test_an_answer_too_few_is_heard_as_a_fault_by_the_whole_batch() -> None:
    office = Office()
    answered = office._answered
    office._answered = lambda count: answered(count - 1)  # type: ignore[method-assign]

    office.bring("a", "b")

    heard = await office.hears(*"ab")
    assert [str(told) for told in heard.values()] == ["1 answers to 2 items"] * 2


async def test_what_was_answered_is_told_though_the_courier_is_cancelled_in_the_next_call() -> None:
    office = Office()
    answered = office._send

    def cancels(parcels: Sequence[Parcel], within_s: float) -> Awaitable[str]:
        call = asyncio.current_task()
        if parcels[0].act == "b" and call is not None:
            asyncio.get_running_loop().call_soon(call.cancel)
        return answered(parcels, within_s)

    office._courier._send = cancels
    office.behind = ["b"]

    office.bring("a")

    assert await office.hears("a") == {"a": "a"}
    office.out = 0  # the second call went with its task
    office.bring("c")
    assert await office.hears(*"ac") == {"a": "a", "c": "a"}


async def test_two_of_one_act_do_not_travel_together_and_who_gave_up_does_not_travel() -> None:
    sent: list[list[Parcel]] = []
    told: list[Parcel] = []

    def send(parcels: Sequence[Parcel], within_s: float) -> Awaitable[str]:
        sent.append([*parcels])
        return asyncio.sleep(0, "a" * len(parcels))

    courier: Courier[Parcel, str] = Courier(
        send, lambda heard: told.extend(who for who, _ in heard), most=3, within_s=1
    )
    first, again, gone, other, further = (Parcel(act) for act in "aaxbc")
    gone.answer.is_gone = True

    for parcel in (first, again, gone, other, further):
        courier.submit(parcel)

    async def are_told() -> bool:
        return len(told) == 4

    assert await wait_until(are_told)
    assert sent == [[first, other, further], [again]]
