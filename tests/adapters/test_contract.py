"""What every adapter promises, asked of each one in ALL: to be in the list is to be under contract."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import HealthCheck, given, settings

from gateway.core.adapter import Adapter, Payload, Request, Response, Ruling, Verdict
from gateway.core.event import Browser, Event, Page, Person, Purpose, Wire
from gateway.core.outcome import Skip
from gateway.core.scan import leak
from tests.adapters.all import ALL, REGISTERED, Entry
from tests.adapters.strategies import events

STATUSES = (200, 204, 301, 400, 401, 403, 404, 408, 413, 429, 500, 503)
STRANGE = (
    b"",
    b"{}",
    b"[]",
    b"null",
    b"0",
    b'"ok"',
    b"\x00\xff\xfe garbage",
    b"<html><title>200 OK</title></html>",
    b'{"error":"text"}',
    b'{"error":{"code":"190","message":7}}',
    b'{"error":{"code":true,"error_subcode":[]}}',
    b'{"error":{"code":-1,"status":{},"details":"no list"}}',
    b'{"code":null,"message":{},"data":[]}',
    b'{"success":true}',
    b'{"events_received":true}',
    b'{"requestId":17}',
)

BARE = Event(site="shop", name="page_view", event_id="e-1", wires=(Wire.BROWSER,), at_ms=0, received_ms=0)
FULL = msgspec.structs.replace(
    BARE,
    name="purchase",
    at_ms=1_795_305_600_250,
    received_ms=1_795_305_600_900,
    page=Page(location="https://shop.example/thanks"),
    value=49.9,
    currency="EUR",
    transaction_id="1001",
    person=Person(
        digests={
            "email": dict.fromkeys(
                ("plain", "folded"), "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"
            ),
            "phone": {"e164": "1ef970831d7963307784fa8688e8fce101a15685d62aa765fed23f3a2c576a4e"},
        }
    ),
    browser=Browser(
        ip="203.0.113.7",
        user_agent="Mozilla/5.0",
        cookies={"fbp": "fb.1.1795305600250.52390506499288804", "ga_client_id": "584335997.1746564151"},
    ),
)

every_adapter = pytest.mark.parametrize("entry", ALL, ids=lambda entry: entry.name)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    entry: Entry
    path: Path
    told: dict[str, Any]

    @property
    def adapter(self) -> Adapter:
        return self.entry.make({**self.entry.options, **self.told.get("options", {})})

    @property
    def event(self) -> Event:
        return msgspec.convert(self.told["event"], Event)


def _cases() -> Iterator[Any]:
    for entry in ALL:
        for path in sorted(entry.cases.glob("*.json")):
            case = Case(entry=entry, path=path, told=json.loads(path.read_text(encoding="utf-8")))
            yield pytest.param(case, id=f"{entry.name}/{path.stem}")


every_case = pytest.mark.parametrize("case", list(_cases()))


# --- the shape of an adapter -----------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(REGISTERED))
def test_what_the_gateway_finds_is_under_contract(name: str) -> None:
    module, _, cls = REGISTERED[name].partition(":")

    assert getattr(importlib.import_module(module), cls) in {type(entry.adapter) for entry in ALL}


@every_adapter
def test_it_is_a_frozen_value_with_the_contracts_parts(entry: Entry) -> None:
    adapter = entry.adapter
    assert isinstance(adapter, Adapter)
    shape: Any = adapter

    assert vars(type(adapter))["__dataclass_params__"].frozen
    assert all(field.kw_only for field in dataclasses.fields(shape))
    assert not hasattr(adapter, "__dict__"), "slots=True"
    assert adapter == entry.adapter
    assert adapter.endpoint.startswith(("http://", "https://"))
    assert not adapter.endpoint.endswith("/")
    assert adapter.max_batch >= 1
    assert adapter.max_wait_ms >= 0
    assert adapter.max_age_s > 0
    assert adapter.purposes <= frozenset(Purpose)


@every_adapter
def test_its_file_is_short_enough_to_be_read(entry: Entry) -> None:
    module = inspect.getsourcefile(type(entry.adapter))
    assert module is not None

    assert len(Path(module).read_text(encoding="utf-8").splitlines()) <= 300


@every_adapter
def test_names_are_text_or_nothing(entry: Entry) -> None:
    for name in ("page_view", "purchase", "refund", "quiz_done", "Purchase", "a" * 64):
        told = entry.adapter.name(name)

        assert told is None or told


# --- saying ----------------------------------------------------------------------------------------


@every_adapter
def test_a_bare_event_is_said_or_skipped(entry: Entry) -> None:
    assert isinstance(entry.adapter.payload(BARE, "page_view"), Payload | Skip)


@every_adapter
def test_a_full_event_is_said(entry: Entry) -> None:
    _said(entry.adapter)


@every_adapter
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(event=events)
def test_any_event_is_said_or_skipped_and_left_as_it_was(entry: Entry, event: Event) -> None:
    adapter, before = entry.adapter, msgspec.json.encode(event)
    name = adapter.name(event.name)

    for told in (event.name, name):
        said = adapter.payload(event, told or "custom")

        assert said == adapter.payload(event, told or "custom"), "payload is pure"
        assert msgspec.json.encode(event) == before
        if isinstance(said, Payload):
            orjson.dumps(adapter.request([said]).json)
            assert leak(adapter.request([said]).json, adapter.hashed) is None


@every_adapter
def test_one_and_max_batch_payloads_both_pack(entry: Entry) -> None:
    adapter = entry.adapter
    said = _said(adapter)

    one, most = adapter.request([said]), adapter.request([said] * adapter.max_batch)

    for request in (one, most):
        assert request.path.startswith("/")
        assert request.method in ("POST", "PUT", "PATCH", "GET")
        orjson.dumps(request.json)
    assert len(orjson.dumps(most.json)) > len(orjson.dumps(one.json)) or adapter.max_batch == 1


@every_adapter
def test_no_secret_is_ever_visible(entry: Entry) -> None:
    adapter = entry.adapter

    shown = _shown(adapter.request([_said(adapter)])) + repr(adapter) + repr(adapter.auth)

    for secret in entry.secrets:
        assert secret not in shown


# --- ruling ----------------------------------------------------------------------------------------


@every_adapter
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("status", STATUSES)
def test_every_answer_gets_one_ruling_a_payload(entry: Entry, status: int, count: int) -> None:
    for body in (*STRANGE, *_foreign(entry, count)):
        verdicts = entry.adapter.verdicts(Response(status=status, headers={}, body=body), count)

        assert len(verdicts) == count, body
        assert all(isinstance(verdict, Verdict) for verdict in verdicts)
        if entry.confirms is not None or not 200 <= status < 300:
            assert Ruling.ACCEPTED not in {verdict.ruling for verdict in verdicts}, body


@every_adapter
@pytest.mark.parametrize("count", [1, 3, 100])
def test_its_own_confirmation_is_believed(entry: Entry, count: int) -> None:
    response = entry.confirms(count) if entry.confirms else Response(status=204, headers={}, body=b"")

    verdicts = entry.adapter.verdicts(response, count)

    assert [Ruling.ACCEPTED] * count == [verdict.ruling for verdict in verdicts]


@pytest.mark.parametrize("entry", [entry for entry in ALL if entry.confirms], ids=lambda entry: entry.name)
def test_a_redirect_or_a_server_error_is_never_a_confirmation(entry: Entry) -> None:
    assert entry.confirms is not None
    for status in (301, 307, 401, 429, 500, 503):
        response = dataclasses.replace(entry.confirms(2), status=status)

        assert Ruling.ACCEPTED not in {verdict.ruling for verdict in entry.adapter.verdicts(response, 2)}


@every_adapter
@pytest.mark.parametrize("status", STATUSES)
def test_reasons_are_codes_and_never_the_platforms_words(entry: Entry, status: int) -> None:
    body = (
        b'{"error":{"message":"joe@example.com is wrong","code":100,"status":"joe@example.com"},'
        b'"message":"joe@example.com","code":40002,"data":{"reason":"joe@example.com"}}'
    )

    for verdict in entry.adapter.verdicts(Response(status=status, headers={}, body=body), 2):
        assert "joe" not in verdict.reason


@every_adapter
def test_a_throttle_repeats_how_long_to_wait(entry: Entry) -> None:
    response = Response(status=429, headers={"retry-after": "17"}, body=b"")

    for verdict in entry.adapter.verdicts(response, 2):
        assert (verdict.ruling, verdict.retry_after_s) == (Ruling.THROTTLED, 17)


# --- golden cases ----------------------------------------------------------------------------------


@every_adapter
def test_it_has_golden_cases(entry: Entry) -> None:
    assert list(entry.cases.glob("*.json"))


@every_case
def test_golden_case_says_nothing_but_what_an_event_can(case: Case) -> None:
    """A misspelled field of the event would be passed over in silence, and the case would prove nothing."""
    assert _within(case.told["event"], msgspec.to_builtins(case.event)), case.path
    assert set(case.told) <= {"why", "options", "event", "renamed", "name", "payload", "lane", "skip"}
    assert ("payload" in case.told) != ("skip" in case.told)


@every_case
def test_golden_case_holds(case: Case) -> None:
    name = case.told["name"]
    if not case.told.get("renamed"):
        assert case.adapter.name(case.event.name) == name
    said = Skip.UNMAPPED if name is None else case.adapter.payload(case.event, name)

    if "skip" in case.told:
        assert said == Skip(case.told["skip"])
    else:
        assert isinstance(said, Payload), said
        assert json.loads(orjson.dumps(said.body)) == case.told["payload"]
        assert said.lane == case.told.get("lane", "")
        assert leak(case.adapter.request([said]).json, case.adapter.hashed) is None


def _said(adapter: Adapter) -> Payload:
    name = adapter.name(FULL.name)
    assert name is not None
    said = adapter.payload(FULL, name)
    assert isinstance(said, Payload), said
    return said


def _shown(request: Request) -> str:
    return repr(request) + str(request) + orjson.dumps(request.json).decode()


def _foreign(entry: Entry, count: int) -> list[bytes]:
    """What other platforms answer when they are content."""
    return [other.confirms(count).body for other in ALL if other.confirms and other.name != entry.name]


def _within(told: Any, kept: Any) -> bool:
    if isinstance(told, dict):
        return isinstance(kept, dict) and all(key in kept and _within(told[key], kept[key]) for key in told)
    if isinstance(told, list):
        return len(told) == len(kept) and all(map(_within, told, kept))
    return bool(told == kept)
