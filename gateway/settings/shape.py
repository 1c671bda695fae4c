"""From a dataclass to what reads it out of a file: its fields are the keys, its types the check.

The core's dataclasses and the adapters know nothing of YAML or pydantic. Here each of their types gets a reader: text
becomes a Secret or an Address, and `forms.py` is stricter about some fields than their type can say.
"""

from __future__ import annotations

import collections.abc
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from gateway.core.adapter import Secret
from gateway.core.site import Destination
from gateway.settings.adapters import BrokenAdapterError
from gateway.settings.forms import FORMS, NOT_KEYS, READ_AS, Type, Word
from gateway.settings.problems import Place

_NOTHING: Final = (None, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key: how its value is read, whether it must be there, what it is when it is not."""

    kind: Type
    must: bool
    default: Any = ...


@dataclass(frozen=True, slots=True, eq=False)
class Keys:
    """Read a mapping that has these keys and no others, and build something of it.

    A key with a default and nothing behind it (`cookies:`, `redis: ""`) counts as absent: its lines may be commented
    out, and its text may be empty.
    """

    known: Mapping[str, Key]
    build: Callable[[dict[str, Any]], Any]

    def __get_pydantic_core_schema__(self, source: Type, handler: GetCoreSchemaHandler) -> CoreSchema:
        shape = core_schema.typed_dict_schema(
            {
                name: core_schema.typed_dict_field(
                    _with_default(handler.generate_schema(key.kind), key), required=key.must
                )
                for name, key in self.known.items()
            },
            extra_behavior="forbid",
        )
        present = core_schema.no_info_before_validator_function(self._present, shape)
        return core_schema.no_info_after_validator_function(self.build, present)

    def _present(self, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        present: dict[str, Any] = {}
        for name, value in given.items():
            key = self.known.get(name)
            if value not in _NOTHING or key is None or key.must or key.kind is Any:
                present[name] = value
            elif types.NoneType in get_args(key.kind):
                present[name] = None  # its default may be something else
        return present


def _with_default(schema: CoreSchema, key: Key) -> CoreSchema:
    # Only what one would write as a default is shown in an editor; the dataclass knows the rest itself.
    if key.must or type(key.default) not in (bool, int, float, str, types.NoneType):
        return schema
    return core_schema.with_default_schema(schema, default=key.default)


def keys_of(cls: type) -> Keys:
    """Return the reader of a dataclass. Fields that are no keys of the file are built empty, for `load` to fill."""
    unnamed = {field.name: "" for field in fields(cls) if (cls, field.name) in NOT_KEYS and _must(field)}
    return Keys(_known(cls), lambda given: cls(**unnamed, **given))


def destination_keys(kind: str, adapter: type) -> Keys:
    """Return the reader of a destination: the options that all take, and the adapter's own beside them.

    Errors: BrokenAdapterError when its types cannot be read, or an option is called like one that all have.
    """
    try:
        common, own = _known(Destination), _known(adapter)
    except (NameError, TypeError) as err:
        raise BrokenAdapterError(f"the types of the adapter {kind} cannot be read: {err}") from err
    if clash := sorted(set(own) & {*common, "adapter"}):
        raise BrokenAdapterError(f"the adapter {kind} has an option {clash[0]}: every destination has one of that name")

    def build(given: dict[str, Any]) -> Destination:
        options = {name: value for name, value in given.items() if name in own}
        rest = {name: value for name, value in given.items() if name in common}
        try:
            made = adapter(**options)
        except ValueError:
            raise  # its way to say what is wrong with an option
        except Exception as err:  # noqa: BLE001 - a stranger's class may raise anything, and its text may hold a secret
            raise ValueError(f"the adapter {kind} failed on its options: {type(err).__name__}") from None
        return Destination(name="", adapter=made, **rest)

    return Keys({"adapter": Key(kind=Annotated[str, Word(kind)], must=True), **own, **common}, build)


def _known(cls: type) -> dict[str, Key]:
    hints = get_type_hints(cls, include_extras=True)
    return {
        field.name: Key(
            kind=FORMS.get((cls, field.name)) or read_as(hints[field.name]),
            must=_must(field),
            default=field.default,
        )
        for field in fields(cls)
        if field.init and (cls, field.name) not in NOT_KEYS
    }


def _must(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


_GENERIC: Final = (tuple, frozenset, set, list, dict, collections.abc.Mapping, collections.abc.Sequence)


def read_as(kind: Type) -> Type:
    """Return the same type with a reader at each of its leaves that needs one."""
    if kind in READ_AS:
        return READ_AS[kind]
    if is_dataclass(kind) and isinstance(kind, type):
        return Annotated[kind, keys_of(kind)]
    origin: Any = get_origin(kind)
    args = get_args(kind)
    if origin in (Union, types.UnionType):
        return Union[tuple(read_as(arm) for arm in args)]  # noqa: UP007 - the arms are only known now
    if origin is Annotated:
        return Annotated[(read_as(args[0]), *args[1:])]
    if origin in _GENERIC:
        return origin[tuple(arg if arg is Ellipsis else read_as(arg) for arg in args)]
    return kind


def keys_at(kind: Type, place: Place) -> Mapping[str, Key]:
    """Return the keys that are known at a place; none where free names stand, or no mapping at all."""
    for part in place:
        kind = next(_inside(kind, part), None)
    return next((arm.known for arm in arms(kind) if isinstance(arm, Keys)), {})


def is_secret(kind: Type) -> bool:
    return any(arm is Secret for arm in arms(kind))


def _inside(kind: Type, part: str | int) -> Iterator[Type]:
    for arm in arms(kind):
        if isinstance(arm, Keys) and part in arm.known:
            yield arm.known[str(part)].kind
        elif get_origin(arm) in _GENERIC:
            yield get_args(arm)[-1 if isinstance(part, str) else 0]


def arms(kind: Type) -> Iterator[Any]:
    """Yield what a type may be, its readers among them: the members of a union, what Annotated says."""
    origin: Any = get_origin(kind)
    if origin in (Union, types.UnionType):
        for arm in get_args(kind):
            yield from arms(arm)
    elif origin is Annotated:
        yield from arms(kind.__origin__)
        yield from kind.__metadata__
    else:
        yield kind
