"""One act's story, put in order for reading: what each copy said, what was taken from which, who was told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.console.curl import as_curl
from gateway.console.later import later
from gateway.console.shown import count, pretty
from gateway.console.words import PURPOSES, Sign, because, sign, signal
from gateway.core.event import Purpose
from gateway.core.plan import Plan

# Told in sections of their own, or in the page's head.
_ELSEWHERE: Final = frozenset(
    {"event", "site", "wires", "wire", "received_at", "consent", "consent_by", "ids", "veto", "bot"}
)
_SECTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "Act": ("event_id", "timestamp", "action_source", "test"),
    "Order": ("transaction_id", "value", "currency", "tax", "shipping", "coupon"),
    "Items": ("items",),
    "Page": ("page_location", "page_referrer", "page_title"),
    "Person": ("user",),
    "Connection": ("client",),
    "Campaign": ("campaign",),
    "Properties": ("properties",),
}
_FROM: Final[Mapping[str, str]] = {"browser": "the browser", "server": "the server"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One field: what each wire said, what the act says, and whose word that is (`both`, a wire, `joined`)."""

    field: str
    said: tuple[str | None, ...]
    merged: str | None
    source: str
    words: str
    is_moment: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Purposed:
    """One purpose: each copy's answer, the verdict, and why."""

    purpose: str
    meaning: str
    said: tuple[tuple[Sign, str], ...]
    verdict: Sign
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One delivery. `needs`: the purposes the destination asks for; `curl` None where nothing was sent.

    `valued`: what a rule made of the event's value, or None. `quality`: how well the platform could match it, by our
    estimate (0 to 10), or None.
    """

    destination: str
    late: bool
    outcome: str
    sign: Sign
    words: str
    code: str
    attempts: int
    at: float
    needs: tuple[str, ...]
    request: str | None
    response: str | None
    curl: str | None
    later: str = ""
    valued: str | None = None
    quality: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    story: Mapping[str, Any]
    sign: Sign
    summary: str
    joining: str
    wires: tuple[str, ...]
    sections: tuple[Section, ...]
    ids: tuple[Row, ...]
    purposes: tuple[Purposed, ...]
    deliveries: tuple[Told, ...]
    copies: tuple[tuple[str, str], ...]
    merged: str

    @property
    def is_moving(self) -> bool:
        """Whether anything may still happen by itself."""
        return bool(self.story["status"] != "settled")


def trace(story: Mapping[str, Any], plan: Plan) -> Trace:
    """Order the answer of `Ledger.explain` for the page."""
    copies: Sequence[Mapping[str, Any]] = story["copies"]
    told = tuple(_told(row, plan) for row in story["deliveries"])
    return Trace(
        story=story,
        sign=sign(story["status"]),
        summary=_summary(story, told),
        joining=_joining(story),
        wires=tuple(copy["wire"] for copy in copies),
        sections=tuple(_sections(copies, story["merged"])),
        ids=tuple(_compare(copies, story["merged"], "ids")),
        purposes=tuple(_purposed(purpose, story) for purpose in Purpose),
        deliveries=told,
        copies=tuple((copy["wire"], pretty(copy)) for copy in copies),
        merged=pretty(story["merged"]),
    )


def _summary(story: Mapping[str, Any], told: Sequence[Told]) -> str:
    wires = " and ".join(f"the {copy['wire']}" for copy in story["copies"])
    said = [f"Told by {wires}"]
    if story["duplicates"]:
        said.append(f"{count(story['duplicates'])} repeated")
    for word, kind in (("delivered to", "delivered"), ("skipped for", "skipped"), ("a dead letter at", "dead")):
        names = [row.destination for row in told if row.outcome.partition(":")[0] == kind and not row.late]
        if names:
            said.append(f"{word} {_listed(names)}")
    waiting = [row.destination for row in told if row.outcome in ("held", "waiting", "retrying")]
    if waiting:
        said.append(f"still to go to {_listed(waiting)}")
    return "; ".join(said) + "."


def _joining(story: Mapping[str, Any]) -> str:
    copies = story["copies"]
    if len(copies) == 2:
        by_order = copies[0].get("event_id") != copies[1].get("event_id")
        way = "the transaction id" if by_order else "the event id"
        apart = abs(copies[0]["received_at"] - copies[1]["received_at"])
        return f"Two copies share {way} and became one event; they came {apart:.1f} s apart."
    wire = copies[0]["wire"]
    other = "server" if wire == "browser" else "browser"
    if story["status"] == "held":
        return f"Only the {wire} told of it so far. It waits for the {other}'s copy, then leaves alone."
    return f"Only the {wire} told of it. A copy from the {other} would have been joined with it."


def _sections(copies: Sequence[Mapping[str, Any]], merged: Mapping[str, Any]) -> Iterator[Section]:
    known = {key for keys in _SECTIONS.values() for key in keys} | _ELSEWHERE
    others = tuple(key for key in merged if key not in known)
    for title, keys in (*_SECTIONS.items(), ("More", others)):
        rows = tuple(row for key in keys for row in _compare(copies, merged, key))
        if rows:
            yield Section(title=title, rows=rows)
    if any(copy.get("bot") for copy in copies):
        said = tuple(copy.get("bot") or "a person" for copy in copies)
        yield Section(title="Machine", rows=(Row(field="bot", said=said, merged=None, source="", words=""),))


def _compare(copies: Sequence[Mapping[str, Any]], merged: Mapping[str, Any], key: str) -> Iterator[Row]:
    """Set the copies' words for one key beside the act's, leaf by leaf."""
    flat = [dict(_leaves(key, copy.get(key))) for copy in copies]
    joined = dict(_leaves(key, merged.get(key)))
    for field in dict.fromkeys(name for leaves in (*flat, joined) for name in leaves):
        said = tuple(leaves.get(field) for leaves in flat)
        source = _source(copies, said, joined.get(field))
        yield Row(
            field=field,
            said=said,
            merged=joined.get(field),
            source=source,
            words={"both": "both agree", "joined": "both, joined", "": ""}.get(source, _FROM.get(source, "")),
            is_moment=field == "timestamp",
        )


def _source(copies: Sequence[Mapping[str, Any]], said: Sequence[str | None], merged: str | None) -> str:
    from_ = [copy["wire"] for copy, word in zip(copies, said, strict=True) if word is not None and word == merged]
    if len(from_) == 2:
        return "both"
    return from_[0] if from_ else "joined" if merged is not None else ""


def _leaves(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Walk a JSON-like value: one text a leaf, under its path."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(f"{name}.{key}", inner)
    elif isinstance(value, list | tuple):
        if all(isinstance(inner, str) for inner in value):
            if value:
                yield name, ", ".join(value)
        else:
            for place, inner in enumerate(value, 1):
                yield from _leaves(f"{name}[{place}]", inner)
    elif isinstance(value, bool):
        yield name, "yes" if value else "no"
    elif isinstance(value, float):
        yield name, f"{value:.10g}" if abs(value) < 1e6 else str(value)
    elif value is not None:
        yield name, str(value)


def _purposed(purpose: Purpose, story: Mapping[str, Any]) -> Purposed:
    said = tuple(
        (sign(copy["consent"][purpose.value]), signal(copy["consent_by"].get(purpose.value)))
        for copy in story["copies"]
    )
    consent = story["consent"]
    return Purposed(
        purpose=purpose.value,
        meaning=PURPOSES[purpose],
        said=said,
        verdict=sign(consent[purpose.value]),
        why=signal(consent["by"].get(purpose.value)),
    )


def _told(row: Mapping[str, Any], plan: Plan) -> Told:
    destination = plan.destinations.get(row["destination"])
    request, response = row["request"], row["response"]
    curl = as_curl(destination, request, row.get("lane") or "") if destination is not None and request else None
    return Told(
        destination=row["destination"],
        late=bool(row.get("late")),
        outcome=row["outcome"],
        sign=sign(row["outcome"]),
        words=because(row["outcome"], row["reason"]),
        code=row["reason"],
        attempts=row["attempts"],
        at=row["at"],
        needs=() if destination is None else tuple(sorted(destination.purposes)),
        request=None if request is None else pretty(request),
        response=None if response is None else pretty(response),
        curl=curl,
        later=later(row.get("followed")),
        valued=row.get("valued"),
        quality=row.get("match_quality"),
    )


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
