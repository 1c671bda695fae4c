from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.sandbox.call import Accepted, Asked, Finding, OnRepeat, Ruled
from gateway.sandbox.state import MAX_CALLS, MAX_EVENTS, MAX_VIOLATIONS, Book, Memory, mask
from tests.sandbox.words import NOW_S, asked

ONE = Accepted(account="1", name="Purchase", event_id="a", payload={"x": 1}, keys=(("1\nPurchase\na", 100.0),))
RULED = Ruled(status=200, body={}, code="ok")


def note(book: Book, call: Asked) -> None:
    book.note(call, RULED, place="events", status=200, fault=None, repeats=0)


def test_same_name_inside_the_window_is_a_repeat() -> None:
    book = Book()

    repeats = [book.take([ONE, ONE], NOW_S), book.take([ONE], NOW_S + 100), book.take([ONE], NOW_S + 101)]

    assert repeats == [1, 1, 0]
    assert [one["repeats"] for one in book.events()] == [2, 0]


def test_event_without_a_name_is_never_recognised() -> None:
    book = Book()

    assert book.take([replace(ONE, keys=())] * 2, NOW_S) == 0


def test_forgetting_events_forgets_their_names() -> None:
    book = Book()
    book.take([ONE], NOW_S)

    book.forget_events()

    assert book.take([ONE], NOW_S) == 0


@pytest.mark.parametrize(
    ("on_repeat", "payload"),
    [
        (OnRepeat.KEEP_FIRST, {"user": {"a": 1}, "conversionValue": 1}),
        (OnRepeat.UNION, {"user": {"a": 1, "b": 2}, "conversionValue": 1}),
        (OnRepeat.RESTATE, {"user": {"a": 1, "b": 2}, "conversionValue": 5}),
        (OnRepeat.KEEP_RICHER, {"user": {"a": 9, "b": 2}, "conversionValue": 5}),
    ],
)
def test_repeat_does_to_the_first_what_the_platform_does(on_repeat: OnRepeat, payload: object) -> None:
    book = Book()
    first = replace(ONE, payload={"user": {"a": 1}, "conversionValue": 1})
    again = replace(ONE, payload={"user": {"a": 9, "b": 2}, "conversionValue": 5}, on_repeat=on_repeat)

    book.take([first, again], NOW_S)

    assert book.events()[0]["payload"] == payload
    assert first.payload == {"user": {"a": 1}, "conversionValue": 1}


def test_newest_events_stay_and_the_oldest_lose_their_names() -> None:
    book = Book()
    many = [replace(ONE, event_id=str(number), keys=((str(number), 100.0),)) for number in range(MAX_EVENTS + 1)]

    book.take(many, NOW_S)

    assert (len(book.events()), book.events()[0]["event_id"]) == (MAX_EVENTS, "1")
    assert book.take([many[0]], NOW_S) == 0


def test_newest_calls_stay() -> None:
    book = Book()

    for number in range(MAX_CALLS + 1):
        note(book, asked({"n": number}))

    assert (len(book.calls()), book.calls()[0]["body"]) == (MAX_CALLS, {"n": 1})


def test_bodies_are_kept_within_their_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.sandbox.state.MAX_KEPT_BYTES", 50)
    book = Book()

    for _ in range(5):
        note(book, asked("x" * 18))

    assert len(book.calls()) == 2


def test_violations_are_bounded() -> None:
    memory = Memory(["meta"])
    finding = Finding(row=0, field="f", why="w", violates=True)

    memory.blame("meta", asked(), [finding] * (MAX_VIOLATIONS + 1))

    assert len(memory.violations) == MAX_VIOLATIONS


def test_only_breaches_of_privacy_are_violations() -> None:
    memory = Memory(["meta"])

    memory.blame("meta", asked(), [Finding(row=0, field="f", why="w")])

    assert not memory.violations


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ('{"access_token": "tok", "a": "b"}', '{"access_token": "***", "a": "b"}'),
        ("data=1&access_token=tok&x=2", "data=1&access_token=***&x=2"),
        ("grant_type=x&assertion=a.b.c", "grant_type=x&assertion=***"),
        ("client_secret=s&refresh_token=r", "client_secret=***&refresh_token=***"),
        (
            '{"u": "https://a.example/?access_token=tok", "b": 1}',
            '{"u": "https://a.example/?access_token=***", "b": 1}',
        ),
    ],
)
def test_tokens_are_masked_and_nothing_else(text: str, masked: str) -> None:
    assert mask(text) == masked


def test_noted_call_holds_no_token() -> None:
    book = Book()
    headers = {"Authorization": "Bearer tok", "access-token": "tok", "X-Other": "stays"}

    note(book, asked({"access_token": "tok"}, headers=headers, query={"access_token": "tok", "q": "stays"}))

    (call,) = book.calls()
    assert "tok" not in repr({**call, "headers": None, "query": None, "body": None})
    assert call["headers"] == {"Authorization": "***", "access-token": "***", "X-Other": "stays"}
    assert (call["query"], call["body"]) == ({"access_token": "***", "q": "stays"}, {"access_token": "***"})
