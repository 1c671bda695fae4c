"""What lies in the spool comes back, whatever happens to the file, the disk or the process."""

from __future__ import annotations

import asyncio
import os
import resource
import secrets
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.store.errors import Unavailable
from gateway.store.spool import folders, segment
from gateway.store.spool.segment import Entry
from gateway.store.spool.writer import Segment, Spool

SALT = b"saltsalt"
copies = st.builds(
    Entry, st.binary(min_size=16, max_size=16).map(bytes.hex), st.binary(min_size=1, max_size=60)
)  # fmt: skip


def written(entries: list[Entry]) -> bytes:
    return segment.head(SALT) + segment.records(entries, SALT, 7)


def is_subsequence(part: tuple[Entry, ...], whole: list[Entry]) -> bool:
    rest = iter(whole)
    return all(entry in rest for entry in part)


# ---- the format


@given(st.lists(copies, max_size=12))
def test_what_was_written_is_read_back(entries: list[Entry]) -> None:
    assert segment.read(written(entries)) == segment.Reading(tuple(entries), 0)
    assert len(written(entries)) == segment.HEAD_BYTES + segment.size(entries)


@given(st.lists(copies, min_size=1, max_size=8), st.data())
def test_a_torn_file_gives_every_record_before_the_tear(entries: list[Entry], data: st.DataObject) -> None:
    whole = written(entries)
    length = data.draw(st.integers(segment.HEAD_BYTES, len(whole)))
    ends = [len(written(entries[:count])) for count in range(len(entries) + 1)]

    reading = segment.read(whole[:length])

    assert reading.entries == tuple(entries[: sum(end <= length for end in ends) - 1])
    assert reading.damaged == 0


@given(st.binary(max_size=segment.HEAD_BYTES))
def test_a_file_without_a_whole_head_holds_nothing(data: bytes) -> None:
    assert segment.read(data).entries == ()


