"""The one client of this room: asks a vendor for a script, and believes nothing of what comes back.

Nothing of a visitor gets here: what is asked is made of the configuration alone. No redirect is followed, no proxy
variable read, no cookie kept, nothing read or unpacked beyond a limit; an answer that is not whole is none.
"""

from __future__ import annotations

import asyncio
import gzip
import re
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from typing import Final, TypeAlias

import aiohttp
import msgspec
from aiohttp import hdrs
from multidict import CIMultiDictProxy
from yarl import URL

from gateway.web.body import Unread, inflate

# A visitor may wait for it: a page that got no script in ten seconds has gone on without.
TOTAL_S: Final = 10.0
_CONNECT_S: Final = 3.0
# The largest of the usual scripts unpack to some 500 KiB.
MAX_BYTES: Final = 2 * 1024 * 1024
# One vendor that hangs must not take the others' connections.
_MOST_AT_ONCE: Final = 16
_MOST_OF_ONE_HOST: Final = 4
_MAX_PROOF_CHARS: Final = 256

_SCRIPTS: Final = frozenset(
    {
        "text/javascript", "application/javascript", "application/x-javascript", "text/ecmascript",
        "application/ecmascript", "application/json",
    }
)  # fmt: skip
_CHARSET: Final = re.compile(r";\s*charset\s*=\s*\"?([A-Za-z0-9_.:-]{1,40})\"?", re.IGNORECASE)
_MAX_AGE: Final = re.compile(r"(?:^|,)\s*(s-maxage|max-age)\s*=\s*\"?([0-9]{1,9})\"?\s*(?=,|$)")
_NOT_KEPT: Final = re.compile(r"(?:^|,)\s*no-(?:store|cache)\s*(?=,|$)")

Headers: TypeAlias = CIMultiDictProxy[str]


class Script(msgspec.Struct, frozen=True):
    """A script as it is served, plain and packed. `etag` is ours: the vendor's may be of one of the two alone.

    `proof`: the header that asks whether it is still the newest. `fresh_s`: how long the vendor says that it may be
    kept; None where it does not say.
    """

    kind: str
    plain: bytes
    packed: bytes
    etag: str
    proof: tuple[tuple[str, str], ...] = ()
    fresh_s: int | None = None


class Failed(msgspec.Struct, frozen=True):
    """There is no script. `reason` never holds anything that the vendor wrote."""

    reason: str
    is_late: bool = False


class Upstream:
    """Asks vendors. `total_s` bounds one answer from the first name that is looked up to the last byte."""

    def __init__(self, *, total_s: float = TOTAL_S, max_bytes: int = MAX_BYTES) -> None:
        self._total_s = total_s
        self._max_bytes = max_bytes
        self._session: aiohttp.ClientSession | None = None

    async def fetch(self, url: URL, known: Script | None = None) -> Script | Failed:
        """Ask once, for another script than the known one; never raises for what the network or the vendor does."""
        if self._session is None:
            self._session = self._opened()
        try:
            proof = {} if known is None else dict(known.proof)
            async with self._session.get(url, headers=proof, allow_redirects=False) as answer:
                return await self._read(answer, known if proof else None)
        except TimeoutError:
            return Failed("timeout", is_late=True)
        except (aiohttp.ClientError, OSError) as err:
            return Failed(_reason(err))

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _opened(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=self._total_s, sock_connect=min(_CONNECT_S, self._total_s)),
            connector=aiohttp.TCPConnector(limit=_MOST_AT_ONCE, limit_per_host=_MOST_OF_ONE_HOST, keepalive_timeout=15),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            headers={hdrs.USER_AGENT: f"Tagway/{_version()}", hdrs.ACCEPT: "*/*", hdrs.ACCEPT_ENCODING: "gzip"},
        )

    async def _read(self, answer: aiohttp.ClientResponse, known: Script | None) -> Script | Failed:
        headers = answer.headers
        if answer.status == 304 and known is not None:
            told_s = fresh_s(headers)
            return known if told_s is None else msgspec.structs.replace(known, fresh_s=told_s)
        if answer.status != 200:
            return Failed(f"status_{answer.status}")
        kind = _kind(headers.get(hdrs.CONTENT_TYPE, ""))
        if kind is None:
            return Failed("type")
        coding = headers.get(hdrs.CONTENT_ENCODING, "").strip().lower()
        if coding not in ("", "identity", "gzip", "x-gzip"):
            return Failed("coding")
        is_packed = coding.endswith("gzip")
        # Where only the connection's end marks the script's, one that was cut off looks whole; gzip has a checksum.
        if not is_packed and answer.content_length is None and not _is_chunked(headers):
            return Failed("no_length")
        sent = await _bounded(answer.content, self._max_bytes)
        if sent is None:
            return Failed("too_large")
        # Some 10 ms of work for a large script: a thread's, not that of the loop that answers hits.
        made = await asyncio.to_thread(_made, kind, sent, is_packed, self._max_bytes)
        if isinstance(made, Failed):
            return made
        return msgspec.structs.replace(made, proof=_proof(headers), fresh_s=fresh_s(headers))


