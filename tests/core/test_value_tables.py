"""Tables out of a spreadsheet: what they say, and which row is wrong."""

from __future__ import annotations

from decimal import Decimal

import pytest

from gateway.core.event import Item
from gateway.core.value_tables import Margin, margins, scores

TABLE = """item_id,item_category,margin,amount
SKU1,,0.35,
SKU2,,,4.20
,Shoes,25%,
"""


def test_an_item_is_found_by_its_id_and_else_by_its_category() -> None:
    table = margins(TABLE, "m.csv")

    assert table.of(Item(item_id="SKU1", item_category="Shoes")) == Margin(share=Decimal("0.35"))
    assert table.of(Item(item_id="SKU2")) == Margin(each=Decimal("4.20"))
    assert table.of(Item(item_id="other", item_category=" Shoes ")) == Margin(share=Decimal("0.25"))
    assert table.of(Item(item_id="other")) is None
    assert table.of(Item()) is None


@pytest.mark.parametrize(
    "text",
    [
        "item_id;margin\nSKU1;0,35\n",
        "\ufeffitem_id,margin\r\nSKU1,0.35\r\n\r\n",
        'item_id,margin\n"SKU1","35 %"\n',
        " item_id , margin \n SKU1 , 0.35 ",
    ],
)
def test_what_spreadsheets_write_is_read(text: str) -> None:
    assert margins(text, "m.csv").of(Item(item_id="SKU1")) == Margin(share=Decimal("0.35"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", r"^m\.csv:1: the header needs a column margin or amount"),
        ("sku,margin\n", r"^m\.csv:1: the header needs a column item_id or item_category"),
        ("item_id\n", r"^m\.csv:1: the header needs a column margin or amount"),
        ("item_id,margin,margn\n", r"^m\.csv:1: unknown column 'margn'; known: amount, item_category, item_id, margin"),
        ("item_id,item_id,margin\n", r"^m\.csv:1: the header names a column twice"),
        ("item_id,margin\nA,0.1\nB,lots\n", r"^m\.csv:3: margin is not a number"),
        ("item_id,margin\nA,35\n", r"^m\.csv:2: margin is a share of the price: write 0\.35 or 35%"),
        ("item_id,margin\nA,nan\n", r"^m\.csv:2: margin is not a number"),
        ("item_id,margin\nA\n", r"^m\.csv:2: 1 cells, and the header has 2"),
        ("item_id,margin\n,0.1\n", r"^m\.csv:2: fill in item_id or item_category"),
        ("item_id,item_category,margin\nA,B,0.1\n", r"^m\.csv:2: fill in item_id or item_category"),
        ("item_id,margin,amount\nA,0.1,2\n", r"^m\.csv:2: fill in margin or amount"),
        ("item_id,margin\nA,0.1\n\nA,0.2\n", r"^m\.csv:4: stands in row 2 already"),
        ('item_id,margin\n"A,0.1\n', r"^m\.csv:\d: "),
    ],
)
def test_a_wrong_table_names_its_row(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        margins(text, "m.csv")


def test_an_id_and_a_category_may_be_called_the_same() -> None:
    table = margins("item_id,item_category,margin\nA,,0.1\n,A,0.2\n", "m.csv")

    assert table.of(Item(item_id="A")) == Margin(share=Decimal("0.1"))
    assert table.of(Item(item_category="A")) == Margin(share=Decimal("0.2"))


def test_a_table_of_scores_has_a_word_and_a_value() -> None:
    assert scores("segment,value\ngold,420\nnew,35.5\n", "s.csv").values == {
        "gold": Decimal(420),
        "new": Decimal("35.5"),
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("segment,worth\ngold,1\n", r"^s\.csv:1: the header needs a column value"),
        ("segment,name,value\n", r"^s\.csv:1: the header needs two columns, one of them value"),
        ("segment,value\n,1\n", r"^s\.csv:2: the first column is empty"),
        ("segment,value\ngold,1\ngold,2\n", r"^s\.csv:3: stands in row 2 already"),
        ("segment,value\ngold,\n", r"^s\.csv:2: value is not a number"),
    ],
)
def test_a_wrong_table_of_scores_names_its_row(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        scores(text, "s.csv")
