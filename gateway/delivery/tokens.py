"""Short-lived bearer tokens: fetched when needed, renewed before they end, asked for once however many wait.

Never enters: which platform a token is for, and what to do while there is none.

Source: developers.google.com/identity/protocols/oauth2/service-account (the signed assertion, RFC 7523) and
…/oauth2/web-server (the refresh token, RFC 6749 section 6), cloud.google.com/compute/docs/metadata (the account of the
machine), read 2026-11-22.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

import aiohttp
import jwt
import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateway.core.adapter import RETRIED_STATUSES, OAuth, Secret

GOOGLE_TOKEN_URI: Final = "https://oauth2.googleapis.com/token"
# Never from the configuration: whoever could write it there would read tokens of the machine's account with our help.
METADATA_HOST: Final = "metadata.google.internal"
# Google's own word for another host, as its client libraries and emulators read it: `host` or `host:port`.
METADATA_VARIABLE: Final = "GCE_METADATA_HOST"
_METADATA_PATH: Final = "/computeMetadata/v1/instance/service-accounts/default/token"
# The server wants to see it, so that no page makes a browser ask; and shows it, so that no proxy passes for it.
_FLAVOR: Final = {"Metadata-Flavor": "Google"}
# Google signs for an hour; five minutes of it are left for a request that waits, or a clock that is behind.
_EARLY_S: Final = 300
# An assertion may live an hour at most, counted from `iat`, which is set back for a clock that is ahead.
_ASSERTION_S: Final = 3600
_SKEW_S: Final = 10
# When renewal fails while the old token is good, ask again this much later and not with every request.
_RENEW_AGAIN_S: Final = 30
_MAX_ANSWER_BYTES: Final = 65_536
_MAX_KEY_FILE_BYTES: Final = 65_536
_JWT_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_ERROR: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
# RFC 6750: what may stand behind "Bearer ".
_TOKEN: Final = re.compile(r"[A-Za-z0-9\-._~+/]+=*")
# Codes of RFC 6749 and of Google that pass by themselves, whatever status they come with.
_PASSING: Final = frozenset({"internal_failure", "rate_limit_exceeded", "server_error", "temporarily_unavailable"})

Clock: TypeAlias = Callable[[], float]


class TokenRefused(Exception):
    """There will be no token until a person acts: the key, the grant or the configuration is wrong.

    `reason` is a code (`invalid_grant`, `key_file_missing`, …), never a text of the other side.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TokenUnavailable(Exception):
    """There is no token now; ask again later. `reason` is a code, as in TokenRefused."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class _Key:
    """A service account's key file, read. `token_uri` None: the file names none."""

    key: RSAPrivateKey = field(repr=False)
    key_id: str | None
    issuer: str
    token_uri: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Token:
    secret: Secret
    renew_at_s: float
    ends_at_s: float


_Fetched: TypeAlias = "_Token | TokenRefused | TokenUnavailable"


@dataclass(slots=True)
class _Slot:
    """What is known of one credential. `pending` is set while somebody asks; it brings None when he was cancelled."""

    token: _Token | None = None
    renew_at_s: float = 0
    key: _Key | None = None
    pending: asyncio.Future[_Fetched | None] | None = None


