from __future__ import annotations

import math
from typing import Any

import pytest

from gateway.core.wires.scalars import currency, moment_ms, number


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (49.9, 49.9),
        (0, 0.0),
        (-3, -3.0),
        ("49.90", 49.9),
        (" 49.90 ", 49.9),
        ("-1", -1.0),
        ("1e3", 1000.0),
        ("1.234,56", None),
        ("1,5", None),
        ("1,234.56", None),
        ("", None),
        ("NaN", None),
        ("Infinity", None),
        ("1e999", None),
        ("1_000", None),
        ("٣", None),
        ("0x10", None),
        ("12 EUR", None),
        (True, None),
        (False, None),
        (math.nan, None),
        (math.inf, None),
        (10**400, None),
        ([1], None),
        ({}, None),
        (None, None),
    ],
)
def test_number_is_finite_or_nothing(sent: Any, read: float | None) -> None:
    assert number(sent, decimal_comma=False) == read


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("1.234,56", 1234.56),
        ("49,90", 49.9),
        ("1.234.567", 1234567.0),
        ("-1.234,5", -1234.5),
        ("49.90", 49.9),
        (49.9, 49.9),
        ("1.23,4", None),
        ("1,234.56", None),
        ("1,2,3", None),
    ],
)
def test_decimal_comma_is_read_where_the_site_writes_so(sent: Any, read: float | None) -> None:
    assert number(sent, decimal_comma=True) == read


@pytest.mark.parametrize(
    ("sent", "read_ms"),
    [
        (1795305600, 1_795_305_600_000),
        (1795305600.25, 1_795_305_600_250),
        ("1795305600.25", 1_795_305_600_250),
        (1795305600250, 1_795_305_600_250),
        (1795305600250000, 1_795_305_600_250),
        ("2026-11-22T00:00:00Z", 1_795_305_600_000),
        ("2026-11-22T01:00:00+01:00", 1_795_305_600_000),
        ("2026-11-22T00:00:00.250", 1_795_305_600_250),
        ("2026-11-22", 1_795_305_600_000),
        (0, 0),
        (-1, None),
        ("yesterday", None),
        ("", None),
        (True, None),
        (math.nan, None),
        (math.inf, None),
        ([], None),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-14:00", 253_402_351_199_000),
    ],
)
def test_moment_is_milliseconds_or_nothing(sent: Any, read_ms: int | None) -> None:
    assert moment_ms(sent) == read_ms


@pytest.mark.parametrize(
    ("sent", "read"), [("eur", "EUR"), (" USD ", "USD"), ("€", None), ("EURO", None), ("ÄÖÜ", None)]
)
def test_currency_is_three_letters(sent: str, read: str | None) -> None:
    assert currency(sent) == read
