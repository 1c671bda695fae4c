"""Google's OAuth token endpoint: signed assertions and refresh tokens in, access tokens out.

Source: developers.google.com/identity/protocols/oauth2/service-account and RFC 6749 / 7523, read 2026-11-22.
Never enters: a key on disk; the demo key lives and dies with the process.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from gateway.sandbox.call import Asked, Object, Ruled, as_object
from gateway.sandbox.checks import is_one_of
from gateway.sandbox.terms import Terms

SCOPE: Final = "https://www.googleapis.com/auth/datamanager"
LIFE_S: Final = 3_599
_JWT_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_REAL_URI: Final = "https://oauth2.googleapis.com/token"
_MAX_ASSERTION_S: Final = 3_600
# Google allows clocks some minutes; a client an hour off is refused.
_SKEW_S: Final = 300
_MAX_TOKENS: Final = 1_000
_EMAIL: Final = "tagway-demo@tagway-sandbox.iam.gserviceaccount.com"


class DemoKey:
    """Hold the one service-account key that the sandbox hands out and can verify."""

    def __init__(self) -> None:
        self._key: rsa.RSAPrivateKey | None = None
        self.key_id = secrets.token_hex(20)

    def file(self, token_uri: str) -> Object:
        """Give the key as the JSON file a Cloud console would let you download."""
        if self._key is None:
            self._key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
        pem = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return {
            "type": "service_account", "project_id": "tagway-sandbox", "private_key_id": self.key_id,
            "private_key": pem.decode(), "client_email": _EMAIL, "client_id": "100000000000000000001",
            "auth_uri": "https://accounts.google.com/o/oauth2/auth", "token_uri": token_uri,
        }  # fmt: skip

    def knows(self, issuer: object, key_id: object) -> bool:
        """Tell whether a signature claims to be by this key."""
        return self._key is not None and (issuer == _EMAIL or key_id == self.key_id)

    def signed(self, message: bytes, signature: bytes) -> bool:
        """Tell whether this key made the signature."""
        if self._key is None:
            return False
        try:
            self._key.public_key().verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return False
        return True


class Tokens:
    """Remember the access tokens handed out: their scope and their end."""

    def __init__(self) -> None:
        self._given: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def mint(self, scope: str, now_s: float) -> tuple[str, Callable[[], None]]:
        """Make a token and the act that puts it in force; an answer that never leaves gives nobody a token."""
        token = "ya29.sandbox-" + secrets.token_urlsafe(24)

        def give() -> None:
            self._given[token] = (scope, now_s + LIFE_S)
            if len(self._given) > _MAX_TOKENS:
                self._given.popitem(last=False)

        return token, give

    def scope(self, token: str | None, now_s: float) -> str | None:
        """Name the scope of a live token, None for any other."""
        scope, until_s = self._given.get(token or "", ("", 0.0))
        return scope if now_s < until_s else None

    def revoke(self) -> None:
        """End every token handed out so far."""
        self._given.clear()


def judge_token(asked: Asked, terms: Terms, key: DemoKey, tokens: Tokens) -> Ruled:
    """Rule on one request for an access token."""
    form = as_object(asked.body)
    kind = asked.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if form is None or kind != "application/x-www-form-urlencoded":
        return _error("invalid_request", "the parameters belong into a urlencoded form")
    grant = form.get("grant_type")
    if grant == "refresh_token":
        missing = [name for name in ("client_id", "client_secret", "refresh_token") if not form.get(name)]
        if missing:
            return _error("invalid_request", f"missing: {', '.join(missing)}")
        if not is_one_of(form["refresh_token"], terms.google_refresh_tokens):
            return _error("invalid_grant", "the token has expired or was revoked")
        return _granted(SCOPE, asked.at_s, tokens)
    if grant != _JWT_GRANT:
        return _error("unsupported_grant_type", "jwt-bearer and refresh_token are served")
    claims = _claims(str(form.get("assertion", "")), key)
    if isinstance(claims, str):
        return _error("invalid_grant", claims)
    wrong = _wrong_claim(claims, asked)
    if wrong is not None:
        return _error("invalid_scope" if wrong.startswith("scope") else "invalid_grant", wrong)
    return _granted(str(claims["scope"]), asked.at_s, tokens)


def _claims(assertion: str, key: DemoKey) -> Object | str:
    parts = assertion.split(".")
    if len(parts) != 3 or not all(parts):
        return "an assertion has three parts"
    try:
        head, claims = (as_object(orjson.loads(_unpack(part))) for part in parts[:2])
        signature = _unpack(parts[2])
    except (orjson.JSONDecodeError, binascii.Error, ValueError):
        return "the assertion cannot be decoded"
    if head is None or claims is None or head.get("alg") != "RS256" or head.get("typ", "JWT") != "JWT":
        return "a JWT signed with RS256 is expected"
    if key.knows(claims.get("iss"), head.get("kid")):
        if not key.signed(".".join(parts[:2]).encode(), signature):
            return "the signature does not hold"
        if claims.get("iss") != _EMAIL:
            return "the key belongs to another account"
    return claims


def _wrong_claim(claims: Object, asked: Asked) -> str | None:
    issuer, scope, audience = claims.get("iss"), claims.get("scope"), claims.get("aud")
    issued_s, until_s = claims.get("iat"), claims.get("exp")
    if not isinstance(issuer, str) or "@" not in issuer:
        return "iss: a service account's address is expected"
    if not isinstance(scope, str) or not scope.split():
        return "scope: required"
    if audience not in (asked.url, _REAL_URI):
        return "aud: the token endpoint's own address is expected"
    if not isinstance(issued_s, int) or not isinstance(until_s, int):
        return "iat and exp: whole seconds are expected"
    if until_s - issued_s > _MAX_ASSERTION_S:
        return "exp: an hour after iat at most"
    if issued_s > asked.at_s + _SKEW_S or until_s < asked.at_s:
        return "iat and exp: not within a reasonable time"
    return None


def _granted(scope: str, now_s: float, tokens: Tokens) -> Ruled:
    token, give = tokens.mint(scope, now_s)
    body = {"access_token": token, "expires_in": LIFE_S, "token_type": "Bearer", "scope": scope}
    return Ruled(status=200, body=body, code="ok", after=give)


def _error(word: str, why: str) -> Ruled:
    return Ruled(status=400, body={"error": word, "error_description": why}, code=word)


def _unpack(part: str) -> bytes:
    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
