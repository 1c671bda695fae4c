"""The way from a file to Settings: each part is read on its own, so that one mistake hides no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import PydanticUserError, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from gateway.core.site import Destination, Site
from gateway.settings import document, values
from gateway.settings.adapters import Adapters, BrokenAdapterError, fetch, installed
from gateway.settings.checks import misfits, strangers
from gateway.settings.document import Document
from gateway.settings.forms import Type
from gateway.settings.model import Demo, Sandbox, Server, Settings, StoreSettings
from gateway.settings.problems import ConfigError, Place, Problem, nearest
from gateway.settings.shape import Keys, destination_keys, keys_of
from gateway.settings.words import explained, kind_of, unknown_key, written

T = TypeVar("T")
TOP_KEYS = ("server", "store", "sites", "destinations", "sandbox", "demo")


def load(path: Path, *, env: Mapping[str, str], adapters: Adapters | None = None) -> Settings:
    """Read and check a configuration file.

    Errors: ConfigError with every problem there is, each with its line; nothing is half loaded.
    """
    parts = _Parts(document.read(path, env), installed() if adapters is None else adapters, path.parent)
    parts.check_top()
    settings = Settings(
        path=path,
        server=parts.one(Server, "server") or Server(),
        store=parts.one(StoreSettings, "store") or StoreSettings(),
        sites={name: replace(site, name=name) for name, site in parts.each("sites", parts.site)},
        destinations={name: replace(one, name=name) for name, one in parts.each("destinations", parts.destination)},
        sandbox=parts.one(Sandbox, "sandbox"),
        demo=parts.one(Demo, "demo") or Demo(),
        marks=parts.found.marks,
    )
    parts.check_fit(settings)
    if parts.problems:
        raise ConfigError(parts.problems)
    return settings


@dataclass(slots=True)
class _Parts:
    """Reads the parts of one document and gathers what is wrong with each."""

    found: Document
    adapters: Adapters
    folder: Path
    problems: list[Problem] = field(default_factory=list)
    doubtful: set[Place] = field(default_factory=set)

    def check_top(self) -> None:
        self.problems += self.found.problems
        data = self.found.data
        if not isinstance(data, dict):
            self._say((), f"expected a mapping (key: value), got {kind_of(data)}", "start from config/minimal.yaml")
            return
        known = dict.fromkeys(TOP_KEYS)
        self.problems += [unknown_key(self.found, (name,), known) for name in data if name not in known]
        if not data.get("sites"):
            self._say(("sites",), "at least one site is needed", "start from config/minimal.yaml")

    def check_fit(self, settings: Settings) -> None:
        """Check how the parts fit together, also beside parts that could not be read."""
        named = frozenset(self._mapping("destinations"))
        found = list(misfits(settings, frozenset(self.doubtful) | self.found.unread))
        for name, site in self._mapping("sites").items():
            written = site.get("destinations") if isinstance(site, dict) else None
            if isinstance(written, list):
                found += strangers(("sites", name, "destinations"), written, named)
        self.problems += [self.found.problem(*misfit) for misfit in found]

    def one(self, cls: type[T], key: str) -> T | None:
        """Read a part that may be absent; what is wrong with it is noted."""
        data = self.found.data if isinstance(self.found.data, dict) else {}
        return None if data.get(key) in (None, "") else self._read(cls, keys_of(cls), (key,))

    def each(self, key: str, read: Callable[[Place], T | None]) -> Iterator[tuple[str, T]]:
        """Read every part of a mapping of names."""
        data = self.found.data if isinstance(self.found.data, dict) else {}
        if data.get(key) not in (None, "") and not isinstance(data[key], dict):
            self._say((key,), f"expected a mapping of names, got {kind_of(data[key])}")
        for name in self._mapping(key):
            try:
                values.name(name)
            except ValueError as err:
                self._say((key, name), str(err))
            part = read((key, name))
            if part is not None:
                yield name, part

    def site(self, place: Place) -> Site | None:
        return self._read(Site, keys_of(Site), place)

    def destination(self, place: Place) -> Destination | None:
        options = self._mapping("destinations")[str(place[1])]
        if not isinstance(options, dict):
            self._say(place, f"expected a mapping (key: value), got {kind_of(options)}", "begin with adapter: meta")
            return None
        adapter = options.get("adapter")
        if not isinstance(adapter, str) or adapter not in self.adapters:
            self._unknown_adapter((*place, "adapter"), adapter)
            return None
        try:
            return self._read(Destination, destination_keys(adapter, fetch(adapter, self.adapters)), place)
        except BrokenAdapterError as err:
            said = str(err)
        except PydanticUserError as err:
            said = f"the adapter {adapter} has an option of a type that cannot be read: {str(err).splitlines()[0]}"
        self._say((*place, "adapter"), said, "repair or remove the package that brings it")
        return None

    def _unknown_adapter(self, place: Place, adapter: Any) -> None:
        if place in self.found.unread:
            return
        names = ", ".join(sorted(self.adapters))
        meant = nearest(adapter, self.adapters) if isinstance(adapter, str) else None
        what = "is missing" if adapter is None else "no adapter of this name is installed"
        self._say(place, what, f"did you mean {meant}?" if meant else f"there are: {names}")

    def _mapping(self, key: str) -> dict[str, Any]:
        value = self.found.data.get(key) if isinstance(self.found.data, dict) else None
        return value if isinstance(value, dict) else {}

    def _read(self, cls: type[T], keys: Keys, place: Place) -> T | None:
        value = self.found.data
        for part in place:
            value = value[part]
        kind: Type = Annotated[cls, keys]
        reader: TypeAdapter[T] = TypeAdapter(kind)
        try:
            return reader.validate_python(value, context={"folder": self.folder})
        except ValidationError as err:
            # Only places and kinds leave this function: the exception itself holds the values.
            errors = err.errors(include_url=False)
        self.problems += explained(self.found, keys, place, errors)
        return self._rest(reader, place, value, errors)

    def _rest(self, reader: TypeAdapter[T], place: Place, value: Any, errors: list[ErrorDetails]) -> T | None:
        """Read a part without its bad keys, so that the rest of it can still be checked against other parts."""
        rest = deepcopy(value)
        for error in errors:
            bad = written(self.found.data, place, error)
            while bad and isinstance(bad[-1], int):
                bad = bad[:-1]
            inner = rest
            for part in bad[len(place) : -1]:
                inner = inner.get(part, {}) if isinstance(inner, dict) else {}
            if len(bad) > len(place):
                inner.pop(bad[-1], None)
                self.doubtful.add(bad)
        try:
            return reader.validate_python(rest, context={"folder": self.folder})
        except ValidationError:
            return None

    def _say(self, place: Place, message: str, suggestion: str | None = None) -> None:
        self.problems.append(self.found.problem(place, message, suggestion))
