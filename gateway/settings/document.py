"""A YAML file (JSON is YAML) as plain values, each with the line it stands on; variables and files filled in.

YAML 1.2, so `NO` is a country and not False. The parser's nodes are read rather than its values: only they know
lines and whether a number was written so that reading it would lose something (`0123` is an id, not 123).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gateway.settings.problems import ConfigError, Mark, Place, Problem, problem_at, spelled

# A large site list is some 100 KiB; a Kubernetes ConfigMap cannot hold more than 1 MiB.
MAX_BYTES: Final = 1 << 20
# Aliases may repeat a part of the file; nine levels of nine of them would be a billion values.
MAX_VALUES: Final = 50_000
MAX_DEPTH: Final = 32
# The largest secret people mount is a service account's key file of some 3 KiB.
MAX_SECRET_BYTES: Final = 1 << 16

_TAG: Final = "tag:yaml.org,2002:"
_VARIABLE: Final = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|\$\{")
_BOOLS: Final = {"true": True, "false": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What a file says. `unread`: places whose value could not be had; a problem tells of each already."""

    name: str
    data: Any
    marks: Mapping[Place, Mark]
    problems: tuple[Problem, ...]
    unread: frozenset[Place]

    def problem(self, place: Place, message: str, suggestion: str | None = None) -> Problem:
        return problem_at(self.name, self.marks, place, message, suggestion)


def read(path: Path, env: Mapping[str, str]) -> Document:
    """Read the file; raises ConfigError when it is not YAML at all, else leaves its problems in the Document."""
    node = _parse(path, _text(path))
    reader = _Reader(str(path), env)
    data = reader.value(node, (), Mark(line=1, column=1))
    return Document(
        name=str(path),
        data=data,
        marks=reader.marks,
        problems=tuple(reader.problems),
        unread=frozenset(reader.unread),
    )


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as err:
        raise _unusable(path, 1, 1, f"cannot be read: {err.strerror}") from err
    if len(raw) > MAX_BYTES:
        raise _unusable(path, 1, 1, f"is larger than {MAX_BYTES} bytes: that is no configuration")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        line = raw.count(b"\n", 0, err.start) + 1
        raise _unusable(path, line, 1, "is not UTF-8 text") from None


def _parse(path: Path, text: str) -> Node:
    try:
        node: Node | None = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as err:
        mark = err.problem_mark or err.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        # The parser's full text shows a piece of the file, which may be a secret.
        raise _unusable(path, line, column, f"not YAML: {err.problem or err.context or 'unreadable'}") from None
    except YAMLError:
        raise _unusable(path, 1, 1, "not YAML: it holds a character that text cannot have") from None
    except RecursionError:
        raise _unusable(path, 1, 1, f"nests deeper than {MAX_DEPTH} levels") from None
    if node is None:
        raise _unusable(path, 1, 1, "is empty", "start from config/minimal.yaml")
    return node


def _unusable(path: Path, line: int, column: int, message: str, suggestion: str | None = None) -> ConfigError:
    return ConfigError(
        [Problem(file=str(path), line=line, column=column, key="", message=message, suggestion=suggestion)]
    )


