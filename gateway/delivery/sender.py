"""The only file that opens a connection to a platform, and the only one that opens a Secret.

One session a destination, so that a hanging platform exhausts nobody else's connections. No redirect is followed
(a 307 would carry body and token elsewhere), no proxy variable is read, no cookie kept, no answer read beyond 64 KiB.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import aiohttp
import structlog
from yarl import URL

from gateway.core.adapter import Auth, Header, OAuth, OAuth1, Request, Response, Secret, Signature
from gateway.core.site import Destination
from gateway.core.spelled import spell
from gateway.core.warrant import warrant
from gateway.delivery.oauth1 import authorization
from gateway.delivery.tokens import TokenRefused, Tokens, TokenUnavailable

log = structlog.get_logger()

# Meta suggests 1.5 s and answers most calls in 0.6 s; a batch of a thousand may take longer.
TOTAL_S: Final = 10.0
CONNECT_S: Final = 3.0
LONGEST_ANSWER: Final = 65_536
USER_AGENT: Final = "tagway"
# No header holds them: control characters (a tab it may), and halves of a character, which no encoding has.
_UNSENDABLE: Final = re.compile("[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """The platform said nothing that can be read. `maybe`: it may have taken the events all the same."""

    reason: str
    maybe: bool


@dataclass(frozen=True, slots=True)
class NoToken:
    """Nothing was sent: we could not authenticate, or the adapter asked for what its manifest does not name.

    `refused`: a human must act; else the token endpoint is only away.
    """

    reason: str
    refused: bool


def may_have_arrived(answer: Response | NoAnswer | NoToken) -> bool:
    """Say whether the platform may have taken a request that it did not confirm."""
    match answer:
        case Response():
            return True
        case NoAnswer(maybe=maybe):
            return maybe
        case NoToken():
            return False


class Sender:
    """Sends one destination's requests. Use `open` and `close`, or as an async context manager."""

    def __init__(self, destination: Destination, *, now_ms: Callable[[], int]) -> None:
        self._destination = destination
        self._now_ms = now_ms
        self._warrant = warrant(destination.adapter, destination.endpoint)
        self._origins = frozenset(map(_origin, self._warrant.bases))
        self._session: aiohttp.ClientSession | None = None
        self._tokens: Tokens | None = None

    async def open(self) -> None:
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=TOTAL_S, connect=CONNECT_S),
            connector=aiohttp.TCPConnector(limit=64, limit_per_host=32, ttl_dns_cache=10, keepalive_timeout=15),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            headers={"User-Agent": USER_AGENT},
        )
        self._tokens = Tokens(self._session)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def __aenter__(self) -> Sender:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def send(self, request: Request) -> Response | NoAnswer | NoToken:
        """Make one call; never raises for what the network or the platform does."""
        assert self._session is not None, "Sender.open() comes first"
        body = (request.text or "").encode() if request.json is None else spell(request.json)
        auth = self._destination.adapter.auth
        trespass = self._trespass(auth, request)
        if trespass is not None:
            return trespass
        try:
            proof = await self._authenticate(auth, request, body)
        except TokenRefused as err:
            return NoToken(str(err), refused=True)
        except TokenUnavailable as err:
            return NoToken(str(err), refused=False)
        if any(map(_UNSENDABLE.search, proof.values())):
            # The HTTP library raises for it, and every event would pay for one line break in a token.
            return NoToken("credentials_unsendable", refused=True)
        answer = await self._call(request, body, {"Content-Type": "application/json", **request.headers, **proof})
        if isinstance(auth, OAuth) and isinstance(answer, Response) and answer.status == 401 and self._tokens:
            # Name the token that was refused: a newer one, fetched meanwhile, must stay.
            self._tokens.drop(auth, Secret(proof["Authorization"].removeprefix("Bearer ")))
        return answer

    def _trespass(self, auth: Auth | None, request: Request) -> NoToken | None:
        """Say what the adapter wants beyond its manifest, before a secret is opened or a name is looked up.

        The address is read by the parser that calls it: a path that moves the host is seen as it would be called.
        """
        asked = [self._destination.base_url + request.path]
        if isinstance(auth, OAuth) and auth.token_uri is not None:
            asked.append(auth.token_uri)
        origins = [_origin(place) for place in asked]
        if any(origin is None or origin not in self._origins for origin in origins):
            return self._overstepped("host", [origin[1] for origin in origins if origin is not None])
        return None if self._warrant.opens(auth, request) else self._overstepped("secret", [])

    def _overstepped(self, what: str, hosts: list[str | None]) -> NoToken:
        log.error("adapter.overstepped", destination=self._destination.name, what=what, hosts=hosts)
        return NoToken(f"undeclared_{what}", refused=True)

    async def _call(self, request: Request, body: bytes, headers: dict[str, str]) -> Response | NoAnswer:
        assert self._session is not None
        url = self._destination.base_url + request.path
        try:
            async with self._session.request(
                request.method, url, params=_opened(request), data=body, headers=headers, allow_redirects=False
            ) as response:
                content = await _read(response.content)
                told = {name.lower(): value for name, value in response.headers.items()}
                return Response(status=response.status, headers=told, body=content)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as err:
            return NoAnswer(_reason(err), maybe=False)
        except (aiohttp.ClientError, TimeoutError, OSError) as err:
            return NoAnswer(_reason(err), maybe=True)

    async def _authenticate(self, auth: Auth | None, request: Request, body: bytes) -> dict[str, str]:
        match auth:
            case None:
                return {}
            case Header(name=name, secret=secret, prefix=prefix):
                return {name: prefix + secret.reveal()}
            case Signature(name=name, secret=secret):
                return {name: sign(body, secret.reveal(), self._now_ms() // 1_000)}
            case OAuth1():
                url, query = self._destination.base_url + request.path, _opened(request)
                at_s, nonce = self._now_ms() // 1_000, secrets.token_hex(16)
                return {"Authorization": authorization(auth, request.method, url, query, at_s=at_s, nonce=nonce)}
            case OAuth():
                assert self._tokens is not None
                return {"Authorization": f"Bearer {(await self._tokens.bearer(auth)).reveal()}"}


def _origin(place: str) -> tuple[str, str | None, int | None] | None:
    """Return scheme, host and port, or None where the text is no address."""
    try:
        url = URL(place)
        return url.scheme, url.host, url.port
    except ValueError:
        return None


def _opened(request: Request) -> dict[str, str]:
    """Return the query with its secrets readable, for the call itself and for what signs it."""
    return {name: told.reveal() if isinstance(told, Secret) else told for name, told in request.query.items()}


async def _read(stream: aiohttp.StreamReader) -> bytes:
    """Read an answer up to the limit; what is longer is cut, and no platform confirms beyond it."""
    parts, size = [], 0
    while size < LONGEST_ANSWER:
        part = await stream.read(LONGEST_ANSWER - size)
        if not part:
            break
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def sign(body: bytes, key: str, at_s: int) -> str:
    """Sign a body as `t=<unix s>,v1=<hex HMAC-SHA256 of "t.body">`, so that a receiver can refuse old copies."""
    digest = hmac.new(key.encode(), f"{at_s}.".encode() + body, "sha256").hexdigest()
    return f"t={at_s},v1={digest}"


def _reason(err: BaseException) -> str:
    """Name the fault by its kind: an exception's text may hold the address and, with it, a token."""
    return {
        "ClientConnectorDNSError": "dns",
        "ClientConnectorCertificateError": "tls_certificate",
        "ClientConnectorSSLError": "tls",
        "ClientConnectorError": "connect",
        "ConnectionTimeoutError": "connect_timeout",
        "TimeoutError": "timeout",
        "ServerTimeoutError": "timeout",
        "ServerDisconnectedError": "disconnected",
        "ClientOSError": "reset",
    }.get(type(err).__name__, type(err).__name__)
