"""The tables behind a value rule: margins by item or category, and what a score or a segment is worth.

A table is a CSV's text with a header; whoever reads the file hands it over. What is wrong names the file and the row.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from io import StringIO
from typing import Final, NamedTuple, Protocol

from gateway.core.event import Item

# A catalogue has thousands of rows, a very large one some hundred thousand.
MAX_ROWS: Final = 500_000
_NUMBER: Final = re.compile(r"[+-]?\d{1,15}(\.\d{1,12})?", re.ASCII)


class Margin(NamedTuple):
    """What is earned by one piece: a share of its price, or an amount. One of the two."""

    share: Decimal | None = None
    each: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Margins:
    """Margins by `item_id`, and by `item_category` for items that are not named."""

    items: Mapping[str, Margin]
    categories: Mapping[str, Margin]

    def of(self, item: Item) -> Margin | None:
        found = self.items.get(item.item_id) if item.item_id else None
        if found is None and item.item_category:
            found = self.categories.get(item.item_category.strip())
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """What each word of a parameter is worth."""

    values: Mapping[str, Decimal]


class _Reader(Protocol):
    """What `csv.reader` makes; its own type has no name."""

    line_num: int

    def __iter__(self) -> Iterator[list[str]]: ...


class _Columns(NamedTuple):
    """Where a table's columns stand, and whether its numbers have a decimal comma."""

    named: Mapping[str, int]
    width: int
    comma: bool


def margins(text: str, name: str) -> Margins:
    """Read a margin table: a column `item_id` or `item_category` (or both), and `margin` or `amount` (or both).

    Units:  `margin` is a share of the price, as in `0.35` or `35%`, -1 to 1; `amount` is in the currency, a piece.
    Errors: ValueError, naming the file (`name`) and the row as an editor counts it.
    """
    items: dict[str, Margin] = {}
    categories: dict[str, Margin] = {}
    columns, rows = _table(text, name, {"item_id", "item_category"}, {"margin", "amount"})
    # A column that is not there reads as an empty cell behind the last one.
    at = [columns.named.get(column, columns.width) for column in ("item_id", "item_category", "margin", "amount")]
    first: dict[tuple[bool, str], int] = {}
    made: dict[tuple[str, str], Margin] = {}  # a catalogue has few different margins
    for row, cells in rows:
        cells.append("")
        item, category, share, each = [cells[place].strip() for place in at]
        if bool(item) == bool(category):
            raise ValueError(f"{name}:{row}: fill in item_id or item_category, one of them")
        if bool(share) == bool(each):
            raise ValueError(f"{name}:{row}: fill in margin or amount, one of them")
        if first.setdefault((bool(item), item or category), row) != row:
            raise ValueError(f"{name}:{row}: stands in row {first[bool(item), item or category]} already")
        if (share, each) not in made:
            try:
                made[share, each] = _margin(share, each, columns)
            except ValueError as err:
                raise ValueError(f"{name}:{row}: {err}") from None
        (items if item else categories)[item or category] = made[share, each]
    return Margins(items=items, categories=categories)


def scores(text: str, name: str) -> Scores:
    """Read a table of two columns: one of any name, whose words are looked up, and `value`.

    Errors: as `margins`.
    """
    values: dict[str, Decimal] = {}
    columns, rows = _table(text, name, None, {"value"})
    worth = columns.named["value"]
    first: dict[str, int] = {}
    for row, cells in rows:
        word = cells[1 - worth].strip()
        if not word:
            raise ValueError(f"{name}:{row}: the first column is empty")
        if first.setdefault(word, row) != row:
            raise ValueError(f"{name}:{row}: stands in row {first[word]} already")
        try:
            values[word] = _number(cells[worth].strip(), "value", columns)
        except ValueError as err:
            raise ValueError(f"{name}:{row}: {err}") from None
    return Scores(values=values)


def _table(
    text: str, name: str, keys: set[str] | None, numbers: set[str]
) -> tuple[_Columns, Iterator[tuple[int, list[str]]]]:
    """Read the header. A spreadsheet of a decimal comma separates by `;`, and both are read."""
    text = text.removeprefix("\ufeff")
    head = text.partition("\n")[0]
    comma = ";" in head and "," not in head
    reader = csv.reader(StringIO(text, newline=""), delimiter=";" if comma else ",", strict=True)
    header = [cell.strip() for cell in next(iter(_read(reader, name)), [])]
    _check_header(header, name, keys, numbers)
    columns = _Columns({column: place for place, column in enumerate(header)}, len(header), comma)
    return columns, _rows(reader, name, columns.width)


def _rows(reader: _Reader, name: str, count: int) -> Iterator[tuple[int, list[str]]]:
    """Walk the rows below the header; empty ones are passed over."""
    for cells in _read(reader, name):
        row = reader.line_num
        if row > MAX_ROWS:
            raise ValueError(f"{name}: more than {MAX_ROWS} rows")
        if len(cells) == count:
            yield row, cells
        elif any(cell.strip() for cell in cells):
            raise ValueError(f"{name}:{row}: {len(cells)} cells, and the header has {count}")


def _read(reader: _Reader, name: str) -> Iterator[list[str]]:
    try:
        yield from reader
    except csv.Error as err:
        raise ValueError(f"{name}:{reader.line_num}: {err}") from None


def _check_header(columns: list[str], name: str, keys: set[str] | None, numbers: set[str]) -> None:
    said = set(columns)
    if len(said) != len(columns):
        raise ValueError(f"{name}:1: the header names a column twice")
    if not said & numbers:
        raise ValueError(f"{name}:1: the header needs a column {' or '.join(sorted(numbers, reverse=True))}")
    others = said - numbers
    if keys is None and len(others) != 1:
        raise ValueError(f"{name}:1: the header needs two columns, one of them value")
    if keys is not None and not others & keys:
        raise ValueError(f"{name}:1: the header needs a column {' or '.join(sorted(keys, reverse=True))}")
    if keys is not None and others - keys:
        raise ValueError(
            f"{name}:1: unknown column {min(others - keys)[:40]!r}; known: {', '.join(sorted(keys | numbers))}"
        )


def _margin(share: str, each: str, columns: _Columns) -> Margin:
    return Margin(share=_share(share, columns)) if share else Margin(each=_number(each, "amount", columns))


def _share(text: str, columns: _Columns) -> Decimal:
    percent = text.endswith("%")
    share = _number(text[:-1].rstrip() if percent else text, "margin", columns)
    share = share / 100 if percent else share
    if abs(share) > 1:
        raise ValueError("margin is a share of the price: write 0.35 or 35%")
    return share


def _number(text: str, column: str, columns: _Columns) -> Decimal:
    if columns.comma:
        text = text.replace(",", ".")
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{column} is not a number")
    return Decimal(text)