def fresh_s(headers: Headers) -> int | None:
    """Return for how many seconds an answer may be kept, or None where it does not say.

    `private` counts for nothing: what is asked is the same for everybody, so nothing in the answer is one visitor's.
    """
    told = ",".join(headers.getall(hdrs.CACHE_CONTROL, [])).lower()
    if _NOT_KEPT.search(told):
        return 0
    ages = {name: int(seconds) for name, seconds in _MAX_AGE.findall(told)}
    most = ages.get("s-maxage", ages.get("max-age"))
    if most is None:
        return None
    age = headers.get(hdrs.AGE, "").strip()
    return max(0, most - (int(age) if age.isascii() and age.isdigit() and len(age) < 10 else 0))


def _kind(said: str) -> str | None:
    """Return a script's content type in plain form; None for anything else, an error's page for example."""
    bare = said.partition(";")[0].strip().lower()
    charset = _CHARSET.search(said)
    if bare not in _SCRIPTS:
        return None
    return bare if charset is None else f"{bare}; charset={charset[1].lower()}"


def _is_chunked(headers: Headers) -> bool:
    return headers.get(hdrs.TRANSFER_ENCODING, "").strip().lower().endswith("chunked")


async def _bounded(stream: aiohttp.StreamReader, max_bytes: int) -> bytes | None:
    """Read to the end, or stop where it is too long; a stream that ends too early raises."""
    read = bytearray()
    while part := await stream.read(64 * 1024):
        read += part
        if len(read) > max_bytes:
            return None
    return bytes(read)


def _made(kind: str, sent: bytes, is_packed: bool, max_bytes: int) -> Script | Failed:
    plain = inflate(sent, max_bytes) if is_packed else sent
    if isinstance(plain, Unread):
        return Failed(plain.value)
    if not plain:
        return Failed("empty")
    # Packed anew: not every browser reads all that a vendor's packer may write.
    return Script(kind, plain, gzip.compress(plain, mtime=0), f'W/"{sha256(plain).hexdigest()[:16]}"')


def _proof(headers: Headers) -> tuple[tuple[str, str], ...]:
    """Return what asks for this script again; a vendor's text is sent back only where it is a plain one."""
    for name, asks in ((hdrs.ETAG, hdrs.IF_NONE_MATCH), (hdrs.LAST_MODIFIED, hdrs.IF_MODIFIED_SINCE)):
        told = headers.get(name, "")
        if told and len(told) <= _MAX_PROOF_CHARS and told.isascii() and told.isprintable():
            return ((str(asks), told),)
    return ()


def _reason(err: BaseException) -> str:
    """Name the fault by its kind: an exception's text may quote what the vendor wrote."""
    return {
        "ClientConnectorDNSError": "dns",
        "ClientConnectorCertificateError": "tls_certificate",
        "ClientConnectorSSLError": "tls",
        "ClientConnectorError": "connect",
        "ClientPayloadError": "cut_off",
        "ClientResponseError": "not_http",
        "ServerDisconnectedError": "disconnected",
        "ClientOSError": "reset",
    }.get(type(err).__name__, type(err).__name__)


def _version() -> str:
    try:
        return version("tagway")
    except PackageNotFoundError:  # run from a source tree that is not installed
        return "0"