class Tokens:
    """Hand out bearer tokens, one fetch at a time for each credential.

    Units:  `clock` gives seconds since 1970; `timeout_s` is for one fetch, to its last byte.
    """

    def __init__(self, session: aiohttp.ClientSession, *, clock: Clock = time.time, timeout_s: float = 10) -> None:
        self._session = session
        self._clock = clock
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._slots: dict[OAuth, _Slot] = {}

    async def bearer(self, oauth: OAuth) -> Secret:
        """Return a token that is good for a while.

        Errors: raises TokenRefused or TokenUnavailable; all who wait for one fetch get its error.
        """
        slot = self._slots.setdefault(oauth, _Slot())
        while True:
            now_s = self._clock()
            good = slot.token if slot.token is not None and now_s < slot.token.ends_at_s else None
            if good is not None and (now_s < slot.renew_at_s or slot.pending is not None):
                return good.secret
            # Waiting is shielded: one impatient caller must not cancel the answer of all the others.
            fetched = await (self._fetch(oauth, slot) if slot.pending is None else asyncio.shield(slot.pending))
            if isinstance(fetched, _Token):
                return fetched.secret
            if isinstance(fetched, TokenUnavailable) and good is not None and self._clock() < good.ends_at_s:
                slot.renew_at_s = self._clock() + _RENEW_AGAIN_S
                return good.secret
            if fetched is not None:
                raise type(fetched)(fetched.reason)

    def drop(self, oauth: OAuth, refused: Secret | None = None) -> None:
        """Forget the token that the platform answered 401 to; None forgets whichever there is.

        Where several requests were under way with `refused`, only the first answer forgets: by the second there may
        be a new one.
        """
        slot = self._slots.get(oauth)
        if slot is not None and slot.token is not None and refused in (None, slot.token.secret):
            slot.token = None

    async def _fetch(self, oauth: OAuth, slot: _Slot) -> _Fetched:
        """Ask for a token on behalf of everybody who wants this one now."""
        pending: asyncio.Future[_Fetched | None] = asyncio.get_running_loop().create_future()
        slot.pending = pending
        fetched: _Fetched | None = None
        try:
            fetched = await self._asked(oauth, slot)
        except (TokenRefused, TokenUnavailable) as err:
            fetched = err
        finally:
            slot.pending = None
            pending.set_result(fetched)
        if isinstance(fetched, _Token):
            slot.token, slot.renew_at_s = fetched, fetched.renew_at_s
        elif isinstance(fetched, TokenRefused):
            slot.token, slot.key = None, None  # a repaired key file is read again
        return fetched

    async def _asked(self, oauth: OAuth, slot: _Slot) -> _Token:
        if oauth.kind == "metadata":
            return await self._of_machine(oauth)
        if oauth.kind == "service_account":
            if slot.key is None:
                slot.key = await asyncio.to_thread(_load, oauth.file)
            uri = slot.key.token_uri or oauth.token_uri or GOOGLE_TOKEN_URI
            form = {"grant_type": _JWT_GRANT, "assertion": _assertion(slot.key, oauth, uri, self._clock())}
        elif oauth.client_id and oauth.client_secret and oauth.refresh_token:
            uri = oauth.token_uri or GOOGLE_TOKEN_URI
            form = {
                "grant_type": "refresh_token",
                "client_id": oauth.client_id,
                "client_secret": oauth.client_secret.reveal(),
                "refresh_token": oauth.refresh_token.reveal(),
            }
        else:
            raise TokenRefused("credentials_incomplete")
        asked_s = self._clock()
        status, body, _ = await self._call("POST", uri, data=form, headers={"Accept": "application/json"})
        return _read(status, body, asked_s)

    async def _of_machine(self, oauth: OAuth) -> _Token:
        """Ask the metadata server, which renews by itself and hands out one token until its last minutes."""
        uri = f"http://{os.environ.get(METADATA_VARIABLE) or METADATA_HOST}{_METADATA_PATH}"
        asked_s = self._clock()
        status, body, flavor = await self._call("GET", uri, params={"scopes": ",".join(oauth.scopes)}, headers=_FLAVOR)
        if flavor != _FLAVOR["Metadata-Flavor"]:
            raise TokenUnavailable("not_a_metadata_server")
        if status == 404:
            raise TokenRefused("machine_has_no_account")
        return _read(status, body, asked_s)

    async def _call(self, method: str, uri: str, **told: Any) -> tuple[int, bytes, str]:
        """Make a call; returns status, body and flavour. It is not followed elsewhere, and its answer is cut."""
        body = bytearray()
        try:
            async with self._session.request(
                method, uri, timeout=self._timeout, allow_redirects=False, **told
            ) as answer:
                async for chunk in answer.content.iter_chunked(8192):
                    body += chunk
                    if len(body) > _MAX_ANSWER_BYTES:
                        raise TokenUnavailable("answer_too_large")
                return answer.status, bytes(body), answer.headers.get("Metadata-Flavor", "")
        except TimeoutError as err:
            raise TokenUnavailable("timeout") from err
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as err:
            raise TokenRefused("token_uri_invalid") from err
        except (aiohttp.ClientError, OSError) as err:
            raise TokenUnavailable("connection") from err


def _assertion(key: _Key, oauth: OAuth, uri: str, now_s: float) -> str:
    issued_s = int(now_s) - _SKEW_S
    claims = {
        "iss": key.issuer,
        "scope": " ".join(oauth.scopes),
        "aud": uri,
        "iat": issued_s,
        "exp": issued_s + _ASSERTION_S,
    }
    headers = {"kid": key.key_id} if key.key_id else None
    return jwt.encode(claims, key.key, algorithm="RS256", headers=headers)


def _read(status: int, body: bytes, asked_s: float) -> _Token:
    """Read the endpoint's answer: a token, or a code that says who has to act."""
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        told = None
    told = told if isinstance(told, dict) else {}
    if status == 200:
        token, life_s = told.get("access_token"), told.get("expires_in")
        if not isinstance(token, str) or not _TOKEN.fullmatch(token) or type(life_s) is not int or life_s <= 0:
            raise TokenUnavailable("answer_unreadable")
        return _Token(
            secret=Secret(token),
            renew_at_s=asked_s + max(life_s - _EARLY_S, life_s / 2),
            ends_at_s=asked_s + life_s,
        )
    error = told.get("error")
    code = error if isinstance(error, str) and _ERROR.fullmatch(error) else ""
    reason = code or f"http_{status}"
    if status in RETRIED_STATUSES or status >= 500 or code in _PASSING or 200 <= status < 300:
        raise TokenUnavailable(reason)
    raise TokenRefused(reason)


def key_fault(file: str) -> str | None:
    """Say by its code why a key file cannot be used, without asking anybody; None: it can."""
    try:
        _load(file)
    except TokenRefused as err:
        return err.reason
    return None


def _load(file: str | None) -> _Key:
    """Read a key file; slow (43 ms for RSA-2048), so it runs in a thread and once. Never repeats what it read."""
    if not file:
        raise TokenRefused("credentials_incomplete")
    try:
        with Path(file).open("rb") as opened:
            raw = opened.read(_MAX_KEY_FILE_BYTES + 1)
    except FileNotFoundError as err:
        raise TokenRefused("key_file_missing") from err
    except OSError as err:
        raise TokenRefused("key_file_unreadable") from err
    if len(raw) > _MAX_KEY_FILE_BYTES:
        raise TokenRefused("key_file_too_large")
    try:
        told = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise TokenRefused("key_file_not_json") from None  # the parser's error carries the whole file
    if not isinstance(told, dict) or told.get("type") != "service_account":
        raise TokenRefused("key_file_of_another_kind")
    issuer, pem, uri = told.get("client_email"), told.get("private_key"), told.get("token_uri")
    if not isinstance(issuer, str) or not isinstance(pem, str):
        raise TokenRefused("key_file_incomplete")
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise TokenRefused("key_unreadable") from None
    if not isinstance(key, RSAPrivateKey):
        raise TokenRefused("key_not_rsa")
    key_id = told.get("private_key_id")
    return _Key(
        key=key,
        key_id=key_id if isinstance(key_id, str) else None,
        issuer=issuer,
        token_uri=uri if isinstance(uri, str) and uri else None,
    )
