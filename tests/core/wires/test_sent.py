"""The one look at an event never misses what a look at each of its texts would find."""

from __future__ import annotations

import json as standard
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.redact import redact
from gateway.core.wires import json
from gateway.core.wires.draft import Refusal
from gateway.core.wires.sent import Look, Sent, look_into
from gateway.core.wires.text import scrub

TEXTS = st.one_of(
    st.lists(
        st.sampled_from(
            [
                "a",
                "\\",
                '"',
                "/",
                "\x00",
                "\n",
                "\x7f",
                "\x85",
                "\u00e9",
                "\u00a0",
                "\ud800",
                "u0041",
                "jo@x.de",
                "jo%40x.de",
            ]
        )
    ).map("".join),
    st.text(max_size=9),
)
EVENTS = st.dictionaries(TEXTS, st.one_of(TEXTS, st.lists(TEXTS, max_size=2)), max_size=3)


def texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    children = [*value.keys(), *value.values()] if isinstance(value, dict) else value
    return [text for child in children for text in texts(child)]


def assert_not_missed(event: dict[str, Any]) -> None:
    look = look_into(event)
    assert look.harmful or all(scrub(text) == text for text in texts(event))
    assert look.telling or all(redact(text) == text for text in texts(event))


@given(EVENTS)
def test_an_event_from_anywhere_is_looked_into(event: dict[str, Any]) -> None:
    assert_not_missed(event)


@given(EVENTS, st.booleans(), st.booleans())
def test_an_event_from_json_was_looked_at_as_it_came(event: dict[str, Any], is_ascii: bool, slashes: bool) -> None:
    text = standard.dumps({"events": [event], "consent": {"tcf": "x"}}, ensure_ascii=is_ascii)
    body = json.read((text.replace("/", "\\/") if slashes else text).encode("utf-8", "surrogatepass"))

    for read in () if isinstance(body, Refusal) else body.events:
        assert isinstance(read, dict)
        assert_not_missed(read)


@pytest.mark.parametrize(
    ("body", "look"),
    [
        (b'{"event": "a", "page_title": "Sch\xc3\xb6n"}', Look(False, False)),
        (b'{"event": "a", "page_title": "\\"so\\"", "page_location": "https:\\/\\/x"}', Look(False, False)),
        (b'{"event": "a", "page_title": "jo@shop.example"}', Look(False, True)),
        (b'{"event": "a", "page_title": "jo\\u0040shop.example"}', Look(True, True)),
        (b'{"event": "a", "page_title": "a\\\\b"}', Look(True, True)),
    ],
)
def test_ordinary_bodies_need_no_closer_look(body: bytes, look: Look) -> None:
    read = json.read(body)

    assert not isinstance(read, Refusal)
    assert isinstance(read.events[0], Sent)
    assert look_into(read.events[0]) == look
