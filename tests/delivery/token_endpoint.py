"""A token endpoint for tests: it verifies what it is asked as Google's does, with the public key."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

SCOPE = "https://www.googleapis.com/auth/datamanager"
ROBOT = "gateway@shop.iam.gserviceaccount.com"
NOW_S = 1_795_305_600.0


@dataclass(slots=True)
class Endpoint:
    """Judges every form it gets, and answers with a token of its own number unless told otherwise."""

    public_key: rsa.RSAPublicKey
    clock_s: float = NOW_S
    life_s: int = 3599
    status: int = 200
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    forms: list[dict[str, str]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    open: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        form = {key: str(value) for key, value in (await request.post()).items()}
        self.forms.append(form)
        if "assertion" in form:
            self._judge(form["assertion"], str(request.url))
        await self.open.wait()
        token = {"access_token": f"token-{len(self.forms)}", "expires_in": self.life_s, "token_type": "Bearer"}
        body = json.dumps(token).encode() if self.body is None else self.body
        return web.Response(status=self.status, body=body, content_type="application/json", headers=self.headers)

    async def answer_of_machine(self, request: web.Request) -> web.StreamResponse:
        """Answer as the metadata server of a machine does: only who shows the flavour is let in, and sees it too."""
        flavor = {"Metadata-Flavor": "Google"}
        self.forms.append({key: str(value) for key, value in request.query.items()})
        if request.headers.get("Metadata-Flavor") != "Google":
            self.wrong.append("Metadata-Flavor")
            return web.Response(status=403)
        if "X-Forwarded-For" in request.headers or request.query.get("scopes") != SCOPE:
            self.wrong.append(f"scopes: {dict(request.query)}")
        await self.open.wait()
        token = {"access_token": f"machine-{len(self.forms)}", "expires_in": self.life_s, "token_type": "Bearer"}
        body = json.dumps(token).encode() if self.body is None else self.body
        headers = flavor | self.headers
        return web.Response(status=self.status, body=body, content_type="application/json", headers=headers)

    def _judge(self, assertion: str, url: str) -> None:
        relaxed = {"verify_exp": False, "verify_iat": False, "require": ["iss", "scope", "aud", "iat", "exp"]}
        try:
            claims = jwt.decode(assertion, self.public_key, algorithms=["RS256"], audience=url, options=relaxed)  # type: ignore[arg-type]
        except jwt.InvalidTokenError as err:
            self.wrong.append(repr(err))
            return
        if (claims["iss"], claims["scope"]) != (ROBOT, SCOPE):
            self.wrong.append(f"iss or scope: {claims}")
        if not claims["iat"] <= self.clock_s < claims["exp"] <= claims["iat"] + 3600:
            self.wrong.append(f"iat or exp: {claims}")
        if jwt.get_unverified_header(assertion)["kid"] != "key-1":
            self.wrong.append("kid")


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain).decode()


def key_file_text(key: rsa.RSAPrivateKey, **more: Any) -> str:
    """Write a service account's key file, with some of it replaced."""
    told = {"type": "service_account", "client_email": ROBOT, "private_key_id": "key-1", "private_key": pem(key)}
    return json.dumps({**told, **more})
