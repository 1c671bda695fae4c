"""`tagway send`: a file of events through the server API, as a shop's backend would send them."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, BinaryIO, Final

import aiohttp
import orjson
import typer
from yarl import URL

from gateway.commands.bookmark import Bookmark, BookmarkError
from gateway.commands.configuration import ConfigPath, settings_of
from gateway.commands.meter import Meter
from gateway.commands.post import Fate, Patience, Post, PostError
from gateway.commands.rows import Row, Rows, UnreadableError
from gateway.commands.running import base_url, run
from gateway.commands.words import counted, fail, shown
from gateway.core.site import Site
from gateway.settings import Settings
from gateway.settings.problems import nearest

_ROWS: Final = 500
# The gateway takes 16 MiB a request; half of it leaves room for whoever counts differently.
_BATCH_BYTES: Final = 8 << 20
_LISTED: Final = 20
_API: Final = "/api/events"
_INTERRUPTED: Final = 130


def send(
    config: ConfigPath,
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="JSON, JSON Lines, or CSV with a header; - is stdin.")],
    site: Annotated[str | None, typer.Option(help="Whose events they are; needed where several have keys.")] = None,
    url: Annotated[str | None, typer.Option(help="The gateway's address, when it is not server.listen.")] = None,
    restart: Annotated[bool, typer.Option("--restart", help="From the beginning, whatever was sent before.")] = False,
) -> None:
    """Send a file of events to the running gateway; sending it again sends nothing twice.

    A broken run goes on where it ended (FILE.tagway remembers). Refused rows are listed in FILE.refused.jsonl, by
    their lines and errors, without their values.
    """
    settings = settings_of(config)
    chosen = _site(settings, site)
    errand = _Errand(site=chosen, target=_target(settings, url))
    path = None if file == "-" else Path(file)
    if path is not None and not path.name:
        fail("FILE: name a file of events, or - for stdin")
    mark = Bookmark(
        path=None if path is None else path.with_name(f"{path.name}.tagway"),
        site=chosen.name,
        target=str(errand.target),
    )
    try:
        if restart:
            mark.remove()
        mark.restore()
        with _opened(path) as stream, _Refusals(path, mark) as refusals, Meter() as meter:
            run(_send(errand, Rows(stream, file), _Share(stream, path), mark, refusals, meter))
    except (UnreadableError, BookmarkError, PostError) as err:
        if isinstance(err, BookmarkError):
            fail(str(err))
        if not mark.rows:
            mark.remove()
        went = f"\n{counted(mark.rows, 'row')} went before that" if mark.rows else ""
        fail((f"{file}: {err}" if isinstance(err, UnreadableError) else str(err)) + went)
    except KeyboardInterrupt:
        fail(f"stopped after {counted(mark.rows, 'row')}; run it again to go on", _INTERRUPTED)
    mark.remove()
    _sum_up(file, path, mark)
    raise typer.Exit(1 if mark.counts["refused"] else 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Errand:
    site: Site
    target: URL
    patience: Patience = Patience()


@dataclass(frozen=True, slots=True)
class _Share:
    """How much of a file was read: none of it is known where it comes through a pipe."""

    stream: BinaryIO
    path: Path | None

    def __call__(self) -> float | None:
        size = 0 if self.path is None else self.path.stat().st_size
        return min(1.0, self.stream.tell() / size) if size else None


class _Refusals:
    """The list of refused rows: a file beside the file, or stderr where there is none."""

    def __init__(self, path: Path | None, mark: Bookmark) -> None:
        self._path = None if path is None else path.with_name(f"{path.name}.refused.jsonl")
        self._mark = mark
        self._listed = 0

    def __enter__(self) -> _Refusals:
        """Forget what a broken run listed beyond its bookmark: those rows are sent again."""
        if self._path is not None and self._path.exists():
            os.truncate(self._path, min(self._mark.refused_bytes, self._path.stat().st_size))
            if not self._mark.refused_bytes:
                self._path.unlink()
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is held open between two batches."""

    def write(self, refused: list[tuple[Row, Fate]], meter: Meter) -> None:
        for row, fate in refused:
            if self._path is None or self._listed < _LISTED:
                meter.said(f"{row.at}: {shown('; '.join(fate.errors) or fate.reason or 'refused')}")
            elif self._listed == _LISTED:
                meter.said("more refused rows are only listed in the file")
            self._listed += 1
        if self._path is None or not refused:
            return
        lines = [{row.unit: row.number, "reason": fate.reason, "errors": fate.errors} for row, fate in refused]
        try:
            with self._path.open("ab") as file:
                file.write(b"".join(orjson.dumps(line) + b"\n" for line in lines))
                file.flush()
                os.fsync(file.fileno())
                self._mark.refused_bytes = file.tell()
        except OSError as err:
            raise BookmarkError(f"{self._path} cannot be written: {err.strerror}") from err


