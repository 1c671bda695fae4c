"""The rules of a destination as they are written: tables beside the file, names, and what is said of a wrong one."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from adapters.ga4_relay import GA4Relay
from gateway.core.event import Item
from gateway.core.value_tables import Margin
from gateway.settings import ConfigError, load, schema, warnings
from tests.settings.given import ADAPTERS, ENV, changed, loaded, only, problems

MAIN = "destinations.main"


def _values(folder: Path, rule: Any) -> Any:
    return loaded(folder, (f"{MAIN}.values", {"purchase": rule})).destinations["main"].values["purchase"]


def test_a_table_stands_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "margins.csv").write_text("item_id,margin\nSKU1,0.35\n")
    (tmp_path / "ltv.csv").write_text("segment,value\ngold,420\n")

    margin = _values(tmp_path, {"margin": "margins.csv", "otherwise": 0.3})
    lookup = _values(tmp_path, {"param": "segment", "table": str(tmp_path / "ltv.csv")})

    assert margin.margin.of(Item(item_id="SKU1")) == Margin(share=Decimal("0.35"))
    assert margin.otherwise == 0.3
    assert lookup.table.values == {"gold": Decimal(420)}


@pytest.mark.parametrize(
    ("rule", "key", "words"),
    [
        ({"margin": "gone.csv"}, "margin", "the table gone.csv cannot be read: No such file"),
        ({"margin": "bad.csv"}, "margin", "bad.csv:3: margin is not a number"),
        ({"margin": "latin.csv"}, "margin", "latin.csv:2: not UTF-8 text"),
        ({"fixed": -1}, "fixed", "has to be at least 0"),
        ({"fixed": 1, "param": "x"}, "", "fixed and param both say what the value is"),
        ({"factor": 0}, "factor", "has to be more than 0"),
        ({"tax": "off"}, "tax", "'in' or 'out'"),
        ({"param": "x", "otherwise": "maybe"}, "otherwise", "expected"),
        ({"currency": "EUR", "rates": {"US": 0.9}}, "rates.US", "three letters of ISO 4217"),
        ({"marign": "x.csv"}, "marign", "did you mean margin?"),
    ],
)
def test_what_is_wrong_with_a_rule_is_said_where_it_stands(tmp_path: Path, rule: Any, key: str, words: str) -> None:
    (tmp_path / "bad.csv").write_text("item_id,margin\nSKU1,0.35\nSKU2,lots\n")
    (tmp_path / "latin.csv").write_bytes(b"item_id,margin\nM\xfctze,0.35\n")

    problem = only(problems(tmp_path, (f"{MAIN}.values", {"purchase": rule})))

    assert problem.key.removesuffix(".") == f"{MAIN}.values.purchase.{key}".removesuffix(".")
    assert words in str(problem)


@pytest.mark.parametrize(
    ("rules", "key", "words"),
    [
        ({"events": {"*": "Custom"}}, "events", "write null to deny them"),
        ({"events": {"2nd": "x"}}, "events.2nd", "begins with a letter"),
        ({"values": {"2nd": {"fixed": 1}}}, "values.2nd", "begins with a letter"),
        ({"params": {"event_id": None}}, "params.event_id", "neither renamed nor left out"),
        ({"params": {"coupon": "value"}}, "params.coupon", "is money"),
        ({"params": {"user.phone": "tel"}}, "params", "user.phone can only be left out"),
        ({"params": {"page_title": "title"}}, "params", "page_title can only be left out"),
        ({"params": {"a": "c", "b": "c"}}, "params", "two parameters would get one name"),
        ({"params": {"user.mail": None}}, "params.user.mail", "a dot leads into"),
        ({"static": {"*": {"currency": "EUR"}}}, "static.*.currency", "is money"),
        ({"static": {"*": {"note": "jo@shop.example"}}}, "static.*.note", "holds an e-mail address"),
    ],
)
def test_a_wrong_name_is_named(tmp_path: Path, rules: Any, key: str, words: str) -> None:
    ((name, value),) = rules.items()

    problem = only(problems(tmp_path, (f"{MAIN}.{name}", value)))

    assert problem.key == f"{MAIN}.{key}"
    assert words in str(problem)
    assert "jo@" not in str(problem)


def test_names_and_values_are_read_as_they_are_meant(tmp_path: Path) -> None:
    place = loaded(
        tmp_path,
        (f"{MAIN}.events", {"*": None, "purchase": "Kauf"}),
        (f"{MAIN}.params", {"coupon": "promo", "user.phone": None}),
        (f"{MAIN}.static", {"*": {"n": 3, "share": 0.5, "vip": True, "word": "x"}}),
    ).destinations["main"]

    assert place.events == {"*": None, "purchase": "Kauf"}
    assert place.params == {"coupon": "promo", "user.phone": None}
    assert [type(told) for told in place.static["*"].values()] == [int, float, bool, str]


def test_a_reload_reads_the_tables_again_and_takes_both_or_none(tmp_path: Path) -> None:
    table, path = tmp_path / "margins.csv", tmp_path / "gateway.yaml"
    path.write_text(json.dumps(changed((f"{MAIN}.values", {"*": {"margin": "margins.csv"}}))))
    table.write_text("item_id,margin\nSKU1,0.35\n")
    first = load(path, env=ENV, adapters=ADAPTERS)
    again = load(path, env=ENV, adapters=ADAPTERS)
    table.write_text("item_id,margin\nSKU1,0.40\n")
    second = load(path, env=ENV, adapters=ADAPTERS)

    assert first == again, "nothing changed, so no worker starts afresh"
    assert first.destinations["main"] != second.destinations["main"]
    table.write_text("item_id,margin\nSKU1,4.0\n")
    with pytest.raises(ConfigError, match=r"margins\.csv:2: margin is a share"):
        load(path, env=ENV, adapters=ADAPTERS)


def test_an_editor_knows_the_keys_of_a_rule() -> None:
    text = json.dumps(schema(ADAPTERS))

    for key in ("otherwise", "rates", "minor", "scores"):
        assert f'"{key}"' in text


def test_rules_of_a_relay_are_mentioned_for_they_change_nothing(tmp_path: Path) -> None:
    adapters = {**ADAPTERS, "ga4_relay": lambda: GA4Relay}
    relay = {"adapter": "ga4_relay", "measurement_id": "G-ABC123"}
    path = tmp_path / "gateway.yaml"

    said = []
    for rules in ({}, {"static": {"*": {"a": 1}}}):
        path.write_text(json.dumps(changed(("destinations.main", {**relay, **rules}))))
        said.append([str(one) for one in warnings(load(path, env=ENV, adapters=adapters))])

    assert said[0] == []
    assert len(said[1]) == 1
    assert "values, params and static change nothing" in said[1][0]
