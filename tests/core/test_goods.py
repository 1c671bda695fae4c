"""Sums that do not invent prices, currencies that can be one, and numbers spelled without exponents."""

from __future__ import annotations

from itertools import product
from string import ascii_uppercase
from typing import Any

import pytest

from gateway.core.event import Event, Item, Wire
from gateway.core.goods import (
    CURRENCIES,
    MONEY,
    amount,
    currency_code,
    named,
    pieces,
    pieces_in_all,
    worth,
    worth_in_words,
)
from gateway.sandbox import checks


def event(**more: Any) -> Event:
    return Event(
        site="shop", name="purchase", event_id="e", wires=(Wire.BROWSER,), at_ms=0, received_ms=0, **more
    )  # fmt: skip


@pytest.mark.parametrize(
    ("value", "items", "expected"),
    [
        (49.9, (Item(price=1.0),), 49.9),
        (0.0, (Item(price=1.0),), 0.0),
        (None, (Item(price=0.1), Item(price=0.1, quantity=2.0)), 0.3),
        (None, (Item(price=0.1), Item()), None),
        (None, (Item(price=1e308, quantity=10.0),), None),
        (None, (), None),
    ],
)
def test_worth_is_the_value_or_the_sum_of_fully_priced_items(
    value: float | None, items: tuple[Item, ...], expected: float | None
) -> None:
    assert worth(event(value=value, items=items)) == expected


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ("eur", "EUR"),
        ("USD", "USD"),
        ("EURO", None),
        ("€", None),
        (None, None),
        ("XXX", None),
        ("ZZZ", None),
        ("CLF", None),
    ],
)
def test_a_currency_is_money_in_three_capitals_or_nothing(told: str | None, code: str | None) -> None:
    assert currency_code(event(currency=told)) == code


def test_money_is_what_the_sandbox_wrote_down_for_itself() -> None:
    codes = map("".join, product(ascii_uppercase, repeat=3))

    assert {code for code in codes if checks.is_currency(code)} == MONEY
    assert {"CLF", "UYW"} <= CURRENCIES - MONEY
    assert CURRENCIES.isdisjoint({"XXX", "XTS", "XAU", "XDR", "ZZZ", "AAA"})


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (49.9, "49.9"),
        (-0.0, "0.0"),
        (1e-5, "0.0"),
        (0.1 + 0.2, "0.3"),
        (-1.0, None),
        (-1e-5, None),
        (1e15 - 1, "999999999999999.0"),
        (1e15, None),
        (1e308, None),
        (None, None),
    ],
)
def test_worth_in_words_is_digits_and_a_point(value: float | None, words: str | None) -> None:
    assert worth_in_words(event(value=value)) == words


def test_a_blank_names_no_product() -> None:
    items = (Item(item_id="A"), Item(item_id=" "), Item(item_id=""), Item(item_name="B"))

    assert named(event(items=items)) == [Item(item_id="A")]


@pytest.mark.parametrize(
    ("quantity", "expected"), [(2.0, 2), (None, None), (0.0, None), (-1.0, None), (1.5, None), (1e300, None)]
)
def test_only_whole_pieces_count(quantity: float | None, expected: int | None) -> None:
    assert pieces(Item(quantity=quantity)) == expected


def test_an_item_without_a_quantity_is_one() -> None:
    assert pieces_in_all(event(items=(Item(), Item(quantity=3.0), Item(quantity=0.5)))) == 5
    assert pieces_in_all(event()) is None


@pytest.mark.parametrize(
    ("number", "text"),
    [(49.9, "49.9"), (50.0, "50"), (0.0, "0"), (1e-7, "0"), (0.000001, "0.000001"), (1e15, "1000000000000000"),
     (-2.5, "-2.5"), (24.950000000000003, "24.95"), (None, None)],
)  # fmt: skip
def test_an_amount_is_spelled_without_exponents(number: float | None, text: str | None) -> None:
    assert amount(number) == text
