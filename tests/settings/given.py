"""What the tests of this room share: a valid file to spoil, and an adapter of nobody's."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest

from adapters.echo import Echo
from adapters.webhook import Webhook
from gateway.core.adapter import Payload, Request, Response, Secret, Verdict
from gateway.core.event import Event, Purpose
from gateway.core.manifest import Manifest
from gateway.core.outcome import Skip
from gateway.settings import ConfigError, Problem, Settings, load


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    kind: Literal["key", "user"]
    token: Secret | None = None

    def __post_init__(self) -> None:
        if self.kind == "user" and self.token is None:
            raise ValueError("token: needed for kind user")


@dataclass(frozen=True, slots=True, kw_only=True)
class StandIn:
    """It has an option of every kind that an adapter may have."""

    account_id: str
    access_token: Secret
    login: Login | None = None
    actions: Mapping[str, Login] = field(default_factory=dict)
    flags: tuple[Literal["LDU"], ...] | None = None
    version: int = 3
    retries: int | None = 5
    strict: bool = False

    endpoint: ClassVar[str] = "https://platform.example"
    purposes: ClassVar[frozenset[Purpose]] = frozenset({Purpose.AD_STORAGE})
    max_batch: ClassVar[int] = 10
    max_wait_ms: ClassVar[int] = 500
    max_age_s: ClassVar[int] = 3600
    dedup_s: ClassVar[int | None] = None
    takes_late: ClassVar[bool] = False
    hashed: ClassVar[frozenset[str]] = frozenset()
    manifest: ClassVar[Manifest] = Manifest(hosts=("platform.example",), secrets=("access_token", "login.token"))
    auth: ClassVar[None] = None

    def name(self, event_name: str) -> str | None:
        return event_name

    def payload(self, event: Event, name: str) -> Payload | Skip:
        return Skip.UNMAPPED

    def request(self, payloads: Sequence[Payload]) -> Request:
        return Request(path="/", json=[])

    def verdicts(self, response: Response, count: int) -> list[Verdict]:
        return []


ADAPTERS = {"stand_in": lambda: StandIn, "echo": lambda: Echo, "webhook": lambda: Webhook}

GOOD: dict[str, Any] = {
    "sites": {"shop": {"hosts": ["t.shop.example"], "origins": ["https://shop.example"], "destinations": ["main"]}},
    "destinations": {"main": {"adapter": "stand_in", "account_id": "123", "access_token": "${TOKEN}"}},
}
ENV = {"TOKEN": "not-to-be-seen-anywhere"}


def changed(*changes: tuple[str, Any]) -> dict[str, Any]:
    """Return the good configuration with values put at dotted places, as in `("sites.shop.path", "/m")`."""
    data = copy.deepcopy(GOOD)
    for place, value in changes:
        *above, last = place.split(".")
        inner = data
        for part in above:
            inner = inner.setdefault(part, {})
        inner[last] = value
    return data


def load_text(folder: Path, text: str, env: Mapping[str, str] = ENV) -> Settings:
    path = folder / "gateway.yaml"
    path.write_text(text)
    return load(path, env=env, adapters=ADAPTERS)


def loaded(folder: Path, *changes: tuple[str, Any], env: Mapping[str, str] = ENV) -> Settings:
    return load_text(folder, json.dumps(changed(*changes), indent=1), env)


def problems_in(folder: Path, text: str, env: Mapping[str, str] = ENV) -> tuple[Problem, ...]:
    with pytest.raises(ConfigError) as caught:
        load_text(folder, text, env)
    return caught.value.problems


def problems(folder: Path, *changes: tuple[str, Any], env: Mapping[str, str] = ENV) -> tuple[Problem, ...]:
    return problems_in(folder, json.dumps(changed(*changes), indent=1), env)


def only(found: tuple[Problem, ...]) -> Problem:
    assert len(found) == 1, [str(problem) for problem in found]
    return found[0]
