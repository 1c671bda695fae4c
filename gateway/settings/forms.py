"""What a value has to look like where its type alone says too little: forms, ranges, closed lists of words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias

from annotated_types import BaseMetadata, Ge, Gt, Le, Len
from pydantic import AfterValidator, AllowInfNan, BeforeValidator, GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from gateway.core.adapter import Secret
from gateway.core.plan import Keep
from gateway.core.rules import source, target
from gateway.core.site import (
    Batch,
    ConsentPolicy,
    CookieNames,
    DedupPolicy,
    Destination,
    EventOrEvery,
    Limits,
    MergePolicy,
    PathNames,
    ProxyRoute,
    Site,
)
from gateway.core.value import ValueRule
from gateway.core.value_tables import Margins, Scores, margins, scores
from gateway.settings import rules, values
from gateway.settings.model import Address, Server, StoreSettings
from gateway.settings.store_url import store_url

# Any type at all: a class, a union, Annotated[…]. Python has no name for them before 3.14.
Type: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class Text:
    """Read a text by a function that returns what it means, or raises ValueError. A number is text, too."""

    read: Callable[[str], Any]

    def __get_pydantic_core_schema__(self, source: Type, handler: GetCoreSchemaHandler) -> CoreSchema:
        text = core_schema.str_schema(min_length=1, coerce_numbers_to_str=True)
        return core_schema.no_info_after_validator_function(self.read, text)


@dataclass(frozen=True, slots=True)
class Word:
    """Take this word alone."""

    word: str

    def __get_pydantic_core_schema__(self, source: Type, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.literal_schema([self.word])


def _no_bool(kind: Literal["int_type", "float_type"]) -> BeforeValidator:
    def refuse(value: Any) -> Any:
        if isinstance(value, bool):
            raise PydanticCustomError(kind, "a number is wanted")  # else true would be 1
        return value

    return BeforeValidator(refuse)


def _address(text: str) -> Address:
    host, port = values.host_port(text)
    return Address(host=host, port=port)


def _redis(text: str) -> Secret:
    store_url(text)  # a wrong one is caught here, and told without its password
    return values.secret(text.strip())


def _reserved(rules: tuple[Any, ...]) -> tuple[Any, ...]:
    if rules:
        raise ValueError("is kept for a later release: leave it empty")
    return rules


def _sub_path(text: str) -> str:
    if values.path(text) == "/":
        raise ValueError("is the site's own path; write one below it, as in /i")
    return values.path(text)


def whole(*bounds: BaseMetadata) -> Type:
    # The bounds stand next to the type, so that the editor's schema has them, too.
    return Annotated[(int, *bounds, _no_bool("int_type"))]


def number(*bounds: BaseMetadata) -> Type:
    return Annotated[(float, AllowInfNan(False), *bounds, _no_bool("float_type"))]


# Ten years: more is a slip of the pen.
_DAYS: Final = number(Gt(0), Le(3650))

Plain: TypeAlias = Annotated[str, Text(values.plain)]
Name: TypeAlias = Annotated[str, Text(values.name)]
HostName: TypeAlias = Annotated[str, Text(values.host_name)]
Origin: TypeAlias = Annotated[str, Text(values.origin)]
EventName: TypeAlias = Annotated[str, Text(values.event_name)]
EventKey: TypeAlias = Annotated[str, Text(rules.event_or_every)]
Currency: TypeAlias = Annotated[str, Text(values.currency)]
Parameter: TypeAlias = Annotated[str, Text(target)]
SubPath: TypeAlias = Annotated[str, Text(_sub_path)]
CookieName: TypeAlias = Annotated[str, Text(values.cookie_name)]
Rate: TypeAlias = Annotated[str, Text(values.rate)]
SecretText: TypeAlias = Annotated[Secret, Text(values.secret)]
Wanted: TypeAlias = Literal["granted", "denied"]

READ_AS: Final[Mapping[Type, Type]] = {
    str: Plain,
    int: whole(),
    float: number(),
    Path: Annotated[Path, Text(values.folder)],
    Secret: SecretText,
    Address: Annotated[Address, Text(_address)],
    EventOrEvery: EventKey,
    values.Network: Annotated[values.Network, Text(values.network)],
}

_SCORE: TypeAlias = Annotated[float, AllowInfNan(False), Ge(0), Le(1e9), _no_bool("float_type")]
_RATE: TypeAlias = Annotated[float, AllowInfNan(False), Gt(0), Le(1e9), _no_bool("float_type")]
_STATIC: TypeAlias = Annotated[bool | int | float | str, AfterValidator(rules.static)]

NOT_KEYS: Final = frozenset(
    # A site and a destination are named by the key above them; the adapter's options stand beside the others.
    {(Site, "name"), (Destination, "name"), (Destination, "adapter")}
)

FORMS: Final[Mapping[tuple[type, str], Type]] = {
    # A Kubernetes node has up to some 100 cores.
    (Server, "workers"): whole(Ge(1), Le(256)) | Literal["auto"],
    # 25 s are promised for the whole stop; 5 s of them finish what is in hand.
    (Server, "drain_s"): number(Ge(0), Le(20)),
    (Server, "admin_hosts"): tuple[HostName, ...],
    (Server, "country_header"): Annotated[str, Text(values.header_name)] | None,
    (StoreSettings, "redis"): Annotated[Secret, Text(_redis)] | None,
    # A page reads 70 days of every shard's counters in one go.
    (StoreSettings, "shards"): whole(Ge(1), Le(32)) | None,
    # A terabyte of what waits is more memory than any server has.
    (StoreSettings, "backlog_mb"): whole(Ge(0), Le(1_000_000)),
    (Keep, "outcomes_d"): _DAYS,
    (Keep, "dead_d"): _DAYS,
    (Keep, "samples"): whole(Ge(0), Le(10_000_000)),
    (Site, "hosts"): Annotated[tuple[HostName, ...], Len(1)],
    (Site, "path"): Annotated[str, Text(values.path)],
    (Site, "origins"): Annotated[tuple[Origin, ...], Len(1)],
    (Site, "cookie_domain"): Annotated[str, Text(values.cookie_domain)],
    (Site, "phone_country"): Annotated[str, Text(values.country)] | None,
    (Site, "currency"): Annotated[str, Text(values.currency)] | None,
    # The new key and the old one: each costs a hash over the whole body.
    (Site, "request_keys"): Annotated[tuple[SecretText, ...], Len(0, 2)],
    (Site, "redirect_hosts"): tuple[HostName, ...],
    (Site, "wires"): Mapping[Literal["meta", "google", "tiktok"], Literal["all"]],
    (Site, "rules"): Annotated[tuple[Any, ...], AfterValidator(_reserved)],
    (PathNames, "image"): SubPath,
    (PathNames, "events"): SubPath,
    (PathNames, "tag"): SubPath,
    (CookieNames, "id"): CookieName,
    (CookieNames, "click"): CookieName,
    (ConsentPolicy, "regions"): Mapping[Annotated[str, Text(values.region)], Wanted],
    # A hold is kept in Redis and in everybody's patience: platforms want an event within the hour.
    (MergePolicy, "hold_s"): number(Ge(0), Le(3600)),
    (MergePolicy, "events"): frozenset[EventName],
    (MergePolicy, "confirm"): frozenset[EventName],
    (DedupPolicy, "window_h"): number(Gt(0), Le(24 * 400)),
    (DedupPolicy, "orders_d"): _DAYS,
    (Limits, "per_address"): Rate | None,
    (Limits, "per_key"): Rate | None,
    (ProxyRoute, "path"): SubPath,
    (ProxyRoute, "upstream"): Annotated[str, Text(values.upstream)],
    (Batch, "max_events"): whole(Ge(1), Le(100_000)) | None,
    (Batch, "max_wait_ms"): whole(Ge(0), Le(600_000)) | None,
    (Destination, "endpoint"): Annotated[str, Text(values.base_url)] | None,
    (Destination, "events"): Annotated[Mapping[EventKey, Plain | None], AfterValidator(rules.renames)],
    (Destination, "params"): Annotated[
        Mapping[Annotated[str, Text(source)], Parameter | None], AfterValidator(rules.moved)
    ],
    (Destination, "static"): Mapping[EventKey, Mapping[Parameter, _STATIC]],
    (ValueRule, "fixed"): number(Ge(0), Le(1e9)) | None,
    (ValueRule, "margin"): Annotated[Margins, rules.Table(margins)] | None,
    (ValueRule, "scores"): Mapping[Plain, _SCORE],
    (ValueRule, "table"): Annotated[Scores, rules.Table(scores)] | None,
    (ValueRule, "factor"): number(Gt(0), Le(1e6)),
    (ValueRule, "currency"): Currency | None,
    (ValueRule, "rates"): Mapping[Currency, _RATE],
    (Destination, "rate_limit"): Rate | None,
    (Destination, "sample"): number(Ge(0), Le(1)),
}
