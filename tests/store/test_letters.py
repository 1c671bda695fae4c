"""Dead letters, however many and however old they are."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.core.event import Event, Wire
from gateway.core.outcome import Dead, dead
from gateway.core.site import Destination
from gateway.store import keys
from gateway.store.database import Database
from gateway.store.keeper import Keeper
from gateway.store.ledger import Ledger
from gateway.store.letters import Place
from gateway.store.outcomes import Fate
from gateway.store.queues import Kind, Queues, Settlement
from tests.fixtures.shop import NOW_MS, Parrot, a_plan, an_event

REJECTED = Fate(outcome=dead(Dead.REJECTED), reason="100", attempts=1, at_ms=NOW_MS)


class Post:
    """A store whose platforms refuse everything."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.plan = a_plan(*(Destination(name=name, adapter=Parrot()) for name in ("ads", "book")))
        self.ledger = Ledger(database, lambda: self.plan, now_ms=lambda: NOW_MS)
        told: dict[str, Any] = {"now_ms": lambda: NOW_MS, "nudge": lambda: None, "counted_as": lambda _, name: name}
        self.keeper = Keeper(database, lambda: self.plan, copy_id=lambda: secrets.token_hex(16), **told)
        self.queues = Queues(database, lambda: self.plan, token=lambda: secrets.token_hex(8), **told)

    async def die(self, *events: Event, places: tuple[str, ...] = ("ads", "book")) -> None:
        await self.keeper.keep(events)
        await self.queues.release_held(100)
        for place in places:
            legs = (await self.queues.lease(place, 500)).legs
            await self.queues.settle([Settlement(leg=leg, kind=Kind.DEAD, fate=REJECTED) for leg in legs])

    async def leave(self, name: str) -> None:
        places = {place: made for place, made in self.plan.destinations.items() if place != name}
        sites = {word: replace(site, destinations=tuple(places)) for word, site in self.plan.sites.items()}
        self.plan = replace(self.plan, sites=sites, destinations=places)


@pytest.fixture
def post(database: Database) -> Post:
    return Post(database)


def place(row: dict[str, Any]) -> Place:
    found = Place.read(f"{row['at']}/{row['destination']}/{row['id']}")
    assert found is not None
    return found


@pytest.mark.parametrize("destination", [None, "ads"])
async def test_pages_bring_each_letter_once_though_many_died_in_one_moment(post: Post, destination: str | None) -> None:
    for first in (0, 20, 40):
        await post.die(*(an_event(event_id=f"e-{number}") for number in range(first, first + 20)))
    seen: list[Place] = []
    before = None

    while rows := await post.ledger.letters.page(destination, limit=7, before=before):
        seen += [place(row) for row in rows]
        before = seen[-1]
        # What is settled meanwhile moves nothing.
        await post.ledger.letters.drop(rows[-1]["destination"], rows[-1]["id"])

    assert seen == sorted(set(seen), reverse=True)
    assert len(seen) == (60 if destination else 120)
    assert len({one.died_ms for one in seen}) < len(seen) / 7


async def test_a_moment_alone_is_a_place_too(post: Post) -> None:
    await post.die(an_event(event_id="e-1"), places=("ads",))
    (letter,) = await post.ledger.letters.newest()

    assert await post.ledger.letters.page(before=Place.read(str(letter["at"]))) == []
    assert await post.ledger.letters.page(before=Place.read(str(letter["at"] + 0.001))) == [letter]


@pytest.mark.parametrize("said", ["", "yesterday", "nan", "1/ads", "1/ads/x/y", "inf"])
def test_what_is_no_place_is_none(said: str) -> None:
    assert Place.read(said) is None


async def test_one_is_found_by_whatever_it_is_called_however_old_it_is(post: Post) -> None:
    more: dict[str, Any] = {"transaction_id": "1001", "value": 1.0, "currency": "EUR"}
    both = [an_event("purchase", "p-1", wire, **more) for wire in (Wire.BROWSER, Wire.SERVER)]
    await post.die(*both, an_event(event_id="e-1"))
    letters = post.ledger.letters
    old = {row["event_id"]: row["id"] for row in await letters.newest("ads")}
    # As many as no list shows at once died since.
    await post.database.redis.zadd(keys.dead(0, "ads"), {f"{number:032x}": NOW_MS * 2 for number in range(2_000)})
    await post.database.redis.pexpire(keys.dead(0, "ads"), 60_000)

    for name, event_id in (("p-1", "p-1"), ("1001", "p-1"), (old["p-1"], "p-1"), ("e-1", "e-1")):
        rows = await letters.found(name)
        assert [(row["destination"], row["event_id"]) for row in rows] == [("book", event_id), ("ads", event_id)], name
        assert [row["id"] for row in await letters.found(name, "ads")] == [old[event_id]], name
    assert await letters.found("e-2") == await letters.found("") == []


async def test_a_destination_that_left_is_told_while_something_of_it_is_left(post: Post) -> None:
    await post.ledger.keep_house()
    await post.die(an_event(event_id="e-1"), an_event(event_id="e-2"), places=("ads",))
    (first, *_) = await post.ledger.letters.newest("ads")
    await post.leave("ads")
    await post.leave("book")

    with capture_logs() as logs:
        await post.ledger.keep_house()
        await post.ledger.keep_house()

    told = {row["destination"]: row for row in await post.ledger.destinations()}
    assert {name: (row["state"], row["waiting"], row["dead"]) for name, row in told.items()} == {
        "ads": ("gone", 0, 2),
        "book": ("gone", 2, 0),
    }
    gone = [{key: line[key] for key in ("destination", "waiting", "dead")} for line in logs]
    assert gone == [
        {"destination": "ads", "waiting": 0, "dead": 2},
        {"destination": "book", "waiting": 2, "dead": 0},
    ]
    assert await post.ledger.letters.replay("ads", first["id"]) == "unconfigured"
    assert await post.ledger.letters.replay("ads", "0" * 32) == "gone"


async def test_a_destination_that_left_is_forgotten_when_nothing_is_left_of_it(post: Post) -> None:
    await post.ledger.keep_house()
    await post.die(an_event(event_id="e-1"), places=("ads",))
    (letter,) = await post.ledger.letters.newest("ads")
    await post.leave("ads")
    assert await post.ledger.letters.drop("ads", letter["id"])

    await post.ledger.keep_house()

    assert [row["destination"] for row in await post.ledger.destinations()] == ["book"]
    assert await post.ledger.letters.destinations() == ["book"]


# ---- acts of one id


async def test_the_newest_act_is_the_one_that_came_last_whatever_it_says_of_its_time(post: Post) -> None:
    first = an_event("page_view", "same", at_ms=NOW_MS, received_ms=NOW_MS + 10)
    second = an_event("search", "same", at_ms=NOW_MS - 3_600_000, received_ms=NOW_MS + 17)
    await post.keeper.keep([second, first])

    story = await post.ledger.explain("same")

    assert story is not None
    assert story["event"] == "search"
    assert [(other["event"], other["at"]) for other in story["others"]] == [("page_view", (NOW_MS + 10) / 1_000)]
