"""Everything about an act follows from its id."""

from __future__ import annotations

from collections import Counter

from faults.acts import NEEDS, SIZES, Kind, Wire, known, mint, mint_as


def test_the_same_seed_mints_the_same_acts() -> None:
    assert [mint(7, number) for number in range(200)] == [mint(7, number) for number in range(200)]
    assert mint(7, 1) != mint(8, 1)


def test_an_act_is_known_again_by_its_id_alone() -> None:
    for number in range(200):
        act = mint(1, number)

        assert known(act.id) == act


def test_an_id_that_nobody_minted_is_nobodys() -> None:
    assert known("") is None
    assert known("views-1-1") is None
    assert known("view-1-1-1") is None


def test_a_run_has_every_kind_and_sizes_on_both_sides_of_a_boundary() -> None:
    acts = [mint(1, number) for number in range(2_000)]

    assert set(Counter(act.kind for act in acts)) == set(Kind)
    assert {len(act.pad) for act in acts} >= set(SIZES[:9])


def test_a_servers_word_on_money_differs_from_the_browsers() -> None:
    act = mint_as(Kind.TWINS, 1, 1)
    browser, server = act.copy(Wire.BROWSER), act.copy(Wire.SERVER)

    assert browser is not None
    assert server is not None
    assert browser.value != server.value
    assert {"pad": act.pad} == act.body(browser)["properties"] == act.body(server)["properties"]


def test_a_silent_copy_neither_allows_nor_denies() -> None:
    act = mint_as(Kind.SILENT, 1, 1)
    server = act.copy(Wire.SERVER)

    assert server is not None
    assert "consent" not in act.body(server)
    assert not any(server.allows(needed) or server.denies(needed) for needed in NEEDS.values())
