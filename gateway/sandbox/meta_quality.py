"""Meta's Dataset Quality API: how well the events of a dataset match a person, told in the fields that were asked for.

Source: developers.facebook.com/documentation/ads-commerce/conversions-api/dataset-quality-api, read 2026-11-22, and
recorded answers of v26.0: a dataset without events is `{}`, a field that does not exist is error 100.

Meta does not publish how it scores. Here the shares are counted from the events that were taken, and the score grows
with them from 1 to 10: a stand-in that moves in the documented direction and proves nothing about Meta's.
Never enters: the request around the question.
"""

from __future__ import annotations

import re
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from gateway.sandbox.call import Accepted, Object, as_object

Shape: TypeAlias = dict[str, "Shape"]

# What can be asked for, as deep as it goes; an empty mapping is a leaf.
_PERCENT: Final[Shape] = {"percentage": {}, "description": {}}
_EVENT: Final[Shape] = {
    "event_name": {},
    "event_match_quality": {
        "composite_score": {},
        "match_key_feedback": {"identifier": {}, "coverage": _PERCENT, "potential_aly_acr_increase": _PERCENT},
        "diagnostics": {
            "name": {}, "description": {}, "solution": {}, "percentage": {}, "affected_event_count": {},
            "total_event_count": {},
        },
    },
    "event_coverage": {**_PERCENT, "goal_percentage": {}, "potential_aly_acr_increase": _PERCENT},
    "dedupe_key_feedback": {
        "dedupe_key": {}, "browser_events_with_dedupe_key": _PERCENT, "server_events_with_dedupe_key": _PERCENT,
        "overall_browser_coverage_from_dedupe_key": _PERCENT,
    },
    "data_freshness": {"upload_frequency": {}, "description": {}},
    "event_potential_aly_acr_increase": _PERCENT,
    "acr": _PERCENT,
}  # fmt: skip
_ROOT: Final[Shape] = {"web": _EVENT}
# Names of the answer for the names of the parameters.
_IDENTIFIERS: Final[Mapping[str, str]] = {
    "em": "email", "ph": "phone", "fn": "first_name", "ln": "last_name", "db": "date_of_birth", "ge": "gender",
    "ct": "city", "st": "state", "zp": "zip_code", "country": "country", "external_id": "external_id",
    "client_ip_address": "ip_address", "client_user_agent": "user_agent", "fbc": "fbc", "fbp": "fbp",
}  # fmt: skip
_STRONG: Final = frozenset({"email", "phone", "external_id", "fbc", "fbp", "ip_address", "user_agent"})
_GOAL: Final = 75
_WORD: Final = re.compile(r"[a-z_]+|[{},]")
_MAX_DATASETS: Final = 1_000
_HOUR_S: Final = 3_600


class Wrong(ValueError):
    """The question names a field that does not exist, or cannot be read; the text is what Meta would say."""


class Taken:
    """Count what a dataset took, by event, for as long as the emulator lives."""

    def __init__(self) -> None:
        self._events: OrderedDict[tuple[str, str], Counter[str]] = OrderedDict()

    def note(self, accepted: Sequence[Accepted], agent: str | None, at_s: float) -> None:
        for one in accepted:
            counts = self._events.setdefault((one.account, one.name), Counter())
            counts["events"] += 1
            counts[f"agent {(agent or '').lower()}"] += 1
            counts["event_id"] += one.event_id is not None
            at = one.payload.get("event_time")
            counts["late"] += isinstance(at, int) and at_s - at > _HOUR_S
            user = as_object(one.payload.get("user_data")) or {}
            counts.update(_IDENTIFIERS[key] for key in user if key in _IDENTIFIERS)
            address = user.get("client_ip_address")
            counts["IPv4"] += isinstance(address, str) and ":" not in address
        while len(self._events) > _MAX_DATASETS:
            self._events.popitem(last=False)

    def told(self, dataset: str, agent: str | None, fields: str) -> Object:
        """Answer one question; raises Wrong."""
        wanted = _wanted(fields)
        rows = [
            _row(name, counts)
            for (account, name), counts in self._events.items()
            if account == dataset and (agent is None or counts[f"agent {agent.lower()}"])
        ]
        return {"web": [_cut(row, wanted["web"]) for row in rows]} if rows and "web" in wanted else {}


def _row(name: str, counts: Counter[str]) -> Object:
    total = counts["events"]

    def share(key: str) -> Object:
        return {"percentage": round(100 * counts[key] / total, 2), "description": "Share of the events."}

    found = {key for key in _IDENTIFIERS.values() if counts[key]}
    feedback: list[Object] = [{"identifier": key, "coverage": share(key)} for key in sorted(found)]
    worth = sum(counts[key] / total for key in _STRONG)
    diagnostics: list[Object] = []
    if counts["IPv4"]:
        diagnostics.append(
            {
                "name": "Update your IPv4 IP addresses to IPv6 IP addresses", "description": "IPv4 was sent.",
                "solution": "Send IPv6.", "percentage": share("IPv4")["percentage"],
                "affected_event_count": counts["IPv4"], "total_event_count": total,
            }
        )  # fmt: skip
    return {
        "event_name": name,
        "event_match_quality": {
            "composite_score": round(1 + 9 * worth / len(_STRONG), 1), "match_key_feedback": feedback,
            "diagnostics": diagnostics,
        },
        # The emulator sees no browser: nothing of it is covered.
        "event_coverage": {"percentage": 0, "goal_percentage": _GOAL, "description": "No browser events were seen."},
        "dedupe_key_feedback": [
            {
                "dedupe_key": key, "browser_events_with_dedupe_key": {"percentage": 0, "description": "None."},
                "server_events_with_dedupe_key": share(key),
                "overall_browser_coverage_from_dedupe_key": {"percentage": 0, "description": "None."},
            }
            for key in ("event_id", "external_id", "fbp")
        ],
        "data_freshness": {
            "upload_frequency": "hourly" if 2 * counts["late"] > total else "real_time",
            "description": "How often events come.",
        },
    }  # fmt: skip


def _wanted(text: str) -> Shape:
    """Read `web{event_name,event_coverage{percentage}}` against what there is."""
    words = _WORD.findall(text)
    if "".join(words) != text.replace(" ", ""):
        raise Wrong("Syntax error in the parameter fields")
    read, rest = _level(words, _ROOT)
    if rest:
        raise Wrong("Syntax error in the parameter fields")
    return read


def _level(words: list[str], known: Shape) -> tuple[Shape, list[str]]:
    read: Shape = {}
    while words and words[0] != "}":
        name, words = words[0], words[1:]
        if name not in known:
            raise Wrong(f"Tried accessing nonexisting field ({name})")
        read[name] = known[name]  # asked for as a whole, unless braces follow
        if words and words[0] == "{":
            read[name], words = _level(words[1:], known[name])
            if not words or not read[name]:
                raise Wrong("Syntax error in the parameter fields")
            words = words[1:]
        if words and words[0] == ",":
            words = words[1:]
    return read, words


def _cut(told: object, wanted: Shape) -> object:
    """Keep what was asked for; a leaf as it is."""
    if not wanted:
        return told
    if isinstance(told, list):
        return [_cut(one, wanted) for one in told]
    row = as_object(told) or {}
    return {key: _cut(value, wanted[key]) for key, value in row.items() if key in wanted}
