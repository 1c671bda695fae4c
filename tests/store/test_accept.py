"""ACCEPT's short way, for copies that are plainly the first of their acts, and its careful way write the same."""

from __future__ import annotations

import asyncio
import re
import secrets
from typing import Any, ClassVar

import msgspec
import pytest

from gateway.core.act import own_name
from gateway.core.event import Event, Grant, Purpose
from gateway.core.outcome import Door
from gateway.core.plan import Plan
from gateway.core.site import Destination
from gateway.store import keys
from gateway.store.course import Courses, arguments
from gateway.store.database import Database
from gateway.store.keeper import Entry, Keeper, _alike
from tests.fixtures.shop import NOW_MS, Parrot, a_site, an_event

HOUR = NOW_MS // keys.HOUR_MS
SHORT, CAREFUL = 7, 8
NAMES = ("page_view", "add_to_cart", "view_item", "select_item")
ADS_DENIED = msgspec.structs.replace(an_event().consent, ad_storage=Grant.DENIED, ad_user_data=Grant.DENIED)
CONSENTS = (an_event().consent, ADS_DENIED)


class Shameless(Parrot):
    """One that asks for no consent: what is denied to the others still goes somewhere at once."""

    purposes: ClassVar[frozenset[Purpose]] = frozenset()


def a_plan(more: int = 0) -> Plan:
    """Two sites, of which one goes to one place more, or many more."""
    names = tuple(f"parrot-{number}" for number in range(more))
    places = [Destination(name=name, adapter=Parrot()) for name in ("parrot", *names)]
    places.append(Destination(name="free", adapter=Shameless()))
    shop = a_site(destinations=("parrot", "free"))
    other = a_site(name="other", destinations=("parrot", *names, "free"))
    return Plan(sites={"shop": shop, "other": other}, destinations={place.name: place for place in places})


def some(count: int, *, kinds: int, turn: str) -> list[Event]:
    return [
        an_event(
            NAMES[number % kinds % len(NAMES)],
            f"{turn}-{number}",
            site=("shop", "other")[number % kinds // 4 % 2],
            consent=CONSENTS[number % kinds // 8 % 2],
            at_ms=NOW_MS - number * 1_000,
        )
        for number in range(count)
    ]


def entries(copies: list[Event], plan: Plan) -> list[Entry]:
    courses = Courses(lambda _, event: event)
    made = []
    for number, copy in enumerate(copies):
        act, copy_id = own_name(copy), f"{number:032x}"
        args = (act, copy_id, str(copy.at_ms // 1_000), f"sealed-{number}".encode())
        answer: Any = asyncio.get_running_loop().create_future()
        made.append(Entry(copy, copy_id, act, args, courses.of(act, copy, plan)[0], answer, False))
    return made


async def written(database: Database, shard: int) -> dict[str, Any]:
    """Read everything under a shard's base, without the moments."""
    redis: Any = database.redis
    base = keys.base(shard)
    found: dict[str, Any] = {}
    for key in sorted([key.decode() for key in await redis.keys(f"{base}:*".replace("{", "\\{"))]):
        kind = (await redis.type(key)).decode()
        if kind == "hash":
            value: Any = {field: re.sub(rb"\d{13}", b"now", told) for field, told in (await redis.hgetall(key)).items()}
        elif kind == "zset":
            value = sorted(await redis.zrange(key, 0, -1))
        else:
            value = await redis.get(key)
        found[key.removeprefix(base)] = (kind, value, await redis.ttl(key) > 0)
    return found


@pytest.mark.parametrize(
    ("count", "kinds", "more"), [(1, 1, 0), (2, 1, 0), (40, 1, 0), (5, 5, 0), (100, 12, 3), (256, 256, 300)]
)
async def test_the_short_way_writes_what_the_careful_way_does(
    database: Database, count: int, kinds: int, more: int
) -> None:
    plan = a_plan(more)
    for turn in ("first", "second"):  # then the counters are there
        batch = entries(some(count, kinds=kinds, turn=turn), plan)
        for shard in (SHORT, CAREFUL):
            args = arguments(shard, HOUR, _alike(batch), set())
            assert args[0][0] == 0
            if shard == CAREFUL:
                args[0] = b"\x01" + args[0][1:]
            assert await database.script("accept", [keys.base(shard)], args) == b"a" * count

    short, careful = await written(database, SHORT), await written(database, CAREFUL)
    assert short == careful
    assert len(short) > count * 2


async def test_each_copy_of_a_mixed_call_hears_its_own_answer(database: Database) -> None:
    plan = a_plan(3)
    told: dict[str, Any] = {"now_ms": lambda: NOW_MS, "nudge": lambda: None, "counted_as": lambda _, event: event}
    keeper = Keeper(database, lambda: plan, copy_id=lambda: secrets.token_hex(16), **told)
    copies = some(60, kinds=12, turn="any")
    known = copies[7::5]
    assert set(await keeper.keep(known)) == {Door.ACCEPTED}

    doors = await keeper.keep(copies)

    assert doors == [Door.DUPLICATE if copy in known else Door.ACCEPTED for copy in copies]
