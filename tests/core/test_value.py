"""What an act is worth by the rules: every source, every currency, and the laws that no rule may break."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.event import Event, Item, Wire
from gateway.core.goods import places
from gateway.core.value import ValueRule, rounded, valued
from gateway.core.value_tables import margins, scores

MARGINS = margins("item_id,item_category,margin,amount\nA,,0.35,\nB,,,4.20\n,Shoes,25%,\n", "m.csv")
SEGMENTS = scores("segment,value\ngold,420\n", "s.csv")


def event(**more: Any) -> Event:
    return Event(
        **{
            "site": "shop", "name": "purchase", "event_id": "e", "wires": (Wire.BROWSER,), "at_ms": 0, "received_ms": 0,
            "value": 100.0, "currency": "EUR", **more,
        }
    )  # fmt: skip


def worth(rule: ValueRule, **more: Any) -> tuple[float | None, str | None]:
    told = valued(event(**more), rule)
    return told.value, told.currency


# --- the event's own value -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, 100.0),
        ({"tax": "out"}, 81.0),
        ({"tax": "out", "shipping": "out"}, 76.1),
        ({"shipping": "in"}, 104.9),
        ({"factor": 0.25}, 25.0),
        ({"tax": "out", "factor": 0.5}, 40.5),
    ],
)
def test_tax_and_shipping_are_in_or_out_before_the_factor(rule: dict[str, Any], expected: float) -> None:
    assert worth(ValueRule(**rule), tax=19.0, shipping=4.9) == (expected, "EUR")


def test_what_was_not_told_is_neither_in_nor_out() -> None:
    assert worth(ValueRule(tax="out", shipping="in")) == (100.0, "EUR")
    assert worth(ValueRule(tax="out"), value=None, tax=19.0) == (None, "EUR")


def test_tenths_add_up_to_tenths() -> None:
    assert worth(ValueRule(shipping="in"), value=0.1, shipping=0.2)[0] == 0.3
    assert worth(ValueRule(factor=1.1), value=3.0)[0] == 3.3


# --- margins -------------------------------------------------------------------------------------


def test_a_margin_is_a_share_of_each_price_or_an_amount_a_piece() -> None:
    items = (
        Item(item_id="A", price=24.95, quantity=2),  # 17.465
        Item(item_id="B", quantity=3),  # 12.60
        Item(item_category="Shoes", price=10.0),  # 2.50
    )

    assert worth(ValueRule(margin=MARGINS), items=items) == (32.57, "EUR")  # 32.565, half up


@pytest.mark.parametrize(
    ("otherwise", "expected"), [("keep", 100.0), ("none", None), (0.3, 10.0), (0.0, 7.0), (-0.1, 6.0)]
)
def test_an_unknown_item_takes_the_share_of_others_or_the_whole_value_stays(otherwise: Any, expected: Any) -> None:
    items = (Item(item_id="A", price=20.0), Item(item_id="unknown", price=10.0))

    assert worth(ValueRule(margin=MARGINS, otherwise=otherwise), items=items)[0] == expected


@pytest.mark.parametrize("items", [(), (Item(item_id="A"),)], ids=["no items", "no price"])
def test_without_a_price_the_share_is_of_the_value(items: tuple[Item, ...]) -> None:
    assert worth(ValueRule(margin=MARGINS, otherwise=0.3), items=items)[0] == 30.0
    assert worth(ValueRule(margin=MARGINS), items=items)[0] == 100.0


def test_an_amount_in_another_money_is_unknown() -> None:
    rule = ValueRule(margin=MARGINS, currency="EUR", otherwise=0.5)

    assert worth(rule, items=(Item(item_id="B", price=10.0),)) == (4.2, "EUR")
    assert worth(rule, items=(Item(item_id="B", price=10.0),), currency="USD") == (5.0, "USD")


# --- scores, predicted worth, fixed --------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "more", "expected"),
    [
        ({"param": "lead_score", "factor": 2.5}, {"lead_score": 72}, 180.0),
        ({"param": "predicted_ltv"}, {"predicted_ltv": 180.555}, 180.56),
        ({"param": "grade", "scores": {"hot": 120}}, {"properties": {"grade": " hot "}}, 120.0),
        ({"param": "grade", "scores": {"7": 9}}, {"properties": {"grade": 7.0}}, 9.0),
        ({"param": "vip", "scores": {"true": 9}}, {"properties": {"vip": True}}, 9.0),
        ({"param": "segment", "table": SEGMENTS}, {"properties": {"segment": "gold"}}, 420.0),
        ({"param": "segment", "table": SEGMENTS}, {"properties": {"segment": "tin"}}, 100.0),
        ({"param": "segment", "table": SEGMENTS, "otherwise": 7}, {"properties": {"segment": "tin"}}, 7.0),
        ({"param": "segment", "table": SEGMENTS, "otherwise": "none"}, {}, None),
        ({"param": "grade"}, {"properties": {"grade": "12.5"}}, 12.5),
        ({"param": "grade"}, {"properties": {"grade": ["12.5"]}}, 100.0),
        ({"fixed": 40}, {}, 40.0),
    ],
)
def test_a_parameter_or_a_number_is_the_value(rule: dict[str, Any], more: dict[str, Any], expected: Any) -> None:
    assert worth(ValueRule(**rule), **more)[0] == expected


def test_a_value_in_another_money_takes_the_other_amounts_away_or_along() -> None:
    items = (Item(item_id="A", price=10.0),)
    bare = valued(event(currency="USD", tax=1.0, items=items), ValueRule(fixed=40, currency="EUR"))
    rich = valued(event(currency="USD", tax=1.0, items=items), ValueRule(fixed=40, currency="EUR", rates={"USD": 0.9}))

    assert (bare.value, bare.currency, bare.tax, bare.items[0].price) == (40.0, "EUR", None, None)
    assert (rich.value, rich.currency, rich.tax, rich.items[0].price) == (40.0, "EUR", 0.9, 9.0)


# --- currencies ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("currency", "cents", "expected"),
    [
        ("EUR", 4990.0, 49.9),
        ("JPY", 4990.0, 4990.0),
        ("KWD", 49905.0, 49.905),
        ("CLF", 12345.0, 1.2345),
        (None, 10, 0.1),
    ],
)
def test_minor_units_are_as_many_as_the_currency_has(currency: str | None, cents: float, expected: float) -> None:
    told = valued(
        event(currency=currency, value=cents, tax=cents, items=(Item(price=cents), Item(item_id="x"))),
        ValueRule(minor=True),
    )

    assert (told.value, told.tax, told.items[0].price, told.items[1].price) == (expected, expected, expected, None)


@pytest.mark.parametrize(
    ("told", "currency", "expected"),
    [("1.005", "EUR", 1.01), ("1234.5", "JPY", 1235.0), ("1.0005", "KWD", 1.001), ("-0.001", "EUR", 0.0)],
)
def test_rounding_is_half_up_to_the_places_of_the_currency(told: str, currency: str, expected: float) -> None:
    assert rounded(Decimal(told), currency) == expected


def test_rates_convert_every_amount_and_leave_unknown_money_alone() -> None:
    rule = ValueRule(currency="EUR", rates={"USD": 0.92})
    items = (Item(price=24.95, quantity=2),)

    told = valued(event(currency="USD", value=49.9, tax=3.1, shipping=4.9, items=items), rule)

    assert (told.value, told.currency, told.tax, told.shipping) == (45.91, "EUR", 2.85, 4.51)
    assert told.items[0].price == 22.95
    assert worth(rule, currency="GBP") == (100.0, "GBP")
    assert worth(rule) == (100.0, "EUR")


def test_an_amount_beyond_all_money_is_left_as_it_came() -> None:
    huge = event(value=1e300, items=(Item(price=1e308, quantity=1e10),))

    assert valued(huge, ValueRule(factor=2.0)) == huge
    assert valued(huge, ValueRule(minor=True)) == huge
    assert valued(huge, ValueRule(margin=MARGINS, otherwise=0.5)).value == 1e300


# --- rules that cannot be meant ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"fixed": 1, "param": "x"}, "fixed and param both say what the value is"),
        ({"margin": MARGINS, "fixed": 1}, "fixed and margin both"),
        ({"scores": {"a": 1}}, "look up a param"),
        ({"param": "x", "scores": {"a": 1}, "table": SEGMENTS}, "both look up the param"),
        ({"fixed": 1, "tax": "out"}, "in or out of the event's own value"),
        ({"otherwise": 3}, "otherwise is for a margin or a param"),
        ({"fixed": 1, "otherwise": "none"}, "otherwise is for a margin or a param"),
        ({"margin": MARGINS, "otherwise": 30}, "a share of the price"),
        ({"rates": {"USD": 0.9}}, "rates need the currency"),
        ({"currency": "EUR"}, "currency says what"),
    ],
)
def test_a_contradiction_is_refused(rule: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ValueRule(**rule)


# --- laws ----------------------------------------------------------------------------------------

MONEY = st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**6), 10**6)
CURRENCY = st.sampled_from((None, "EUR", "USD", "JPY", "KWD"))
ITEMS = st.lists(
    st.builds(Item, item_id=st.sampled_from(("A", "B", "C", None)), price=MONEY, quantity=MONEY), max_size=4
).map(tuple)
EVENTS = st.builds(
    event,
    name=st.sampled_from(("purchase", "generate_lead")),
    value=MONEY,
    currency=CURRENCY,
    tax=MONEY,
    shipping=MONEY,
    items=ITEMS,
    lead_score=MONEY,
    properties=st.dictionaries(st.just("grade"), st.sampled_from(("hot", "12", 7, True, None, [1])), max_size=1),
)
SHARE = st.sampled_from(("keep", "none")) | st.floats(-1, 1)
FACTOR = st.floats(0.001, 1000)
RATES = st.sampled_from(({}, {"currency": "EUR", "rates": {"USD": 0.92, "JPY": 0.0061}}))
RULES = st.one_of(
    st.builds(ValueRule, tax=st.sampled_from((None, "in", "out")), factor=FACTOR, minor=st.booleans()),
    st.builds(lambda rates, **said: ValueRule(margin=MARGINS, **said, **rates), RATES, otherwise=SHARE, factor=FACTOR),
    st.builds(lambda rates, **said: ValueRule(**said, **rates), RATES, param=st.sampled_from(("lead_score", "grade"))),
    st.builds(lambda rates, **said: ValueRule(**said, **rates), RATES, fixed=st.floats(0, 1e9), factor=FACTOR),
)


@given(event=EVENTS, rule=RULES)
def test_a_rule_gives_real_money_and_never_less_than_nothing(event: Event, rule: ValueRule) -> None:
    told = valued(event, rule)

    assert told.value is None or told.value >= 0
    if told.value is not None and told.value != event.value:
        assert -Decimal(repr(told.value)).as_tuple().exponent <= max(1, places(told.currency))  # type: ignore[operator]
    assert valued(event, rule) == told, "pure"
    assert msgspec.structs.replace(told, value=None, currency=None, tax=None, shipping=None, items=()) == (
        msgspec.structs.replace(event, value=None, currency=None, tax=None, shipping=None, items=())
    ), "nothing but money is touched"


@given(value=st.floats(-1e6, 1e6), name=st.sampled_from(("purchase", "refund", "generate_lead")))
def test_only_a_refund_may_be_less_than_nothing(value: float, name: str) -> None:
    told = valued(event(name=name, value=value), ValueRule(factor=2.0)).value

    assert told is not None
    assert told >= 0 or name == "refund"
