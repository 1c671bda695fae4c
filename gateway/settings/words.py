"""What pydantic found, in words that name the key, what was expected, what kind stood there, and what was meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Annotated, Any, Final, Literal, get_args, get_origin

from pydantic_core import ErrorDetails

from gateway.settings.document import Document
from gateway.settings.problems import Place, Problem, nearest
from gateway.settings.shape import Key, Keys, arms, is_secret, keys_at

_EXPECTED: Final = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "mapping_type": "a mapping (key: value)",
    "dict_type": "a mapping (key: value)",
    "string_too_short": "text",
}
_BOUNDS: Final = {
    "greater_than": ("gt", "has to be more than"),
    "greater_than_equal": ("ge", "has to be at least"),
    "less_than": ("lt", "has to be less than"),
    "less_than_equal": ("le", "has to be at most"),
    "too_short": ("min_length", "too few entries; the least is"),
    "too_long": ("max_length", "too many entries; the most is"),
}


def explained(found: Document, keys: Keys, place: Place, errors: Iterable[ErrorDetails]) -> Iterator[Problem]:
    """Turn the errors of one part into problems; what the document itself complained about is not said twice."""
    placed = sorted(((written(found.data, place, error), error) for error in errors), key=lambda pair: repr(pair[0]))
    for where, group in groupby(placed, key=lambda pair: pair[0]):
        here = [error for _, error in group]
        # A list that lost its bad entries is not also too short.
        below = any(len(other) > len(where) and other[: len(where)] == where for other, _ in placed)
        unread = any(where[: len(place)] == place for place in found.unread)
        if not unread and not (below and here[0]["type"] == "too_short"):
            yield _problem(found, keys, place, where, here)


def written(data: Any, place: Place, error: ErrorDetails) -> Place:
    """Return where the error stands in the file: pydantic's location without its names of union members."""
    loc = (*place, *error["loc"])
    at: Place = ()
    for part in loc:
        inside = part in data if isinstance(data, dict) else isinstance(data, list) and isinstance(part, int)
        if inside:
            data, at = data[part], (*at, part)
        elif error["type"] == "missing" and part == loc[-1]:
            at = (*at, part)
    return at


def _problem(found: Document, keys: Keys, place: Place, where: Place, errors: list[ErrorDetails]) -> Problem:
    first = errors[0]
    known = keys_at(Annotated[Any, keys], where[len(place) : -1]) if len(where) > len(place) else {}
    if first["type"] == "extra_forbidden":
        return unknown_key(found, where, known)
    if first["type"] == "missing":
        key = known.get(str(where[-1]))
        return found.problem(where, "is missing", f"for example {example(str(where[-1]), key)}" if key else None)
    wanted = [words for error in errors if (words := _wanted(error))]
    if len(wanted) < len(errors):
        said = next(error for error in errors if not _wanted(error))
        return found.problem(where, _said(said))
    expected = " or ".join(dict.fromkeys(wanted))
    if first["loc"][-1:] == ("[key]",):
        return found.problem(where, f"unknown name; expected {expected}", _meant(errors))
    return found.problem(where, f"expected {expected}, got {kind_of(first['input'])}", _meant(errors))


def _wanted(error: ErrorDetails) -> str | None:
    if error["type"] in ("literal_error", "enum"):
        return str(error.get("ctx", {}).get("expected"))
    return _EXPECTED.get(error["type"])


def _meant(errors: list[ErrorDetails]) -> str | None:
    words = re.findall(r"'([^']+)'", " ".join(_wanted(error) or "" for error in errors))
    given = errors[0]["input"]
    word = nearest(given, words) if isinstance(given, str) else None
    return f"did you mean {word}?" if word else None


def _said(error: ErrorDetails) -> str:
    context = error.get("ctx", {})
    if error["type"] == "value_error":
        return str(context.get("error"))
    if error["type"] in _BOUNDS:
        name, words = _BOUNDS[error["type"]]
        return f"{words} {context.get(name)}"
    given = error["input"]
    # A stranger's check may say anything; it does not get to repeat what may be a secret.
    return "cannot be read" if isinstance(given, str) and given in error["msg"] else error["msg"]


def unknown_key(found: Document, place: Place, known: Mapping[str, Key | None]) -> Problem:
    """Say that a key is not known, and which one was probably meant: one beside it, or one level down."""
    word = str(place[-1])
    below = {name: keys_at(key.kind, ()) for name, key in known.items() if key is not None}
    deeper = next((f"{name}.{word}" for name, keys in below.items() if word in keys), None)
    meant = nearest(word, known)
    hint: str | None
    if deeper and meant != word:
        hint = f"did you mean {deeper}?"
    elif meant:
        key = known[meant]
        hint = f"did you mean {meant}?" + (f" For example {example(meant, key)}" if key else "")
    else:
        hint = f"known here: {', '.join(known)}" if known else None
    return found.problem(place, "unknown option", hint)


def example(name: str, key: Key) -> str:
    """Write a line that would do for a key."""
    if is_secret(key.kind):
        return f"{name}: ${{{name.upper()}}}"
    if not key.must and isinstance(key.default, bool | int | float | str):
        return f"{name}: {str(key.default).lower() if isinstance(key.default, bool) else key.default}"
    kinds = list(arms(key.kind))
    word = next((get_args(arm)[0] for arm in kinds if get_origin(arm) is Literal), None)
    if word is not None:
        return f"{name}: {word}"
    if any(get_origin(arm) in (tuple, frozenset, list) for arm in kinds):
        return f'{name}: ["…"]'
    if any(isinstance(arm, Keys) or isinstance(get_origin(arm), type) for arm in kinds):
        return f"{name}: {{…: …}}"
    return f"{name}: 1" if int in kinds or float in kinds else f'{name}: "…"'


def kind_of(value: Any) -> str:
    """Name the kind of a value, never the value."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return "a number"
        case "":
            return "empty text"
        case str():
            return "text"
        case list():
            return "a list"
        case _:
            return "a mapping"
