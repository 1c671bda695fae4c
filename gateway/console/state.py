"""A destination's state as one sentence that says what is, and where needed what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.console.shown import count, span
from gateway.console.words import because, cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    word: str
    tone: str
    icon: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Dead letters that died of the same thing."""

    outcome: str
    code: str
    words: str
    often: int
    newest_at: float


def condition(row: Mapping[str, Any], *, is_enabled: bool) -> Condition:
    """Say how a destination is, from its row of `GET /admin/api/destinations`."""
    name, state, reason = row["destination"], row["state"], row["reason"]
    queue = _waiting(row) if row["waiting"] else "nothing waits"
    if not is_enabled:
        said = "The configuration says enabled: false. Events are skipped, not kept for later."
        return Condition(word="Switched off", tone="calm", icon="skip", sentence=said)
    match state:
        case "paused" if reason.startswith("undeclared_"):
            said = f"{name} was not called: {cause(reason)}. Repair or remove the package that brings the adapter; "
            said += f"the queue is kept: {queue}."
            return Condition(word="Paused", tone="bad", icon="pause", sentence=said)
        case "paused":
            said = f"{name} refused the token{_brackets(reason)}. Put a new one into the configuration and reload; "
            said += f"the queue is kept: {queue}. Every 30 s one event asks whether the token is good again."
            return Condition(word="Paused", tone="bad", icon="pause", sentence=said)
        case "open":
            said = f"{name} does not answer: {cause(reason) or 'several requests in a row failed'}. "
            said += f"Nothing is lost: {queue}. Every 10 s one event asks whether it is back."
            return Condition(word="Not reachable", tone="bad", icon="bolt", sentence=said)
        case "retrying":
            said = f"The last request failed{_brackets(cause(reason))} and is tried again by itself; {queue}."
            return Condition(word="Retrying", tone="wait", icon="retry", sentence=said)
        case _:
            pass
    if not row["delivered"] and not row["waiting"] and not row["dead"]:
        return Condition(word="Ready", tone="calm", icon="check", sentence="Nothing was delivered yet, nothing waits.")
    waits = _waiting(row) if row["waiting"] else "nothing waiting"
    said = f"{count(row['delivered'])} delivered, {waits}."
    return Condition(word="Working", tone="good", icon="check", sentence=said)


def groups(letters: Sequence[Mapping[str, Any]]) -> list[Group]:
    """Gather dead letters by what they died of, the most frequent first."""
    often = Counter((letter["outcome"], letter["reason"]) for letter in letters)
    newest: dict[tuple[str, str], float] = {}
    for letter in letters:
        key = (letter["outcome"], letter["reason"])
        newest[key] = max(newest.get(key, 0.0), letter["at"])
    return [
        Group(outcome=outcome, code=code, words=because(outcome, code), often=times, newest_at=newest[outcome, code])
        for (outcome, code), times in often.most_common()
    ]


def _waiting(row: Mapping[str, Any]) -> str:
    return f"{count(row['waiting'])} waiting, the oldest for {span(row['oldest_age_s'])}"


def _brackets(told: str) -> str:
    return f" ({told})" if told else ""