@settings(max_examples=60)
@given(st.lists(copies, min_size=1, max_size=6), st.data())
def test_a_flipped_bit_costs_one_record_at_most_and_invents_none(entries: list[Entry], data: st.DataObject) -> None:
    damaged = bytearray(written(entries))
    at = data.draw(st.integers(0, len(damaged) * 8 - 1))
    damaged[at // 8] ^= 1 << (at % 8)

    reading = segment.read(bytes(damaged))

    assert len(reading.entries) >= len(entries) - 1
    assert is_subsequence(reading.entries, entries)


def test_every_single_bit_of_a_small_segment_may_flip() -> None:
    entries = [Entry(secrets.token_hex(16), bytes([number]) * 5) for number in range(4)]
    whole = written(entries)
    for at in range(len(whole) * 8):
        damaged = bytearray(whole)
        damaged[at // 8] ^= 1 << (at % 8)

        read = segment.read(bytes(damaged)).entries

        assert len(read) >= 3, at
        assert is_subsequence(read, entries), at


def test_damage_in_the_middle_is_told_and_a_torn_end_is_not() -> None:
    entries = [Entry(secrets.token_hex(16), b"x" * 20) for _ in range(3)]
    whole = bytearray(written(entries))
    whole[len(written(entries[:1])) + 30] ^= 1

    assert segment.read(bytes(whole)).damaged == 1
    assert segment.read(written(entries)[:-3]).damaged == 0


@given(st.lists(copies, min_size=1, max_size=6), st.integers(0, 400))
def test_zeros_never_become_a_record(entries: list[Entry], zeros: int) -> None:
    assert segment.read(written(entries) + b"\0" * zeros).entries == tuple(entries)
    with pytest.raises(segment.UnknownVersion):
        segment.read(b"\0" * segment.HEAD_BYTES + written(entries)[segment.HEAD_BYTES :])


def test_a_record_inside_a_record_is_not_found() -> None:
    """A visitor cannot plant one: the salt of the file is in its checksum."""
    planted = segment.records([Entry("ee" * 16, b"planted")], b"othersal", 8)
    entries = [Entry("aa" * 16, b"before"), Entry("bb" * 16, SALT[:4] + planted[4:] + b"tail")]
    damaged = bytearray(written(entries))
    damaged[len(written(entries[:1]))] ^= 1

    assert segment.read(bytes(damaged)).entries == (entries[0],)


def test_a_segment_of_another_release_is_not_guessed_at() -> None:
    other = bytearray(written([Entry("aa" * 16, b"x")]))
    other[7] = other[7 + segment.HEAD_BYTES // 2] = segment.VERSION + 1

    with pytest.raises(segment.UnknownVersion):
        segment.read(bytes(other))


# ---- the files


@pytest.fixture
async def spool(tmp_path: Path) -> AsyncIterator[Spool]:
    opened = Spool(tmp_path / "spool", floor_bytes=0)
    yield opened
    await opened.close(None)


def on_disk(root: Path) -> list[Entry]:
    return [entry for path in files(root) for entry in segment.read(path.read_bytes()).entries]


def files(root: Path) -> list[Path]:
    return sorted(root.rglob("*.seg"))


def left_in(root: Path) -> list[Path]:
    return list(root.iterdir())


async def fill(spool: Spool, count: int, size: int = 300) -> list[Entry]:
    entries = [Entry(secrets.token_hex(16), secrets.token_bytes(size)) for _ in range(count)]
    await asyncio.gather(*(spool.append(*entry) for entry in entries))
    return entries


async def test_whoever_has_the_answer_finds_the_copy_on_disk(spool: Spool, tmp_path: Path) -> None:
    entries = await fill(spool, 1_000)

    assert on_disk(tmp_path) == entries
    assert spool.owed == 1_000


async def test_only_its_owner_can_read_the_spool(spool: Spool, tmp_path: Path) -> None:
    await fill(spool, 1)

    (file,) = files(tmp_path)
    modes = [stat.S_IMODE(place.stat().st_mode) for place in (file, file.parent, file.parent.parent)]
    assert modes == [0o600, 0o700, 0o700]


async def test_copies_of_one_moment_share_a_sync(spool: Spool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    syncs = []
    sync = os.fdatasync

    def counting(file: int) -> None:
        syncs.append(file)
        sync(file)

    monkeypatch.setattr("gateway.store.spool.pen._sync", counting)

    await fill(spool, 500)

    assert len(on_disk(tmp_path)) == 500
    assert len(syncs) <= 3


async def test_nothing_is_answered_before_the_sync(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("gateway.store.spool.pen._sync", failing)

    with pytest.raises(Unavailable):
        await spool.append("aa" * 16, b"x")


async def test_a_failed_sync_is_cut_off_and_the_next_copy_is_taken(
    spool: Spool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (before,) = await fill(spool, 1)
    sync, faults = os.fdatasync, [OSError(5, "Input/output error")]

    def failing_once(file: int) -> None:
        if faults:
            raise faults.pop()
        sync(file)

    monkeypatch.setattr("gateway.store.spool.pen._sync", failing_once)
    with pytest.raises(Unavailable):
        await spool.append("aa" * 16, b"lost")

    (after,) = await fill(spool, 1)

    assert on_disk(tmp_path) == [before, after]
    assert len(files(tmp_path)) == 2  # a file that failed to sync is not written again


@contextmanager
def files_up_to(size_bytes: int) -> Iterator[None]:
    """Let writes of this process fail beyond a size, as a full disk would: with a part of the batch written."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


async def test_a_write_that_ends_in_the_middle_leaves_what_was_answered(spool: Spool, tmp_path: Path) -> None:
    kept = await fill(spool, 3)
    with files_up_to(2_000):
        with pytest.raises(Unavailable):
            await fill(spool, 20)
        kept += await fill(spool, 2)

    kept += await fill(spool, 20)

    assert on_disk(tmp_path) == kept


async def overfill(spool: Spool, kept: list[Entry]) -> None:
    for _ in range(40):
        kept += await fill(spool, 50)


async def test_a_full_disk_refuses_and_recovers(tmp_path: Path) -> None:
    """On a file system of its own, where the test may mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk], capture_output=True)  # noqa: ASYNC221
    if mounted.returncode != 0:
        pytest.skip("no right to mount a file system: the limit on a file's size above has to do")
    spool = Spool(disk / "spool", floor_bytes=0)
    try:
        kept = await fill(spool, 100)
        with pytest.raises(Unavailable):
            await overfill(spool, kept)
        assert not spool.can_take()
        subprocess.run(["mount", "-o", "remount,size=4m", disk], check=True)  # noqa: ASYNC221

        kept += await fill(spool, 50)

        assert spool.can_take()
        assert set(kept) <= set(on_disk(disk))
    finally:
        await spool.close(None)
        subprocess.run(["umount", disk], check=True)  # noqa: ASYNC221


async def test_beyond_its_cap_the_spool_refuses_until_there_is_room(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", max_bytes=2_000, floor_bytes=0)
    await fill(spool, 5)
    with pytest.raises(Unavailable):
        await spool.append("aa" * 16, b"x" * 1_000)
    await spool.roll()
    (place,) = spool.segments()
    await spool.drop(place)

    await spool.append("aa" * 16, b"x" * 1_000)

    assert spool.can_take()
    await spool.close(None)


async def test_the_last_free_bytes_of_a_disk_belong_to_others(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", floor_bytes=1 << 60)

    with pytest.raises(Unavailable):
        await spool.append("aa" * 16, b"x")

    assert not spool.can_take()
    await spool.close(None)


async def test_a_folder_that_was_removed_is_made_again(spool: Spool, tmp_path: Path) -> None:
    await fill(spool, 1)
    (file,) = files(tmp_path)
    file.unlink()
    file.parent.rmdir()
    await spool.roll()

    entries = await fill(spool, 1)

    assert on_disk(tmp_path) == entries


async def test_an_answer_for_a_segment_that_was_renounced_meanwhile_counts_nothing(spool: Spool) -> None:
    place = await spool.append("aa" * 16, b"x")
    turn = place.turn
    spool.renounce()

    place.settle(turn)

    assert place.is_owed
    place.settle(place.turn)
    assert not place.is_owed


# ---- what dead processes leave


async def test_what_a_closed_spool_leaves_is_adopted_once(tmp_path: Path) -> None:
    first = Spool(tmp_path, floor_bytes=0)
    await fill(first, 10)
    await first.close(None)
    second, third = Spool(tmp_path, floor_bytes=0), Spool(tmp_path, floor_bytes=0)

    assert (await second.adopt(), await third.adopt()) == (1, 0)

    (place,) = second.segments()
    assert len(segment.read(place.path.read_bytes()).entries) == 10
    await second.drop(place)
    assert left_in(tmp_path) == []
    await second.close(None)
    await third.close(None)


async def test_a_living_process_keeps_its_folder(spool: Spool, tmp_path: Path) -> None:
    await fill(spool, 1)
    other = Spool(tmp_path / "spool", floor_bytes=0)

    assert await other.adopt() == 0
    await other.close(None)


async def test_a_spool_that_owes_nothing_leaves_nothing(tmp_path: Path) -> None:
    spool = Spool(tmp_path, floor_bytes=0)
    await fill(spool, 1)
    await spool.roll()
    (place,) = spool.segments()
    await spool.drop(place)

    await spool.close("server")

    assert left_in(tmp_path) == []


async def test_the_next_start_is_told_which_server_had_all(tmp_path: Path) -> None:
    first = Spool(tmp_path, floor_bytes=0)
    place: Segment = await first.append("aa" * 16, b"x")
    place.settle(place.turn)
    await first.close("server-1")
    second = Spool(tmp_path, floor_bytes=0)
    await second.adopt()

    assert [place.server for place in second.segments()] == ["server-1"]
    await second.close(None)


_KILLED = """
import asyncio, sys
from pathlib import Path
from gateway.store.spool.writer import Spool
async def main():
    spool = Spool(Path(sys.argv[1]), floor_bytes=0)
    async def one(number):
        await spool.append(f"{number:032x}", b"x" * 200)
        print(number, file=sys.stderr, flush=True)
    for start in range(0, 10**6, 20):
        await asyncio.gather(*(one(start + number) for number in range(20)))
asyncio.run(main())
"""


async def test_a_killed_process_leaves_everything_it_answered(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _KILLED, str(tmp_path), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    answered = [int(await process.stderr.readline()) for _ in range(600)]
    process.kill()
    answered += [int(line) for line in (await process.stderr.read()).split(b"\n")[:-1] if line]
    await process.wait()

    assert {f"{number:032x}" for number in answered} <= {entry.copy_id for entry in on_disk(tmp_path)}
    ((_, lock),) = folders.orphans(tmp_path)
    os.close(lock)