async def _send(errand: _Errand, rows: Rows, share: _Share, mark: Bookmark, refusals: _Refusals, meter: Meter) -> None:
    """Send what is left of the rows, a batch at a time; each is remembered before the next."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), trust_env=False) as session:
        post = Post(session, errand.target, errand.site, said=meter.said, patience=errand.patience)
        mark.write()
        for batch in _batches(_left(rows, mark)):
            said = [orjson.dumps(row.event) for row in batch if row.event is not None]
            fates = iter(await post.deliver(said) if said else ())
            ruled = [(row, _unread(row) if row.event is None else next(fates)) for row in batch]
            refusals.write([(row, fate) for row, fate in ruled if fate.status == "refused"], meter)
            for _, fate in ruled:
                mark.counts[fate.status] += 1
                mark.warnings.update(fate.warnings)
                if fate.status == "refused":
                    mark.reasons[fate.reason or "other"] += 1
            mark.rows += len(batch)
            mark.digest = rows.digest
            mark.write()
            meter.moved(mark.rows, share())
            await asyncio.sleep(0)


def _left(rows: Rows, mark: Bookmark) -> Iterator[Row]:
    """Skip what was sent already, after a look whether it is still the same."""
    sent, number = mark.rows, 0
    for number, row in enumerate(rows, 1):
        if number == sent and rows.digest != mark.digest:
            raise BookmarkError(_changed(mark))
        if number > sent:
            yield row
    if number < sent:
        raise BookmarkError(_changed(mark))


def _changed(mark: Bookmark) -> str:
    return (
        f"the file was changed where it was sent already ({counted(mark.rows, 'row')}); run it with --restart: "
        "rows that are the same are recognised"
    )


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """Put rows together, 500 at most. What cannot be read travels along, so that it keeps its place.

    Never a row ahead: the digest of a batch is the one that the rows have when it is full.
    """
    batch: list[Row] = []
    size = 0
    for row in rows:
        batch.append(row)
        size += 0 if row.event is None else len(orjson.dumps(row.event))
        if len(batch) == _ROWS or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _unread(row: Row) -> Fate:
    return Fate(status="refused", reason="unreadable", errors=(row.error,))


@contextmanager
def _opened(path: Path | None) -> Iterator[BinaryIO]:
    if path is None:
        yield sys.stdin.buffer
        return
    try:
        stream = path.open("rb")
    except OSError as err:
        raise UnreadableError(f"cannot be read: {err.strerror}") from err
    with stream:
        yield stream


def _site(settings: Settings, name: str | None) -> Site:
    keyed = [site for site in settings.sites.values() if site.has_backend]
    if name is None and len(keyed) == 1:
        return keyed[0]
    if name is None:
        names = ", ".join(site.name for site in keyed)
        fail(
            f"say whose events they are with --site: {names}"
            if keyed
            else "no site has api_keys or request_keys; add one"
        )
    site = settings.sites.get(name)
    if site is None:
        meant = nearest(name, settings.sites)
        fail(f"there is no site {shown(name)}" + (f"; did you mean {meant}?" if meant else ""))
    if not site.has_backend:
        fail(f"sites.{name} has no api_keys and no request_keys; add one")
    return site


def _target(settings: Settings, url: str | None) -> URL:
    if url is None:
        return base_url("server.listen", settings.server.listen, "name it with --url").with_path(_API)
    try:
        given = URL(url)
    except ValueError:
        fail("--url: write an address, as in https://t.shop.example")
    if given.scheme not in ("http", "https") or not given.host or given.user or given.query_string:
        fail("--url: write an address, as in https://t.shop.example")
    if given.scheme == "http" and given.host not in ("127.0.0.1", "::1", "localhost"):
        typer.echo("warning: --url is http: the key and the people in the file travel unencrypted", err=True)
    path = given.path.rstrip("/")
    return given.with_path(path if path.endswith(_API) else path + _API)


def _sum_up(file: str, path: Path | None, mark: Bookmark) -> None:
    order = ("accepted", "merged", "duplicate", "late", "refused")
    told = [f"{mark.counts[word]:,} {word}" for word in (*order, *sorted(mark.counts.keys() - set(order)))]
    typer.echo(
        f"{counted(mark.rows, 'row')} of {file}: " + ", ".join(text for text in told if not text.startswith("0 "))
    )
    if mark.reasons:
        typer.echo(
            "refused: " + ", ".join(f"{shown(reason)} {often:,}" for reason, often in mark.reasons.most_common())
        )
        if path is not None:
            typer.echo(f"refused rows are listed in {path}.refused.jsonl")
    for warning, often in mark.warnings.most_common(_LISTED):
        typer.echo(f"warning ({counted(often, 'row')}): {shown(warning)}", err=True)
