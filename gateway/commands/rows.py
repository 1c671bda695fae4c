"""A file of events as rows: JSON Lines, CSV with a header, or one JSON document; read once, a row at a time.

A row that cannot be read is a row with an error and the others go on; a file that cannot be read is UnreadableError.
No text of the file is ever repeated in an error: it is full of people.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal

import orjson

from gateway.core.event import ORDER_EVENTS

# What the gateway takes as one event; more is refused here, before it fills a request.
MAX_EVENT_BYTES: Final = 64 * 1024
# A quote that never ends would make the rest of the file one cell.
_MAX_CELL_CHARS: Final = 1 << 20
_DELIMITERS: Final = ",;\t"
_AS_JSON: Final = frozenset({"items", "properties"})
_BOOLS: Final = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_SUFFIXES: Final[dict[str, Literal["csv", "lines"]]] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "lines",
    ".ndjson": "lines",
}


class UnreadableError(Exception):
    """The file is no file of events; the text says where, never what stands there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One event as the gateway will read it, or why there is none. `at`: where, as in `line 17`."""

    unit: Literal["line", "event"]
    number: int
    event: dict[str, Any] | None = None
    error: str = ""

    @property
    def at(self) -> str:
        return f"{self.unit} {self.number}"


class Rows:
    """Reads a stream. `digest` is of all that was read to make the rows so far: the same file begins the same."""

    def __init__(self, stream: BinaryIO, name: str = "") -> None:
        self._stream = stream
        self._form = _SUFFIXES.get(Path(name).suffix.lower())
        self._digest = hashlib.sha256()
        self._number = 0
        self._namer = _Namer()

    @property
    def digest(self) -> str:
        return self._digest.hexdigest()

    def __iter__(self) -> Iterator[Row]:
        first = next((line for line in self._lines() if line.strip()), "")
        if not first:
            raise UnreadableError("the file is empty")
        head = first.lstrip()
        if self._form == "csv" or (self._form is None and head[0] not in "{["):
            yield from self._csv(first)
        elif self._form == "lines" or _is_event(head):
            yield from self._json_lines(first)
        else:
            yield from self._document(first)

    def _lines(self) -> Iterator[str]:
        while raw := self._stream.readline():
            self._number += 1
            if self._number == 1:
                raw = raw.removeprefix(b"\xef\xbb\xbf")
            if raw.strip():
                # A last line without its end is the same line when more is appended.
                self._digest.update(raw.rstrip(b"\r\n") + b"\n")
            try:
                yield raw.decode()
            except UnicodeDecodeError:
                raise UnreadableError(f"line {self._number} is not UTF-8; save the file as UTF-8") from None

    def _json_lines(self, first: str) -> Iterator[Row]:
        line: str | None = first
        while line is not None:
            if line.strip():
                yield self._row("line", self._number, _json(line))
            line = next(self._lines(), None)

    def _document(self, first: str) -> Iterator[Row]:
        try:
            said = orjson.loads("".join([first, *self._lines()]))
        except orjson.JSONDecodeError as err:
            # The parser's exception carries the whole document.
            message = f"not JSON: line {err.lineno}, column {err.colno}: {err.msg.partition(': line')[0]}"
            raise UnreadableError(message) from None
        consent = said.get("consent") if isinstance(said, dict) else None
        events = said.get("events", [said]) if isinstance(said, dict) else said
        if not isinstance(events, list):
            raise UnreadableError('neither an event, nor a list of events, nor {"events": [...]}')
        for number, event in enumerate(events, 1):
            if isinstance(event, dict) and consent is not None and "events" in said:
                event.setdefault("consent", consent)
            yield self._row("event", number, event)

    def _csv(self, first: str) -> Iterator[Row]:
        csv.field_size_limit(_MAX_CELL_CHARS)
        delimiter = max(_DELIMITERS, key=_unquoted(first).count)
        header = _header(first, delimiter)
        reader = csv.reader(self._lines(), delimiter=delimiter, strict=True)
        while True:
            number = self._number + 1
            try:
                cells = next(reader, None)
            except csv.Error:
                yield Row(unit="line", number=number, error="not CSV: a quote that does not fit")
                continue
            if cells is None:
                return
            if any(cells):
                said = _nested(header, cells)
                yield (
                    self._row("line", number, said)
                    if isinstance(said, dict)
                    else Row(unit="line", number=number, error=said)
                )

    def _row(self, unit: Literal["line", "event"], number: int, said: Any) -> Row:
        if not isinstance(said, dict):
            error = "not JSON" if said is _BROKEN else "an object expected"
            return Row(unit=unit, number=number, error=error)
        # It tells when a message left. This one leaves now: an old value would move its timestamp by its age.
        said.pop("sent_at", None)
        if len(orjson.dumps(said)) > MAX_EVENT_BYTES:
            return Row(unit=unit, number=number, error=f"larger than {MAX_EVENT_BYTES} bytes")
        return Row(unit=unit, number=number, event=self._namer.named(said))


class _Namer:
    """Gives an event an id of its own when it has none, so that sending a file again sends nothing twice.

    The id is a digest of what the row says and of how many equal rows came before it: neither the order of the
    file, nor of its columns, nor rows that were added change it, and two equal rows stay two events. An order is
    known by its transaction id and needs none. Memory: some 70 bytes for each row without an id.
    """

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._repeats: dict[int, int] = {}

    def named(self, event: dict[str, Any]) -> dict[str, Any]:
        if event.get("event_id") not in (None, ""):
            return event
        if event.get("event") in ORDER_EVENTS and event.get("transaction_id") not in (None, ""):
            return event
        said = {key: value for key, value in event.items() if key != "event_id"}
        digest = hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).digest()
        key = int.from_bytes(digest[:8])
        if key in self._seen:
            self._repeats[key] = before = self._repeats.get(key, 0) + 1
            digest = hashlib.sha256(digest + str(before).encode()).digest()
        self._seen.add(key)
        return {**said, "event_id": f"file-{digest[:16].hex()}"}


_BROKEN: Final = object()


def _json(line: str) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return _BROKEN


def _is_event(line: str) -> bool:
    """Say whether a first line is an event by itself: then each line is one."""
    said = _json(line)
    return isinstance(said, dict) and "events" not in said


def _unquoted(line: str) -> str:
    return "".join(line.split('"')[::2])


def _header(line: str, delimiter: str) -> list[tuple[str, ...]]:
    """Read the names of the columns; a dot goes one level down."""
    try:
        names = [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, strict=True))]
    except csv.Error:
        raise UnreadableError("the header is not CSV: a quote that does not fit") from None
    paths = [tuple(name.split(".")) if name else () for name in names]
    known = {path for path in paths if path}
    if len(known) < sum(map(bool, paths)):
        raise UnreadableError("the header names a column twice")
    if any(not part for path in known for part in path):
        raise UnreadableError("a column's name begins, ends or goes on with a dot alone")
    if any(path[:length] in known for path in known for length in range(1, len(path))):
        raise UnreadableError("a column stands beside columns of its parts (user beside user.email)")
    if ("event",) not in known:
        raise UnreadableError("no column is called event; the first line has to name the columns")
    return paths


def _nested(header: list[tuple[str, ...]], cells: list[str]) -> dict[str, Any] | str:
    """Return a row as an event, or what is wrong with it. An empty cell says nothing."""
    if any(cells[len(header) :]):
        return "more cells than the header has columns"
    event: dict[str, Any] = {}
    for path, cell in zip(header, cells, strict=False):
        if not (text := cell.strip()):
            continue
        if not path:
            return "a cell stands in a column without a name"
        value = _value(path, text)
        if value is _BROKEN:
            return f"{'.'.join(path)}: {'JSON' if path[0] in _AS_JSON else 'true or false'} expected"
        inner = event
        for part in path[:-1]:
            inner = inner.setdefault(part, {})
        inner[path[-1]] = value
    return event


def _value(path: tuple[str, ...], text: str) -> Any:
    if path == ("test",):
        return _BOOLS.get(text.lower(), _BROKEN)
    return _json(text) if len(path) == 1 and path[0] in _AS_JSON else text
