from __future__ import annotations

from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from gateway.sandbox.call import Object, Ruled
from gateway.sandbox.google_token import SCOPE, DemoKey, Tokens, judge_token
from gateway.sandbox.terms import Terms
from tests.sandbox.words import NOW_S, asked

FORM = "application/x-www-form-urlencoded"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
URI = "http://127.0.0.1:1/google/token"


@pytest.fixture(scope="module")
def key() -> DemoKey:
    made = DemoKey()
    made.file(URI)
    return made


def assertion(key: DemoKey, pem: str | None = None, **claims: Any) -> str:
    held = key.file(URI)
    told = {
        "iss": held["client_email"], "scope": SCOPE, "aud": URI, "iat": int(NOW_S) - 10, "exp": int(NOW_S) + 3_590,
        **claims,
    }  # fmt: skip
    return jwt.encode(told, pem or str(held["private_key"]), "RS256", {"kid": str(held["private_key_id"])})


def ask(key: DemoKey, form: Object, kind: str = FORM) -> Ruled:
    return judge_token(asked(form, headers={"Content-Type": kind}), Terms(), key, Tokens())


def error_of(ruled: Ruled) -> object:
    assert isinstance(ruled.body, dict)
    return ruled.body.get("error")


def test_signed_assertion_gets_a_token_for_its_scope(key: DemoKey) -> None:
    tokens = Tokens()
    form = {"grant_type": GRANT, "assertion": assertion(key)}

    ruled = judge_token(asked(form, headers={"Content-Type": FORM}), Terms(), key, tokens)

    assert isinstance(ruled.body, dict)
    token = str(ruled.body["access_token"])
    assert (ruled.body["token_type"], ruled.body["expires_in"]) == ("Bearer", 3_599)
    assert tokens.scope(token, NOW_S) is None
    assert ruled.after is not None
    ruled.after()
    assert (tokens.scope(token, NOW_S), tokens.scope(token, NOW_S + 3_600)) == (SCOPE, None)


@pytest.mark.parametrize(
    ("claims", "error"),
    [
        ({"aud": "https://elsewhere.example/token"}, "invalid_grant"),
        ({"iss": "nobody"}, "invalid_grant"),
        ({"iss": "other@x.example"}, "invalid_grant"),
        ({"exp": int(NOW_S) + 3_700}, "invalid_grant"),
        ({"exp": int(NOW_S) - 1}, "invalid_grant"),
        ({"iat": int(NOW_S) + 400, "exp": int(NOW_S) + 500}, "invalid_grant"),
        ({"scope": ""}, "invalid_scope"),
    ],
)
def test_wrong_claim_is_refused(key: DemoKey, claims: Object, error: str) -> None:
    ruled = ask(key, {"grant_type": GRANT, "assertion": assertion(key, None, **claims)})

    assert (ruled.status, error_of(ruled)) == (400, error)


def test_signature_of_another_key_is_refused(key: DemoKey) -> None:
    other = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    pem = other.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()

    ruled = ask(key, {"grant_type": GRANT, "assertion": assertion(key, pem=pem)})

    assert error_of(ruled) == "invalid_grant"


@pytest.mark.parametrize("said", ["", "a.b", "a.b.c", "!!.!!.!!", "W10.W10.W10"])
def test_unreadable_assertion_is_refused(key: DemoKey, said: str) -> None:
    assert error_of(ask(key, {"grant_type": GRANT, "assertion": said})) == "invalid_grant"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({}, None),
        ({"refresh_token": "other"}, "invalid_grant"),
        ({"client_secret": ""}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
def test_refresh_token_is_checked(key: DemoKey, change: Object, error: str | None) -> None:
    form: Object = {
        "grant_type": "refresh_token", "client_id": "a", "client_secret": "b", "refresh_token": "sandbox-refresh-token"
    }  # fmt: skip

    assert error_of(ask(key, {**form, **change})) == error


def test_json_is_no_form(key: DemoKey) -> None:
    assert error_of(ask(key, {"grant_type": GRANT}, "application/json")) == "invalid_request"


def test_key_file_is_the_same_key_each_time(key: DemoKey) -> None:
    first, second = key.file(URI), key.file("http://127.0.0.1:2/google/token")

    assert first["private_key"] == second["private_key"]
    assert (first["type"], first["token_uri"]) == ("service_account", URI)
