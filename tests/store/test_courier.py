"""Who travels together, and what those hear that waited behind a call which nobody answered."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from gateway.store.courier import Courier
from gateway.store.errors import Broken, Cut, Unavailable
from tests.fixtures.gateway import wait_until


@dataclass
class Parcel:
    act: str
    is_wanted: bool = True


class Office:
    """A courier whose calls fail as told, one after the other; then they succeed. `calls`: acts, and the time left."""

    def __init__(self, *failures: Exception, within_s: float = 60) -> None:
        self._failures = list(failures)
        self._courier: Courier[Parcel, str] = Courier(self._run, self._tell, most=3, within_s=within_s)
        self.calls: list[tuple[list[str], float]] = []
        self.heard: dict[str, object] = {}
        self.behind: list[str] = []

    def bring(self, *acts: str) -> None:
        for act in acts:
            self._courier.submit(Parcel(act))

    async def hears(self, *acts: str) -> dict[str, object]:
        async def is_heard() -> bool:
            return self.heard.keys() == set(acts)

        assert await wait_until(is_heard)
        return self.heard

    async def _run(self, parcels: Sequence[Parcel], within_s: float) -> str:
        self.calls.append(([parcel.act for parcel in parcels], within_s))
        await asyncio.sleep(0)
        behind, self.behind = self.behind, []
        self.bring(*behind)
        if self._failures:
            raise self._failures.pop(0)
        return "a" * len(parcels)

    def _tell(self, parcel: Parcel, answer: str | Exception) -> None:
        assert parcel.act not in self.heard
        self.heard[parcel.act] = answer


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
