from __future__ import annotations

import pytest

from gateway.core.adapter import Secret
from gateway.core.site import Destination, Limits
from gateway.web.directory import Place, Rate
from tests.web.parts import DESTINATIONS, adapter, directory, site


def test_vendors_are_those_with_an_enabled_destination() -> None:
    destinations = {**DESTINATIONS, "meta": Destination(name="meta", adapter=adapter("meta"), enabled=False)}

    assert Place.of(site(), DESTINATIONS).vendors == {"meta", "google", "tiktok", "echo"}
    assert Place.of(site(), destinations).vendors == {"google", "tiktok", "echo"}
    assert Place.of(site(destinations=("unknown",)), DESTINATIONS).vendors == frozenset()


@pytest.mark.parametrize(
    ("mount", "path", "below"),
    [
        ("/", "/i", "/i"),
        ("/m", "/m/i", "/i"),
        ("/m", "/m", None),
        ("/m", "/mi", None),
        ("/m", "/i", None),
        ("/m", "/m/m/i", "/m/i"),
    ],
)
def test_path_below_a_mount(mount: str, path: str, below: str | None) -> None:
    assert Place.of(site(path=mount), {}).below(path) == below


@pytest.mark.parametrize(("text", "rate"), [(None, None), ("50/s", Rate(50, 50)), ("600/m", Rate(10, 600))])
def test_limit_is_a_rate_with_its_count_as_burst(text: str | None, rate: Rate | None) -> None:
    assert Place.of(site(limits=Limits(per_address=text)), {}).rate == rate


def test_key_names_its_site_and_is_kept_as_a_digest_only() -> None:
    tables = directory(site(api_keys=(Secret("one"), Secret("two"))))

    for header, name in (
        ("Bearer one", "shop"),
        ("bearer  two ", "shop"),
        ("Bearer", None),
        ("one", None),
        (None, None),
    ):
        place = tables.by_key(header)
        assert (None if place is None else place.site.name) == name
    assert b"one" not in tables.keys
    assert tables.api_paths == {"/api/events"}
