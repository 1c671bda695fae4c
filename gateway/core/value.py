"""What an act is worth to a destination, where its `values` say so: margins, lead scores, predicted worth, currencies.

Pure, and asked of the merged act: both copies of an act, and every repeat of it, are told the same number. All sums are
decimal and rounded half up to the currency's own places; no act but a refund is ever worth less than nothing.
Never enters: a file (`value_tables.py` reads the text of one), a platform.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final, Literal

import msgspec

from gateway.core.event import Event, Item
from gateway.core.goods import amount, places
from gateway.core.value_tables import Margins, Scores
from gateway.core.wires.scalars import number

# Beyond this a float has no cents to round; the event goes as it came.
_MAX_AMOUNT: Final = Decimal(10**15)
_TEXTS: Final = ("coupon", "search_term", "transaction_id")
_NUMBERS: Final = ("value", "tax", "shipping", "lead_score", "predicted_ltv")


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueRule:
    """What one event is worth to one destination; the keys of `values` in the configuration.

    At most one of three says where the value comes from; without any it is the event's own.
    `fixed`: this number. `margin`: the items, each by a table's share of its price, or amount a piece. `param`: a
    parameter of the event, itself a number, or looked up in `scores` or in a `table`.
    `otherwise`: what an item or a parameter is worth that the tables do not know: a number (for `margin` a share of
    the price), `keep` (the event's own value stays), `none` (no value is sent).
    `tax`, `shipping`: put `in` to the event's own value, or taken `out` of it.
    `minor`: the event's amounts came in cents. `factor`: multiplies what came out.
    `currency`: what `fixed`, `param` and a table's amounts are in; with `rates` also what is converted to.
    `rates`: how much one unit of another currency is in `currency`.
    """

    fixed: float | None = None
    margin: Margins | None = None
    param: str | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    table: Scores | None = None
    otherwise: float | Literal["keep", "none"] = "keep"
    tax: Literal["in", "out"] | None = None
    shipping: Literal["in", "out"] | None = None
    minor: bool = False
    factor: float = 1.0
    currency: str | None = None
    rates: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        sources = [key for key in ("fixed", "margin", "param") if getattr(self, key) is not None]
        if len(sources) > 1:
            raise ValueError(f"{sources[0]} and {sources[1]} both say what the value is: keep one")
        if (self.scores or self.table) and self.param is None:
            raise ValueError("scores and table look up a param: name it")
        if self.scores and self.table:
            raise ValueError("scores and table both look up the param: keep one")
        if sources and (self.tax or self.shipping):
            raise ValueError(f"tax and shipping are in or out of the event's own value, and {sources[0]} is another")
        if self.otherwise != "keep" and (not sources or self.fixed is not None):
            raise ValueError("otherwise is for a margin or a param that the tables do not know")
        if self.margin and isinstance(self.otherwise, float | int) and not -1 <= self.otherwise <= 1:
            raise ValueError("otherwise is a share of the price here: write 0.3 for 30 percent")
        if self.rates and self.currency is None:
            raise ValueError("rates need the currency that they convert to")
        if self.currency and not (self.rates or sources):
            raise ValueError("currency says what fixed, param and amounts are in, or what rates convert to")


def valued(event: Event, rule: ValueRule) -> Event:
    """Return the event with the value that the rule gives it; where the rule knows none, the event's own.

    Errors: never raises; amounts beyond 10^15 are left as they came.
    """
    base = _in_major_units(event) if rule.minor else event
    worth, currency = _worth(base, rule)
    if worth is None:
        return msgspec.structs.replace(base, value=None)
    if isinstance(worth, Decimal):
        if currency == rule.currency:
            base = _converted(base, rule)
        base = _told(base, worth * _decimal(rule.factor), currency)
    told = _converted(base, rule)
    below = told.value is not None and told.value < 0 and told.name != "refund"
    return msgspec.structs.replace(told, value=0.0) if below else told


def _worth(event: Event, rule: ValueRule) -> tuple[Decimal | Literal["own"] | None, str | None]:
    """Return the rule's answer before its factor, and the money it is in; `own`: nothing is known, keep the event's."""
    if rule.fixed is not None:
        return _decimal(rule.fixed), rule.currency or event.currency
    if rule.margin is not None:
        found = _margin(event, rule, rule.margin)
    elif rule.param is not None:
        found = _looked_up(event, rule, rule.param)
    else:
        found = _own(event, rule)
        return ("own" if found is None else found), event.currency
    if found is not None:
        return found, event.currency if rule.margin else rule.currency or event.currency
    match rule.otherwise:
        case "none":
            return None, None
        case "keep":
            return "own", None
        case share if rule.margin:
            return ("own" if event.value is None else _decimal(event.value) * _decimal(share)), event.currency
        case score:
            return _decimal(score), rule.currency or event.currency


def _own(event: Event, rule: ValueRule) -> Decimal | None:
    if event.value is None:
        return None
    total = _decimal(event.value)
    for told, way in ((event.tax, rule.tax), (event.shipping, rule.shipping)):
        if told is not None and way is not None:
            total += _decimal(told) if way == "in" else -_decimal(told)
    return total


def _margin(event: Event, rule: ValueRule, table: Margins) -> Decimal | None:
    """Sum up the items' margins; None where there are none, or one is unknown and no share stands in for it."""
    total = Decimal(0)
    for item in event.items:
        pieces = Decimal(1) if item.quantity is None else _decimal(item.quantity)
        known = table.of(item)
        if known is not None and known.each is not None and rule.currency in (None, event.currency):
            total += known.each * pieces
            continue
        share = known.share if known is not None else None
        if share is None and not isinstance(rule.otherwise, str):
            share = _decimal(rule.otherwise)
        if share is None or item.price is None:
            return None
        total += share * _decimal(item.price) * pieces
    return total if event.items else None


def _looked_up(event: Event, rule: ValueRule, param: str) -> Decimal | None:
    told = parameter(event, param)
    if told is None:
        return None
    if rule.scores or rule.table is not None:
        known: Mapping[str, Decimal | float] = rule.table.values if rule.table is not None else rule.scores
        score = known.get(_word(told))
        return None if score is None else _decimal(score)
    read = number(told, decimal_comma=False)
    return None if read is None else _decimal(read)


def parameter(event: Event, name: str) -> Any:
    """Return what the event says under this name: one of its own fields, else one of the site's properties."""
    if name in _NUMBERS or name in _TEXTS:
        return getattr(event, name)
    return event.properties.get(name)


def _word(told: Any) -> str:
    """Spell a parameter as a table would: `72` for 72.0, `true` for True."""
    match told:
        case bool():
            return "true" if told else "false"
        case int() | float():
            return amount(float(told)) or ""
        case _:
            return str(told).strip()


def _in_major_units(event: Event) -> Event:
    """Divide every amount by what one major unit has of minor ones: 100 for most, 1 for the yen, 1000 for the dinar."""
    return _each_amount(event, lambda told: told.scaleb(-places(event.currency)), event.currency)


def _converted(event: Event, rule: ValueRule) -> Event:
    rate = rule.rates.get((event.currency or "").upper())
    if rate is None or rule.currency is None or event.currency == rule.currency:
        return event
    return _each_amount(event, lambda told: told * _decimal(rate), rule.currency)


def _told(event: Event, worth: Decimal, currency: str | None) -> Event:
    """Put a value into the event. In another money than the event's own its other amounts would be wrong: they go."""
    value = rounded(worth, currency)
    if value is None:
        return event
    if currency == event.currency or event.currency is None:
        return msgspec.structs.replace(event, value=value, currency=currency)
    items = tuple(msgspec.structs.replace(item, price=None) for item in event.items)
    return msgspec.structs.replace(event, value=value, currency=currency, tax=None, shipping=None, items=items)


def _each_amount(event: Event, change: Callable[[Decimal], Decimal], currency: str | None) -> Event:
    """Change every amount of the event alike, or none of them where one cannot be written any more."""

    def changed(told: float | None) -> float | None:
        return None if told is None else rounded(change(_decimal(told)), currency)

    def item(of: Item) -> Item:
        return of if of.price is None else msgspec.structs.replace(of, price=changed(of.price))

    made = {key: changed(getattr(event, key)) for key in ("value", "tax", "shipping")}
    items = tuple(map(item, event.items))
    lost = any(made[key] is None and getattr(event, key) is not None for key in made)
    if lost or any(new.price is None and old.price is not None for new, old in zip(items, event.items, strict=True)):
        return event
    return msgspec.structs.replace(event, **made, items=items, currency=currency)


def rounded(told: Decimal, currency: str | None) -> float | None:
    """Round half up to the currency's places; None for what is too large to have any."""
    if abs(told) >= _MAX_AMOUNT:
        return None
    made = float(told.quantize(Decimal(1).scaleb(-places(currency)), rounding=ROUND_HALF_UP))
    return made if math.isfinite(made) and made else 0.0


def _decimal(told: float | Decimal) -> Decimal:
    """Take a number by its shortest spelling: 0.1 is a tenth here, and not what a float makes of it."""
    return told if isinstance(told, Decimal) else Decimal(str(told))
