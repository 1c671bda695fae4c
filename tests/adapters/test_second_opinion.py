"""What the adapters say, the sandbox takes: two readings of one vendor's pages, neither copied from the other."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from gateway.core.adapter import Payload, Response, Ruling
from gateway.core.event import Event
from gateway.core.site import Destination
from gateway.delivery.sender import Sender
from gateway.sandbox import running
from tests.adapters.all import ALL, Entry

# The sandbox's name of the platform, and the option by which it knows who may speak.
_KEYS = {
    "consumer_key": "sandbox-x-consumer",
    "consumer_secret": "sandbox-x-consumer-secret",
    "access_token": "sandbox-x-access",
    "access_token_secret": "sandbox-x-access-secret",
}
SPOKEN_TO: dict[str, tuple[str, dict[str, Any]]] = {
    "tiktok": ("tiktok", {"access_token": "sandbox-tiktok-token"}),
    "linkedin": ("linkedin", {"access_token": "sandbox-linkedin-token"}),
    "x": ("x", {"credentials": _KEYS}),
    "snapchat": ("snap", {"access_token": "sandbox-snap-token"}),
    "pinterest": ("pinterest", {"access_token": "sandbox-pinterest-token"}),
    "reddit": ("reddit", {"access_token": "sandbox-reddit-token"}),
    "microsoft": ("microsoft", {"access_token": "sandbox-microsoft-token"}),
}
# Just after the golden events.
NOW_S = 1_795_305_602.0


def _said(entry: Entry, options: dict[str, Any]) -> list[tuple[str, Any, Payload]]:
    """Say every golden event that can be said."""
    told = []
    for path in sorted(entry.cases.glob("*.json")):
        case = json.loads(path.read_text(encoding="utf-8"))
        adapter = entry.make({**entry.options, **case.get("options", {}), **options})
        event = msgspec.convert(case["event"], Event)
        payload = adapter.payload(event, case["name"]) if case["name"] else None
        if isinstance(payload, Payload):
            told.append((path.stem, adapter, payload))
    return told


@pytest.mark.parametrize("entry", [entry for entry in ALL if entry.name in SPOKEN_TO], ids=lambda entry: entry.name)
async def test_every_golden_event_is_taken(entry: Entry) -> None:
    platform, options = SPOKEN_TO[entry.name]
    refused, calls = [], 0

    async with running(clock=lambda: NOW_S) as sandbox:
        for stem, adapter, payload in _said(entry, options):
            destination = Destination(name=entry.name, adapter=adapter, endpoint=sandbox.endpoint(platform))
            async with Sender(destination, now_ms=lambda: int(NOW_S * 1000)) as sender:
                answer = await sender.send(adapter.request([payload]))
            assert isinstance(answer, Response), answer
            (verdict,) = adapter.verdicts(answer, 1)
            calls += 1
            if verdict.ruling is not Ruling.ACCEPTED:
                refused.append((stem, verdict, sandbox.requests(platform)[-1]["reasons"]))
        violations = sandbox.violations()

    assert refused == []
    assert violations == []
    assert calls >= 10


# What goes wrong, and what an adapter may make of it.
TROUBLE: list[tuple[dict[str, Any], set[Ruling]]] = [
    ({"status": 503}, {Ruling.RETRY}),
    ({"throttle": True}, {Ruling.THROTTLED}),
    ({"token": "expired"}, {Ruling.HALT}),
    ({"refuse_id": "of the event"}, {Ruling.SPLIT, Ruling.REJECTED}),
    ({"garbage": True}, {Ruling.RETRY}),
]


@pytest.mark.parametrize(
    ("fault", "rulings"), [pytest.param(fault, rulings, id=next(iter(fault))) for fault, rulings in TROUBLE]
)
@pytest.mark.parametrize("entry", [entry for entry in ALL if entry.name in SPOKEN_TO], ids=lambda entry: entry.name)
async def test_the_platforms_way_of_failing_is_understood(
    entry: Entry, fault: dict[str, Any], rulings: set[Ruling]
) -> None:
    platform, options = SPOKEN_TO[entry.name]
    adapter, payload = next(
        (adapter, payload) for stem, adapter, payload in _said(entry, options) if stem == "purchase"
    )

    if "refuse_id" in fault:
        case = json.loads((entry.cases / "purchase.json").read_text(encoding="utf-8"))
        fault = {"refuse_id": case["event"]["event_id"]}

    async with running(clock=lambda: NOW_S) as sandbox:
        sandbox.script(platform, fault)
        destination = Destination(name=entry.name, adapter=adapter, endpoint=sandbox.endpoint(platform))
        async with Sender(destination, now_ms=lambda: int(NOW_S * 1000)) as sender:
            answer = await sender.send(adapter.request([payload]))
    assert isinstance(answer, Response), answer

    assert {verdict.ruling for verdict in adapter.verdicts(answer, 1)} <= rulings
