from __future__ import annotations

import json
import math

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.outcome import Refused
from gateway.core.wires.draft import Refusal
from gateway.core.wires.json import MAX_EVENT_BYTES, Body, read


def body(raw: bytes) -> Body:
    result = read(raw)
    assert isinstance(result, Body), result
    return result


@pytest.mark.parametrize(
    ("raw", "batched", "count"),
    [
        (b'{"event":"a"}', False, 1),
        (b'\xef\xbb\xbf {"event":"a"} ', False, 1),
        (b"{}", False, 1),
        (b'{"events":[{"event":"a"},{"event":"b"}]}', True, 2),
        (b'[{"event":"a"}]', True, 1),
        (b"[]", True, 0),
        (b'{"events":[]}', True, 0),
    ],
)
def test_one_event_or_a_batch(raw: bytes, batched: bool, count: int) -> None:
    assert (body(raw).batched, len(body(raw).events)) == (batched, count)


@pytest.mark.parametrize(
    "raw",
    [
        *(b"", b" ", b"{", b"5", b'"x"', b"null", b"true", b"event=a", b"\xff\xfe"),
        *(b'{"events":5}', b'{"events":null}'),
        pytest.param(b"[" * 5000, id="deep"),
        pytest.param(b"[" * 500_000 + b"NaN", id="deep and forgivable"),
        pytest.param(b'{"value":NaN,"x":' + b"9" * 5000 + b"}", id="endless integer"),
    ],
)
def test_what_is_no_event_is_refused_as_a_whole(raw: bytes) -> None:
    result = read(raw)

    assert isinstance(result, Refusal)
    assert result.reason is Refused.BODY


def test_element_that_is_no_object_is_refused_alone() -> None:
    events = body(b'[{"event":"a"}, 5, null, [], "x"]').events

    assert events[0] == {"event": "a"}
    assert all(isinstance(event, Refusal) and event.reason is Refused.BODY for event in events[1:])


def test_a_thousand_events_and_no_more() -> None:
    assert len(body(b"[" + b",".join([b"{}"] * 1000) + b"]").events) == 1000
    result = read(b"[" + b",".join([b"{}"] * 1001) + b"]")
    assert isinstance(result, Refusal)
    assert result.reason is Refused.SIZE


def test_event_beyond_64_kib_is_refused_alone() -> None:
    small, large = {"event": "a"}, {"event": "b", "x": "y" * 65536}

    events = body(orjson.dumps({"events": [small, large]})).events

    assert events[0] == small
    assert isinstance(events[1], Refusal)
    assert events[1].reason is Refused.SIZE


def test_large_event_that_our_writer_cannot_say_is_weighed_too() -> None:
    raw = json.dumps([{"x": "\ud83d" + "y" * 65536}, {"x": "\ud83d"}]).encode()

    events = body(raw).events

    assert isinstance(events[0], Refusal)
    assert events[1] == {"x": "\ud83d"}


@pytest.mark.parametrize("batch", ["[%s,%s]", ' {"sent_at":5, "events":[%s , %s]}', "\ufeff[%s,%s]"])
def test_an_event_weighs_what_was_sent_to_the_byte(batch: str) -> None:
    # Our writer spells such a number with twelve bytes more.
    numbers = ",".join(["1e15"] * 8_000)
    fitting = f'{{"x":"{"y" * (MAX_EVENT_BYTES - len(numbers) - 15)}","z":[{numbers}]}}'
    assert len(fitting) == MAX_EVENT_BYTES, "the test itself"

    one, other = body((batch % (fitting, fitting.replace("1e15", "1e+15", 1))).encode()).events

    assert isinstance(one, dict)
    assert isinstance(other, Refusal)


def test_escapes_and_blanks_do_not_make_an_event_too_large() -> None:
    event = {"event": "a", "x": "ü" * 30_000}

    assert body(json.dumps(event, indent=9).encode()).events == (event,)
    assert body(json.dumps([event, event]).encode()).events == (event, event)
    assert isinstance(body(json.dumps({"x": "ü" * 33_000}).encode()).events[0], Refusal)


def test_half_an_emoji_makes_no_event_larger() -> None:
    torn, neighbour = {"event": "a", "x": "ü" * 12_000 + "\ud83d"}, {"event": "b", "x": "y" * 50_000}

    assert body(json.dumps([torn, neighbour]).encode()).events == (torn, neighbour)
    heavy = {"x": "ü" * 32_760 + "\ud83d"}
    assert isinstance(body(json.dumps([heavy]).encode()).events[0], dict)
    assert isinstance(body(json.dumps([{**heavy, "y": "123"}]).encode()).events[0], Refusal)


def test_deep_and_large_event_is_refused_not_raised() -> None:
    result = read(b'{"e":"' + b"x" * 70_000 + b'","d":' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"}")

    assert isinstance(result, Body)
    assert isinstance(result.events[0], Refusal)


def test_emoji_cut_in_two_nan_and_huge_numbers_cost_their_field_and_not_the_batch() -> None:
    assert body(b'{"page_title":"x \\ud83d"}').events == ({"page_title": "x \ud83d"},)
    assert body(b'{"value":1e999}').events == ({"value": math.inf},)
    event = body(b'{"value":NaN}').events[0]
    assert isinstance(event, dict)
    assert math.isnan(event["value"])


def test_beside_the_batch_sent_at_and_consent_are_heard() -> None:
    raw = b'{"sent_at":5,"consent":{"ad_storage":"denied"},"events":[{"event":"a"},{"event":"b","consent":{}}]}'

    result = body(raw)

    assert result.sent_at == 5
    assert result.events == ({"event": "a", "consent": {"ad_storage": "denied"}}, {"event": "b", "consent": {}})


@given(st.binary())
def test_any_bytes_are_a_body_or_a_refusal(raw: bytes) -> None:
    assert isinstance(read(raw), Body | Refusal)
