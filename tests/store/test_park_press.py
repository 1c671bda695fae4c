"""What waits is written in fewer bytes, is the same when it is read, and nobody's newer word is written over."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from benchmarks.visits import visits
from gateway.core.event import Wire
from gateway.store import keys, vault
from gateway.store.database import Database
from gateway.store.errors import Corrupt
from gateway.store.park.presser import Presser
from tests.fixtures.shop import GRANTED, a_plan, an_event, twins
from tests.store.test_park import Room

# Not the dice that the dictionary was trained with.
SAMPLES = list(visits(seed=7, count=300))


async def a_room(database: Database, folder: Path) -> tuple[Room, Presser]:
    room = Room(database, folder, a_plan())
    return room, Presser(database, lambda: room.plan, waited_ms=-60_000)


def test_a_waiting_event_takes_a_third_of_its_json_at_most() -> None:
    plain = sum(len(msgspec.json.encode(event)) for event in SAMPLES)
    pressed = sum(len(vault.press(vault.seal(event))) for event in SAMPLES)

    assert plain / pressed >= 3


def test_pages_of_a_shop_that_the_dictionary_never_saw_as_well() -> None:
    strange = [
        msgspec.json.decode(
            msgspec.json.encode(event)
            .replace(b"shop.example", b"kiosk-nord.test")
            .replace(b"store.example", b"teehaus.test")
            .replace(b"/products/", b"/regal/")
        )
        for event in SAMPLES
    ]
    events = [msgspec.convert(told, type(SAMPLES[0])) for told in strange]
    plain = sum(len(msgspec.json.encode(event)) for event in events)

    assert plain / sum(len(vault.press(vault.seal(event))) for event in events) >= 3


@pytest.mark.parametrize("event", SAMPLES[:40], ids=lambda event: event.name)
def test_it_reads_as_it_was(event: Any) -> None:
    sealed = vault.seal(event)

    assert vault.unseal(vault.press(sealed)) == vault.unseal(sealed)
    assert vault.press(vault.press(sealed)) == vault.press(sealed)


def test_an_unknown_version_or_dictionary_is_corrupt() -> None:
    pressed = vault.press(vault.seal(SAMPLES[0]))

    for damaged in (b"\x09" + pressed[1:], pressed[:5] + b"\xfe" + pressed[6:], pressed[:5], pressed[:-3], b""):
        with pytest.raises(Corrupt):
            vault.unseal(damaged)


def test_any_flipped_byte_is_corrupt_and_never_another_event() -> None:
    pressed = vault.press(vault.seal(SAMPLES[0]))

    for at in range(len(pressed)):
        with pytest.raises(Corrupt):
            vault.unseal(pressed[:at] + bytes([pressed[at] ^ 0x55]) + pressed[at + 1 :])


def test_bytes_that_unfold_without_end_are_corrupt() -> None:
    squeezing = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = squeezing.compress(b"a" * (64 << 20)) + squeezing.flush()

    with pytest.raises(Corrupt):
        vault.unseal(b"\x02\x00\x00\x00\x00\x01" + bomb)


def test_the_released_dictionary_is_as_it_was() -> None:
    import gateway.store.park

    folder = Path(gateway.store.park.__file__).parent

    assert {path.name: zlib.crc32(path.read_bytes()) for path in folder.glob("*.bin")} == {
        "dictionary-1.bin": DICTIONARY
    }


DICTIONARY = 0xD08811D3


async def test_contents_that_wait_are_pressed_and_delivered_as_they_were(database: Database, tmp_path: Path) -> None:
    room, presser = await a_room(database, tmp_path)
    leaving = [event for event in SAMPLES[:60] if event.name not in ("purchase", "refund", "generate_lead")]
    await room.keeper.keep([msgspec.structs.replace(event, site="shop", consent=GRANTED) for event in leaving])
    before = await room.dump()

    assert await presser.step() > 30
    assert await presser.step() == 0

    assert await room.dump() == before
    assert all(
        body[:1] == b"\x02" for body in [await room.redis.get(key) for key in await room.redis.keys("*content*")]
    )
    assert all(leg.event is not None for leg in await room.lease())


async def test_only_what_has_waited_is_pressed(database: Database, tmp_path: Path) -> None:
    room, _ = await a_room(database, tmp_path)
    await room.keep(10)

    assert await Presser(database, lambda: room.plan).step() == 0
    await room.delivered()


async def test_many_of_one_moment_are_all_pressed(database: Database, tmp_path: Path) -> None:
    room, presser = await a_room(database, tmp_path)
    await room.keep(700, properties={"filler": "abc" * 40})
    for shard in range(4):
        due = keys.queue(shard, "parrot").due
        await room.redis.zadd(due, dict.fromkeys(await room.redis.zrange(due, 0, -1), 1_000))

    assert await presser.step() == 700
    await room.delivered()


async def test_copies_that_are_held_long_are_pressed_and_merged_as_they_were(
    database: Database, tmp_path: Path
) -> None:
    room, presser = await a_room(database, tmp_path)
    browser, server = twins(properties={"margin": 3, "filler": "abc" * 40})
    await room.keeper.keep([browser])

    assert await presser.step() == 1
    await room.keeper.keep([server])
    await room.queues.release_held(10)
    (leg,) = await room.lease()

    assert leg.event is not None
    assert (leg.event.value, leg.event.wires) == (12.0, (Wire.BROWSER, Wire.SERVER))


async def test_what_was_written_meanwhile_stays(database: Database, tmp_path: Path) -> None:
    room, presser = await a_room(database, tmp_path)
    await room.keep(1)
    (key,) = await room.redis.keys("*content*")
    newer = vault.seal(an_event(event_id="e-0", value=9.0))
    script = database.script

    async def meanwhile(name: str, *args: Any, **more: Any) -> Any:
        if name == "press":
            await room.redis.set(key, newer)
        return await script(name, *args, **more)

    database.script = meanwhile  # type: ignore[method-assign]

    assert await presser.step() == 0
    assert await room.redis.get(key) == newer
    await room.delivered()


async def test_a_lifetime_stays_as_it_is(database: Database, tmp_path: Path) -> None:
    room, presser = await a_room(database, tmp_path)
    await room.keep(1)
    (key,) = await room.redis.keys("*content*")
    await room.redis.pexpire(key, 3_600_000)

    assert await presser.step() == 1
    assert 0 < await room.redis.pttl(key) <= 3_600_000
    await room.delivered()
