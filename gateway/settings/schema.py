"""The configuration as JSON Schema, so that an editor completes keys and underlines mistakes while they are typed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from annotated_types import Len
from pydantic import PydanticUserError, TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from gateway.core.site import Site
from gateway.settings.adapters import Adapters, BrokenAdapterError, fetch, installed
from gateway.settings.forms import Name
from gateway.settings.model import Demo, Sandbox, Server, StoreSettings
from gateway.settings.shape import Key, Keys, destination_keys, keys_of, read_as

_MODE: Final[JsonSchemaMode] = "validation"
# Any single value may stand in the environment or in a file instead.
_ELSEWHERE: Final = {"type": "string", "pattern": r"\$\{|^file:/"}
# `key:` with nothing behind it, or `key: ""`: the default of whatever may be left out.
_NOTHING: Final = {"type": ["null", "string"], "maxLength": 0}
_TOP: Final = Keys(
    {
        "server": Key(kind=read_as(Server), must=False),
        "store": Key(kind=read_as(StoreSettings), must=False),
        "sites": Key(kind=Annotated[Mapping[Name, Annotated[Any, keys_of(Site)]], Len(1)], must=True),
        "destinations": Key(kind=Mapping[Name, Any], must=False),
        "sandbox": Key(kind=read_as(Sandbox | None), must=False),
        "demo": Key(kind=read_as(Demo), must=False),
    },
    dict,
)


def schema(adapters: Adapters | None = None) -> dict[str, Any]:
    """Return the JSON Schema of the configuration, with the options of every installed adapter.

    An adapter that cannot be imported is left out: `load` says so to whoever uses it.
    """
    known = installed() if adapters is None else adapters
    readers: list[tuple[str, JsonSchemaMode, TypeAdapter[Any]]] = [("", _MODE, TypeAdapter(Annotated[Any, _TOP]))]
    for name in sorted(known):
        try:
            readers.append((name, _MODE, TypeAdapter(Annotated[Any, destination_keys(name, fetch(name, known))])))
        except (BrokenAdapterError, PydanticUserError):
            continue
    found, shared = TypeAdapter.json_schemas(readers)
    top: dict[str, Any] = found["", _MODE]
    top["properties"]["destinations"]["additionalProperties"] = {
        "type": "object",
        "discriminator": {"propertyName": "adapter"},
        "oneOf": [found[name, _MODE] | _declared(fetch(name, known)) for name, _, _ in readers[1:]],
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Tagway configuration",
        **_loosened(top),
        "$defs": _loosened(shared.get("$defs", {})),
    }


def _declared(adapter: Any) -> dict[str, Any]:
    """Say what the adapter reads, calls and uses, under a key that editors pass over."""
    manifest = adapter.manifest
    parts = ("reads", "hosts", "urls", "secrets")
    return {"x-tagway-manifest": {part: list(getattr(manifest, part)) for part in parts}}


def _loosened(part: Any) -> Any:
    """Let a number, a switch or a word come from elsewhere, and an id be written without quotes."""
    if isinstance(part, list):
        return [_loosened(item) for item in part]
    if not isinstance(part, dict):
        return part
    loose = {
        key: value if key in ("enum", "default", "required", "properties") else _loosened(value)
        for key, value in part.items()
        if not (key == "title" and isinstance(value, str))  # the key again, with capitals
    }
    if "properties" in part:
        # By hand: a key of the file may be called `default` or `title`.
        inner = {name: _loosened(value) for name, value in part["properties"].items()}
        must = part.get("required", ())
        loose["properties"] = {name: one if name in must else _or_nothing(one) for name, one in inner.items()}
    kind = loose.get("type")
    if "const" in loose or not isinstance(kind, str):
        return loose
    if kind == "string" and "enum" not in loose:
        return {**loose, "type": ["string", "number"]}
    if kind in ("integer", "number", "boolean", "string"):
        default = {"default": loose.pop("default")} if "default" in loose else {}
        return {**default, "anyOf": [loose, _ELSEWHERE]}
    return loose


def _or_nothing(part: dict[str, Any]) -> dict[str, Any]:
    """Let a key have nothing behind it. What is known of its value stays where editors look for it."""
    if part.get("type") in ("object", "array"):
        return {**part, "type": [part["type"], "null", "string"], "maxLength": 0}
    default = {"default": part["default"]} if "default" in part else {}
    rest = {key: value for key, value in part.items() if key != "default"}
    arms = rest["anyOf"] if set(rest) == {"anyOf"} else [rest]
    return {**default, "anyOf": [*(arm for arm in arms if arm != {"type": "null"}), _NOTHING]}
