"""Our own JSON: the contract's names, and of a person nothing but digests."""

from __future__ import annotations

import msgspec

from gateway.core.event import Event, Person, Wire
from gateway.core.speak import as_json

EVENT = Event(
    site="shop", name="purchase", event_id="e-1", wires=(Wire.SERVER,), at_ms=1_795_305_600_250, received_ms=0
)


def test_seconds_with_their_fraction_and_nothing_that_was_not_told() -> None:
    told = as_json(EVENT)

    assert told["timestamp"] == 1_795_305_600.25
    assert told.keys() == {
        "event",
        "event_id",
        "site",
        "wires",
        "timestamp",
        "action_source",
        "test",
        "consent",
    }


def test_equal_digests_are_said_once_in_the_order_of_their_spellings() -> None:
    person = Person(
        digests={
            "email": {"plain": "b" * 64, "google": "a" * 64},
            "last_name": {"letters": "c" * 64, "google": "c" * 64},
        }
    )

    told = as_json(msgspec.structs.replace(EVENT, person=person))

    assert told["user"] == {"email": ["a" * 64, "b" * 64], "last_name": ["c" * 64]}


def test_a_property_named_like_a_sealed_field_stays_behind_at_any_depth() -> None:
    properties = {"phone": "030 1234", "form": {"email": "redacted", "step": 2, "rows": [{"gender": "f", "row": 1}]}}

    told = as_json(msgspec.structs.replace(EVENT, properties=properties))

    assert told["properties"] == {"form": {"step": 2, "rows": [{"row": 1}]}}
    assert properties["phone"] == "030 1234"
