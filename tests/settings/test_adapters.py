"""Adapters by entry point: ours are there, and a stranger's broken one is one clear error."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import pytest
from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from gateway.core.adapter import Secret
from gateway.settings import ConfigError, adapters, load
from gateway.settings.adapters import BrokenAdapterError, fetch, installed
from tests.settings.given import ENV, StandIn, changed, only

if TYPE_CHECKING:
    from nowhere import Unknown  # type: ignore[import-not-found]


@dataclass(frozen=True, kw_only=True)
class Clashing(StandIn):
    sample: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Unnamed(StandIn):
    more: Unknown | None = None


@dataclass(frozen=True, kw_only=True)
class Unreadable(StandIn):
    more: BrokenAdapterError | None = None


@dataclass(frozen=True, kw_only=True)
class Failing(StandIn):
    def __post_init__(self) -> None:
        raise RuntimeError(self.access_token.reveal())


def _leaky(value: str) -> str:
    raise PydanticCustomError("leaky", "{value} is wrong", {"value": value})


@dataclass(frozen=True, kw_only=True)
class Leaky(StandIn):
    account_id: Annotated[str, AfterValidator(_leaky)]


@dataclass(frozen=True, kw_only=True)
class Halfway:
    access_token: Secret


@dataclass(frozen=True, kw_only=True)
class Silent(StandIn):
    manifest: ClassVar[Any] = None


def _explodes() -> Any:
    raise ImportError("no module named requests_oauth")


BROKEN: list[tuple[Callable[[], Any], str]] = [
    (_explodes, "the adapter stand_in cannot be imported: ImportError: no module named requests_oauth"),
    (lambda: Clashing, "has an option sample: every destination has one of that name"),
    (lambda: Unnamed, "the types of the adapter stand_in cannot be read: name 'Unknown' is not defined"),
    (lambda: Unreadable, "has an option of a type that cannot be read"),
    (lambda: Failing, "the adapter stand_in failed on its options: RuntimeError"),
    (lambda: Halfway, "the adapter stand_in lacks auth, dedup_s, endpoint"),
    (lambda: Silent, "the adapter stand_in declares nothing: its manifest must be a Manifest, on the class"),
    (lambda: 12, "is no dataclass"),
]


@pytest.mark.parametrize(("loader", "said"), BROKEN)
def test_a_broken_adapter_is_one_clear_problem(tmp_path: Path, loader: Callable[[], Any], said: str) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text(json.dumps(changed()))

    with pytest.raises(ConfigError) as caught:
        load(path, env=ENV, adapters={"stand_in": loader})

    found = only(caught.value.problems)
    assert said in found.message
    assert found.key.startswith("destinations.main")
    assert ENV["TOKEN"] not in str(found)


def test_a_strangers_check_does_not_get_to_repeat_a_value(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text(json.dumps(changed(("destinations.main.account_id", "hunter2"))))

    with pytest.raises(ConfigError) as caught:
        load(path, env=ENV, adapters={"stand_in": lambda: Leaky})

    found = only(caught.value.problems)
    assert (found.key, found.message) == ("destinations.main.account_id", "cannot be read")


def test_a_broken_adapter_that_nobody_uses_stops_nobody(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text(json.dumps(changed()))

    assert load(path, env=ENV, adapters={"stand_in": lambda: StandIn, "broken": _explodes}).destinations


def test_two_packages_with_one_name_are_refused_when_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [
        EntryPoint(name="meta", value="adapters.meta:Meta", group=adapters.GROUP),
        EntryPoint(name="meta", value="stranger:Meta", group=adapters.GROUP),
    ]
    monkeypatch.setattr(adapters, "entry_points", lambda group: entries)
    installed.cache_clear()

    with pytest.raises(BrokenAdapterError, match="two installed packages call an adapter meta"):
        fetch("meta", installed())

    installed.cache_clear()
