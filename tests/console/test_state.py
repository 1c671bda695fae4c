from __future__ import annotations

from typing import Any

import pytest

from gateway.console.state import condition, groups

QUIET: dict[str, Any] = {
    "destination": "meta",
    "state": "ok",
    "reason": "",
    "waiting": 0,
    "oldest_age_s": 0.0,
    "delivered": 0,
    "dead": 0,
}


@pytest.mark.parametrize(
    ("row", "word", "says"),
    [
        ({}, "Ready", "Nothing was delivered yet, nothing waits."),
        ({"delivered": 1204}, "Working", "1 204 delivered, nothing waiting."),
        ({"delivered": 9, "waiting": 3, "oldest_age_s": 75}, "Working", "3 waiting, the oldest for 1 min."),
        ({"state": "paused", "reason": "190"}, "Paused", "meta refused the token (190). Put a new one"),
        ({"state": "paused", "waiting": 2, "oldest_age_s": 7200}, "Paused", "kept: 2 waiting, the oldest for 2 h."),
        (
            {"state": "paused", "reason": "undeclared_host"},
            "Paused",
            "meta was not called: its adapter wants to call a host that its manifest does not name. Repair or remove",
        ),
        ({"state": "open", "reason": "connect"}, "Not reachable", "does not answer: no connection to the platform."),
        ({"state": "retrying", "reason": "http_503"}, "Retrying", "(it answered with HTTP 503)"),
    ],
)
def test_a_state_is_a_sentence_that_says_what_to_do(row: dict[str, Any], word: str, says: str) -> None:
    told = condition({**QUIET, **row}, is_enabled=True)

    assert told.word == word
    assert says in told.sentence.replace("\u202f", " ")


def test_a_destination_that_is_switched_off_says_so() -> None:
    assert condition(QUIET, is_enabled=False).word == "Switched off"


def test_dead_letters_are_gathered_by_what_they_died_of() -> None:
    letters = [
        {"outcome": "dead:rejected", "reason": "100", "at": 5.0},
        {"outcome": "dead:expired", "reason": "", "at": 9.0},
        {"outcome": "dead:rejected", "reason": "100", "at": 7.0},
    ]

    first, second = groups(letters)

    assert (first.often, first.code, first.newest_at) == (2, "100", 7.0)
    assert (second.often, second.words) == (1, "it became older than the platform accepts")
