"""Twelve ways to break the safety code, each the kind of slip that a review overlooks, and who must notice it.

A sabotage is a few replacements in one file. Where its text is not found any more the code has moved on, and the
sabotage has to be told where to: silence would look like a caught one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Sabotage:
    """`swaps`: text, and what takes its place. `tests`: as pytest names them; one of them has to fail."""

    name: str
    file: str
    swaps: tuple[tuple[str, str], ...]
    tests: tuple[str, ...]

    def misses(self, tree: Path) -> list[str]:
        """Name the texts that are not in the tree exactly once."""
        text = (tree / self.file).read_text()
        return [old for old, _ in self.swaps if text.count(old) != 1]

    def apply(self, tree: Path) -> None:
        assert not self.misses(tree), f"{self.name}: {self.file} has moved on; tell faults/sabotages.py where to"
        path = tree / self.file
        text = path.read_text()
        for old, new in self.swaps:
            text = text.replace(old, new)
        path.write_text(text)


_LUA: Final = "gateway/store/lua"
_ORDER: Final = "tests/store/test_order.py"

ALL: Final = (
    Sabotage(
        name="claim before enqueue",
        file=f"{_LUA}/accept.lua",
        swaps=(
            ("\nlocal is_packing =", "\nlocal work = {}\nlocal is_packing ="),
            ("do call('ZADD', args[q], 'NX', unpack(members, 1, size)) end", "do work[args[q]] = members end"),
            (
                "\nlocal often_at",
                "\nfor q, due in pairs(work) do call('ZADD', q, 'NX', unpack(due)) end\nlocal often_at",
            ),
        ),
        tests=(f"{_ORDER}::test_a_copy_that_could_not_be_scheduled_is_not_claimed",),
    ),
    Sabotage(
        name="acknowledge before fsync",
        file="gateway/store/spool/pen.py",
        swaps=(("            _sync(file)\n", ""),),
        tests=("tests/store/test_spool.py::test_nothing_is_answered_before_the_sync",),
    ),
    Sabotage(
        name="no token check at settle",
        file=f"{_LUA}/settle.lua",
        swaps=(("if not is_ours then", "if false then"),),
        tests=("tests/store/test_machine.py",),
    ),
    Sabotage(
        name="no compare at commit",
        file=f"{_LUA}/commit.lua",
        swaps=(("if state[2] ~= merged then", "if false then"),),
        tests=("tests/store/test_machine.py",),
    ),
    Sabotage(
        name="lifetime on live work",
        file=f"{_LUA}/accept.lua",
        swaps=(("':content:' .. args[at], args[at + 3])", "':content:' .. args[at], args[at + 3], 'PX', 60000)"),),
        tests=("tests/store/test_machine.py",),
    ),
    Sabotage(
        name="settle before send",
        file="gateway/delivery/worker.py",
        swaps=(
            (
                "            verdicts, answer = await self._send(part)\n",
                """            early = Fate(outcome=DELIVERED, at_ms=self._now_ms())
            await self._settle([Settlement(leg=one.leg, kind=Kind.DONE, fate=early) for one in part])
            verdicts, answer = await self._send(part)
""",
            ),
        ),
        tests=("tests/delivery/test_virtual_time.py",),
    ),
    Sabotage(
        name="a batch is refused whole for one event",
        file="gateway/delivery/worker.py",
        swaps=(("if verdict.ruling is Ruling.SPLIT and len(part) > 1:", "if False:"),),
        tests=("tests/delivery/test_worker.py::test_one_bad_event_among_sixteen_costs_ten_requests_at_most",),
    ),
    Sabotage(
        name="no filter by age",
        file="gateway/core/retry.py",
        swaps=(("if now_ms - at_ms > max_age_s * 1_000:", "if False:"),),
        tests=("tests/delivery/test_worker.py::test_an_event_older_than_the_platform_takes_is_never_sent",),
    ),
    Sabotage(
        name="acknowledged although the spool failed",
        file="gateway/store/spool/writer.py",
        swaps=(
            (
                'raise self._refused("full" if err.errno == ENOSPC else os.strerror(err.errno or 0)) from err',
                "return [Segment(self._root, 0, 0)] * len(entries)",
            ),
        ),
        tests=("tests/store/test_spool.py::test_a_failed_sync_is_cut_off_and_the_next_copy_is_taken",),
    ),
    Sabotage(
        name="the wider consent wins",
        file="gateway/core/consent/__init__.py",
        swaps=(("grant, _, name = max(", "grant, _, name = min("),),
        tests=("tests/core/test_merge.py::test_merging_never_widens_consent",),
    ),
    Sabotage(
        name="follow a redirect",
        file="gateway/delivery/sender.py",
        swaps=(("allow_redirects=False", "allow_redirects=True"),),
        tests=("tests/story/test_faults.py::test_a_redirect_is_never_followed",),
    ),
    Sabotage(
        name="remove before add",
        file=f"{_LUA}/commit.lua",
        swaps=(("\nfor _, destination in ipairs(going) do", "\nleave_hold()\nfor _, destination in ipairs(going) do"),),
        tests=(f"{_ORDER}::test_an_act_that_could_not_be_queued_stays_held",),
    ),
)
