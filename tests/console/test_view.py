from __future__ import annotations

from typing import Any

import pytest

from gateway.console.view import View

HIT = {"kind": "hit", "site": "shop", "event": "purchase", "event_id": "P-1001", "wire": "browser", "status": "merged"}
REFUSED = {**HIT, "event_id": "", "status": "refused:origin"}
LEFT = {"kind": "delivery", "site": "shop", "event": "purchase", "event_id": "P-1001", "destination": "meta:late"}
DEAD = {**LEFT, "outcome": "dead:rejected"}
OMITTED = {"kind": "omitted", "count": 3}


@pytest.mark.parametrize(
    ("query", "entry", "is_wanted"),
    [
        ({}, HIT, True),
        ({}, OMITTED, True),
        ({"site": "shop"}, OMITTED, False),
        ({"site": "other"}, HIT, False),
        ({"event": "purchase"}, HIT, True),
        ({"event": "search"}, HIT, False),
        ({"wire": "browser"}, HIT, True),
        ({"wire": "browser"}, DEAD, False),
        ({"destination": "meta"}, DEAD, True),
        ({"destination": "meta"}, HIT, False),
        ({"outcome": "refused"}, REFUSED, True),
        ({"outcome": "refused:origin"}, REFUSED, True),
        ({"outcome": "refused:value"}, REFUSED, False),
        ({"outcome": "dead"}, DEAD, True),
        ({"outcome": "merged"}, DEAD, False),
        ({"id": "p-10"}, HIT, True),
        ({"id": "p-11"}, HIT, False),
    ],
)
def test_a_view_wants_what_fits_all_its_filters(query: dict[str, str], entry: dict[str, Any], is_wanted: bool) -> None:
    assert View.read(query).wants(entry) is is_wanted


def test_a_view_survives_the_address() -> None:
    view = View.read({"site": "shop", "id": "a b&c", "paused": "yes", "foreign": "1"})

    assert view.query == "site=shop&id=a+b%26c&paused=1"
    assert view.is_narrow
    assert not View.read({"paused": "1"}).is_narrow