@dataclass(slots=True)
class _Reader:
    """Walks the nodes of one file; every mistake is noted and walked past."""

    name: str
    env: Mapping[str, str]
    marks: dict[Place, Mark] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    unread: set[Place] = field(default_factory=set)
    values: int = 0

    def value(self, node: Node, place: Place, mark: Mark) -> Any:
        self.marks[place] = mark
        self.values += 1
        if self.values > MAX_VALUES:
            where = Problem(
                file=self.name,
                line=mark.line,
                column=mark.column,
                key="",
                message=f"holds more than {MAX_VALUES} values, its aliases written out",
            )
            raise ConfigError([where])
        if len(place) > MAX_DEPTH:
            return self._wrong(place, f"nests deeper than {MAX_DEPTH} levels")
        if isinstance(node, MappingNode):
            return self._mapping(node, place)
        if isinstance(node, SequenceNode):
            return [self.value(item, (*place, at), _mark(item)) for at, item in enumerate(node.value)]
        if isinstance(node, ScalarNode):
            return self._scalar(node, place, mark)
        return self._wrong(place, "is neither a value, a list nor a mapping")

    def _mapping(self, node: MappingNode, place: Place) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                self._wrong(place, "a key has to be plain text")
                continue
            name, mark = str(key.value), _mark(key)
            if key.tag == f"{_TAG}merge":
                self._note((*place, name), mark, "merge keys are not understood", "repeat the keys, or use an alias")
            elif name in found:
                first = self.marks[(*place, name)].line
                self._note((*place, name), mark, f"is written twice; the first is on line {first}", "keep one of them")
            else:
                found[name] = self.value(value, (*place, name), mark)
        return found

    def _scalar(self, node: ScalarNode, place: Place, mark: Mark) -> Any:
        kind = str(node.tag).removeprefix(_TAG)
        text = str(node.value)
        if node.style is None:
            if kind == "null":
                return None
            if kind == "bool":
                return _BOOLS[text.lower()]
            if kind in ("int", "float"):
                return _number(text)
        if kind not in ("str", "int", "float", "bool", "timestamp"):
            return self._wrong(place, "tags such as !x are not understood", "write the value without it")
        if any("\ud800" <= char <= "\udfff" for char in text):
            # JSON writes what is beyond the first plane as two halves.
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return self._filled(text, place, mark)

    def _filled(self, text: str, place: Place, mark: Mark) -> Any:
        """Put in what `${NAME}` and `file:` stand for; what a variable leaves empty is nothing (None)."""
        if "${" in text:
            self.marks[place] = Mark(line=mark.line, column=mark.column, literal=text.startswith("$${"))
            parts, end = [], 0
            for found in _VARIABLE.finditer(text):
                put = self._variable(found, place)
                if put is None:
                    return None
                parts += [text[end : found.start()], put]
                end = found.end()
            text = "".join([*parts, text[end:]])
            if not text:
                return None
        return self._file(text, place, mark) if text.startswith("file:") else text

    def _variable(self, found: re.Match[str], place: Place) -> Any:
        if found[0] == "$${":
            return "${"
        name, default = found[1], found[2]
        if name is None:
            return self._wrong(place, "holds a ${ that is no ${NAME} or ${NAME:-default}", "write $${ for a plain ${")
        value = self.env.get(name)
        if value is not None:
            value = value.strip()  # a secret out of a file or of Kubernetes often ends in a line break
        if default is not None:
            return value or default
        if value is None:
            hint = f"export {name}, or give a default with ${{{name}:-…}}"
            return self._wrong(place, f"the environment has no {name}", hint)
        return value

    def _file(self, text: str, place: Place, mark: Mark) -> Any:
        path = Path(text.removeprefix("file:"))
        self.marks[place] = Mark(line=mark.line, column=mark.column, literal=False)
        if not path.is_absolute() or "\0" in text:
            return self._wrong(place, "file: needs an absolute path", "write it as in file:/run/secrets/meta_token")
        try:
            with path.open("rb") as file:
                raw = file.read(MAX_SECRET_BYTES + 1)
            if len(raw) > MAX_SECRET_BYTES:
                return self._wrong(place, f"the file {path} is larger than {MAX_SECRET_BYTES} bytes")
            content = raw.decode("utf-8-sig").strip()
        except OSError as err:
            return self._wrong(place, f"the file {path} cannot be read: {err.strerror}")
        except UnicodeDecodeError:
            return self._wrong(place, f"the file {path} is not UTF-8 text")
        return content or self._wrong(place, f"the file {path} is empty")

    def _wrong(self, place: Place, message: str, suggestion: str | None = None) -> Any:
        """Note it, and answer None: there is no value."""
        self._note(place, self.marks[place], message, suggestion)

    def _note(self, place: Place, mark: Mark, message: str, suggestion: str | None) -> None:
        self.unread.add(place)
        self.problems.append(
            Problem(
                file=self.name,
                line=mark.line,
                column=mark.column,
                key=spelled(place),
                message=message,
                suggestion=suggestion,
            )
        )


def _mark(node: Node) -> Mark:
    return Mark(line=node.start_mark.line + 1, column=node.start_mark.column + 1)


def _number(text: str) -> int | float | str:
    """Return a number only when nothing of its text is lost: a number that ends in a text field is written back."""
    for kind in (int, float):
        try:
            number = kind(text)
        except ValueError:
            continue
        if str(number) == text:
            return number
    return text
