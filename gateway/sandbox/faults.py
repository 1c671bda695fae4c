"""Scripted trouble: which call goes wrong next, and how.

Never enters: the trouble itself; the door makes it, this file only reads scripts and turns their pages.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final

from gateway.sandbox.call import Object, as_list, as_object
from gateway.sandbox.checks import is_int, is_number

# The words that say what goes wrong; one a fault. A delay may stand alone or in front of any of them.
ACTS: Final = (
    "status", "reset", "applied_then_reset", "throttle", "token", "garbage", "redirect", "refuse_id", "endless",
    "partial", "error", "pass",
)  # fmt: skip
_EXTRAS: Final = ("delay_s", "times", "at", "retry_after_s", "row")
_MAX_DELAY_S: Final = 600
_MAX_TIMES: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Hold one line of the script.

    Shape:   `times` None stands until it is deleted. `value` is the status, the event id or the code of the platform's
             error table that its word came with; `row` is the event which that error names, None for none.
    Units:   `delay_s`, `retry_after_s` in seconds.
    """

    act: str | None
    value: int | str | None = None
    delay_s: float = 0.0
    retry_after_s: int | None = None
    at: str = "events"
    times: int | None = 1
    row: int | None = None

    def said(self) -> Object:
        """Give the fault back in the words it was scripted with, with the times that remain."""
        told: Object = {} if self.act is None else {self.act: True if self.value is None else self.value}
        if self.delay_s:
            told["delay_s"] = self.delay_s
        if self.retry_after_s is not None:
            told["retry_after_s"] = self.retry_after_s
        if self.at != "events":
            told["at"] = self.at
        if self.row is not None:
            told["row"] = self.row
        return {**told, "times": self.times}


def read_script(body: object, places: Collection[str], errors: Collection[str] = ()) -> tuple[Fault, ...] | str:
    """Read one fault or a list of them, or say what is wrong with it and what would be right.

    Shape:   `places` are the names a fault may aim at with "at", `errors` the codes it may ask for with "error".
    """
    lines = as_list(body)
    script: list[Fault] = []
    for number, line in enumerate([body] if lines is None else lines):
        told = as_object(line)
        fault = f"fault {number}: an object is expected" if told is None else _read(told, places, errors)
        if isinstance(fault, str):
            return fault
        script.append(fault)
    return tuple(script)


def _read(told: Mapping[str, object], places: Collection[str], errors: Collection[str]) -> Fault | str:
    for word in told:
        if word not in ACTS and word not in _EXTRAS:
            return f"{word}: unknown fault{_nearest(word, (*ACTS, *_EXTRAS))}"
    acts = [word for word in ACTS if word in told]
    if len(acts) > 1:
        return f"{acts[0]} and {acts[1]} exclude each other; script them one after the other in a list"
    if not acts and "delay_s" not in told:
        return f"no fault named; one of delay_s, {', '.join(ACTS)}"
    act = acts[0] if acts else None
    value = _value(act, told, errors) if act else None
    if isinstance(value, _Wrong):
        return value.why
    standing = act == "refuse_id"
    times = told.get("times", None if standing else 1)
    if times is not None and not (isinstance(times, int) and is_int(times) and 1 <= times <= _MAX_TIMES):
        return f"times: a whole number from 1 to {_MAX_TIMES} is expected"
    delay_s, retry_after_s = told.get("delay_s", 0), told.get("retry_after_s")
    if not (isinstance(delay_s, (int, float)) and is_number(delay_s) and 0 <= delay_s <= _MAX_DELAY_S):
        return f"delay_s: seconds from 0 to {_MAX_DELAY_S} are expected"
    if retry_after_s is not None and not (isinstance(retry_after_s, int) and is_int(retry_after_s)):
        return "retry_after_s: whole seconds are expected"
    at = told.get("at", "events")
    if not isinstance(at, str) or at not in places:
        return f"at: unknown place{_nearest(str(at), places)}"
    row = told.get("row")
    if row is not None and not (isinstance(row, int) and is_int(row) and row >= 0 and act == "error"):
        return "row: a whole number from 0, beside error, is expected"
    return Fault(act=act, value=value, delay_s=float(delay_s), retry_after_s=retry_after_s, at=at, times=times, row=row)


@dataclass(frozen=True, slots=True)
class _Wrong:
    why: str


def _value(act: str, told: Mapping[str, object], errors: Collection[str]) -> int | str | _Wrong | None:
    value = told[act]
    match act:
        case "status":
            if isinstance(value, int) and is_int(value) and 200 <= value <= 599:
                return value
            return _Wrong("status: an HTTP status from 200 to 599 is expected")
        case "token":
            return "expired" if value == "expired" else _Wrong('token: "expired" is the only word it knows')
        case "refuse_id":
            return value if isinstance(value, str) and value else _Wrong("refuse_id: an event id is expected")
        case "error":
            # Many platforms' codes are numbers, and a script may well write them so.
            code = str(value)
            return code if code in errors else _Wrong(f"error: not a code of this platform{_nearest(code, errors)}")
        case _:
            return None if value is True else _Wrong(f"{act}: true is expected")


def _nearest(word: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else f"; known are {', '.join(known) or 'none'}"


class Script:
    """Hand out the faults in order, each as many times as it was scripted."""

    def __init__(self) -> None:
        self._lines: list[Fault] = []

    def write(self, faults: tuple[Fault, ...]) -> None:
        """Replace what was scripted."""
        self._lines = list(faults)

    def remaining(self) -> tuple[Fault, ...]:
        """Tell what is still to come."""
        return tuple(self._lines)

    def turn(self, at: str, event_ids: Collection[str]) -> Fault | None:
        """Take the next fault that means this call, if one does.

        Shape:   a fault that waits for an event id is passed over, unspent, by calls without it.
        """
        for place, fault in enumerate(self._lines):
            if fault.at != at or (fault.act == "refuse_id" and fault.value not in event_ids):
                continue
            if fault.times is not None:
                if fault.times > 1:
                    self._lines[place] = replace(fault, times=fault.times - 1)
                else:
                    del self._lines[place]
            return fault
        return None
