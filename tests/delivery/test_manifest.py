"""Whatever the delivery room asks an adapter about an event, it shows no identifier that the manifest does not list."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import msgspec

from gateway.core.adapter import Followed, Payload
from gateway.core.event import Event
from gateway.core.manifest import Manifest
from gateway.core.outcome import DELIVERED, Skip
from gateway.core.site import Destination
from gateway.delivery.follow import Follower
from gateway.delivery.translate import Packed, Translator
from gateway.store.queues import Kind, Leg
from gateway.store.receipts import Receipt
from tagway.samples import FULL
from tests.fixtures.shop import GRANTED, NOW_MS, Parrot, a_plan

EVENT = msgspec.structs.replace(FULL, at_ms=NOW_MS, received_ms=NOW_MS, consent=GRANTED)


@dataclass(frozen=True, kw_only=True)
class Nosy(Parrot):
    """It lists one identifier, and remembers every event that it is handed."""

    seen: list[Event] = field(default_factory=list)

    manifest: ClassVar[Manifest] = Manifest(reads=("email.plain",), hosts=("http://127.0.0.1:9",))
    follow_after_s: ClassVar[int] = 1
    follow_for_s: ClassVar[int] = 1

    def max_age_of(self, event: Event) -> int:
        self.seen.append(event)
        return 3_600

    def concerns(self, event: Event, code: str, sent_ms: int) -> bool:
        self.seen.append(event)
        return False

    def receipt(self, response: Any) -> None:
        return None

    def follow(self, receipt: str) -> Any:
        raise NotImplementedError

    def followed(self, response: Any) -> None:
        return None

    def payload(self, event: Event, name: str) -> Payload | Skip:
        self.seen.append(event)
        return super().payload(event, name)


def a_leg() -> Leg:
    return Leg(id="act-1", destination="nosy", shard=0, token="t", claims=1, event=EVENT, denied=frozenset(), fate=None)


def knows(event: Event) -> set[str]:
    place = {name for name in ("city", "country") if getattr(event.person, name) is not None}
    return {*event.person.digests, *place, *event.browser.cookies, *event.clicks} | (
        {"ip"} if event.browser.ip is not None else set()
    )


def test_translating_shows_what_is_listed_and_keeps_the_whole_event_to_itself() -> None:
    adapter = Nosy()
    place = Destination(name="nosy", adapter=adapter)
    translator = Translator(place, lambda: a_plan(place), now_ms=lambda: NOW_MS)

    [packed] = translator.translate([a_leg()])

    assert isinstance(packed, Packed)
    assert packed.event is EVENT
    assert len(adapter.seen) == 2, "asked for the age, and to say it"
    assert [knows(event) for event in adapter.seen] == [{"email"}, {"email"}]


def test_what_was_delivered_is_estimated_and_nothing_else() -> None:
    place = Destination(name="nosy", adapter=Nosy())
    translator = Translator(place, lambda: a_plan(place), now_ms=lambda: NOW_MS)

    delivered, skipped = (translator.end(a_leg(), Kind.DONE, word) for word in (DELIVERED, "skipped:test"))

    assert delivered.fate is not None
    assert skipped.fate is not None
    assert (delivered.fate.quality, skipped.fate.quality) == (6.5, None)


async def test_following_shows_what_is_listed() -> None:
    adapter = Nosy()
    place = Destination(name="nosy", adapter=adapter)

    class Kept:
        async def event(self, leg: str) -> Event:
            return EVENT

    nobody: Any = None
    kept: Any = Kept()
    follower = Follower(place, adapter, kept, nobody, None, now_ms=lambda: NOW_MS, dice=lambda: 0.5)
    receipt = Receipt(name="r-1", destination="nosy", token="t", sent_ms=NOW_MS, asked=0, legs=("act-1",))

    meant: AsyncIterator[Any] = follower._meant(receipt, Followed(is_final=True, status="x"), "TOO_RECENT")

    assert [told async for told in meant] == []
    assert [knows(event) for event in adapter.seen] == [{"email"}]
